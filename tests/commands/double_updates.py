"""A runtime's versions for the double: there is always a version 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pf_jupyter.errors import IllegalState, NotFound, PfError
from pf_jupyter.workspace.api import (
    HasUpdates,
    OnPhase,
    PhaseEvent,
    Rehearsal,
    Update,
    VersionCheck,
)

ONE = {"name": "default", "version": "1", "digest": "sha256:" + "1" * 64}
TWO = {"name": "default", "version": "2", "digest": "sha256:" + "2" * 64}
NOTICE = "default:2 is out (your default:1 is 34 days old): openai 3.51 → 3.54"
CHANGES = [{"name": "openai", "before": "3.51", "after": "3.54"}]


def check_document(**changes: Any) -> dict[str, Any]:
    return {
        "runtime": "demo",
        "running": {**ONE, "created_at": None, "python": "3.12.1"},
        "latest": {**TWO, "reference": "", "created_at": None, "size": None},
        "newer": True,
        "kind": "version",
        "base": None,
        "packages": CHANGES,
        "checked_at": "2026-11-22T02:00:00.000000+00:00",
        "age_seconds": 5.0,
        "source": "registry example.test/team/default",
        "problem": None,
        "notice": NOTICE,
        **changes,
    }


def rehearsed_run(run_id: str, verdict: str) -> dict[str, Any]:
    side = {"status": "Completed", "outputs": {"a": 1}, "error": None}
    node = {"status": "Completed", "output": 1, "error": None}
    other = {"status": "Completed", "output": 2, "error": None}
    differs = verdict == "differs"
    return {
        "run_id": run_id,
        "flow": "hello",
        "node": None,
        "created_at": "2026-11-22T02:00:00.000000+00:00",
        "verdict": verdict,
        "reason": "its outputs differ at node greet" if differs else "",
        "inputs": {"name": "<Ada>"},
        "recorded": {"status": "Completed", "outputs": {"a": 1}},
        "before": {**side, "duration_ms": 2.0},
        "after": {**side, "duration_ms": 1.0},
        "parts_at": {"node": "greet", "inputs": {}, "before": node, "after": other}
        if differs
        else None,
        "from_record": ["chat"],
    }


def rehearsal_document(differing: int = 0, equal: int = 2) -> dict[str, Any]:
    runs = [rehearsed_run(f"run-d{i}", "differs") for i in range(differing)]
    runs += [rehearsed_run(f"run-e{i}", "equal") for i in range(equal)]
    numbers = {"equal": equal, "differs": differing, "varies": 0, "not_compared": 0}
    return {
        "runtime": "demo",
        "before": {**ONE, "python": "3.12.1"},
        "after": {**TWO, "python": "3.12.1"},
        "target": TWO["digest"],
        "at": "2026-11-22T02:00:00.000000+00:00",
        "seconds": 1.0,
        "passed": not differing,
        "counts": numbers,
        "packages": CHANGES,
        "checks": [],
        "times": {"start_ms": 500.0, "median_before_ms": 2.0, "median_after_ms": 1.0},
        "runs": runs,
    }


def update_document(verb: str = "update", **changes: Any) -> dict[str, Any]:
    pair = (TWO, ONE) if verb == "rollback" else (ONE, TWO)
    return {
        "runtime": "demo",
        "verb": verb,
        "moved": True,
        "before": {**pair[0], "python": "3.12.1"},
        "after": {**pair[1], "python": "3.12.1"},
        "packages": CHANGES,
        "layers": [],
        "built": None,
        "rehearsal": None,
        "going_on": 0,
        "seconds": 0.5,
        **changes,
    }


class DoubleUpdates(HasUpdates):
    """``refuse_update`` makes a rehearsal find a run that differs."""

    refuse_update = False
    unreachable: PfError | None = None
    checked: bool | None = None

    def check_version(self, *, fresh: bool = True) -> VersionCheck:
        self.checked = fresh
        if self.unreachable is not None:
            error = self.unreachable.to_dict()
            return VersionCheck(
                check_document(newer=False, latest=None, problem=error, notice="")
            )
        return VersionCheck(check_document())

    def known_version(self) -> VersionCheck | None:
        return None if self.checked is None else self.check_version(fresh=False)

    def rehearse(
        self,
        to: str | None = None,
        *,
        runs: int | Sequence[str] = 20,
        on_phase: OnPhase | None = None,
    ) -> Rehearsal:
        if on_phase is not None:
            on_phase(PhaseEvent("demo", "rehearse", "done", 0.1, "2 of 2 equal"))
        return Rehearsal(rehearsal_document(int(self.refuse_update)))

    def last_rehearsal(self) -> Rehearsal | None:
        return None

    def update(
        self,
        to: str | None = None,
        *,
        rehearse: bool = False,
        runs: int | Sequence[str] = 20,
        accept: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Update:
        told = self.rehearse(runs=runs, on_phase=on_phase) if rehearse else None
        if told is not None and not told.passed and accept != "default:2":
            raise IllegalState(
                "1 of 3 runs differ in default:2, so demo stays",
                code="runs_differ",
                hint="%pfruntime update demo --accept default:2 takes it all the same",
                details={"rehearsal": told.to_dict()},
            )
        return Update(update_document(rehearsal=told and told.to_dict()))

    def rollback(self, *, on_phase: OnPhase | None = None) -> Update:
        if self.refuse_update:
            raise NotFound("demo was not updated", code="no_previous")
        return Update(update_document("rollback"))
