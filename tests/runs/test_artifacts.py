"""Images are sent as bytes and kept beside the run, under names of ours alone."""

from __future__ import annotations

import base64
import stat
import sys

import pytest

from pf_jupyter.flow.model import Flow, FlowInput
from pf_jupyter.runs import artifacts
from pf_jupyter.workspace.pictures import pictures

NAME = ".promptflow/output/3a1d1450-1946-4f73-8410-9effbbfa3c4f.png"
PNG = base64.b64decode("iVBORw0KGgo=")
DATA = base64.b64encode(PNG).decode()


def result(**files):
    return {
        "status": "Completed",
        "outputs": {"a": {"data:image/png;path": NAME}, "b": [NAME + "x", 1]},
        "artifacts": files,
    }


def test_images_are_written_beside_the_run_and_named_by_full_path(tmp_path):
    kept = artifacts.keep(tmp_path, "run-1", result(**{NAME: DATA}))
    place = tmp_path / "runs" / "run-1" / "output" / NAME.rpartition("/")[2]
    assert place.read_bytes() == PNG
    assert kept["outputs"] == {
        "a": {"data:image/png;path": str(place)},
        "b": [NAME + "x", 1],
    }
    assert kept["artifacts"] == [str(place)]
    if sys.platform != "win32":
        assert not stat.S_IMODE(place.parent.stat().st_mode) & 0o077


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../x.png",
        ".promptflow/output/../../x.png",
        NAME + "/../../../x",
        ".promptflow/other/3a1d1450-1946-4f73-8410-9effbbfa3c4f.png",
    ],
)
def test_a_runtime_cannot_choose_where_files_go(tmp_path, name):
    kept = artifacts.keep(tmp_path, "run-1", result(**{name: DATA}))
    assert kept["artifacts"] == []
    assert not list(tmp_path.rglob("*.*"))


@pytest.mark.parametrize("odd", [["x"], "x", {NAME: "!"}])
def test_odd_artifacts_cost_nothing_but_themselves(tmp_path, odd):
    kept = artifacts.keep(tmp_path, "r", {**result(), "artifacts": odd})
    assert kept["status"] == "Completed"
    assert kept["artifacts"] in ([], kept["artifacts"])
    assert isinstance(kept["artifacts"], list)


def test_a_result_without_images_is_left_as_it_is(tmp_path):
    value = {"outputs": {}}
    assert artifacts.keep(tmp_path, "r", value) is value


@pytest.fixture
def flow():
    kinds = {"i": "image", "l": "list", "o": "object", "s": "string"}
    return Flow("f", {name: FlowInput(name, kind) for name, kind in kinds.items()})


def test_images_of_this_machine_are_sent_as_bytes(flow, tmp_path):
    file = tmp_path / "p.png"
    file.write_bytes(PNG)
    path = {"data:image/png;path": str(file)}
    vision = {"type": "image_file", "image_file": {"path": str(file)}}
    sent = artifacts.with_bytes(
        flow, {"i": str(file), "l": [path, str(file)], "o": {"k": vision}, "s": path}
    )
    assert sent == {
        "i": DATA,
        "l": [{"data:image/png;base64": DATA}, str(file)],
        "o": {
            "k": {
                "type": "image_url",
                "image_url": {"url": f"data:image/png;base64,{DATA}"},
            }
        },
        "s": path,
    }


def test_relative_paths_count_from_the_data_file_or_are_left_to_the_run(flow, tmp_path):
    (tmp_path / "p.png").write_bytes(PNG)
    given = {"i": "p.png", "l": [{"data:image/*;path": "p.png"}]}
    assert artifacts.with_bytes(flow, given) == given
    assert artifacts.with_bytes(flow, given, tmp_path) == {
        "i": DATA,
        "l": [{"data:image/*;base64": DATA}],
    }


@pytest.mark.parametrize("value", ["", None, 5, "a\0b", "x" * 5000, {"data:": 1}, []])
def test_what_is_no_file_is_sent_as_it_is(flow, tmp_path, value):
    assert artifacts.with_bytes(flow, {"i": value}, tmp_path) == {"i": value}


def test_only_files_of_the_run_are_shown(tmp_path):
    file = tmp_path / "p.png"
    file.write_bytes(PNG)
    value = {"k": [{"data:image/png;path": str(file)}]}
    shown = f'<img src="data:image/png;base64,{DATA}" alt="image/png">'
    assert pictures(value, [str(file)]) == shown
    vision = {"type": "image_file", "image_file": {"path": str(file)}}
    assert pictures([vision, "x"], {str(file)}) == shown
    assert pictures(value, ["/other"]) == ""
    evil = {'data:image/png" onerror="x;path': str(file)}
    assert pictures(evil, [str(file)]) == ""
    file.unlink()
    assert pictures(value, [str(file)]) == ""
    file.write_bytes(b"x" * 600_000)
    assert pictures(value, [str(file)]) == ""
    assert pictures([value] * 20, ["/other"]) == ""
