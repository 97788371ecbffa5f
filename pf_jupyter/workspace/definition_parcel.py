"""What an environment's definition is made of, to be carried to where it is built."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from .parcels import Named, files_in


@dataclass(frozen=True)
class DefinitionParcel:
    """The files of a definition.

    Parameters
    ----------
    name
        What the folder that holds all of them is called.
    entry
        POSIX path of the definition in that folder; None for the folder itself.
    files
        By their POSIX paths in it.
    """

    name: str
    entry: str | None
    files: list[Named]


def definition_parcel(source: Path, limit: int = 2**62) -> DefinitionParcel:
    """Return the files of a definition: itself, what it refers to, its context.

    Parameters
    ----------
    source
        Folder or file.
    limit
        Bytes that its context may have.

    Raises
    ------
    NotFound, EnvironmentInvalid, UsageError
        There is none, it has problems, or its context cannot be sent.
    """
    from ..environments.context import read_context
    from ..environments.definition import read_definition
    from ..environments.model import BuildContext

    source = _real(source.expanduser().absolute())
    definition = read_definition(source).checked()
    paths: dict[Path, None] = {} if source.is_dir() else {source: None}
    paths |= dict.fromkeys(map(_real, definition.files))
    if isinstance(definition.base, BuildContext):
        folder = _real(definition.base.folder)
        context = read_context(folder, definition.base.dockerfile, limit=limit)
        paths |= dict.fromkeys(folder / name for name, _ in context.files)
        ignored = folder / ".dockerignore"
        if ignored.is_file():
            paths[ignored] = None
    for wanted in (*definition.requirements, *definition.constraints):
        if wanted.path is None:
            continue
        if wanted.path.is_dir():
            paths |= dict.fromkeys(path for _, path in files_in(wanted.path))
        else:
            paths[wanted.path] = None
    home = source if source.is_dir() else source.parent
    top = Path(os.path.commonpath([home, *paths]))
    files = [(path.relative_to(top).as_posix(), path) for path in paths if path != top]
    entry = source.relative_to(top).as_posix()
    return DefinitionParcel(
        top.name or "folder", None if entry == "." else entry, files
    )


def _real(path: Path) -> Path:
    """Return a path without links on the way to it; itself it may be one."""
    if path.is_dir():
        return Path(os.path.realpath(path))
    return Path(os.path.realpath(path.parent), path.name)
