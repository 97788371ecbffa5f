"""The verbs of `role` about asking for access and answering."""

from __future__ import annotations

from argparse import Namespace

from ..context import Context
from ..results import Message, Table
from ..tree import Argument, Outcome, Verb

_REQUEST = Argument("request", "its id", complete="request", required=True)


def _ask(context: Context, arguments: Namespace) -> Outcome:
    made = context.workspace.roles.ask(
        arguments.role, on=arguments.on, reason=arguments.reason or ""
    )
    text = f"{made.principal} asks for {made.role} on {made.scope}: request {made.id}"
    spelled = context.spell("role", f"grant {made.id} --until 18:00")
    return Outcome(Message(f"{text}; an owner answers with {spelled}"), made.to_dict())


def _requests(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.roles.requests(answered=arguments.all)
    table = Table(
        ["request", "person", "role", "on", "what for", "state"],
        [
            [one.id, one.principal, one.role, one.scope, one.reason, one.state]
            for one in found
        ],
        found,
        empty="nobody has asked for anything",
    )
    return Outcome(table, {"requests": [one.to_dict() for one in found]})


def _grant(context: Context, arguments: Namespace) -> Outcome:
    role = getattr(arguments, "as")
    made = context.workspace.roles.grant(
        arguments.request, role=role, until=arguments.until
    )
    until = f" until {made.until[:16].replace('T', ' ')} UTC" if made.until else ""
    text = f"{made.principal} is {made.role} on {made.scope}{until}"
    return Outcome(Message(text), made.to_dict())


def _refuse(context: Context, arguments: Namespace) -> Outcome:
    done = context.workspace.roles.refuse(arguments.request)
    text = f"{done.principal} does not get {done.role} on {done.scope}"
    return Outcome(Message(text), done.to_dict())


REQUESTING = (
    Verb(
        "ask",
        "ask for a role, for those to see who can give it",
        _ask,
        (
            Argument("role", "which", complete="role", required=True),
            Argument(
                "--on",
                "the workspace, or one thing: runtime:demo",
                metavar="KIND:NAME",
                default="workspace",
            ),
            Argument("--reason", "what for", metavar="TEXT"),
        ),
        examples=("data_scientist --on runtime:demo --reason 'to rerun notebook 3'",),
    ),
    Verb(
        "requests",
        "list what you asked for, and what you can answer",
        _requests,
        (Argument("--all", "those that were answered, too", flag=True),),
    ),
    Verb(
        "grant",
        "give what was asked for",
        _grant,
        (
            _REQUEST,
            Argument("--as", "this role instead", metavar="ROLE", complete="role"),
            Argument("--until", "when it ends: 18:00, 2h, or a date", metavar="TIME"),
        ),
        examples=("3f2a9c01 --until 18:00",),
    ),
    Verb("refuse", "refuse what was asked for", _refuse, (_REQUEST,)),
)
