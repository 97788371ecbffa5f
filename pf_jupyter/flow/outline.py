"""A flow's picture as text for terminals."""

from __future__ import annotations

from pf_jupyter.flow.drawing import MARKS, duration
from pf_jupyter.flow.geometry import INPUTS, OUTPUTS
from pf_jupyter.flow.graph import Layout, States

_MAX_LINES = 40
_NAME, _SOURCES = 32, 36
_ARROW = " ▸ "


def outline(layout: Layout, states: States, width: int) -> str:
    """Return a chain as one line, anything else as one line per node, by level.

    A flow of more than 40 nodes is told level by level.
    """
    chain = _chain(layout)
    if chain is not None:
        line = _ARROW.join(_brief(layout, name, states) for name in chain)
        if len(line) <= width:
            return line
    nodes = [name for name, item in layout.items.items() if not item.is_port]
    if len(nodes) > _MAX_LINES:
        lines = _by_level(layout, nodes, states)
    else:
        lines = _by_node(layout, nodes, states)
    return "\n".join(_cut(line, width) for line in lines)


def _chain(layout: Layout) -> list[str] | None:
    """Return the items from end to end, or None when the flow has branches."""
    if len(set(layout.levels.values())) < len(layout.levels):
        return None
    names = sorted(layout.items, key=lambda name: layout.levels[name])
    for line in layout.geometry.lines:
        if abs(names.index(line.source) - names.index(line.target)) > 1 and (
            line.source != INPUTS
        ):
            return None
    return names if not any(i.condition for i in layout.items.values()) else None


def _brief(layout: Layout, name: str, states: States) -> str:
    state = states.get(name, {})
    label = _cut(_line(layout.items[name].label), _NAME)
    mark = MARKS.get(str(state.get("status") or ""), "")
    took = duration(state.get("duration_ms"))
    return " ".join(filter(None, [mark, label, took]))


def _by_node(layout: Layout, nodes: list[str], states: States) -> list[str]:
    ordered = sorted(nodes, key=lambda name: layout.levels[name])
    rows = []
    for name in ordered:
        item = layout.items[name]
        state = states.get(name, {})
        status = str(state.get("status") or "")
        sources = [
            "inputs" if source == INPUTS else source for source in layout.needs[name]
        ]
        note = str(state.get("note") or "") or item.condition
        indent = "  " * layout.levels[name]
        rows.append(
            (
                f"{MARKS.get(status, '·')} {indent}{_cut(_line(name), _NAME)}",
                item.detail,
                duration(state.get("duration_ms")),
                _cut(f"◂ {', '.join(map(_line, sources))}", _SOURCES)
                if sources
                else "",
                _line(note),
            )
        )
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    lines = []
    if INPUTS in layout.items:
        lines.append(f"  inputs   {_line(layout.items[INPUTS].detail)}")
    for row in rows:
        cells = [
            cell.ljust(size) for cell, size in zip(row[:4], widths, strict=True) if size
        ]
        lines.append("  ".join([*cells, row[4]]).rstrip())
    if OUTPUTS in layout.items:
        told = [
            f"{name} ◂ {'inputs' if source == INPUTS else source}" if source else name
            for name, source in layout.outputs.items()
        ]
        lines.append(f"  outputs  {_line(' · '.join(told))}")
    return lines


def _by_level(layout: Layout, nodes: list[str], states: States) -> list[str]:
    levels: dict[int, list[str]] = {}
    for name in nodes:
        levels.setdefault(layout.levels[name], []).append(name)
    lines = []
    for level in sorted(levels):
        names = levels[level]
        counts: dict[str, int] = {}
        for name in names:
            mark = MARKS.get(str(states.get(name, {}).get("status") or ""), "·")
            counts[mark] = counts.get(mark, 0) + 1
        told = " ".join(f"{mark} {counts[mark]}" for mark in sorted(counts))
        plural = "" if len(names) == 1 else "s"
        listed = ", ".join(map(_line, names))
        lines.append(f"{level:>4}  {len(names):>3} node{plural:1}  {told}   {listed}")
    return lines


def _line(text: str) -> str:
    """Return text without line ends and control characters, which could do harm."""
    return "".join(c if c.isprintable() else " " for c in text)


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
