"""Listing the files that make up a flow: its folder and its additional includes.

Rules: flow-format section 1.7. Listing touches no file's contents and is done before
every run, so it has to be quick; what it returns compares equal when nothing changed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath, PureWindowsPath
from typing import NamedTuple

MAX_TOTAL_BYTES = 200_000_000
MAX_FILES = 20_000
"""Limits of one flow's files; a folder beyond them is hardly meant as a flow."""

IGNORED = frozenset(
    {
        ".promptflow",
        ".runs",
        "__pycache__",
        ".git",
        ".ipynb_checkpoints",
        ".venv",
        "node_modules",
        ".mypy_cache",
        ".pytest_cache",
        ".ruff_cache",
        ".DS_Store",
    }
)
"""Names that are never part of a flow."""


class Entry(NamedTuple):
    """A file with what changes when its contents do."""

    path: str
    absolute: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    mode: int


class Issue(NamedTuple):
    """What keeps a folder from being taken; ``include`` is the include's index."""

    code: str
    message: str
    hint: str
    file: str = ""
    include: int | None = None


@dataclass(frozen=True)
class Listing:
    """The files of a flow.

    ``files`` are sorted by path; ``archives`` maps the path of each folder that is to
    be zipped to the files in it; ``warnings`` do not keep the flow from running.
    ``folders`` are those that were listed, or none where a change could show in neither
    them nor the files: with links, includes, and where folders have no such times.
    """

    files: tuple[Entry, ...]
    archives: tuple[tuple[str, tuple[Entry, ...]], ...]
    issues: tuple[Issue, ...]
    warnings: tuple[Issue, ...]
    folders: tuple[Entry, ...] = field(default=(), compare=False)

    def is_unchanged(self) -> bool:
        """Tell, quicker than by listing again, that nothing changed; False if unsure.

        A folder's own times tell whether something came into it or went.
        """
        try:
            return bool(self.folders) and all(
                _entry(entry.path, entry.absolute, os.stat(entry.absolute)) == entry
                for entries in (self.folders, self.files)
                for entry in entries
            )
        except OSError:
            return False


def _entry(path: str, absolute: str, status: os.stat_result) -> Entry:
    return Entry(
        path,
        absolute,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        0o755 if status.st_mode & 0o111 else 0o644,
    )


def list_folder(folder: str, includes: Sequence[str] = ()) -> Listing:
    """List the files of a flow.

    Parameters
    ----------
    folder
        The flow's folder, absolute.
    includes
        Its additional includes, relative to the folder. Each goes on top of the
        folder's own files under its base name; ``name.zip`` that is not there but is a
        folder without the ending becomes an archive of that folder.

    Returns
    -------
    Listing
        Never raises for what the folder holds.
    """
    walk = _Walk()
    walk.add_folder(folder, "")
    files = {entry.path: entry for entry in walk.entries}
    archives: dict[str, tuple[Entry, ...]] = {}
    warnings: list[Issue] = []
    for index, include in enumerate(includes):
        walk.entries = []
        walk.include = index
        archive = _include(walk, folder, include)
        added = {entry.path: entry for entry in walk.entries}
        if archive:
            archives[archive] = tuple(sorted(walk.entries))
            added = {}
        for path in {*added, *([archive] if archive else [])} & files.keys():
            warnings.append(
                Issue(
                    "include_overwrites",
                    f"the additional include {include} replaces {path}",
                    "rename one of them",
                    include=index,
                )
            )
        if archive:
            files.pop(archive, None)
        files.update(added)
    return Listing(
        tuple(sorted(files.values())),
        tuple(sorted(archives.items())),
        tuple(walk.issues),
        tuple(sorted(warnings)),
        () if walk.issues or walk.links or includes else tuple(walk.folders),
    )


def _include(walk: _Walk, folder: str, include: str) -> str | None:
    """Add one include; return the archive's name when it is a folder to zip."""
    if PurePosixPath(include).is_absolute() or PureWindowsPath(include).anchor:
        walk.refuse(
            "path_outside_flow",
            f"the additional include {include} is not relative to the flow folder",
            "name it relative to the folder, ../shared for example",
        )
        return None
    # A null byte is the one thing that no path can hold.
    target = os.path.realpath(os.path.join(folder, include.replace("\0", "\ufffd")))
    name = os.path.basename(target)
    if os.path.isdir(target):
        walk.add_folder(target, name + "/")
    elif os.path.isfile(target):
        walk.add_file(target, name)
    elif name.endswith(".zip") and os.path.isdir(target[: -len(".zip")]):
        walk.add_folder(target[: -len(".zip")], name[: -len(".zip")] + "/")
        return name
    else:
        walk.refuse(
            "include_not_found",
            f"the additional include {include} is not there",
            "its path is relative to the flow folder",
        )
    return None


class _Walk:
    """Collects the files of folders without following what leads out of them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.folders: list[Entry] = []
        self.links = os.name != "posix"
        self.issues: list[Issue] = []
        self.include: int | None = None
        self._bytes = 0
        self._files = 0
        self._root = ""
        self._full = False

    def refuse(self, code: str, message: str, hint: str, file: str = "") -> None:
        self.issues.append(Issue(code, message, hint, file, self.include))

    def add_folder(self, folder: str, prefix: str) -> None:
        self._root = os.path.realpath(folder)
        pending: list[tuple[str, str, tuple[str, ...]]] = [
            (self._root, prefix, (self._root,))
        ]
        while pending and not self._full:
            path, prefix, above = pending.pop()
            for child, name in self._scan(path, prefix):
                real = os.path.realpath(child)
                if real in above:
                    self.refuse(
                        "symlink_loop",
                        f"{name} leads back to a folder that it is in",
                        "take the symbolic link away",
                        name,
                    )
                else:
                    pending.append((child, name + "/", (*above, real)))

    def add_file(self, path: str, name: str) -> None:
        try:
            self._add(path, name, os.stat(path))
        except OSError:
            return  # gone meanwhile; whoever needs it will say so

    def _scan(self, path: str, prefix: str) -> list[tuple[str, str]]:
        """Add the files of one folder, and return the folders in it."""
        folders: list[tuple[str, str]] = []
        try:
            self.folders.append(_entry(prefix, path, os.stat(path)))
            with os.scandir(path) as children:
                found = list(children)
        except OSError as error:
            self.refuse(
                "unreadable_file",
                f"the folder {prefix or '.'} cannot be read ({error.strerror})",
                "look at its permissions",
                prefix,
            )
            return folders
        if prefix and any(child.name == "pyvenv.cfg" for child in found):
            return folders  # a virtual environment
        for child in found:
            if child.name in IGNORED:
                continue
            name = prefix + child.name
            try:
                if child.is_symlink():
                    self.links = True
                    if not self._stays_inside(child.path, name):
                        continue
                if child.is_dir():
                    folders.append((child.path, name))
                    continue
                status = child.stat()
            except OSError:
                continue  # a broken link, a loop of links, or gone meanwhile
            self._add(child.path, name, status)
            if self._full:
                break
        return folders

    def _stays_inside(self, path: str, name: str) -> bool:
        real = os.path.realpath(path)
        if real == self._root or real.startswith(self._root + os.sep):
            return True
        if os.path.exists(real):
            self.refuse(
                "path_outside_flow",
                f"{name} is a symbolic link that leads out of the flow folder",
                "put a copy in its place, or name the target under "
                "'additional_includes:'",
                name,
            )
        return False

    def _add(self, path: str, name: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            return  # a pipe, a socket or a device has no contents to take
        self._bytes += status.st_size
        self._files += 1
        if self._bytes > MAX_TOTAL_BYTES or self._files > MAX_FILES:
            self._full = True
            what = (
                f"more than {MAX_FILES:,} files"
                if self._files > MAX_FILES
                else f"more than {MAX_TOTAL_BYTES // 1_000_000} MB"
            )
            self.refuse(
                "folder_too_large",
                f"the flow folder holds {what}",
                "keep large data outside of the flow folder and pass its path",
            )
            return
        self.entries.append(_entry(name, path, status))
