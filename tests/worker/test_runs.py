"""Runs in a worker: on every Python, clean, concurrent, and without leaks."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.errors import PfError, RuntimeFailed

MakeFlow = Callable[..., Any]
StartWorker = Callable[..., Any]
ASYNC = """\
import asyncio
from promptflow.core import tool
@tool
async def step1(text: str):
    await asyncio.sleep(0)
    return text.upper()
"""


@pytest.mark.parametrize("spawn", [False, True], ids=["fork", "spawn"])
def test_a_bare_python_runs_flows(
    python: str, spawn: bool, start_worker: StartWorker, make_flow: MakeFlow
) -> None:
    worker = start_worker(python, spawn=spawn)
    assert worker.hello["python"].startswith(("3.9.", "3.1"))
    made = make_flow("print('seen'); return text + '!'", "return text.upper()")
    pending = worker.begin(made, inputs={"text": "hé\ud83d"})
    result = pending.result(60)
    assert result["status"] == "Completed", result["error"]
    assert result["outputs"] == {"answer": "HÉ\ud83d!"}
    assert "seen" in result["nodes"]["step1"]["logs"]["stdout"]
    assert result["hostname"]
    names = [event["event"] for event in pending.events if event["event"] != "log"]
    assert names == [
        "run_started",
        "node_started",
        "node_completed",
        "node_started",
        "node_completed",
    ]
    failed = worker.run(make_flow("raise ValueError('no ' + text)"))
    assert failed["status"] == "Failed"
    assert failed["error"]["node"] == "step1"
    asynchronous = make_flow("", files={"step1.py": ASYNC})
    assert worker.run(asynchronous)["outputs"] == {"answer": "HI"}
    tools = worker.inspect(made)["tools"]
    assert tools["step1"]["inputs"]["text"]["type"] == ["string"]


def test_a_run_sees_nothing_of_the_ones_before(
    worker: Any, make_flow: MakeFlow
) -> None:
    made = make_flow(
        """
        import random
        seen.append(text)
        sys.modules["leaked"] = sys
        os.environ["LEAKED"] = "yes"
        return f"{len(seen)} {os.getpid()} {random.random()}"
        """,
        head="seen = ['leaked' in sys.modules, 'LEAKED' in os.environ]",
    )
    answers = [worker.run(made)["outputs"]["answer"].split() for _ in range(5)]
    assert [answer[0] for answer in answers] == ["3"] * 5
    assert len({answer[1] for answer in answers}) == 5
    assert len({answer[2] for answer in answers}) == 5


def test_code_is_loaded_once_and_again_when_it_changes(
    worker: Any, make_flow: MakeFlow
) -> None:
    head = "loaded_in = os.getpid()"
    made = make_flow("return str(loaded_in)", head=head)
    answers = {worker.run(made)["outputs"]["answer"] for _ in range(3)}
    assert len(answers) == 1
    changed = make_flow("return 'new ' + str(loaded_in)", head=head)
    answer = worker.run(changed)["outputs"]["answer"]
    assert answer.startswith("new ")
    assert answer.split()[1] not in answers


def test_code_that_starts_threads_is_loaded_by_each_run(
    worker: Any, make_flow: MakeFlow
) -> None:
    head = """
    threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    """
    made = make_flow("return str(threading.active_count() >= 2)", head=head)
    for _ in range(2):
        assert worker.run(made)["outputs"] == {"answer": "True"}
    assert worker.processes("template") == []


def test_environment_variables_are_there_when_code_is_imported(
    worker: Any, make_flow: MakeFlow
) -> None:
    made = make_flow(
        "return at_import + os.environ['COLOR']",
        head="at_import = os.environ.get('COLOR', 'none')",
    )
    for color in ("red", "blue", "red"):
        result = worker.run(made, environment_variables={"COLOR": color})
        assert result["outputs"] == {"answer": color * 2}


def test_what_modules_print_while_loading_is_shown(
    worker: Any, make_flow: MakeFlow
) -> None:
    made = make_flow("return text", head="os.write(1, b'loading\\n')")
    pending = worker.begin(made)
    assert pending.result(60)["logs"]["stdout"] == "loading\n"
    logs = [event for event in pending.events if event["event"] == "log"]
    assert [(log["node"], log["text"]) for log in logs] == [(None, "loading\n")]


def test_files_that_a_run_writes_are_gone_for_the_next(
    worker: Any, make_flow: MakeFlow
) -> None:
    made = make_flow(
        """
        state = sorted(os.listdir("."))
        content = open("data/kept.txt").read()
        os.makedirs("made/by", exist_ok=True)
        open("made/by/run.txt", "w").write("x")
        with open("data/kept.txt", "w") as file:
            file.write("spoilt")
        os.remove("gone.txt")
        return f"{content} {'made' in state} {'gone.txt' in state}"
        """,
        files={"data/kept.txt": "intact", "gone.txt": "here"},
    )
    for _ in range(3):
        assert worker.run(made)["outputs"] == {"answer": "intact False True"}


def test_files_that_loading_writes_stay(worker: Any, make_flow: MakeFlow) -> None:
    made = make_flow(
        "return open('cache.txt').read()",
        head="open('cache.txt', 'w').write('warm')",
    )
    for _ in range(3):
        assert worker.run(made)["outputs"] == {"answer": "warm"}


def test_many_runs_go_on_at_once(worker: Any, make_flow: MakeFlow) -> None:
    made = make_flow(
        """
        open("ready-" + text, "w").close()
        while len([n for n in os.listdir(".") if n.startswith("ready-")]) < 20:
            time.sleep(0.01)
        return text
        """
    )
    began = [worker.begin(made, inputs={"text": str(n)}) for n in range(20)]
    answers = [pending.result(60)["outputs"]["answer"] for pending in began]
    assert answers == [str(n) for n in range(20)]


def test_requests_from_many_threads_get_their_own_answers(
    worker: Any, make_flow: MakeFlow
) -> None:
    made = make_flow("return text")
    wrong: list[Any] = []

    def ask(name: str) -> None:
        for number in range(10):
            text = f"{name}-{number}"
            result = worker.run(made, inputs={"text": text})
            if result["outputs"] != {"answer": text}:
                wrong.append(result)

    threads = [threading.Thread(target=ask, args=(f"t{n}",)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_nothing_grows_over_many_runs(
    worker: Any,
    make_flow: MakeFlow,
    until: Callable[..., Any],
    living: Callable[[], list[int]],
) -> None:
    made = make_flow("os.write(1, b'x'); return text")
    crash = make_flow("os._exit(1)")

    def settled() -> tuple[int, int]:
        until(lambda: len(worker.processes("executor")) == 4)
        return len(os.listdir(f"/proc/{worker.pid}/fd")), len(living())

    def run_some(count: int) -> None:
        for _ in range(count):
            worker.run(made)
        worker.run(crash)

    run_some(3)
    before = settled()
    run_some(50)
    until(lambda: settled() == before)
    assert zombies(worker.pid) == []


def zombies(root: int) -> list[int]:
    """Return the processes below ``root`` that ended and were not waited for."""
    states = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            states[int(entry.name)] = (fields[0], int(fields[1]))
    family = {root}
    for _ in states:
        family |= {pid for pid, (_, parent) in states.items() if parent in family}
    return [pid for pid in family if states.get(pid, ("", 0))[0] == "Z"]


def test_idle_templates_are_dropped(
    worker: Any, make_flow: MakeFlow, until: Callable[..., Any]
) -> None:
    for _ in range(10):
        worker.run(make_flow("return text"))
    until(lambda: len(worker.processes("template")) == 8)
    until(lambda: len(worker.processes("executor")) == 16)


def test_large_values_pass(worker: Any, make_flow: MakeFlow) -> None:
    made = make_flow("return text + 'b' * 5_000_000")
    result = worker.run(made, inputs={"text": "a" * 5_000_000})
    assert len(result["outputs"]["answer"]) == 10_000_000


def test_a_host_that_reads_slowly_gets_every_result(
    start_worker: StartWorker, make_flow: MakeFlow
) -> None:
    worker = start_worker()
    made = make_flow("print('y' * 3_000_000); return 'x' * 3_000_000")
    worker.run(made)
    reading = threading.Event()
    original = worker.stream.read

    def slow(size: int) -> bytes:
        reading.wait(60)
        return original(size)

    worker.stream.read = slow
    began = [worker.begin(made, log_limit=10_000_000) for _ in range(12)]
    time.sleep(1)
    rss = Path(f"/proc/{worker.pid}/statm").read_text().split()[1]
    assert int(rss) * os.sysconf("SC_PAGE_SIZE") < 300 * 1024 * 1024
    reading.set()
    for pending in began:
        result = pending.result(60)
        assert len(result["outputs"]["answer"]) == 3_000_000


def test_a_single_node_runs_with_given_inputs(worker: Any, make_flow: MakeFlow) -> None:
    made = make_flow("return text + '1'", "return text + '2'")
    result = worker.run(
        made, mode="node", node="step2", dependency_outputs={"step1": "given"}
    )
    assert result["outputs"] == {"output": "given2"}
    assert list(result["nodes"]) == ["step2"]


def test_stats_tell_what_runs(
    worker: Any, make_flow: MakeFlow, until: Callable[..., Any]
) -> None:
    pending = worker.begin(make_flow("time.sleep(600)"))
    stats = until(
        lambda: (
            (s := worker.channel.request("stats").result(60))
            and any(p["kind"] == "template" for p in s["processes"])
            and s
        )
    )
    assert stats["runs"] == [pending.id]
    kinds = {process["kind"] for process in stats["processes"]}
    assert {"control", "zygote", "template"} <= kinds
    assert all(process["rss"] > 0 for process in stats["processes"])
    assert worker.channel.request("ping").result(60)["time"]
    assert pending.cancel()


def test_wrong_requests_are_answered_and_harmless(
    worker: Any, make_flow: MakeFlow
) -> None:
    with pytest.raises(PfError, match="unknown operation 'dance'") as info:
        worker.channel.request("dance").result(60)
    assert "run" in info.value.hint
    with pytest.raises(PfError) as info:
        worker.channel.request("run", snapshot="0" * 64, flow={}).result(60)
    assert info.value.code == "snapshot_missing"
    with pytest.raises(PfError, match="malformed"):
        worker.channel.request("snapshot.open").result(60)
    with pytest.raises(PfError, match="does not stay inside"):
        worker.channel.request(
            "snapshot.open",
            snapshot="1" * 64,
            files=[{"path": "../x", "digest": "2" * 64, "size": 1, "mode": 0o644}],
        ).result(60)
    assert worker.run(make_flow("return text"))["status"] == "Completed"


def test_an_interpreter_that_cannot_start_is_told(
    start_worker: StartWorker, make_flow: MakeFlow, tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    broken = tmp_path / "lib" / "sitecustomize.py"
    broken.write_text("import os; os._exit(1)")
    worker = start_worker(PYTHONPATH=str(tmp_path / "lib"))
    made = make_flow("return text")
    for _ in range(2):
        result = worker.run(made)
        assert result["error"]["code"] == "ProcessCrashError"
        assert "starts executors has ended" in result["error"]["message"]
        assert result["error"]["hint"]
    broken.unlink()
    assert worker.run(made)["outputs"] == {"answer": "hi"}


def test_shutdown_ends_everything(
    worker: Any, make_flow: MakeFlow, until: Callable[..., Any], living: Any
) -> None:
    pending = worker.begin(make_flow("time.sleep(600)"))
    until(lambda: worker.processes("template"))
    assert worker.channel.request("shutdown").result(60) == {}
    with pytest.raises(RuntimeFailed):
        pending.result(60)
    assert worker.stream.process.wait(60) == 0
    until(lambda: not living())


@pytest.mark.parametrize("how", ["fork", "spawn"])
def test_a_lost_host_ends_everything(
    how: str,
    start_worker: StartWorker,
    make_flow: MakeFlow,
    until: Callable[..., Any],
    living: Any,
) -> None:
    worker = start_worker(PF_WORKER_START=how)
    # who holds much takes long to die, and only then are its children the worker's
    made = make_flow(
        """
        held = b"x" * (300 << 20)
        child = "import os, time; os.fork(); print(flush=True); time.sleep(600)"
        started = subprocess.Popen(
            [sys.executable, "-c", child],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.stdout.read(1)
        print("on", flush=True)
        time.sleep(600)
        """
    )
    pending = worker.begin(made)
    until(lambda: any(event["event"] == "log" for event in pending.events))
    worker.stream.close()
    until(lambda: not living())


def test_a_killed_control_takes_its_processes_along(
    start_worker: StartWorker,
    make_flow: MakeFlow,
    until: Callable[..., Any],
    living: Any,
    tmp_path: Path,
) -> None:
    killed = start_worker()
    pending = killed.begin(make_flow("time.sleep(600)"))
    until(lambda: killed.processes("template"))
    killed.stream.process.kill()
    with pytest.raises(RuntimeFailed) as info:
        pending.result(60)
    assert info.value.phase == "run"
    killed.stream.process.wait(60)
    until(lambda: not living())
    killed.stream.process.returncode = 0
    for folder in (tmp_path / "worker").glob("work-*"):
        os.utime(folder, (1, 1))
    start_worker()  # removes what the other one left
