"""Fetches images from the web, from public addresses only.

A flow input may come from anybody, so a URL in it must not reach what only this machine
or its network can reach: names are resolved first, every address that comes back has to
be public, and the connection goes to that very address. Rule: flow-format section 2.9.
"""

from __future__ import annotations

import http.client
import ipaddress
import os
import socket
import time
from typing import Any, List, Optional
from urllib.parse import urljoin, urlsplit

MAX_BYTES = 50_000_000
SECONDS = 30.0
_MAX_REDIRECTS = 5
_CHUNK = 1 << 16
ALLOW_PRIVATE = "PF_JUPYTER_PRIVATE_URLS"
"""Environment variable which, when "true", lets private addresses through."""


class FetchError(Exception):
    """A URL may not be fetched, or gives nothing."""


def fetch(url: str) -> bytes:
    """Return what is behind a URL.

    Parameters
    ----------
    url
        An http or https URL; redirections are followed, each checked anew.

    Raises
    ------
    FetchError
        The address is not public, the answer is no success, too large or too slow.
    OSError
        The connection fails.
    """
    deadline = time.monotonic() + SECONDS
    for _ in range(_MAX_REDIRECTS + 1):
        connection, path = _connection(url)
        try:
            connection.request("GET", path, headers={"User-Agent": "pf_jupyter"})
            answer = connection.getresponse()
            target = answer.getheader("Location")
            if answer.status in (301, 302, 303, 307, 308) and target:
                url = urljoin(url, target)
                continue
            if answer.status != 200:
                raise FetchError(f"the server answers {answer.status}")
            return _body(answer, deadline)
        except http.client.HTTPException as error:
            raise FetchError(f"{type(error).__name__}") from None
        finally:
            connection.close()
    raise FetchError("too many redirections")


def public_address(host: str, port: int) -> str:
    """Return an address of a host, all of whose addresses are public.

    Raises
    ------
    FetchError
        One of them is not: loopback, private, link-local, reserved or multicast.
    OSError
        The name cannot be resolved.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses: List[str] = [str(item[4][0]) for item in found]
    if os.environ.get(ALLOW_PRIVATE, "").lower() != "true":
        for address in addresses:
            if not _is_public(address):
                raise FetchError(f"{host} is not a public address")
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed: Any = ipaddress.ip_address(address.split("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    parsed = inner or parsed
    return bool(parsed.is_global and not parsed.is_multicast)


def _connection(url: str) -> Any:
    parts = urlsplit(url)
    try:
        port: Optional[int] = parts.port
    except ValueError:
        raise FetchError("its port is no number") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError("only http and https URLs are fetched")
    host = parts.hostname
    secure = parts.scheme == "https"
    port = port or (443 if secure else 80)
    address = public_address(host, port)
    path = parts.path or "/"
    path = f"{path}?{parts.query}" if parts.query else path
    plain = http.client.HTTPConnection(host, port, timeout=SECONDS)
    # Connected by hand: a second look-up could bring another address than the checked.
    plain.sock = socket.create_connection((address, port), timeout=SECONDS)
    if secure:
        import ssl

        try:
            context = ssl.create_default_context()
            plain.sock = context.wrap_socket(plain.sock, server_hostname=host)
        except BaseException:
            plain.close()
            raise
    return plain, path


def _body(answer: http.client.HTTPResponse, deadline: float) -> bytes:
    data = bytearray()
    while True:
        piece = answer.read(_CHUNK)
        if not piece:
            return bytes(data)
        data += piece
        if len(data) > MAX_BYTES:
            raise FetchError(f"it is larger than {MAX_BYTES // 1_000_000} MB")
        if time.monotonic() > deadline:
            raise FetchError(f"it takes longer than {SECONDS:g} seconds")
