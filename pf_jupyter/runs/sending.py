"""What is sent of a run, and whoever waits for what comes of it.

Looking whether a flow has changed, recording its run and getting a worker ready for it
take as long as the run of a small flow. They are done at the same time: a flow that ran
before is sent as a run that is held, and told to begin once all that was done.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import PfError
from ..flow.model import Flow
from ..store.records import RunRecord, RuntimeRecord
from ..worker.protocol import ProtocolError
from ..worker.scrubbing import Secrets
from .follow import Follow
from .new_record import new_id
from .request import ActiveRun, Request
from .sendable import Sendable

if TYPE_CHECKING:
    from ..runtimes.channel import Pending, WorkerChannel

OnEvent = Callable[[Mapping[str, Any]], None]
Answering = Callable[[RunRecord, RuntimeRecord], Callable[[Mapping[str, Any]], Any]]

_log = logging.getLogger(__name__)


@dataclass
class Sending:
    """One run on its way to a worker.

    Parameters
    ----------
    request, flow
        What is asked for.
    sendable
        The flow as it is sent.
    secrets
        What must not be remembered of it.
    body
        RUN of the protocol without what the record and the channel tell.
    follow
        Takes note of the events.
    on_event
        Who wants to hear of them, with the run's id.
    answering
        Makes what answers the run's questions, if it has any.
    """

    request: Request
    flow: Flow
    sendable: Sendable
    secrets: Secrets
    body: dict[str, Any]
    follow: Follow
    on_event: OnEvent | None = None
    answering: Answering | None = None
    active: ActiveRun = field(default_factory=ActiveRun)

    def send(
        self, runtime: RuntimeRecord, channel: WorkerChannel, record: RunRecord
    ) -> Pending:
        """Send it (see `WorkerChannel.run` for what is raised)."""
        if self.answering is not None:
            self.active.answer = self.answering(record, runtime)
        return channel.run(
            self.sendable.snapshot,
            {"run_id": record.run_id, **self.body},
            self._teller(record.run_id),
            self.active.answer,
        )

    def send_ahead(self, channel: WorkerChannel) -> Ahead | None:
        """Send it, to be begun by `Pending.go`; None when it is better sent later.

        A run with a time limit is not held: its time begins when it is sent. What is
        answered depends on the record, so that a run with questions is not held either.
        """
        if self.body["timeout"] is not None or self.answering is not None:
            return None
        run_id = new_id(self.flow.name)
        body = {"run_id": run_id, "held": True, **self.body}
        # what fails here fails again, and is told, once the run is recorded
        with contextlib.suppress(PfError, ProtocolError):
            pending = channel.run(self.sendable.snapshot, body, self._teller(run_id))
            return Ahead(channel, run_id, pending)
        return None

    def _teller(self, run_id: str) -> OnEvent:
        follow, on_event = self.follow, self.on_event
        if on_event is None:
            return follow.notice

        def tell(event: Mapping[str, Any]) -> None:
            follow.notice(event)
            try:
                on_event({**event, "run_id": run_id})
            except Exception:
                # the thread that reads the channel must not end with a listener
                _log.exception("a listener failed on %s", event.get("event"))

        return tell


@dataclass(frozen=True)
class Ahead:
    """A run that was sent and waits for the word to begin."""

    channel: WorkerChannel
    run_id: str
    pending: Pending


@dataclass(frozen=True)
class Begun:
    """A run that is recorded; ``held`` is what waits for the word to begin, if any."""

    runtime: RuntimeRecord
    channel: WorkerChannel
    record: RunRecord
    held: Pending | None
