"""What somebody is told of a refused update, when runs of others spoke against it."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from pf_jupyter.errors import IllegalState
from pf_jupyter.workspace.guarded_updates import GuardedUpdates
from pf_jupyter.workspace.update_api import VersionCheck


class Refusing:
    """A runtime whose last rehearsal speaks against the newer version."""

    def check_version(self):
        return VersionCheck({"kind": "version"})

    def update(self, to, **_options):
        raise IllegalState(
            f"1 of 1 runs differ in {to}: secret-run, its outputs differ",
            code="runs_differ",
            details={"rehearsal": {"runs": [{"run_id": "secret-run"}]}},
        )


class Guarded(GuardedUpdates):
    def __init__(self, principal):
        self.name = "demo"
        self._inner = Refusing()
        store = SimpleNamespace(run_owners=lambda runs: dict.fromkeys(runs, "bo"))
        self._workspace = SimpleNamespace(
            inner=SimpleNamespace(core=SimpleNamespace(store=store)),
            sees=lambda thing: thing.owner == principal,
        )

    def _may(self, right):
        return nullcontext()


@pytest.mark.parametrize(("principal", "sees"), [("bo", True), ("ana", False)])
def test_only_who_may_see_the_runs_is_told_of_them(principal, sees):
    with pytest.raises(IllegalState) as caught:
        Guarded(principal).update("default:2")
    error = caught.value
    assert error.code == "runs_differ"
    assert ("secret-run" in error.message) is sees
    assert ("rehearsal" in error.details) is sees
