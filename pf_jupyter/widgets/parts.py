"""What panels are made of. Each function returns an element; styles are in panel.css.

A view is a function of what the panel knows::

    return page(
        "Runtimes",
        table(["name", "state"], [[r.name, badge(r.state, "ok")] for r in known])
        if known
        else empty("box", "No runtimes yet", "One is made in a second.",
                   button("Create", "create", icon="add", kind="primary")),
        actions=[button("Refresh", "reload", icon="refresh", kind="quiet")],
    )

``do`` names a method of the panel: ``button("Stop", "stop", name="demo")`` calls
``panel.do_stop(name="demo")``; what is typed in the form around it comes as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from .elements import Child, Element, h
from .icons import icon as _icon

Tone = Literal["ok", "no", "go", "warn", "off", ""]
ButtonKind = Literal["primary", "", "quiet", "danger"]

TONES: Mapping[str, Tone] = {
    "Completed": "ok",
    "ready": "ok",
    "pass": "ok",
    "Failed": "no",
    "failed": "no",
    "fail": "no",
    "Running": "go",
    "busy": "go",
    "creating": "go",
    "starting": "go",
    "stopping": "go",
    "Canceled": "warn",
    "Interrupted": "warn",
    "warn": "warn",
    "Bypassed": "off",
    "NotStarted": "off",
    "stopped": "off",
}
"""The tone of each word for a state."""

_MARKS = {"ok": "check", "no": "cross", "warn": "warning", "off": "minus"}


def page(
    title: Child,
    *children: Child,
    lead: Child = None,
    subtitle: Child = None,
    actions: Sequence[Child] = (),
) -> Element:
    """Return a whole panel: ``lead`` at its upper left, ``actions`` at its right."""
    return h(
        "section",
        h(
            "header",
            h("div", lead, class_="pf-lead") if lead is not None else None,
            h(
                "div",
                h("h2", title),
                h("div", subtitle, class_="pf-mu") if subtitle else None,
                class_="pf-title",
            ),
            h("div", *actions, class_="pf-actions") if actions else None,
            class_="pf-head",
        ),
        h("div", *children, class_="pf-body"),
        class_="pf-page",
    )


def card(
    *children: Child,
    title: Child = None,
    actions: Sequence[Child] = (),
    key: str | None = None,
) -> Element:
    """Return a framed part of a page."""
    head = None
    if title is not None or actions:
        right = h("div", *actions, class_="pf-actions") if actions else None
        head = h("div", h("h3", title), right, class_="pf-cardhead")
    return h("div", head, *children, class_="pf-card", data_key=key)


def row(*children: Child, wide: bool = False) -> Element:
    """Return parts side by side; they wrap where there is no room."""
    return h("div", *children, class_="pf-row pf-wide" if wide else "pf-row")


def column(*children: Child) -> Element:
    """Return parts below each other."""
    return h("div", *children, class_="pf-column")


def split(main: Child, side: Child) -> Element:
    """Return a wide part and a narrow one; below each other where there is no room."""
    return h("div", h("div", main), h("div", side, class_="pf-side"), class_="pf-split")


def text(*children: Child, tone: Tone = "", quiet: bool = False) -> Element:
    """Return a paragraph."""
    classes = " ".join(filter(None, [f"pf-{tone}" if tone else "", "pf-mu" * quiet]))
    return h("p", *children, class_=classes or None)


def icon(name: str, tone: Tone = "") -> Element:
    """Return an icon; words must stand beside it."""
    return h("span", _icon(name), class_=f"pf-ic pf-{tone}" if tone else "pf-ic")


def badge(word: str, tone: Tone | None = None, *, title: str | None = None) -> Element:
    """Return a word for a state, with a sign that is not only a colour."""
    tone = TONES.get(word, "") if tone is None else tone
    sign: Child = None
    if tone == "go":
        sign = h("span", class_="pf-pulse")
    elif tone:
        sign = _icon(_MARKS[tone])
    return h("span", sign, word, class_=f"pf-badge pf-{tone}", title=title)


def button(
    label: str,
    do: str,
    *,
    icon: str | None = None,
    kind: ButtonKind = "",
    reason: str | None = None,
    busy: bool = False,
    confirm: str | None = None,
    bare: bool = False,
    key: str | None = None,
    **args: Any,
) -> Element:
    """Return a button that calls ``do_<do>(**args)`` of the panel.

    Parameters
    ----------
    reason
        Why it cannot be used now, which is shown; None when it can.
    busy
        Whether what it does goes on now.
    confirm
        A question that is asked first.
    bare
        Whether only the icon is seen; the label is what a screen reader says.
    """
    off = reason is not None or busy
    classes = ["pf-button", f"pf-{kind}" if kind else "", "pf-bare" if bare else ""]
    return h(
        "button",
        h("span", class_="pf-spin") if busy else _icon(icon) if icon else None,
        None if bare else h("span", label),
        type="button",
        class_=" ".join(filter(None, classes)),
        data_do=do,
        data_args=args or None,
        data_confirm=confirm,
        data_key=key or f"{do}:{label}:{sorted(args.items())}",
        aria_label=label if bare else None,
        aria_disabled="true" if off else None,
        aria_busy="true" if busy else None,
        title=reason or (label if bare else None),
    )


def form(*children: Child, do: str, clear: bool = False, **args: Any) -> Element:
    """Return a form: Enter, or a `submit` in it, calls ``do_<do>`` with its values."""
    return h(
        "form",
        *children,
        data_do=do,
        data_args=args or None,
        data_clear=clear,
        class_="pf-form",
        data_key=f"form:{do}",
    )


def submit(
    label: str,
    *,
    icon: str | None = None,
    reason: str | None = None,
    busy: bool = False,
    kind: ButtonKind = "primary",
) -> Element:
    """Return the button that sends the form it stands in."""
    off = reason is not None or busy
    return h(
        "button",
        h("span", class_="pf-spin") if busy else _icon(icon) if icon else None,
        h("span", label),
        type="button" if off else "submit",
        class_=f"pf-button pf-{kind}" if kind else "pf-button",
        data_key=f"submit:{label}",
        aria_disabled="true" if off else None,
        aria_busy="true" if busy else None,
        title=reason,
    )


def field(
    name: str,
    label: str,
    value: Any = "",
    *,
    kind: Literal["text", "number", "password", "area", "code", "check"] = "text",
    help: Child = None,
    error: str | None = None,
    placeholder: str | None = None,
    required: bool = False,
    suggestions: Sequence[str] = (),
    change: str | None = None,
    typed: str | None = None,
    rows: int = 3,
    reason: str | None = None,
    **args: Any,
) -> Element:
    """Return a field of a form, its label above and its problem below.

    Parameters
    ----------
    value
        What stands in it until something is typed; a new value wins over that.
    suggestions
        Offered while one types.
    change, typed
        What is called with the form's values when it changes, or a moment after
        each key: ``do_<change>``.
    reason
        Why it cannot be changed.
    """
    shared: dict[str, Any] = {
        "name": name,
        "required": required,
        "placeholder": placeholder,
        "aria_invalid": "true" if error else None,
        "data_change": change,
        "data_typed": typed,
        "data_args": args or None,
        "disabled": reason is not None,
        "title": reason,
        "autocomplete": "off",
        "spellcheck": "false",
    }
    below = _below(help, error)
    if kind == "check":
        box = h("input", type="checkbox", checked=bool(value), **shared)
        return h(
            "label",
            h("span", box, label, class_="pf-check"),
            below,
            class_="pf-field",
            data_key=f"field:{name}",
        )
    if kind in ("area", "code"):
        classes = "pf-code" if kind == "code" else None
        control = h("textarea", str(value), rows=rows, class_=classes, **shared)
    else:
        known = f"pf0-{name}-list" if suggestions else None
        control = h(
            "input",
            type="text" if kind == "number" else kind,
            inputmode="decimal" if kind == "number" else None,
            value=str(value),
            list=known,
            **shared,
        )
        if known:
            options = (h("option", value=word) for word in suggestions)
            below = [below, h("datalist", *options, id=known)]
    return h(
        "label",
        h("span", label, h("b", " *") if required else None, class_="pf-label"),
        control,
        below,
        class_="pf-field",
        data_key=f"field:{name}",
    )


def choice(
    name: str,
    label: str,
    options: Sequence[str | tuple[str, str]],
    value: str = "",
    *,
    help: Child = None,
    error: str | None = None,
    change: str | None = None,
    hidden_label: bool = False,
    reason: str | None = None,
    **args: Any,
) -> Element:
    """Return a list to choose one from; options are values, or (value, words)."""
    pairs = [(o, o) if isinstance(o, str) else o for o in options]
    control = h(
        "select",
        *(h("option", words, value=v, selected=v == value) for v, words in pairs),
        name=name,
        data_change=change,
        data_args=args or None,
        aria_label=label if hidden_label else None,
        aria_invalid="true" if error else None,
        disabled=reason is not None,
        title=reason,
    )
    return h(
        "label",
        None if hidden_label else h("span", label, class_="pf-label"),
        h("span", control, _icon("down"), class_="pf-select"),
        _below(help, error),
        class_="pf-field",
        data_key=f"field:{name}",
    )


def _below(help: Child, error: str | None) -> list[Child]:
    return [
        h("span", help, class_="pf-help") if help else None,
        h("span", _icon("warning"), error, class_="pf-error") if error else None,
    ]
