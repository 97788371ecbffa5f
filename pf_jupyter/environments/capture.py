"""A definition out of what somebody installed by hand: what is taken, and what is not.

Two stocks are held against each other: that of the runtime, and that of the image it
was made of. What differs and can be had again becomes a folder that builds; what cannot
is told by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pf_jupyter.environments.requirement_text import without_login
from pf_jupyter.environments.stock import Difference, PipPackage, Stock, differences

Reader = Callable[[str], tuple[bytes | None, str]]
"""Gives the content of a file of the container, or None and the reason."""

LOCK = "requirements.lock"
WHEELS = "wheels"
DEBS = "debs"
APT = "apt"
_APT_FILES = ("/etc/apt/sources.list", "/etc/apt/preferences", "/etc/apt/trusted.gpg")
_APT_FOLDERS = (
    *(f"{name}.d/" for name in _APT_FILES),
    "/etc/apt/keyrings/",
    "/usr/share/keyrings/",
)
_LOGIN = re.compile(rb"://[^/\s@]+@")


@dataclass(frozen=True)
class Left:
    """Something that is not taken, and why; ``what`` is a path or a package."""

    what: str
    why: str


@dataclass
class Findings:
    """What a runtime has beyond its image.

    Parameters
    ----------
    base
        The image's stock.
    now
        The runtime's.
    asked
        What was asked for, a line each.
    lock
        All that is installed by pip, a line each.
    debs
        ``name=version`` of the system's packages; of those in ``deb_files``, the file.
    automatic
        Those of them that only others needed.
    gone_pip, gone_debs
        What the image has and the runtime has not.
    files
        Of the folder, by their path in it.
    left
        What is not taken.
    """

    base: Stock
    now: Stock
    changes: list[Difference] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lock: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    debs: list[str] = field(default_factory=list)
    deb_files: list[str] = field(default_factory=list)
    automatic: list[str] = field(default_factory=list)
    gone_pip: list[str] = field(default_factory=list)
    gone_debs: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    left: list[Left] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether the runtime is its image exactly, as far as packages go."""
        return not self.changes

    @property
    def new_pip(self) -> list[str]:
        """Names of pip's packages that are not in the image as they are now."""
        return [item.name for item in self.changes if item.kind == "pip" and item.after]


def find(
    base: Stock,
    now: Stock,
    *,
    read: Reader,
    layers: Sequence[Mapping[str, Any]] = (),
    origins: Mapping[str, Sequence[str]],
    deb_files: Mapping[tuple[str, str], str],
    index: str = "",
) -> Findings:
    """Return what a runtime has beyond its image, and how it can be had again.

    Parameters
    ----------
    base, now
        The stock of its image, and its own.
    read
        Reads files of the runtime.
    layers
        What was installed with our own command, as the record keeps it.
    origins
        Versions that apt's sources have of a package, where that is known.
    deb_files
        Package files that lie in the runtime, by name and version.
    index
        The index to install from; what pip is told there when empty.
    """
    found = Findings(base, now, differences(base, now))
    _options(found, layers, index)
    named = _named_in_layers(layers)
    for item in found.changes:
        if item.kind == "pip":
            _pip(found, item, read, named)
        elif item.kind == "dpkg":
            _deb(found, item, read, origins, deb_files)
    return found


def take_apt_files(
    found: Findings, paths: Sequence[str], read: Reader
) -> Sequence[str]:
    """Take the files that tell apt where to look; return the paths that were taken."""
    taken: list[str] = []
    for path in paths if found.debs else ():
        if not (path in _APT_FILES or path.startswith(_APT_FOLDERS)):
            continue
        data, why = read(path)
        if data is not None and _LOGIN.search(data):
            data, why = None, "it holds a login, which an image must not"
        if data is None:
            found.left.append(Left(path, why))
        else:
            found.files[f"{APT}{path}"] = data
        taken.append(path)
    return taken


def _options(found: Findings, layers: Sequence[Mapping[str, Any]], index: str) -> None:
    if index:
        found.options.append(f"--index-url {index}")
        parts = urlsplit(index)
        if parts.scheme == "http" and parts.hostname:
            # whoever names it trusts it: pip asks no plain address unless told to
            found.options.append(f"--trusted-host {parts.hostname}")
        return
    lines = [f"{name} {value}".strip() for name, value in found.now.indexes]
    lines += [line for layer in layers for line in layer.get("options") or ()]
    for line in dict.fromkeys(lines):
        name, _, value = line.partition(" ")
        if name == "--find-links" and "://" not in value:
            continue  # a folder that no build sees
        shown = without_login(line)
        if shown != line:
            found.left.append(Left(shown, "its login is not written down anywhere"))
        found.options.append(shown)


def _named_in_layers(layers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what was asked for with our own command, by the packages' names."""
    found = {}
    for layer in layers:
        for text in layer.get("requirements") or ():
            match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", str(text))
            if match:
                found[re.sub(r"[-_.]+", "-", match[0]).lower()] = str(text)
    return found


def _pip(
    found: Findings, item: Difference, read: Reader, named: Mapping[str, str]
) -> None:
    if item.after is None:
        if not found.base.pip[item.name].owner:
            found.gone_pip.append(item.name)
        return
    package = found.now.pip[item.name]
    if package.owner:
        return  # it comes with a package of the system
    line, why = _line(found, package, read)
    if not line:
        found.left.append(Left(f"{package.name} {package.version}", why))
        return
    found.lock.append(line)
    if package.requested or item.name in named:
        found.asked.append(line)


def _line(found: Findings, package: PipPackage, read: Reader) -> tuple[str, str]:
    """Return the line that gives this very package again; or why there is none."""
    if package.editable:
        place = unquote(urlsplit(package.url).path)
        return "", f"it is a link to the sources in {place}: build a wheel of them"
    if not package.url:
        return f"{package.name}=={package.version}", ""
    if package.vcs:
        url = without_login(package.url)
        return f"{package.name} @ {package.vcs}+{url}@{package.commit}", ""
    parts = urlsplit(package.url)
    if parts.scheme != "file":
        return f"{package.name} @ {without_login(package.url)}", ""
    path = unquote(parts.path)
    data, why = read(path)
    if data is None:
        return "", f"it was installed from {path}, which cannot be read: {why}"
    name = PurePosixPath(path).name
    found.files[f"{WHEELS}/{name}"] = data
    return f"./{WHEELS}/{name}", ""


def _deb(
    found: Findings,
    item: Difference,
    read: Reader,
    origins: Mapping[str, Sequence[str]],
    deb_files: Mapping[tuple[str, str], str],
) -> None:
    if item.after is None:
        found.gone_debs.append(item.name)
        return
    if found.now.dpkg[item.name].automatic:
        found.automatic.append(item.name)
    path = deb_files.get((item.name.partition(":")[0], item.after))
    if path is not None and item.after not in origins.get(item.name, ()):
        data, _ = read(path)
        if data is not None:
            name = re.sub(r"[^A-Za-z0-9._+~-]", "_", PurePosixPath(path).name)
            found.files[f"{DEBS}/{name}"] = data
            found.deb_files.append(name)
            return
    found.debs.append(f"{item.name}={item.after}")
