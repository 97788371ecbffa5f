"""Where the boxes and lines of a flow's picture go: a layered layout of our own.

Nodes stand in layers by their longest way from the inputs. Lines that span several
layers get a place in each of them, the order within layers is chosen by barycentres so
that few lines cross, and positions by least squares so that lines run straight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

INPUTS = "\0inputs"
OUTPUTS = "\0outputs"
"""Identities of the two boxes that are not nodes; no node can be called so in YAML."""

Direction = Literal["right", "down"]

_GAP_ACROSS = 18.0
_GAP_RIGHT, _GAP_DOWN = 54.0, 40.0
_MORE_PER_BOX, _MOST_MORE = 3.0, 60.0
_LINE_SIZE = 10.0
_MARGIN = 14.0
_SWEEPS = 4
_WIDEST = 1000.0


@dataclass(frozen=True)
class Size:
    """Width and height of a box in pixels."""

    width: float
    height: float


@dataclass(frozen=True)
class Box:
    """A box at its place; ``x`` and ``y`` are those of its upper left corner."""

    name: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """A line between boxes: from its first to its last point, smooth at the others.

    ``points`` come in pairs: the line runs straight from the second of one pair to the
    first of the same, and bends between pairs.
    """

    source: str
    target: str
    points: tuple[tuple[float, float], ...]
    conditional: bool = False


@dataclass(frozen=True)
class Geometry:
    """Places of everything in a picture, in pixels."""

    width: float
    height: float
    direction: Direction
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass
class _Item:
    """A box, or (without ``name``) the place of a long line within a layer."""

    layer: int
    size: Size
    name: str = ""
    before: list[_Item] = field(default_factory=list)
    after: list[_Item] = field(default_factory=list)
    rank: float = 0.0
    across: float = 0.0

    @property
    def weight(self) -> float:
        """How much it pulls its neighbours: long lines shall run straight."""
        return 1.0 if self.name else 4.0


@dataclass(frozen=True)
class Edge:
    """A line to draw, before anything has its place."""

    source: str
    target: str
    conditional: bool = False


def place(
    sizes: dict[str, Size],
    layers: dict[str, int],
    edges: Sequence[Edge],
    gap: float = _GAP_ACROSS,
) -> Geometry:
    """Place boxes and lines.

    Parameters
    ----------
    sizes
        Size of each box, in the order wished for.
    layers
        Layer of each box; a line leads from a lower layer to a higher one.
    edges
        The lines, without duplicates.
    gap
        Least distance of two boxes in a layer.
    """
    direction = _direction(sizes, layers)
    grid, chains = _grid(sizes, layers, edges, direction)
    for sweep in range(_SWEEPS):
        _order(grid, downwards=sweep % 2 == 0)
    _across(grid, gap)
    along, total = _along(grid, direction)
    shift = _MARGIN - min(
        (item.across - item.size.height / 2 for layer in grid for item in layer),
        default=0.0,
    )
    extent = _MARGIN + max(
        (item.across + item.size.height / 2 for layer in grid for item in layer),
        default=0.0,
    )
    boxes = []
    for layer, (start, end) in zip(grid, along, strict=True):
        for item in layer:
            if item.name:
                middle = (start + end) / 2
                boxes.append(_box(item, middle, item.across + shift, direction))
    order = {name: index for index, name in enumerate(sizes)}
    boxes.sort(key=lambda box: order[box.name])
    lines = tuple(
        Line(
            edge.source,
            edge.target,
            _points(chain, along, shift, direction),
            edge.conditional,
        )
        for edge, chain in zip(edges, chains, strict=True)
    )
    width, height = total, extent + shift
    if direction == "down":
        width, height = height, width
    return Geometry(width, height, direction, tuple(boxes), lines)


def _direction(sizes: dict[str, Size], layers: dict[str, int]) -> Direction:
    """Run to the right, as one reads, unless that gets too wide and down is better."""
    rows: dict[int, list[Size]] = {}
    for name, layer in layers.items():
        rows.setdefault(layer, []).append(sizes[name])
    right = sum(max(s.width for s in row) + _GAP_RIGHT for row in rows.values())
    down = max(
        (sum(s.width + _GAP_ACROSS for s in row) for row in rows.values()), default=0
    )
    return "down" if right > _WIDEST and down < right else "right"


def _grid(
    sizes: dict[str, Size],
    layers: dict[str, int],
    edges: Sequence[Edge],
    direction: Direction,
) -> tuple[list[list[_Item]], list[list[_Item]]]:
    """Return the items of each layer, and for each edge its items from end to end.

    Sizes are turned so that ``height`` always lies across the direction of reading.
    """
    lowest, highest = min(layers.values(), default=0), max(layers.values(), default=0)
    layers = {name: layer - lowest for name, layer in layers.items()}
    grid: list[list[_Item]] = [[] for _ in range(highest - lowest + 1)]
    items: dict[str, _Item] = {}
    for name, size in sizes.items():
        turned = size if direction == "right" else Size(size.height, size.width)
        items[name] = _Item(layers[name], turned, name)
        grid[layers[name]].append(items[name])
    chains = []
    for edge in edges:
        chain = [items[edge.source]]
        for layer in range(layers[edge.source] + 1, layers[edge.target]):
            chain.append(_Item(layer, Size(0, _LINE_SIZE)))
            grid[layer].append(chain[-1])
        chain.append(items[edge.target])
        for first, second in pairwise(chain):
            first.after.append(second)
            second.before.append(first)
        chains.append(chain)
    for row in grid:
        for rank, item in enumerate(row):
            item.rank = float(rank)
    return grid, chains


def _order(grid: list[list[_Item]], *, downwards: bool) -> None:
    """Sort each layer by where its neighbours in the layer before stand."""
    for layer in grid if downwards else reversed(grid):
        keys = {}
        for item in layer:
            near = item.before if downwards else item.after
            keys[id(item)] = (
                sum(other.rank for other in near) / len(near) if near else item.rank
            )
        layer.sort(key=lambda item: keys[id(item)])
        for index, item in enumerate(layer):
            # Centred, so that layers of different lengths are comparable.
            item.rank = index - (len(layer) - 1) / 2


def _across(grid: list[list[_Item]], gap: float) -> None:
    for layer in grid:
        offset = -sum(item.size.height + gap for item in layer) / 2
        for item in layer:
            item.across = offset + item.size.height / 2
            offset += item.size.height + gap
    for sweep in range(2 * _SWEEPS):
        downwards = sweep % 2 == 0
        for layer in grid if downwards else reversed(grid):
            wanted = []
            for item in layer:
                near = item.before if downwards else item.after
                if sweep >= _SWEEPS:
                    near = item.before + item.after
                weight = sum(other.weight for other in near)
                wanted.append(
                    sum(other.across * other.weight for other in near) / weight
                    if near
                    else item.across
                )
            for item, across in zip(layer, _separate(layer, wanted, gap), strict=True):
                item.across = across


def _separate(layer: list[_Item], wanted: list[float], gap: float) -> list[float]:
    """Return the positions nearest to those wanted that keep order and distance.

    Least squares under order constraints: merge neighbours that overlap into blocks
    which stand at the mean of what their members want.
    """
    offsets = [0.0]
    for first, second in pairwise(layer):
        between = gap if first.name or second.name else gap / 2
        distance = (first.size.height + second.size.height) / 2 + between
        offsets.append(offsets[-1] + distance)
    blocks: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        total, count = want - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / count:
            previous = blocks.pop()
            total, count = total + previous[0], count + previous[1]
        blocks.append((total, count))
    positions: list[float] = []
    for total, count in blocks:
        for _ in range(count):
            positions.append(total / count + offsets[len(positions)])
    return positions


def _along(
    grid: list[list[_Item]], direction: Direction
) -> tuple[list[tuple[float, float]], float]:
    """Return where each layer begins and ends along the direction of reading."""
    # Lines that fan out far need room to do so.
    most = max((sum(1 for item in layer if item.name) for layer in grid), default=0)
    gap = _GAP_RIGHT if direction == "right" else _GAP_DOWN
    gap += min(max(most - 4, 0) * _MORE_PER_BOX, _MOST_MORE)
    spans = []
    position = _MARGIN
    for layer in grid:
        size = max((item.size.width for item in layer), default=0.0)
        spans.append((position, position + size))
        position += size + gap
    return spans, position - gap + _MARGIN


def _box(item: _Item, along: float, across: float, direction: Direction) -> Box:
    x, y = along - item.size.width / 2, across - item.size.height / 2
    if direction == "right":
        return Box(item.name, x, y, item.size.width, item.size.height)
    return Box(item.name, y, x, item.size.height, item.size.width)


def _points(
    chain: list[_Item],
    along: list[tuple[float, float]],
    shift: float,
    direction: Direction,
) -> tuple[tuple[float, float], ...]:
    points = []
    for item in chain:
        start, end = along[item.layer]
        if item.name:  # a box may be narrower than its layer
            middle, half = (start + end) / 2, item.size.width / 2
            start, end = middle - half, middle + half
        pair = [(start, item.across + shift), (end, item.across + shift)]
        if item is chain[0]:
            pair = pair[1:]
        elif item is chain[-1]:
            pair = pair[:1]
        points.extend(pair)
    if direction == "right":
        return tuple(points)
    return tuple((y, x) for x, y in points)
