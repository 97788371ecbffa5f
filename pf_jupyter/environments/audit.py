"""Known vulnerabilities from the public database, by way of pip-audit.

It is asked only when somebody says so: the names and versions of packages go to that
database.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pf_jupyter.environments.advisories import Advisory
from pf_jupyter.errors import PfError, Unreachable

PIP_AUDIT = "pip-audit"
"""What names the public database where a file could be named."""

_SECONDS = 180.0
_OPTIONS = (
    "--no-deps",
    "--disable-pip",
    "--format",
    "json",
    "--progress-spinner",
    "off",
)
_LENGTH = 120


def audit(packages: Mapping[str, str], *, seconds: float = _SECONDS) -> list[Advisory]:
    """Return what the public database knows of installed packages.

    Parameters
    ----------
    packages
        Normalised name to version.
    seconds
        It is given up after this long.

    Raises
    ------
    Unreachable
        pip-audit is not installed (``no_pip_audit``), or its database cannot be asked
        (``advisories_unreachable``).
    """
    command = _command()
    with tempfile.TemporaryDirectory(prefix="pf-audit-") as folder:
        file = Path(folder) / "requirements.txt"
        lines = [f"{name}=={version}" for name, version in sorted(packages.items())]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        try:
            done = subprocess.run(
                [*command, *_OPTIONS, "--requirement", str(file)],
                capture_output=True,
                text=True,
                timeout=seconds,
                stdin=subprocess.DEVNULL,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _unreachable(f"no answer within {seconds:g} s") from None
        except OSError as error:
            raise _unreachable(error.strerror or str(error)) from error
    start = done.stdout.find("{")
    try:
        document = json.loads(done.stdout[start:]) if start >= 0 else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise _unreachable(last)
    return sorted(_advisories(document), key=lambda one: (one.package, one.id))


def _command() -> list[str]:
    found = shutil.which(PIP_AUDIT)
    if found is not None:
        return [found]
    if importlib.util.find_spec("pip_audit") is not None:
        return [sys.executable, "-m", "pip_audit"]
    raise Unreachable(
        "pip-audit, which asks the public database, is not installed here",
        code="no_pip_audit",
        hint="pip install pip-audit, or name a file: --advisories osv.zip",
    )


def _advisories(document: Mapping[str, Any]) -> list[Advisory]:
    found = []
    for item in document.get("dependencies") or ():
        for one in item.get("vulns") or ():
            text = " ".join(str(one.get("description") or "").split())
            found.append(
                Advisory(
                    str(one.get("id")),
                    str(item.get("name")),
                    str(item.get("version") or ""),
                    text[:_LENGTH] + ("…" if len(text) > _LENGTH else ""),
                    tuple(str(version) for version in one.get("fix_versions") or ()),
                )
            )
    return found


def _unreachable(reason: str) -> PfError:
    return Unreachable(
        f"the public database of vulnerabilities cannot be asked: {reason[:300]}",
        code="advisories_unreachable",
        hint="where there is no network, name a file: --advisories osv.zip",
    )
