"""Capture and adoption over HTTP where there are no containers; what is written."""

from __future__ import annotations

import base64

import pytest

from pf_jupyter.errors import AlreadyExists, UsageError
from pf_jupyter.workspace.capture_api import (
    Capture,
    CaptureDifference,
    CapturedPackage,
    LeftOut,
)
from pf_jupyter.workspace.remote_capture import capture_from_json, prepared, written


def ended(server, path, body):
    status, _, begun = server.ask("POST", f"pf/api/{path}", body)
    if status != 202:
        return begun
    return server.done(begun)["error"]


def test_what_has_no_container_is_neither_captured_nor_adopted(server):
    assert ended(server, "runtimes/demo/capture", {"name": "x"})["code"] == "no_images"
    body = {"container": "theirs", "compute": "process"}
    assert ended(server, "adoptions", body)["code"] == "no_containers"


def test_a_kernel_is_told_the_same(server, connect_to, tmp_path):
    runtime = connect_to(server).runtimes.get("demo")
    with pytest.raises(UsageError) as caught:
        runtime.capture("x", to=tmp_path / "x")
    assert caught.value.code == "no_images"
    with pytest.raises(UsageError) as caught:
        connect_to(server).runtimes.adopt("theirs", compute="process")
    assert caught.value.code == "no_containers"


def test_a_capture_comes_back_as_it_was(tmp_path):
    made = Capture(
        runtime="demo",
        name="mine",
        version="2",
        folder=tmp_path,
        image="i",
        digest="sha256:ab",
        base="pf_jupyter/base",
        taken=[CapturedPackage("pip", "a", None, "1")],
        counts={"pip": 1, "dpkg": 0},
        differences=[CaptureDifference("pip", "a", "1", None, "gone")],
        left=[LeftOut("/etc/motd", "no package has it")],
        duration_ms=5.0,
        phases=[("look", 0.5)],
    )
    assert capture_from_json(made.to_dict()) == made


def test_the_files_of_a_server_stay_in_the_folder(tmp_path):
    folder = prepared("mine", tmp_path / "mine")
    text = base64.b64encode(b"FROM x\n").decode()
    written(folder, {"image_build/Dockerfile": text})
    assert (folder / "image_build" / "Dockerfile").read_bytes() == b"FROM x\n"
    with pytest.raises(UsageError):
        written(folder, {"../outside": text})
    assert not (tmp_path / "outside").exists()
    with pytest.raises(AlreadyExists):
        prepared("mine", folder)
    with pytest.raises(UsageError):
        prepared("default", tmp_path / "new")
