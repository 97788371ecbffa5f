"""What ``benchmarks/batch_kills.py`` does with a million rows, with a few thousand."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = pytest.mark.docker

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = 30_000


@pytest.fixture(scope="module")
def kills() -> ModuleType:
    """The benchmark's own code."""
    spec = importlib.util.spec_from_file_location(
        "batch_kills", BENCHMARKS / "batch_kills.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # its dataclasses look their module up
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_whatever_is_killed_every_row_has_one_result(
    kills: ModuleType, tmp_path: Path
) -> None:
    data = tmp_path / "rows.jsonl"
    kills.write_rows(data, ROWS)
    with kills.own_engine(tmp_path / "kills") as place:
        with place.workspace() as workspace:
            workspace.runtimes.create(kills.RUNTIME, compute="docker")
        kinds = ["executor", "container", "host", "engine", "worker"]
        report = kills.run_kills(place, data, ROWS, kinds, seed=5)
    assert [kill.kind for kill in report.kills] == kinds
    assert (report.completed, report.failed) == (ROWS, 0)
    assert (report.repeated, report.wrong) == (0, 0)
    # all but the host's end are survived by the batch itself
    assert report.resumes == 1, report
