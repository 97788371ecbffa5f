"""What verbs return when no record of the workspace says it all: tables, checks, text.

Each is an object to look at, index and keep, with a plain repr and an HTML one.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .wording import MARKS, columns

if TYPE_CHECKING:
    from ..workspace.api import CheckResult, FlowInfo, Picture, Problem

_CELL = "text-align:left;padding:2px 1.2em 2px 0;vertical-align:top"
_QUIET = "opacity:.65"
_COLOURS = {
    "pass": "#2e7d32",
    "Completed": "#2e7d32",
    "ready": "#2e7d32",
    "fail": "#c62828",
    "Failed": "#c62828",
    "failed": "#c62828",
    "warn": "#b26a00",
}


class Shown:
    """Base: subclasses give text and HTML."""

    def text(self) -> str:
        """Return the terminal form."""
        raise NotImplementedError

    def html(self) -> str:
        """Return the notebook form."""
        return pre(self.text())

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


class Message(Shown):
    """One or a few lines of text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def text(self) -> str:
        """Return the lines."""
        return self._text


class Lines(Shown, Sequence[str]):
    """Lines of a log."""

    def __init__(self, lines: Sequence[str], empty: str = "no lines yet") -> None:
        self._lines = list(lines)
        self._empty = empty

    def __getitem__(self, index: Any) -> Any:
        return self._lines[index]

    def __len__(self) -> int:
        return len(self._lines)

    def text(self) -> str:
        """Return the lines as one text."""
        return "\n".join(self._lines) or self._empty


class Table(Shown, Sequence[Any]):
    """Things in rows. Index by position or by name.

    Parameters
    ----------
    headings
        Names of the columns.
    rows
        The cells' texts.
    items
        The thing behind each row.
    names
        What each thing is called, for indexing; the first cells when None.
    empty
        What to say when there is nothing.
    note
        A line to stand below the rows.
    """

    def __init__(
        self,
        headings: Sequence[str],
        rows: Sequence[Sequence[str]],
        items: Sequence[Any],
        *,
        names: Sequence[str] | None = None,
        empty: str,
        note: str = "",
    ) -> None:
        self._headings = headings
        self._rows = [[str(cell) for cell in row] for row in rows]
        self._items = list(items)
        self._names = list(names) if names is not None else [r[0] for r in self._rows]
        self._empty = empty
        self._note = note

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, str):
            if index not in self._names:
                raise KeyError(index)
            return self._items[self._names.index(index)]
        return self._items[index]

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def text(self) -> str:
        """Return aligned columns."""
        if not self._rows:
            return self._empty
        lines = columns([list(self._headings), *self._rows])
        return "\n".join([*lines, self._note] if self._note else lines)

    def html(self) -> str:
        """Return an HTML table."""
        if not self._rows:
            return pre(self._empty)
        head = "".join(
            f'<th style="{_CELL}">{html.escape(h)}</th>' for h in self._headings
        )
        body = "".join(
            "<tr>" + "".join(_cell(cell) for cell in row) + "</tr>"
            for row in self._rows
        )
        note = f"<p>{html.escape(self._note)}</p>" if self._note else ""
        head = f"<thead><tr>{head}</tr></thead>"
        return f"<table>{head}<tbody>{body}</tbody></table>{note}"


class Facts(Shown, Mapping[str, Any]):
    """Names and values. ``facts`` are shown, ``data`` is what indexing gives."""

    def __init__(self, facts: Sequence[tuple[str, str]], data: Mapping[str, Any]):
        self._facts = [(name, value) for name, value in facts if value]
        self._data = data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def text(self) -> str:
        """Return one line for each fact."""
        return "\n".join(columns(self._facts))

    def html(self) -> str:
        """Return a table of two columns."""
        body = "".join(
            f'<tr><td style="{_CELL};{_QUIET}">{html.escape(name)}</td>'
            f"{_cell(value)}</tr>"
            for name, value in self._facts
        )
        return f"<table><tbody>{body}</tbody></table>"


class Checks(Shown, Sequence["CheckResult"]):
    """The lines of ``doctor`` or of ``runtime check``.

    Parameters
    ----------
    checks
        What was found.
    respell
        Writes a hint as the face does.
    """

    def __init__(
        self, checks: Sequence[CheckResult], respell: Callable[[str], str]
    ) -> None:
        self._checks = [replace(c, hint=respell(c.hint)) for c in checks]

    def __getitem__(self, index: Any) -> Any:
        return self._checks[index]

    def __len__(self) -> int:
        return len(self._checks)

    @property
    def failed(self) -> list[CheckResult]:
        """The checks that failed."""
        return [check for check in self._checks if check.status == "fail"]

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"ok", "checks": [{"name", "status", "message", "hint"}]}``."""
        return {
            "ok": not self.failed,
            "checks": [
                {"name": c.name, "status": c.status, "message": c.message}
                | {"hint": c.hint}
                for c in self._checks
            ],
        }

    def text(self) -> str:
        """Return one line for each check, and a hint below where there is one."""
        width = max((len(check.name) for check in self._checks), default=0)
        lines = []
        for check in self._checks:
            mark = MARKS[check.status]
            lines.append(f"{mark} {check.name:<{width}}   {check.message}")
            if check.hint and check.status != "pass":
                lines.append(f"  {'':<{width}}   hint: {check.hint}")
        return "\n".join(lines)

    def html(self) -> str:
        """Return a table with coloured marks."""
        rows = []
        for check in self._checks:
            hint = (
                f'<div style="{_QUIET}">hint: {html.escape(check.hint)}</div>'
                if check.hint and check.status != "pass"
                else ""
            )
            rows.append(
                f'<tr><td style="{_CELL};color:{_COLOURS[check.status]}">'
                f"{MARKS[check.status]}</td>{_cell(check.name)}"
                f'<td style="{_CELL}">{html.escape(check.message)}{hint}</td></tr>'
            )
        return f"<table><tbody>{''.join(rows)}</tbody></table>"


class ShownFlow(Shown):
    """A flow: what goes in, what comes out, and its picture."""

    def __init__(self, info: FlowInfo, picture: Picture) -> None:
        self.info = info
        self.picture = picture

    def text(self) -> str:
        """Return the picture as text, with inputs and outputs."""
        lines = [f"{self.info.name}   {self.info.path}", ""]
        lines += [self.picture.text.rstrip("\n"), ""]
        lines += self._facts()
        return "\n".join(lines).rstrip()

    def html(self) -> str:
        """Return the picture with inputs and outputs below."""
        title = (
            f"<div><b>{html.escape(self.info.name)}</b> "
            f'<span style="{_QUIET}">{html.escape(str(self.info.path))}</span></div>'
        )
        return title + self.picture.svg + pre("\n".join(self._facts()))

    def _facts(self) -> list[str]:
        rows = [
            (f"{kind} {item['name']}", str(item.get("type") or ""), _origin(item))
            for kind, items in (
                ("input", self.info.inputs),
                ("output", self.info.outputs),
            )
            for item in items
        ]
        lines = columns(rows)
        for node, variants in self.info.variants.items():
            lines.append(f"variants of {node}: {', '.join(variants)}")
        return lines


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """Return a line for each problem, its place first, and its hint below."""
    places = [f"{p.file}:{p.line}:{p.column}" if p.line else p.file for p in problems]
    width = max((len(place) for place in places), default=0)
    lines = []
    for place, problem in zip(places, problems, strict=True):
        lines.append(f"  {place:<{width}}   {problem.code}: {problem.message}")
        if problem.hint:
            lines.append(f"  {'':<{width}}   hint: {problem.hint}")
    return lines


_PROMPT_WORD = {"type": ["string"], "required": False, "default": ""}


def signature(name: str, tool: Mapping[str, Any]) -> str:
    """Return a tool's interface: ``shout(text: string, times: int = 1) → string``."""
    words = []
    options = tool.get("type") == "llm"
    for key, item in (tool.get("inputs") or {}).items():
        # The options of model calls are the same everywhere; the prompt's own words
        # come as text that may be empty.
        if options and (item != _PROMPT_WORD or key in ("model", "user")):
            continue
        kind = item.get("type") or ["object"]
        kinds = " | ".join(kind) if isinstance(kind, list) else str(kind)
        shown = "default" in item and not options
        default = f" = {item['default']!r}" if shown else ""
        words.append(f"{key}: {kinds}{default}")
    output = tool.get("output")
    output = output[0] if isinstance(output, list) and output else output
    return f"{name}({', '.join(words)}) → {output or 'object'}"


def pre(text: str) -> str:
    """Return text as HTML that keeps its lines and wraps long ones."""
    return (
        '<pre style="white-space:pre-wrap;margin:0">' + html.escape(text) + "</pre>"
        if text
        else ""
    )


def _cell(text: str) -> str:
    colour = f";color:{_COLOURS[text]}" if text in _COLOURS else ""
    return f'<td style="{_CELL}{colour}">{html.escape(text)}</td>'


def _origin(item: Mapping[str, Any]) -> str:
    if item.get("reference"):
        return str(item["reference"])
    default = item.get("default")
    return (
        "required"
        if default is None and "default" in item
        else (f"default {default!r}" if default is not None else "")
    )
