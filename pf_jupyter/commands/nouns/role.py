"""`role`: who may do what in a workspace."""

from __future__ import annotations

from argparse import Namespace

from ..context import Context
from ..results import Facts, Message, Table
from ..tree import Argument, Outcome, Verb, noun
from ..values import count

ROLES = ("owner", "contributor", "data_scientist", "compute_operator", "reader")
_PERSON = Argument("person", "as Jupyter knows them", metavar="PERSON", required=True)
_ROLE = Argument("role", "one of the five", choices=ROLES, required=True)
_ON = Argument(
    "--on",
    "the workspace, or one thing: runtime:demo, compute:docker, connection:mine",
    metavar="KIND:NAME",
    default="workspace",
)


def _assign(context: Context, arguments: Namespace) -> Outcome:
    made = context.workspace.roles.assign(
        arguments.person, arguments.role, on=arguments.on, until=arguments.until
    )
    until = f" until {made.until[:16].replace('T', ' ')} UTC" if made.until else ""
    text = f"{made.principal} is {made.role} on {made.scope}{until}"
    return Outcome(Message(text), made.to_dict())


def _revoke(context: Context, arguments: Namespace) -> Outcome:
    person, role, on = arguments.person, arguments.role, arguments.on
    context.workspace.roles.revoke(person, role, on=on)
    text = f"{person} is not {role} on {on} any more; what runs goes on, nothing begins"
    document = {"principal": person, "role": role, "scope": on, "revoked": True}
    return Outcome(Message(text), document)


def _list(context: Context, arguments: Namespace) -> Outcome:
    if arguments.audit:
        lines = context.workspace.roles.audit(limit=arguments.limit)
        table = Table(
            ["when (UTC)", "person", "right", "on", "answer"],
            [
                [
                    line.time[:19].replace("T", " "),
                    line.principal,
                    line.right,
                    f"{line.kind} {line.name}".rstrip(),
                    "allowed" if line.allowed else "refused",
                ]
                for line in lines
            ],
            lines,
            empty="nothing was asked yet",
        )
        return Outcome(table, {"audit": [line.to_dict() for line in lines]})
    found = context.workspace.roles.list()
    table = Table(
        ["person", "role", "on", "until (UTC)", "given by"],
        [
            [
                item.principal,
                item.role,
                item.scope,
                (item.until or "")[:16].replace("T", " "),
                item.granted_by,
            ]
            for item in found
        ],
        found,
        empty="nobody has a role; give one: "
        + context.spell("role", "assign PERSON data_scientist"),
    )
    return Outcome(table, {"assignments": [item.to_dict() for item in found]})


def _check(context: Context, arguments: Namespace) -> Outcome:
    on = None if arguments.on == "workspace" else arguments.on
    found = context.workspace.roles.check(arguments.person, arguments.right, on=on)
    facts = [
        (arguments.right, "yes" if found.allowed else "no"),
        ("on", found.thing),
        ("because of", found.by),
        ("needs", found.needs),
        ("owners", ", ".join(found.ask)),
    ]
    shown = Facts([(name, value) for name, value in facts if value], found.to_dict())
    return Outcome(shown, found.to_dict(), exit_code=0 if found.allowed else 3)


ROLE = noun(
    "role",
    "who may do what in a workspace that several people share",
    [
        Verb(
            "assign",
            "give somebody a role, at once",
            _assign,
            (
                _PERSON,
                _ROLE,
                _ON,
                Argument(
                    "--until", "when it ends: 18:00, or a date and time", metavar="TIME"
                ),
            ),
            examples=(
                "ana data_scientist",
                "bo reader --on runtime:demo --until 18:00",
            ),
        ),
        Verb("revoke", "take a role back, at once", _revoke, (_PERSON, _ROLE, _ON)),
        Verb(
            "list",
            "list who has which role on what, or what was asked",
            _list,
            (
                Argument("--audit", "what was asked, and the answers", flag=True),
                Argument(
                    "--limit", "how many lines of it at most", type=count, default=100
                ),
            ),
        ),
        Verb(
            "check",
            "tell whether somebody may do something, without trying",
            _check,
            (
                _PERSON,
                Argument("right", "runtime.create, connection.use, …", required=True),
                _ON,
            ),
            examples=("ana runtime.create", "ana runtime.use --on runtime:demo"),
        ),
    ],
)
