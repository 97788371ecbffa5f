"""Traces of functions: spans of the run in which they are called."""

import contextvars

from pf_jupyter.worker.execution.tracing import traced


def trace(func=None):
    """Have each call of a function shown in the run's trace."""
    return traced if func is None else traced(func)


def start_trace(*, resource_attributes=None, collection=None, **kwargs):
    """Do nothing: every run has its trace."""


def __getattr__(name):
    """Make the thread pool only when it is asked for: its import is slow."""
    if name != "ThreadPoolExecutorWithContext":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from concurrent.futures import ThreadPoolExecutor

    class ThreadPoolExecutorWithContext(ThreadPoolExecutor):
        """A thread pool whose threads see the context of whoever submits."""

        def submit(self, fn, /, *args, **kwargs):
            """Run ``fn`` in a copy of the caller's context."""
            context = contextvars.copy_context()
            return super().submit(context.run, fn, *args, **kwargs)

    globals()[name] = ThreadPoolExecutorWithContext
    return ThreadPoolExecutorWithContext
