"""Puts all cases to both sides and says of each whether the answers are equal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from . import oracle, ours
from .case import Case
from .compare import Difference, compare
from .differences import judge


@dataclass
class Verdict:
    """What came of one case: differences that remain, allowed ones, stale ones."""

    case: Case
    remaining: list[tuple[int, Difference]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    unknown: bool = False

    @property
    def stale(self) -> list[str]:
        """Ids of differences that the case names and does not show."""
        return [name for name in self.case.differs if name not in self.used]

    @property
    def equal(self) -> bool:
        """Whether nothing differs but what may."""
        return not self.remaining and not self.stale and not self.unknown

    def explain(self) -> str:
        """Return what is wrong, one line each."""
        lines = [f"run {i}: {difference}" for i, difference in self.remaining]
        lines += [f"difference {name!r} is not seen any more" for name in self.stale]
        if self.unknown:
            lines.append("the snapshot of answers does not hold this case; refresh it")
        return "\n".join(lines)


def verdicts(cases: list[Case]) -> tuple[dict[str, Verdict], str]:
    """Return the verdict on each case by its id, and whose answers were compared."""
    theirs, source = oracle.answers_for(cases)
    known = [case for case in cases if case.key() in theirs]
    mine = ours.answers_for(known)
    found = {}
    for case in cases:
        found[case.id] = verdict = Verdict(case, unknown=case.key() not in theirs)
        if verdict.unknown:
            continue
        pairs: list[tuple[Any, Any]] = list(
            zip(theirs[case.key()], mine[case.key()], strict=True)
        )
        for i, (first, second) in enumerate(pairs):
            remaining, used = judge(case.differs, compare(first, second), first, second)
            verdict.remaining += [(i, difference) for difference in remaining]
            verdict.used |= used
    return found, source
