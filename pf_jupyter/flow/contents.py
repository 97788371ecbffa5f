"""Digests of a flow's files, each computed once for as long as the file is the same."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import time
import weakref
import zipfile
from dataclasses import dataclass
from pathlib import Path

from pf_jupyter.flow.folder import Entry, Listing

_CHUNK = 1 << 20
_COARSE_SECOND = 1_000_000_000
_TICK_NS = 50_000_000
_MAX_CACHED = 50_000


@dataclass(frozen=True)
class SnapshotFile:
    """One file of a snapshot.

    Parameters
    ----------
    path
        POSIX path relative to the flow folder.
    digest
        SHA-256 of its contents, in hex.
    size
        In bytes.
    mode
        0o755 for a file that may be executed, else 0o644.
    absolute
        Where it is on this machine; not below the flow's folder for an additional
        include.
    """

    path: str
    digest: str
    size: int
    mode: int
    absolute: Path

    def read(self) -> bytes:
        """Return its contents as they are now (OSError when they cannot be read)."""
        return self.absolute.read_bytes()


@dataclass(frozen=True)
class Snapshot:
    """The files of a flow at one moment; ``digest`` stands for all of them."""

    digest: str
    files: tuple[SnapshotFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


class Digests:
    """Computes snapshots and remembers the digests of files that do not change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Entry, int, str]] = {}
        self._lock = threading.Lock()
        self._archives: Path | None = None

    def snapshot(self, listing: Listing) -> Snapshot:
        """Return the snapshot of what was listed.

        Raises
        ------
        OSError
            A file cannot be read; ``filename`` is its place on this machine.
        """
        files = [
            SnapshotFile(
                entry.path,
                self.digest(entry),
                entry.size,
                entry.mode,
                Path(entry.absolute),
            )
            for entry in listing.files
        ]
        files += [self._archive(path, inside) for path, inside in listing.archives]
        files.sort(key=lambda file: file.path)
        whole = hashlib.sha256()
        for file in files:
            name = file.path.encode("utf-8", "surrogatepass")
            whole.update(b"%d:%s%o%s\n" % (len(name), name, file.mode, _raw(file)))
        return Snapshot(whole.hexdigest(), tuple(files))

    def digest(self, entry: Entry) -> str:
        """Return the SHA-256 of a file, in hex (OSError when it cannot be read)."""
        known = self._known.get(entry.absolute)
        if known and known[0][2:6] == entry[2:6] and settled(entry, known[1]):
            return known[2]
        began = time.time_ns()
        digest = _hash_file(entry.absolute)
        with self._lock:
            if len(self._known) >= _MAX_CACHED:
                self._known.clear()
            self._known[entry.absolute] = (entry, began, digest)
        return digest

    def _archive(self, path: str, entries: tuple[Entry, ...]) -> SnapshotFile:
        """Zip a folder in such a way that equal folders give equal bytes."""
        key = hashlib.sha256(path.encode("utf-8", "surrogatepass"))
        for entry in entries:
            key.update(
                f"{entry.path}\0{self.digest(entry)}\0".encode("utf-8", "replace")
            )
        with self._lock:
            if self._archives is None:
                self._archives = Path(tempfile.mkdtemp(prefix="pf-jupyter-"))
                weakref.finalize(self, shutil.rmtree, self._archives, True)
            target = self._archives / f"{key.hexdigest()}.zip"
            if not target.exists():
                _write_zip(target, entries)
        size = target.stat().st_size
        return SnapshotFile(path, _hash_file(str(target)), size, 0o644, target)


def settled(entry: Entry, seen_at: int) -> bool:
    """Tell whether a later change of a file would show in its times.

    A file that was written within one tick of the clock of being read can change once
    more without its times changing. File systems that count in whole seconds have a
    long tick.
    """
    changed = entry.ctime_ns if os.name == "posix" else entry.mtime_ns
    coarse = changed % _COARSE_SECOND == 0
    return changed + (2 * _COARSE_SECOND if coarse else _TICK_NS) < seen_at


def _hash_file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _raw(file: SnapshotFile) -> bytes:
    return bytes.fromhex(file.digest)


def _write_zip(target: Path, entries: tuple[Entry, ...]) -> None:
    unfinished = target.with_suffix(".part")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(entry.path, (1980, 1, 1, 0, 0, 0))
            info.external_attr = (entry.mode | 0o100000) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, Path(entry.absolute).read_bytes())
    unfinished.replace(target)
