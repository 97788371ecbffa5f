"""Where the Docker engine is: from an argument, the environment, or a context.

Plain reading of settings and one quick knock at the door; docker itself is not needed.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import ssl
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pf_jupyter.errors import NotFound, Unreachable, UsageError

KNOCK_SECONDS = 1.5
"""How long a knock may take; with the rest it stays below two seconds."""

_NPIPE = "npipe:////./pipe/docker_engine"


@dataclass(frozen=True)
class Certificates:
    """Client certificate, its key and the authority of the engine.

    They are PEM files, or texts (`from_pem`) that are in no file.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    verify: bool = True
    ready: ssl.SSLContext | None = None

    @classmethod
    def from_folder(cls, folder: Path, verify: bool = True) -> Certificates:
        """Return those of ``ca.pem``, ``cert.pem``, ``key.pem`` that are there."""
        files = [folder / name for name in ("ca.pem", "cert.pem", "key.pem")]
        ca, cert, key = (path if path.is_file() else None for path in files)
        return cls(ca=ca, cert=cert, key=key, verify=verify)

    @classmethod
    def from_pem(cls, ca: str, cert: str, key: str) -> Certificates:
        """Return those of these texts.

        Raises
        ------
        ssl.SSLError, ValueError
            They are no certificates, or the key is not the certificate's.
        """
        context = ssl.create_default_context(cadata=ca)
        # the library reads a key from a file only: it is there for this moment
        with tempfile.TemporaryDirectory(prefix="pf-tls-") as folder:
            both = Path(folder, "both.pem")
            both.touch(mode=0o600)
            both.write_text(f"{cert}\n{key}\n", encoding="ascii")
            context.load_cert_chain(both)
        return cls(ready=context)

    def context(self) -> ssl.SSLContext:
        """Return a TLS context that presents and checks these certificates."""
        if self.ready is not None:
            return self.ready
        context = ssl.create_default_context(
            cafile=str(self.ca) if self.ca is not None else None
        )
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.cert is not None:
            context.load_cert_chain(self.cert, self.key)
        return context


@dataclass(frozen=True)
class Address:
    """The engine's ``url`` (unix, npipe, tcp, http, https) and its certificates."""

    url: str
    certificates: Certificates | None = None
    source: str = "the default"

    @property
    def scheme(self) -> str:
        """The part before ``://``."""
        return self.url.split("://", 1)[0]

    @property
    def path(self) -> str:
        """The socket's path of a ``unix`` address."""
        return "/" + self.url.split("://", 1)[1].lstrip("/")

    @property
    def host(self) -> tuple[str, int]:
        """Host and port of a network address."""
        parts = urlsplit(self.url)
        default = 2376 if self.certificates is not None else 2375
        return parts.hostname or "127.0.0.1", parts.port or default

    def connect(self, timeout: float | None) -> socket.socket:
        """Return a socket connected to the engine (every scheme but npipe).

        Parameters
        ----------
        timeout
            Seconds for connecting; the returned socket keeps it.

        Raises
        ------
        OSError
            It did not work.
        """
        if self.scheme == "unix":
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.settimeout(timeout)
                sock.connect(self.path)
            except OSError:
                sock.close()
                raise
            return sock
        sock = socket.create_connection(self.host, timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for level, option, value in KEEPALIVE:
                sock.setsockopt(level, option, value)
            if self.certificates is not None:
                context = self.certificates.context()
                return context.wrap_socket(sock, server_hostname=self.host[0])
        except OSError:
            sock.close()
            raise
        return sock

    def knock(self) -> None:
        """Raise `OSError` within two seconds when nothing listens there."""
        if self.scheme == "npipe":
            return
        problem: list[OSError] = []

        def attempt() -> None:
            try:
                self.connect(KNOCK_SECONDS).close()
            except OSError as error:
                problem.append(error)

        # resolving a name has no time limit of its own
        thread = threading.Thread(target=attempt, daemon=True, name="pf-docker-knock")
        thread.start()
        thread.join(KNOCK_SECONDS + 0.3)
        if thread.is_alive():
            raise TimeoutError("timed out")
        if problem:
            raise problem[0]


def _keepalive() -> list[tuple[int, int, int]]:
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    for name, value in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, name):
            options.append((socket.IPPROTO_TCP, getattr(socket, name), value))
    return options


KEEPALIVE = _keepalive()


def find_address(
    address: str | None = None,
    certificates: Certificates | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Address:
    """Return where the engine is, as the docker command itself decides it.

    Parameters
    ----------
    address
        An explicit address; wins over everything.
    certificates
        For an explicit ``tcp`` address that speaks TLS.
    environment
        ``DOCKER_HOST``, ``DOCKER_TLS_VERIFY``, ``DOCKER_CERT_PATH``,
        ``DOCKER_CONTEXT``, ``DOCKER_CONFIG``.

    Raises
    ------
    UsageError
        The address has a form that we do not speak.
    NotFound
        The context that is named does not exist.
    """
    config = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    if address:
        return _checked(Address(address, certificates, "the compute's address"))
    if host := environment.get("DOCKER_HOST"):
        if certificates is None and _tcp(host):
            certificates = _environment_certificates(environment, config)
        return _checked(Address(host, certificates, "DOCKER_HOST"))
    context = environment.get("DOCKER_CONTEXT") or _current_context(config)
    if context and context != "default":
        return _checked(_from_context(context, config))
    return _first_socket(environment)


def _tcp(url: str) -> bool:
    return url.startswith(("tcp://", "http://", "https://"))


def _environment_certificates(
    environment: Mapping[str, str], config: Path
) -> Certificates | None:
    # the docker command turns TLS on when either variable is set
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    folder = environment.get("DOCKER_CERT_PATH")
    if not verify and not folder and not environment.get("DOCKER_TLS"):
        return None
    return Certificates.from_folder(Path(folder) if folder else config, verify)


def _checked(address: Address) -> Address:
    if "://" not in address.url:
        shown = address.url
        guess = f"unix://{shown}" if shown.startswith("/") else f"tcp://{shown}"
        raise UsageError(
            f"'{shown}' ({address.source}) is not the address of a Docker engine",
            code="bad_address",
            hint=f"write it as {guess}",
        )
    if address.scheme == "ssh":
        raise UsageError(
            f"ssh addresses are not supported ({address.source} is {address.url})",
            code="bad_address",
            hint=(
                "forward the socket: ssh -NL /tmp/docker.sock:/var/run/docker.sock"
                " HOST, then use unix:///tmp/docker.sock"
            ),
        )
    if address.scheme not in ("unix", "npipe", "tcp", "http", "https"):
        raise UsageError(
            f"{address.scheme}:// is no address of a Docker engine ({address.source})",
            code="bad_address",
            hint="use unix:///path, npipe:////./pipe/NAME or tcp://host:port",
        )
    if address.scheme == "https" and address.certificates is None:
        return Address(address.url, Certificates(), address.source)
    return address


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _current_context(config: Path) -> str | None:
    name = _read_json(config / "config.json").get("currentContext")
    return name if isinstance(name, str) else None


def _from_context(name: str, config: Path) -> Address:
    key = hashlib.sha256(name.encode()).hexdigest()
    meta = _read_json(config / "contexts" / "meta" / key / "meta.json")
    endpoint = (meta.get("Endpoints") or {}).get("docker") or {}
    host = endpoint.get("Host")
    if not host:
        raise NotFound(
            f"the Docker context '{name}' does not exist",
            code="context_not_found",
            hint="docker context ls lists them; DOCKER_HOST overrides them",
        )
    folder = config / "contexts" / "tls" / key / "docker"
    certificates = None
    if folder.is_dir():
        verify = not endpoint.get("SkipTLSVerify", False)
        certificates = Certificates.from_folder(folder, verify)
    return Address(host, certificates, f"Docker context '{name}'")


def _first_socket(environment: Mapping[str, str]) -> Address:
    if sys.platform == "win32":
        return Address(_NPIPE)
    default = Path("/var/run/docker.sock")
    candidates = [default, Path.home() / ".docker/run/docker.sock"]
    if run := environment.get("XDG_RUNTIME_DIR"):
        candidates += [Path(run, "docker.sock"), Path(run, "podman/podman.sock")]
    candidates.append(Path("/run/podman/podman.sock"))
    for path in candidates:
        try:
            if path.exists():
                return Address(f"unix://{path}")
        except OSError:
            # a folder that we may not enter holds no socket for us
            continue
    return Address(f"unix://{default}")


def require(address: Address) -> None:
    """Knock; raise `Unreachable` with the cause and the way out.

    Raises
    ------
    Unreachable
        Nothing answers at the address.
    """
    try:
        address.knock()
    except OSError as error:
        raise why_unreachable(error, address) from error


# a part of what OpenSSL says → what to do
_TLS_HINTS = {
    "certificate has expired": "the engine's own certificate has run out: whoever runs"
    " the engine must renew it (and check that this machine's clock is right)",
    "not yet valid": "check the clocks of both machines",
    "mismatch": "use a name or address that the engine's certificate is for",
    "local issuer": "ca.pem is not of the authority that signed the engine's"
    " certificate: ask whoever runs the engine for the right one",
    "self-signed": "ca.pem is not of the authority that signed the engine's"
    " certificate: ask whoever runs the engine for the right one",
    "ALERT_CERTIFICATE_EXPIRED": "your own certificate (cert.pem) has run out: ask"
    " whoever runs the engine for a new one",
    "ALERT_UNKNOWN_CA": "the engine does not know who signed cert.pem: ask whoever runs"
    " the engine for a certificate",
    "ALERT": "the engine refused cert.pem: it wants a certificate for clients that its"
    " own authority signed",
}


def _tls_failed(error: ssl.SSLError, where: str) -> Unreachable:
    reason = getattr(error, "verify_message", "") or error.reason or str(error)
    hints = (hint for part, hint in _TLS_HINTS.items() if part in reason)
    files = "check ca.pem, cert.pem and key.pem in DOCKER_CERT_PATH"
    return Unreachable(
        f"TLS with the Docker engine at {where} failed: {reason}",
        code="engine_tls",
        hint=next(hints, files),
    )


def why_unreachable(error: BaseException, address: Address) -> Unreachable:
    """Return the error for a connection that did not come about or broke."""
    where = f"{address.url} ({address.source})"
    start = (
        "start Docker Desktop"
        if sys.platform in ("win32", "darwin")
        else "start Docker (sudo systemctl start docker) or set DOCKER_HOST"
    )
    if isinstance(error, FileNotFoundError):
        return Unreachable(
            f"no Docker engine at {where}: the socket does not exist",
            code="no_engine",
            hint=start,
        )
    if isinstance(error, PermissionError):
        return Unreachable(
            f"no permission to use the Docker engine at {where}",
            code="engine_permission",
            hint="add yourself to its group (sudo usermod -aG docker $USER) and log in"
            " again",
        )
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(
            f"no Docker engine at {where}: connection refused",
            code="no_engine",
            hint=start,
        )
    if isinstance(error, ssl.SSLError):
        return _tls_failed(error, where)
    if isinstance(error, socket.gaierror):
        return Unreachable(
            f"the name of the Docker engine's host is unknown: {where}",
            code="no_engine",
            hint="check the address and the network (VPN?)",
        )
    if isinstance(error, TimeoutError):
        return Unreachable(
            f"the Docker engine at {where} does not answer",
            code="engine_timeout",
            hint="check that it runs and is not overloaded, and that the network allows"
            " the connection",
        )
    return Unreachable(
        f"the connection to the Docker engine at {where} broke: {error}",
        code="engine_lost",
        hint="check that it still runs; the next call connects again",
    )
