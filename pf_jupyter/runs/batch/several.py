"""A batch under way in more than one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import PfError, RunCanceled, UsageError
from ...runtimes.model import OnPhase
from ...store.records import RunRecord, RuntimeRecord
from ..execute import LOG_LIMIT
from .cluster import ClusterPlace, address_of
from .finish import Outcome
from .folder import RunFolder
from .places import Place, RuntimePlace, compared, named
from .prepare import Prepared
from .shared import SharedFeed
from .under_way import BatchUnderWay, OnProgress, Tools


def under_way(
    tools: Tools,
    made: Prepared,
    record: RunRecord,
    runtime: RuntimeRecord,
    folder: RunFolder,
    on_progress: OnProgress | None,
) -> BatchUnderWay:
    """Return a batch that can run, in as many places as its request names."""
    several = bool(made.request.runtimes) or made.cluster is not None
    kind = SeveralUnderWay if several else BatchUnderWay
    return kind(tools, made, record, runtime, folder, on_progress)


def find_cluster(
    tools: Tools, made: Prepared, runtime_id: str, on_phase: OnPhase | None
) -> None:
    """Reach the cluster that a batch names, before anything of it is recorded.

    Raises
    ------
    UsageError, Unreachable, IllegalState, RuntimeFailed
        It cannot be used.
    """
    request = made.request
    if request.on is None:
        return
    if request.runtimes:
        raise UsageError(
            "lines go to a cluster or to several runtimes, not to both",
            code="bad_cluster",
            hint="leave out --on, or all but one runtime",
        )
    address_of(request.on)
    runtime, _channel = tools.executor.ready(runtime_id, on_phase)
    made.cluster = ClusterPlace(tools.executor, tools.life, runtime, request.on)
    made.cluster.open()
    made.facts["cluster"] = made.cluster.facts


def let_go(made: Prepared | None) -> None:
    """Let go of the cluster that a batch has reached and will not use."""
    if made is not None and made.cluster is not None:
        made.cluster.close()


class SeveralUnderWay(BatchUnderWay):
    """A batch whose lines go to several runtimes, to each as it asks."""

    _shared: SharedFeed | None = None

    def _run_once(self, deadline: float | None) -> Outcome:
        if self._canceled:
            raise RunCanceled("the batch was stopped")
        made = self._made
        places = self._places()
        body = made.body(self.record.run_id, LOG_LIMIT)
        feed = self._feed = self._shared = SharedFeed(
            places,
            made.snapshot,
            body,
            self._lines(),
            workers=made.limits.workers,
            finisher=self._finisher(),
            note=lambda text: self._tell("batch_note", text=text),
        )
        if self._canceled:
            feed.stop()
        try:
            value = feed.run(
                self._take,
                rows=self._rows,
                on_event=self._hear,
                tick=self._tick,
                deadline=deadline,
            )
        finally:
            self._feed = None
            made.facts["runtimes"] = feed.speeds()
        return self._outcome(value)

    def run(self, reused: RunFolder | None) -> RunRecord:
        """Run it, and let go of the cluster; see `BatchUnderWay.run`."""
        cluster = self._made.cluster
        try:
            if cluster is not None:
                self._tell_of_cluster(cluster.facts)
            return super().run(reused)
        finally:
            if cluster is not None:
                cluster.close()

    def _tell_of_cluster(self, facts: Mapping[str, Any]) -> None:
        self._tell("batch_cluster", **facts)
        for text in facts["differences"]:
            self._tell("batch_note", text=text)
        if self._made.secrets and not facts["encrypted"]:
            text = "connections travel to the cluster without encryption: use tls://"
            self._tell("batch_note", text=text)

    def _finisher(self) -> Place | None:
        """Return where what comes after the lines of a cluster runs."""
        if self._made.cluster is None:
            return None
        return RuntimePlace(self._tools.executor, self._tools.life, self._runtime)

    def _places(self) -> Sequence[Place]:
        """Return the places that answer; say which do not, and how they differ."""
        if self._made.cluster is not None:
            return [self._made.cluster]
        tools = self._tools
        records = [self._runtime]
        for name in dict.fromkeys(self._made.request.runtimes or ()):
            try:
                record = tools.life.seats.take(named(tools.store, name))
                if record.id != self._runtime.id:
                    records.append(tools.executor.ready(record.id)[0])
            except PfError as error:
                self._tell("batch_note", text=f"{error.message}; going on without it")
        if "environments" not in self._made.facts:
            found = compared(records, tools.life.installer.packages)
            self._made.facts["environments"] = found
            for text in found["differences"]:
                self._tell("batch_note", text=text)
        return [RuntimePlace(tools.executor, tools.life, one) for one in records]

    def _progress(self) -> Mapping[str, Any]:
        progress = dict(super()._progress())
        if self._shared is not None:
            progress["runtimes"] = self._shared.speeds()
        return progress
