"""Turns what docker-py, requests and urllib3 raise into our errors.

Their classes are recognised by their fields and names, so that docker need not be
imported for this.
"""

from __future__ import annotations

import re
import socket
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from pf_jupyter.engines.docker_address import Address, why_unreachable
from pf_jupyter.errors import (
    AlreadyExists,
    IllegalState,
    NotFound,
    PfError,
    Refused,
    RuntimeFailed,
    Unreachable,
)

_NETWORK = re.compile(
    r"dial tcp|no such host|connection refused|i/o timeout|TLS handshake|x509:"
    r"|Client\.Timeout|network is unreachable|connection reset|EOF$"
    r"|pinging container registry|proxyconnect",
    re.I,
)
_DENIED = re.compile(
    r"no basic auth|unauthorized|access denied|denied: |authentication required"
    r"|incorrect username or password|credential",
    re.I,
)
_UNKNOWN_IMAGE = re.compile(
    r"no such image|manifest (for .* )?(unknown|not found)|manifest unknown"
    r"|repository does not exist|image not known|not found: manifest|name unknown",
    re.I,
)


@contextmanager
def translated(
    address: Address, phase: str = "run", subject: str = ""
) -> Iterator[None]:
    """Let only our own errors out of the block.

    Parameters
    ----------
    address
        Where the engine is, for messages.
    phase
        Phase of a runtime's life that the block belongs to.
    subject
        What the block is about: an image reference or an instance's id.
    """
    try:
        yield
    except PfError:
        raise
    except Exception as error:
        ours = translate(error, address, phase, subject)
        if ours is None:
            raise
        raise ours from error


def translate(
    error: BaseException, address: Address, phase: str = "run", subject: str = ""
) -> PfError | None:
    """Return our error for one of the libraries', or None for any other exception."""
    names = {kind.__name__ for kind in type(error).__mro__}
    modules = {kind.__module__.split(".")[0] for kind in type(error).__mro__}
    if "APIError" in names:
        if "HTTP request to an HTTPS server" in _explanation(error):
            return Unreachable(
                f"the Docker engine at {address.url} ({address.source}) wants TLS",
                code="engine_tls",
                hint="name the folder of its certificates: DOCKER_CERT_PATH and"
                " DOCKER_TLS_VERIFY=1, or the compute's certificates",
            )
        return from_engine(_explanation(error), _status(error), phase, subject)
    if "InvalidVersion" in names:
        return _too_old(str(error), address)
    if names & {"CredentialsNotFound", "StoreError"} or "dockerpycreds" in modules:
        return _refused(subject, str(error))
    cause = _operating_system_error(error)
    if cause is not None:
        _close_forgotten(cause)
        return why_unreachable(cause, address)
    if any("Timeout" in name for name in names):
        return why_unreachable(TimeoutError("timed out"), address)
    if modules & {"requests", "urllib3", "http"} or isinstance(error, EOFError):
        return why_unreachable(ConnectionError(_last_words(error)), address)
    if "docker" in modules:
        return RuntimeFailed(
            f"the Docker engine did not do it: {error}",
            phase=phase,
            code="engine_error",
            hint="jupyter pf doctor checks the engine",
        )
    return None


def from_engine(text: str, status: int, phase: str, subject: str) -> PfError:
    """Return the error for an engine's own words.

    Parameters
    ----------
    text
        What the engine said.
    status
        Its HTTP status; 0 when it spoke inside a stream of progress lines.
    phase, subject
        As for `translated`.
    """
    low = text.lower()
    if "no space left" in low or "disk quota exceeded" in low:
        return RuntimeFailed(
            f"the disk of the Docker engine is full: {_short(text)}",
            phase=phase,
            log=text,
            code="disk_full",
            hint="free some space: docker system df shows what takes it",
        )
    if "client version" in low and ("too old" in low or "too new" in low):
        return Unreachable(
            f"the Docker engine does not speak our version: {_short(text)}",
            code="engine_too_old",
            hint="update the Docker engine to 19.03 or newer",
        )
    if status in (401, 403) or _DENIED.search(text):
        return _refused(subject, text)
    if _UNKNOWN_IMAGE.search(text):
        return NotFound(
            f"there is no image {subject or _short(text)}",
            code="image_not_found",
            hint="check its name and tag; docker images lists those that are here",
        )
    if status in (0, 500) and phase in ("pull", "push") and _NETWORK.search(text):
        return Unreachable(
            f"the registry of {subject or 'the image'} does not answer: {_short(text)}",
            code="registry_unreachable",
            hint="check the network, the proxy and the certificates of the engine",
        )
    if "exec format error" in low:
        return RuntimeFailed(
            f"the image is made for another processor: {_short(text)}",
            phase=phase,
            log=text,
            code="wrong_platform",
            hint="choose an image for the engine's own platform",
        )
    if (
        "executable file not found" in low
        or "no such file or directory: unknown" in low
    ):
        return RuntimeFailed(
            f"the program cannot be started: {_short(text)}",
            phase=phase,
            log=text,
            code="program_missing",
            hint="choose an image that holds it; flows need Python 3.9 or newer",
        )
    if status == 404:
        return NotFound(
            f"instance {subject[:12]} does not exist: {_short(text)}",
            code="instance_not_found",
            hint="it was removed from outside; start makes a new one",
        )
    if status == 409 and "already in use" in low:
        return AlreadyExists(
            f"the Docker engine has a container of that name: {_short(text)}",
            code="already_exists",
            hint="docker rm -f NAME removes it, or choose another name",
        )
    if status == 409:
        return IllegalState(
            f"instance {subject[:12]} does not allow this now: {_short(text)}",
            code="illegal_state",
            hint="docker unpause continues one that is paused; else start it first",
        )
    return RuntimeFailed(
        f"the Docker engine refused: {_short(text)}",
        phase=phase,
        log=text,
        code="engine_error",
        hint="the engine's own log tells more; jupyter pf doctor checks the engine",
    )


def _too_old(text: str, address: Address) -> Unreachable:
    return Unreachable(
        f"the Docker engine at {address.url} is too old: {text}",
        code="engine_too_old",
        hint="update the Docker engine to 19.03 or newer",
    )


def _refused(subject: str, text: str) -> Refused:
    registry = subject.split("/", 1)[0] if "/" in subject else ""
    login = f"docker login {registry}".strip() if "." in registry else "docker login"
    return Refused(
        f"the registry refused {subject or 'the image'}: {_short(text)}",
        code="registry_refused",
        hint=f"log in with: {login}; an image that does not exist looks the same",
    )


def _status(error: BaseException) -> int:
    response = getattr(error, "response", None)
    return int(getattr(response, "status_code", 0) or 0)


def _explanation(error: BaseException) -> str:
    text = getattr(error, "explanation", None) or str(error)
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return str(text).strip()


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:297] + "…"


def _last_words(error: BaseException) -> str:
    while error.args and isinstance(error.args[-1], BaseException):
        error = error.args[-1]
    return _short(str(error))


def _operating_system_error(error: BaseException) -> OSError | None:
    # requests' own errors are OSErrors too, but carry no number
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        item = waiting.pop()
        if item is None or id(item) in seen:
            continue
        seen.add(id(item))
        module = type(item).__module__.split(".")[0]
        if isinstance(item, OSError) and module not in ("requests", "urllib3"):
            return item
        waiting += [arg for arg in item.args if isinstance(arg, BaseException)]
        waiting += [item.__cause__, item.__context__]
    return None


def _close_forgotten(cause: OSError) -> None:
    # docker-py leaves its socket open when connecting to the engine's fails
    for frame, _ in traceback.walk_tb(cause.__traceback__):
        if frame.f_globals.get("__name__") == "docker.transport.unixconn":
            sock = frame.f_locals.get("sock")
            if isinstance(sock, socket.socket):
                sock.close()
