"""Connections and transactions, the same for each kind of database."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine

from ..errors import Unreachable
from .changes import Changes
from .direct import PooledWriter
from .failures import translate, translated
from .home import make_private_folder
from .sqlite import SqliteBackend
from .tables import HEAD

if TYPE_CHECKING:
    from .postgresql import PostgresqlBackend

BUSY_SECONDS = 15.0


class Database:
    """The database of one store.

    Parameters
    ----------
    folder
        The workspace's home, created when it is not there. SQLite's file is in it.
    url
        A PostgreSQL database; None means the file, whatever the environment says.
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
        url: str | None = None,
        head: str = HEAD,
        versions: Path | None = None,
        busy_seconds: float = BUSY_SECONDS,
    ) -> None:
        self.folder = folder
        self._head = head
        self._versions = versions
        self._pid = os.getpid()
        self._fork_lock = threading.Lock()
        make_private_folder(folder)
        self._backend = _backend(folder, url, busy_seconds)
        self.place = self._backend.place
        self.direct = self._backend.direct or PooledWriter(self.write)
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection that sees one state of the store throughout."""
        with translated(self.place), self._here().connect() as connection:
            yield self._backend.reading(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection whose changes all happen, or none."""
        with (
            translated(self.place),
            self._here().connect() as connection,
            self._backend.transaction(connection),
        ):
            yield connection

    def revision(self) -> str | None:
        """Return the schema revision that the database is at, None without one."""
        with self.read() as connection:
            return self._backend.revision(connection)

    def check(self) -> str:
        """Return "" when the database's own check finds nothing, else what it found."""
        with self.read() as connection:
            return self._backend.check(connection)

    def changes(self) -> Changes:
        """Return what tells whether anything has changed since it was last asked."""
        return self._backend.changes()

    def close(self) -> None:
        """Close all connections; the next use opens new ones."""
        self.direct.close()
        self._backend.engine.dispose(close=os.getpid() == self._pid)

    def _here(self) -> Engine:
        # a forked child must not use, nor close, the connections of its parent
        engine = self._backend.engine
        if os.getpid() != self._pid:
            with self._fork_lock:
                if os.getpid() != self._pid:
                    engine.dispose(close=False)
                    self._pid = os.getpid()
        return engine

    def _bring_up_to_date(self) -> None:
        if self.revision() == self._head:
            return
        with self._backend.alone():
            self._migrate()

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
        known = {
            s.revision for s in ScriptDirectory.from_config(config).walk_revisions()
        }
        with self.write() as connection:
            # another process may have done it meanwhile
            found = self._backend.revision(connection)
            if found == self._head:
                return
            if found is not None and found not in known:
                raise Unreachable(
                    f"the store {self.place} was written by a newer pf_jupyter",
                    code="store_newer",
                    hint="upgrade with pip install --upgrade pf-jupyter, or set "
                    "PF_JUPYTER_HOME to another folder",
                )
            config.attributes["connection"] = connection
            try:
                command.upgrade(config, self._head)
            except CommandError as error:
                raise translate(error, self.place) from error


def _backend(
    folder: Path, url: str | None, busy_seconds: float
) -> SqliteBackend | PostgresqlBackend:
    if url is None:
        return SqliteBackend(folder, busy_seconds)
    from .postgresql import PostgresqlBackend

    return PostgresqlBackend(url, busy_seconds)
