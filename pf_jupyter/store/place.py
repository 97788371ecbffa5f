"""Where a workspace's records are, and that they are those of its folder.

Half of a workspace is in its folder whatever keeps the records: keys, files of runs,
marks of processes. A database that belongs to another folder, or a folder whose records
are in a database that nobody named, would be taken apart by the next clean-up.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from ..errors import IllegalState
from ..home import STORE_URL_VARIABLE
from . import tables
from .codec import decode, encode
from .database import Database
from .home import PRIVATE_FILE

_MARK = "store.json"
_KEY = "workspace_id"


def chosen_url(folder: Path, url: str | None) -> str | None:
    """Return the URL of the database to use, None for the file in the folder.

    Parameters
    ----------
    folder
        The workspace's home.
    url
        What was asked for; None means what ``PF_JUPYTER_STORE_URL`` says.

    Raises
    ------
    IllegalState
        The folder's records are in a database, and none is named
        (``store_elsewhere``).
    """
    url = url or os.environ.get(STORE_URL_VARIABLE) or None
    mark = _read(folder)
    if url is None and mark:
        raise IllegalState(
            f"the records of {folder} are in {mark.get('place')}",
            code="store_elsewhere",
            hint=f"set {STORE_URL_VARIABLE} to that database; where a server has it, "
            "ask the server",
        )
    return url


def identity(database: Database, *, in_folder: bool) -> str:
    """Return the identity of the records, made when they begin.

    Parameters
    ----------
    database
        Where they are.
    in_folder
        Whether that is the folder itself.

    Raises
    ------
    IllegalState
        They are not those of the folder (``store_of_another_home``).
    """
    row = tables.settings.c
    query = select(row.value).where(row.key == _KEY)
    with database.read() as connection:
        found = decode(connection.execute(query).scalar())
    if found is None:
        with database.write() as connection:
            found = decode(connection.execute(query).scalar())
            if found is None:
                found = uuid.uuid4().hex if in_folder else _begin(database)
                values = {"key": _KEY, "value": encode(found)}
                connection.execute(insert(tables.settings), values)
    if not in_folder:
        _confirm(database, str(found))
    return str(found)


def _begin(database: Database) -> str:
    mark = _read(database.folder)
    if mark and not mark.get("begun"):
        raise _of_another(database)
    # a process that was killed right here is followed by one that goes on with it
    made = str(mark.get("id") or uuid.uuid4().hex)
    _write(database.folder, {"id": made, "place": database.place, "begun": True})
    return made


def _confirm(database: Database, found: str) -> None:
    mark = _read(database.folder)
    if mark.get("id") != found:
        raise _of_another(database)
    if mark != {"id": found, "place": database.place}:
        _write(database.folder, {"id": found, "place": database.place})


def _of_another(database: Database) -> IllegalState:
    return IllegalState(
        f"the records in {database.place} are not those of the folder "
        f"{database.folder}",
        code="store_of_another_home",
        hint="set PF_JUPYTER_HOME to the folder that they were begun with (or a copy "
        f"of it), or name another database or schema in {STORE_URL_VARIABLE}",
    )


def _write(folder: Path, mark: dict[str, Any]) -> None:
    part = folder / f".{_MARK}.{os.getpid()}.{threading.get_ident()}"
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    with os.fdopen(os.open(part, flags, PRIVATE_FILE), "w", encoding="utf-8") as file:
        json.dump(mark, file)
    part.replace(folder / _MARK)


def _read(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / _MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
