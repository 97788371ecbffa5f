"""A folder as a Docker engine wants it for a build: a tar, made while it is sent.

Nothing is written to this machine's disk, so a process that is killed leaves nothing.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pf_jupyter.engines.api import BuildOptions, BuildProgress, Progress
from pf_jupyter.errors import RuntimeFailed, UsageError

_PIECE = 256 * 1024
_BLOCK = tarfile.BLOCKSIZE


def build_text(context: Path, options: BuildOptions) -> str:
    """Return what the Dockerfile of a build says.

    Raises
    ------
    UsageError
        There is none.
    """
    if options.text is not None:
        return options.text
    try:
        return (context / options.dockerfile).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"there is no {options.dockerfile} in {context} that can be read: {reason}",
            code="no_dockerfile",
            hint="name the folder that holds it",
        ) from None


def marked(text: str, label: str, value: str, labels: Mapping[str, str]) -> str:
    """Return a Dockerfile whose every stage begins with a label.

    What a build leaves on its way carries it then, and can be found. The image's own
    labels come in one step at the end; the engine would make one of each.
    """
    lines: list[str] = []
    inside = False
    for line in text.split("\n"):
        lines.append(line)
        stripped = line.strip()
        if not inside and stripped[:5].upper() in ("FROM ", "FROM\t"):
            inside = True
        if not inside or stripped.startswith("#") or not stripped:
            continue
        if not stripped.endswith("\\"):
            lines.append(f'LABEL {label}="{value}"')
            inside = False
    if labels:
        pairs = " ".join(f"{key}={quoted(labels[key])}" for key in sorted(labels))
        lines.append(f"LABEL {pairs}\n")
    return "\n".join(lines)


def quoted(value: str) -> str:
    """Return a value as an instruction of a Dockerfile takes it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", " ") + '"'


def entries(context: Path) -> list[tuple[str, Path]]:
    """Return everything below a folder: (POSIX path in it, path here)."""
    found: list[tuple[str, Path]] = []
    for folder, folders, files in os.walk(context):
        folders.sort()
        for name in sorted([*folders, *files]):
            path = Path(folder, name)
            found.append((path.relative_to(context).as_posix(), path))
    return found


def stream(
    context: Path, options: BuildOptions, text: str, progress: Progress | None
) -> Iterator[bytes]:
    """Yield the tar of a context with ``text`` as its Dockerfile.

    Raises
    ------
    RuntimeFailed
        A file cannot be read, or changes while it is sent.
    """
    files = entries(context) if options.files is None else options.files
    total, done, told = _total(files), 0, 0
    yield from _data(options.dockerfile, text.encode("utf-8"))
    for name, path in files:
        if name == options.dockerfile:
            continue
        for piece in _entry(name, path):
            yield piece
            done += len(piece)
            if progress is not None and done - told >= 4 * 1024 * 1024:
                told = done
                progress(BuildProgress("sending the context", done, max(total, done)))
    yield b"\0" * (2 * _BLOCK)


def _total(files: Sequence[tuple[str, Path]]) -> int:
    total = 0
    for _, path in files:
        try:
            total += path.lstat().st_size
        except OSError:
            pass  # told when it is its turn
    return total


def _data(name: str, data: bytes) -> Iterator[bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(data), 0o644
    yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
    yield data + b"\0" * (-len(data) % _BLOCK)


def _entry(name: str, path: Path) -> Iterator[bytes]:
    try:
        status = path.lstat()
        info = tarfile.TarInfo(name)
        # no times and owners: the same files are the same context for the engine
        info.mode = 0o755 if status.st_mode & 0o111 else 0o644
        if stat.S_ISLNK(status.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, os.readlink(path)
            info.mode = 0o777
        elif stat.S_ISDIR(status.st_mode):
            info.type, info.mode = tarfile.DIRTYPE, 0o755
        elif not stat.S_ISREG(status.st_mode):
            return  # a socket or a device: nothing that a build could use
        else:
            yield from _file(info, path, status.st_size)
            return
    except OSError as error:
        raise _unreadable(name, error) from error
    yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _file(info: tarfile.TarInfo, path: Path, size: int) -> Iterator[bytes]:
    info.size = size
    left = size
    with path.open("rb") as file:
        yield info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise RuntimeFailed(
                    f"{info.name} became shorter while it was sent",
                    phase="build",
                    code="file_changed",
                    hint="build again once nothing writes to the folder",
                )
            left -= len(piece)
            yield piece
    yield b"\0" * (-size % _BLOCK)


def _unreadable(name: str, error: OSError) -> RuntimeFailed:
    return RuntimeFailed(
        f"{name} cannot be read: {error.strerror or error}",
        phase="build",
        code="context_unreadable",
        hint="make it readable, or name it in .dockerignore",
    )
