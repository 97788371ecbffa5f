"""A panel with each part there is, in each of its states."""

from __future__ import annotations

from pf_jupyter.widgets.elements import Element
from pf_jupyter.widgets.living import LivingGraph
from pf_jupyter.widgets.panel import Panel
from pf_jupyter.widgets.parts import button, choice, field, form, page, submit, text
from pf_jupyter.widgets.shown import empty, loading, log, table, tabs


class Everything(Panel):
    """Each part there is, in each of its states."""

    def begin(self):
        self.living = LivingGraph("flow")

    def view(self) -> Element:
        return page(
            "Everything",
            loading("On its way"),
            empty("box", "Nothing", "There is none.", button("Make", "make")),
            form(
                field("a", "Text", help="as it is"),
                field("b", "Wrong", "x", error="not a number"),
                field("c", "Locked", "x", reason="you are a Reader"),
                field("d", "Code", "{}", kind="code"),
                field("e", "Yes or no", True, kind="check"),
                field("f", "Suggested", suggestions=["one", "two"]),
                choice("g", "One of", ["x", "y"]),
                submit("Send"),
                do="send",
            ),
            table(["name", "n"], [["a", "1"]], caption="numbers"),
            tabs("t", [("x", "One", log(["a"], key="l")), ("y", "Two", text("b"))]),
            lead=choice("r", "Runtime", ["small"], hidden_label=True),
            actions=[
                button("Delete", "delete", kind="danger", confirm="Delete it?"),
                button("Reload", "reload", icon="refresh", bare=True),
                button("No", "no", reason="not allowed"),
                button("Busy", "busy", busy=True),
            ],
        )
