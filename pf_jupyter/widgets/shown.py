"""More of what panels are made of: lists, notices, states of a view, text in lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..errors import Invalid, PfError, Refused
from .elements import Child, Element, Markup, h
from .icons import icon as _icon
from .parts import ButtonKind, Tone, button

_NOTICE_ICONS = {"no": "cross", "warn": "warning", "ok": "check", "off": "lock"}
LOG_LINES = 500


def table(
    heads: Sequence[Child],
    rows: Iterable[Sequence[Child]],
    *,
    keys: Sequence[str] | None = None,
    numbers: Sequence[int] = (),
    caption: str | None = None,
) -> Element:
    """Return a table; it scrolls sideways where there is no room.

    Parameters
    ----------
    keys
        What each row is known by, so that it stays itself while others move.
    numbers
        Columns that are set flush right.
    """
    body = []
    for at, cells in enumerate(rows):
        shown = (
            h("td", cell, class_="pf-num" if i in numbers else None)
            for i, cell in enumerate(cells)
        )
        body.append(h("tr", *shown, data_key=keys[at] if keys else None))
    head = (
        h("th", word, scope="col", class_="pf-num" if i in numbers else None)
        for i, word in enumerate(heads)
    )
    return h(
        "div",
        h(
            "table",
            h("caption", caption, class_="pf-sr") if caption else None,
            h("thead", h("tr", *head)),
            h("tbody", *body),
            class_="pf-table",
        ),
        class_="pf-scroll",
        tabindex="0",
        role="group",
        aria_label=caption or "table",
    )


def facts(pairs: Iterable[tuple[str, Child]]) -> Element:
    """Return names and values; those without a value are left out."""
    rows = [
        [h("dt", name), h("dd", value)]
        for name, value in pairs
        if value not in ("", None)
    ]
    return h("dl", *rows, class_="pf-facts")


def tabs(
    name: str, pages: Sequence[tuple[str, Child, Child]], *, opened: str = ""
) -> Element:
    """Return pages of which one is seen; each is ``(key, words, page)``.

    ``opened`` opens one from the kernel's side when it changes.
    """
    prefix = f"pf0-{name}"
    heads = (
        h(
            "button",
            words,
            type="button",
            role="tab",
            id=f"{prefix}-{key}-tab",
            aria_controls=f"{prefix}-{key}",
            aria_selected="true" if key == (opened or pages[0][0]) else "false",
        )
        for key, words, _ in pages
    )
    shown = (
        h(
            "div",
            page,
            role="tabpanel",
            id=f"{prefix}-{key}",
            aria_labelledby=f"{prefix}-{key}-tab",
            tabindex="0",
            class_="pf-tabpage",
            data_title=words if isinstance(words, str) else None,
        )
        for key, words, page in pages
    )
    open_tab = f"{prefix}-{opened}-tab" if opened else ""
    return h(
        "div",
        h("div", *heads, role="tablist", id=prefix, data_open=open_tab),
        *shown,
        class_="pf-tabs",
        data_key=f"tabs:{name}",
    )


def notice(
    title: Child,
    *children: Child,
    tone: Tone = "",
    hint: Child = None,
    actions: Sequence[Child] = (),
    key: str | None = None,
) -> Element:
    """Return something that a reader should not miss."""
    return h(
        "div",
        h("span", _icon(_NOTICE_ICONS.get(tone, "info")), class_="pf-ic"),
        h(
            "div",
            h("b", title),
            *children,
            h("p", h("b", "What to do: "), hint, class_="pf-hint") if hint else None,
            h("div", *actions, class_="pf-row") if actions else None,
        ),
        class_=f"pf-notice pf-{tone}" if tone else "pf-notice",
        role="alert" if tone == "no" else "status",
        data_key=key,
    )


def trouble(error: PfError, *actions: Child, close: str | None = None) -> Element:
    """Return an error as a reader needs it: its code, its place, the way out."""
    if isinstance(error, Refused):
        return notice(
            error.message, tone="off", hint=error.hint, actions=actions, key="trouble"
        )
    inner: list[Child] = []
    if isinstance(error, Invalid):
        inner.append(problems(error.problems))
    for name in ("phase", "node"):
        place = getattr(error, name, None) or error.details.get(name)
        if place:
            inner.append(h("p", f"in {name} ", h("code", place), class_="pf-mu"))
    told = str(error.details.get("traceback") or "") or "\n".join(
        map(str, getattr(error, "log", None) or ())
    )
    if told.strip():
        inner.append(pre(told))
    closing = button("Dismiss", close, icon="cross", kind="quiet") if close else None
    return notice(
        [error.message, " ", h("code", error.code, class_="pf-mu")],
        *inner,
        tone="no",
        hint=error.hint,
        actions=[a for a in (*actions, closing) if a is not None],
        key="trouble",
    )


def problems(found: Iterable[Mapping[str, Any]]) -> Element:
    """Return problems with their places."""
    rows = []
    for problem in found:
        place = str(problem.get("file") or "")
        if problem.get("line"):
            place += f":{problem['line']}:{problem.get('column') or 1}"
        hint = problem.get("hint")
        rows.append(
            h(
                "li",
                h("code", place),
                h("span", problem.get("message"), " "),
                h("code", problem.get("code"), class_="pf-mu"),
                h("span", hint, class_="pf-mu pf-block") if hint else None,
            )
        )
    return h("ul", *rows, class_="pf-problems")


def empty(icon: str, title: str, words: Child, *actions: Child) -> Element:
    """Return what stands where there is nothing yet, and how to get something."""
    return h(
        "div",
        _icon(icon),
        h("b", title),
        h("p", words),
        h("div", *actions, class_="pf-row") if actions else None,
        class_="pf-empty",
    )


def loading(words: str) -> Element:
    """Return what stands where something comes in a moment."""
    return h(
        "div",
        h("span", class_="pf-spin"),
        h("span", words),
        class_="pf-loading",
        role="status",
    )


def progress(done: float, total: float, words: Child = None) -> Element:
    """Return a bar; ``words`` say the same."""
    share = min(max(done / total, 0.0), 1.0) if total else 0.0
    return h(
        "div",
        h(
            "div",
            h("div", style=f"width:{share:.1%}"),
            class_="pf-bar",
            role="progressbar",
            aria_valuenow=round(share * 100),
            aria_valuemin=0,
            aria_valuemax=100,
            aria_label="progress",
        ),
        h("span", words, class_="pf-mu") if words else None,
        class_="pf-progress",
    )


def steps(names: Sequence[str], now: int) -> Element:
    """Return the steps of something that is done in order; ``now`` from 0."""
    shown = (
        h(
            "li",
            h("span", _icon("check") if at < now else str(at + 1)),
            name,
            class_="pf-done" if at < now else None,
            aria_current="step" if at == now else None,
        )
        for at, name in enumerate(names)
    )
    return h("ol", *shown, class_="pf-steps")


def pre(text: str, *, label: str = "text") -> Element:
    """Return text that keeps its lines."""
    return h(
        "pre", text.strip("\n"), class_="pf-pre", tabindex="0", role="group",
        aria_label=label,
    )  # fmt: skip


def log(lines: Sequence[str], *, key: str, label: str = "log") -> Element:
    """Return lines that follow what is added, until one scrolls up."""
    shown = lines[-LOG_LINES:]
    left_out = len(lines) - len(shown)
    more = [f"… {left_out} lines before these"] if left_out else []
    return h(
        "pre",
        "\n".join([*more, *shown]) or "nothing was printed yet",
        class_="pf-pre pf-log",
        data_follow=True,
        data_key=key,
        tabindex="0",
        role="log",
        aria_label=label,
    )


def source(text: str, *, marks: Mapping[int, str] | None = None) -> Element:
    """Return source with its lines numbered; ``marks`` are problems by line."""
    marks = marks or {}
    rows = (
        h(
            "li",
            h("code", line or " "),
            h("span", marks[number], class_="pf-mark") if number in marks else None,
            class_="pf-marked" if number in marks else None,
        )
        for number, line in enumerate(text.rstrip("\n").split("\n"), 1)
    )
    return h(
        "ol", *rows, class_="pf-source", tabindex="0", role="group",
        aria_label="source",
    )  # fmt: skip


def more(summary: Child, *children: Child, opened: bool = False) -> Element:
    """Return something that is folded away until one wants it."""
    return h("details", h("summary", summary), *children, open=opened)


def picture(markup: str, label: str) -> Element:
    """Return a drawing of ours."""
    return h("div", Markup(markup), class_="pf-picture", role="img", aria_label=label)


def dismissible(close: str, kind: ButtonKind = "quiet") -> Element:
    """Return a button that closes what it stands in."""
    return button("Close", close, icon="cross", kind=kind, bare=True)
