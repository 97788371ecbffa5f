"""Resolving requirements for a runtime, with what it has already taken into account.

What is installed below stays as it is unless its version does not fit what is asked for
by name; then whatever needs it below has its say. A conflict is the resolver's to tell.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Parsed
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from pf_jupyter.environments import indexes, uv
from pf_jupyter.environments.requirements import (
    Requirement,
    Requirements,
    parse_requirements,
)
from pf_jupyter.environments.target import Installed, Target


@dataclass(frozen=True)
class Lock:
    """What requirements came to.

    Parameters
    ----------
    items
        Every distribution with its exact version, those below included.
    new
        Those that are not installed below in that version.
    """

    items: tuple[Requirement, ...]
    new: tuple[Requirement, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The new ones for a requirements file, each with the hashes it may have."""
        return tuple(
            " ".join([str(item), *(f"--hash={value}" for value in item.hashes)])
            for item in self.new
        )


def resolve(
    wanted: Requirements, target: Target, folder: Path, *, upgrade: bool = False
) -> Lock:
    """Resolve requirements for an interpreter and what it has.

    Parameters
    ----------
    wanted
        The requirements.
    target
        The interpreter.
    folder
        An empty private folder for what uv reads.
    upgrade
        Whether what is installed below may be replaced by whatever is newest.

    Raises
    ------
    RuntimeFailed, Unreachable, Refused
        There is no solution, or what it needs cannot be had; see `uv.failure`.
    """
    filled = indexes.fill(wanted)
    changing = {
        canonicalize_name(item.name)
        for item in filled.requirements.items
        if upgrade or not fits(item, target.versions().get(item.name))
    }
    known = folder / "installed"
    known.mkdir()
    lines = [f"--find-links {known.as_uri()}", *filled.lines()]
    limits = [item.text for item in filled.requirements.constraints]
    for item in target.installed:
        if not _usable(item):
            continue
        bound = [text for text in item.requires if _name_of(text) in changing]
        write_stub(known, item, bound)
        if item.name not in changing and not upgrade:
            limits.append(f"{item.name}=={item.version}")
        if item.name not in changing and any(not _is_extra(text) for text in bound):
            lines.append(f"{item.name}=={item.version}")
    lines += [line_of(item) for item in filled.requirements.items]
    (folder / "requirements.in").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "constraints.txt").write_text("\n".join(limits) + "\n", encoding="utf-8")
    output = uv.run(
        [
            *("pip", "compile", "requirements.in", "--constraint", "constraints.txt"),
            *("--quiet", "--no-header", "--no-annotate", "--no-strip-extras"),
            "--generate-hashes",
            *platform_arguments(target),
        ],
        folder=folder,
        what="resolving",
        variables=filled.variables,
        secrets=filled.secrets,
    )
    joined = output.replace("\\\n", " ").splitlines()
    texts = [line for line in joined if line and line[0] not in "#-"]
    items = parse_requirements(texts, folder).items
    versions = target.versions()
    new = [item for item in items if not _is_installed(item, versions)]
    return Lock(items, tuple(new))


def platform_arguments(target: Target) -> list[str]:
    """Return the options that tell uv which Python and platform is meant."""
    import sys

    if target.system == sys.platform and not target.platform:
        return ["--python", target.executable]
    arguments = ["--python", sys.executable, "--python-version", target.version]
    return [*arguments, "--python-platform", target.platform]


def fits(item: Requirement, version: str | None) -> bool:
    """Whether a version that is installed is what a requirement asks for."""
    if version is None or item.path is not None:
        return False
    try:
        parsed = Parsed(item.text)
        return parsed.url is None and parsed.specifier.contains(
            Version(version), prereleases=True
        )
    except (InvalidRequirement, InvalidVersion):
        return False


def line_of(item: Requirement) -> str:
    """Return a requirement as a line that uv reads."""
    text = item.text
    if item.path is not None:
        extras = re.search(r"\[[^\]]*\]$", text)
        uri = item.path.as_uri()
        text = f"{item.name}{extras[0] if extras else ''} @ {uri}" if item.name else uri
    return " ".join([text, *(f"--hash={value}" for value in item.hashes)])


def write_stub(folder: Path, item: Installed, requires: Sequence[str] = ()) -> None:
    """Write a wheel without contents that stands for an installed distribution.

    So the resolver knows it even if no index has it. What it needs is there already;
    only what its extras need, and what is about to change, is told.
    """
    name = item.name.replace("-", "_")
    info = f"{name}-{item.version}.dist-info"
    extras = [text for text in item.requires if _is_extra(text)]
    names = sorted({match for text in extras for match in _EXTRA.findall(text)})
    told = dict.fromkeys([*requires, *extras])
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {item.name}",
        f"Version: {item.version}",
        *(f"Provides-Extra: {extra}" for extra in names),
        *(f"Requires-Dist: {text}" for text in told),
    ]
    files: Mapping[str, str] = {
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: pf_jupyter\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": "",
    }
    path = folder / f"{name}-{item.version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)


_EXTRA = re.compile(r"extra\s*==\s*[\"']([^\"']+)[\"']")


def _is_extra(text: str) -> bool:
    return _EXTRA.search(text) is not None


def _name_of(text: str) -> str:
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
    return canonicalize_name(found[0]) if found else ""


def _usable(item: Installed) -> bool:
    try:
        return str(Version(item.version)) == item.version
    except InvalidVersion:
        return False


def _is_installed(item: Requirement, versions: Mapping[str, str]) -> bool:
    found = re.fullmatch(r"[^=]+==(\S+)(?:\s*;.*)?", item.text)
    return found is not None and versions.get(item.name) == found[1]
