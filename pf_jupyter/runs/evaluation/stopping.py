"""Ends an evaluation as soon as its question is settled: the rule, and what it steers.

Lines are judged in random order, and counted in that order however they come back:
those that answer fast may be of another kind than those that take long.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ...errors import UsageError
from .sequential import Sequential, Verdict
from .statistics import as_number

SEED = 20_231
AT_ONCE = 32
_POLL_SECONDS = 0.2

SCALES = {
    "f1_score": (0.0, 1.0),
    "ada_similarity": (-1.0, 1.0),
    "gpt_groundedness": (1.0, 5.0),
    "gpt_similarity": (1.0, 5.0),
    "gpt_relevance": (1.0, 5.0),
    "gpt_coherence": (1.0, 5.0),
    "gpt_fluency": (1.0, 5.0),
}
"""Ends of the scores of the bundled evaluations."""

Item = tuple[int, dict[str, Any]]


class StopRule:
    """Decides which lines are judged next, and when it is enough.

    Parameters
    ----------
    column
        The output that is the score.
    baseline
        The other run's score by line number; only these lines are judged.
    scale
        Ends of the score.
    error, smallest
        As for `Sequential`.
    """

    def __init__(
        self,
        column: str,
        baseline: Mapping[int, float],
        scale: tuple[float, float],
        error: float = 0.05,
        smallest: float | None = None,
    ) -> None:
        self.column = column
        self.low, self.high = scale
        self._baseline = baseline
        self._error, self._smallest = error, smallest
        self._queue: list[int] = []
        self._scores: dict[int, float] = {}
        self._next = 0
        self._test: Sequential | None = None
        self._change = threading.Condition()

    @property
    def settled(self) -> bool:
        """Whether there is nothing left to find out."""
        return self._test is not None and self._test.result != "open"

    def order(self, lines: Iterator[Item]) -> Iterator[Item | None]:
        """Give lines in random order until it is settled, a few at a time.

        None means: send what you have, I am waiting for results.
        """
        todo = [item for item in lines if item[0] in self._baseline]
        todo.sort(key=lambda item: item[0])
        random.Random(SEED).shuffle(todo)
        self._begin([number for number, _ in todo])
        waiting: set[int] = set()
        for item in todo:
            if item[0] in self._scores:
                continue
            while True:
                with self._change:
                    waiting -= self._scores.keys()
                    if self.settled:
                        return
                    if len(waiting) < AT_ONCE:
                        break
                yield None
                with self._change:
                    if not (waiting & self._scores.keys() or self.settled):
                        self._change.wait(_POLL_SECONDS)
            waiting.add(item[0])
            yield item

    def _begin(self, queue: list[int]) -> None:
        if self._test is not None:
            return  # the worker was lost: the same lines come again
        if not queue:
            raise UsageError(
                "the two evaluations have no line in common",
                code="InputMappingError",
                hint="judge two runs over the same data",
            )
        with self._change:
            self._queue = queue
            width = self.high - self.low
            self._test = Sequential(
                len(queue),
                -width,
                width,
                error=self._error,
                smallest=self._smallest,
            )

    def see(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take note of results; a line that failed has the lowest score."""
        with self._change:
            for record in records:
                outputs = record.get("outputs") or {}
                found = as_number(outputs.get(self.column))
                self._scores[record["line_number"]] = self.within(found)
            test = self._test
            while test is not None and not self.settled:
                if self._next >= len(self._queue):
                    break
                number = self._queue[self._next]
                if number not in self._scores:
                    break
                test.take(self._scores[number] - self.within(self._baseline[number]))
                self._next += 1
            self._change.notify_all()

    def within(self, score: float | None) -> float:
        """Return a score that does not pass the ends; the lowest for none."""
        return self.low if score is None else min(self.high, max(self.low, score))

    def verdict(self) -> Verdict | None:
        """Return what is settled; None before the first line."""
        with self._change:
            return self._test.verdict() if self._test and self._test.seen else None


def rule_for(
    outputs: Iterator[tuple[int, Mapping[str, Any]]],
    scale: tuple[float, float] | None = None,
    error: float = 0.05,
    smallest: float | None = None,
) -> StopRule:
    """Return the rule for beating an evaluation.

    Parameters
    ----------
    outputs
        Number and outputs of each line of the evaluation to beat.
    scale
        Ends of its score; known for shares and the bundled evaluations.

    Raises
    ------
    UsageError
        Its outputs hold no score, or one whose ends nobody knows.
    """
    columns: dict[str, dict[int, float]] = {}
    texts: set[str] = set()
    for number, row in outputs:
        for name, value in row.items():
            score = as_number(value)
            if score is None:
                texts.add(name)
            elif name not in texts:
                columns.setdefault(name, {})[number] = score
    scores = {name: kept for name, kept in columns.items() if name not in texts}
    if not scores:
        raise UsageError(
            "the evaluation to beat has no output that is a number or a grade",
            code="no_score",
            hint="let its flow give one: a number, or Correct and Incorrect",
        )
    name, baseline = next(iter(scores.items()))
    if scale is None and set(baseline.values()) <= {0.0, 1.0}:
        scale = (0.0, 1.0)
    scale = scale or SCALES.get(name)
    if scale is None:
        raise UsageError(
            f"the ends of the score {name!r} are not known",
            code="no_scale",
            hint="name them: --scale 1,5",
        )
    return StopRule(name, baseline, scale, error, smallest)
