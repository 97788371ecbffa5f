"""The files and folders of a workspace: only their owner may read them."""

from __future__ import annotations

import os
import stat
from itertools import takewhile
from pathlib import Path

from ..errors import Unreachable

PRIVATE_FOLDER = 0o700
PRIVATE_FILE = 0o600


def make_private_folder(folder: Path) -> None:
    """Create a folder that only its owner can enter; one that is there is kept.

    Raises
    ------
    Unreachable
        The folder cannot be created (code ``store_not_writable``).
    """
    if folder.is_dir():
        return
    try:
        # a folder above it that is not there yet is as private: what somebody puts
        # into it later must not have to care
        missing = [folder, *takewhile(lambda one: not one.is_dir(), folder.parents)]
        for one in reversed(missing):
            one.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            one.chmod(PRIVATE_FOLDER)
    except OSError as error:
        raise Unreachable(
            f"cannot create the folder {folder}: {error.strerror or error}",
            code="store_not_writable",
            hint="set PF_JUPYTER_HOME to a folder that you may write to",
        ) from None


def make_private_file(file: Path) -> None:
    """Create an empty file that only its owner can read; one that is there is kept.

    Raises
    ------
    Unreachable
        The file cannot be created (code ``store_not_writable``).
    """
    # A file that is there is not even opened: closing it would give up all locks that
    # this process has on it, those of an open database included.
    reason = "" if os.access(file, os.R_OK | os.W_OK) else "Permission denied"
    if not file.exists():
        flags = os.O_CREAT | os.O_EXCL | os.O_RDWR
        try:
            os.close(os.open(file, flags, PRIVATE_FILE))
            reason = ""
        except FileExistsError:
            reason = ""  # another process was quicker
        except OSError as error:
            reason = error.strerror or str(error)
    if reason:
        raise Unreachable(
            f"cannot write {file}: {reason}",
            code="store_not_writable",
            hint="jupyter pf doctor --fix mends permissions; PF_JUPYTER_HOME names "
            "another folder",
        )


def readable_by_others(path: Path) -> bool:
    """Return whether anybody but the owner may read or enter ``path``.

    Always False on Windows, where modes say nothing about access.
    """
    if os.name == "nt":
        return False
    return bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


def make_private(path: Path) -> None:
    """Take the rights of group and others away from a file or folder of ours."""
    path.chmod(PRIVATE_FOLDER if path.is_dir() else PRIVATE_FILE)
