"""`doctor`: is everything in place that runtimes need?"""

from __future__ import annotations

from argparse import Namespace

from ..context import Context
from ..results import Checks
from ..tree import Argument, Noun, Outcome, Verb


def _doctor(context: Context, arguments: Namespace) -> Outcome:
    checks = Checks(context.workspace.doctor(fix=arguments.fix), context.respell)
    return Outcome(checks, checks.to_dict(), exit_code=1 if checks.failed else 0)


DOCTOR = Noun(
    "doctor",
    "checks engine, disk, store, Python and network",
    sole=Verb(
        "doctor",
        "check engine, disk, store, Python and network, each with a cause",
        _doctor,
        (Argument("--fix", "mend what is safe to mend", flag=True),),
        examples=("--fix",),
    ),
)
