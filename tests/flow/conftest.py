"""Flows for the tests of this room."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TOOL = """\
from promptflow.core import tool


@tool
def run(text: str) -> str:
    return text
"""

GOOD = """\
inputs:
  text:
    type: string
    default: hi
outputs:
  answer:
    type: string
    reference: ${report.output}
nodes:
- name: summarise
  type: python
  source: {type: code, path: summarise.py}
  inputs:
    text: ${inputs.text}
- name: report
  type: prompt
  source: {type: code, path: report.jinja2}
  inputs:
    text: ${summarise.output}
"""

FILES = {"summarise.py": TOOL, "report.jinja2": "Say {{ text }}\n"}


WriteFlow = Callable[..., Path]


@pytest.fixture(scope="session")
def good() -> str:
    """Return the text of a flow file without a problem."""
    return GOOD


@pytest.fixture
def write_flow(tmp_path: Path) -> WriteFlow:
    """Write a flow folder and return it.

    It takes the flow file's text (the good one by default), and with ``files`` more
    files by path; None takes one of the good flow's files away.
    """

    def write(
        text: str | bytes = GOOD, files: dict[str, str | bytes | None] | None = None
    ) -> Path:
        folder = tmp_path / "my-flow"
        for name, data in {**FILES, "flow.dag.yaml": text, **(files or {})}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.write_bytes(data.encode() if isinstance(data, str) else data)
        return folder

    return write
