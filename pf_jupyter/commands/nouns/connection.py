"""`connection`: what flows need to reach other services."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..context import Context
from ..results import Facts, Message, Table
from ..tree import Argument, Outcome, Verb, noun
from ..values import read_pairs

if TYPE_CHECKING:
    from ...workspace.api import Connection

SCOPES = ("personal", "workspace")
_NAME = Argument(
    "name", "its name", metavar="NAME", complete="connection", required=True
)
_FILE = Argument(
    "--file", "a YAML file of the public form", metavar="FILE", complete="file"
)
_SET = Argument(
    "--set",
    "fields of its type; configs.KEY and secrets.KEY of a custom one; @FILE reads",
    metavar="field=value",
    complete="connection-field",
    many=True,
)


def _scope(default: str | None) -> Argument:
    return Argument(
        "--scope",
        "whose it is: your own, or everybody's in this workspace",
        choices=SCOPES,
        default=default,
    )


def _list(context: Context, arguments: Namespace) -> Outcome:
    del arguments
    found = context.workspace.connections.list()
    table = Table(
        ["connection", "type", "scope", "owner", "changed (UTC)"],
        [
            [
                item.name,
                item.custom_type or item.type,
                item.scope,
                item.owner,
                item.changed_at[:19].replace("T", " "),
            ]
            for item in found
        ],
        found,
        empty="no connections yet; make one: "
        + context.spell("connection", "create --file connection.yaml"),
    )
    return Outcome(table, {"connections": [item.to_dict() for item in found]})


def _show(context: Context, arguments: Namespace) -> Outcome:
    return _outcome(context.workspace.connections.show(arguments.name))


def _create(context: Context, arguments: Namespace) -> Outcome:
    settings = _settings(context, arguments.set)
    if arguments.type is not None:
        settings["type"] = arguments.type
    made = context.workspace.connections.create(
        arguments.file,
        name=arguments.name,
        settings=settings,
        scope=arguments.scope,
        ask=_asker(context),
    )
    _warn(context, made, arguments.set)
    return _outcome(made)


def _update(context: Context, arguments: Namespace) -> Outcome:
    made = context.workspace.connections.update(
        arguments.name,
        arguments.file,
        settings=_settings(context, arguments.set),
        scope=arguments.scope,
        ask=_asker(context),
    )
    _warn(context, made, arguments.set)
    return _outcome(made)


def _delete(context: Context, arguments: Namespace) -> Outcome:
    name = arguments.name
    context.workspace.connections.show(name)
    if not arguments.yes and not context.confirm(f"delete connection {name}?"):
        return Outcome(Message("nothing was deleted"), {"name": name, "deleted": False})
    context.workspace.connections.delete(name)
    return Outcome(
        Message(f"connection {name} and its secrets are deleted"),
        {"name": name, "deleted": True},
    )


def _outcome(item: Connection) -> Outcome:
    facts = [
        ("connection", item.name),
        ("type", item.type),
        ("class", f"{item.custom_type} of {item.module}" if item.custom_type else ""),
        *((key, str(value)) for key, value in item.configs.items()),
        *((key, str(value)) for key, value in item.secrets.items()),
        ("scope", item.scope),
        ("owner", item.owner),
    ]
    return Outcome(Facts(facts, item.to_dict()), item.to_dict())


def _settings(context: Context, pairs: Sequence[str]) -> dict[str, Any]:
    # a file's last line ends, a key does not
    return {
        key: value.rstrip("\r\n") if isinstance(value, str) else value
        for key, value in read_pairs(context, pairs, "field").items()
    }


def _asker(context: Context) -> Any:
    return context.ask_secret if context.can_ask else None


def _warn(context: Context, made: Connection, pairs: Sequence[str]) -> None:
    """Say where a secret that was typed into a line stays."""
    for pair in pairs:
        key, _, text = pair.partition("=")
        field = key.partition(".")[2] or key
        typed = not text.startswith(("@", "$", "{", "<")) and text.strip("*")
        if field in made.secrets and typed:
            where = (
                "this cell"
                if context.face == "notebook"
                else "the history of your shell"
            )
            context.progress.note(
                f"! {field} stands in clear in {where}: give it as {key}=@FILE, "
                f"{key}='${{env:NAME}}', or {key}='<user-input>' to be asked"
            )


CONNECTION = noun(
    "connection",
    "what flows need to reach other services; secrets are kept encrypted",
    [
        Verb("list", "list the connections", _list),
        Verb("show", "show a connection, its secrets as stars", _show, (_NAME,)),
        Verb(
            "create",
            "make a connection of a file, or of fields",
            _create,
            (
                _FILE,
                _SET,
                Argument("--name", "its name; wins over the file's"),
                Argument(
                    "--type",
                    "its type, where no file says it",
                    complete="connection-type",
                ),
                _scope("personal"),
            ),
            (
                "--file connection.yaml",
                "--type open_ai --name mine --set api_key='<user-input>'",
            ),
        ),
        Verb(
            "update",
            "change some fields of a connection; the others stay",
            _update,
            (_NAME, _FILE, _SET, _scope(None)),
            ("mine --set api_key='<user-input>'",),
        ),
        Verb(
            "delete",
            "forget a connection and its secrets",
            _delete,
            (_NAME, Argument("--yes", "do not ask", flag=True)),
        ),
    ],
)
