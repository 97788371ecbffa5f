"""The computes that people added, one setting each."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select, update

from . import tables
from .access import forget_given
from .codec import decode, encode
from .database import Database

_PREFIX = "compute:"
_settings = tables.settings.c


@dataclass(frozen=True)
class ComputeRecord:
    """A compute as it is remembered.

    Parameters
    ----------
    scope
        ``personal``, or ``workspace``: for everybody in it.
    secrets
        ``ca``, ``cert`` and ``key``: each PEM text as encryption made it.
    signed_in_until
        After this moment its owner is asked again; None means never.
    certificate_until
        When the client's certificate runs out; None without one.
    """

    name: str
    owner: str
    address: str
    created_at: str
    changed_at: str
    scope: str = "personal"
    engine: str = "docker"
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    signed_in_until: str | None = None
    certificate_until: str | None = None


class ComputeRows:
    """Reads and writes `ComputeRecord`, one transaction each.

    Parameters
    ----------
    database
        Where they are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, record: ComputeRecord) -> bool:
        """Remember a new compute; False when the name is taken."""
        key = _PREFIX + record.name
        taken = select(_settings.key).where(_settings.key == key)
        with self._database.write() as connection:
            if connection.execute(taken).scalar() is not None:
                return False
            values = {"key": key, "value": encode(dataclasses.asdict(record))}
            connection.execute(insert(tables.settings), values)
        return True

    def change(self, record: ComputeRecord) -> bool:
        """Write a compute anew; False when there is none."""
        statement = (
            update(tables.settings)
            .where(_settings.key == _PREFIX + record.name)
            .values(value=encode(dataclasses.asdict(record)))
        )
        with self._database.write() as connection:
            return bool(connection.execute(statement).rowcount)

    def remove(self, name: str) -> bool:
        """Forget a compute; False when there is none."""
        statement = delete(tables.settings).where(_settings.key == _PREFIX + name)
        with self._database.write() as connection:
            forget_given(connection, "compute", name)
            return bool(connection.execute(statement).rowcount)

    def get(self, name: str) -> ComputeRecord | None:
        """Return one, or None."""
        query = select(_settings.value).where(_settings.key == _PREFIX + name)
        with self._database.read() as connection:
            found = decode(connection.execute(query).scalar())
        return None if found is None else ComputeRecord(**found)

    def all(self) -> list[ComputeRecord]:
        """Return all of them by name."""
        query = select(_settings.value).where(_settings.key.startswith(_PREFIX))
        with self._database.read() as connection:
            found = connection.execute(query.order_by(_settings.key)).scalars().all()
        return [ComputeRecord(**decode(text)) for text in found]
