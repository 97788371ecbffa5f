"""Batches on a Dask cluster: equal, resumed, one worker lost, versions and secrets."""

from __future__ import annotations

import json
import os
import shutil
import signal
import threading

import pytest

from pf_jupyter.errors import IllegalState, RunCanceled, Unreachable, UsageError
from pf_jupyter.workspace.local import LocalWorkspace

from ..engines.daemon import make_authority, make_certificate
from .dask_cluster import OTHER_VERSION, running_cluster
from .spread import FLOW, PATIENCE, expected, flow_and_rows, outputs_of, wait_for

STEP = """\
import os, pathlib, time
from promptflow.core import tool

@tool
def step(x: int, place: str):
    place = pathlib.Path(place)
    with open(place / "begun", "a") as begun:
        begun.write(f"{{x}} {{os.getpid()}}\\n")
    {body}
    return x * 2
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("dask"), 2) as made:
        yield made


@pytest.fixture(scope="module")
def rt(tmp_path_factory):
    made = LocalWorkspace(tmp_path_factory.mktemp("dask") / "home")
    yield made.runtimes.create("a", compute="process")
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


@pytest.fixture
def make(tmp_path):
    """Make a flow and its rows."""

    def make(body="", rows=60):
        return flow_and_rows(tmp_path, STEP.format(body=body), rows)

    return make


def begun(place):
    file = place / "begun"
    if not file.exists():
        return []
    return [tuple(map(int, text.split())) for text in file.read_text().splitlines()]


def address(cluster):
    return cluster.address.replace("tcp://", "dask://")


def test_a_cluster_gives_what_the_runtime_gives(rt, cluster, make):
    body = "os._exit(3) if x == 7 else None\n    assert x != 5, 'five'"
    flow, rows = make(body)
    here = rt.batch(flow, rows)
    seen = []
    run = rt.batch(flow, rows, on=address(cluster), on_event=seen.append)
    assert run.status == "Completed", run.error
    assert outputs_of(run) == outputs_of(here)
    assert run.counts == here.counts == {**here.counts, "completed": 58, "failed": 2}
    assert run.metrics == here.metrics
    failures = [
        [(f["kind"], f["line_number"]) for f in r.failures] for r in (run, here)
    ]
    assert sorted(failures[0]) == sorted(failures[1])
    assert (run.cluster["workers"], run.cluster["threads"]) == (2, 2)
    facts = next(event for event in seen if event["event"] == "batch_cluster")
    assert facts["versions"]["distributed"]
    # every line has run once but those that shared a process with the one that ended
    assert run.failed()[0].enter().inputs["x"] in (5, 7)
    wait_for(lambda: not any(alive(pid) for _x, pid in begun(flow.parent)))


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_lost_worker_costs_nothing_but_time(rt, cluster, make):
    body = "while not (place / 'go').exists(): time.sleep(0.05)"
    flow, rows = make(body, rows=24)
    third = cluster.worker()
    cluster.wait(3)
    notes = []

    def lose():
        wait_for(lambda: len({pid for _x, pid in begun(flow.parent)}) >= 3)
        cluster.kill(third)
        wait_for(lambda: any("lost" in note for note in notes))
        (flow.parent / "go").touch()

    def listen(event):
        if event["event"] == "batch_note":
            notes.append(event["text"])
        elif event["event"] == "batch_cluster":
            assert event["workers"] == 3
            thread.start()

    thread = threading.Thread(target=lose)
    run = rt.batch(flow, rows, on=address(cluster), on_event=listen)
    thread.join(PATIENCE)
    assert run.status == "Completed", run.error
    assert outputs_of(run) == expected(24)
    journal = (run.outputs_path.parents[1] / "journal.jsonl").read_text().splitlines()
    numbers = [json.loads(line)["line_number"] for line in journal]
    assert sorted(numbers) == list(range(24))


def test_a_canceled_batch_ends_its_code_and_goes_on_later(rt, cluster, make):
    body = "while x >= 4 and not (place / 'go').exists(): time.sleep(0.05)"
    flow, rows = make(body, rows=20)
    runs = rt._workspace.runs

    def listen(event):
        far = event["event"] == "batch_progress" and event["completed"] >= 4
        if far and any(x >= 4 for x, _pid in begun(flow.parent)):
            runs.cancel(event["run_id"])

    run = rt.batch(flow, rows, on=address(cluster), on_event=listen)
    assert run.status == "Canceled"
    assert 4 <= run.counts["completed"] < 20
    with pytest.raises(RunCanceled):
        run.raise_for_status()
    wait_for(lambda: not any(alive(pid) for _x, pid in begun(flow.parent)))
    (flow.parent / "go").touch()
    done = run.counts["completed"]
    before = len(begun(flow.parent))
    again = run.resume()
    assert again.status == "Completed", again.error
    assert outputs_of(again) == expected(20)
    assert len(begun(flow.parent)) - before == 20 - done


def test_a_client_that_is_killed_leaves_nothing_running(rt, cluster, make):
    body = "while not (place / 'go').exists(): time.sleep(0.05)"
    flow, rows = make(body, rows=6)
    lost = []

    def kill():
        wait_for(lambda: begun(flow.parent))
        place = rt._workspace.core.batches._active
        batch = next(iter(place.values()))
        lost.append(batch._made.cluster._channel.handshake()["pid"])
        os.kill(lost[0], signal.SIGKILL)
        first = {pid for _x, pid in begun(flow.parent)}
        wait_for(lambda: not any(alive(pid) for pid in first))
        (flow.parent / "go").touch()

    thread = threading.Thread(target=kill)
    thread.start()
    run = rt.batch(flow, rows, on=address(cluster))
    thread.join(PATIENCE)
    assert lost
    assert run.status == "Completed", run.error
    assert outputs_of(run) == expected(6)


def test_another_version_is_refused_with_both_named(rt, cluster, make):
    flow, rows = make()
    import distributed

    other = cluster.worker(other=True)
    cluster.wait(3)
    before = len(rt._workspace.runs.list())
    try:
        with pytest.raises(IllegalState) as caught:
            rt.batch(flow, rows, on=address(cluster))
    finally:
        cluster.kill(other)
    error = caught.value
    assert error.code == "dask_version_mismatch"
    assert OTHER_VERSION in error.message
    assert distributed.__version__ in error.message
    assert len(rt._workspace.runs.list()) == before
    assert begun(flow.parent) == []


def test_what_is_no_cluster_is_refused(rt, make):
    flow, rows = make()
    for wrong in ("nonsense", "http://x:1", "tls://x:1?ca=a", 5):
        with pytest.raises(UsageError) as caught:
            rt.batch(flow, rows, on=wrong)
        assert caught.value.code == "bad_cluster"
    with pytest.raises(UsageError):
        rt.batch(flow, rows, on="tls://127.0.0.1:1?ca=/no&cert=/no&key=/no")
    with pytest.raises(Unreachable) as unreached:
        rt.batch(flow, rows, on="dask://127.0.0.1:1")
    assert unreached.value.code == "dask_unreachable"
    with pytest.raises(UsageError):
        rt.batch(flow, rows, on="dask://127.0.0.1:1", runtimes=["a"])


def test_a_client_of_this_process_will_do(rt, cluster, make):
    from distributed import Client

    flow, rows = make()
    with Client(cluster.address, set_as_default=False) as client:
        run = rt.batch(flow, rows, on=client)
        assert run.status == "Completed", run.error
        assert outputs_of(run) == expected(60)
        assert client.status == "running"


@pytest.mark.long
def test_over_tls_with_certificates_of_one_s_own(rt, make, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("certificates are made with openssl")
    folder = tmp_path / "tls"
    folder.mkdir()
    make_authority(folder)
    make_certificate(folder, "serverAuth,clientAuth", "127.0.0.1")
    names = "&".join(f"{kind}={folder}/{kind}.pem" for kind in ("ca", "cert", "key"))
    flow, rows = make(rows=12)
    with running_cluster(folder, 1, certificates=folder) as secured:
        assert secured.address.startswith("tls://")
        run = rt.batch(flow, rows, on=f"{secured.address}?{names}")
        assert run.status == "Completed", run.error
        assert outputs_of(run) == expected(12)
        assert run.cluster["encrypted"] is True
        assert (
            "PRIVATE KEY"
            not in (run.outputs_path.parents[1] / "batch.json").read_text()
        )


SECRET = "hunter2-but-longer"


def test_secrets_are_in_no_log_key_or_state_of_the_cluster(rt, cluster, make):
    from distributed import Client

    flow, rows = make(rows=40)
    (flow / "flow.dag.yaml").write_text(
        FLOW.replace("place: '${inputs.place}'}", "place: '${inputs.place}', c: far}")
    )
    (flow / "step.py").write_text(
        "import pathlib, time\n"
        "from promptflow.core import tool\n"
        "from promptflow.connections import CustomConnection\n\n\n"
        "@tool\n"
        "def step(x: int, place: str, c: CustomConnection):\n"
        "    assert c.secrets['key'] == 'hunter2' + '-but-longer'\n"
        "    print(c.secrets['key'], flush=True)\n"
        "    (pathlib.Path(place) / f'{x}.begun').touch()\n"
        "    while not (pathlib.Path(place) / 'go').exists(): time.sleep(0.05)\n"
        "    assert x != 3, c.secrets['key']\n"
        "    return x * 2\n"
    )
    connections = rt._workspace.connections
    connections.create({"type": "custom", "secrets": {"key": SECRET}}, name="far")
    seen = []

    def look():
        scheduler, worker = _looks()
        try:
            wait_for(lambda: list(flow.parent.glob("*.begun")))
            with Client(cluster.address, set_as_default=False) as client:
                seen.append(client.run_on_scheduler(scheduler))
                seen.append(str(client.run(worker)))
        finally:
            (flow.parent / "go").touch()

    thread = threading.Thread(target=look)
    thread.start()
    run = rt.batch(flow, rows, on=address(cluster))
    thread.join(PATIENCE)
    connections.delete("far")
    assert run.status == "Completed", run.error
    assert (run.counts["completed"], run.counts["failed"]) == (39, 1)
    assert len(seen) == 2
    assert run.run_id in seen[0]
    folder = run.outputs_path.parents[1]
    records = "".join(path.read_text() for path in folder.rglob("*.json*"))
    for text in (*seen, cluster.logs(), records):
        assert SECRET not in text


def _looks():
    """What looks through a scheduler and a worker; they do not know this module."""

    def scheduler(dask_scheduler=None):
        import pickle

        texts = []
        for task in dask_scheduler.tasks.values():
            texts.append(f"{task.key} {task!r} {task.run_spec!r}")
            texts.append(pickle.dumps(task.run_spec).decode("latin-1"))
        texts += [repr(plugin) for plugin in dask_scheduler.plugins.values()]
        texts.append(repr(dask_scheduler.worker_plugins))
        texts.append(repr(dask_scheduler.get_events()))
        texts.append(repr(dask_scheduler.get_logs()))
        return "\n".join(texts)

    def worker(dask_worker=None):
        texts = [
            f"{task!r} {task.run_spec!r}" for task in dask_worker.state.tasks.values()
        ]
        texts.append(repr(dask_worker.state.stimulus_log))
        texts.append(repr(dask_worker.get_logs()))
        texts.append(repr(dask_worker.data))
        return "\n".join(texts)

    return scheduler, worker
