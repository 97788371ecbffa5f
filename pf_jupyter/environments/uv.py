"""Running uv, which resolves and installs; what it says when it cannot.

It uses the user's own settings and cache. Where those say nothing of an index, what pip
is configured with is taken over, so that a company's feed works at once.
"""

from __future__ import annotations

import configparser
import functools
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pf_jupyter.environments.requirement_text import without_login
from pf_jupyter.errors import PfError, Refused, RuntimeFailed, Unreachable

PHASES = {"resolving": "resolve", "installing": "install"}
_SECONDS = 1800.0
_LINES = 40
_OWN = ("UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL")
_MARKS = re.compile(r"^[\s×╰─▶│├]*(?:error:|cause:|Caused by:)?\s*")
_HEADING = re.compile(r"No solution found when resolving dependencies.*")
_ERRORS = (
    (
        r"No space left|os error 28\b|os error 122\b",
        "disk_full",
        "free some space on the disk of uv's cache and the temporary folder",
    ),
    (
        r"invalid peer certificate|certificate verify failed|UnknownIssuer",
        "index_certificate",
        "name the bundle with your company's certificate authority in SSL_CERT_FILE",
    ),
    (
        r"\b401\b|\b403\b|Unauthorized|Forbidden|Missing credentials",
        "index_refused",
        "look whether user name and token of the index are right and not expired",
    ),
    (
        r"Failed to fetch|error sending request|dns error|tcp connect"
        r"|Connection refused|network connectivity is disabled|Could not connect"
        r"|operation timed out"
        r"|\b50[0234]\b",
        "index_unreachable",
        "look whether this machine reaches the index (HTTPS_PROXY, VPN); without a "
        "network name local wheels: install ./name.whl",
    ),
    (
        r"hash mismatch|Hash mismatch",
        "hash_mismatch",
        "the file is not the one that was locked; resolve again without the hash",
    ),
    (
        r"no wheels with a matching|no wheel with a matching|incompatible with the"
        r"|not compatible with the (?:current|target)|is not supported on",
        "wrong_wheel",
        "get the wheel that was built for this Python and platform",
    ),
    (
        r"Failed to build|Build backend|build backend|Failed to prepare distributions",
        "package_build_failed",
        "choose a version that has a wheel, or build one and name it: install ./x.whl",
    ),
    (
        r"was not found in the (?:package registry|provided package locations|cache)"
        r"|there are no versions of|not found in the package registry",
        "package_unknown",
        "check the spelling, and the index it is looked for in",
    ),
    (
        r"No solution found|unsatisfiable|incompatible",
        "requirements_conflict",
        "ask for versions that go together; nothing was changed",
    ),
)


def program() -> str:
    """Return the path of uv.

    Raises
    ------
    RuntimeFailed
        It is not there.
    """
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        raise RuntimeFailed(
            f"uv, which installs packages, is not here: {error}",
            phase="build",
            code="uv_missing",
            hint="python -m pip install --force-reinstall uv",
        ) from error


def run(
    arguments: Sequence[str],
    *,
    folder: Path,
    what: str,
    variables: Mapping[str, str] | None = None,
    secrets: Sequence[str] = (),
) -> str:
    """Run uv and return what it printed.

    Parameters
    ----------
    arguments
        Its command line. Never logins: others can read it.
    folder
        Where it runs.
    what
        What it does, for messages: ``resolving``, ``installing``.
    variables
        Added to its environment.
    secrets
        Text to keep out of messages.

    Raises
    ------
    RuntimeFailed, Unreachable, Refused
        It failed; the message is its own explanation.
    """
    environment = {**os.environ, **settings(), **(variables or {})}
    environment |= {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_NO_CONFIG_WARNING": "1"}
    # a project around the current folder has no say in what a runtime gets
    command = [program(), "--no-progress", "--color", "never", *arguments]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(
            f"{what} did not end within {_SECONDS / 60:g} minutes",
            code="index_unreachable",
            hint="look whether this machine reaches the package index",
        ) from None
    except OSError as error:
        raise RuntimeFailed(
            f"uv cannot be started: {error.strerror or error}",
            phase="build",
            code="uv_missing",
            hint="python -m pip install --force-reinstall uv",
        ) from error
    if done.returncode == 0:
        return done.stdout
    raise failure(done.stderr or done.stdout, what, secrets)


def failure(text: str, what: str, secrets: Sequence[str] = ()) -> PfError:
    """Return the error for what uv printed.

    Parameters
    ----------
    text
        All that it printed.
    what
        What it did.
    secrets
        Text that must not show.
    """
    text = without_login(text)
    for secret in secrets:
        text = text.replace(secret, "***")
    lines = [line.rstrip() for line in text.strip().splitlines()]
    lines = [line for line in lines if line and not line.startswith("warning:")]
    explanation = _explanation(lines)
    code, hint = "install_failed", "the log says more: %pfruntime logs"
    for pattern, known, way in _ERRORS:
        if re.search(pattern, text):
            code, hint = known, way
            break
    message = f"{what} failed: {explanation}"
    if code == "index_unreachable":
        return Unreachable(message, code=code, hint=hint)
    if code == "index_refused":
        return Refused(message, code=code, hint=hint)
    log = "\n".join(lines[-_LINES:])
    phase = PHASES.get(what, "build")
    return RuntimeFailed(message, phase=phase, log=log, code=code, hint=hint)


def _explanation(lines: Sequence[str]) -> str:
    """Return uv's own words in one paragraph, its marks taken out."""
    words = []
    for line in lines:
        plain = _MARKS.sub("", line).strip()
        if plain.startswith("hint:"):
            break
        if plain and not _HEADING.fullmatch(plain):
            words.append(plain)
    text = " ".join(words) or "uv said nothing"
    return text.rstrip(".")[:2000]


def settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return variables for uv that stand for how pip is configured here.

    Nothing where uv has settings of its own.
    """
    found: dict[str, str] = {}
    pip = pip_settings(environment)
    bundle = environment.get("SSL_CERT_FILE") or environment.get("REQUESTS_CA_BUNDLE")
    bundle = bundle or environment.get("PIP_CERT") or pip.get("cert")
    if bundle and Path(bundle).is_file():
        found["SSL_CERT_FILE"] = bundle
    proxy = pip.get("proxy")
    for name in ("HTTPS_PROXY", "HTTP_PROXY") if proxy else ():
        if not (environment.get(name) or environment.get(name.lower())):
            found[name] = str(proxy)
    if any(environment.get(name) for name in _OWN) or _has_configuration(environment):
        return found
    if index := pip.get("index-url"):
        found["UV_DEFAULT_INDEX"] = index
    if extra := pip.get("extra-index-url"):
        found["UV_INDEX"] = " ".join(extra.split())
    if links := pip.get("find-links"):
        found.setdefault("UV_FIND_LINKS", ",".join(links.split()))
    if pip.get("no-index", "").lower() in ("1", "true", "yes", "on"):
        found["UV_NO_INDEX"] = "1"
    if hosts := pip.get("trusted-host"):
        found["UV_INSECURE_HOST"] = " ".join(hosts.split())
    return found


def pip_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return how pip is configured: its files, then its variables."""
    found: dict[str, str] = {}
    named = environment.get("PIP_CONFIG_FILE")
    files = [] if named == os.devnull else [*_pip_files(environment)]
    if named and named != os.devnull:
        files.append(Path(named))
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (OSError, configparser.Error, UnicodeDecodeError):
            continue  # pip will tell
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= {
                    key.replace("_", "-"): value.strip()
                    for key, value in parser.items(section)
                }
    for name, value in environment.items():
        if name.startswith("PIP_") and value:
            found[name[4:].lower().replace("_", "-")] = value
    return found


@functools.cache
def _home() -> Path:
    return Path.home()


def _pip_files(environment: Mapping[str, str]) -> list[Path]:
    if sys.platform == "win32":
        roots = [environment.get("PROGRAMDATA"), environment.get("APPDATA")]
        return [Path(root, "pip", "pip.ini") for root in roots if root]
    home = Path(environment["HOME"]) if environment.get("HOME") else _home()
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    files = [Path("/etc/pip.conf"), Path("/etc/xdg/pip/pip.conf")]
    if sys.platform == "darwin":
        files.append(home / "Library/Application Support/pip/pip.conf")
    return [*files, home / ".pip/pip.conf", config / "pip/pip.conf"]


def _has_configuration(environment: Mapping[str, str]) -> bool:
    """Whether uv has a configuration file of the user or the system."""
    if environment.get("UV_CONFIG_FILE"):
        return True
    home = Path(environment["HOME"]) if environment.get("HOME") else _home()
    config = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    if sys.platform == "win32":
        config = Path(environment.get("APPDATA") or home)
    return (config / "uv" / "uv.toml").is_file() or Path("/etc/uv/uv.toml").is_file()
