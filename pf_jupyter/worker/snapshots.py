"""Flow folders as the host sent them: complete, verified, the same for every run."""

from __future__ import annotations

import base64
import os
import re
import shutil
import time
from typing import Any, Dict, List, Optional, Set, Tuple

Stamp = Tuple[int, int, int]
_DIGEST = re.compile(r"(?:[a-z0-9]+:)?[0-9a-f]{16,128}\Z")
_DRIVE = re.compile(r"[A-Za-z]:")
# Files get a time in the past: a later change shows even within one clock tick.
_BACKDATE_SECONDS = 60


class SnapshotError(Exception):
    """What the host sent cannot become a folder."""


class Snapshot:
    """One folder.

    ``missing`` maps digests that the host still has to send to the paths that hold
    them; ``users`` counts runs that need the folder; ``dirty`` says that a run may have
    changed it since it was last restored.
    """

    def __init__(self, digest: str, folder: str) -> None:
        self.digest = digest
        self.folder = folder
        self.files: Dict[str, Tuple[str, int]] = {}
        self.stamps: Dict[str, Stamp] = {}
        self.missing: Dict[str, List[str]] = {}
        self.extras: Set[str] = set()
        self.size = 0
        self.users = 0
        self.dirty = False
        self.used_at = 0.0

    @property
    def complete(self) -> bool:
        """Whether every file is there."""
        return not self.missing

    def path(self, relative: str) -> str:
        """Return where a file of the snapshot lies."""
        return os.path.join(self.folder, *relative.split("/"))

    def accept_extras(self) -> None:
        """Let what lies beside our files stay: loading the flow's code made it."""
        if not self.dirty:
            self.extras.update(self._walk()[1])

    def restore(self) -> None:
        """Undo what runs did to the folder, so that the next one finds it as sent.

        Files that were added are removed; ours that were changed become `missing`, for
        the host to send again.
        """
        self.dirty = False
        found, extras = self._walk()
        for relative in extras:
            if relative not in self.extras:
                _remove(self.path(relative))
        for relative, (digest, mode) in self.files.items():
            if found.get(relative) != self.stamps.get(relative):
                paths = self.missing.setdefault(digest, [])
                if relative not in paths:
                    paths.append(relative)
            elif os.name != "nt":
                path = self.path(relative)
                if os.stat(path).st_mode & 0o777 != mode:
                    os.chmod(path, mode)

    def _walk(self) -> Tuple[Dict[str, Stamp], List[str]]:
        """Return stamps of our files, and the topmost paths that are not ours."""
        found: Dict[str, Stamp] = {}
        extras: List[str] = []
        folders = {""}
        for relative in self.files:
            parent = relative.rpartition("/")[0]
            while parent not in folders:
                folders.add(parent)
                parent = parent.rpartition("/")[0]
        queue = [""]
        while queue:
            folder = queue.pop()
            try:
                entries = list(os.scandir(self.path(folder) if folder else self.folder))
            except OSError:
                continue
            for entry in entries:
                relative = f"{folder}/{entry.name}" if folder else entry.name
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and relative in folders:
                    queue.append(relative)
                elif relative in self.files and not is_folder:
                    found[relative] = stamp(entry.path)
                elif entry.name != "__pycache__":
                    extras.append(relative)
        return found, extras


def stamp(path: str) -> Stamp:
    """Return what changes whenever a file changes: size, time in ns, inode."""
    state = os.lstat(path)
    return state.st_size, state.st_mtime_ns, state.st_ino


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        try:
            os.unlink(path)
        except OSError:
            pass


def check_path(relative: str) -> str:
    """Return ``relative`` when it names a file below the folder.

    Raises
    ------
    SnapshotError
        It is absolute, climbs out, or means something else on another system.
    """
    parts = relative.split("/")
    if (
        any(part in ("", ".", "..") for part in parts)
        or "\\" in relative
        or "\0" in relative
        or _DRIVE.match(relative)
    ):
        raise SnapshotError(f"{relative!r} does not stay inside the flow folder")
    return relative


def digest_of(data: bytes, like: str) -> str:
    """Return the digest of ``data``, written as ``like`` is (``sha256:…`` or bare)."""
    import hashlib

    algorithm, colon, _ = like.rpartition(":")
    return algorithm + colon + hashlib.new(algorithm or "sha256", data).hexdigest()


class Snapshots:
    """All folders of a worker.

    Parameters
    ----------
    root
        Folder that holds them; nobody else uses it.
    capacity
        Bytes beyond which the least recently used ones are dropped.
    """

    def __init__(self, root: str, capacity: int) -> None:
        self._root = root
        self._capacity = capacity
        self._all: Dict[str, Snapshot] = {}

    def get(self, digest: str) -> Optional[Snapshot]:
        """Return the complete snapshot, or None when the host has to open it."""
        snapshot = self._all.get(digest)
        if snapshot is None or not snapshot.complete:
            return None
        snapshot.used_at = time.monotonic()
        return snapshot

    def open(self, digest: str, files: List[Dict[str, Any]]) -> List[str]:
        """Prepare a folder and return the digests that are missing.

        Raises
        ------
        SnapshotError
            A path leaves the folder, or a digest is not one.
        """
        snapshot = self._all.get(digest)
        if snapshot is None:
            snapshot = self._create(digest, files)
        snapshot.used_at = time.monotonic()
        for wanted in list(snapshot.missing):
            content = self._content(wanted, snapshot)
            if content is not None:
                self._write(snapshot, wanted, content)
        return list(snapshot.missing)

    def _create(self, digest: str, files: List[Dict[str, Any]]) -> Snapshot:
        for text in [digest, *(file["digest"] for file in files)]:
            if not _DIGEST.match(text):
                raise SnapshotError(f"{text!r} is not a digest")
        folder = os.path.join(self._root, digest.rpartition(":")[2])
        snapshot = Snapshot(digest, folder)
        for file in files:
            path = check_path(file["path"])
            mode = (int(file.get("mode") or 0o644) & 0o777) | 0o600
            snapshot.files[path] = (file["digest"], mode)
            snapshot.missing.setdefault(file["digest"], []).append(path)
            snapshot.size += int(file["size"])
        for path in snapshot.files:
            parts = path.split("/")
            if any("/".join(parts[:n]) in snapshot.files for n in range(1, len(parts))):
                raise SnapshotError(f"{path!r} lies below a file")
        os.makedirs(folder, exist_ok=True)
        self._all[digest] = snapshot
        return snapshot

    def _content(self, digest: str, target: Snapshot) -> Optional[bytes]:
        """Return what other snapshots hold under ``digest``, if it is still that."""
        for other in self._all.values():
            if other is target or digest in other.missing:
                continue
            for relative, (known, _mode) in other.files.items():
                if known == digest:
                    try:
                        with open(other.path(relative), "rb") as file:
                            data = file.read()
                    except OSError:
                        break
                    if digest_of(data, digest) == digest:
                        return data
                    break
        return None

    def fill(self, digest: str, blobs: Dict[str, str]) -> List[str]:
        """Write contents (base64 by digest); return the digests still missing.

        Raises
        ------
        SnapshotError
            The snapshot was not opened, or contents do not fit their digest.
        """
        snapshot = self._all.get(digest)
        if snapshot is None:
            raise SnapshotError(f"snapshot {digest} was not opened")
        for wanted, text in blobs.items():
            data = base64.b64decode(text)
            if digest_of(data, wanted) != wanted:
                raise SnapshotError(f"contents do not fit their digest {wanted}")
            if wanted in snapshot.missing:
                self._write(snapshot, wanted, data)
        return list(snapshot.missing)

    def _write(self, snapshot: Snapshot, digest: str, data: bytes) -> None:
        past = time.time() - _BACKDATE_SECONDS
        for relative in snapshot.missing.pop(digest):
            path = snapshot.path(relative)
            self._make_way(snapshot, relative)
            temporary = path + ".pf-part"
            with open(temporary, "wb") as file:
                file.write(data)
            os.chmod(temporary, snapshot.files[relative][1])
            os.utime(temporary, (past, past))
            os.replace(temporary, path)
            snapshot.stamps[relative] = stamp(path)

    def _make_way(self, snapshot: Snapshot, relative: str) -> None:
        """Remove what a run put in the place of a file or of a folder above it."""
        path = snapshot.path(relative)
        if os.path.isdir(path) or os.path.islink(path):
            _remove(path)
        parent = snapshot.folder
        for part in relative.split("/")[:-1]:
            parent = os.path.join(parent, part)
            if os.path.islink(parent) or not os.path.isdir(parent):
                _remove(parent)
                os.mkdir(parent)

    def begin(self, snapshot: Snapshot) -> None:
        """Count one more run that needs the folder."""
        snapshot.users += 1

    def end(self, snapshot: Snapshot) -> None:
        """Count one run less; when it was the last, restore the folder."""
        snapshot.users -= 1
        if snapshot.users == 0:
            snapshot.restore()

    def surplus(self) -> List[Snapshot]:
        """Return the snapshots to drop now: beyond capacity, unused, oldest first."""
        total = sum(snapshot.size for snapshot in self._all.values())
        chosen = []
        by_age = sorted(self._all.values(), key=lambda snapshot: snapshot.used_at)
        for snapshot in by_age[:-1]:
            if total <= self._capacity:
                break
            if not snapshot.users:
                chosen.append(snapshot)
                total -= snapshot.size
        return chosen

    def drop(self, snapshot: Snapshot) -> None:
        """Remove a snapshot and its folder."""
        if self._all.pop(snapshot.digest, None) is not None:
            shutil.rmtree(snapshot.folder, ignore_errors=True)
