"""Looks at a Python from inside a container. Sent there as text: plain Python 3.9.

python -c SOURCE            one line of JSON: what is installed, who runs it
python -c SOURCE a b c      one line for each distribution: can it be imported
"""

import importlib
import json
import os
import platform
import sys
import tempfile
import warnings
from importlib import metadata
from typing import Any

MARK = "pf-looked "


def plain(name: str) -> str:
    """Return a distribution's name as indexes compare it."""
    return name.lower().replace("_", "-").replace(".", "-")


def writable(folder: str) -> bool:
    """Tell whether a file can be written there."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def modules(found: metadata.Distribution) -> list[str]:
    """Return the modules that a distribution brings, its own name first."""
    tops = set((found.read_text("top_level.txt") or "").split())
    if not tops:
        for file in found.files or ():
            parts = file.parts
            if parts[-1] == "__init__.py" and len(parts) == 2:
                tops.add(parts[0])
            elif len(parts) == 1 and parts[0].endswith((".py", ".so")):
                tops.add(parts[0].split(".")[0])
    name = plain(found.metadata["Name"])
    names = [top for top in tops if top.isidentifier() and not top.startswith("_")]
    return sorted(names, key=lambda top: (plain(top) != name, top))


def survey() -> dict[str, Any]:
    """Return what is installed here, and what the process may do."""
    packages = {}
    for found in metadata.distributions():
        name = found.metadata["Name"]
        if name and plain(name) not in packages:
            packages[plain(name)] = {
                "name": name,
                "version": found.version,
                "requires": list(found.requires or ()),
                "place": str(found.locate_file("")),
            }
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "executable": sys.executable,
        "machine": platform.machine(),
        "uid": getattr(os, "getuid", lambda: -1)(),
        "home": writable(os.path.expanduser("~")),
        "temporary": writable(tempfile.gettempdir()),
        "packages": packages,
    }


def attempt(name: str) -> dict[str, Any]:
    """Import the modules of a distribution and tell how that went."""
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return {"name": name, "installed": False}
    failures = []
    tried = modules(found)
    for top in tried:
        try:
            importlib.import_module(top)
        except BaseException as error:
            said = (str(error).strip().splitlines() or [""])[0]
            failures.append([top, f"{type(error).__name__}: {said}"])
    return {
        "name": name,
        "installed": True,
        "version": found.version,
        "tried": tried,
        "failures": failures,
    }


def main(names: list[str]) -> None:
    """Print what was asked for, each on a line of its own."""
    warnings.simplefilter("ignore")
    # what the modules print while they are imported is nobody's business here
    out, sys.stdout = os.fdopen(os.dup(1), "w"), sys.stderr
    if not names:
        out.write(MARK + json.dumps(survey()) + "\n")
    for name in names:
        out.write(MARK + json.dumps({"begin": name}) + "\n")
        out.flush()
        out.write(MARK + json.dumps(attempt(name)) + "\n")
        out.flush()
    out.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
