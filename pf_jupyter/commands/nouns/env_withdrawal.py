"""`env withdraw`: do not use this version."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from ..context import Context
from ..results import Message
from ..tree import Argument, Outcome, Verb

if TYPE_CHECKING:
    from ...workspace.api import Environment


def marked_name(one: Environment) -> str:
    """Return ``name:version`` with what is to be known before it is used."""
    marks = " (withdrawn)" if one.withdrawn else ""
    marks += " (archived)" if one.archived else ""
    return f"{one.name}:{one.version}{marks}"


def _withdraw(context: Context, arguments: Namespace) -> Outcome:
    changed = context.workspace.environments.withdraw(
        arguments.env, arguments.reason or "", undo=arguments.undo
    )
    name = f"{changed.name}:{changed.version}"
    text = f"{name} may be used again"
    if changed.withdrawn:
        text = f"{name} is withdrawn: {changed.withdrawn}"
        if changed.used_by:
            text += f"; used by {', '.join(changed.used_by)}"
    return Outcome(Message(text), changed.to_dict())


WITHDRAW = Verb(
    "withdraw",
    "say that a version is not to be used: it is offered no more",
    _withdraw,
    (
        Argument(
            "env",
            "the version, name:version",
            metavar="ENV",
            complete="environment",
            required=True,
        ),
        Argument("--reason", "why, for people", metavar="TEXT"),
        Argument("--undo", "it may be used again", flag=True),
    ),
    ('my-env:2 --reason "loses rows"', "my-env:2 --undo"),
)
