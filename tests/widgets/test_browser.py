"""Panels in a real browser: what is seen, by whom it can be used, what it costs."""

from __future__ import annotations

import json
import os
import threading

import pytest

from pf_jupyter.widgets import open_panel
from pf_jupyter.widgets.elements import Element
from pf_jupyter.widgets.living import LivingGraph, graph
from pf_jupyter.widgets.panel import Panel
from pf_jupyter.widgets.parts import field, form, page, submit, text
from pf_jupyter.workspace.local import connect

from .everything import Everything
from .stage import Stage, browser, browser_path

pytestmark = pytest.mark.browser
NARROW, WIDE = 320, 1280
IN_DARK = {"everything", "flow", "chat"}  # between them they have every colour
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]


@pytest.fixture(scope="module")
def chromium():
    if browser_path() is None:
        reason = "no Chromium: apt-get install chromium, or set PF_CHROMIUM"
        if os.environ.get("PF_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A real workspace with a runtime in the process engine, shared by this module."""
    workspace = connect(tmp_path_factory.mktemp("home"))
    runtime = workspace.runtimes.create("small", compute="process")
    yield workspace
    runtime.delete()
    workspace.close()


@pytest.fixture
def show(chromium):
    """Put a panel on a page of its own."""
    opened = []

    def shown(panel, width=WIDE, height=800):
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(60_000)
        opened.append(page)
        stage = Stage(page, panel)
        stage.settle()
        return stage

    yield shown
    for one in opened:
        one.close()


class Many(Panel):
    """A graph that is told of things."""

    def begin(self):
        self.chosen = []
        self.count = 0
        self.names = [f"n{i}" for i in range(60)]
        self.living = LivingGraph("g", self.names)
        self.graphs = [self.living]
        boxes = "".join(
            f'<g class="un" data-n="n{i}"><title>n{i}</title><rect class="x" '
            f'x="{i % 10 * 130}" y="{i // 10 * 60}" width="120" height="46"/>'
            f'<text class="n">n{i}</text><text class="d">python</text></g>'
            for i in range(60)
        )
        self.picture = (
            '<svg xmlns="http://www.w3.org/2000/svg" class="pfg" width="1300" '
            f'height="360" viewBox="0 0 1300 360"><title>Flow</title>{boxes}</svg>'
        )

    def view(self) -> Element:
        return page(
            "Many",
            graph(self.living, self.picture),
            form(field("name", "Name"), submit("Save"), do="save"),
            text(f"seen {self.count} times"),
        )

    def do_node(self, node: str):
        self.chosen.append(node)

    def do_save(self, name: str):
        self.chosen.append(name)

    def take(self, event):
        with self.lock:
            self.living.apply(event)
        self.stirred()


def the_graph(stage, expression):
    script = f"(g) => {{ const graph = g.pfGraph; return {expression}; }}"
    return stage.page.locator("[data-part=graph]").evaluate(script)


def test_no_event_is_lost_and_a_frame_does_a_bounded_amount_of_work(show):
    stage = show(Many(None))
    events = [
        {"event": kind, "node": f"n{i % 60}", "duration_ms": float(i)}
        for i in range(1000)
        for kind in ("node_started", "node_completed")
    ]
    worker = threading.Thread(target=lambda: [*map(stage.panel.take, events)])
    worker.start()
    stage.until(lambda: not worker.is_alive())
    last = {f"n{i % 60}": float(i) for i in range(1000)}

    def there():
        states = the_graph(stage, "graph.states")
        return {n: s.get("duration_ms") for n, s in states.items()} == last

    stage.until(there)
    stage.until(lambda: the_graph(stage, "graph.dirty.size") == 0)
    assert stage.panel.living.events == 2000
    most = the_graph(stage, "graph.most")
    assert 0 < most <= 40
    marks = stage.page.locator("g[data-n=n7] text.s")
    assert marks.text_content() == "✓ 967 ms"
    assert stage.errors == []


def test_who_comes_late_or_misses_a_message_sees_the_same(show):
    panel = Many(None)
    for name in panel.names:
        panel.take({"event": "node_failed", "node": name, "error": {"code": "Oops"}})
    stage = show(panel)
    group = stage.page.locator("g[data-n=n3]")
    assert "failed" in group.get_attribute("aria-label")
    stage.panel.take({"event": "node_started", "node": "n3"})
    panel.living.take()  # a message that never arrives
    panel.take({"event": "node_started", "node": "n4"})
    stage.until(lambda: "running" in group.get_attribute("aria-label"))


def test_what_is_typed_and_where_one_is_survive_new_views(show):
    stage = show(Many(None))
    stage.page.get_by_label("Name").fill("half a na")
    for count in range(1, 4):
        stage.panel.count = count
        stage.panel.changed()
        stage.until(lambda n=count: stage.page.get_by_text(f"seen {n} times").count())
    assert stage.page.get_by_label("Name").input_value() == "half a na"
    assert stage.page.evaluate("document.activeElement.name") == "name"
    stage.page.keyboard.type("me")
    stage.page.keyboard.press("Enter")
    stage.until(lambda: stage.panel.chosen == ["half a name"])


def test_the_graph_is_used_by_keyboard(show):
    stage = show(Many(None))
    stage.page.locator("g[data-n=n0]").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown", "Enter"):
        stage.page.keyboard.press(key)
    stage.until(lambda: stage.panel.chosen == ["n12"])
    before = the_graph(stage, "graph.view.scale")
    stage.page.keyboard.press("+")
    assert the_graph(stage, "graph.view.scale") > before
    stage.page.keyboard.press("0")
    assert the_graph(stage, "graph.view.scale") == before
    tabbable = stage.page.locator('g[data-n][tabindex="0"]').count()
    assert tabbable == 1  # one stop on the way through the page, not sixty


def test_the_wheel_belongs_to_the_page_unless_ctrl_is_held(show):
    stage = show(Many(None))
    before = the_graph(stage, "graph.view.scale")
    stage.page.locator("svg.pfg").hover()
    stage.page.mouse.wheel(0, -100)
    assert the_graph(stage, "graph.view.scale") == before
    stage.page.keyboard.down("Control")
    stage.page.mouse.wheel(0, -100)
    stage.page.keyboard.up("Control")
    stage.until(lambda: the_graph(stage, "graph.view.scale") > before)


def test_a_flow_from_form_to_replay(show, real):
    panel = open_panel(real, "flow", flow="conditional", runtime="small")
    stage = show(panel)
    page = stage.page
    page.get_by_role("button", name="Run", exact=True).click()
    stage.until(lambda: panel.result is not None)
    stage.settle()
    page.get_by_role("slider", name="moment of the run").wait_for()
    bypassed = page.locator("g[data-n=thanks]")
    assert bypassed.get_attribute("class") == "by pf-node"
    page.get_by_role("slider").fill("0")
    first = page.locator("g[data-n=reply]")
    stage.until(lambda: first.get_attribute("class") == "un pf-node")
    page.get_by_role("slider").fill("1000")
    stage.until(lambda: first.get_attribute("class") == "ok pf-node")
    first.click()
    stage.until(lambda: page.get_by_role("tab", name="Source").count())
    stage.settle()
    page.get_by_role("tab", name="Result").focus()
    page.keyboard.press("End")
    page.get_by_role("group", name="source").wait_for()
    before = page.locator("g[data-n]").count()
    page.locator("g[data-n=triage]").focus()
    page.keyboard.press("f")
    stage.until(lambda: page.locator("g[data-n]").count() < before)
    assert stage.errors == []


def test_the_way_to_a_failure_is_lit(show, real, tmp_path):
    (tmp_path / "flow.dag.yaml").write_text(
        "nodes:\n"
        + "".join(
            f"- {{name: {name}, type: python, source: {{type: code, path: {name}.py}}, "
            f"inputs: {inputs}}}\n"
            for name, inputs in (
                ("good", "{}"),
                ("bad", "{x: '${good.output}'}"),
                ("other", "{}"),
                ("last", "{x: '${other.output}'}"),
            )
        )
    )
    tool = "from promptflow.core import tool\n@tool\ndef f({}):\n    return {}\n"
    for name, body in (("good", "1"), ("bad", "x / 0"), ("other", "1"), ("last", "x")):
        arguments = "x" if name in ("bad", "last") else ""
        (tmp_path / f"{name}.py").write_text(tool.format(arguments, body))
    panel = open_panel(real, "flow", flow=tmp_path, runtime="small")
    stage = show(panel)
    stage.page.get_by_role("button", name="Run", exact=True).click()
    stage.until(lambda: panel.result is not None)
    stage.settle()

    def colour(end):
        line = stage.page.locator(f"path[data-t={end}]")
        return line.evaluate("(path) => getComputedStyle(path).stroke")

    stage.until(lambda: colour("bad") == "rgb(207, 34, 46)")
    assert colour("last") != colour("bad")


def test_a_question_is_asked_before_and_the_keyboard_answers_it(show):
    class Asks(Everything):
        done = 0

        def do_delete(self):
            self.done += 1

    stage = show(Asks(None))
    page = stage.page
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Delete it?").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    stage.until(lambda: stage.panel.done == 1)
    page.get_by_role("button", name="No", exact=True).click(force=True)
    assert "no" not in stage.told


def test_what_is_kept_in_a_file_is_seen_without_scripts_and_network(chromium, real):
    run = real.runtimes.get("small").run("conditional")
    kept = open_panel(real, "run", run=run.run_id)._repr_mimebundle_()[0]["text/html"]
    context = chromium.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(f"<!doctype html><body>{kept}</body>")
    assert page.locator("svg.pfg g[data-n=reply]").is_visible()
    assert page.get_by_text("Linden Street Library").first.is_visible()
    assert page.get_by_role("button").count() == 0
    assert not [url for url in asked if not url.startswith("about:")]
    context.close()


def test_messages_are_plain_json(show):
    stage = show(Many(None))
    stage.page.get_by_label("Name").fill('"<&')
    stage.page.keyboard.press("Enter")
    stage.until(lambda: stage.panel.chosen == ['"<&'])
    assert json.loads(stage.raw[-1])["values"] == {"name": '"<&'}
