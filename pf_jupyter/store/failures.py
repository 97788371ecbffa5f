"""What a database says when it cannot, in our words."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import exc

from ..errors import InternalError, PfError, Unreachable

_MEND = "jupyter pf doctor says more; PF_JUPYTER_HOME names another folder"

_REFUSED = (
    exc.IntegrityError,
    exc.ProgrammingError,
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
)
_ASK = "check PF_JUPYTER_STORE_URL, and that PostgreSQL runs and lets this user in"
_GRANT = (
    "give the user its own schema, say: CREATE SCHEMA AUTHORIZATION USER in psql; "
    "docs/postgresql.md says more"
)

# states of SQL, or their first two letters → our code, what happened, what to do
_POSTGRESQL = {
    "08": ("store_unreachable", "the connection was lost", _ASK),
    "57": ("store_unreachable", "PostgreSQL is stopping or starting", "try again"),
    "28": ("store_unreachable", "PostgreSQL does not let this user in", _ASK),
    "3D": ("store_unreachable", "there is no such database", _ASK),
    "53300": (
        "store_unreachable",
        "PostgreSQL has no connection left",
        "close other programs that use it, or raise its max_connections",
    ),
    "55P03": (
        "store_locked",
        "another process has been writing for too long",
        "try again; jupyter pf doctor lists what holds the store",
    ),
    "53100": (
        "store_full",
        "the disk is full",
        "free some space, then try again; what was written before is safe",
    ),
    "25006": (
        "store_not_writable",
        "the database is read-only",
        "name the primary server in PF_JUPYTER_STORE_URL",
    ),
    "42501": ("store_not_writable", "access is denied", _GRANT),
    "3F000": ("store_not_writable", "there is no schema for its tables", _GRANT),
}

# primary result codes of SQLite → our code, what happened, what to do
_SQLITE = {
    sqlite3.SQLITE_BUSY: (
        "store_locked",
        "another process has been writing for too long",
        "try again; jupyter pf doctor lists what holds the store",
    ),
    sqlite3.SQLITE_LOCKED: (
        "store_locked",
        "another process has been writing for too long",
        "try again; jupyter pf doctor lists what holds the store",
    ),
    sqlite3.SQLITE_FULL: (
        "store_full",
        "the disk is full",
        "free some space, then try again; what was written before is safe",
    ),
    sqlite3.SQLITE_READONLY: (
        "store_not_writable",
        "it is read-only",
        "jupyter pf doctor --fix mends permissions; PF_JUPYTER_HOME names another "
        "folder",
    ),
    sqlite3.SQLITE_PERM: ("store_not_writable", "access is denied", _MEND),
    sqlite3.SQLITE_CANTOPEN: ("store_not_writable", "it cannot be opened", _MEND),
    sqlite3.SQLITE_IOERR: (
        "store_unreadable",
        "the disk reports an error",
        "check the disk and its free space, then try again",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "store_corrupt",
        "its file is damaged",
        "move the file away to begin a new store, or put a copy of it back",
    ),
    sqlite3.SQLITE_NOTADB: (
        "store_corrupt",
        "its file is not a database",
        "move the file away to begin a new store, or put a copy of it back",
    ),
}


def sqlite_code(error: BaseException) -> int | None:
    """Return SQLite's primary result code of an error, or None when it has none."""
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def translate(error: Exception, place: str) -> PfError:
    """Return our error for one that a database library raised.

    Parameters
    ----------
    error
        The exception.
    place
        Where the store is, for the message.
    """
    known = _SQLITE.get(sqlite_code(error) or 0) or _of_postgresql(error)
    if known:
        code, what, hint = known
        return Unreachable(
            f"the store {place} cannot be used: {what}", code=code, hint=hint
        )
    if isinstance(error, _REFUSED):
        return InternalError(f"the store {place} refused a statement: {error}")
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    return Unreachable(
        f"the store {place} cannot be used: {cause}", code="store_failed", hint=_MEND
    )


def _of_postgresql(error: Exception) -> tuple[str, str, str] | None:
    cause = error.orig if isinstance(error, exc.DBAPIError) else error
    state = getattr(cause, "sqlstate", None) or ""
    known = _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    if known or state or not isinstance(cause, _driver_errors()[2:3]):
        return known
    # nobody answered who could have given a state
    what = " ".join(str(cause).split()) or "no answer"
    return "store_unreachable", what, _ASK


def _driver_errors() -> tuple[type[Exception], ...]:
    # the driver of PostgreSQL is loaded only where there is such a store
    driver = sys.modules.get("psycopg")
    ours = (exc.SQLAlchemyError, sqlite3.Error)
    return ours if driver is None else (*ours, driver.OperationalError, driver.Error)


@contextmanager
def translated(place: str) -> Iterator[None]:
    """Let no exception of a database library out of the block."""
    try:
        yield
    except _driver_errors() as error:
        raise translate(error, place) from error
