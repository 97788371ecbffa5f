"""Files of those who ask: given in pieces, known by the digest of their content.

Each person has a folder of their own: nobody learns from an answer what another has
given. A file that nobody has used for long is removed; whoever needs it again is told
to send it again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
import uuid
from pathlib import Path

from ..errors import IllegalState, NotFound, UsageError
from ..workspace.parcels import file_digest, unpack
from .log import log
from .uploads import one_name

MOST_BYTES = 64 * 1024**3
"""Of one file; more is a mistake."""

PIECE_BYTES = 16 * 1024**2
KEPT_SECONDS = 30 * 24 * 3600
_CONTENT = "content"
_STALE_SECONDS = 3600


class Files:
    """The files that people gave to a server, and those that it made for them.

    Parameters
    ----------
    folder
        Where they live.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._guard = threading.Lock()
        self._busy: dict[Path, threading.Lock] = {}

    def have(self, principal: str, digest: str) -> tuple[int, bool]:
        """Return how many bytes of a file are here, and whether that is all of it."""
        place = self._place(principal, digest)
        for file, whole in ((place / _CONTENT, True), (_part(place), False)):
            try:
                return file.stat().st_size, whole
            except OSError:
                continue
        return 0, False

    def put(
        self, principal: str, digest: str, offset: int, size: int, data: bytes
    ) -> tuple[int, bool]:
        """Write a piece; return how much is here, and whether that is all of it.

        Raises
        ------
        IllegalState
            The piece does not begin where the last one ended.
        UsageError
            It is too large, or the whole is not the content of that digest.
        """
        if not 0 <= offset <= size <= MOST_BYTES or offset + len(data) > size:
            raise UsageError(
                f"{offset} and {len(data)} bytes do not fit into {size}",
                code="bad_value",
                hint=f"a file has {MOST_BYTES} bytes at most",
            )
        place = self._place(principal, digest)
        with self._lock(place):
            here, whole = self.have(principal, digest)
            if whole or offset + len(data) <= here < size:
                return here, whole  # it came twice
            if offset != here:
                raise IllegalState(
                    f"{here} bytes of this file are here, the piece begins at {offset}",
                    code="wrong_offset",
                    hint="go on from where it is: GET files/DIGEST tells",
                    details={"size": here},
                )
            self._append(place, data)
            if here + len(data) < size:
                return here + len(data), False
            self._finish(place, digest)
            return size, True

    def find(self, principal: str, digest: str, name: str) -> Path:
        """Return a file under a name that says what it is (NotFound)."""
        place = self._place(principal, digest)
        content = place / _CONTENT
        if not content.is_file():
            raise not_here(name)
        os.utime(content)
        named = place / "named" / one_name(name)
        with self._lock(place):
            if not named.exists():
                named.parent.mkdir(mode=0o700, exist_ok=True)
                try:
                    os.link(content, named)
                except OSError:
                    shutil.copyfile(content, named)
        return named

    def folder(self, principal: str, digest: str, name: str) -> Path:
        """Return a folder that was given as one file (NotFound, UsageError)."""
        place = self._place(principal, digest)
        content = place / _CONTENT
        if not content.is_file():
            raise not_here(name)
        os.utime(content)
        found = place / "folders" / one_name(name)
        with self._lock(place):
            if not found.exists():
                fresh = place / f".{uuid.uuid4().hex}"
                fresh.mkdir(mode=0o700)
                try:
                    unpack(content, fresh)
                    found.parent.mkdir(mode=0o700, exist_ok=True)
                    fresh.replace(found)
                finally:
                    shutil.rmtree(fresh, ignore_errors=True)
        return found

    def add(self, principal: str, made: Path) -> tuple[str, int]:
        """Take over a file that was made for somebody; return its digest and size."""
        digest, size = file_digest(made), made.stat().st_size
        place = self._place(principal, digest)
        with self._lock(place):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.move(made, place / _CONTENT)
        return digest, size

    def content(self, principal: str, digest: str) -> Path:
        """Return the content of a file (NotFound)."""
        place = self._place(principal, digest) / _CONTENT
        if not place.is_file():
            raise not_here(digest)
        os.utime(place)
        return place

    def workplace(self) -> Path:
        """Return a new folder for making a file that `add` takes over."""
        place = self._folder / "made" / uuid.uuid4().hex
        place.mkdir(mode=0o700, parents=True)
        return place

    def discard(self, place: Path) -> None:
        """Remove a folder of `workplace` and what is left in it."""
        shutil.rmtree(place, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what nobody has used for long, and what servers that died left."""
        now = time.time()
        for made in _subfolders(self._folder / "made"):
            if _age(made, now) > _STALE_SECONDS:
                shutil.rmtree(made, ignore_errors=True)
        for owner in _subfolders(self._folder):
            if owner.name == "made":
                continue
            for place in _subfolders(owner):
                content = place / _CONTENT
                last = content if content.exists() else _part(place)
                if _age(last, now) > KEPT_SECONDS:
                    log.info("removes the unused file %s", place.name)
                    shutil.rmtree(place, ignore_errors=True)
                    continue
                for left in _subfolders(place):
                    hidden = left.name.startswith(".")
                    if hidden and _age(left, now) > _STALE_SECONDS:
                        shutil.rmtree(left, ignore_errors=True)

    def _append(self, place: Path, data: bytes) -> None:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0)
        part = _part(place)
        here = part.stat().st_size if part.exists() else 0
        with os.fdopen(os.open(part, flags, 0o600), "ab") as stream:
            try:
                stream.write(data)
                stream.flush()
            except OSError as error:
                os.truncate(part, here)
                raise UsageError(
                    f"the file cannot be kept: {error.strerror or error}",
                    code="cannot_write",
                    hint="the server needs more room on its disk",
                ) from None

    def _finish(self, place: Path, digest: str) -> None:
        part = _part(place)
        if file_digest(part) != digest:
            part.unlink()
            raise UsageError(
                "what came is not the content of that digest",
                code="upload_incomplete",
                hint="send it again from its beginning; was it changed meanwhile?",
            )
        part.replace(place / _CONTENT)

    def _place(self, principal: str, digest: str) -> Path:
        owner = hashlib.sha256(principal.encode("utf-8", "replace")).hexdigest()[:32]
        return self._folder / owner / digest

    def _lock(self, place: Path) -> threading.Lock:
        with self._guard:
            return self._busy.setdefault(place, threading.Lock())


def not_here(name: str) -> NotFound:
    """Return the error for a file that must be sent first."""
    return NotFound(
        f"the server does not see the file {name}",
        code="file_not_here",
        hint="send it first: PUT files/DIGEST",
    )


def _part(place: Path) -> Path:
    return place / "part"


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [item for item in folder.iterdir() if item.is_dir()]
    except OSError:
        return []


def _age(path: Path, now: float) -> float:
    try:
        return now - path.stat().st_mtime
    except OSError:
        return float("inf")
