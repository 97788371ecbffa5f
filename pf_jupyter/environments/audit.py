"""Known vulnerabilities from a database that is asked, by way of pip-audit.

It is asked only when somebody says so: the names and versions of packages go to that
database, the public one or one that speaks as OSV's does.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Audit:
    """What a database said.

    Parameters
    ----------
    found
        The vulnerabilities.
    skipped
        Packages that it does not know, and why: nothing is said of them.
    """

    found: Sequence[Advisory]
    skipped: Mapping[str, str] = field(default_factory=dict)


def asks(advisories: str) -> bool:
    """Tell whether a database is to be asked rather than read from a file."""
    named = advisories == PIP_AUDIT and not Path(PIP_AUDIT).exists()
    return named or advisories.startswith(("http://", "https://"))


def audit(
    packages: Mapping[str, str], *, url: str = "", seconds: float = _SECONDS
) -> Audit:
    """Return what a database knows of installed packages.

    Parameters
    ----------
    packages
        Normalised name to version.
    url
        Where to ask in OSV's protocol; the public database of PyPI when empty.
    seconds
        It is given up after this long.

    Raises
    ------
    Unreachable
        pip-audit is not installed (``no_pip_audit``), or its database cannot be asked
        (``advisories_unreachable``).
    """
    command = _command()
    where = ["--vulnerability-service", "osv", "--osv-url", url] if url else []
    with tempfile.TemporaryDirectory(prefix="pf-audit-") as folder:
        file = Path(folder) / "requirements.txt"
        lines = [f"{name}=={version}" for name, version in sorted(packages.items())]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        try:
            done = subprocess.run(
                [*command, *_OPTIONS, *where, "--requirement", str(file)],
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
    found = sorted(_advisories(document), key=lambda one: (one.package, one.id))
    skipped = {
        str(item.get("name")): str(item["skip_reason"])
        for item in document.get("dependencies") or ()
        if item.get("skip_reason")
    }
    return Audit(found, skipped)


def _command() -> list[str]:
    found = shutil.which(PIP_AUDIT)
    if found is not None:
        return [found]
    if importlib.util.find_spec("pip_audit") is not None:
        return [sys.executable, "-m", "pip_audit"]
    raise Unreachable(
        "pip-audit, which asks the public database, is not installed here",
        code="no_pip_audit",
        hint="pip install 'pf_jupyter[audit]', or name a file: --advisories osv.zip",
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
        f"the database of vulnerabilities cannot be asked: {reason[:300]}",
        code="advisories_unreachable",
        hint="where there is no network, name a file: --advisories osv.zip",
    )
