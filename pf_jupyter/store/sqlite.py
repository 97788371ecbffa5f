"""A store in one file beside everything else of a workspace: what only SQLite needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from ..errors import Unreachable
from .changes import Changes
from .direct import DirectWriter
from .failures import translated
from .home import make_private_file

FILE = "store.sqlite"
_MIGRATION_SECONDS = 120.0


class SqliteBackend:
    """The file of one store.

    Parameters
    ----------
    folder
        Where it and its lock live; it is there.
    busy_seconds
        How long a transaction waits for another process's.
    """

    def __init__(self, folder: Path, busy_seconds: float) -> None:
        self.file = folder / FILE
        self.place = str(self.file)
        self._lock = folder / "store.lock"
        self._busy_seconds = busy_seconds
        make_private_file(self.file)
        self._prepare_file()
        self.engine = _engine(self.file, busy_seconds)
        self.direct = DirectWriter(self.file, self._connect)

    def reading(self, connection: Connection) -> Connection:
        """Return a connection of which a transaction sees one state throughout."""
        return connection

    def transaction(self, connection: Connection) -> AbstractContextManager[Any]:
        """Return the block of a transaction that changes something."""
        return connection.execution_options(pf_write=True).begin()

    def revision(self, connection: Connection) -> str | None:
        """Return the schema revision, None without one."""
        there = connection.exec_driver_sql(
            "SELECT count(*) FROM sqlite_master WHERE name = 'alembic_version'"
        ).scalar()
        if not there:
            return None
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        return found.scalar()

    def check(self, connection: Connection) -> str:
        """Return "" when the database's own check finds nothing, else what it found."""
        found = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars().all()
        return "" if found == ["ok"] else "; ".join(map(str, found))

    def changes(self) -> Changes:
        """Return what tells whether anything has changed since it was last asked."""
        return Changes(self.place, lambda: _Watch(self._connect()))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep all other processes from opening a new store or changing its schema."""
        lock = FileLock(self._lock, mode=0o600)
        try:
            with lock.acquire(timeout=_MIGRATION_SECONDS):
                yield
        except Timeout:
            raise Unreachable(
                f"the store {self.file} is being changed by another process",
                code="store_locked",
                hint="wait for it to end, then try again",
            ) from None
        except OSError as error:
            raise Unreachable(
                f"cannot write in {self.file.parent}: {error.strerror or error}",
                code="store_not_writable",
                hint="set PF_JUPYTER_HOME to a folder that you may write to",
            ) from None

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.file, timeout=self._busy_seconds, check_same_thread=False
        )
        _set_up(connection)
        return connection

    def _prepare_file(self) -> None:
        if self.file.stat().st_size:
            return
        # two processes that switch a new file to WAL at once would refuse each other
        with self.alone(), translated(self.place):
            connection = sqlite3.connect(self.file, timeout=self._busy_seconds)
            try:
                connection.execute("PRAGMA journal_mode=WAL").fetchone()
            finally:
                connection.close()


class _Watch:
    """Knows whether anybody wrote to the file: SQLite counts its versions.

    Asking costs a few microseconds.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._version: int | None = None

    def changed(self) -> bool:
        """Return whether there was a change since the last time; True at first."""
        found = self._connection.execute("PRAGMA data_version").fetchone()[0]
        before, self._version = self._version, found
        return bool(found != before)

    def rows(self, query: str) -> list[Any]:
        """Return what a query finds."""
        return self._connection.execute(query).fetchall()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def _engine(file: Path, busy_seconds: float) -> Engine:
    engine = create_engine(
        f"sqlite:///{file}",
        poolclass=QueuePool,
        pool_size=4,
        max_overflow=16,
        pool_timeout=busy_seconds,
        connect_args={"timeout": busy_seconds, "check_same_thread": False},
    )

    def begin(connection: Connection) -> None:
        # a writer takes its place at once: a reader that turns writer later is
        # refused without waiting
        writes = connection.get_execution_options().get("pf_write")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", lambda connection, _record: _set_up(connection))
    event.listen(engine, "begin", begin)
    return engine


def _set_up(connection: sqlite3.Connection) -> None:
    # the driver's own transactions begin too late to see one state throughout
    connection.isolation_level = None
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    # in WAL mode NORMAL survives the end of any process; a power cut may undo
    # the newest transactions but never half of one
    level = "NORMAL" if mode == "wal" else "FULL"
    connection.execute(f"PRAGMA synchronous={level}")
    connection.execute("PRAGMA foreign_keys=ON")
