"""What ``benchmarks/batch_limit.py`` shows, in short: a service's limit is kept to."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ..conformance.request_limit import RequestLimit

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def limited() -> ModuleType:
    """The benchmark's own code."""
    spec = importlib.util.spec_from_file_location(
        "batch_limit", BENCHMARKS / "batch_limit.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("node", "headers"), [("async", True), ("llm", False)])
def test_every_line_is_answered_under_a_limit(
    rt, shared, tmp_path, limited, node, headers
):
    limit = RequestLimit(20, headers=headers)
    rows = 70
    found = limited.run_limited(shared, rt, tmp_path, limit, rows, node)
    shared.connections.delete("limited")
    assert (found.completed, found.failed) == (rows, 0)
    # a call for each line, and not many that were refused while the limit was learnt
    assert len(limit.accepted) == rows
    assert found.refused < rows
    # nothing of it is a burst: 70 calls take more than two seconds
    assert limit.accepted[-1] - limit.accepted[0] > 2.0
