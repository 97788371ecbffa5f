"""The connections of a workspace: made, changed, shown without secrets, sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

from ..errors import AlreadyExists, IllegalState, NotFound, UsageError
from ..flow.fields import nearest
from ..store.records import ConnectionRecord, timestamp
from ..store.store import Store
from .definition import STARS, Ask, Definition, define, environment_name
from .keys import Keys
from .sending import execution_form
from .types import STRONG_TYPE_PREFIX, TYPES

SCOPES = ("personal", "workspace")


visible: ContextVar[Callable[[ConnectionRecord], bool]] = ContextVar(
    "visible", default=lambda record: True
)
"""Tells which connections there are for whoever is worked for just now."""


class StoredConnections:
    """Everything that is done with connections.

    Parameters
    ----------
    store
        Where they are remembered.
    """

    def __init__(self, store: Store) -> None:
        self._rows = store.connections
        self._keys = Keys(store.folder, store.id)

    def names(self) -> list[str]:
        """Return the names of all."""
        return self._rows.names()

    def all(self) -> list[ConnectionRecord]:
        """Return the records of all, by name; their secrets are encrypted."""
        return self._rows.all()

    def record(self, name: str) -> ConnectionRecord:
        """Return one record.

        Raises
        ------
        NotFound
            There is none; the hint names the nearest.
        """
        found = self._rows.named([name])
        if found:
            return found[0]
        raise NotFound(
            f"there is no connection {name!r}", hint=self.hint_for_missing(name)
        )

    def hint_for_missing(self, name: str) -> str:
        """Return what to do about a connection that is not there."""
        names = self.names()
        close = nearest(name, names)
        if close:
            return f"did you mean '{close}'?"
        create = f"%pfconnection create --file connection.yaml --name {name}"
        there = f"there are {', '.join(names)}; " if names else ""
        return f"{there}{create} makes one"

    def create(
        self,
        data: Mapping[str, Any],
        settings: Mapping[str, Any],
        *,
        name: str | None,
        scope: str,
        owner: str,
        ask: Ask | None,
    ) -> ConnectionRecord:
        """Remember a new connection; see `define` for what is given.

        Raises
        ------
        AlreadyExists
            There is one of that name.
        UsageError
            What is given does not make a connection.
        """
        _check_scope(scope)
        wanted = name or data.get("name") or settings.get("name")
        if wanted is not None and self._rows.named([str(wanted)]):
            # asked first: nobody wants to type a secret for nothing
            raise _exists(str(wanted))
        definition = define(data, settings, name=name, ask=ask)
        now = timestamp()
        record = self._record(
            definition, scope=scope, owner=owner, created_at=now, changed_at=now
        )
        if not self._rows.add(record):
            raise _exists(definition.name)
        return record

    def update(
        self,
        name: str,
        data: Mapping[str, Any],
        settings: Mapping[str, Any],
        *,
        scope: str | None,
        ask: Ask | None,
    ) -> ConnectionRecord:
        """Change some values of a connection; the others stay.

        Raises
        ------
        NotFound
            There is none of that name.
        UsageError
            What is given does not fit.
        IllegalState
            Somebody changed it at the same time.
        """
        old = self.record(name)
        if scope is not None:
            _check_scope(scope)
        # A secret whose key was lost can be given anew, so stored ones stay closed.
        stored = _shape(old)
        definition = define(data, settings, name=name, stored=stored, ask=ask)
        record = self._record(
            definition,
            scope=scope or old.scope,
            owner=old.owner,
            created_at=old.created_at,
            changed_at=timestamp(),
        )
        kept = {
            key: old.secrets[key] if text == _closed(key) else record.secrets[key]
            for key, text in definition.secrets.items()
        }
        record = replace(record, secrets=kept)
        if not self._rows.change(record, seen=old.changed_at):
            raise IllegalState(
                f"connection {name!r} was changed by somebody else just now",
                hint=f"look at it (%pfconnection show {name}), then try again",
            )
        return record

    def delete(self, name: str) -> None:
        """Forget a connection with its secrets (NotFound)."""
        if not self._rows.remove(name):
            self.record(name)

    def for_run(
        self, names: Iterable[str], environ: Mapping[str, str] | None = None
    ) -> dict[str, dict[str, Any]]:
        """Return those of the names that exist in execution form, secrets in clear.

        Raises
        ------
        UsageError
            A ``${env:NAME}`` is not set.
        IllegalState
            The key of a secret is gone.
        """
        may_use = visible.get()
        return {
            record.name: execution_form(self._definition(record), environ)
            for record in self._rows.named(names)
            if may_use(record)
        }

    def _record(self, definition: Definition, **facts: str) -> ConnectionRecord:
        secrets: dict[str, dict[str, str]] = {}
        for key, text in definition.secrets.items():
            variable = environment_name(text)
            if variable is not None:
                secrets[key] = {"env": variable}
            elif text == _closed(key):
                secrets[key] = {}
            else:
                secrets[key] = self._keys.seal(definition.name, key, text)
        return ConnectionRecord(
            name=definition.name,
            type=definition.kind.name,
            module=definition.module,
            configs=dict(definition.configs),
            secrets=secrets,
            **facts,
        )

    def _definition(self, record: ConnectionRecord) -> Definition:
        secrets = {
            key: "${env:" + sealed["env"] + "}"
            if "env" in sealed
            else self._keys.open(record.name, key, sealed)
            for key, sealed in record.secrets.items()
        }
        return replace(_shape(record), secrets=secrets)


def shown(record: ConnectionRecord) -> dict[str, Any]:
    """Return a connection for people and programs: every secret is ``*****``."""
    public = {
        key: value
        for key, value in record.configs.items()
        if not key.startswith(STRONG_TYPE_PREFIX)
    }
    secrets = {
        key: "${env:" + sealed["env"] + "}" if "env" in sealed else STARS
        for key, sealed in record.secrets.items()
    }
    return {
        "name": record.name,
        "type": record.type,
        "custom_type": record.configs.get(STRONG_TYPE_PREFIX + "custom_type"),
        "module": record.configs.get(STRONG_TYPE_PREFIX + "module", record.module),
        "configs": public,
        "secrets": secrets,
        "scope": record.scope,
        "owner": record.owner,
        "created_at": record.created_at,
        "changed_at": record.changed_at,
    }


def _closed(key: str) -> str:
    """Stand for a stored secret that nobody needs to read."""
    return f"\0{key}"


def _shape(record: ConnectionRecord) -> Definition:
    secrets = {
        key: "${env:" + sealed["env"] + "}" if "env" in sealed else _closed(key)
        for key, sealed in record.secrets.items()
    }
    return Definition(
        record.name, TYPES[record.type], record.module, record.configs, secrets
    )


def _check_scope(scope: str) -> None:
    if scope not in SCOPES:
        raise UsageError(
            f"scope cannot be {scope!r}",
            code="bad_value",
            hint=f"it is {' or '.join(SCOPES)}",
        )


def _exists(name: str) -> AlreadyExists:
    return AlreadyExists(
        f"there is a connection {name!r} already",
        hint=f"%pfconnection update {name} changes it; or choose another name",
    )
