"""Passes on what executors say and do to whom they work for: a run or a batch."""

from __future__ import annotations

from typing import Optional

from . import process_tree, wire
from .active_run import ActiveRun
from .runs import Runs
from .sources import ExecutorHandle


class Switchboard:
    """Hears of all executors.

    Parameters
    ----------
    runs
        The single runs; an executor of a batch carries its batch.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def assigned(self, executor: ExecutorHandle, run: ActiveRun) -> None:
        """A fresh executor was found for ``run``."""
        if run.batch is not None:
            run.batch.assigned(run, executor)
        else:
            self._runs.assigned(executor, run)

    def refused(self, run: ActiveRun, message: str) -> None:
        """No executor can be made for ``run``."""
        if run.batch is not None:
            run.batch.refused(run, message)
        else:
            self._runs.refused(run, message)

    def loading(self, run: ActiveRun, stream: str, text: bytes) -> None:
        """The code of ``run`` printed this while it was loaded."""
        if run.batch is not None:
            run.batch.printed(run, stream, text)
        else:
            self._runs.loading(run, stream, text)

    def said(self, executor: ExecutorHandle, message: wire.Message) -> None:
        """The executor sent a message."""
        run = executor.run
        if run is not None and run.batch is not None:
            run.batch.said(run, message)
        else:
            self._runs.said(executor, message)

    def printed(self, executor: ExecutorHandle, stream: str, text: bytes) -> None:
        """Something was written to its stdout or stderr."""
        run = executor.run
        if run is not None and run.batch is not None:
            run.batch.printed(run, stream, text)
        else:
            self._runs.printed(executor, stream, text)

    def gone(self, executor: ExecutorHandle, status: Optional[int]) -> None:
        """It ended, with this status of ``os.waitpid`` if that is known."""
        run = executor.run
        if run is not None and run.batch is not None:
            process_tree.kill_group(executor.pid)
            if status is None or process_tree.exit_code(status) != 0:
                self._runs.sweep()
            run.batch.gone(run, status)
        else:
            self._runs.gone(executor, status)
