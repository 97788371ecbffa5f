"""The verb `runtime instead`: ways on from a runtime that may not be used."""

from __future__ import annotations

from argparse import Namespace

from ..context import Context
from ..results import Facts
from ..tree import Argument, Outcome, Verb


def _instead(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.runtimes.instead(
        arguments.name, digest=arguments.digest or ""
    )
    own = f"{found.name}-of-mine"
    same = f"create {own}"
    if found.like:
        same = f"create {own} --like {found.like}"
    ask = f"ask {found.role} --on runtime:{found.name} --reason …"
    facts = [
        ("it can be used", "yes" if found.usable else ""),
        ("make the same", context.spell("runtime", same)),
        ("with", found.digest[:19] or "the default environment"),
        ("take another", ", ".join(found.others)),
        ("of the same environment", ", ".join(found.same)),
        ("ask for access", "" if found.usable else context.spell("role", ask)),
    ]
    kept = [(name, value) for name, value in facts if value]
    return Outcome(Facts(kept, found.to_dict()), found.to_dict())


INSTEAD = Verb(
    "instead",
    "tell the ways on from a runtime that somebody's notebook or flow names",
    _instead,
    (
        Argument("name", "the runtime that is named", required=True),
        Argument("--digest", "of its environment, where a notebook or a run tells it"),
    ),
    examples=("anas-runtime", "anas-runtime --digest sha256:3f…"),
)
