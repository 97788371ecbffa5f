"""What ``benchmarks/batch_repeated.py`` counts: ten batches leave nothing behind."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pf_jupyter.workspace.local import LocalWorkspace

pytestmark = pytest.mark.docker

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = 300


@pytest.fixture(scope="module")
def repeated() -> ModuleType:
    """The benchmark's own code."""
    spec = importlib.util.spec_from_file_location(
        "batch_repeated", BENCHMARKS / "batch_repeated.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_ten_batches_leave_no_file_thread_process_or_container(
    repeated: ModuleType, workspace: LocalWorkspace, tmp_path: Path
) -> None:
    runtime = workspace.runtimes.create("repeated")
    _, left = repeated.repeat(workspace, runtime, tmp_path, 10, ROWS)
    assert len(left) == 10
    assert left[-1].beyond(left[0]) == [], (left[0], left[-1])
    assert left[-1].containers == 1
