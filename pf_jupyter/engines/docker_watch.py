"""Follows the engine's events and survives its restarts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from pf_jupyter.engines.api import LABEL, InstanceEvent
from pf_jupyter.engines.docker_profile import INSTANCE_LABEL

_KINDS: Mapping[str, Any] = {
    "start": "started",
    "die": "died",
    "died": "died",  # podman's word
    "oom": "oom",
    "destroy": "removed",
    "remove": "removed",  # podman's word
    "pause": "paused",
    "unpause": "unpaused",
}
# not by label: podman would want its value too
_FILTERS = {"type": ["container"], "event": list(_KINDS)}
_RETRY_SECONDS = 0.2


class EventSource(Protocol):
    """An open stream of events in the engine's own form."""

    def __iter__(self) -> Any:
        """Yield events."""

    def close(self) -> None:
        """End the stream, from any thread."""


class HeldAnswer:
    """An answer of docker-py that goes on until it is closed, from any thread.

    Its own close ends the connection, which wakes who waits, but leaves the socket
    to the garbage collector.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Any:
        return iter(self._stream)

    def close(self) -> None:
        """End the answer and its connection."""
        response: Any = getattr(self._stream, "_response", None)
        for part in (self._stream, response):
            try:
                part.close()
            except Exception:
                pass  # it ended by itself, or another thread was first


class EventWatch:
    """A thread that follows the events of our instances.

    Parameters
    ----------
    connect
        Opens the engine's event stream with these filters; raises when it cannot.
    callback
        Called with each event from the watch's own thread.
    """

    def __init__(
        self,
        connect: Callable[[Mapping[str, Any]], EventSource],
        callback: Callable[[InstanceEvent], None],
    ) -> None:
        self._connect = connect
        self._callback = callback
        self._closed = threading.Event()
        self._ready = threading.Event()
        self._lock = threading.Lock()
        self._source: EventSource | None = None
        self._thread = threading.Thread(
            target=self._run, daemon=True, name="pf-docker-watch"
        )
        self._thread.start()

    def wait_ready(self, timeout: float) -> None:
        """Wait until events are received, at most ``timeout`` seconds."""
        self._ready.wait(timeout)

    def close(self) -> None:
        """Stop watching; no callback is under way or comes after this returns."""
        with self._lock:
            self._closed.set()
            source = self._source
        if source is not None:
            _end(source)
        if self._thread is not threading.current_thread():
            self._thread.join(5)

    def _run(self) -> None:
        lost = False
        while not self._closed.is_set():
            source = self._open()
            if source is None:
                if not lost:
                    lost = True
                    self._tell(_engine_event("engine_lost"))
                self._ready.set()
                self._closed.wait(_RETRY_SECONDS)
                continue
            if lost:
                lost = False
                self._tell(_engine_event("engine_back"))
            self._ready.set()
            self._follow(source)
            if not self._closed.is_set():
                lost = True
                self._tell(_engine_event("engine_lost"))

    def _open(self) -> EventSource | None:
        try:
            source = self._connect(_FILTERS)
        except Exception:
            return None  # whatever the library raises, the engine is not there
        with self._lock:
            if self._closed.is_set():
                _end(source)
                return None
            self._source = source
        return source

    def _follow(self, source: EventSource) -> None:
        try:
            for raw in source:
                if self._closed.is_set():
                    return
                event = to_event(raw)
                if event is not None:
                    self._tell(event)
        except Exception:
            pass  # a stream that broke, in whatever way, is opened again
        finally:
            with self._lock:
                self._source = None
            _end(source)

    def _tell(self, event: InstanceEvent) -> None:
        if self._closed.is_set():
            return
        try:
            self._callback(event)
        except Exception:
            import logging

            logging.getLogger(__name__).exception("a watcher of events failed")


def to_event(raw: Mapping[str, Any]) -> InstanceEvent | None:
    """Return the engine's event in our form, or None for one that is not ours."""
    kind = _KINDS.get(str(raw.get("Action") or raw.get("status") or ""))
    actor = raw.get("Actor") or {}
    attributes = actor.get("Attributes") or {}
    if kind is None or INSTANCE_LABEL not in attributes:
        return None
    code = attributes.get("exitCode", attributes.get("containerExitCode"))
    nanoseconds = raw.get("timeNano") or int(raw.get("time", 0)) * 10**9
    return InstanceEvent(
        kind=kind,
        id=str(actor.get("ID") or raw.get("id") or ""),
        time=datetime.fromtimestamp(nanoseconds / 1e9, UTC),
        exit_code=int(code) if kind == "died" and code is not None else None,
        labels={k: v for k, v in attributes.items() if k.startswith(LABEL)},
    )


def _engine_event(kind: Any) -> InstanceEvent:
    return InstanceEvent(kind=kind, id="", time=datetime.now(UTC))


def _end(source: EventSource) -> None:
    try:
        source.close()
    except Exception:
        pass  # it was closed already, in one of docker-py's many ways
