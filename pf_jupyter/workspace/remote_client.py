"""Asks a server over HTTP, again when it was away for a moment.

The standard library's client is used: it is there in every kernel, and quick.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from ..errors import PfError, Refused, Unreachable
from .remote_routes import OPERATION_HEADER, ROUTES
from .remote_wire import error_from_json

PATIENCE_SECONDS = 60.0
"""How long a server may be away, being restarted say, before that is an error."""

_ANSWER_SECONDS = 120.0
_SILENCE_SECONDS = 45.0
_PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0)
_AWAY = (502, 503, 504)
_LOST = (OSError, http.client.HTTPException)


@dataclass(frozen=True)
class Address:
    """Where a server is, and what makes it listen.

    Parameters
    ----------
    url
        Its base URL.
    token
        Good for our routes alone.
    file
        Names the server's URL anew whenever it starts; None without one.
    certificate
        What to trust beside the system's own.
    """

    url: str
    token: str
    file: Path | None = None
    certificate: str | None = None

    def now(self) -> str:
        """Return the URL, the newest that the server wrote down."""
        if self.file is not None:
            try:
                url = json.loads(self.file.read_text(encoding="utf-8"))["url"]
            except (OSError, ValueError, KeyError, TypeError):
                return self.url
            return str(url)
        return self.url


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    id: int
    name: str
    data: Any


class Client:
    """Asks one server; safe to use from any thread.

    Parameters
    ----------
    address
        Where it is.
    patience
        Seconds for which it may be away.
    """

    def __init__(self, address: Address, patience: float = PATIENCE_SECONDS) -> None:
        self.address = address
        self._patience = patience
        self._local = threading.local()
        self._generation = 0

    def call(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        query: Mapping[str, Any] | None = None,
        key: str | None = None,
        patience: float | None = None,
    ) -> Any:
        """Ask for one route's answer.

        Parameters
        ----------
        name
            Of the route.
        path
            The varying parts of its path.
        body, query
            What it takes.
        key
            Makes asking twice the same as asking once.
        patience
            Seconds for which the server may be away; None means the usual.

        Raises
        ------
        PfError
            What the server answered.
        Unreachable
            There is no answer.
        """
        route = ROUTES[name]
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"} if data is not None else {}
        if key is not None:
            headers[OPERATION_HEADER] = key
        # what may have been done already must not be done twice
        again = route.method == "GET" or key is not None
        url = route.url(**(path or {})) + _query(query)
        response = self._until_there(
            route.method, url, data, headers, again, patience, _ANSWER_SECONDS
        )
        return _answer(response)

    def events(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
    ) -> Iterator[Event]:
        """Yield the events of a stream to its end, whatever breaks it meanwhile."""
        route = ROUTES[name]
        url = route.url(**(path or {})) + _query(query)
        last = 0
        while True:
            headers = {"Accept": "text/event-stream"}
            if last:
                headers["Last-Event-ID"] = str(last)
            connection = self._connect(_SILENCE_SECONDS)
            try:
                response = self._until_there(
                    "GET", url, None, headers, True, None, _SILENCE_SECONDS, connection
                )
                if response.status != 200:
                    _answer(response)
                for event in _parse(response):
                    last = event.id or last
                    if event.name == "close":
                        return
                    yield event
            except _LOST:
                pass  # cut by a proxy or a restart: taken up where it was
            finally:
                connection.close()
            time.sleep(_PAUSES[1])

    def close(self) -> None:
        """Let go of this thread's connection; the others go with their threads."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _until_there(
        self,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        again: bool,
        patience: float | None,
        seconds: float,
        connection: http.client.HTTPConnection | None = None,
    ) -> http.client.HTTPResponse:
        end = time.monotonic() + (self._patience if patience is None else patience)
        attempt = 0
        while True:
            used = connection or self._kept(seconds)
            fresh = used.sock is None
            sent = False
            try:
                if fresh:
                    self._aim(used)
                    used.connect()
                sent = True
                return self._ask(used, method, url, data, headers)
            except _LOST as error:
                used.close()
                # one that was kept open may have been closed by the other side
                repeat = again or not sent or (not fresh and _unheard(error))
                if not repeat or (time.monotonic() >= end and fresh):
                    raise self._unreachable(error) from error
            if fresh:
                time.sleep(_PAUSES[min(attempt, len(_PAUSES) - 1)])
                attempt += 1

    def _ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
    ) -> http.client.HTTPResponse:
        base = urlsplit(self.address.now()).path.rstrip("/")
        every = {"Authorization": f"token {self.address.token}", **headers}
        connection.request(method, f"{base}/{url}", data, every)
        response = connection.getresponse()
        if response.status in _AWAY and not _ours(response):
            response.read()
            raise http.client.HTTPException(f"HTTP {response.status}")
        return response

    def _kept(self, seconds: float) -> http.client.HTTPConnection:
        """Return this thread's connection; a forked child has one of its own."""
        kept = getattr(self._local, "connection", None)
        if kept is None or self._local.pid != os.getpid():
            kept = self._local.connection = self._connect(seconds)
            self._local.pid = os.getpid()
        return kept

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.address.now())
        if parts.scheme == "http+unix":
            return _UnixConnection(unquote(parts.netloc), timeout=seconds)
        host = parts.hostname or "127.0.0.1"
        if parts.scheme == "https":
            context = ssl.create_default_context()
            if self.address.certificate:
                # the server's own certificate is the one thing that is trusted
                context = ssl.create_default_context(cafile=self.address.certificate)
                context.check_hostname = False
            return http.client.HTTPSConnection(
                host, parts.port, timeout=seconds, context=context
            )
        return http.client.HTTPConnection(host, parts.port, timeout=seconds)

    def _aim(self, connection: http.client.HTTPConnection) -> None:
        """Point a closed connection at where the server is now."""
        parts = urlsplit(self.address.now())
        if parts.scheme != "http+unix":
            connection.host = parts.hostname or "127.0.0.1"
            connection.port = parts.port or connection.default_port

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(
            f"the server at {self.address.now()} does not answer: "
            f"{str(error) or type(error).__name__}",
            code="server_unreachable",
            hint="start Jupyter again: this kernel finds the server by itself; "
            "pf_jupyter.connect(server=False) works without one",
        )


class _UnixConnection(http.client.HTTPConnection):
    """A connection to a server that listens on a socket of the file system."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _unheard(error: BaseException) -> bool:
    """Tell whether a request on a kept connection cannot have been heard."""
    return isinstance(error, (http.client.RemoteDisconnected, ConnectionError))


def _query(query: Mapping[str, Any] | None) -> str:
    given = {key: value for key, value in (query or {}).items() if value is not None}
    return "?" + urlencode(given) if given else ""


def _ours(response: http.client.HTTPResponse) -> bool:
    """Tell a server's own answer from that of a proxy before it."""
    return "json" in (response.getheader("Content-Type") or "")


def _answer(response: http.client.HTTPResponse) -> Any:
    raw = response.read()
    if response.status == 204:
        return None
    try:
        document = json.loads(raw)
    except ValueError:
        raise Unreachable(
            f"the server answered HTTP {response.status} and nothing that we can read",
            code="server_unreachable",
            hint="is there a proxy between this kernel and the server?",
        ) from None
    if response.status < 400:
        return document
    error = error_from_json(document if isinstance(document, dict) else {})
    if type(error) is PfError and response.status in (401, 403):
        error = Refused(error.message, code=error.code, hint=error.hint)
    raise error


def _parse(response: http.client.HTTPResponse) -> Iterator[Event]:
    number, name, data = 0, "message", ""
    while True:
        line = response.readline()
        if not line:
            raise http.client.IncompleteRead(b"")
        text = line.decode("utf-8").rstrip("\r\n")
        if not text:
            if data:
                yield Event(number, name, json.loads(data))
            number, name, data = 0, "message", ""
        elif text.startswith("id:"):
            number = int(text[3:])
        elif text.startswith("event:"):
            name = text[6:].strip()
        elif text.startswith("data:"):
            data += text[5:].strip()
