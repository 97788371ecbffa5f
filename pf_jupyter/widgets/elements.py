"""HTML as a tree of elements: what is text is escaped, what is markup is an element.

str(h("p", "1 < 2", h("b", "!")))     '<p>1 &lt; 2<b>!</b></p>'
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

Child: TypeAlias = "Element | str | int | float | Iterable[Child] | None"

_VOID = {"br", "hr", "img", "input", "meta", "link"}
# what HTML cannot hold is shown as a replacement character
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class Element:
    """One element with its attributes and children.

    Parameters
    ----------
    tag
        Its name.
    attributes
        False and None leave one out, True gives one without a value.
    children
        Elements, text, numbers, None, or iterables of those.
    """

    def __init__(
        self, tag: str, attributes: Mapping[str, Any], children: Iterable[Child]
    ) -> None:
        self.tag = tag
        self.attributes = dict(attributes)
        self.children = list(children)

    def __str__(self) -> str:
        parts: list[str] = []
        _write(self, parts)
        return "".join(parts)


class Markup(Element):
    """Markup that was made elsewhere and is trusted: a picture of ours."""

    def __init__(self, markup: str) -> None:
        super().__init__("", {}, ())
        self.markup = markup


def h(tag: str, *children: Child, **attributes: Any) -> Element:
    """Return an element; ``class_`` and ``data_do`` become ``class`` and ``data-do``.

    A dictionary or list becomes JSON.
    """
    named = {key.rstrip("_").replace("_", "-"): v for key, v in attributes.items()}
    return Element(tag, named, children)


def clean(text: object) -> str:
    """Return text without what no page can hold."""
    return _UNSPEAKABLE.sub("\ufffd", str(text))


def _write(child: Child, parts: list[str]) -> None:
    if child is None or child is False:
        return
    if isinstance(child, Markup):
        parts.append(child.markup)
    elif isinstance(child, Element):
        parts.append(f"<{child.tag}")
        for name, value in child.attributes.items():
            if value is None or value is False:
                continue
            if value is True:
                parts.append(f" {name}")
                continue
            if isinstance(value, dict | list):
                value = json.dumps(value, ensure_ascii=False, default=str)
            parts.append(f' {name}="{html.escape(clean(value))}"')
        parts.append(">")
        if child.tag in _VOID:
            return
        for inner in child.children:
            _write(inner, parts)
        parts.append(f"</{child.tag}>")
    elif isinstance(child, str | int | float):
        parts.append(html.escape(clean(child), quote=False))
    else:
        for inner in child:
            _write(inner, parts)


_SILENT = re.compile(r"<(style|svg|script|template)\b.*?</\1>", re.S)
_BLOCK = re.compile(
    r"</(?:p|div|section|header|footer|li|tr|h[1-6]|dt|dd|pre|summary|label|button|"
    r"article|figure|option)>|<br>"
)
_CELL = re.compile(r"</t[dh]>")
_INLINE = re.compile(r"</(?:span|b|code|a)>")
_SELECT = re.compile(r"<select\b.*?</select>", re.S)
_CHOSEN = re.compile(r"<option[^>]* selected[^>]*>([^<]*)")
_TAG = re.compile(r"<[^>]+>")


def text_of(markup: str) -> str:
    """Return the text of markup for places that show no HTML."""
    markup = _SELECT.sub(_chosen, _SILENT.sub("", markup))
    markup = _INLINE.sub(" ", _CELL.sub("   ", _BLOCK.sub("\n", markup)))
    lines = html.unescape(_TAG.sub("", markup)).splitlines()
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _chosen(select: re.Match[str]) -> str:
    found = _CHOSEN.search(select.group())
    return f"{found.group(1)} " if found else ""
