"""Files and folders on their way between machines: each one file with its digest.

A folder is a tar in which names, kinds and contents are all that counts, so that equal
folders have equal digests wherever they are.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, cast

from ..errors import NotFound, UsageError

MOST_FILES = 200_000
_PIECE = 1024 * 1024
_RESERVED = ("", ".", "..")

Named = tuple[str, Path]
"""POSIX path in the folder, path here."""


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's content (NotFound)."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise NotFound(
            f"{path} cannot be read: {error.strerror or error}",
            code="cannot_read",
            hint="is it a file, and yours to read?",
        ) from None


def folder_digest(files: Iterable[Named]) -> str:
    """Return the SHA-256 of what `pack` would write."""
    sink = _Hashing()
    pack(files, cast("IO[bytes]", sink))
    return sink.hash.hexdigest()


def pack(files: Iterable[Named], to: IO[bytes]) -> None:
    """Write files as one tar that is the same for the same content (NotFound)."""
    try:
        with tarfile.open(fileobj=to, mode="w|", format=tarfile.PAX_FORMAT) as tar:
            for name, path in sorted(files):
                _add(tar, name, path)
    except OSError as error:
        raise NotFound(
            f"{error.filename or 'a file'} cannot be read: {error.strerror or error}",
            code="cannot_read",
            hint="is it yours to read, and was it left alone meanwhile?",
        ) from None


def unpack(source: Path, to: Path) -> None:
    """Take a tar of `pack` apart; nothing is written outside of the folder.

    Raises
    ------
    UsageError
        It is no such tar, or a name or link in it leads elsewhere.
    """
    links: list[tuple[Path, str]] = []
    try:
        with tarfile.open(source, mode="r:") as tar:
            for count, member in enumerate(tar):
                if count >= MOST_FILES:
                    raise _bad(f"it has more than {MOST_FILES} files")
                target = to.joinpath(*_parts(member.name))
                if member.isdir():
                    target.mkdir(mode=0o700, parents=True, exist_ok=True)
                elif member.issym():
                    links.append((target, member.linkname))
                elif member.isreg() and not member.issparse():
                    _write(tar, member, target)
                else:
                    raise _bad(f"{member.name} is neither file, folder nor link")
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _bad(str(error) or type(error).__name__) from None
    except OSError as error:
        raise _bad(f"it cannot be written: {error.strerror or error}") from None
    _link(links, to)


def files_in(folder: Path) -> list[Named]:
    """Return all that is in a folder, what is hidden and caches left out."""
    found: list[Named] = []
    for top, folders, names in os.walk(folder):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and name != "__pycache__"
        )
        for name in sorted(names):
            path = Path(top, name)
            if not name.startswith(".") and path.is_file():
                found.append((path.relative_to(folder).as_posix(), path))
        if len(found) > MOST_FILES:
            raise UsageError(
                f"{folder} has more than {MOST_FILES} files",
                code="bad_path",
                hint="name a folder that holds only what is needed",
            )
    return found


def pieces(stream: IO[bytes], size: int = _PIECE) -> Iterator[bytes]:
    """Yield what is left of a file, piece by piece, and close it."""
    with stream:
        while piece := stream.read(size):
            yield piece


def _add(tar: tarfile.TarFile, name: str, path: Path) -> None:
    info = tarfile.TarInfo(name)
    if path.is_symlink():
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
        tar.addfile(info)
    elif path.is_dir():
        info.type, info.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(info)
    else:
        found = path.stat()
        info.size = found.st_size
        info.mode = 0o755 if found.st_mode & 0o100 else 0o644
        with path.open("rb") as stream:
            tar.addfile(info, stream)


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = tar.extractfile(member)
    if content is None:
        raise _bad(f"{member.name} has no content")
    with content, target.open("xb") as stream:
        shutil.copyfileobj(content, stream, _PIECE)
    target.chmod(0o700 if member.mode & 0o100 else 0o600)


def _link(links: list[tuple[Path, str]], inside: Path) -> None:
    """Make the links last, so that nothing is ever written through one."""
    root = inside.resolve()
    for target, where in links:
        try:
            if os.path.isabs(where) or not (
                (target.parent / where).resolve().is_relative_to(root)
            ):
                raise _bad(f"the link {target.name} leads out of it")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not target.parent.resolve().is_relative_to(root):
                raise _bad(f"the link {target.name} leads out of it")
            target.symlink_to(where)
        except (OSError, RuntimeError, ValueError) as error:
            raise _bad(f"the link {target.name} cannot be made: {error}") from None


def _parts(name: str) -> tuple[str, ...]:
    parts = PurePosixPath(name).parts
    odd = name.startswith("/") or "\\" in name or "\0" in name or not parts
    if odd or any(part in _RESERVED or ":" in part for part in parts):
        raise _bad(f"{name!r} cannot be the path of a file in it")
    return parts


def _bad(reason: str) -> UsageError:
    return UsageError(
        f"this is no folder that can be taken: {reason}",
        code="bad_archive",
        hint="send it again; paths and links in it stay inside of it",
    )


class _Hashing(io.RawIOBase):
    """Takes what is written into a hash alone."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.hash.update(data)  # type: ignore[arg-type]
        return len(data)  # type: ignore[arg-type]
