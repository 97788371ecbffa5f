"""Threads for sync tools: daemons that are kept for the next node, never waited for.

The pool of the standard library joins its threads when the interpreter ends, so a tool
that never returns would keep its process alive.
"""

from __future__ import annotations

import contextvars
import os
import queue
import threading
from typing import Callable, List

Job = Callable[[], None]
_IDLE_SECONDS = 30.0


class ThreadPool:
    """Runs jobs at once, each in an idle thread or a new one; it sets no limit."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._idle: List[_Worker] = []

    def submit(self, job: Job) -> None:
        """Run ``job`` in a thread, in a copy of the caller's context."""
        context = contextvars.copy_context()

        def in_context() -> None:
            context.run(job)

        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker(self)
            worker.jobs.put(in_context)
            worker.start()
        else:
            worker.jobs.put(in_context)

    def _rest(self, worker: _Worker) -> None:
        with self._lock:
            self._idle.append(worker)

    def _retire(self, worker: _Worker) -> bool:
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                return True
            return False


class _Worker(threading.Thread):
    def __init__(self, pool: ThreadPool) -> None:
        super().__init__(name="pf-node", daemon=True)
        self.jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._pool = pool

    def run(self) -> None:
        while True:
            try:
                job = self.jobs.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                if self._pool._retire(self):
                    return
                continue
            job()
            del job  # or its values would live as long as the thread
            self._pool._rest(self)


pool = ThreadPool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=pool._reset)
