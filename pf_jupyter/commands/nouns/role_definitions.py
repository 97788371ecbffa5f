"""The verbs of `role` about roles of the workspace's own."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...errors import UsageError
from ..context import Context
from ..results import Facts, Message, Table
from ..tree import Argument, Outcome, Verb

ROLE_NAME = Argument(
    "role",
    "owner, contributor, data_scientist, compute_operator, reader, or your own",
    complete="role",
    required=True,
)
_OWN = Argument("role", "one of your own", complete="own-role", required=True)
_KEYS = {
    "actions": "actions",
    "permissions": "actions",
    "notactions": "exclusions",
    "exclusions": "exclusions",
    "assignablescopes": "scopes",
    "scopes": "scopes",
    "reach": "reach",
    "description": "description",
    "name": "name",
    "rolename": "name",
    "iscustom": "",
    "id": "",
}


def _create(context: Context, arguments: Namespace) -> Outcome:
    fields = _fields(arguments)
    name = arguments.role or fields.pop("name", None)
    fields.pop("name", None)
    if name is None:
        raise UsageError(
            "the role has no name", code="missing_argument", hint="give it first"
        )
    made = context.workspace.roles.create(name, **fields)
    return _shown(made, f"role {made.name} is there")


def _update(context: Context, arguments: Namespace) -> Outcome:
    fields = _fields(arguments)
    fields.pop("name", None)
    made = context.workspace.roles.update(arguments.role, **fields)
    return _shown(made, f"role {made.name} is changed, for all who have it")


def _delete(context: Context, arguments: Namespace) -> Outcome:
    roles, name = context.workspace.roles, arguments.role
    users = [one for one in roles.list() if one.role == name]
    roles.delete(name, revoke=arguments.revoke)
    had = [f"{one.principal} on {one.scope}" for one in users]
    text = f"role {name} is gone; nobody had it"
    if had:
        text = f"role {name} is gone; taken back from {', '.join(had)}"
    return Outcome(Message(text), {"role": name, "deleted": True, "revoked": had})


def _show(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.roles.get(arguments.role)
    given = {right: cell for right, cell in found.rights.items() if cell != "no"}
    facts = [
        ("role", found.title),
        ("what for", found.description),
        ("gives", " ".join(found.actions)),
        ("takes away", " ".join(found.exclusions)),
        ("reach", "" if found.builtin else found.reach),
        ("can be given on", "" if found.builtin else " ".join(found.scopes)),
        *given.items(),
    ]
    shown = Facts([(name, value) for name, value in facts if value], found.to_dict())
    return Outcome(shown, found.to_dict())


def _roles(context: Context, arguments: Namespace) -> Outcome:
    del arguments
    found = context.workspace.roles.definitions()
    table = Table(
        ["role", "gives", "takes away", "on", "reach"],
        [
            [
                role.name,
                "one of the five" if role.builtin else " ".join(role.actions),
                " ".join(role.exclusions),
                " ".join(role.scopes),
                "" if role.builtin else role.reach,
            ]
            for role in found
        ],
        found,
        empty="there are no roles",
    )
    return Outcome(table, {"roles": [role.to_dict() for role in found]})


def _shown(made: Any, text: str) -> Outcome:
    gives = ", ".join(right for right, cell in made.rights.items() if cell != "no")
    taken = f"; takes away {', '.join(made.exclusions)}" if made.exclusions else ""
    return Outcome(
        Message(f"{text}: {gives or 'gives nothing'}{taken}"), made.to_dict()
    )


def _fields(arguments: Namespace) -> dict[str, Any]:
    fields = {} if arguments.file is None else _from_file(Path(arguments.file))
    named = {
        "actions": arguments.allow,
        "exclusions": getattr(arguments, "except"),
        "scopes": arguments.on,
        "reach": arguments.reach,
        "description": arguments.description,
    }
    return {**fields, **{key: value for key, value in named.items() if value}}


def _from_file(path: Path) -> dict[str, Any]:
    """Return the fields of a role in a file, our names or those of the public form."""
    try:
        text = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"cannot read {path}: {getattr(error, 'strerror', None) or error}",
            code="cannot_read",
            hint="give a file with name, actions, notActions and assignableScopes",
        ) from None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"{path} is not JSON: {error}",
            code="bad_value",
            hint='{"name": …, "actions": [...], "notActions": [...]}',
        ) from None
    if not isinstance(found, Mapping):
        raise UsageError(
            f"{path} holds no role", code="bad_value", hint='it must be {"actions": …}'
        )
    fields: dict[str, Any] = {}
    for key, value in found.items():
        name = _KEYS.get(str(key).replace("_", "").lower())
        if name is None:
            raise UsageError(
                f"{path}: a role has no {key!r}",
                code="bad_value",
                hint="name, description, actions, notActions, assignableScopes, reach",
            )
        if name:
            fields[name] = value
    return fields


_FIELDS = (
    Argument(
        "--allow",
        "rights that it gives: runtime.use, runtime.*, '*.list'",
        many=True,
        metavar="RIGHT",
        complete="right",
    ),
    Argument(
        "--except",
        "rights that it takes away, whatever else gives them",
        many=True,
        metavar="RIGHT",
        complete="right",
    ),
    Argument(
        "--on",
        "where it can be given: workspace, runtime:*, runtime:demo; all by default",
        many=True,
        metavar="SCOPE",
    ),
    Argument(
        "--reach",
        "on the workspace, whose things it is about",
        choices=("own", "shared", "all"),
    ),
    Argument("--description", "what it is for", metavar="TEXT"),
    Argument(
        "--file",
        "a JSON file with actions, notActions and assignableScopes",
        metavar="FILE",
        complete="file",
    ),
)

DEFINING = (
    Verb("roles", "list the roles that there are", _roles),
    Verb(
        "show",
        "show what a role gives and takes away",
        _show,
        (ROLE_NAME,),
    ),
    Verb(
        "create",
        "define a role of your own",
        _create,
        (Argument("role", "its name", metavar="NAME"), *_FIELDS),
        examples=(
            "runner --allow runtime.use run.* '*.list' --except run.delete",
            "--file runner.json",
        ),
    ),
    Verb(
        "update",
        "change a role of your own, for all who have it",
        _update,
        (_OWN, *_FIELDS),
    ),
    Verb(
        "delete",
        "forget a role of your own",
        _delete,
        (
            _OWN,
            Argument("--revoke", "take it back from all who have it first", flag=True),
        ),
    ),
)
