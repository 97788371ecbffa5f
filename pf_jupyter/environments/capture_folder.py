"""The folder that a capture writes: it builds what was found, and says what it left."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pf_jupyter.environments.capture import APT, DEBS, LOCK, WHEELS, Findings
from pf_jupyter.environments.starter import FOLDER
from pf_jupyter.errors import AlreadyExists, UsageError

REPORT = "capture.json"
"""What was found; a folder with it was written by a capture and may be again."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
_MATERIAL = "/tmp/pf-capture"
_QUIET = "--disable-pip-version-check"
_IGNORED = ".git\n__pycache__\n*.pyc\n"


def check_folder(name: str, to: Path) -> None:
    """Refuse a name that cannot be one, and a folder that holds other things.

    Raises
    ------
    UsageError, AlreadyExists
    """
    if not _NAME.fullmatch(name) or name == "default":
        raise UsageError(
            f"'{name}' cannot name an environment of yours",
            code="bad_name",
            hint="letters, digits, '.', '_' and '-'; default is ours",
        )
    if to.exists() and not (to / REPORT).is_file() and any(_inside(to)):
        raise AlreadyExists(
            f"{to} is there, and no capture wrote it",
            hint="choose another folder with --to; the name can stay",
        )


def _inside(to: Path) -> Sequence[Path]:
    return list(to.iterdir()) if to.is_dir() else [to]


def write_folder(
    to: Path,
    name: str,
    found: Findings,
    *,
    base: str,
    comment: str,
    user: str,
    description: str,
    report: Mapping[str, Any],
) -> Path:
    """Write what builds the findings; what a capture before wrote is replaced.

    Parameters
    ----------
    to
        The folder.
    name
        Of the environment.
    found
        What goes in.
    base, comment
        The image for the FROM line, and what stands above it.
    user
        As whom the image's containers run; empty for root.
    description
        For people.
    report
        Goes into `REPORT`.

    Raises
    ------
    UsageError
        It cannot be written.
    """
    header = f"# Captured {comment}\n"
    files: dict[str, bytes] = {
        "environment.yaml": _environment(name, description, header),
        f"{FOLDER}/Dockerfile": dockerfile(found, base, comment, user).encode(),
        f"{FOLDER}/.dockerignore": _IGNORED.encode(),
        REPORT: (json.dumps(report, indent=2) + "\n").encode(),
    }
    if found.lock:
        asked = [*found.options, *sorted(found.asked or found.lock)]
        lines = [*found.options, *sorted(found.lock)]
        asked.insert(0, f"# What was asked for; {LOCK} is all of it")
        files[f"{FOLDER}/requirements.txt"] = ("\n".join(asked) + "\n").encode()
        files[f"{FOLDER}/{LOCK}"] = ("\n".join(lines) + "\n").encode()
    files |= {f"{FOLDER}/{path}": data for path, data in found.files.items()}
    try:
        # what is left of a capture before would go into the build
        shutil.rmtree(to / FOLDER, ignore_errors=True)
        for file, data in files.items():
            path = to / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    except OSError as error:
        raise UsageError(
            f"{to} cannot be written: {error.strerror or error}",
            code="cannot_write",
            hint="choose another folder with --to",
        ) from error
    return to


def _environment(name: str, description: str, header: str) -> bytes:
    text = (
        f"{header}$schema: https://azuremlschemas.azureedge.net/latest/"
        "environment.schema.json\n"
        f"name: {name}\ndescription: {json.dumps(description, ensure_ascii=False)}\n"
        f"build:\n  path: {FOLDER}\n  dockerfile_path: Dockerfile\n"
    )
    return text.encode()


def dockerfile(found: Findings, base: str, comment: str, user: str) -> str:
    """Return the Dockerfile that makes the base what the runtime is."""
    lines = [f"# Captured {comment}", f"FROM {base}", "USER root"]
    if found.debs or found.deb_files:
        lines += _system_packages(found)
    if found.gone_debs:
        lines.append(_run("apt-get remove -y " + " ".join(found.gone_debs)))
    if found.lock:
        lines += _python_packages(found)
    if found.gone_pip:
        gone = " ".join(found.gone_pip)
        lines.append(f"RUN {_pip(found, 'uninstall -y')} {gone}")
    if user not in ("", "root", "0"):
        lines.append(f"USER {user}")
    return "\n".join(lines) + "\n"


def _system_packages(found: Findings) -> list[str]:
    lines, steps = [], []
    if any(path.startswith(f"{APT}/") for path in found.files):
        lines.append(f"COPY {APT}/ /")
    packages = [*found.debs, *(f"{_MATERIAL}/{DEBS}/{n}" for n in found.deb_files)]
    if found.deb_files:
        lines.append(f"COPY {DEBS} {_MATERIAL}/{DEBS}")
    install = "apt-get install -y --no-install-recommends --allow-downgrades"
    listed = " \\\n      ".join([f"{install}", *packages])
    if found.debs:
        steps += ["apt-get update", listed]
    else:
        # nothing but files: no source has to be asked, and none need be reachable
        steps.append("dpkg -i " + " ".join(packages))
    if found.automatic and found.debs:
        steps.append("apt-mark auto " + " ".join(found.automatic))
    steps.append(f"rm -rf /var/lib/apt/lists/* {_MATERIAL}")
    return [*lines, _run(" \\\n && ".join(steps))]


def _run(command: str) -> str:
    return f"RUN export DEBIAN_FRONTEND=noninteractive \\\n && {command}"


def _python_packages(found: Findings) -> list[str]:
    lines = [f"COPY {LOCK} {_MATERIAL}/{LOCK}"]
    if any(path.startswith(f"{WHEELS}/") for path in found.files):
        lines.append(f"COPY {WHEELS} {_MATERIAL}/{WHEELS}")
    install = f"{_pip(found, 'install')} --no-cache-dir --no-deps -r {LOCK}"
    steps = [f"cd {_MATERIAL}", install, f"rm -rf {_MATERIAL}"]
    return [*lines, "RUN " + " \\\n && ".join(steps)]


def _pip(found: Findings, verb: str) -> str:
    words = [found.base.executable or "python3", "-m pip", verb, _QUIET]
    if found.base.managed:
        words.append("--break-system-packages")
    return " ".join(words)
