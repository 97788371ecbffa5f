"""`role`: who may do what in a workspace."""

from __future__ import annotations

from argparse import Namespace

from ..context import Context
from ..results import Facts, Message, Table
from ..tree import Argument, Outcome, Verb, noun
from ..values import count
from .role_definitions import DEFINING, ROLE_NAME
from .role_requests import REQUESTING

_PERSON = Argument(
    "person", "as Jupyter knows them, or group:NAME", metavar="PERSON", required=True
)
_ON = Argument(
    "--on",
    "the workspace, or one thing: runtime:demo, compute:docker, connection:mine",
    metavar="KIND:NAME",
    default="workspace",
)
_UNTIL = Argument(
    "--until", "when it ends: 18:00, 2h, or a date and time", metavar="TIME"
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
    found = context.workspace.roles.revoke(
        person, role, on=on, cancel=arguments.cancel_runs
    )
    text = f"{person} is not {role} on {on} any more; nothing begins"
    if found.canceled:
        text += f"; ended: {', '.join(found.canceled)}"
    text += f"; goes on: {', '.join(found.running) or 'nothing'}"
    if found.running:
        text += " (" + context.spell("run", "cancel RUN") + " ends a run)"
    return Outcome(Message(text), found.to_dict())


def _audit(context: Context, arguments: Namespace) -> Outcome:
    allowed = None
    if arguments.refused or arguments.allowed:
        allowed = not arguments.refused
    lines = context.workspace.roles.audit(
        limit=arguments.limit,
        principal=arguments.person,
        right=arguments.right,
        on=arguments.on,
        allowed=allowed,
        since=arguments.since,
    )
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


def _list(context: Context, arguments: Namespace) -> Outcome:
    if arguments.audit:
        every = {"person": None, "right": None, "on": None, "since": None}
        flags = {"refused": False, "allowed": False}
        return _audit(context, Namespace(limit=arguments.limit, **every, **flags))
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
    given = found.assignment
    facts = [
        (arguments.right, "yes" if found.allowed else "no"),
        ("on", found.thing),
        ("because of", found.by),
        ("taken away by", found.excluded),
        ("given by", f"{given.granted_by}, {given.created_at[:10]}" if given else ""),
        ("needs", found.needs),
        ("ask", ", ".join(found.ask)),
    ]
    shown = Facts([(name, value) for name, value in facts if value], found.to_dict())
    return Outcome(shown, found.to_dict(), exit_code=0 if found.allowed else 3)


_LIMIT = Argument("--limit", "how many lines of it at most", type=count, default=100)

ROLE = noun(
    "role",
    "who may do what in a workspace that several people share",
    [
        Verb(
            "assign",
            "give somebody a role, at once",
            _assign,
            (_PERSON, ROLE_NAME, _ON, _UNTIL),
            examples=(
                "ana data_scientist",
                "bo reader --on runtime:demo --until 18:00",
                "group:analysts data_scientist",
            ),
        ),
        Verb(
            "revoke",
            "take a role back, at once",
            _revoke,
            (
                _PERSON,
                ROLE_NAME,
                _ON,
                Argument("--cancel-runs", "end what of theirs still runs", flag=True),
            ),
        ),
        Verb(
            "list",
            "list who has which role on what, or what was asked",
            _list,
            (Argument("--audit", "what was asked, and the answers", flag=True), _LIMIT),
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
        *DEFINING,
        *REQUESTING,
        Verb(
            "audit",
            "list what was asked, and the answers, the newest first",
            _audit,
            (
                Argument("--person", "of this person", metavar="PERSON"),
                Argument("--right", "this right; role.* for all that begin so"),
                Argument("--on", "about this kind or thing", metavar="KIND[:NAME]"),
                Argument("--refused", "only what was refused", flag=True),
                Argument("--allowed", "only what was allowed", flag=True),
                Argument("--since", "from this date and time on", metavar="TIME"),
                _LIMIT,
            ),
            examples=("--refused", "--person ana --right role.*"),
        ),
    ],
)
