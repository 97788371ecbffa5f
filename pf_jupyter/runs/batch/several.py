"""A batch under way in more than one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import PfError, RunCanceled
from ...store.records import RunRecord, RuntimeRecord
from ..execute import LOG_LIMIT
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
    kind = SeveralUnderWay if made.request.runtimes else BatchUnderWay
    return kind(tools, made, record, runtime, folder, on_progress)


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

    def _places(self) -> Sequence[Place]:
        """Return the places that answer; say which do not, and how they differ."""
        tools = self._tools
        records = [self._runtime]
        for name in dict.fromkeys(self._made.request.runtimes or ()):
            try:
                record = named(tools.store, name)
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
