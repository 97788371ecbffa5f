"""Asks a server over HTTP, again when it was away for a moment.

The standard library's client is used: it is there in every kernel, and quick.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from ..errors import PfError, Refused, Unreachable
from .remote_http import Response, UnixConnection
from .remote_routes import OPERATION_HEADER, ROUTES
from .remote_wire import error_from_json

PATIENCE_SECONDS = 60.0
"""How long a server may be away, being restarted say, before that is an error."""

_ANSWER_SECONDS = 120.0
_SILENCE_SECONDS = 45.0
_PAUSES = (0.0, 0.1, 0.2, 0.5, 1.0)
_AWAY = (502, 503, 504)
_MOST_IDLE = 8
_JSON = "application/json"
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

    def __init__(self, address: Address, patience: float | None = None) -> None:
        self.address = address
        self._patience = PATIENCE_SECONDS if patience is None else patience
        self._guard = threading.Lock()
        self._idle: list[http.client.HTTPConnection] = []
        self._pid = os.getpid()

    def call(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        data: bytes | None = None,
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
        data
            A piece of a file instead of a body.
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
        headers = {"Content-Type": "application/octet-stream"} if data else {}
        if body is not None:
            data, headers = json.dumps(body).encode(), {"Content-Type": _JSON}
        if key is not None:
            headers[OPERATION_HEADER] = key
        # what may have been done already must not be done twice
        again = route.method in ("GET", "PUT") or key is not None
        url = route.url(**(path or {})) + _query(query)
        connection, response = self._until_there(
            route.method, url, data, headers, again, patience
        )
        # read already: the connection is free for whoever asks next
        self._give_back(connection)
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
            connection, response = self._until_there(
                "GET", url, None, headers, True, None, stream=True
            )
            try:
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
                response.close()
                connection.close()
            time.sleep(_PAUSES[1])

    def content(
        self,
        name: str,
        path: Mapping[str, str] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
    ) -> Iterator[bytes]:
        """Yield the content of a file, piece by piece.

        Raises
        ------
        PfError
            What the server answered.
        ConnectionError
            It was cut: what came until then is good, and not all of it.
        """
        url = ROUTES[name].url(**(path or {})) + _query(query)
        connection, response = self._until_there(
            "GET", url, None, {}, True, None, stream=True
        )
        try:
            if response.status != 200:
                _answer(response)
            yield from response.pieces()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            response.close()
            connection.close()

    def close(self) -> None:
        """Let go of all connections that nobody uses now."""
        with self._guard:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _until_there(
        self,
        method: str,
        url: str,
        data: bytes | None,
        headers: Mapping[str, str],
        again: bool,
        patience: float | None,
        stream: bool = False,
    ) -> tuple[http.client.HTTPConnection, Response]:
        end = time.monotonic() + (self._patience if patience is None else patience)
        attempt = 0
        while True:
            connection = self._take(stream)
            fresh = connection.sock is None
            sent = False
            try:
                if fresh:
                    connection.connect()
                sent = True
                return connection, self._ask(
                    connection, method, url, data, headers, stream
                )
            except _LOST as error:
                connection.close()
                # one that was kept open may have been closed by the other side
                repeat = again or not sent or (not fresh and _unheard(error))
                if not repeat or (time.monotonic() >= end and fresh):
                    raise self._unreachable(error) from error
            except BaseException:
                connection.close()
                raise
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
        stream: bool,
    ) -> Response:
        base = urlsplit(self.address.now()).path.rstrip("/")
        every = {"Authorization": f"token {self.address.token}", **headers}
        connection.request(method, f"{base}/{url}", data, every)
        response = Response(connection.getresponse())
        if response.status in _AWAY and not response.is_json:
            raise http.client.HTTPException(f"HTTP {response.status}")
        if not stream or response.status != 200:
            response.read()
        return response

    def _take(self, stream: bool) -> http.client.HTTPConnection:
        """Return an idle connection to where the server is now, or a new one."""
        with self._guard:
            if self._pid != os.getpid():
                # a forked child must not speak on the connections of its parent
                self._idle, self._pid = [], os.getpid()
            if self._idle and not stream:
                return self._idle.pop()
        return self._connect(_SILENCE_SECONDS if stream else _ANSWER_SECONDS)

    def _give_back(self, connection: http.client.HTTPConnection) -> None:
        with self._guard:
            if self._pid == os.getpid() and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self, seconds: float) -> http.client.HTTPConnection:
        parts = urlsplit(self.address.now())
        if parts.scheme == "http+unix":
            return UnixConnection(unquote(parts.netloc), timeout=seconds)
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

    def _unreachable(self, error: BaseException) -> Unreachable:
        return Unreachable(
            f"the server at {self.address.now()} does not answer: "
            f"{str(error) or type(error).__name__}",
            code="server_unreachable",
            hint="start Jupyter again: this kernel finds the server by itself; "
            "pf_jupyter.connect(server=False) works without one",
        )


def _unheard(error: BaseException) -> bool:
    """Tell whether a request on a kept connection cannot have been heard."""
    return isinstance(error, (http.client.RemoteDisconnected, ConnectionError))


def _query(query: Mapping[str, Any] | None) -> str:
    given = {key: value for key, value in (query or {}).items() if value is not None}
    return "?" + urlencode(given) if given else ""


def _answer(response: Response) -> Any:
    if response.status == 204:
        return None
    try:
        document = json.loads(response.body)
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


def _parse(response: Response) -> Iterator[Event]:
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
