"""What is particular to instances without a container."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.engines import process_identity, process_stream
from pf_jupyter.engines.api import InstanceEvent, InstanceSpec, Limits
from pf_jupyter.engines.process import MEMORY_VARIABLE, ProcessEngine
from pf_jupyter.engines.process_identity import Process, began
from pf_jupyter.errors import IllegalState, NotFound, RuntimeFailed, Unreachable

IDLE = "print('on', flush=True); import time; time.sleep(600)"
WITH_A_LEFT_CHILD = """
    import os, time
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)
    print(os.getpid(), flush=True)
    time.sleep(600)
"""
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX systems")


@pytest.fixture
def engine(home: Path) -> Iterator[ProcessEngine]:
    made = ProcessEngine(home)
    yield made
    for state in made.find({}):
        made.remove(state.id)


def start(engine: ProcessEngine, **changes: Any) -> str:
    spec = InstanceSpec(**{"name": "one", "image": sys.executable, **changes})
    instance = engine.create(spec)
    engine.start(instance)
    return instance


def run(engine: ProcessEngine, instance: str, code: str) -> Any:
    code = textwrap.dedent(code)
    return engine.open_stream(instance, [*engine.python(instance), "-c", code])


def read_line(stream: Any) -> str:
    data = b""
    while not data.endswith(b"\n"):
        piece = stream.read(1)
        assert piece, stream.stderr()
        data += piece
    return data.decode().strip()


def eventually(question: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while not (answer := question()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
    return answer


def test_it_says_that_it_does_not_isolate(engine: ProcessEngine) -> None:
    info = engine.ping()
    assert info.isolated is False
    assert "does not isolate" in info.warnings[0]


def test_secrets_of_this_process_are_not_inherited(
    engine: ProcessEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    instance = start(engine, environment={"MINE": "1"}, limits=Limits(memory=10**9))
    stream = run(
        engine, instance, "import json, os; print(json.dumps(dict(os.environ)))"
    )
    seen = json.loads(read_line(stream))
    stream.close()
    assert "OPENAI_API_KEY" not in seen
    assert "PYTHONPATH" not in seen
    assert seen["PATH"] == os.environ["PATH"]
    assert seen["MINE"] == "1"
    assert seen[MEMORY_VARIABLE] == str(10**9)
    assert instance in seen["TMPDIR"]


def test_no_memory_limit_is_no_variable(engine: ProcessEngine) -> None:
    instance = start(engine, limits=Limits(memory=None))
    stream = run(engine, instance, f"import os; print(os.getenv('{MEMORY_VARIABLE}'))")
    assert read_line(stream) == "None"
    stream.close()


def test_another_process_finds_and_ends_it(engine: ProcessEngine, home: Path) -> None:
    instance = start(engine, labels={"pf_jupyter.runtime": "r"})
    stream = run(engine, instance, IDLE)
    assert read_line(stream) == "on"
    code = """
        import sys
        from pf_jupyter.engines.process import ProcessEngine
        engine = ProcessEngine(sys.argv[1])
        [state] = engine.find({"pf_jupyter.runtime": "r"})
        print(state.id, state.status, engine.stats(state.id).pids)
        engine.remove(state.id)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(home)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert done.stdout.split()[:2] == [instance, "running"]
    assert int(done.stdout.split()[2]) >= 1
    assert stream.read(1) == b""
    stream.close()
    assert engine.inspect(instance).status == "missing"


@POSIX
def test_killed_from_outside(engine: ProcessEngine) -> None:
    events: list[InstanceEvent] = []
    instance = start(engine)
    watch = engine.watch(events.append)
    stream = run(engine, instance, WITH_A_LEFT_CHILD)
    os.kill(int(read_line(stream)), signal.SIGKILL)
    assert stream.read(1) == b""
    stream.close()
    eventually(lambda: events)
    eventually(lambda: engine.stats(instance).pids == 0)
    watch.close()
    assert (events[0].kind, events[0].exit_code) == ("died", 137)
    state = engine.inspect(instance)
    assert state.status == "exited"
    assert state.cause == "killed from outside (exit code 137)"
    engine.start(instance)
    assert engine.inspect(instance).status == "running"


def test_a_program_that_ends_by_itself_leaves_the_instance(
    engine: ProcessEngine,
) -> None:
    instance = start(engine)
    stream = run(engine, instance, "raise SystemExit(3)")
    assert stream.read(1) == b""
    stream.close()
    time.sleep(0.2)
    assert engine.inspect(instance).status == "running"


@POSIX
def test_children_end_with_the_instance(engine: ProcessEngine) -> None:
    instance = start(engine)
    stream = run(
        engine,
        instance,
        """
        import subprocess, sys, time
        sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
        near = subprocess.Popen(sleeper)
        far = subprocess.Popen(sleeper, start_new_session=True)
        print(near.pid, far.pid, flush=True)
        time.sleep(600)
        """,
    )
    children = [int(word) for word in read_line(stream).split()]
    alive = [Process(pid, began(pid)) for pid in children]
    if sys.platform != "linux":
        alive = alive[:1]  # only Linux tells who inherited what
    assert all(child.lives() for child in alive)
    engine.stop(instance, timeout=5)
    assert not any(child.lives() for child in alive)
    stream.close()


@POSIX
def test_one_that_ignores_the_request_is_ended_by_force(engine: ProcessEngine) -> None:
    instance = start(engine)
    stream = run(
        engine,
        instance,
        """
        import signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        print("on", flush=True)
        time.sleep(600)
        """,
    )
    assert read_line(stream) == "on"
    engine.stop(instance, timeout=0.3)
    assert stream.read(1) == b""
    assert engine.inspect(instance).cause == "stopped (exit code 0)"
    stream.close()


def test_a_stranger_with_the_same_number_is_left_alone(
    engine: ProcessEngine, home: Path
) -> None:
    instance = start(engine)
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        path = home / "instances" / instance / "record.json"
        record = json.loads(path.read_text())
        record["processes"] = [{"pid": stranger.pid, "began": "long ago"}]
        path.write_text(json.dumps(record))
        engine.remove(instance)
        assert stranger.poll() is None
        ours = Process(stranger.pid, began(stranger.pid))
        assert ours.lives()
    finally:
        stranger.kill()
        stranger.wait()
    assert not ours.lives()


@POSIX
def test_a_closed_stream_ends_a_program_that_does_not_listen(
    engine: ProcessEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process_stream, "_PATIENCE_SECONDS", 0.2)
    instance = start(engine)
    stream = run(engine, instance, WITH_A_LEFT_CHILD)
    assert read_line(stream)
    stream.close()
    eventually(lambda: engine.stats(instance).pids == 0)
    # that was us: nothing was killed from outside
    assert engine.inspect(instance).status == "running"


def test_a_write_to_one_that_does_not_read_ends_with_the_stream(
    engine: ProcessEngine,
) -> None:
    instance = start(engine)
    stream = run(engine, instance, IDLE)
    assert read_line(stream) == "on"
    problems: list[Exception] = []

    def write() -> None:
        try:
            stream.write(b"x" * 10_000_000)
        except Unreachable as error:
            problems.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.3)
    stream.close()
    writer.join(60)
    assert len(problems) == 1


def test_stderr_is_the_instances_log(engine: ProcessEngine) -> None:
    instance = start(engine)
    stream = run(
        engine, instance, "import sys\nfor i in range(5): print(i, file=sys.stderr)"
    )
    assert stream.read(1) == b""
    stream.close()
    assert eventually(lambda: list(engine.logs(instance))) == list("01234")
    assert list(engine.logs(instance, tail=2)) == ["3", "4"]


def test_following_a_log_ends_with_the_instance(engine: ProcessEngine) -> None:
    instance = start(engine)
    stream = run(engine, instance, "import sys; print('said', file=sys.stderr)")
    stream.read(1)
    stream.close()
    lines = engine.logs(instance, follow=True)
    assert next(lines) == "said"
    engine.stop(instance)
    assert list(lines) == []


def test_an_interpreter_that_is_too_old_or_none(
    engine: ProcessEngine, tmp_path: Path
) -> None:
    if sys.platform == "win32":
        return
    for number, (answer, code) in enumerate(
        [("pf-python 3.8", "python_too_old"), ("no python", "no_python")]
    ):
        path = tmp_path / f"python{number}"
        path.write_text(f"#!/bin/sh\nprintf '{answer}'\n")
        path.chmod(0o755)
        instance = start(engine, image=str(path), name=f"old{number}")
        with pytest.raises(RuntimeFailed) as caught:
            engine.python(instance)
        assert caught.value.code == code
        assert caught.value.phase == "handshake"


def test_images_are_refused_with_a_way_out(engine: ProcessEngine) -> None:
    with pytest.raises(IllegalState) as caught:
        engine.pull("python:3.12-slim")
    assert caught.value.code == "no_images"
    assert "Docker" in caught.value.hint


def test_a_damaged_record_is_an_instance_that_is_not_there(
    engine: ProcessEngine, home: Path
) -> None:
    instance = start(engine)
    (home / "instances" / instance / "record.json").write_text("{")
    assert engine.inspect(instance).status == "missing"
    assert engine.find({}) == []
    with pytest.raises(NotFound):
        engine.start(instance)
    engine.remove(instance)
    assert not (home / "instances" / instance).exists()


def test_what_processes_use_is_measured(engine: ProcessEngine) -> None:
    instance = start(engine)
    stream = run(
        engine,
        instance,
        "x = bytearray(50_000_000)\nprint('on', flush=True)\nwhile True: pass",
    )
    assert read_line(stream) == "on"
    assert engine.stats(instance).memory > 50_000_000
    assert eventually(lambda: engine.stats(instance).cpu > 0.1)
    engine.stop(instance)
    stream.close()
    assert engine.stats(instance).pids == 0


def test_no_process_has_no_beginning() -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    assert process_identity.began(done.pid) == ""
    assert not Process(done.pid, "").lives()
