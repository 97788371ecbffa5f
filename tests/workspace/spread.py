"""A batch whose lines are spread over several places, and what must come of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 60.0
FLOW = """\
inputs:
  x: {type: int}
  place: {type: string}
outputs:
  out: {type: string, reference: '${step.output}'}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {x: '${inputs.x}', place: '${inputs.place}'}
- name: total
  type: python
  source: {type: code, path: total.py}
  inputs: {values: '${step.output}'}
  aggregation: true
"""
_TOTAL = """\
from promptflow.core import log_metric, tool

@tool
def total(values):
    log_metric("sum", sum(values))
"""


def flow_and_rows(
    place: Path, step: str, rows: int
) -> tuple[Path, list[dict[str, Any]]]:
    """Write a flow whose node doubles ``x``; return it with so many rows."""
    folder = place / "flow"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "step.py").write_text(step)
    (folder / "total.py").write_text(_TOTAL)
    return folder, [{"x": number, "place": str(place)} for number in range(rows)]


def outputs_of(run: Any) -> list[Any]:
    """Return the lines of a run's outputs."""
    return [json.loads(text) for text in run.outputs_path.read_text().splitlines()]


def expected(rows: int) -> list[Any]:
    """Return what they must be."""
    return [{"line_number": number, "out": number * 2} for number in range(rows)]


def wait_for(what: Callable[[], Any]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)
