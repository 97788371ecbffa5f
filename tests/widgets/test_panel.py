"""The foundation: what is shown, what is done, what happens while it is done."""

from __future__ import annotations

import threading

import pytest

from pf_jupyter.errors import NotFound, Refused, UsageError
from pf_jupyter.widgets import open_panel
from pf_jupyter.widgets.assets import module, style
from pf_jupyter.widgets.elements import Element, h, text_of
from pf_jupyter.widgets.icons import NAMES, icon
from pf_jupyter.widgets.panel import Panel
from pf_jupyter.widgets.parts import button, choice, field, form, page, submit, text
from pf_jupyter.widgets.shown import empty, loading, log, source, table, tabs

from .driver import Driver, read


class Names(Panel):
    """A panel that asks for names, and keeps those that are added."""

    def begin(self):
        self.names = None
        self.work("names", self.workspace, self.know)

    def know(self, names):
        self.names = list(names)

    def view(self) -> Element:
        if self.names is None and self.trouble is None:
            return page("Names", loading("Asking for names"))
        return page(
            "Names",
            table(["name"], [[n] for n in self.names or ()])
            if self.names
            else empty("list", "No names", "Add the first."),
            form(field("name", "New name"), submit("Add", icon="add"), do="add"),
            actions=[
                button("Reload", "reload", busy=self.working("names")),
                button("Clear", "clear", confirm="Clear all?"),
                button("Break", "break"),
                button("Refused", "refuse"),
                button("Locked", "clear", reason="you are a Reader"),
            ],
        )

    def do_add(self, name: str):
        if not name:
            raise UsageError("a name is needed", code="bad_value", hint="type one")
        self.names.append(name)

    def do_reload(self):
        self.begin()

    def do_clear(self):
        self.names = []

    def do_break(self):
        self.work("break", lambda: 1 / 0)

    def do_refuse(self):
        self.work("refuse", self._refuse)

    def _refuse(self):
        raise Refused("ana may not add names", hint="ask bo")


def test_nothing_blocks_and_the_view_says_what_goes_on():
    go = threading.Event()

    def slow():
        assert go.wait(60)
        return ["ada"]

    panel = Names(slow)
    driver = Driver(panel)
    assert "Asking for names" in driver.text
    go.set()
    driver.until_text("ada").settle()
    assert not panel.working("names")


def test_a_form_gives_its_values_and_errors_say_the_way_out():
    driver = Driver(Names(list)).settle()
    assert "No names" in driver.text
    driver.click("Add")
    assert "a name is needed bad_value What to do: type one" in driver.text
    driver.click("Dismiss")
    assert "a name is needed" not in driver.text
    driver.fill("New name", "grace").click("Add")
    assert driver.text.count("grace") == 1


def test_a_defect_and_a_refusal_are_shown_as_what_they_are():
    driver = Driver(Names(list)).settle()
    driver.click("Break").settle()
    assert "ZeroDivisionError" in driver.text
    assert "a defect of pf_jupyter" in driver.text
    driver.click("Refused").settle()
    assert "ana may not add names What to do: ask bo" in driver.text
    assert "ZeroDivisionError" not in driver.text


def test_what_is_not_allowed_says_why_and_cannot_be_pressed():
    driver = Driver(Names(list)).settle()
    assert driver.find("button", "Locked").attributes["title"] == "you are a Reader"
    with pytest.raises(AssertionError, match="you are a Reader"):
        driver.click("Locked")


def test_an_error_in_the_first_question_is_shown():
    def missing():
        raise NotFound("there is no workspace", hint="make one")

    driver = Driver(Names(missing)).settle()
    assert "there is no workspace not_found What to do: make one" in driver.text


def test_a_view_that_cannot_be_drawn_is_a_notice():
    class Broken(Names):
        def view(self):
            raise KeyError("x")

    assert "KeyError" in Driver(Broken(list)).settle().text


def test_unknown_actions_and_unknown_values_are_ignored():
    driver = Driver(Names(list)).settle()
    driver.panel._handle_custom_msg({"do": "nothing"}, [])
    driver.panel._handle_custom_msg({"do": "clear", "args": {"more": 1}}, [])
    driver.panel._handle_custom_msg("no dictionary", [])
    assert driver.panel.trouble is None


def test_outputs_kept_in_files_hold_the_panel_without_a_kernel():
    panel = Names(lambda: ["<ada>"])
    Driver(panel).settle()
    bundle, _ = panel._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}  # nobody looks: no live one
    assert "<ada>" in bundle["text/plain"]
    assert "&lt;ada&gt;" in bundle["text/html"]
    assert "<style>" in bundle["text/html"]
    assert "pf0-" not in bundle["text/html"]
    assert "http" not in bundle["text/html"].replace("http://www.w3.org/2000/svg", "")


def test_messages_leave_from_one_thread_whoever_changes_something():
    panel = Names(lambda: ["ada"])
    senders = set()
    driver = Driver(panel).settle()
    panel.observe(lambda _: senders.add(threading.current_thread().name), "html")
    threads = [
        threading.Thread(target=lambda n=n: panel.act("add", name=f"n{n}"))
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    driver.until(lambda: all(f"<td>n{n}</td>" in panel.html for n in range(20)))
    assert senders <= {"pf_jupyter panels", "MainThread"}


def test_text_is_escaped_wherever_it_stands():
    shown = str(h("p", "<b>", h("i", "&"), title='"<'))
    assert shown == '<p title="&quot;&lt;">&lt;b&gt;<i>&amp;</i></p>'
    assert text_of(shown) == "<b>&"
    assert "\ufffd" in str(text("a\x00b"))
    assert "<script>" not in str(button("<script>", "x", name="</button><script>"))


def test_lists_fields_and_pages_have_names():
    shown = read(
        str(
            page(
                "P",
                tabs("t", [("a", "One", text("1")), ("b", "Two", text("2"))]),
                choice("where", "Where", ["here", ("there", "over there")], "there"),
                log([f"line {n}" for n in range(600)], key="log"),
                source("a = 1\nb =", marks={2: "it ends too soon"}),
            )
        )
    )
    tab = next(n for n in shown.walk() if n.attributes.get("role") == "tab")
    assert tab.attributes["aria-controls"] == "pf0-t-a"
    chosen = [n for n in shown.walk() if "selected" in n.attributes]
    assert [n.attributes["value"] for n in chosen] == ["there"]
    assert "… 100 lines before these" in shown.text
    assert "b = it ends too soon" in shown.text


def test_every_icon_can_be_drawn():
    assert all("<path" in str(icon(name)) for name in NAMES)


def test_the_browser_gets_one_module_that_needs_nothing_else():
    assert "import " not in module().replace("important", "")
    assert module().count("export ") == 1
    assert "export default" in module()
    assert "http" not in module().replace("http://www.w3.org/", "")
    assert "/*" not in style()
    assert "@import" not in style()


def test_an_unknown_panel_names_those_there_are():
    with pytest.raises(UsageError, match="no panel 'nothing'") as caught:
        open_panel(None, "nothing")
    assert "flow" in caught.value.hint
