"""`doctor`: is everything in place that runtimes, or one flow, need?"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..context import Context
from ..results import Checks
from ..tree import Argument, Noun, Outcome, Verb

if TYPE_CHECKING:
    from ...workspace.api import CheckResult, Problem


def _doctor(context: Context, arguments: Namespace) -> Outcome:
    found = list(context.workspace.doctor(fix=arguments.fix))
    if arguments.path:
        found += _of_flow(context, arguments.path)
    checks = Checks(found, context.respell)
    return Outcome(checks, checks.to_dict(), exit_code=1 if checks.failed else 0)


def _of_flow(context: Context, name: str) -> Iterator[CheckResult]:
    """Look at a flow as far as that goes without running any of its code."""
    from ...workspace.api import CheckResult

    found = context.workspace.flows.validate(context.flow(name), code=False)
    for problem in found.problems:
        yield CheckResult("flow", "fail", _placed(problem), problem.hint)
    for warning in found.warnings:
        yield CheckResult("flow", "warn", _placed(warning), warning.hint)
    if not found.problems and not found.warnings:
        text = f"{name} is fine, and the connections that it names are there"
        yield CheckResult("flow", "pass", text)


def _placed(problem: Problem) -> str:
    place = f"{problem.file}:{problem.line}:{problem.column}"
    return f"{place if problem.line else problem.file}  {problem.message}"


DOCTOR = Noun(
    "doctor",
    "checks engine, disk, store, Python and network, and a flow",
    sole=Verb(
        "doctor",
        "check engine, disk, store, Python and network, and what a flow needs",
        _doctor,
        (
            Argument(
                "path",
                "a flow whose file and connections are looked at too",
                metavar="FLOW",
                complete="flow",
            ),
            Argument("--fix", "mend what is safe to mend", flag=True),
        ),
        examples=("--fix", "my-flow"),
    ),
)
