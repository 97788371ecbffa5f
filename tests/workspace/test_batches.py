"""Batches through a real runtime: results, failures, resuming, evaluating, limits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from pf_jupyter.errors import (
    AlreadyExists,
    IllegalState,
    NotFound,
    RunCanceled,
    UsageError,
)
from pf_jupyter.workspace.local import LocalWorkspace

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0


@pytest.fixture
def make_flow(tmp_path):
    """Make a flow of one node whose body sees ``x``, with what else is wanted."""

    def make(body, name="flow", inputs="x: {type: string}", more="", **files):
        folder = tmp_path / name
        folder.mkdir()
        reference = "${inputs.x}"
        (folder / "flow.dag.yaml").write_text(
            f"inputs:\n  {inputs}\n"
            "outputs:\n  out: {type: string, reference: '${step.output}'}\n"
            "nodes:\n- name: step\n  type: python\n"
            "  source: {type: code, path: step.py}\n"
            f"  inputs: {{x: '{reference}'}}\n" + more
        )
        source = "import os, time\nfrom promptflow.core import tool\n\n\n@tool\n"
        source += "def step(x):\n" + textwrap.indent(textwrap.dedent(body), "    ")
        (folder / "step.py").write_text(source)
        for file, text in files.items():
            (folder / f"{file}.py").write_text(text)
        return folder

    return make


def outputs_of(run):
    return [json.loads(text) for text in run.outputs_path.read_text().splitlines()]


ROWS = [{"x": str(number)} for number in range(20)]
AGGREGATE = """\
- name: total
  type: python
  source: {type: code, path: total.py}
  inputs: {values: "${step.output}", xs: "${inputs.x}"}
  aggregation: true
"""
TOTAL = """\
from promptflow.core import log_metric, tool


@tool
def total(values, xs):
    log_metric("count", len(values))
    log_metric("last", xs[-1])
    return values
"""


def test_a_batch_gives_outputs_details_and_metrics(rt, make_flow):
    flow = make_flow("return int(x) * 2", more=AGGREGATE, total=TOTAL)
    seen = []
    run = rt.batch(flow, ROWS, on_event=seen.append)
    assert run.status == "Completed"
    assert run.counts == {"total": 20, "completed": 20, "failed": 0, "reused": 0}
    assert outputs_of(run) == [{"line_number": n, "out": n * 2} for n in range(20)]
    assert run.metrics == {"count": 20, "last": "19"}
    assert run.aggregation["total"].output == [n * 2 for n in range(20)]
    assert list(run.outputs["out"]) == [n * 2 for n in range(20)]
    details = run.details
    assert list(details["inputs.x"]) == [row["x"] for row in ROWS]
    assert set(details["status"]) == {"Completed"}
    assert details["nodes.step.duration_ms"].notna().all()
    events = [event["event"] for event in seen]
    assert events[0] == "batch_started"
    assert events[-1] == "batch_progress"
    assert seen[-1]["completed"] == 20
    assert run.system_metrics["__pf__.nodes.step.completed"] == 20
    assert "20 of 20 lines" in run._repr_mimebundle_()["text/html"]


def test_failed_lines_are_told_by_kind_and_can_be_entered(rt, make_flow):
    flow = make_flow("print('got', x)\nreturn 6 // int(x)")
    run = rt.batch(flow, [{"x": "1"}, {"x": "0"}, {"x": "no"}, {"x": "0"}])
    assert run.status == "Completed"
    assert (run.counts["completed"], run.counts["failed"]) == (1, 3)
    kinds = {kind["kind"]: kind for kind in run.failures}
    assert kinds["ZeroDivisionError"]["count"] == 2
    assert kinds["ZeroDivisionError"]["line_number"] == 1
    assert [line.line_number for line in run.failed()] == [1, 2, 3]
    entered = run.failed()[0].enter()
    assert entered.node == "step"
    assert entered.inputs == {"x": "0"}
    assert "got 0" in entered.logs["stdout"]
    assert entered.error["exception"]["type"] == "ZeroDivisionError"
    entered.inputs["x"] = "2"
    assert entered.run().outputs == {"output": 3}
    assert entered.run_line(x="3").outputs == {"out": 2}
    with pytest.raises(UsageError):
        run.line(0).enter("nothing")
    with pytest.raises(NotFound):
        run.line(4)


def test_what_is_wrong_is_told_before_anything_runs(rt, make_flow, shared):
    flow = make_flow("return x")
    before = len(shared.runs.list())
    with pytest.raises(UsageError) as caught:
        rt.batch(flow, ROWS, mapping={"x": "${data.y}"})
    assert caught.value.code == "ApplyInputMappingError"
    with pytest.raises(UsageError):
        rt.batch(flow, ROWS, workers=0)
    with pytest.raises(UsageError):
        rt.batch(flow)
    assert len(shared.runs.list()) == before
    assert [
        p for p in (shared.home / "runs").iterdir() if not (p / "batch.json").exists()
    ] == []


def test_an_evaluation_maps_outputs_and_data_of_another_run(rt, make_flow):
    first = rt.batch(
        make_flow("return 6 // int(x)"), [{"x": "1"}, {"x": "0"}, {"x": "3"}]
    )
    judge = make_flow("return x", name="judge", inputs="x: {type: object}")
    run = rt.batch(judge, mapping={"x": "${run.outputs.out}"}, source_run=first)
    assert outputs_of(run) == [
        {"line_number": 0, "out": 6},
        {"line_number": 2, "out": 2},
    ]
    assert run.source_run == first.run_id
    run = rt.batch(
        judge,
        mapping={"x": "${run.inputs.x}"},
        source_run=first,
    )
    assert [row["out"] for row in outputs_of(run)] == [1, 3]


def test_resume_from_takes_over_what_was_completed(rt, make_flow, tmp_path):
    mark = tmp_path / "mended"
    ran = tmp_path / "ran"
    body = f"""\
    open({str(ran)!r}, 'a').write(x + ' ')
    if x in ('3', '7') and not os.path.exists({str(mark)!r}):
        raise ValueError(x)
    return x
    """
    flow = make_flow(body, more=AGGREGATE, total=TOTAL)
    first = rt.batch(flow, ROWS)
    assert first.counts["failed"] == 2
    assert first.metrics["count"] == 18
    mark.touch()
    ran.unlink()
    second = rt.batch(resume_from=first)
    assert second.run_id != first.run_id
    assert second.counts == {"total": 20, "completed": 20, "failed": 0, "reused": 18}
    assert sorted(ran.read_text().split()) == ["3", "7"]
    assert second.metrics["count"] == 20
    assert [row["out"] for row in outputs_of(second)] == [row["x"] for row in ROWS]
    assert second.line(0).reused == first.run_id
    assert second.changed == []
    (flow / "step.py").write_text((flow / "step.py").read_text() + "# changed\n")
    third = rt.batch(resume_from=first.run_id)
    assert third.changed == ["the flow's files have changed since"]


def test_failed_lines_alone_can_be_run_again(rt, make_flow, tmp_path):
    mark = tmp_path / "mended"
    body = f"""\
    if x == '3' and not os.path.exists({str(mark)!r}):
        raise ValueError(x)
    return x
    """
    run = rt.batch(make_flow(body), ROWS)
    with pytest.raises(IllegalState):
        run.resume()
    mark.touch()
    again = run.resume(failed=True)
    assert again.run_id == run.run_id
    assert again.counts == {"total": 20, "completed": 20, "failed": 0, "reused": 0}
    assert len(outputs_of(again)) == 20


def test_a_batch_that_is_stopped_can_go_on(rt, make_flow, tmp_path, shared):
    mark = tmp_path / "go"
    body = f"""\
    while int(x) > 4 and not os.path.exists({str(mark)!r}):
        time.sleep(0.01)
    return x
    """
    begun = threading.Event()
    ids = []

    def listen(event):
        ids.append(event["run_id"])
        if event["event"] == "batch_progress" and event["completed"] >= 5:
            begun.set()

    flow = make_flow(body)
    result = []
    thread = threading.Thread(
        target=lambda: result.append(rt.batch(flow, ROWS, on_event=listen))
    )
    thread.start()
    assert begun.wait(PATIENCE)
    shown = shared.runs.batch(ids[0])
    assert shown.status == "Running"
    with pytest.raises(IllegalState):
        shown.resume()
    with pytest.raises(IllegalState):
        shared.runs.delete(ids[0])
    shared.runs.cancel(ids[0])
    thread.join(PATIENCE)
    (run,) = result
    assert run.status == "Canceled"
    assert run.counts["completed"] == 5
    assert len(outputs_of(run)) == 5
    with pytest.raises(RunCanceled):
        run.raise_for_status()
    mark.touch()
    done = run.resume()
    assert done.status == "Completed"
    assert done.counts["completed"] == 20
    assert [row["out"] for row in outputs_of(done)] == [row["x"] for row in ROWS]


def test_limits_end_the_code(rt, make_flow):
    flow = make_flow("time.sleep(600 if x == '1' else 0)\nreturn x")
    run = rt.batch(flow, ROWS[:3], line_timeout=1.0)
    assert run.status == "Completed"
    assert run.failed()[0].error["code"] == "LineExecutionTimeoutError"
    assert [row["line_number"] for row in outputs_of(run)] == [0, 2]
    run = rt.batch(flow, ROWS[:3], batch_timeout=1.5)
    assert (run.status, run.error["code"]) == ("Failed", "BatchRunTimeoutError")
    assert 1 not in {line.line_number for line in run.lines()}


def test_a_flow_that_does_not_load_fails_as_a_whole(rt, make_flow):
    flow = make_flow("return x")
    (flow / "step.py").write_text("import nothing_like_this\n")
    run = rt.batch(flow, ROWS)
    assert run.status == "Failed"
    assert run.error["code"] == "PythonLoadError"
    assert run.counts["completed"] == 0
    assert outputs_of(run) == []


def test_records_are_listed_archived_exported_and_deleted(
    rt, make_flow, shared, tmp_path
):
    run = rt.batch(
        make_flow("print('p')\nreturn 4 // int(x)"),
        [{"x": "2"}, {"x": "0"}],
        name="two",
        description="half of it",
        tags={"team": "a"},
    )
    listed = {item["run_id"]: item for item in shared.runs.list()}
    assert listed[run.run_id]["lines"]["failed"] == 1
    assert listed[run.run_id]["mode"] == "batch"
    shared.runs.archive(run.run_id)
    assert run.run_id not in {item["run_id"] for item in shared.runs.list()}
    shared.runs.restore(run.run_id)
    again = shared.runs.get(run.run_id)
    assert (again.name, again.tags) == ("two", {"team": "a"})
    place = shared.runs.export(run.run_id, tmp_path / "out")
    # the public tool registers a run by these: pf run create --source FOLDER
    known = json.loads((place / "run_metadata.json").read_text())
    assert known["description"] == again.description == "half of it"
    assert known["name"] == run.run_id
    assert known["created_on"] <= known["start_time"] <= known["end_time"]
    line = json.loads((place / "flow_artifacts/000000001_000000001.jsonl").read_text())
    assert line["run_info"]["status"] == "Failed"
    assert line["run_info"]["error"]["code"] == "UserError"
    node = json.loads((place / "node_artifacts/step/000000000.jsonl").read_text())
    assert node["run_info"]["output"] == 2
    assert node["run_info"]["logs"]["stdout"].endswith("p\n")
    assert (place / "snapshot" / "flow.dag.yaml").is_file()
    assert (place / "flow_outputs" / "output.jsonl").is_file()
    with pytest.raises(AlreadyExists):
        shared.runs.export(run.run_id, tmp_path / "out")
    kept = run.outputs_path
    shared.runs.delete(run.run_id)
    with pytest.raises(NotFound):
        shared.runs.get(run.run_id)
    assert not kept.exists()


def test_classes_are_made_once_in_a_process_and_aggregate(rt, tmp_path):
    folder = tmp_path / "flex"
    folder.mkdir()
    (folder / "flow.flex.yaml").write_text("entry: code:Judge\n")
    (folder / "code.py").write_text(
        textwrap.dedent(
            """\
            class Judge:
                def __init__(self, factor: int = 2):
                    self.factor = factor

                def __call__(self, x: int):
                    return x * self.factor

                def __aggregate__(self, results: list) -> dict:
                    return {"sum": sum(results)}
            """
        )
    )
    rows = [{"x": n} for n in range(5)]
    run = rt.batch(folder, rows, mapping={"x": "${data.x}"}, init={"factor": 3})
    assert run.metrics == {"sum": 30}
    assert [row["output"] for row in outputs_of(run)] == [0, 3, 6, 9, 12]


HOST = """\
import sys
sys.path.insert(0, {root!r})
from pf_jupyter.workspace.local import LocalWorkspace
from pathlib import Path
workspace = LocalWorkspace(Path({home!r}))
Path({home!r}, "started").touch()
run = workspace.runtimes.get("demo").batch({flow!r}, {data!r})
print(run.status)
"""


def test_a_killed_host_loses_no_line_and_none_is_run_twice(make_flow, tmp_path):
    home = tmp_path / "home"
    ran = tmp_path / "ran"
    body = f"""\
    time.sleep(0.002)
    with open({str(ran)!r}, 'a') as file:
        file.write(x + '\\n')
    return x
    """
    flow = make_flow(body)
    data = tmp_path / "rows.jsonl"
    count = 3000
    data.write_text("".join(json.dumps({"x": str(n)}) + "\n" for n in range(count)))
    workspace = LocalWorkspace(home)
    try:
        workspace.runtimes.create("demo", compute="process")
        code = HOST.format(
            root=str(ROOT), home=str(home), flow=str(flow), data=str(data)
        )
        host = subprocess.Popen([sys.executable, "-c", code])
        wait_for(lambda: ran.exists() and ran.stat().st_size > 500)
        host.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
        host.wait()
        (listed,) = workspace.runs.list()
        assert listed["status"] == "Interrupted"
        run = workspace.runs.batch(listed["run_id"])
        kept = {line.line_number for line in run.lines()}
        before = ran.read_text().split()
        assert 0 < len(kept) < count
        done = run.resume()
        assert done.status == "Completed"
        assert done.counts["completed"] == count
        assert [row["line_number"] for row in outputs_of(done)] == list(range(count))
        after = [int(n) for n in ran.read_text().split()[len(before) :]]
        # what had a result was not run again
        assert not kept.intersection(after)
    finally:
        for runtime in workspace.runtimes.list():
            runtime.delete()
        workspace.close()


def test_a_killed_worker_is_replaced_in_the_middle(rt, make_flow, shared, tmp_path):
    mark = tmp_path / "go"
    body = f"""\
    while int(x) > 30 and not os.path.exists({str(mark)!r}):
        time.sleep(0.01)
    return x
    """
    rows = [{"x": str(n)} for n in range(300)]
    killed = []

    def listen(event):
        if event["event"] == "batch_progress" and event["completed"] > 9 and not killed:
            channel = shared.core.life.channels.peek(rt.id)
            processes = channel.request("stats").result(PATIENCE)["processes"]
            killed.append(next(p["pid"] for p in processes if p["kind"] == "control"))
            os.kill(killed[0], 9)
            mark.touch()

    run = rt.batch(make_flow(body), rows, on_event=listen)
    assert killed
    assert run.status == "Completed", run.error
    assert run.counts["completed"] == 300
    assert [row["line_number"] for row in outputs_of(run)] == list(range(300))


def wait_for(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
