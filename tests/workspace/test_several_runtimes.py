"""One batch in several runtimes: shared out, proven equal, one of them lost."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from pf_jupyter.errors import NotFound, UsageError
from pf_jupyter.workspace.local import LocalWorkspace

from .spread import PATIENCE, expected, flow_and_rows, outputs_of, wait_for

STEP = """\
import os, pathlib, time
from promptflow.core import tool
{top}

def texts(begun):
    return [text.split() for text in begun.read_text().splitlines()]


@tool
def step(x: int, place: str):
    place = pathlib.Path(place)
    with open(place / "begun", "a") as begun:
        begun.write(f"{{x}} {{os.getppid()}}\\n")
    {body}
    return x * 2
"""


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A workspace with three runtimes."""
    made = LocalWorkspace(tmp_path_factory.mktemp("three") / "home")
    for name in ("a", "b", "c"):
        made.runtimes.create(name, compute="process")
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


@pytest.fixture
def make(tmp_path):
    """Make a flow and its rows."""

    def make(body="", top="", rows=200):
        return flow_and_rows(tmp_path, STEP.format(body=body, top=top), rows)

    return make


def test_lines_are_shared_out_and_the_results_are_those_of_one(three, make):
    # the first lines wait until all three have begun some
    body = "begun = place / 'begun'\n    names = lambda: {t[1] for t in texts(begun)}\n"
    body += "    while x < 64 and len(names()) < 3: time.sleep(0.02)\n"
    # and the last ones until a rate was told
    body += "    while x >= 390 and not (place / 'rated').exists(): time.sleep(0.02)"
    flow, rows = make(body, rows=400)
    seen = []

    def listen(event):
        seen.append(event)
        if any(place["rate"] for place in event.get("runtimes", ())):
            (flow.parent / "rated").touch()

    run = three.batch(flow, rows, runtimes=["a", "b", "c"], on_event=listen)
    assert run.status == "Completed", run.error
    assert outputs_of(run) == expected(400)
    assert run.metrics == {"sum": sum(n * 2 for n in range(400))}
    assert [place["name"] for place in run.runtimes] == ["a", "b", "c"]
    assert all(place["lines"] for place in run.runtimes), run.runtimes
    assert sum(place["lines"] for place in run.runtimes) == 400
    rates = [e["runtimes"] for e in seen if e["event"] == "batch_progress"]
    assert any(place["rate"] for places in rates for place in places)
    compared = run.record.document["environments"]
    assert compared["same"] is True
    assert len(set(compared["digests"].values())) == 1
    begun = (flow.parent / "begun").read_text().splitlines()
    assert sorted(int(text.split()[0]) for text in begun) == list(range(400))
    page = run._repr_mimebundle_()["text/html"]
    assert "<td" in page
    assert ">b<" in page.replace(" ", "")


def test_what_a_lost_runtime_had_goes_to_the_others(three, make):
    body = "while not (place / 'go').exists(): time.sleep(0.02)"
    flow, rows = make(body, rows=120)
    place = flow.parent
    lost = three.runtimes.get("b")
    seen = []

    def lose():
        channel = three.core.life.channels.peek(lost.id)
        pids = {
            process["pid"]
            for process in channel.request("stats").result(PATIENCE)["processes"]
        }
        wait_for(lambda: (place / "begun").exists() and pids & parents(place))
        control = channel.handshake()["pid"]
        os.kill(control, signal.SIGKILL)
        wait_for(lambda: not channel.alive)
        (place / "go").touch()

    thread = threading.Thread(target=lose)

    def listen(event):
        seen.append(event)
        if event["event"] == "batch_started":
            wait_for(lambda: three.core.life.channels.peek(lost.id) is not None)
            thread.start()

    lost.run(flow, x=-1, place=str(place / "nowhere"))
    run = three.batch(flow, rows, runtimes=["a", "b"], on_event=listen)
    thread.join(PATIENCE)
    assert run.status == "Completed", run.error
    assert outputs_of(run) == expected(120)
    notes = [event["text"] for event in seen if event["event"] == "batch_note"]
    assert any("of its lines go to" in note for note in notes), notes
    lines = run._folder.journal.read_text().splitlines()
    numbers = [json.loads(line)["line_number"] for line in lines]
    assert sorted(numbers) == list(range(120))


def parents(place):
    texts = (place / "begun").read_text().splitlines()
    return {int(text.split()[1]) for text in texts if text.count(" ")}


def test_where_the_flow_does_not_load_the_others_go_on(three, make):
    top = (
        "mark = pathlib.Path({place!r}) / 'first'\n"
        "try:\n    mark.touch(exist_ok=False)\n"
        "except FileExistsError:\n    pass\n"
        "else:\n    raise RuntimeError('not here')\n"
    )
    flow, rows = make(rows=50)
    source = (flow / "step.py").read_text()
    top = top.format(place=str(flow.parent))
    (flow / "step.py").write_text(source.replace("\n@tool", f"\n{top}\n\n@tool", 1))
    seen = []
    run = three.batch(flow, rows, runtimes="a,c", on_event=seen.append)
    assert run.status == "Completed", run.error
    assert outputs_of(run) == expected(50)
    notes = [event["text"] for event in seen if event["event"] == "batch_note"]
    assert any("cannot run the flow" in n and "not here" in n for n in notes), notes
    assert sorted(place["state"] for place in run.runtimes) == ["lost", "working"]


def test_a_run_in_several_runtimes_is_taken_up_in_them(three, make):
    body = "assert x != 3 or (place / 'go').exists()"
    flow, rows = make(body, rows=20)
    run = three.batch(flow, rows, runtimes=["a", "b"], workers=2)
    assert run.counts["failed"] == 1
    (flow.parent / "go").touch()
    again = run.resume(failed=True)
    assert again.counts == {"total": 20, "completed": 20, "failed": 0, "reused": 0}
    assert {place["name"] for place in again.runtimes} == {"a", "b"}
    anew = three.batch(resume_from=run, runtimes=["c", "a"])
    assert anew.counts["reused"] == 20


def test_names_that_are_none_are_refused(three, make):
    flow, rows = make()
    with pytest.raises(UsageError):
        three.batch(flow, rows, runtimes=[])
    with pytest.raises(NotFound):
        three.batch(flow, rows, runtimes=["a", "nothing"])
    assert three.runs.list(limit=1)[0]["status"] != "Running"
