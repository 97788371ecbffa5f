"""Every case gives the answers of the published package.

``PF_CONFORMANCE=snapshot`` compares with the committed answers instead of asking it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import pending
from .case import load_cases
from .differences import ALLOWED, EVERYWHERE
from .report import write
from .rules import RULES
from .verdict import Verdict, verdicts

CASES = load_cases()
REPORT = Path(__file__).parents[2] / "build" / "conformance"


@pytest.fixture(scope="session")
def found(request: pytest.FixtureRequest) -> dict[str, Verdict]:
    """The verdicts on the cases that were selected, all asked in one go."""
    names = {
        item.callspec.params["name"]
        for item in request.session.items
        if getattr(item, "callspec", None) and "name" in item.callspec.params
    }
    chosen = [case for name, case in CASES.items() if name in names]
    result, source = verdicts(chosen)
    if len(chosen) == len(CASES):
        write(result, source, Path(os.environ.get("PF_CONFORMANCE_REPORT", REPORT)))
    return result


def marked(name: str) -> object:
    """Return the parameter for a case; some wait for a part that is not built yet."""
    reason = pending.reason(CASES[name])
    mark = pytest.mark.xfail(reason=reason, strict=False)
    return pytest.param(name, marks=[mark] if reason else [], id=name)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", [marked(name) for name in CASES])
def test_case_gives_the_published_answers(name: str, found: dict[str, Verdict]) -> None:
    assert found[name].equal, found[name].explain()


def test_cases_name_known_rules_and_differences() -> None:
    for case in CASES.values():
        assert set(case.rules) <= set(RULES), case.id
        assert set(case.differs) <= set(ALLOWED), case.id


def test_every_wanted_difference_is_needed(found: dict[str, Verdict]) -> None:
    if len(found) < len(CASES):
        return
    used = {name for verdict in found.values() for name in verdict.used}
    assert used == {*ALLOWED, *EVERYWHERE}
