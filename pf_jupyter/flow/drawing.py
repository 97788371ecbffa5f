"""A flow's picture as SVG: self-contained, for light and dark pages alike."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from pf_jupyter.flow.geometry import INPUTS, OUTPUTS, Box, Geometry, Line
from pf_jupyter.flow.graph import Item, Layout, States, shorten, text_width

MARKS = {
    "Completed": "✓",
    "Failed": "✗",
    "Running": "●",
    "Bypassed": "–",
    "Canceled": "■",
}
"""One character for each status, so that colour is never the only sign."""

_PERIOD = 1.6
_FITS = 1400
# Jupyter's and VS Code's own colours where there are some, ours where there are not.
_STYLE = """
.pfg{--f:#1f2328;--b:#fff;--m:#6e7781;--l:#9aa4af;
--fg:var(--jp-ui-font-color1,var(--vscode-foreground,var(--f)));
--bg:var(--jp-layout-color1,var(--vscode-editor-background,var(--b)));
--mu:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,var(--m)));
--ok:#2e9e4f;--no:#e0443e;--go:#2f81f7;--off:#8b949e;--stop:#c9820a;
font-family:var(--jp-ui-font-family,system-ui,-apple-system,"Segoe UI",sans-serif)}
@media (prefers-color-scheme:dark){.pfg{--f:#e6edf3;--b:#161b22;--m:#9da7b3}}
.pfg .n{font-size:13px;font-weight:600;fill:var(--fg)}
.pfg .d{font-size:11px;fill:var(--mu)}
.pfg .c{font-size:10.5px;font-style:italic;fill:var(--off)}
.pfg .s{font-size:11px;font-weight:600;text-anchor:end;fill:var(--a)}
.pfg .x{fill:var(--bg);stroke:var(--l);stroke-width:1.2}
.pfg .t{fill:var(--a);fill-opacity:.08}
.pfg .k{fill:var(--a)}
.pfg .e{fill:none;stroke:var(--l);stroke-width:1.4}
.pfg .h{fill:var(--l)}
.pfg .p .x{stroke-dasharray:none;fill-opacity:.55}
.pfg .q{stroke-dasharray:5 4}
.pfg .z{opacity:.4}
.pfg .ok{--a:var(--ok)}.pfg .no{--a:var(--no)}.pfg .go{--a:var(--go)}
.pfg .by{--a:var(--off);opacity:.55}.pfg .st{--a:var(--stop)}.pfg .un{--a:var(--l)}
.pfg .ok .x,.pfg .no .x,.pfg .go .x,.pfg .st .x{stroke:var(--a)}
.pfg .no .x,.pfg .go .x{stroke-width:1.8}
.pfg .by .x{stroke-dasharray:4 4}
.pfg .go .k,.pfg .go .s{animation:pfg-pulse 1.6s ease-in-out var(--t,0s) infinite}
@keyframes pfg-pulse{50%{opacity:.35}}
@media (prefers-reduced-motion:reduce){.pfg .go .k,.pfg .go .s{animation:none}}
""".replace("\n", "")
_CLASSES = {
    "Completed": "ok",
    "Failed": "no",
    "Running": "go",
    "Bypassed": "by",
    "Canceled": "st",
}


def draw(layout: Layout, states: States) -> str:
    """Return the SVG document of a flow's picture."""
    geometry = layout.geometry
    width, height = round(geometry.width), round(geometry.height)
    scale = "max-width:100%;height:auto" if width <= _FITS else "max-width:none"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="pfg" width="{width}" '
        f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
        f'style="{scale}"><title>{_safe(_summary(layout, states))}</title>'
        f"<style>{_STYLE}</style>"
    ]
    parts += [_line(line, layout, states) for line in geometry.lines]
    parts += _heads(geometry, layout, states)
    for box in geometry.boxes:
        parts += _box(box, layout.items[box.name], states.get(box.name, {}))
    parts.append("</svg>")
    return "".join(parts)


def duration(milliseconds: Any) -> str:
    """Return a duration for people: ``2 ms``, ``1.4 s``, ``3:05``; empty for None."""
    if not isinstance(milliseconds, (int, float)):
        return ""
    if milliseconds < 1:
        return "<1 ms"
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return f"{round(seconds) // 60}:{round(seconds) % 60:02d}"


def _safe(text: str) -> str:
    """Escape text; what XML cannot hold at all becomes a replacement character."""
    return escape(_safe_characters(text))


def _safe_characters(text: str) -> str:
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\ufffd"
        for character in text
    )


def _quoted(text: str) -> str:
    return quoteattr(_safe_characters(text))


def _end(name: str) -> str:
    """Return what a line's end is called in the picture."""
    return _quoted({INPUTS: ":inputs", OUTPUTS: ":outputs"}.get(name, name))


def _summary(layout: Layout, states: States) -> str:
    nodes = [name for name, item in layout.items.items() if not item.is_port]
    title = f"Flow {layout.name}: {len(nodes)} node{'' if len(nodes) == 1 else 's'}"
    counts: dict[str, int] = {}
    for name in nodes:
        status = states.get(name, {}).get("status")
        if status:
            counts[status] = counts.get(status, 0) + 1
    told = ", ".join(f"{count} {status.lower()}" for status, count in counts.items())
    return f"{title}; {told}" if told else title


def _line(line: Line, layout: Layout, states: States) -> str:
    points = line.points
    right = layout.geometry.direction == "right"
    path = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for index in range(0, len(points) - 1, 2):
        (x0, y0), (x1, y1) = points[index], points[index + 1]
        if index:
            path.append(f"L{x0:.1f} {y0:.1f}")
        if right:
            middle = (x0 + x1) / 2
            bend = f"{middle:.1f} {y0:.1f} {middle:.1f} {y1:.1f}"
        else:
            middle = (y0 + y1) / 2
            bend = f"{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f}"
        path.append(f"C{bend} {x1:.1f} {y1:.1f}")
    classes = "e q" if line.conditional else "e"
    if _is_off(line, states):
        classes += " z"
    ends = f"data-s={_end(line.source)} data-t={_end(line.target)}"
    return f'<path class="{classes}" {ends} d="{"".join(path)}"/>'


def _is_off(line: Line, states: States) -> bool:
    return any(
        states.get(name, {}).get("status") == "Bypassed"
        for name in (line.source, line.target)
    )


def _heads(geometry: Geometry, layout: Layout, states: States) -> Iterator[str]:
    """Yield one arrow head for each box that lines lead to."""
    seen: dict[tuple[float, float], bool] = {}
    for line in geometry.lines:
        off = _is_off(line, states)
        seen[line.points[-1]] = seen.get(line.points[-1], True) and off
    for (x, y), off in seen.items():
        shape = (
            f"M{x:.1f} {y:.1f}l-7 -4v8z"
            if geometry.direction == "right"
            else f"M{x:.1f} {y:.1f}l-4 -7h8z"
        )
        yield f'<path class="{"h z" if off else "h"}" d="{shape}"/>'


def _box(box: Box, item: Item, state: Mapping[str, Any]) -> Iterator[str]:
    x, y = round(box.x, 1), round(box.y, 1)
    width, height = round(box.width, 1), round(box.height, 1)
    if item.is_port:
        yield f'<g class="p" data-n=":{item.label}"><title>{_safe(item.full)}</title>'
        yield (
            f'<rect class="x" x="{x}" y="{y}" width="{width}" height="{height}" '
            f'rx="{height / 2}"/>'
        )
        yield from _texts(
            x + width / 2,
            y,
            shorten(item.label, 13, width - 24),
            shorten(item.detail, 11, width - 26),
            ' text-anchor="middle"',
        )
        yield "</g>"
        return
    status = str(state.get("status") or "")
    note = str(state.get("note") or "")
    told = " · ".join(filter(None, [status, duration(state.get("duration_ms")), note]))
    name = _quoted(item.name)
    yield f'<g class="{_CLASSES.get(status, "un")}" data-n={name}{_phase(status)}>'
    yield f"<title>{_safe(item.full + (chr(10) + told if told else ''))}</title>"
    if item.condition:
        caption = _safe(shorten(item.condition, 10.5, width + 20))
        yield f'<text class="c" x="{x + 6}" y="{y - 5:.1f}">{caption}</text>'
    shape = f'x="{x}" y="{y}" width="{width}" height="{height}" rx="7"'
    yield f'<rect class="x" {shape}/>'
    if status and status not in ("NotStarted", "Bypassed"):
        yield f'<rect class="t" {shape}/>'
    yield f'<path class="k" d="{_accent(x, y, height)}"/>'
    if item.aggregation:
        yield f'<path class="k" d="M{x + 7} {y + 6}h1.6v{height - 12}h-1.6z"/>'
    mark = " ".join(
        filter(None, [MARKS.get(status, ""), duration(state.get("duration_ms"))])
    )
    room = width - 26 - (text_width(mark, 11) + 8 if mark else 0)
    detail = note if note and status in ("Failed", "Canceled") else item.detail
    yield from _texts(
        x + 15, y, shorten(item.label, 13, width - 26), shorten(detail, 11, room)
    )
    if mark:
        yield f'<text class="s" x="{x + width - 10}" y="{y + 35}">{escape(mark)}</text>'
    yield "</g>"


def _texts(
    x: float, y: float, label: str, detail: str, attributes: str = ""
) -> Iterator[str]:
    yield f'<text class="n" x="{x}" y="{y + 19}"{attributes}>{_safe(label)}</text>'
    yield f'<text class="d" x="{x}" y="{y + 35}"{attributes}>{_safe(detail)}</text>'


def _accent(x: float, y: float, height: float) -> str:
    """Return the path of the coloured left edge, rounded as the box is."""
    return f"M{x + 5} {y + 0.3:.1f}q-5 1 -5 7v{height - 14}q0 6 5 7z"


def _phase(status: str) -> str:
    """Keep the pulse going through redraws, each of which would begin it anew."""
    if status != "Running":
        return ""
    return f" style={quoteattr(f'--t:-{time.monotonic() % _PERIOD:.2f}s')}"
