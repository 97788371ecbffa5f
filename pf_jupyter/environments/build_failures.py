"""Why a build failed, found in what its steps said: a code, the cause, the way out."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pf_jupyter.errors import PfError, RuntimeFailed

_EXPLAINED: Sequence[tuple[str, str, str]] = (
    (
        r"No space left on device|Disk quota exceeded",
        "disk_full",
        "free some space on the engine's disk: docker system df shows what takes it",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|invalid peer certificate|UnknownIssuer"
        r"|self.signed certificate",
        "certificate_unknown",
        "name your company's bundle in SSL_CERT_FILE where you build: it is given to "
        "the build, too",
    ),
    (
        r"not a supported wheel|(?:no wheels|wheel) .*(?:platform|ABI|Python) tag"
        r"|no matching .*platform|not compatible with the current platform"
        r"|incompatible with the current (?:Python|platform)|has no wheels with a",
        "wheel_platform",
        "take a wheel for Linux on this processor and this Python, or one that ends "
        "in none-any.whl",
    ),
    (
        r"ResolutionImpossible|conflicting dependencies|your requirements are "
        r"unsatisfiable|conflicts with",
        "requirements_conflict",
        "give the packages in the explanation versions that go together",
    ),
    (
        r"Temporary failure in name resolution|NameResolutionError|dns error"
        r"|NewConnectionError|Connection refused|error sending request|Network is "
        r"unreachable|Connect(?:ion)?Timeout|timed out",
        "index_unreachable",
        "jupyter pf doctor probes network, proxy and certificates",
    ),
    (
        r"No matching distribution found|was not found in the package registry"
        r"|not found in the (?:provided )?(?:package )?(?:locations|index)"
        r"|404 Not Found",
        "package_unknown",
        "check its name and version; a private one needs --index-url in the "
        "requirements",
    ),
    (
        r"looks like a filename, but the file does not exist|Could not install "
        r"packages due to an OSError: .*No such file|Distribution not found at: file:"
        r"|Could not open requirements file",
        "file_missing",
        "COPY ./* ./ copies what is in folders, not the folders: name them, COPY "
        "wheels wheels, or write COPY . ./",
    ),
    (
        r"401 Unauthorized|403 Forbidden|HTTP 401|HTTP 403",
        "index_refused",
        "the index wants a login: --index-url https://${USER}:${TOKEN}@host/simple, "
        "both from your environment",
    ),
)
_SAYING = re.compile(
    r"^\s*(?:ERROR:|error:|cause:|×|╰─▶|├─▶|E:|fatal:|\S*Error:)|No solution found"
)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def explained(error: PfError) -> PfError:
    """Return the error of a build with its cause told as exactly as its log allows.

    Parameters
    ----------
    error
        What the engine raised.
    """
    if not isinstance(error, RuntimeFailed) or error.code != "build_failed":
        return error
    lines = [_COLOUR.sub("", line) for line in error.log.splitlines()]
    log = "\n".join(lines)
    for pattern, code, hint in _EXPLAINED:
        if (found := re.search(pattern, log, re.IGNORECASE)) is not None:
            said = _said(lines, found.group()) or error.message
            return RuntimeFailed(
                said, phase="build", log=error.log, code=code, hint=hint
            )
    step = _failed_step(lines)
    if step:
        message = f"{step} failed: {error.message.partition(' failed: ')[2]}"
        return RuntimeFailed(
            message, phase="build", log=error.log, code=error.code, hint=error.hint
        )
    return error


def _said(lines: Sequence[str], found: str) -> str:
    """Return the paragraph around what was found, at most a few lines of it."""
    at = next((n for n, line in enumerate(lines) if found.lower() in line.lower()), 0)
    first = last = at
    while first > 0 and not _SAYING.match(lines[first]) and at - first < 6:
        first -= 1
    if not _SAYING.match(lines[first]):
        first = at
    while last + 1 < len(lines) and last - first < 12:
        following = lines[last + 1]
        if not following.startswith((" ", "│", "╰")) or not following.strip():
            break
        last += 1
    text = " ".join(line.strip(" ×╰─▶├│") for line in lines[first : last + 1])
    text = re.sub(r"\s+", " ", text).removeprefix("ERROR: ").removeprefix("cause: ")
    return text.strip()[:600]


def _failed_step(lines: Sequence[str]) -> str:
    steps = [line for line in lines if line.startswith("Step ")]
    return steps[-1].strip() if steps else ""
