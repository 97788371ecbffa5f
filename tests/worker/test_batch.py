"""Batches in a real worker: spreading, failures, crashes, limits, the end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from .conftest import Flow, Worker

LIMIT = 60.0


class Batch:
    """A batch in a worker, its lines sent as soon as it is open."""

    def __init__(
        self, worker: Worker, made: Flow, texts: Sequence[Any], **fields: Any
    ) -> None:
        self.worker = worker
        self.lines: dict[int, dict[str, Any]] = {}
        self.order: list[int] = []
        self.log = ""
        self._open = threading.Event()
        self.changed = threading.Condition()
        self._over = threading.Event()
        body = {"flow": made.flow, "line_timeout": None, "workers": None, **fields}
        self.pending = worker.channel.batch(made.snapshot, body, self._hear)
        assert self._open.wait(LIMIT)
        lines = [[i, i, {"text": text}] for i, text in enumerate(texts)]
        self._ask("batch.lines", lines=lines, last=True)

    def _ask(self, op: str, **fields: Any) -> Any:
        request = self.worker.channel.request
        return request(op, target=self.pending.id, **fields).result(LIMIT)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["event"] == "batch_opened":
            self._open.set()
        elif event["event"] == "batch_lines_over":
            self._over.set()
        elif event["event"] == "log":
            self.log += event["text"]
        elif event["event"] == "batch_lines":
            with self.changed:
                for line in event["lines"]:
                    assert line["line"] not in self.lines, "a line has two results"
                    self.lines[line["line"]] = line
                    self.order.append(line["line"])
                self.changed.notify_all()

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.lines) >= count, LIMIT)

    def aggregate(self, rows: list[Any]) -> None:
        assert self._over.wait(LIMIT)
        self._ask("batch.rows", rows=rows, last=True)

    def result(self) -> dict[str, Any]:
        value: dict[str, Any] = self.pending.result(LIMIT)
        return value

    def answers(self) -> dict[int, Any]:
        return {
            index: line["outputs"]["answer"]
            for index, line in sorted(self.lines.items())
            if line["status"] == "Completed"
        }

    def errors(self) -> dict[int, str]:
        return {
            index: line["error"]["code"]
            for index, line in sorted(self.lines.items())
            if line["status"] == "Failed"
        }


def test_every_line_has_one_result(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    batch = Batch(worker, make_flow("return text * 2"), range(3000))
    assert batch.result()["status"] == "Completed"
    assert batch.answers() == {i: f"{i}{i}" for i in range(3000)}


def test_a_line_fails_alone(worker: Worker, make_flow: Callable[..., Flow]) -> None:
    flow = make_flow("return 1 // (int(text) % 5)", "return text + 1")
    batch = Batch(worker, flow, range(20))
    assert batch.result()["status"] == "Completed"
    assert set(batch.errors()) == {0, 5, 10, 15}
    failed = batch.lines[5]
    assert failed["error"]["node"] == "step1"
    assert failed["nodes"]["step1"]["error"]["exception"]["type"] == "ZeroDivisionError"
    assert failed["nodes"]["step2"]["status"] == "NotStarted"


def test_what_a_line_prints_stays_with_its_node(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    batch = Batch(worker, make_flow("print('line', text)\nreturn text"), range(50))
    batch.result()
    for index, line in batch.lines.items():
        assert line["nodes"]["step1"]["logs"]["stdout"].endswith(f"line {index}\n")


def test_lines_that_work_use_every_processor(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    body = "end = time.process_time() + 0.02\n"
    body += "while time.process_time() < end: pass\nreturn os.getpid()"
    batch = Batch(worker, make_flow(body), range(100))
    batch.result()
    import os

    assert len(set(batch.answers().values())) == min(2, os.cpu_count() or 1)


def test_lines_that_wait_run_side_by_side(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    head = "live = []\nmost = [0]\nguard = threading.Lock()"
    body = """\
    with guard:
        live.append(1)
        most[0] = max(most[0], len(live))
    time.sleep(0.1)
    with guard:
        live.pop()
    return most[0]
    """
    batch = Batch(worker, make_flow(body, head=head), range(200))
    batch.result()
    assert max(batch.answers().values()) >= 3


def test_no_more_lines_at_once_than_workers(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    head = "live = []\nmost = [0]\nguard = threading.Lock()"
    body = """\
    with guard:
        live.append(1)
        most[0] = max(most[0], len(live))
    time.sleep(0.05)
    with guard:
        live.pop()
    return [os.getpid(), most[0]]
    """
    batch = Batch(worker, make_flow(body, head=head), range(40), workers=1)
    batch.result()
    answers = list(batch.answers().values())
    assert {tuple(answer) for answer in answers} == {(answers[0][0], 1)}


@pytest.mark.parametrize(
    "death",
    ["os._exit(3)", "ctypes.string_at(0)", "os.kill(os.getpid(), 9)"],
    ids=["exit", "segfault", "kill"],
)
def test_a_crash_names_its_line_and_no_other(
    worker: Worker, make_flow: Callable[..., Flow], death: str
) -> None:
    flow = make_flow(f"if int(text) in (7, 300): {death}\nreturn text")
    batch = Batch(worker, flow, range(500))
    assert batch.result()["status"] == "Completed"
    assert batch.errors() == {7: "ProcessCrashError", 300: "ProcessCrashError"}
    assert len(batch.answers()) == 498


def test_a_line_that_takes_too_long_is_ended_alone(
    worker: Worker, make_flow: Callable[..., Flow], tmp_path: Any
) -> None:
    mark = tmp_path / "still"
    body = f"""\
    if text == '3':
        while True:
            open({str(mark)!r}, "a").close()
            os.utime({str(mark)!r})
            time.sleep(0.01)
    return text
    """
    batch = Batch(worker, make_flow(body), range(20), line_timeout=4.0)
    assert batch.result()["status"] == "Completed"
    assert batch.errors() == {3: "LineExecutionTimeoutError"}
    assert batch.lines[3]["nodes"]["step1"]["status"] == "Canceled"
    assert len(batch.answers()) == 19
    # the code is over, not only the line
    before = mark.stat().st_mtime_ns
    threading.Event().wait(0.2)
    assert mark.stat().st_mtime_ns == before


def test_a_line_that_holds_the_interpreter_is_ended_too(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    body = """\
    if text == '1':
        ctypes.PyDLL(None).sleep(600)
    return text
    """
    batch = Batch(worker, make_flow(body), range(4), line_timeout=3.0)
    assert batch.result()["status"] == "Completed"
    assert batch.errors() == {1: "LineExecutionTimeoutError"}
    assert set(batch.answers()) == {0, 2, 3}


def test_a_batch_can_be_stopped(
    worker: Worker, make_flow: Callable[..., Flow], until: Callable[..., Any]
) -> None:
    flow = make_flow("time.sleep(0 if int(text) < 5 else 600)\nreturn text")
    batch = Batch(worker, flow, range(20))
    batch.wait_for(4)
    assert batch.pending.cancel()
    assert batch.result()["status"] == "Canceled"
    assert set(batch.lines) <= {0, 1, 2, 3, 4}
    until(lambda: len(worker.processes("executor")) <= 2)


def test_a_flow_that_cannot_be_loaded_fails_as_a_whole(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    flow = make_flow("return text", head="import nothing_like_this")
    batch = Batch(worker, flow, range(20))
    result = batch.result()
    assert result["status"] == "Failed"
    assert result["error"]["code"] == "PythonLoadError"
    assert batch.lines == {}


def test_code_that_ends_the_process_while_it_loads(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    batch = Batch(worker, make_flow("return text", head="os._exit(4)"), range(5))
    result = batch.result()
    assert result["status"] == "Failed"
    assert result["error"]["code"] == "ProcessCrashError"
    assert "loaded" in result["error"]["message"]


def test_no_lines_are_a_batch_too(
    worker: Worker, make_flow: Callable[..., Flow]
) -> None:
    batch = Batch(worker, make_flow("return text"), [])
    assert batch.result()["status"] == "Completed"
    assert batch.lines == {}


def test_secrets_stay_hidden(worker: Worker, make_flow: Callable[..., Flow]) -> None:
    connections = {
        "c": {
            "type": "CustomConnection",
            "module": "promptflow.connections",
            "value": {"k": "sesame-open"},
            "secret_keys": ["k"],
        }
    }
    body = """\
    print('is sesame-open')
    os.write(1, b'sesame-open and so on')
    raise ValueError('sesame-open')
    """
    flow = make_flow(body)
    batch = Batch(worker, flow, range(3), connections=connections)
    batch.result()
    assert "sesame-open" not in repr(batch.lines) + batch.log
    assert "*****" in batch.lines[0]["error"]["message"]
