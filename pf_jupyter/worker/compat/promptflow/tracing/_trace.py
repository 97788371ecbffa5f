"""The decorator under its inner address, with what only libraries ask for."""

from promptflow.tracing import trace

from pf_jupyter.worker.execution.tracing import traced

__all__ = ["_traced", "trace"]


def _traced(func=None, *, args_to_ignore=None, trace_type="Function", name=None):
    """Trace a function as a call of some kind, without some of its arguments."""

    def mark(function):
        kind = getattr(trace_type, "value", trace_type)
        return traced(function, kind=kind, name=name, ignored=args_to_ignore or ())

    return mark if func is None else mark(func)
