"""Icons of panels: small line drawings of our own, 16 by 16, in the text's colour."""

from __future__ import annotations

from collections.abc import Mapping

from .elements import Markup

_PATHS: Mapping[str, str] = {
    "add": "M8 3v10M3 8h10",
    "arrow": "M3 8h10M9 4l4 4-4 4",
    "back": "M13 8H3M7 4 3 8l4 4",
    "box": "M2.5 5 8 2l5.5 3v6L8 14l-5.5-3zM2.5 5 8 8l5.5-3M8 8v6",
    "bypass": "M2 5h4l4 6h4M11.5 8.5 14 11l-2.5 2.5",
    "chart": "M2.5 2.5v11h11M5 11V8M8 11V5M11 11V7",
    "chat": "M2.5 3.5h11v7h-6l-3 2.5v-2.5h-2z",
    "check": "M3 8.5 6.5 12 13 4.5",
    "clock": "M8 2.5a5.5 5.5 0 1 0 .01 0M8 5v3.2l2.2 1.3",
    "compare": "M5.5 2.5v11M10.5 2.5v11M2.5 5h3M2.5 8h3M10.5 8h3M10.5 11h3",
    "copy": "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
    "cross": "M4 4l8 8M12 4l-8 8",
    "down": "M4 6.5 8 10.5l4-4",
    "edit": "M3 13l.7-3L10.5 3.2l2.3 2.3L6 12.3z",
    "empty": "M2.5 9.5 4.5 3.5h7l2 6v3.5h-11zM2.5 9.5h3.5l.8 1.5h2.400l.8-1.5h3.5",
    "file": "M4 2h5.5L12.5 5v9H4zM9.5 2v3h3",
    "fit": "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
    "flow": "M2 6h4v4H2zM10 2.5h4v4h-4zM10 9.5h4v4h-4zM6 7.5 10 5M6 8.5l4 2.5",
    "fold": "M4 2.5 8 6l4-3.5M4 13.5 8 10l4 3.5M2.5 8h11",
    "gauge": "M2.5 11.5a5.7 5.7 0 1 1 11 0M8 10.5l2.5-4",
    "info": "M8 2.5a5.5 5.5 0 1 0 .01 0M8 7.3v3.7M8 5v.2",
    "key": "M5.5 7.5a2.800 2.800 0 1 0 .01 0M7.5 8.5 13 3M11 5l2 2",
    "list": "M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.5M2.5 8h.5M2.5 12h.5",
    "lock": "M4 7.5h8v6H4zM5.5 7.5v-2a2.5 2.5 0 0 1 5 0v2",
    "log": "M2.5 3h11v10h-11zM5 6l2 2-2 2M8.5 10h2.5",
    "minus": "M3 8h10",
    "more": "M3.5 8h.5M8 8h.5M12.5 8h.5",
    "pause": "M5 3.5v9M11 3.5v9",
    "person": "M8 2.5a2.5 2.5 0 1 0 .01 0M3 13.5c.5-3 2.5-4 5-4s4.5 1 5 4",
    "play": "M4.5 3v10l8-5z",
    "refresh": "M13 5.5a5.5 5.5 0 1 0 .3 4M13.5 2.5v3.2h-3.2",
    "save": "M2.5 2.5h9l2 2v9h-11zM5 2.5v4h5v-4M5 13.5V10h6v3.5",
    "search": "M7 2.5a4.5 4.5 0 1 0 .01 0M10.3 10.3l3.2 3.2",
    "send": "M2.5 3 14 8 2.5 13l1.7-5zM4.2 8H14",
    "settings": "M2.5 5h6M11.5 5h2M10 3.5v3M2.5 11h2M7.5 11h6M6 9.5v3",
    "shield": "M8 2l5 1.800v3.7c0 3-2 5.2-5 6.5-3-1.3-5-3.5-5-6.5V3.800z",
    "spark": "M8 2l1.5 4.5L14 8l-4.5 1.5L8 14l-1.5-4.5L2 8l4.5-1.5z",
    "stop": "M4 4h8v8H4z",
    "trash": "M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 9h6l.5-9",
    "undo": "M6 3 3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6",
    "up": "M4 10 8 6l4 4",
    "warning": "M8 2.5 14 13H2zM8 6.5v3M8 11v.2",
}

NAMES = tuple(_PATHS)


def icon(name: str) -> Markup:
    """Return an icon; it says nothing to a screen reader, the words beside it do."""
    return Markup(
        '<svg class="pf-icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
        f'<path d="{_PATHS[name]}"/></svg>'
    )
