"""Connections and transactions; everything that only SQLite needs is here."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from ..errors import Unreachable
from .changes import Changes
from .direct import DirectWriter
from .failures import translate, translated
from .home import make_private_file, make_private_folder
from .tables import HEAD

BUSY_SECONDS = 15.0
_MIGRATION_SECONDS = 120.0
_REVISION = text("SELECT version_num FROM alembic_version")


class Database:
    """The database of one store.

    Parameters
    ----------
    folder
        Where its file and its lock live; created when it is not there.
    head
        The schema revision to bring it to.
    versions
        Folder of migration scripts; None means those of this package.
    busy_seconds
        How long a transaction waits for another process's.
    """

    def __init__(
        self,
        folder: Path,
        *,
        head: str = HEAD,
        versions: Path | None = None,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self.folder = folder
        self.file = folder / "store.sqlite"
        self._head = head
        self._versions = versions
        self._busy_seconds = busy_seconds
        self._pid = os.getpid()
        self._fork_lock = threading.Lock()
        make_private_folder(folder)
        make_private_file(self.file)
        self._prepare_file()
        self._engine = _sqlite_engine(self.file, busy_seconds)
        self.direct = DirectWriter(self.file, lambda: _connect(self.file, busy_seconds))
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the store throughout."""
        with translated(str(self.file)), self._here().connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes all happen, or none."""
        with translated(str(self.file)), self._here().connect() as connection:
            connection = connection.execution_options(pf_write=True)
            with connection.begin():
                yield connection

    def revision(self) -> str | None:
        """Return the schema revision that the database is at, None without one."""
        with translated(str(self.file)), self._here().connect() as connection:
            return _revision(connection)

    def check(self) -> str:
        """Return "" when the database's own check finds nothing, else what it found."""
        with self.read() as connection:
            found = connection.exec_driver_sql("PRAGMA quick_check(5)").scalars().all()
        return "" if found == ["ok"] else "; ".join(map(str, found))

    def changes(self) -> Changes:
        """Return what tells whether anything has changed since it was last asked."""
        return Changes(self.file, lambda: _connect(self.file, self._busy_seconds))

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self.direct.close()
        self._engine.dispose(close=os.getpid() == self._pid)

    def _here(self) -> Engine:
        # a forked child must not use, nor close, the connections of its parent
        if os.getpid() != self._pid:
            with self._fork_lock:
                if os.getpid() != self._pid:
                    self._engine.dispose(close=False)
                    self._pid = os.getpid()
        return self._engine

    def _bring_up_to_date(self) -> None:
        if self.revision() == self._head:
            return
        with self._alone():
            if self.revision() != self._head:
                self._migrate()

    def _prepare_file(self) -> None:
        if self.file.stat().st_size:
            return
        # two processes that switch a new file to WAL at once would refuse each other
        with self._alone(), translated(str(self.file)):
            connection = sqlite3.connect(self.file, timeout=BUSY_SECONDS)
            try:
                connection.execute("PRAGMA journal_mode=WAL").fetchone()
            finally:
                connection.close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        lock = FileLock(self.folder / "store.lock", mode=0o600)
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
                f"cannot write in {self.folder}: {error.strerror or error}",
                code="store_not_writable",
                hint="set PF_JUPYTER_HOME to a folder that you may write to",
            ) from None

    def _migrate(self) -> None:
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.util.exc import CommandError

        config = Config()
        config.set_main_option("script_location", "pf_jupyter.store:migrations")
        config.set_main_option("path_separator", "os")
        if self._versions is not None:
            config.set_main_option("version_locations", str(self._versions))
        found = self.revision()
        known = {
            s.revision for s in ScriptDirectory.from_config(config).walk_revisions()
        }
        if found is not None and found not in known:
            raise Unreachable(
                f"the store {self.file} was written by a newer pf_jupyter",
                code="store_newer",
                hint="upgrade with pip install --upgrade pf-jupyter, or set "
                "PF_JUPYTER_HOME to another folder",
            )
        with self.write() as connection:
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, self._head)
            except CommandError as error:
                raise translate(error, str(self.file)) from error


def _revision(connection: Connection) -> str | None:
    try:
        return connection.execute(_REVISION).scalar()
    except DBAPIError:
        # either there is no such table, or the database itself cannot be read
        connection.rollback()
        connection.execute(select(1))
        connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar()
        return None


def _sqlite_engine(file: Path, busy_seconds: float) -> Engine:
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


def _connect(file: Path, busy_seconds: float) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=busy_seconds, check_same_thread=False)
    _set_up(connection)
    return connection


def _set_up(connection: sqlite3.Connection) -> None:
    # the driver's own transactions begin too late to see one state throughout
    connection.isolation_level = None
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    # in WAL mode NORMAL survives the end of any process; a power cut may undo
    # the newest transactions but never half of one
    level = "NORMAL" if mode == "wal" else "FULL"
    connection.execute(f"PRAGMA synchronous={level}")
    connection.execute("PRAGMA foreign_keys=ON")
