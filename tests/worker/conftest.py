"""A worker of one's own, started as a runtime starts it, and nothing left behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.errors import Unreachable
from pf_jupyter.runtimes import bundle
from pf_jupyter.runtimes.channel import Pending, WorkerChannel

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13", "3.14")
MARK = "PF_TEST_WORKER"


def _interpreters() -> dict[str, str]:
    """Return the Pythons of this machine that really start, by version."""
    found = {f"{sys.version_info[0]}.{sys.version_info[1]}": sys.executable}
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in VERSIONS:
        candidates = [str(p) for p in sorted(root.glob(f"{version}.*/bin/python"))]
        on_path = shutil.which(f"python{version}")
        for candidate in [*candidates, *([on_path] if on_path else [])]:
            if version in found:
                break
            says = f"import sys; print('%d.%d' % sys.version_info[:2] == '{version}')"
            with contextlib.suppress(OSError):
                answer = subprocess.run(
                    [candidate, "-I", "-c", says],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if answer.stdout.strip() == "True":
                    found[version] = candidate
    return found


INTERPRETERS = _interpreters()


class PipeStream:
    """A `ByteStream` to a program on this machine."""

    def __init__(self, command: list[str], environment: Mapping[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=dict(environment),
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._in, self._out = self.process.stdin, self.process.stdout
        self._errors = bytearray()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        while data := self.process.stderr.read(4096):
            self._errors += data

    def read(self, size: int) -> bytes:
        return self._out.read(size) or b""

    def write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[self._in.write(view) :]
        except (OSError, ValueError):
            raise Unreachable("the program is gone") from None

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._in.close()

    def stderr(self) -> str:
        return self._errors.decode("utf-8", "replace")

    def end(self) -> int:
        """Wait for the program's end and release everything."""
        self.close()
        code = self.process.wait(60)
        self._listener.join(60)
        self._out.close()
        assert self.process.stderr is not None
        self.process.stderr.close()
        return code


@dataclass(frozen=True)
class File:
    path: str
    digest: str
    size: int
    mode: int
    absolute: Path


class Folder:
    """A snapshot of a flow folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = []
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            data = path.read_bytes()
            digest = hashlib.sha256(data).hexdigest()
            name = path.relative_to(root).as_posix()
            self.files.append(File(name, digest, len(data), 0o644, path))
        text = "".join(f"{file.path}\0{file.digest}\0" for file in self.files)
        self.digest = hashlib.sha256(text.encode()).hexdigest()


@dataclass
class Flow:
    """A flow of Python nodes that follow each other, and its folder."""

    flow: dict[str, Any]
    snapshot: Folder


class Worker:
    """A running worker with a channel to it."""

    def __init__(self, stream: PipeStream, timeout: float = 60.0) -> None:
        self.stream = stream
        self.channel = WorkerChannel(stream)
        self.hello = self.channel.handshake(timeout)

    @property
    def pid(self) -> int:
        return self.stream.process.pid

    def begin(self, made: Flow, **fields: Any) -> Pending:
        body = {"flow": made.flow, "inputs": {}, "mode": "flow", **fields}
        return self.channel.run(made.snapshot, body)

    def run(self, made: Flow, **fields: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.begin(made, **fields).result(60)
        return result

    def inspect(self, made: Flow, **fields: Any) -> dict[str, Any]:
        body = {"flow": made.flow, "nodes": None, **fields}
        result: dict[str, Any] = self.channel.inspect(made.snapshot, body).result(60)
        return result

    def processes(self, kind: str) -> list[dict[str, Any]]:
        stats = self.channel.request("stats").result(60)
        return [entry for entry in stats["processes"] if entry["kind"] == kind]

    def end(self) -> int:
        self.channel.close()
        return self.stream.end()


def marked(mark: str) -> list[int]:
    """Return the processes, zombies too, that a worker with this mark started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes():
                    found.append(int(entry.name))
    return found


def eventually(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return what ``condition`` gives as soon as it is true."""
    deadline = time.monotonic() + seconds
    while not (value := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert value
    return value


@pytest.fixture
def until() -> Callable[..., Any]:
    return eventually


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


@pytest.fixture
def living(mark: str) -> Callable[[], list[int]]:
    """Tell which processes of this test's workers exist now."""
    return lambda: marked(mark)


@pytest.fixture
def start_worker(tmp_path: Path, mark: str) -> Iterator[Callable[..., Worker]]:
    """Start workers; at the end of the test, nothing of them may be left."""
    started: list[Worker] = []
    folder = tmp_path / "worker"

    def start(
        python: str = sys.executable, spawn: bool = False, **variables: str
    ) -> Worker:
        environment = {
            **os.environ,
            MARK: mark,
            "PF_WORKER_DIR": str(folder),
            "PF_WORKER_START": "spawn" if spawn else "fork",
            **variables,
        }
        worker = Worker(PipeStream(bundle.command([python]), environment))
        started.append(worker)
        return worker

    yield start
    for worker in started:
        code = worker.end()
        assert code == 0, worker.stream.stderr()
    eventually(lambda: not marked(mark))
    assert not list(folder.glob("work-*"))


@pytest.fixture
def worker(start_worker: Callable[..., Worker]) -> Worker:
    return start_worker()


@pytest.fixture
def make_flow(tmp_path: Path) -> Callable[..., Flow]:
    """Make a flow from the bodies of its nodes' functions, each given ``text``."""
    count = iter(range(1000))

    def make(
        *bodies: str, head: str = "", files: Mapping[str, str] | None = None
    ) -> Flow:
        files = files or {}
        root = tmp_path / f"flow{next(count)}"
        root.mkdir()
        for name, content in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(content)
        nodes = []
        for number, body in enumerate(bodies, 1):
            name = f"step{number}"
            source = (
                "import ctypes, os, signal, subprocess, sys, threading, time\n"
                "from promptflow.core import tool\n"
                + textwrap.dedent(head)
                + f"\n@tool\ndef {name}(text: str):\n"
                + textwrap.indent(textwrap.dedent(body), "    ")
            )
            if f"{name}.py" not in files:
                (root / f"{name}.py").write_text(source)
            before = f"${{step{number - 1}.output}}" if number > 1 else "${inputs.text}"
            nodes.append(
                {
                    "name": name,
                    "type": "python",
                    "source": {"type": "code", "path": f"{name}.py"},
                    "inputs": {"text": before},
                }
            )
        reference = f"${{step{len(bodies)}.output}}"
        flow = {
            "name": root.name,
            "inputs": {"text": {"name": "text", "type": "string", "default": "hi"}},
            "outputs": {
                "answer": {"name": "answer", "type": "string", "reference": reference}
            },
            "nodes": nodes,
        }
        return Flow(flow, Folder(root))

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests that take ``python`` on every Python of this machine."""
    if "python" in metafunc.fixturenames:
        metafunc.parametrize(
            "python",
            list(INTERPRETERS.values()),
            ids=[f"python{version}" for version in INTERPRETERS],
        )
