"""The statements of every run, given to SQLite's driver itself.

Going through SQLAlchemy takes several times as long as the statements do, most of all
after a pause, when its code is no longer in the processor's caches. The statements are
those of `rows`, written out once.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import ClauseElement, Connection, Executable
from sqlalchemy.dialects import sqlite

from .failures import translated

Execute = Callable[[ClauseElement, Mapping[str, Any]], int]
"""Executes a statement with its parameters and returns how many rows it changed."""


class DirectWriter:
    """One connection of this process, used by one thread at a time.

    Parameters
    ----------
    file
        The database; its tables are there.
    connect
        Opens a connection that is set up like all others.
    """

    def __init__(self, file: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._file = file
        self._connect = connect
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._connection: sqlite3.Connection | None = None
        self._of_parents: list[sqlite3.Connection] = []

    @contextmanager
    def write(self) -> Iterator[Execute]:
        """Give what executes statements whose changes all happen, or none.

        Raises
        ------
        Unreachable, InternalError
            As every transaction of the store.
        """
        self._forget_parent()
        with translated(str(self._file)), self._lock:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield lambda statement, values: _execute(connection, statement, values)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _forget_parent(self) -> None:
        if self._pid != os.getpid():
            # a forked child must neither use nor close what belongs to its parent
            if self._connection is not None:
                self._of_parents.append(self._connection)
            self._connection, self._lock = None, threading.Lock()
            self._pid = os.getpid()

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        if self._pid == os.getpid():
            with self._lock:
                if self._connection is not None:
                    self._connection.close()
                self._connection = None


class PooledWriter:
    """The same for a database whose driver takes no statements from here.

    Parameters
    ----------
    write
        Gives a connection whose changes all happen, or none.
    """

    def __init__(self, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        self._write = write

    @contextmanager
    def write(self) -> Iterator[Execute]:
        """Give what executes statements whose changes all happen, or none."""
        with self._write() as connection:

            def execute(statement: ClauseElement, values: Mapping[str, Any]) -> int:
                assert isinstance(statement, Executable)
                return connection.execute(statement, dict(values)).rowcount

            yield execute

    def close(self) -> None:
        """Do nothing: the connections are somebody else's."""


def _execute(
    connection: sqlite3.Connection, statement: ClauseElement, values: Mapping[str, Any]
) -> int:
    text, constants = _written(statement)
    return connection.execute(text, {**constants, **values}).rowcount


@cache
def _written(statement: ClauseElement) -> tuple[str, dict[str, Any]]:
    """Return a statement as text, and the parameters that are part of it."""
    compiled = statement.compile(dialect=sqlite.dialect(paramstyle="named"))
    return str(compiled), dict(compiled.params)
