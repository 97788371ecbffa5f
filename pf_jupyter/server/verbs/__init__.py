"""What each route does; a module for each noun, loaded by `load_all`."""

from __future__ import annotations

from importlib import import_module

NOUNS = (
    *(
        "batches",
        "captures",
        "computes",
        "connections",
        "current",
        "environments",
        "evaluations",
        "files",
    ),
    *(
        "flows",
        "operations",
        "packages",
        "roles",
        "runs",
        "runtimes",
        "versions",
        "workspace",
    ),
)


def load_all() -> None:
    """Load every module, so that every route has something behind it."""
    for name in NOUNS:
        import_module(f"{__name__}.{name}")
