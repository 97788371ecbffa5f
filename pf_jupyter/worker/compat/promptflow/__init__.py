"""The names that public flows import from ``promptflow``, without that package.

This package stands at the end of ``sys.path``, so the real one wins where it is
installed. It runs flows' tools; what needs the real package says so when it is used.
"""

__path__ = __import__("pkgutil").extend_path(__path__, __name__)

_HOMES = {
    "tool": "promptflow.core",
    "log_metric": "promptflow.core",
    "log_flow_metric": "promptflow._core.metric_logger",
    "ToolProvider": "promptflow.core",
    "PFClient": "promptflow.client",
    "load_flow": "promptflow.client",
    "load_run": "promptflow.client",
}


def __getattr__(name):
    """Find the old top-level names where they live now."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(home), name)
