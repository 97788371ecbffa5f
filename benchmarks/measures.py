"""What is measured. Each function returns lists of times, taken alternately."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pf_jupyter.engines.docker import DockerEngine
from pf_jupyter.environments import base, interpreter
from pf_jupyter.environments.default import DEFAULT_PACKAGES
from pf_jupyter.environments.interpreter import with_requirements
from pf_jupyter.workspace.api import Workspace

HERE = Path(__file__).resolve().parent
HELLO = HERE.parent / "examples" / "hello"
OUTPUTS = {"greeting": "Hello, Ada!"}
Times = dict[str, list[float]]


def _timed(action: Callable[[], object]) -> float:
    begin = time.perf_counter()
    action()
    return (time.perf_counter() - begin) * 1000


def _alternate(contestants: dict[str, Callable[[], float]], repeat: int) -> Times:
    times: Times = {name: [] for name in contestants}
    for _ in range(repeat):
        for name, measure in contestants.items():
            times[name].append(measure())
    return times


@contextmanager
def opponent(python: Path, settings: str) -> Iterator[Callable[[], float]]:
    """A client of the published package that runs hello once a call, in ms.

    ``settings`` are those of opponent.py: ``installed`` or ``quiet``.
    """
    with tempfile.TemporaryDirectory() as folder:
        flow = Path(folder) / "hello"
        shutil.copytree(HELLO, flow)
        process = subprocess.Popen(
            [python, "-W", "ignore", HERE / "opponent.py", flow, settings],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout

        def once() -> float:
            process.stdin.write('{"name": "Ada"}\n')
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["outputs"] == OUTPUTS
            return float(answer["ms"])

        try:
            yield once
        finally:
            process.stdin.close()
            process.wait(timeout=60)


def warm_runs(workspace: Workspace, computes: list[str], python: Path, repeat: int):
    """``rt.run(hello)`` on each compute beside the published client's ``test``."""
    runtimes = {
        name: workspace.runtimes.create(f"bench-{name}", compute=name)
        for name in computes
    }

    def ours(name: str) -> Callable[[], float]:
        def once() -> float:
            def run() -> None:
                assert runtimes[name].run(HELLO, name="Ada").outputs == OUTPUTS

            return _timed(run)

        return once

    try:
        with opponent(python, "installed") as installed, opponent(python, "quiet") as q:
            contestants = {name: ours(name) for name in computes}
            contestants |= {"published": installed, "published, quiet": q}
            first = {name: [once()] for name, once in contestants.items()}
            for once in contestants.values():
                for _ in range(3):
                    once()
            return first, _alternate(contestants, repeat)
    finally:
        for runtime in runtimes.values():
            runtime.delete()


def first_answers(workspace: Workspace, repeat: int) -> Times:
    """``runtime create`` to the first answer, beside a bare ``docker run``.

    The bare container is of the same image, and the time ends at the first byte that
    its Python prints.
    """
    probe = workspace.runtimes.create("bench-probe", compute="docker")
    image = _image_of(str(probe.to_dict()["container_id"]))
    probe.delete()
    command = ["docker", "run", "--rm", image, "python", "-c", "print(1)"]

    def create() -> float:
        begin = time.perf_counter()
        runtime = workspace.runtimes.create("bench-first", compute="docker")
        try:
            assert runtime.run(HELLO, name="Ada").outputs == OUTPUTS
            return (time.perf_counter() - begin) * 1000
        finally:
            runtime.delete()

    def bare() -> float:
        begin = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.read(1) == b"1"
            return (time.perf_counter() - begin) * 1000

    create()
    bare()
    return _alternate({"create and run": create, "docker run": bare}, repeat)


def _image_of(container: str) -> str:
    shown = subprocess.run(
        ["docker", "inspect", "--format", "{{.Image}}", container],
        capture_output=True,
        text=True,
        check=True,
    )
    return shown.stdout.strip()


def base_images(repeat: int) -> Times:
    """A base image from this machine's Python, each time from nothing."""
    engine = DockerEngine()
    python = interpreter.running()
    times: Times = {"base image": []}
    try:
        for number in range(repeat):
            reference = f"pf_jupyter/bench:{os.getpid()}-{number}"
            with tempfile.TemporaryDirectory() as folder:
                begin = time.perf_counter()
                base.build_base(
                    engine,
                    reference,
                    interpreter=python,
                    packages=with_requirements(DEFAULT_PACKAGES),
                    labels={"pf_jupyter.bench": str(os.getpid())},
                    folder=Path(folder),
                )
                times["base image"].append((time.perf_counter() - begin) * 1000)
            engine.remove_image(reference)
    finally:
        engine.close()
    return times


def imports(repeat: int) -> Times:
    """A fresh interpreter with and without ``import pf_jupyter``."""

    def start(code: str) -> Callable[[], float]:
        command = [sys.executable, "-c", code]
        return lambda: _timed(lambda: subprocess.run(command, check=True))

    contestants = {"import": start("import pf_jupyter"), "bare": start("pass")}
    for once in contestants.values():
        once()
    return _alternate(contestants, repeat)
