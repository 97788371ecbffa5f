"""A store in a schema of a PostgreSQL database: what only PostgreSQL needs.

Writers take their turns, as in SQLite: the statements rely on that. A lock of the
database's own does it, so it holds for all machines and goes with its connection.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Engine,
    create_engine,
    event,
    make_url,
)
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool
from sqlalchemy.util import immutabledict

from ..errors import UsageError
from .changes import Changes

_CHANNEL = "pf_jupyter"
_DRIVER = "postgresql+psycopg"
_TAKE_TURN = (
    "SELECT pg_advisory_xact_lock("
    f"hashtextextended('{_CHANNEL} ' || current_schema(), 0)), "
    f"pg_notify('{_CHANNEL}', current_schema())"
)
_HINT = "postgresql://USER@HOST/DATABASE; a password is better kept in ~/.pgpass"


class PostgresqlBackend:
    """The schema of one store.

    Parameters
    ----------
    url
        ``postgresql://…`` as libpq knows it.
    busy_seconds
        How long a transaction waits for another process's.

    Raises
    ------
    UsageError
        The URL is none (``bad_store_url``), or the driver is not installed
        (``store_driver_missing``).
    """

    def __init__(self, url: str, busy_seconds: float) -> None:
        parsed = store_url(url)
        self.place = shown_url(url)
        try:
            self.engine = _engine(parsed, busy_seconds)
        except ImportError:
            raise UsageError(
                f"the store is at {self.place}, and the driver for it is not installed",
                code="store_driver_missing",
                hint='pip install "pf-jupyter[postgresql]"',
            ) from None
        self.direct = None

    def reading(self, connection: Connection) -> Connection:
        """Return a connection of which a transaction sees one state throughout."""
        return connection.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )

    @contextmanager
    def transaction(self, connection: Connection) -> Iterator[None]:
        """Give a transaction that changes something, once it is its turn."""
        with connection.begin():
            connection.exec_driver_sql(_TAKE_TURN)
            yield

    def revision(self, connection: Connection) -> str | None:
        """Return the schema revision, None without one."""
        there = connection.exec_driver_sql("SELECT to_regclass('alembic_version')")
        if there.scalar() is None:
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        return found.scalar()

    def check(self, connection: Connection) -> str:
        """Return "": PostgreSQL looks after its files itself."""
        connection.exec_driver_sql("SELECT count(*) FROM settings").scalar()
        return ""

    def changes(self) -> Changes:
        """Return what tells whether anything has changed since it was last asked."""
        return Changes(self.place, self._watch)

    def alone(self) -> AbstractContextManager[None]:
        """Return an empty block: whoever changes the schema has its turn, too."""
        return contextlib.nullcontext()

    def _watch(self) -> _Watch:
        arguments, options = self.engine.dialect.create_connect_args(self.engine.url)
        return _Watch(_driver().connect(*arguments, **options, autocommit=True))


class _Watch:
    """Hears of each transaction that wrote, as soon as it is committed."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._heard: set[str] = set()
        connection.add_notify_handler(lambda note: self._heard.add(note.payload))
        connection.execute(f"LISTEN {_CHANNEL}")
        found = connection.execute("SELECT current_schema()").fetchone()
        self._heard.add(found[0])
        self._schema = found[0]

    def changed(self) -> bool:
        """Return whether there was a change since the last time; True at first."""
        # what there is to hear comes with the answer, as does that nobody is there
        self._connection.execute("SELECT 1")
        heard = self._schema in self._heard
        self._heard.clear()
        return heard

    def rows(self, query: str) -> list[Any]:
        """Return what a query finds."""
        found: list[Any] = self._connection.execute(query).fetchall()
        return found

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


class _Types(PGTypeCompiler):
    """Writes types of texts as SQLite has them: of any length, in the order of bytes.

    Nothing is then refused, or in another order, in one kind of store only.
    """

    def visit_VARCHAR(self, type_: Any, **given: Any) -> str:
        return self._text("VARCHAR", given)

    def visit_TEXT(self, type_: Any, **given: Any) -> str:
        return self._text("TEXT", given)

    def _text(self, name: str, given: dict[str, Any]) -> str:
        # only columns have an order of their own
        column = given.get("type_expression") is not None
        return f'{name} COLLATE "C"' if column else name


def store_url(url: str) -> URL:
    """Return a URL that a store can be at (UsageError, ``bad_store_url``)."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in ("postgresql", "postgres", _DRIVER):
        # it is not shown: there may be a password in it
        raise UsageError(
            "PF_JUPYTER_STORE_URL is no URL of a PostgreSQL database",
            code="bad_store_url",
            hint=f"write it as {_HINT}",
        )
    return parsed.set(drivername=_DRIVER)


def shown_url(url: str) -> str:
    """Return where a store is, for messages: without a password."""
    parsed = store_url(url)
    query = {k: v for k, v in parsed.query.items() if "password" not in k}
    return str(
        parsed._replace(
            drivername="postgresql", password=None, query=immutabledict(query)
        )
    )


def _engine(url: URL, busy_seconds: float) -> Engine:
    engine = create_engine(
        url,
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=16,
        pool_timeout=busy_seconds,
        pool_pre_ping=True,  # the database may have been started anew
    )
    engine.dialect.type_compiler_instance = _Types(engine.dialect)

    def set_up(connection: Any, _record: Any) -> None:
        milliseconds = max(1, int(busy_seconds * 1000))
        connection.execute(f"SET lock_timeout = {milliseconds}")
        connection.commit()
        connection.adapters.register_dumper(str, _text_dumper())

    event.listen(engine, "connect", set_up)
    return engine


def _driver() -> Any:
    import psycopg

    return psycopg


def _text_dumper() -> type:
    from psycopg.types.string import StrDumper

    class WithoutNul(StrDumper):
        """Writes what PostgreSQL cannot keep, and SQLite can, as what stands for it."""

        def dump(self, obj: str) -> Any:
            return super().dump(obj.replace("\x00", "\N{REPLACEMENT CHARACTER}"))

    return WithoutNul
