"""Code that crashes, hangs, floods, forks or eats memory: one run fails, no more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

MakeFlow = Callable[..., Any]
LIMIT = 100_000


@pytest.fixture(params=["fork", "spawn"])
def worker(request: pytest.FixtureRequest, start_worker: Callable[..., Any]) -> Any:
    return start_worker(PF_WORKER_START=request.param)


anywhere = pytest.mark.parametrize("worker", ["fork", "spawn", "pipe"], indirect=True)
"""Also where an interpreter can be given pipes only."""


@pytest.fixture
def still_works(worker: Any, make_flow: MakeFlow) -> Callable[[], None]:
    """Run an ordinary flow in the same worker."""

    def check() -> None:
        result = worker.run(make_flow("return text.upper()"))
        assert result["outputs"] == {"answer": "HI"}, result["error"]

    return check


@anywhere
def test_an_exit_names_its_code_and_keeps_what_was_done(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    made = make_flow(
        "print('one', flush=True); return text + '!'", "os._exit(3)", "return text"
    )
    pending = worker.begin(made)
    result = pending.result(60)
    assert result["status"] == "Failed"
    assert result["outputs"] is None
    error = result["error"]
    assert error["code"] == "ProcessCrashError"
    assert error["node"] == "step2"
    assert "exit code 3" in error["message"]
    assert error["hint"]
    nodes = result["nodes"]
    assert nodes["step1"]["status"] == "Completed"
    assert nodes["step1"]["output"] == "hi!"
    assert "one" in nodes["step1"]["logs"]["stdout"]
    assert nodes["step2"]["status"] == "Failed"
    assert nodes["step2"]["error"]["code"] == "ProcessCrashError"
    assert nodes["step3"]["status"] == "NotStarted"
    seen = [(event["event"], event.get("node")) for event in pending.events]
    assert seen[-1] == ("node_failed", "step2")
    still_works()


@anywhere
def test_a_segfault_names_the_signal_and_the_users_line(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    result = worker.run(make_flow("ctypes.string_at(0)\nreturn text"))
    error = result["error"]
    assert error["code"] == "ProcessCrashError"
    assert "SIGSEGV" in error["message"]
    assert [frame["name"] for frame in error["frames"]] == ["step1"]
    assert error["frames"][0]["file"].endswith("step1.py")
    assert error["frames"][0]["line"] == 6
    assert "step1.py" in error["traceback"]
    assert "Fatal Python error" in result["nodes"]["step1"]["logs"]["stderr"]
    still_works()


def test_what_went_around_pythons_streams_last_is_kept(
    worker: Any, make_flow: MakeFlow
) -> None:
    made = make_flow(
        "os.write(1, b'out'); return text",
        """
        subprocess.run(["echo", "last"])
        os.write(2, b"x" * 60000 + b"words")
        os._exit(3)
        """,
    )
    nodes = worker.run(made)["nodes"]
    assert nodes["step1"]["logs"]["stdout"] == "out"
    assert nodes["step2"]["logs"]["stdout"] == "last\n"
    assert nodes["step2"]["logs"]["stderr"].strip("x") == "words"


def test_a_process_that_can_speak_no_more_is_ended(
    worker: Any,
    make_flow: MakeFlow,
    still_works: Callable[[], None],
    until: Callable[..., Any],
    tmp_path: Path,
) -> None:
    pid_file = tmp_path / "pid"
    made = make_flow(
        f"""
        with open({str(pid_file)!r}, "w") as file:
            file.write(str(os.getpid()))
        os.closerange(3, 1000)
        time.sleep(600)
        """
    )
    result = worker.run(made)
    assert result["error"]["code"] == "ProcessCrashError"
    assert "for an unknown reason" in result["error"]["message"]
    assert not _is_alive(int(pid_file.read_text()))
    still_works()


def test_a_run_that_never_returns_is_ended_with_all_it_started(
    worker: Any,
    make_flow: MakeFlow,
    still_works: Callable[[], None],
    until: Callable[..., Any],
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    made = make_flow(
        "return text + '!'",
        f"""
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        grandchild = subprocess.Popen(
            [sys.executable, "-c", "import time; time.sleep(600)"],
            start_new_session=True,
        )
        with open({str(pids)!r}, "w") as file:
            file.write(f"{{os.getpid()}} {{child.pid}} {{grandchild.pid}}")
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
        libc = ctypes.PyDLL(None)
        libc.sleep(600)  # holds the interpreter: nothing inside can end this
        """,
    )
    pending = worker.begin(made, timeout=6)
    result = pending.result(60)
    assert result["status"] == "Failed"
    assert result["error"]["code"] == "LineExecutionTimeoutError"
    assert "6 seconds" in result["error"]["message"]
    assert result["nodes"]["step1"]["status"] == "Completed"
    assert result["nodes"]["step2"]["status"] == "Canceled"
    assert pending.result()["pid"] == int(pids.read_text().split()[0])
    for pid in pids.read_text().split():
        until(lambda pid=pid: not _is_alive(int(pid)))
    still_works()


def test_a_run_that_sleeps_is_ended_in_time(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    result = worker.run(make_flow("time.sleep(600)"), timeout=4)
    assert result["error"]["code"] == "LineExecutionTimeoutError"
    assert result["nodes"]["step1"]["status"] == "Canceled"
    still_works()


def test_code_that_never_finishes_loading_is_ended(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    made = make_flow("return text", head="time.sleep(600)")
    result = worker.run(made, timeout=1)
    assert result["status"] == "Failed"
    assert result["error"]["code"] == "LineExecutionTimeoutError"
    found = worker.inspect(made, timeout=1)
    assert [p["code"] for p in found["problems"]] == ["LineExecutionTimeoutError"]
    still_works()


def test_code_that_dies_while_loading_is_reported(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    made = make_flow("return text", head="os._exit(9)")
    result = worker.run(made)
    assert result["error"]["code"] == "ProcessCrashError"
    assert "exit code 9" in result["error"]["message"]
    found = worker.inspect(made)
    assert "exit code 9" in found["problems"][0]["message"]
    still_works()


@pytest.mark.parametrize("last", ["return str(child)", "os._exit(5)"])
def test_children_end_with_the_run(
    worker: Any,
    make_flow: MakeFlow,
    still_works: Callable[[], None],
    until: Callable[..., Any],
    tmp_path: Path,
    last: str,
) -> None:
    pid_file = tmp_path / "pid"
    made = make_flow(
        f"""
        daemon = "import os, time; os.fork() and os._exit(0); time.sleep(600)"
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        subprocess.run([sys.executable, "-c", daemon])
        child = os.fork()
        if child == 0:
            os.setsid()
            time.sleep(600)
        with open({str(pid_file)!r}, "w") as file:
            file.write(str(child))
        {last}
        """
    )
    result = worker.run(made)
    assert result["status"] == ("Failed" if "exit" in last else "Completed")
    child = int(pid_file.read_text())
    until(lambda: not _is_alive(child))
    still_works()


def test_a_flood_of_prints_is_bounded_and_keeps_both_ends(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    made = make_flow(
        """
        print("the beginning")
        line = "x" * 1023
        for _ in range(100 * 1024):
            print(line)
        print("the end")
        return "done"
        """
    )
    pending = worker.begin(made, log_limit=LIMIT)
    result = pending.result(120)
    assert result["outputs"] == {"answer": "done"}
    logs = result["nodes"]["step1"]["logs"]
    assert len(logs["stdout"]) < LIMIT * 1.1
    assert "the beginning" in logs["stdout"]
    assert "the end" in logs["stdout"]
    assert logs["dropped_bytes"] > 90 * 1024 * 1024
    still_works()


def test_a_flood_around_pythons_streams_is_bounded(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    made = make_flow(
        """
        os.write(1, b"the beginning\\n")
        for _ in range(100 * 16):
            os.write(1, b"x" * 65536)
        os.write(1, b"the end\\n")
        return "done"
        """
    )
    pending = worker.begin(made, log_limit=LIMIT)
    result = pending.result(120)
    assert result["outputs"] == {"answer": "done"}
    logs = result["nodes"]["step1"]["logs"]
    assert len(logs["stdout"]) < LIMIT * 1.1
    assert "the beginning" in logs["stdout"]
    assert "the end" in logs["stdout"]
    assert logs["dropped_bytes"] > 90 * 1024 * 1024
    shown = [e for e in pending.events if e["event"] == "log"]
    assert sum(len(event["text"]) for event in shown) < 3 * 1024 * 1024
    rss = worker.processes("control")[0]["rss"]
    assert rss < 200 * 1024 * 1024
    still_works()


def test_output_of_subprocesses_belongs_to_their_node(
    worker: Any, make_flow: MakeFlow
) -> None:
    body = """
        subprocess.run(["echo", "from {0}"])
        subprocess.run("echo err {0} >&2", shell=True)
        return text
        """
    result = worker.run(make_flow(body.format("one"), body.format("two")))
    first, second = result["nodes"]["step1"]["logs"], result["nodes"]["step2"]["logs"]
    assert first["stdout"] == "from one\n"
    assert first["stderr"] == "err one\n"
    assert second["stdout"] == "from two\n"
    assert second["stderr"] == "err two\n"


def test_cancel_ends_the_run_and_what_it_started(
    worker: Any,
    make_flow: MakeFlow,
    still_works: Callable[[], None],
    until: Callable[..., Any],
) -> None:
    made = make_flow("return text", "print('on'); time.sleep(600)")
    started = threading.Event()
    body = {"flow": made.flow, "inputs": {}, "mode": "flow"}

    def watch(event: dict[str, Any]) -> None:
        if event["event"] == "node_started" and event["node"] == "step2":
            started.set()

    pending = worker.channel.run(made.snapshot, body, watch)
    assert started.wait(60)
    assert pending.cancel() is True
    result = pending.result(60)
    assert result["status"] == "Canceled"
    assert result["error"]["code"] == "canceled"
    assert result["nodes"]["step1"]["status"] == "Completed"
    assert result["nodes"]["step2"]["status"] == "Canceled"
    assert pending.cancel() is False
    still_works()


def test_a_run_that_kills_its_parents_fails_alone(
    worker: Any, make_flow: MakeFlow, still_works: Callable[[], None]
) -> None:
    if worker.hello["features"][0] == "spawn":
        made = make_flow("os.kill(os.getpid(), signal.SIGKILL)")
    else:
        made = make_flow("os.kill(os.getppid(), signal.SIGKILL); time.sleep(600)")
    result = worker.run(made)
    assert result["error"]["code"] == "ProcessCrashError"
    assert "SIGKILL" in result["error"]["message"]
    still_works()


def test_an_answer_survives_a_hanging_exit(
    worker: Any, make_flow: MakeFlow, until: Callable[..., Any]
) -> None:
    made = make_flow(
        """
        import atexit
        atexit.register(time.sleep, 600)
        threading.Thread(target=time.sleep, args=(600,)).start()
        return str(os.getpid())
        """
    )
    result = worker.run(made)
    assert result["status"] == "Completed"
    until(lambda: not _is_alive(int(result["outputs"]["answer"])))


def _is_alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_memory_is_limited_where_no_container_does_it(
    start_worker: Callable[..., Any], make_flow: MakeFlow
) -> None:
    limited = start_worker(PF_WORKER_MEMORY=str(256 * 1024 * 1024))
    result = limited.run(make_flow("return str(len(bytearray(1 << 30)))"))
    assert result["status"] == "Failed"
    assert "MemoryError" in result["error"]["message"]
    result = limited.run(make_flow("return str(len(bytearray(1 << 20)))"))
    assert result["outputs"] == {"answer": str(1 << 20)}


def test_many_crash_at_once(worker: Any, make_flow: MakeFlow) -> None:
    bad, good = make_flow("os.abort()"), make_flow("time.sleep(0.1); return text")
    flows = [bad, good] * 5
    began = [worker.begin(made) for made in flows]
    statuses = [pending.result(60)["status"] for pending in began]
    assert statuses == ["Failed", "Completed"] * 5
