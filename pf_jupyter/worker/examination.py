"""A process that tells what its interpreter has, and whether it can be imported."""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from typing import Any, Dict, List, Optional, Set, Tuple

_MODULE = re.compile(r"^(.+?)(\.[A-Za-z0-9_-]+)?\.(py|so|pyd)$")
_TESTS = {"test", "tests", "testing", "docs", "doc", "examples", "benchmarks"}
_TEXT = 2000


def main() -> None:
    """Answer the question on stdin, one JSON document, on what was stdout."""
    answer = os.dup(1)
    # what modules print while they are imported is not the answer
    os.dup2(2, 1)
    question = json.loads(sys.stdin.read())
    found: Dict[str, Any] = {"python": facts(), "installed": installed()}
    versions = {item["name"]: item["version"] for item in found["installed"]}
    found["checked"] = [check(name, versions) for name in question["check"]]
    data = json.dumps(found).encode("ascii")
    while data:
        data = data[os.write(answer, data) :]
    # imported code may have left threads that never end
    os._exit(0)


def canonical(name: str) -> str:
    """Return a distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def facts() -> Dict[str, Any]:
    """Return what decides which packages fit this interpreter."""
    import importlib.util

    return {
        "executable": sys.executable,
        "base": getattr(sys, "_base_executable", None) or sys.executable,
        "version": "%d.%d.%d" % sys.version_info[:3],
        "implementation": sys.implementation.name,
        "magic": importlib.util.MAGIC_NUMBER.hex(),
        "system": sys.platform,
        "machine": platform.machine(),
        "libc": list(platform.libc_ver()),
        "virtual": sys.prefix != sys.base_prefix,
        "prefix": sys.prefix,
        "sites": [
            path for path in sys.path if path.endswith(("-packages", "-packages/"))
        ],
    }


def installed() -> List[Dict[str, Any]]:
    """Return the distributions that an import would find, by their names."""
    from importlib import metadata

    found: Dict[str, Dict[str, Any]] = {}
    for item in metadata.distributions():
        try:
            name, version = item.metadata["Name"], item.version
        except Exception:
            continue  # half of a distribution, such as an interrupted removal leaves
        if not name or not version or canonical(name) in found:
            continue
        found[canonical(name)] = {
            "name": canonical(name),
            "version": version,
            "requires": list(item.requires or ()),
            "location": str(item.locate_file("")).rstrip("/\\"),
        }
    return sorted(found.values(), key=lambda entry: str(entry["name"]))


def check(name: str, versions: Dict[str, str]) -> Dict[str, Any]:
    """Import what a distribution offers; tell what of it cannot be imported."""
    import importlib

    if name not in versions:
        return {"name": name, "version": None, "modules": [], "error": None}
    modules = import_names(name)
    error: Optional[Dict[str, str]] = None
    for module in modules:
        try:
            importlib.import_module(module)
        except BaseException as problem:
            text = f"{type(problem).__name__}: {problem}"[:_TEXT]
            error = {"module": module, "text": text}
            break
    return {
        "name": name,
        "version": versions[name],
        "modules": modules,
        "error": error,
    }


def import_names(name: str) -> List[str]:
    """Return the modules that a distribution offers to importers, packages as one."""
    from importlib import metadata

    try:
        item = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return []
    packages: Set[Tuple[str, ...]] = set()
    modules: Set[Tuple[str, ...]] = set()
    for file in item.files or ():
        parts = file.parts
        match = _MODULE.match(parts[-1])
        if match is None or ".." in parts or not _importable(parts[:-1]):
            continue
        if match[1] == "__init__":
            packages.add(tuple(parts[:-1]))
        elif match[1].isidentifier():
            modules.add((*parts[:-1], match[1]))
    if not packages and not modules:
        named = (item.read_text("top_level.txt") or "").split()
        return [module for module in named if module.isidentifier()]
    # a package brings what is in it; a folder without __init__ is only on the way
    roots = {path for path in packages if not _inside(path, packages)}
    roots |= {path for path in modules if len(path) == 1}
    if not roots:
        roots = {path for path in modules if not _inside(path, packages)}
    names = sorted(".".join(path) for path in roots if path)
    public = [
        module
        for module in names
        if not module.startswith("_") and module.split(".")[0] not in _TESTS
    ]
    return public or names


def _importable(parts: Tuple[str, ...]) -> bool:
    return all(part.isidentifier() for part in parts)


def _inside(path: Tuple[str, ...], packages: Set[Tuple[str, ...]]) -> bool:
    return any(path[:size] in packages for size in range(1, len(path)))
