"""What every engine must do, asked of all three in the same words."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from pf_jupyter.engines.api import Engine, InstanceEvent, InstanceSpec, Limits
from pf_jupyter.errors import (
    AlreadyExists,
    IllegalState,
    NotFound,
    RuntimeFailed,
    Unreachable,
)

ECHO = """
import os
while True:
    data = os.read(0, 65536)
    if not data:
        break
    while data:
        data = data[os.write(1, data):]
"""

# the fake engine starts this machine's programs as they are, and tells its events in
# the thread that causes them
REAL = pytest.mark.parametrize(
    "engine",
    ["process", pytest.param("docker", marks=pytest.mark.docker)],
    indirect=True,
)


def read_all(stream: Any) -> bytes:
    data = b""
    while piece := stream.read(65536):
        data += piece
    return data


def read_exactly(stream: Any, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        piece = stream.read(size - len(data))
        assert piece, f"the stream ended: {stream.stderr()}"
        data += piece
    return bytes(data)


@pytest.fixture
def run(engine: Engine, instance: str) -> Iterator[Callable[[str], Any]]:
    """Return a function that runs Python code in an instance and gives the stream."""
    streams: list[Any] = []
    python = engine.python(instance)

    def start(code: str) -> Any:
        streams.append(engine.open_stream(instance, [*python, "-c", code]))
        return streams[-1]

    yield start
    for stream in streams:
        stream.close()


def eventually(question: Callable[[], Any], seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.02)
    return answer


def test_it_says_what_it_is(engine: Engine) -> None:
    info = engine.ping()
    assert info.isolated == engine.isolated
    assert info.cpus > 0
    assert info.memory > 10**8
    assert "/" in info.platform


def test_the_protocol_is_implemented(engine: Engine) -> None:
    assert isinstance(engine, Engine)


def test_an_instance_lives_from_create_to_remove(
    engine: Engine, make_spec: Callable[..., InstanceSpec]
) -> None:
    spec = make_spec(labels={"pf_jupyter.owner": "ada"})
    instance = engine.create(spec)
    try:
        state = engine.inspect(instance)
        assert (state.status, state.started_at) == ("created", None)
        assert state.name.endswith(spec.name)
        assert state.image == spec.image
        assert state.labels["pf_jupyter.owner"] == "ada"
        engine.start(instance)
        state = engine.inspect(instance)
        assert (state.status, state.exit_code, state.cause) == ("running", None, "")
        assert state.started_at is not None
        engine.start(instance)
        engine.stop(instance)
        state = engine.inspect(instance)
        assert (state.status, state.oom_killed) == ("exited", False)
        assert state.cause == f"stopped (exit code {state.exit_code})"
        engine.stop(instance)
        engine.start(instance)
        assert engine.inspect(instance).cause == ""
    finally:
        engine.remove(instance)
    gone = engine.inspect(instance)
    assert (gone.status, gone.cause) == ("missing", "removed from outside")
    engine.remove(instance)


def test_a_name_is_given_once(
    engine: Engine, instance: str, make_spec: Callable[..., InstanceSpec]
) -> None:
    prefix = engine.inspect(instance).name
    name = prefix[prefix.index("test-") :]
    with pytest.raises(AlreadyExists) as caught:
        engine.create(make_spec(name=name))
    assert caught.value.hint


def test_an_image_that_is_not_there(
    engine: Engine, make_spec: Callable[..., InstanceSpec]
) -> None:
    absent = "pf-absent/nothing:1"
    assert engine.image(absent) is None
    with pytest.raises(NotFound) as caught:
        engine.create(make_spec(image=absent))
    assert caught.value.code == "image_not_found"
    assert absent in caught.value.message
    engine.remove_image(absent)


def test_an_image_that_is_there(engine: Engine, image: str) -> None:
    found = engine.image(image)
    assert found is not None
    assert found.id.startswith("sha256:")
    assert image in found.tags
    again = engine.image(image)
    assert again is not None
    assert again.id == found.id


@pytest.mark.parametrize("verb", ["start", "stop", "stats", "python", "logs", "stream"])
def test_verbs_on_what_does_not_exist(engine: Engine, verb: str) -> None:
    absent = "0" * 64
    ask = {"stream": lambda name: engine.open_stream(name, ["python3"])}
    with pytest.raises(NotFound) as caught:
        ask.get(verb, lambda name: getattr(engine, verb)(name))(absent)
    assert caught.value.code == "instance_not_found"
    assert caught.value.hint


def test_a_stopped_instance_runs_nothing(engine: Engine, instance: str) -> None:
    engine.stop(instance)
    with pytest.raises(IllegalState) as caught:
        engine.open_stream(instance, ["python3", "-c", "pass"])
    assert caught.value.hint


def test_instances_are_found_by_all_their_labels(
    engine: Engine, make_spec: Callable[..., InstanceSpec]
) -> None:
    key = f"pf_jupyter.find-{time.time_ns()}"
    both = engine.create(make_spec(labels={key: "1", "pf_jupyter.colour": "red"}))
    one = engine.create(make_spec(labels={key: "1", "pf_jupyter.colour": "blue"}))
    try:
        assert {state.id for state in engine.find({key: "1"})} == {both, one}
        found = engine.find({key: "1", "pf_jupyter.colour": "red"})
        assert [state.id for state in found] == [both]
        assert found[0].labels["pf_jupyter.colour"] == "red"
        assert engine.find({key: "2"}) == []
    finally:
        engine.remove(both)
        engine.remove(one)


def test_bytes_come_back_unchanged(run: Callable[[str], Any]) -> None:
    stream = run(ECHO)
    sent = bytes(range(256)) * 4096 * 5
    writer = threading.Thread(target=stream.write, args=(sent,))
    writer.start()
    received = read_exactly(stream, len(sent))
    writer.join()
    assert received == sent


def test_a_read_returns_at_most_what_was_asked(run: Callable[[str], Any]) -> None:
    stream = run(ECHO)
    stream.write(b"abcdefgh" * 3)
    pieces = [stream.read(5)]
    while sum(map(len, pieces)) < 24:
        pieces.append(stream.read(5))
    assert max(map(len, pieces)) <= 5
    assert b"".join(pieces) == b"abcdefgh" * 3


def test_small_messages_are_quick(run: Callable[[str], Any]) -> None:
    # a sleep or a poll on the way would cost at least ten times this
    stream = run(ECHO)
    stream.write(b"warm")
    read_exactly(stream, 4)
    times = []
    for _ in range(200):
        start = time.perf_counter()
        stream.write(b"x" * 100)
        read_exactly(stream, 100)
        times.append(time.perf_counter() - start)
    # on a busy machine, only the undisturbed ones tell
    assert statistics.quantiles(times, n=10)[0] < 0.005


def test_stderr_is_kept_apart_and_bounded(run: Callable[[str], Any]) -> None:
    stream = run(
        "import sys; sys.stdout.write('out'); sys.stderr.write('x' * 300000 + 'end')"
    )
    assert read_all(stream) == b"out"
    text = eventually(lambda: stream.stderr() if "end" in stream.stderr() else "")
    assert text.endswith("xxxend")
    assert len(text) <= 64 * 1024


def test_many_threads_may_write(run: Callable[[str], Any]) -> None:
    stream = run(ECHO)
    lines = [f"{number:06d}".encode() * 5000 for number in range(8)]
    threads = [threading.Thread(target=stream.write, args=(line,)) for line in lines]
    for thread in threads:
        thread.start()
    received = read_exactly(stream, sum(map(len, lines)))
    for thread in threads:
        thread.join()
    size = len(lines[0])
    pieces = [received[at : at + size] for at in range(0, len(received), size)]
    assert sorted(pieces) == lines


def test_close_wakes_whoever_reads(run: Callable[[str], Any]) -> None:
    stream = run("import time; time.sleep(600)")
    answers: list[bytes] = []
    reader = threading.Thread(target=lambda: answers.append(stream.read(1)))
    reader.start()
    time.sleep(0.2)
    assert reader.is_alive()
    stream.close()
    reader.join(60)
    assert answers == [b""]
    stream.close()
    with pytest.raises(Unreachable):
        stream.write(b"x")


def test_the_program_sees_the_end_of_its_input(
    engine: Engine, instance: str, run: Callable[[str], Any]
) -> None:
    stream = run(
        "import os, sys\nprint('here', flush=True)\nwhile os.read(0, 10): pass\n"
    )
    assert read_exactly(stream, 4) == b"here"
    before = engine.stats(instance).pids
    stream.close()
    if engine.name != "fake":
        eventually(lambda: engine.stats(instance).pids < before)


def test_an_ended_program_ends_the_stream(run: Callable[[str], Any]) -> None:
    stream = run("import sys; print('last words'); sys.exit(3)")
    assert read_all(stream).strip() == b"last words"
    assert stream.read(10) == b""

    def write_fails() -> bool:
        try:
            stream.write(b"x" * 65536)
        except Unreachable as error:
            return error.code == "stream_lost" and bool(error.hint)
        return False

    eventually(write_fails)


def test_a_program_that_does_not_exist(engine: Engine, instance: str) -> None:
    # an engine may say so at once, or on the stream's stderr
    words = ""
    try:
        stream = engine.open_stream(instance, ["pf-no-such-program"])
    except RuntimeFailed as error:
        words = f"{error.code} {error.message}"
    else:
        assert read_all(stream) == b""
        words = f"program_missing {stream.stderr()}"
        stream.close()
    assert "program_missing" in words
    assert "pf-no-such-program" in words


def test_stopping_the_instance_ends_its_streams(
    engine: Engine, instance: str, run: Callable[[str], Any]
) -> None:
    stream = run("import time; print('on', flush=True); time.sleep(600)")
    assert read_exactly(stream, 2) == b"on"
    engine.stop(instance, timeout=2)
    assert b"" in iter(lambda: stream.read(100), None)


def test_two_programs_at_once(run: Callable[[str], Any]) -> None:
    first, second = run(ECHO), run(ECHO)
    first.write(b"first")
    second.write(b"second")
    assert read_exactly(second, 6) == b"second"
    assert read_exactly(first, 5) == b"first"


def test_python_is_new_enough(engine: Engine, instance: str) -> None:
    stream = engine.open_stream(
        instance,
        [
            *engine.python(instance),
            "-c",
            "import sys; print(sys.version_info >= (3, 9))",
        ],
    )
    assert read_all(stream).strip() == b"True"
    stream.close()


def test_stats_are_numbers_of_this_instance(engine: Engine, instance: str) -> None:
    limits = Limits()
    stats = engine.stats(instance)
    assert 0 <= stats.cpu < 64
    assert stats.memory_limit == limits.memory
    assert stats.pids >= 0
    assert engine.stats(instance).memory >= 0


def test_events_of_a_life(
    engine: Engine, make_spec: Callable[..., InstanceSpec]
) -> None:
    events: list[InstanceEvent] = []
    spec = make_spec(labels={"pf_jupyter.owner": "ada"})
    watch = engine.watch(events.append)
    try:
        instance = engine.create(spec)

        def kinds() -> list[str]:
            return [event.kind for event in events if event.id == instance]

        engine.start(instance)
        eventually(lambda: kinds() == ["started"])
        engine.stop(instance)
        eventually(lambda: kinds() == ["started", "died"])
        engine.remove(instance)
        eventually(lambda: kinds() == ["started", "died", "removed"])
    finally:
        watch.close()
    died = next(event for event in events if event.kind == "died")
    assert died.exit_code is not None
    assert died.time.tzinfo is not None
    assert died.labels["pf_jupyter.owner"] == "ada"


def test_a_closed_watch_is_silent(
    engine: Engine, make_spec: Callable[..., InstanceSpec]
) -> None:
    events: list[InstanceEvent] = []
    watch = engine.watch(events.append)
    watch.close()
    watch.close()
    instance = engine.create(make_spec())
    try:
        engine.start(instance)
        engine.stop(instance)
    finally:
        engine.remove(instance)
    assert [event for event in events if event.id == instance] == []


@REAL
def test_a_watcher_that_fails_is_called_again(
    engine: Engine,
    make_spec: Callable[..., InstanceSpec],
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    def watcher(event: InstanceEvent) -> None:
        seen.append(event.kind)
        raise ValueError("a defect of the watcher")

    watch = engine.watch(watcher)
    instance = engine.create(make_spec())
    try:
        engine.start(instance)
        engine.stop(instance)
        eventually(lambda: {"started", "died"} <= set(seen))
    finally:
        engine.remove(instance)
        watch.close()
    assert "a watcher of events failed" in caplog.text


def test_logs_can_be_followed_and_closed(engine: Engine, instance: str) -> None:
    assert list(engine.logs(instance, tail=10)) == []
    lines = engine.logs(instance, follow=True)
    ended = threading.Event()

    def follow() -> None:
        for _ in lines:
            pass
        ended.set()

    reader = threading.Thread(target=follow)
    reader.start()
    assert not ended.wait(0.3)
    lines.close()  # type: ignore[attr-defined]
    assert ended.wait(60)
    reader.join()


def test_calls_from_many_threads(engine: Engine, instance: str) -> None:
    problems: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(5):
                assert engine.inspect(instance).status == "running"
                stream = engine.open_stream(
                    instance, [*engine.python(instance), "-c", "print(1)"]
                )
                assert read_all(stream).strip() == b"1"
                stream.close()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


@REAL
def test_variables_reach_programs(
    engine: Engine, make_spec: Callable[..., InstanceSpec]
) -> None:
    spec = make_spec()
    instance = engine.create(replace(spec, environment={"PF_TEST": "a b$c\"d'"}))
    try:
        engine.start(instance)
        code = "import os; print(os.environ['PF_TEST'])"
        stream = engine.open_stream(instance, [*engine.python(instance), "-c", code])
        assert read_all(stream).strip() == b"a b$c\"d'"
        stream.close()
    finally:
        engine.remove(instance)
