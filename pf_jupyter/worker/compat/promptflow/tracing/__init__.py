"""Tracing is off in the format by default, so these names do nothing."""

import contextvars


def trace(func=None):
    """Return the function as it is."""
    return (lambda function: function) if func is None else func


def start_trace(*, resource_attributes=None, collection=None, **kwargs):
    """Do nothing."""


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
