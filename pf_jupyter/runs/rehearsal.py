"""Recorded runs repeated in two runtimes, and what differs between them."""

from __future__ import annotations

import json
import secrets
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from ..store.records import RunRecord
from .replay import NotRepeatable, Replayer, Side, Tape, same

if TYPE_CHECKING:
    from ..runtimes.channel import WorkerChannel

Verdict = Literal["equal", "differs", "varies", "not_compared"]
VERDICTS: tuple[Verdict, ...] = ("equal", "differs", "varies", "not_compared")
_VALUE_CHARACTERS = 4000


@dataclass
class Rehearsed:
    """One run, repeated.

    Parameters
    ----------
    verdict
        ``equal``; ``differs``; ``varies``: it gives something else each time, in the
        runtime as it is, too; ``not_compared``: it could not be repeated.
    reason
        For people; empty where the verdict says it all.
    parts_at
        The first node at which both sides differ.
    from_record
        The nodes that were answered from the record.
    """

    record: RunRecord
    verdict: Verdict
    reason: str = ""
    before: Side | None = None
    after: Side | None = None
    parts_at: dict[str, Any] | None = None
    from_record: tuple[str, ...] = field(default_factory=tuple)

    def told(self) -> dict[str, Any]:
        """Return it for a rehearsal's document, its values cut to what can be shown."""
        return {
            "run_id": self.record.run_id,
            "flow": self.record.flow,
            "node": self.record.node,
            "created_at": self.record.created_at,
            "verdict": self.verdict,
            "reason": self.reason,
            "inputs": bounded(self.record.inputs or {}),
            "recorded": {
                "status": self.record.status,
                "outputs": bounded(_recorded(self)),
            },
            "before": _told(self.before),
            "after": _told(self.after),
            "parts_at": self.parts_at,
            "from_record": list(self.from_record),
        }


class Rehearsing:
    """Repeats runs here and there.

    Parameters
    ----------
    replayer
        Repeats one.
    before, after
        Give the channels to the workers of the runtime as it is, and beside it.
    """

    def __init__(
        self,
        replayer: Replayer,
        before: Callable[[], WorkerChannel],
        after: Callable[[], WorkerChannel],
    ) -> None:
        self._replayer = replayer
        self._before = before
        self._after = after

    def repeat(self, record: RunRecord) -> Rehearsed:
        """Repeat one run on both sides and compare.

        Raises
        ------
        RuntimeFailed
            A worker ended.
        """
        try:
            tape = self._replayer.tape(record)
        except NotRepeatable as error:
            return Rehearsed(record, "not_compared", str(error))
        before = self._play(tape, self._before)
        after = self._play(tape, self._after)
        found = Rehearsed(
            record, "equal", "", before, after, from_record=tuple(sorted(tape.answers))
        )
        if _alike(before, after):
            return self._judged_equal(found)
        again = self._play(tape, self._before)
        parts = _parting(before, after, unsteady=_unsteady(before, again))
        if not _alike(before, again) and parts is None:
            found.verdict = "varies"
            found.reason = "it gives something else each time, here as well"
            return found
        found.verdict, found.parts_at = "differs", parts
        found.reason = _why(before, after, parts)
        return found

    def _judged_equal(self, found: Rehearsed) -> Rehearsed:
        before, recorded = found.before, found.record.status
        assert before is not None
        if before.status != "Completed" and recorded == "Completed":
            found.verdict = "not_compared"
            words = (before.error or {}).get("message") or before.status
            found.reason = f"it fails in both now, and did not then: {words}"
        elif before.status != "Completed":
            found.reason = "it fails in both, as it did"
        elif recorded == "Completed" and not same(before.outputs, _recorded(found)):
            found.reason = (
                "both give something else than was recorded: the flow, or what it "
                "reads, has changed since"
            )
        return found

    def _play(self, tape: Tape, channel: Callable[[], WorkerChannel]) -> Side:
        run_id = f"rehearsal-{secrets.token_hex(6)}"
        return self._replayer.play(tape, channel(), run_id)


def _recorded(found: Rehearsed) -> Any:
    """Return what the recorded run gave."""
    document, node = found.record.document or {}, found.record.node
    if found.record.mode != "node":
        return document.get("outputs")
    return ((document.get("nodes") or {}).get(node) or {}).get("output")


def counts(found: Sequence[Rehearsed]) -> dict[str, int]:
    """Return how many there are of each verdict."""
    return {name: sum(one.verdict == name for one in found) for name in VERDICTS}


def median_ms(found: Sequence[Rehearsed], side: Literal["before", "after"]) -> Any:
    """Return the median time of a run on one side, None without any."""
    sides = [getattr(one, side) for one in found]
    times = [one.duration_ms for one in sides if one is not None and one.duration_ms]
    return round(statistics.median(times), 3) if times else None


def bounded(value: Any) -> Any:
    """Return a value, or the beginning of it as text where it is too much to show."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = repr(value)
        return text[:_VALUE_CHARACTERS]
    if len(text) <= _VALUE_CHARACTERS:
        return value
    more = len(text) - _VALUE_CHARACTERS
    return f"{text[:_VALUE_CHARACTERS]}… ({more} more characters)"


def _alike(one: Side, other: Side) -> bool:
    if one.status != other.status:
        return False
    if one.status != "Completed":
        return _failed_at(one) == _failed_at(other)
    # an answer from the record belongs to the question that was asked then
    return same(one.outputs, other.outputs) and one.asked == other.asked


def _failed_at(side: Side) -> tuple[Any, Any]:
    error = side.error or {}
    return error.get("code"), error.get("node")


def _unsteady(one: Side, other: Side) -> set[str]:
    """Return the nodes that differ between two runs in the same place."""
    return {
        name
        for name in {*one.nodes, *other.nodes}
        if not _same_node(one.nodes.get(name), other.nodes.get(name))
    }


def _parting(before: Side, after: Side, unsteady: set[str]) -> dict[str, Any] | None:
    """Return the first node that differs though it is steady, with both sides."""
    names = sorted(
        {**before.nodes, **after.nodes},
        key=lambda name: str(
            (before.nodes.get(name) or after.nodes[name]).get("started_at") or "~"
        ),
    )
    for name in names:
        one, other = before.nodes.get(name), after.nodes.get(name)
        if name in unsteady or _same_node(one, other):
            continue
        shown = other if other is not None and other.get("inputs") else one
        return {
            "node": name,
            "inputs": bounded((shown or {}).get("inputs")),
            "before": _node(one),
            "after": _node(other),
        }
    return None


def _same_node(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    if one is None or other is None:
        return one is other
    if one.get("status") != other.get("status"):
        return False
    return same(one.get("output"), other.get("output"))


def _node(node: Mapping[str, Any] | None) -> dict[str, Any]:
    if node is None:
        return {"status": "NotStarted", "output": None, "error": None}
    return {
        "status": node.get("status"),
        "output": bounded(node.get("output")),
        "error": _error(node.get("error")),
    }


def _error(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not error:
        return None
    return {key: error.get(key) for key in ("code", "message", "node")}


def _told(side: Side | None) -> dict[str, Any] | None:
    if side is None:
        return None
    return {
        "status": side.status,
        "outputs": bounded(side.outputs),
        "error": _error(side.error),
        "duration_ms": side.duration_ms,
    }


def _why(before: Side, after: Side, parts: Mapping[str, Any] | None) -> str:
    where = f" at node {parts['node']}" if parts else ""
    if after.status != before.status:
        words = (after.error or {}).get("message") or ""
        tail = f": {words}" if words else ""
        return f"it is {after.status} there, {before.status} here{where}{tail}"
    if before.asked != after.asked:
        return f"it asks a model something else{where}"
    return f"its outputs differ{where}"
