"""What a batch has come to so far: counts, speed, failures by kind, times of nodes."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .prices import Prices

MAX_KINDS = 20
BIN_EDGES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e3, 3e3, 1e4, 3e4)
"""Milliseconds between the bins of a node's histogram: two for each power of ten."""

_WINDOW_SECONDS = 10.0


class Tally:
    """Counts results as they come in.

    Parameters
    ----------
    total
        How many lines there are.
    reused
        How many of them were taken over from an earlier run.
    prices
        What models cost, where somebody has written it down.
    """

    def __init__(
        self, total: int, reused: int = 0, prices: Prices | None = None
    ) -> None:
        self.total = total
        self.reused = reused
        self.completed = reused
        self.failed = 0
        self._kinds: dict[str, dict[str, Any]] = {}
        self._nodes: dict[str, dict[str, float]] = {}
        self._bins: dict[str, list[int]] = {}
        self.tokens: dict[str, int] = {}
        self._prices = prices
        self._models: dict[str, dict[str, int]] = {}
        self._began = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque([(self._began, 0)])
        self._counted = 0

    def add(self, number: int, line: Mapping[str, Any]) -> None:
        """Count a result of this run."""
        self._counted += 1
        self.see(number, line)

    def see(self, number: int, line: Mapping[str, Any]) -> None:
        """Count a result that was there before this process."""
        if line["status"] == "Completed":
            self.completed += 1
        else:
            self.failed += 1
            self._note_failure(number, line.get("error") or {})
        for name, node in (line.get("nodes") or {}).items():
            status = node["status"]
            if status == "NotStarted":
                continue
            known = self._nodes.get(name)
            if known is None:
                known = self._nodes[name] = {}
                self._bins[name] = [0] * (len(BIN_EDGES) + 1)
            known[status] = known.get(status, 0) + 1
            took = node.get("duration_ms")
            known["ms"] = known.get("ms", 0.0) + (took or 0.0)
            if took is not None and status != "Bypassed":
                self._bins[name][bisect_right(BIN_EDGES, took)] += 1
            model = node.get("model")
            if model:
                usage = model.get("usage") or {}
                _add(self.tokens, usage)
                usages = model.get("usages") or {str(model.get("name")): usage}
                for name, part in usages.items():
                    _add(self._models.setdefault(name, {}), part)

    def _note_failure(self, number: int, error: Mapping[str, Any]) -> None:
        exception = (error.get("exception") or {}).get("type")
        kind = str(exception or error.get("code") or "error")
        known = self._kinds.get(kind)
        if known is not None:
            known["count"] += 1
        elif len(self._kinds) < MAX_KINDS:
            self._kinds[kind] = {
                "kind": kind,
                "count": 1,
                "line_number": number,
                "node": error.get("node"),
                "message": error.get("message") or "",
                "hint": error.get("hint") or "",
            }

    @property
    def cost(self) -> dict[str, Any] | None:
        """What the tokens cost: `Prices.cost`; None where nobody has said."""
        return None if self._prices is None else self._prices.cost(self._models)

    @property
    def lines(self) -> dict[str, int]:
        """Counts in the form that interface.md fixes."""
        return {
            "total": self.total,
            "completed": self.completed,
            "failed": self.failed,
            "reused": self.reused,
        }

    @property
    def failures(self) -> list[dict[str, Any]]:
        """Kinds of failures, the commonest first, each with its first line."""
        return sorted(self._kinds.values(), key=lambda kind: -kind["count"])

    @property
    def nodes(self) -> dict[str, dict[str, Any]]:
        """Of each node how often it ended how, its mean time in ms, its histogram."""
        shown = {}
        for name, known in self._nodes.items():
            counts = {key: int(count) for key, count in known.items() if key != "ms"}
            ran = sum(counts.values()) - counts.get("Bypassed", 0)
            mean = round(known["ms"] / ran, 3) if ran else None
            bins = list(self._bins[name])
            shown[name] = {"statuses": counts, "mean_ms": mean, "bins": bins}
        return shown

    def progress(self) -> dict[str, Any]:
        """Return where the batch is; ``seconds_left`` is None while nobody can know."""
        now = time.monotonic()
        recent = self._recent
        recent.append((now, self._counted))
        while len(recent) > 2 and now - recent[0][0] > _WINDOW_SECONDS:
            recent.popleft()
        since, before = recent[0]
        rate = (self._counted - before) / max(now - since, 1e-6)
        left = self.total - self.completed - self.failed
        return {
            **self.lines,
            "rate": round(rate, 2),
            "seconds_left": round(left / rate, 1) if rate > 0 else None,
            "elapsed": round(now - self._began, 3),
            "failures": self.failures,
            "nodes": self.nodes,
            "tokens": dict(self.tokens),
            "cost": self.cost,
        }


def _add(total: dict[str, int], usage: Mapping[str, Any]) -> None:
    for key, value in usage.items():
        if isinstance(value, int):
            total[key] = total.get(key, 0) + value
