"""Images on their way through a real worker: in as bytes, out as files, shown."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9"
    "awAAAABJRU5ErkJggg=="
)
FLOW = """\
inputs:
  picture: {type: image}
outputs:
  same: {type: image, reference: "${show.output}"}
nodes:
- name: show
  type: python
  source: {type: code, path: show.py}
  inputs: {picture: "${inputs.picture}"}
"""
TOOL = """\
from promptflow.core import tool


@tool
def show(picture):
    return picture
"""


@pytest.fixture
def picture_flow(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "show.py").write_text(TOOL)
    return folder


def test_an_image_of_this_machine_goes_in_and_comes_out(
    shared, rt, picture_flow, tmp_path
):
    file = tmp_path / "elsewhere.png"
    file.write_bytes(PNG)
    first = rt.run(picture_flow, picture=str(file))
    (path,) = first.outputs["same"].values()
    assert Path(path).read_bytes() == PNG
    assert Path(path).parts[-3:-1] == (first.run_id, "output")
    shown = first._repr_mimebundle_()["text/html"]
    assert f"base64,{base64.b64encode(PNG).decode()}" in shown
    again = rt.run(picture_flow, picture=first.outputs["same"])
    assert again.status == "Completed"
    assert shared.runs.get(first.run_id).outputs == first.outputs


def test_an_image_that_is_not_there_fails_the_run(rt, picture_flow):
    result = rt.run(picture_flow, picture="gone.png")
    assert result.error["code"] == "LoadMultimediaDataError"
