"""The folder that a build is made of, looked through before it is sent."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pf_jupyter.environments.ignored import IGNORE_FILE, Ignored, read_ignored
from pf_jupyter.errors import UsageError

CONTEXT_BYTES = 512 * 1024**2
"""A context larger than this is one by accident, unless it is said otherwise."""

_MOST_FILES = 100_000
_PIECE = 1024 * 1024


@dataclass(frozen=True)
class Context:
    """What is sent to an engine.

    Parameters
    ----------
    folder
        Where it is.
    files
        (POSIX path in it, path here), what .dockerignore names left out.
    size
        In bytes.
    """

    folder: Path
    files: Sequence[tuple[str, Path]]
    size: int

    def digest(self) -> str:
        """Return ``sha256:…`` over names, kinds and contents."""
        whole = hashlib.sha256()
        for name, path in self.files:
            whole.update(f"{name}\0".encode("utf-8", "surrogateescape"))
            if path.is_symlink():
                whole.update(b"link\0" + os.fsencode(os.readlink(path)))
            elif path.is_dir():
                whole.update(b"folder")
            elif path.is_file():
                runs = path.stat().st_mode & 0o111
                whole.update(b"program\0" if runs else b"file\0")
                with path.open("rb") as file:
                    while piece := file.read(_PIECE):
                        whole.update(piece)
            whole.update(b"\0\0")
        return "sha256:" + whole.hexdigest()


def read_context(
    folder: Path, dockerfile: str, *, limit: int = CONTEXT_BYTES
) -> Context:
    """Look through a folder.

    Parameters
    ----------
    folder
        What the build is made of.
    dockerfile
        POSIX path of the Dockerfile in it: it is sent whatever .dockerignore says.
    limit
        Bytes that it may have.

    Raises
    ------
    UsageError
        A link leads out of it, or it is too large; what takes the space is named.
    """
    ignored = read_ignored(folder)
    files: list[tuple[str, Path]] = []
    sizes: dict[str, int] = {}
    for name, path in _walk(folder, ignored):
        if name != dockerfile and ignored(name):
            continue
        if path.is_symlink():
            _check_link(folder, name, path)
        elif path.is_file():
            first = name.split("/")[0]
            sizes[first] = sizes.get(first, 0) + path.stat().st_size
        files.append((name, path))
        if len(files) > _MOST_FILES:
            raise _too_large(folder, f"more than {_MOST_FILES} files", sizes)
    size = sum(sizes.values())
    if size > limit:
        raise _too_large(folder, f"{_size(size)}, allowed are {_size(limit)}", sizes)
    return Context(folder, tuple(files), size)


def _walk(folder: Path, ignored: Ignored) -> list[tuple[str, Path]]:
    found: list[tuple[str, Path]] = []
    for top, folders, files in os.walk(folder):
        for name in sorted([*folders, *files]):
            path = Path(top, name)
            found.append((path.relative_to(folder).as_posix(), path))
        if not ignored.has_exceptions:
            # what is left out as a whole is not even looked into
            base = Path(top).relative_to(folder)
            folders[:] = [f for f in folders if not ignored((base / f).as_posix())]
        folders.sort()
        if len(found) > 2 * _MOST_FILES:
            break
    return found


def _check_link(folder: Path, name: str, path: Path) -> None:
    target = os.readlink(path)
    inside = folder.resolve()
    try:
        leads_to = path.resolve()
    except (OSError, RuntimeError):
        leads_to = path  # a link to itself, which no step of the build could read
    if not leads_to.is_relative_to(inside):
        raise UsageError(
            f"{name} is a link that leads out of the context, to {target}",
            code="context_link_outside",
            hint=f"put the file itself into the folder, or name {name} in "
            f"{IGNORE_FILE}",
        )


def _too_large(folder: Path, what: str, sizes: dict[str, int]) -> UsageError:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:3]
    named = ", ".join(f"{name} ({_size(size)})" for name, size in largest)
    return UsageError(
        f"the context {folder.name or folder} is too large: {what}; largest: {named}",
        code="context_too_large",
        hint=f"name what the build does not need in {folder.name}/{IGNORE_FILE}, or "
        "allow more with --context-limit",
    )


def _size(size: int) -> str:
    if size >= 1024**3:
        return f"{size / 1024**3:.1f} GB"
    return f"{size / 1024**2:.1f} MB"
