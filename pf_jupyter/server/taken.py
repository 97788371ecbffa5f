"""From what a request calls a file or folder to a path on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import PfError
from ..workspace.parcels import Named, file_digest, folder_digest
from .files import not_here
from .models import FileHere, FilePath, FileUpload
from .paths import below_root
from .verb import Ask

AnyFile = FileHere | FilePath | FileUpload
Select = Callable[[Path], Sequence[Named]]
"""Tells which files count of what is at a path."""


def taken(ask: Ask, file: AnyFile, select: Select | None = None) -> Path:
    """Return where a file or folder is.

    Parameters
    ----------
    ask
        The request.
    file
        What it names.
    select
        Of a folder: what of it counts, for the digest.

    Raises
    ------
    NotFound
        It is not there, or not as its digest says (``file_not_here``).
    UsageError
        The path leads out of the server's root folder.
    """
    if isinstance(file, FileHere):
        return below_root(ask.served.root(), file.contents)
    if isinstance(file, FileUpload):
        if not file.folder:
            return ask.served.files.find(ask.principal, file.upload, file.name)
        folder = ask.served.files.folder(ask.principal, file.upload, file.name)
        return folder if file.entry is None else below_root(folder, file.entry)
    path = Path(file.path)
    # who knows the digest has the content: no path alone gives anything away
    if "\0" in file.path or not path.is_absolute():
        raise not_here(file.path)
    if not _is(path, file.digest, select):
        raise not_here(file.path)
    return path


def _is(path: Path, digest: str, select: Select | None) -> bool:
    try:
        if path.is_file() and select is None:
            return file_digest(path) == digest
        if select is None or not path.exists():
            return False
        return folder_digest(select(path)) == digest
    except (PfError, OSError, ValueError):
        return False
