"""Long work that a server does: begun, followed, taken up again after a restart."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from ..errors import NotFound, PfError, RunFailed
from .api import OnEvent, OnPhase
from .remote_client import Client
from .remote_flows import SentFlow
from .remote_wire import error_from_json, phase_from_json, unpack

_RESTARTED = "server_restarted"
_log = logging.getLogger(__name__)


class Sent(Protocol):
    """Something of this machine that a server is told of, and given if need be."""

    missing: str
    """Code of the error that says that the server does not see it."""

    def reference(self) -> dict[str, Any]:
        """Return how it is called for a server that sees it."""

    def uploaded(self) -> dict[str, Any]:
        """Give it to the server, and return how it is called then."""


class Work:
    """One operation of a server.

    Parameters
    ----------
    client
        Asks the server.
    route
        What is to be done.
    body
        What it takes.
    path
        The varying parts of the route's path.
    flow
        The flow that it is about, added to the body.
    files
        Fields of the body that name files of this machine.
    again
        Whether it is asked for anew when a server was ended in the middle: for what is
        the same when it is done twice, and is not written down by the server.
    """

    def __init__(
        self,
        client: Client,
        route: str,
        *,
        body: Any = None,
        path: Mapping[str, str] | None = None,
        flow: SentFlow | None = None,
        files: Mapping[str, Sent] | None = None,
        again: bool = False,
    ) -> None:
        self._client = client
        self._route = route
        self._body = {} if body is None else body
        self._path = dict(path or {})
        self._again = again
        self._sent: dict[str, Sent] = dict(files or {})
        if flow is not None:
            self._sent["flow"] = flow
        for field, sent in self._sent.items():
            self._body = {**self._body, field: sent.reference()}
        self._guard = threading.Lock()
        self._unwanted = False
        self._begun = False
        # known to both sides before anything is sent, so that sending it twice is safe
        self.id = uuid.uuid4().hex
        self.run_id: str | None = None

    def result(
        self,
        *,
        on_phase: OnPhase | None = None,
        on_event: OnEvent | None = None,
    ) -> Any:
        """Begin it, and wait for what comes of it.

        Parameters
        ----------
        on_phase
            Told of a runtime's steps on its way to ready.
        on_event
            Told of a run's events.

        Raises
        ------
        PfError
            What the work raised.
        Unreachable
            The server is gone for longer than can be waited for.
        """
        given: set[str] = set()
        while True:
            try:
                return self._result(on_phase, on_event)
            except NotFound as error:
                missing = [
                    field
                    for field, sent in self._sent.items()
                    if sent.missing == error.code and field not in given
                ]
                if not missing:
                    raise
            except PfError as error:
                if not self._again or error.code != _RESTARTED or self._unwanted:
                    raise
                missing = []
            for field in missing:
                self._body = {**self._body, field: self._sent[field].uploaded()}
                given.add(field)
            with self._guard:
                self.id, self._begun = uuid.uuid4().hex, False

    def _result(self, on_phase: OnPhase | None, on_event: OnEvent | None) -> Any:
        self._client.call(self._route, self._path, body=self._body, key=self.id)
        with self._guard:
            self._begun = True
            unwanted = self._unwanted
        if unwanted:
            self._ask_to_end()
        try:
            for event in self._client.events("operations.events", {"id": self.id}):
                if event.name == "phase" and on_phase is not None:
                    _tell(on_phase, phase_from_json(event.data))
                elif event.name in ("run", "batch"):
                    told = unpack(event.data)
                    self.run_id = told.get("run_id") or self.run_id
                    if on_event is not None:
                        _tell(on_event, told)
                elif event.name == "begun":
                    self.run_id = event.data["run_id"]
                elif event.name == "end":
                    return _outcome(event.data)
        except NotFound as error:
            if error.code != "operation_not_found":
                raise
        return self._left()

    def cancel(self) -> None:
        """Ask for its end, now or as soon as the server knows of it."""
        with self._guard:
            self._unwanted = True
            begun = self._begun
        if begun:
            self._ask_to_end()

    def _ask_to_end(self) -> None:
        try:
            self._client.call("operations.cancel", {"id": self.id})
        except PfError:
            pass  # it has ended in the meantime

    def _left(self) -> Any:
        """Return what is known of work whose server was ended and knows it no more."""
        if self._route in _ABOUT_RUNS:
            if self.run_id is not None:
                run = {"run_id": self.run_id}
                return self._client.call(_ABOUT_RUNS[self._route], run)
            raise RunFailed(
                "the server was ended before the run began",
                code=_RESTARTED,
                hint="run it again: nothing of it happened",
            )
        name = self._path.get("name") or self._body.get("name")
        if name and self._route.startswith("runtimes."):
            return self._client.call("runtimes.show", {"name": name})
        raise PfError(
            "the server was ended before this was done",
            code=_RESTARTED,
            hint="try it again",
        )


_ABOUT_RUNS = {
    "runs.create": "runs.record",
    "batches.create": "runs.show",
    "evaluations.create": "runs.show",
    "runs.resume": "runs.show",
}
"""What tells what came of the run that a route has begun."""


def _outcome(data: Mapping[str, Any]) -> Any:
    if data.get("error") is not None:
        raise error_from_json(data["error"])
    return data.get("result")


def _tell(listener: Callable[[Any], object], event: Any) -> None:
    try:
        listener(event)
    except Exception:
        # the work goes on whatever a listener does, as it does without a server
        _log.exception("a listener failed")
