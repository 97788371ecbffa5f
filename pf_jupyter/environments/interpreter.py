"""What there is to know about a Python that goes into an image."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import platform
import re
import ssl
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from pf_jupyter.errors import RuntimeFailed

_QUESTION = """
import json, platform, ssl, sys
print(json.dumps([sys.executable, "%d.%d.%d" % sys.version_info[:3], sys.version,
    sys.implementation.cache_tag, platform.machine(), ssl.OPENSSL_VERSION,
    platform.libc_ver()]))
"""
_BUNDLES = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


@dataclass(frozen=True)
class Interpreter:
    """A Python of this machine: its path, its version, and what its build was."""

    path: Path
    version: str
    facts: tuple[str, ...]

    @property
    def minor(self) -> str:
        """Major and minor version, such as ``3.12``."""
        return ".".join(self.version.split(".")[:2])

    def is_running(self) -> bool:
        """Tell whether this is the version that runs this code."""
        return self.minor == f"{sys.version_info[0]}.{sys.version_info[1]}"


def running() -> Interpreter:
    """Return the Python under this process, the base of its virtual environment."""
    path = Path(getattr(sys, "_base_executable", None) or sys.executable)
    if sys.prefix != sys.base_prefix and path.resolve() == Path(sys.executable):
        # some launchers do not tell: the base's own command is beside its prefix
        name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        path = Path(sys.base_prefix, "bin", name)
    version = ".".join(map(str, sys.version_info[:3]))
    facts = (
        sys.version,
        str(sys.implementation.cache_tag),
        platform.machine(),
        ssl.OPENSSL_VERSION,
        " ".join(platform.libc_ver()),
    )
    return Interpreter(path, version, facts)


def at(path: str | Path) -> Interpreter:
    """Return the Python at ``path``.

    Raises
    ------
    RuntimeFailed
        It does not start, or is older than 3.9.
    """
    try:
        answer = subprocess.run(
            [str(path), "-I", "-c", _QUESTION],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        executable, version, *facts = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise RuntimeFailed(
            f"{path} does not start as a Python: {error}",
            phase="build",
            code="no_python",
            hint="name the path of a Python 3.9 or newer",
        ) from error
    if tuple(map(int, version.split(".")[:2])) < (3, 9):
        raise RuntimeFailed(
            f"{path} is Python {version}, flows need 3.9 or newer",
            phase="build",
            code="python_too_old",
            hint="name the path of a Python 3.9 or newer",
        )
    facts[-1] = " ".join(facts[-1])
    return Interpreter(Path(executable), version, tuple(facts))


def certificate_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """Return the file of certificate authorities that this machine trusts.

    A company's own authority is usually named by one of the variables that the
    network libraries read.
    """
    named = [
        environment.get(name, "")
        for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT")
    ]
    default = ssl.get_default_verify_paths().cafile or ""
    for candidate in (*named, default, *_BUNDLES):
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    return None


def distribution_versions(names: Sequence[str]) -> dict[str, str]:
    """Return the versions of installed distributions.

    Raises
    ------
    RuntimeFailed
        One is not installed.
    """
    return {name: _distribution(name).version for name in names}


@functools.cache
def with_requirements(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of distributions and of all that they require, sorted.

    What an extra would require is left out, and so is what is not installed because
    this platform does not need it.

    Raises
    ------
    RuntimeFailed
        One of ``names`` is not installed.
    """
    found: dict[str, None] = {}
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        try:
            distribution = _distribution(name)
        except RuntimeFailed:
            if name in names:
                raise
            continue
        found[name] = None
        for requirement in distribution.requires or ():
            text, _, marker = requirement.partition(";")
            named = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", text)
            if named is not None and "extra" not in marker:
                waiting.append(re.sub(r"[-_.]+", "-", named.group()).lower())
    return tuple(sorted(found))


def distribution_files(name: str) -> list[tuple[str, str]]:
    """Return (path below site-packages, path here) of an installed distribution.

    Raises
    ------
    RuntimeFailed
        It is not installed, or does not tell its files.
    """
    distribution = _distribution(name)
    found: list[tuple[str, str]] = []
    for file in distribution.files or ():
        relative = PurePosixPath(file)
        outside = relative.is_absolute() or ".." in relative.parts
        if outside or "__pycache__" in relative.parts:
            continue
        path = Path(str(distribution.locate_file(file)))
        if path.is_file():
            found.append((str(relative), str(path)))
    if not any(relative.endswith(".py") for relative, _ in found):
        found = _beside(distribution)
    if not found:
        raise RuntimeFailed(
            f"the installed {name} does not tell which files it has",
            phase="build",
            code="package_files",
            hint=f"install it anew: python -m pip install --force-reinstall {name}",
        )
    return found


def _beside(distribution: metadata.Distribution) -> list[tuple[str, str]]:
    # system packages have no record of files: take the folder of that name
    names = (distribution.read_text("top_level.txt") or "").split()
    names = names or [distribution.name.lower().replace("-", "_")]
    site = Path(str(distribution.locate_file("")))
    return [
        (path.relative_to(site).as_posix(), str(path))
        for name in names
        for path in sorted((site / name).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def _distribution(name: str) -> metadata.Distribution:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        raise RuntimeFailed(
            f"{name}, which the default environment needs, is not installed here",
            phase="build",
            code="package_missing",
            hint=f"python -m pip install {name}",
        ) from None


def content_digest(facts: Mapping[str, object]) -> str:
    """Return ``sha256:…`` over facts that say what an environment holds."""
    text = json.dumps(facts, sort_keys=True, ensure_ascii=True, default=str)
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()
