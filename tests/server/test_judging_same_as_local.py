"""What holds for evaluations in one's own workspace holds for those of a server."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "workspace" / "test_evaluation.py"
OTHERWISE = {
    *("runtime", "workspace"),  # these are a server's here
    "test_only_a_completed_run_is_judged",  # made with parts of the store
}


def _load():
    spec = importlib.util.spec_from_file_location("pf_both_evaluation", FILE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    spec.loader.exec_module(module)
    return module


globals().update(
    {
        name: found
        for name, found in vars(_load()).items()
        if name not in OTHERWISE
        and (name.startswith("test_") or "Fixture" in type(found).__name__)
    }
)


@pytest.fixture(scope="module")
def workspace(server):
    """The workspace of a server, as a kernel of it has it."""
    from .conftest import connected

    made = connected(server)
    yield made
    made.close()


@pytest.fixture(scope="module")
def runtime(workspace):
    return workspace.runtimes.get("demo")
