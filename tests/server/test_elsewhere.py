"""A server on another machine: it sees no file of those who ask it."""

from __future__ import annotations

import json

import pytest

from pf_jupyter.errors import AlreadyExists, UsageError
from pf_jupyter.workspace import remote_batch_run
from pf_jupyter.workspace.remote_files import SentFile, SentFolder
from pf_jupyter.workspace.remote_flows import SentFlow

FLOW = """\
inputs: {x: {type: string}}
outputs: {out: {type: string, reference: '${step.output}'}}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {x: '${inputs.x}'}
"""
CODE = """\
from promptflow.core import tool


@tool
def step(x):
    if x == "no":
        raise ValueError("no")
    return x.upper()
"""


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch):
    """Everything is called by a path that the server does not see."""

    def away(kind):
        seen = kind.reference

        def reference(self):
            named = seen(self)
            return {**named, "path": "/nowhere/on"} if "path" in named else named

        monkeypatch.setattr(kind, "reference", reference)

    for kind in (SentFlow, SentFile, SentFolder):
        away(kind)
    monkeypatch.setattr(remote_batch_run, "outputs_seen", lambda place: None)


@pytest.fixture
def upper(tmp_path):
    folder = tmp_path / "upper"
    folder.mkdir()
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "step.py").write_text(CODE)
    return folder


@pytest.fixture
def rt(server, connect_to):
    return connect_to(server).runtimes.get("demo")


def rows(*texts):
    return "".join(json.dumps({"x": text}) + "\n" for text in texts)


def test_data_goes_there_and_outputs_come_back(server, rt, upper, tmp_path, home):
    data = tmp_path / "rows.jsonl"
    data.write_text(rows("a", "no", "c"))
    run = rt.batch(upper, data)
    assert run.counts == {"total": 3, "completed": 2, "failed": 1, "reused": 0}
    assert run.outputs_path.is_relative_to(home)
    assert not run.outputs_path.is_relative_to(server.home)
    found = [json.loads(line) for line in run.outputs_path.read_text().splitlines()]
    assert found == [{"line_number": 0, "out": "A"}, {"line_number": 2, "out": "C"}]
    entered = run.failed()[0].enter()
    assert entered.run(x="d").outputs == {"output": "D"}
    # the flow's files stay there, and it is said how to get them
    with pytest.raises(UsageError, match="kept by a server") as caught:
        run.kept_flow()
    assert "export" in caught.value.hint
    assert run.chosen() == {}
    # the server has kept the rows: it goes on without those who gave them
    data.unlink()
    assert rt.batch(resume_from=run).counts["reused"] == 2


def test_a_folder_of_data_and_rows_of_memory(rt, upper, tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "1.jsonl").write_text(rows("a"))
    (folder / "2.csv").write_text("x\nb\n")
    assert list(rt.batch(upper, folder).outputs["out"]) == ["A", "B"]
    many = [{"x": f"r{n}"} for n in range(10_050)]  # more than travel in the request
    run = rt.batch(upper, iter(many))
    assert run.counts["completed"] == 10_050
    assert run.line(10_049).outputs == {"out": "R10049"}


def test_pieces_make_the_whole(rt, upper, tmp_path, monkeypatch):
    from pf_jupyter.workspace import remote_files

    monkeypatch.setattr(remote_files, "PIECE_BYTES", 100)
    data = tmp_path / "pieces.jsonl"
    data.write_text(rows(*(f"row {n}" for n in range(50))))
    assert rt.batch(upper, data).counts["completed"] == 50


def test_an_answer_that_is_cut_is_taken_up_where_it_was(
    rt, upper, tmp_path, monkeypatch
):
    data = tmp_path / "cut.jsonl"
    data.write_text(rows(*(f"row {n}" for n in range(3000))))
    run = rt.batch(upper, data)
    client = run._client
    whole = client.content

    def cut(*given, **options):
        for piece in whole(*given, **options):
            if len(piece) > 1000:
                yield piece[: len(piece) // 2]
                raise ConnectionError("cut")
            yield piece

    monkeypatch.setattr(client, "content", cut)
    assert [line.line_number for line in run.lines()] == list(range(3000))
    assert len(run.outputs_path.read_text().splitlines()) == 3000


def test_a_run_is_written_where_it_is_asked_for(rt, upper, tmp_path, server):
    run = rt.batch(upper, [{"x": "a"}])
    place = rt._workspace.runs.export(run.run_id, tmp_path / "out")
    line = json.loads((place / "flow_outputs" / "output.jsonl").read_text())
    assert line == {"line_number": 0, "out": "A"}
    assert (place / "snapshot" / "flow.dag.yaml").is_file()
    with pytest.raises(AlreadyExists):
        rt._workspace.runs.export(run.run_id, place)
    assert list((server.home / "server" / "files" / "made").iterdir()) == []


def test_what_is_wrong_with_an_environment_is_told_on_this_side(rt, tmp_path):
    folder = tmp_path / "env"
    folder.mkdir()
    (folder / "environment.yaml").write_text("name: [no]\nbuild: {path: nothing}\n")
    with pytest.raises(UsageError) as caught:
        rt._workspace.environments.build(folder)
    assert caught.value.details["problems"]


def test_pictures_of_this_machine_go_along(rt, tmp_path):
    flow = tmp_path / "size"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(
        "inputs: {picture: {type: image}}\n"
        "outputs: {out: {type: int, reference: '${size.output}'}}\n"
        "nodes:\n- name: size\n  type: python\n"
        "  source: {type: code, path: size.py}\n"
        "  inputs: {picture: '${inputs.picture}'}\n"
    )
    (flow / "size.py").write_text(
        "from promptflow.core import tool\nfrom promptflow.contracts.multimedia "
        "import Image\n\n\n@tool\ndef size(picture: Image):\n    return len(picture)\n"
    )
    picture = tmp_path / "dot.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    data = tmp_path / "rows.jsonl"
    data.write_text(json.dumps({"picture": {"data:image/png;path": "dot.png"}}) + "\n")
    run = rt.batch(flow, data)
    assert run.failed() == []
    assert list(run.outputs["out"]) == [58]
    single = rt.run(flow, picture={"data:image/png;path": str(picture)})
    assert single.outputs == {"out": 58}
