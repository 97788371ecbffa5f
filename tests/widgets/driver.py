"""Uses a panel as a person does: reads it, fills fields, presses buttons.

What is pressed goes the way of the browser's messages, so no browser is needed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

PATIENCE_SECONDS = 60.0
VOID = {"br", "hr", "img", "input", "meta", "link"}


class Node:
    """An element of the panel's page."""

    def __init__(self, tag: str, attributes: dict[str, Any], parent: Node | None):
        self.tag, self.attributes, self.parent = tag, attributes, parent
        self.children: list[Node | str] = []

    @property
    def text(self) -> str:
        parts = [c if isinstance(c, str) else c.text for c in self.children]
        return " ".join(" ".join(parts).split())

    def walk(self) -> list[Node]:
        found = [self]
        for child in self.children:
            if isinstance(child, Node):
                found += child.walk()
        return found

    def up(self, tag: str) -> Node | None:
        node: Node | None = self
        while node is not None and node.tag != tag:
            node = node.parent
        return node

    @property
    def name(self) -> str:
        """What it is called for a screen reader."""
        return str(self.attributes.get("aria-label") or self.text)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.here = Node("root", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: "" if value is None else value for name, value in attrs}
        node = Node(tag, values, self.here)
        self.here.children.append(node)
        if tag not in VOID:
            self.here = node

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.here.tag == tag, f"<{self.here.tag}> is closed by </{tag}>"
            assert self.here.parent is not None
            self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def read(markup: str) -> Node:
    """Return the page as a tree; it must be well formed."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.tag}> is not closed"
    return reader.root


class Driver:
    """A person in front of a panel."""

    def __init__(self, panel: Any) -> None:
        self.panel = panel
        self.typed: dict[str, Any] = {}

    @property
    def page(self) -> Node:
        self.panel.flush()
        return read(self.panel.html)

    @property
    def text(self) -> str:
        return self.page.text

    def find(self, tag: str, name: str) -> Node:
        """Return the element of that tag with this name (its words, or its label)."""
        all_of_it = [n for n in self.page.walk() if n.tag == tag]
        found = [n for n in all_of_it if n.name == name]
        # a tab opens in the browser alone: what can be pressed comes first
        found.sort(key=lambda node: node.attributes.get("role") == "tab")
        assert found, f"no {tag} '{name}' among {[n.name for n in all_of_it]}"
        return found[0]

    def buttons(self) -> list[str]:
        return [n.name for n in self.page.walk() if n.tag == "button"]

    def field(self, label: str) -> Node:
        """Return the input of that label."""
        for node in self.page.walk():
            if node.tag in ("input", "select", "textarea"):
                own = node.attributes.get("aria-label") or ""
                around = node.up("label")
                words = (
                    [n.text.removesuffix(" *") for n in around.walk()] if around else []
                )
                if label in (own, *words):
                    return node
        raise AssertionError(f"no field '{label}' in: {self.text}")

    def fill(self, label: str, value: Any) -> Driver:
        """Type something into a field; a field that tells its changes does so."""
        field = self.field(label)
        assert "disabled" not in field.attributes, f"'{label}' cannot be changed"
        self.typed[field.attributes["name"]] = value
        what = field.attributes.get("data-change") or field.attributes.get("data-typed")
        if what:
            self._send(field, what)
        return self

    def click(self, name: str) -> Driver:
        """Press a button; its question, if any, is answered with yes."""
        button = self.find("button", name)
        assert button.attributes.get("aria-disabled") != "true", (
            f"'{name}' cannot be pressed: {button.attributes.get('title')}"
        )
        what = button.attributes.get("data-do")
        if what is None:
            form = button.up("form")
            assert form is not None, f"'{name}' does nothing"
            self._send(form, form.attributes["data-do"])
        else:
            self._send(button, what)
        return self

    def until(self, condition: Callable[[], Any], what: str = "") -> Driver:
        """Wait until something is so; the limit only bounds a broken panel."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < until, f"never: {what}; it shows {self.text}"
            time.sleep(0.01)
        return self

    def until_text(self, *words: str) -> Driver:
        return self.until(lambda: all(w in self.text for w in words), f"{words}")

    def settle(self) -> Driver:
        assert self.panel.settle(PATIENCE_SECONDS), "its work never ended"
        return self

    def _send(self, node: Node, what: str) -> None:
        form = node.up("form")
        values: dict[str, Any] = {}
        for field in (form or node.parent or node).walk():
            name = field.attributes.get("name")
            if field.tag in ("input", "select", "textarea") and name:
                values[name] = self.typed.get(name, _value(field))
        args = json.loads(node.attributes.get("data-args") or "{}")
        content = {"do": what, "args": args, "values": values}
        self.panel._handle_custom_msg(content, [])


def _value(field: Node) -> Any:
    if field.tag == "textarea":
        return "".join(c for c in field.children if isinstance(c, str))
    if field.tag == "select":
        options = [n for n in field.walk() if n.tag == "option"]
        chosen = [n for n in options if "selected" in n.attributes] or options[:1]
        return chosen[0].attributes.get("value", "") if chosen else ""
    if field.attributes.get("type") == "checkbox":
        return "checked" in field.attributes
    return field.attributes.get("value", "")
