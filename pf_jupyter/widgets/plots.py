"""Small plots as SVG: bars, lines over time, values with their intervals.

They take the page's colours, need no script, and say in words what they show: the
words are what a screen reader reads, and what stands in a title.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from .elements import Element, Markup, h
from .shown import picture

BIN_NAMES = (
    *("<1 ms", "1 ms", "3 ms", "10 ms", "30 ms", "100 ms"),
    *("300 ms", "1 s", "3 s", "10 s", ">30 s"),
)
"""How long the lines of each bin of a batch's histograms took, at least."""

_TEXT = 'font-size="11" fill="currentColor"'
_QUIET = f'{_TEXT} fill-opacity=".66"'


def bars(values: Sequence[float], names: Sequence[str], label: str) -> Element:
    """Return bars with their names below, as for a histogram.

    Parameters
    ----------
    values
        How high each is.
    names
        What each is called.
    label
        What they show.
    """
    most = max([*values, 0]) or 1
    step, height = 46, 92
    width = step * len(values) + 8
    parts = [_open(width, height + 34)]
    for at, (value, name) in enumerate(zip(values, names, strict=True)):
        x, tall = 4 + at * step, value / most * (height - 16)
        parts.append(
            f'<rect x="{x + 6}" y="{height - tall:.1f}" width="{step - 12}" rx="2" '
            f'height="{tall:.1f}" fill="var(--pf-go)"/>'
        )
        if value:
            parts.append(_at(x + step / 2, height - tall - 4, f"{value:g}", "middle"))
        parts.append(_at(x + step / 2, height + 15, name, "middle", _QUIET))
    parts.append(
        f'<path d="M4 {height + 0.5}H{width - 4}" stroke="currentColor" '
        'stroke-opacity=".3"/></svg>'
    )
    told = ", ".join(f"{n}: {v:g}" for n, v in zip(names, values, strict=True) if v)
    return _figure("".join(parts), f"{label}: {told or 'nothing'}")


def spark(
    values: Sequence[float], label: str, *, unit: str = "", top: float | None = None
) -> Element:
    """Return a line over time, its newest value said beside it.

    Parameters
    ----------
    values
        The oldest first.
    label
        What it shows.
    unit
        Written after the value.
    top
        The value at the upper edge; the highest one when None.
    """
    width, height = 180, 40
    most = top or max([*values, 0]) or 1
    shown = list(values) or [0.0]
    step = (width - 4) / max(len(shown) - 1, 1)
    points = [
        f"{2 + at * step:.1f} {height - 2 - min(v / most, 1) * (height - 6):.1f}"
        for at, v in enumerate(shown)
    ]
    line = "M" + "L".join(points)
    area = f"{line}L{2 + (len(shown) - 1) * step:.1f} {height}L2 {height}z"
    drawn = (
        f'{_open(width, height)}<path d="{area}" fill="var(--pf-go)" '
        f'fill-opacity=".13"/><path d="{line}" fill="none" stroke="var(--pf-go)" '
        'stroke-width="1.6" stroke-linejoin="round"/></svg>'
    )
    now = f"{shown[-1]:.3g}{unit}"
    return h(
        "figure",
        picture(drawn, f"{label}, now {now}"),
        h("figcaption", h("b", now), f" {label}"),
        class_="pf-spark",
    )


def intervals(
    rows: Sequence[tuple[str, float, tuple[float, float] | None]],
    label: str,
    *,
    zero: bool = False,
) -> Element:
    """Return values with their intervals below each other, on one scale.

    Parameters
    ----------
    rows
        Name, value, and the ends of its interval.
    label
        What they show.
    zero
        Whether nought is marked: for differences.
    """
    ends = [v for _, value, span in rows for v in (value, *(span or ()))]
    if zero:
        ends.append(0.0)
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * 0.08
    low, high = low - room, high + room
    names = min(max((len(name) for name, _, _ in rows), default=4) * 6.6 + 12, 190)
    width, each = 560, 26
    left, right = names, width - 84

    def x(value: float) -> float:
        return left + (value - low) / (high - low) * (right - left)

    height = each * len(rows) + 24
    parts = [_open(width, height)]
    for value in _ticks(low, high):
        parts.append(
            f'<path d="M{x(value):.1f} 2V{height - 20}" stroke="currentColor" '
            f'stroke-opacity="{0.45 if zero and not value else 0.12}"/>'
        )
        parts.append(_at(x(value), height - 6, f"{value:g}", "middle", _QUIET))
    told = []
    for at, (name, value, span) in enumerate(rows):
        y = at * each + 15
        text = f"{value:.3g}"
        if span:
            parts.append(
                f'<path d="M{x(span[0]):.1f} {y}H{x(span[1]):.1f}M{x(span[0]):.1f} '
                f'{y - 4}v8M{x(span[1]):.1f} {y - 4}v8" stroke="var(--pf-go)" '
                'stroke-width="1.8" fill="none"/>'
            )
            text += f" ({span[0]:.3g}–{span[1]:.3g})"
        parts.append(
            f'<circle cx="{x(value):.1f}" cy="{y}" r="4.5" fill="var(--pf-go)"/>'
        )
        parts.append(_at(0, y + 4, _short(name, int(names / 6.6)), "start"))
        parts.append(_at(right + 10, y + 4, f"{value:.3g}", "start"))
        told.append(f"{name} {text}")
    return _figure("".join(parts) + "</svg>", f"{label}: {'; '.join(told)}")


def _ticks(low: float, high: float) -> list[float]:
    raw = (high - low) / 4
    size = 10 ** math.floor(math.log10(raw))
    step = next(s * size for s in (1, 2, 5, 10) if s * size >= raw)
    first = math.ceil(low / step)
    count = int((high - first * step) / step) + 1
    return [round((first + at) * step, 12) + 0.0 for at in range(count)]


def _open(width: float, height: float) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" '
        f'height="{height:g}" viewBox="0 0 {width:g} {height:g}" aria-hidden="true">'
    )


def _at(x: float, y: float, text: str, anchor: str, style: str = _TEXT) -> str:
    words = escape(text)
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {style}>{words}</text>'
    )


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _figure(drawing: str, label: str) -> Element:
    return h(
        "div",
        Markup(drawing),
        class_="pf-picture",
        role="img",
        aria_label=label,
        title=label,
    )
