"""Layers: what an installation adds, as a virtual environment over what is below.

A layer is known by the hash of what is in it and what it lies on. It is made on this
side, by uv and from its cache, and then copied to where runtimes see it, so that a
container needs neither uv nor a network. It is never changed afterwards.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pf_jupyter.engines.api import LAYER_MARK
from pf_jupyter.environments import indexes, uv
from pf_jupyter.environments.lock import Lock, line_of, platform_arguments
from pf_jupyter.environments.requirements import Requirement, Requirements
from pf_jupyter.environments.target import Target
from pf_jupyter.errors import PfError, RuntimeFailed

Source = Literal["environment", "flow", "ad hoc"]
BELOW = "_pf_jupyter_below.pth"
_RECIPE = 1
_INFO = re.compile(r"(.+)-([^-]+)\.dist-info")


@dataclass(frozen=True)
class Layer:
    """A layer as a runtime's record keeps it.

    Parameters
    ----------
    name
        The hash that names its folder.
    source
        Why it is there: the environment's definition, a flow's requirements, or
        somebody's wish.
    requirements
        What was asked for, logins taken out.
    packages
        Version of each distribution in it.
    items, options
        What was installed, and the index options, as lines of a requirements file.
    lock
        The same as ``items`` with the hashes of their files: making the layer once more
        takes no others.
    """

    name: str
    source: Source
    requirements: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    items: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    lock: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it for a record."""
        return asdict(self)


def read_layer(raw: Mapping[str, Any]) -> Layer:
    """Return what `Layer.to_dict` gave."""
    return Layer(
        raw["name"],
        raw["source"],
        tuple(raw["requirements"]),
        dict(raw["packages"]),
        tuple(raw["items"]),
        tuple(raw["options"]),
        tuple(raw.get("lock") or ()),
    )


def layer_name(lock: Lock, target: Target, below: Sequence[str]) -> str:
    """Return the hash that names a layer.

    Parameters
    ----------
    lock
        What goes in.
    target
        The interpreter that it is for.
    below
        Names of the layers that it lies on.
    """
    facts = {
        "recipe": _RECIPE,
        "items": sorted([str(item), *item.hashes, _content(item)] for item in lock.new),
        "below": list(below),
        **target.facts(),
    }
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]


def digest_of(base: str, layers: Sequence[Mapping[str, Any]]) -> str:
    """Return the digest of an environment with layers; the base's own without any."""
    if not layers:
        return base
    text = json.dumps([base, *(layer["name"] for layer in layers)])
    return "sha256:" + hashlib.sha256(text.encode("utf-8")).hexdigest()


def build(
    lock: Lock,
    wanted: Requirements,
    target: Target,
    *,
    folder: Path,
    final: str,
    below: Sequence[str],
) -> dict[str, str]:
    """Make a layer's folder.

    Parameters
    ----------
    lock
        What goes in; see `Lock.new`.
    wanted
        What it was made from, for its index options.
    target
        The interpreter that it is for.
    folder
        Where; its parent is private and for uv's files, too.
    final
        Where runtimes will see it.
    below
        Folders of the layers that it lies on as runtimes see them, the uppermost
        first.

    Returns
    -------
    Version of each distribution in it.

    Raises
    ------
    RuntimeFailed, Unreachable, Refused
        Something cannot be had or does not fit.
    """
    _install(lock, wanted, target, folder)
    site = _gather(folder, target)
    packages = _packages(site)
    below_sites = [site_of(path, target) for path in below[:1]]
    if target.virtual:
        below_sites += target.sites
    if below_sites:
        calls = "; ".join(f"site.addsitedir({path!r})" for path in below_sites)
        (site / BELOW).write_text(f"import site; {calls}\n", encoding="utf-8")
    _make_environment(folder, target, final)
    mark = {"packages": packages, "python": target.version}
    (folder / LAYER_MARK).write_text(json.dumps(mark), encoding="utf-8")
    return packages


def _install(lock: Lock, wanted: Requirements, target: Target, folder: Path) -> None:
    filled = indexes.fill(wanted)
    lines = [*filled.lines(), *(line_of(item) for item in lock.new)]
    listed = folder.parent / "lock.txt"
    listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
    arguments = [
        *("pip", "install", "--quiet", "--no-deps", "--requirement", str(listed)),
        *("--prefix", str(folder), *platform_arguments(target)),
    ]
    if target.compiled_here:
        arguments.append("--compile-bytecode")
    # times of files do not survive every way, so byte code must not depend on them
    variables = {**filled.variables, "PYC_INVALIDATION_MODE": "UNCHECKED_HASH"}

    def run(*more: str) -> None:
        uv.run(
            [*arguments, *more],
            folder=folder.parent,
            what="installing",
            variables=variables,
            secrets=filled.secrets,
        )

    try:
        # what was resolved a moment ago is mostly in the cache: no index is asked again
        run("--offline")
    except PfError:
        shutil.rmtree(folder, ignore_errors=True)
        run()


def _gather(folder: Path, target: Target) -> Path:
    """Move all that was installed to where the runtime's Python looks for it."""
    site = folder / PurePosixPath(site_of("", target).lstrip("/\\"))
    infos = sorted(folder.rglob("*.dist-info"))
    for found in dict.fromkeys(info.parent for info in infos):
        if found == site:
            continue
        site.mkdir(parents=True, exist_ok=True)
        for path in found.iterdir():
            if (site / path.name).is_dir():
                shutil.copytree(path, site / path.name, dirs_exist_ok=True)
                shutil.rmtree(path)
            else:
                path.rename(site / path.name)
        for empty in (found, found.parent, found.parent.parent):
            if empty != folder and not any(empty.iterdir()):
                empty.rmdir()
    site.mkdir(parents=True, exist_ok=True)
    (folder / ".lock").unlink(missing_ok=True)
    return site


def _packages(site: Path) -> dict[str, str]:
    found = {}
    for info in sorted(site.glob("*.dist-info")):
        match = _INFO.fullmatch(info.name)
        if match is not None:
            name = re.sub(r"[-_.]+", "-", match[1]).lower()
            found[name] = match[2]
    return found


def _make_environment(folder: Path, target: Target, final: str) -> None:
    """Make it a virtual environment, with its programs at their final place."""
    home = str(PurePosixPath(target.base).parent)
    if os.name == "nt" and target.system == "win32":
        _make_with_venv(folder, target)
        return
    config = f"home = {home}\ninclude-system-site-packages = true\n"
    config += f"version = {target.version}\n"
    (folder / "pyvenv.cfg").write_text(config, encoding="utf-8")
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    for name in ("python", "python3", f"python{target.minor}"):
        (programs / name).unlink(missing_ok=True)
        (programs / name).symlink_to(target.base)
    for path in programs.iterdir():
        if not path.is_symlink():
            _point(path, f"{final}/bin/python")


def _make_with_venv(folder: Path, target: Target) -> None:
    import subprocess

    command = [target.base, "-m", "venv", "--without-pip", "--system-site-packages"]
    subprocess.run([*command, str(folder)], check=True, timeout=120)


def _point(path: Path, python: str) -> None:
    """Let a script run under an interpreter, whatever it was written for."""
    data = path.read_bytes()
    if not data.startswith(b"#!") or b"python" not in data.split(b"\n", 1)[0]:
        if not data.startswith(b"#!/bin/sh\n'''exec'"):
            return
        rest = data.split(b"\n", 3)[3] if data.count(b"\n") > 2 else b""
    else:
        rest = data.split(b"\n", 1)[1]
    mode = path.stat().st_mode
    # a new file: what uv linked from its cache is not ours to change
    path.unlink()
    path.write_bytes(f"#!{python}\n".encode() + rest)
    path.chmod(mode | 0o111)


def site_of(folder: str, target: Target) -> str:
    """Return where the packages of a layer are."""
    if target.system == "win32":
        return f"{folder}\\Lib\\site-packages"
    return f"{folder}/lib/python{target.minor}/site-packages"


def _content(item: Requirement) -> str:
    """Return what identifies a local file: its name does not."""
    if item.path is None:
        return ""
    try:
        if item.path.is_file():
            return hashlib.sha256(item.path.read_bytes()).hexdigest()
        digest = hashlib.sha256()
        for path in sorted(item.path.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(f"{path.relative_to(item.path)}\0".encode())
                digest.update(path.read_bytes())
        return digest.hexdigest()
    except OSError as error:
        raise RuntimeFailed(
            f"{item.path} cannot be read: {error.strerror or error}",
            phase="build",
            code="requirement_missing",
            hint="look whether the file is still there",
        ) from error
