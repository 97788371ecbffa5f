"""Whether an address can be reached, hop by hop: name, connection, proxy, TLS, answer.

Nothing secret is sent: no login, no key. Each hop has a few seconds.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pf_jupyter.environments.interpreter import certificate_bundle

SECONDS = 4.0
_PORTS = {"http": 80, "https": 443}
_LINE_BYTES = 8192

Hop = Literal["address", "name", "connection", "proxy", "TLS", "answer", "login", ""]


@dataclass(frozen=True)
class Reached:
    """How far it went.

    Parameters
    ----------
    hop
        The one that failed; empty when it was reached. ``login`` when it answers and
        wants one.
    message
        What happened, without logins.
    hint
        What to do.
    """

    hop: Hop
    message: str
    hint: str = ""

    @property
    def ok(self) -> bool:
        """Whether something answers there."""
        return self.hop in ("", "login")


class _Stopped(Exception):
    def __init__(self, hop: Hop, message: str, hint: str) -> None:
        super().__init__(message)
        self.found = Reached(hop, message, hint)


def reach(
    url: str,
    *,
    environment: Mapping[str, str] = os.environ,
    seconds: float = SECONDS,
) -> Reached:
    """Try an address as the programs of this machine would, and name what fails.

    Parameters
    ----------
    url
        Where to; a login in it is not used.
    environment
        Says which proxy and which certificate authorities to use.
    seconds
        For each hop.
    """
    try:
        return _reach(url, environment, seconds)
    except _Stopped as stopped:
        return stopped.found


def host_of(url: str) -> str:
    """Return host and port of an address, without a login."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    return f"{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}"


def proxy_for(url: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the proxy that an address is asked through; empty for none."""
    parts = urlsplit(url)
    low = {name.lower(): value for name, value in environment.items() if value}
    found = low.get(f"{parts.scheme}_proxy") or low.get("all_proxy") or ""
    without = {"no": low.get("no_proxy", "")}
    host = parts.hostname or ""
    if not found or urllib.request.proxy_bypass_environment(host, without):  # type: ignore[attr-defined]
        return ""
    return found if "//" in found else f"http://{found}"


def _reach(url: str, environment: Mapping[str, str], seconds: float) -> Reached:
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[parts.scheme]
        host = parts.hostname or ""
        if not host:
            raise ValueError("it names no host")
    except (ValueError, KeyError) as error:
        return Reached("address", f"it is no address: {error}", "correct it")
    proxy = proxy_for(url, environment)
    if proxy:
        sock = _through(proxy, parts.scheme, host, port, seconds)
    else:
        sock = _connected(host, port, seconds, "connection")
    try:
        if parts.scheme == "https":
            sock = _secured(sock, host, environment)
        path = parts.path or "/"
        absolute = f"http://{host_of(url)}{path}"
        target = absolute if proxy and parts.scheme == "http" else path
        return _answered(sock, host_of(url), target, bool(proxy))
    finally:
        sock.close()


def _connected(
    host: str, port: int, seconds: float, hop: Literal["connection", "proxy"]
) -> socket.socket:
    addresses = _looked_up(host, port, seconds, hop)
    last: OSError = OSError("it has no address")
    for family, kind, number, _, address in addresses[:2]:
        sock = socket.socket(family, kind, number)
        sock.settimeout(seconds)
        try:
            sock.connect(address)
        except OSError as error:
            sock.close()
            last = error
            continue
        return sock
    timed = isinstance(last, TimeoutError)
    why = f"no answer within {seconds:g} s" if timed else last.strerror or str(last)
    what = "the proxy " if hop == "proxy" else ""
    raise _Stopped(
        hop,
        f"{what}{host}:{port} does not take connections: {why}",
        "look at HTTPS_PROXY and at the proxy itself"
        if hop == "proxy"
        else "a firewall or VPN is in the way, or nothing runs there; "
        "HTTPS_PROXY names a proxy",
    )


def _looked_up(host: str, port: int, seconds: float, hop: str) -> list[tuple]:  # type: ignore[type-arg]
    try:
        # a number needs nobody to be asked
        numeric = socket.AI_NUMERICHOST
        return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=numeric)
    except (OSError, UnicodeError):
        pass
    found: list[list[tuple]] = []  # type: ignore[type-arg]
    why: list[str] = []

    def ask() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            why.append(getattr(error, "strerror", None) or str(error))

    # the system's own look-up knows no time limit
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if found and found[0]:
        return found[0]
    reason = why[0] if why else f"no answer within {seconds:g} s"
    what = "the proxy's name " if hop == "proxy" else ""
    raise _Stopped(
        "proxy" if hop == "proxy" else "name",
        f"{what}{host} is not known: {reason}",
        "check its spelling; then DNS, VPN, or a proxy that is missing",
    )


def _through(
    proxy: str, scheme: str, host: str, port: int, seconds: float
) -> socket.socket:
    parts = urlsplit(proxy)
    sock = _connected(parts.hostname or "", parts.port or 80, seconds, "proxy")
    if scheme == "http":
        return sock
    where = f"{host}:{port}"
    try:
        sock.sendall(f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode())
        status = _status(sock, to_the_end=True)
    except OSError as error:
        sock.close()
        raise _Stopped(
            "proxy",
            f"the proxy {host_of(proxy)} breaks off: {error.strerror or error}",
            "look whether HTTPS_PROXY names a proxy for HTTPS",
        ) from error
    if status == 200:
        return sock
    sock.close()
    if status == 407:
        raise _Stopped(
            "login" if parts.username else "proxy",
            f"the proxy {host_of(proxy)} wants a login (407)"
            + (": it was not tried here" if parts.username else ""),
            "" if parts.username else "HTTPS_PROXY=http://user:password@host:port",
        )
    raise _Stopped(
        "proxy",
        f"the proxy {host_of(proxy)} refuses {where} with {status or 'no answer'}",
        "ask for that address to be allowed, or add it to NO_PROXY",
    )


def _secured(
    sock: socket.socket, host: str, environment: Mapping[str, str]
) -> socket.socket:
    bundle = certificate_bundle(environment)
    try:
        context = ssl.create_default_context(cafile=str(bundle) if bundle else None)
        return context.wrap_socket(sock, server_hostname=host)
    except ssl.SSLCertVerificationError as error:
        message = f"its certificate is not trusted: {error.verify_message}"
        hint = (
            "name the bundle with your company's certificate authority in SSL_CERT_FILE"
        )
        if "mismatch" in error.verify_message or "not valid for" in message:
            hint = "another machine answers under that name: look at DNS and the proxy"
        raise _Stopped("TLS", message, hint) from error
    except (ssl.SSLError, OSError) as error:
        why = getattr(error, "reason", None) or error.strerror or str(error)
        raise _Stopped(
            "TLS",
            f"it does not speak TLS: {why}",
            "is it http:// in truth? A proxy in the way may break it off, too",
        ) from error


def _answered(sock: socket.socket, host: str, target: str, proxied: bool) -> Reached:
    request = (
        f"GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: pf_jupyter-doctor\r\n"
        "Accept: */*\r\nConnection: close\r\n\r\n"
    )
    try:
        sock.sendall(request.encode())
        status = _status(sock)
    except OSError as error:
        why = "nothing within the time" if isinstance(error, TimeoutError) else error
        return Reached("answer", f"{host} connects and says {why}", "look at its log")
    if status in (401, 403):
        text = f"{host} answers, and wants a login ({status}); none was sent"
        return Reached("login", text)
    if status == 407:
        return Reached("proxy", "the proxy wants a login (407)", "put it in HTTP_PROXY")
    if status == 0:
        return Reached("answer", f"{host} does not speak HTTP", "check the address")
    if status >= 500:
        who = "it, or the proxy," if proxied else "it"
        return Reached("answer", f"{host} answers {status}: {who} is in trouble")
    return Reached("", f"{host} answers" + (" through the proxy" if proxied else ""))


def _status(sock: socket.socket, *, to_the_end: bool = False) -> int:
    data = b""
    end = b"\r\n\r\n" if to_the_end else b"\n"
    while end not in data and len(data) < _LINE_BYTES:
        piece = sock.recv(1024)
        if not piece:
            break
        data += piece
    words = data.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        return 0
    return int(words[1])


def bundle_problem(path: Path) -> str:
    """Return what is wrong with a bundle of certificate authorities; empty if nothing.

    Parameters
    ----------
    path
        A file, or a folder of them as OpenSSL has it.
    """
    if not path.exists():
        return "is not there"
    if path.is_dir():
        return ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=str(path))
    except (ssl.SSLError, OSError) as error:
        reason = error.strerror if not isinstance(error, ssl.SSLError) else ""
        return (
            f"holds no certificates that can be read{f': {reason}' if reason else ''}"
        )
    return "" if context.get_ca_certs() else "holds no certificate authority"
