"""Finds Python in an instance by starting it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from pf_jupyter.engines.api import ByteStream
from pf_jupyter.errors import PfError, RuntimeFailed

OLDEST = (3, 9)
_SECONDS = 20.0
_QUESTION = "import sys; sys.stdout.write('pf-python %d.%d' % sys.version_info[:2])"
_CANDIDATES = (
    "python3",
    "python",
    "/usr/local/bin/python3",
    "/usr/bin/python3",
    "/opt/conda/bin/python",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
)


def find_python(
    open_stream: Callable[[Sequence[str]], ByteStream],
    first: Sequence[str],
    image: str,
) -> list[str]:
    """Return the first command that starts Python 3.9 or newer.

    Parameters
    ----------
    open_stream
        Runs a command in the instance.
    first
        Commands to try before the usual ones.
    image
        Name of the image, for the message.

    Raises
    ------
    RuntimeFailed
        There is none, or it is too old.
    """
    oldest_seen = ""
    for command in dict.fromkeys([*first, *_CANDIDATES]):
        version = find_version(open_stream, command)
        if usable(version):
            return [command]
        oldest_seen = oldest_seen or version
    raise python_missing(image, "handshake", oldest_seen)


def find_version(
    open_stream: Callable[[Sequence[str]], ByteStream], command: str
) -> str:
    """Return the version of the Python that a command starts; empty when none."""
    answer = ask(open_stream, [command, "-c", _QUESTION])
    return answer.split()[1] if answer.startswith("pf-python ") else ""


def usable(version: str) -> bool:
    """Tell whether flows run in a Python of this version."""
    return version != "" and tuple(map(int, version.split("."))) >= OLDEST


def python_missing(image: str, phase: str, version: str = "") -> RuntimeFailed:
    """Return the error for an image without a Python that we can use."""
    if version:
        return RuntimeFailed(
            f"{image} has Python {version}, flows need 3.9 or newer",
            phase=phase,
            code="python_too_old",
            hint="choose an image with Python 3.9 or newer, such as python:3.12-slim",
        )
    return RuntimeFailed(
        f"{image} has no Python",
        phase=phase,
        code="no_python",
        hint="choose an image with Python 3.9 or newer on its PATH, such as"
        " python:3.12-slim",
    )


def ask(
    open_stream: Callable[[Sequence[str]], ByteStream], command: Sequence[str]
) -> str:
    """Return what a command writes, or as much as it wrote within some seconds."""
    try:
        stream = open_stream(command)
    except RuntimeFailed:
        return ""  # some engines refuse at once to start what is not there
    answer = b""
    timer = threading.Timer(_SECONDS, stream.close)
    timer.daemon = True
    timer.start()
    try:
        while piece := stream.read(4096):
            answer += piece
    except PfError:
        pass  # judged by what came
    finally:
        timer.cancel()
        stream.close()
    return answer.decode("utf-8", "replace")
