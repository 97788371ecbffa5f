"""A Dask cluster over two machines: as the runtime alone, faster, and cut in two.

    python benchmarks/cluster.py --requirement dask --requirement distributed

Two Docker engines, each in a network namespace of its own, stand for two machines. The
scheduler and a worker run on the first, a worker on the second; each worker has one
thread. The runtime, in the engine of this machine, gives them a batch whose node keeps
a processor busy. Told, as one JSON line each:

- ``local``: the runtime alone, one line at a time, and its outputs;
- ``one``, ``two``: the cluster with one and with two workers; outputs must be equal;
- ``cut``: the second machine's cable is pulled in the middle; complete and equal;
- ``version``: with ``--other FOLDER``, a folder with another version of Dask installed
  for the same Python, a worker of it joins: refused, in how many seconds and words.

It needs root, dockerd, ip, nsenter and openssl.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import docker

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from pf_jupyter.engines.docker import DockerEngine  # noqa: E402
from pf_jupyter.errors import PfError  # noqa: E402
from pf_jupyter.workspace.local import LocalWorkspace  # noqa: E402
from tests.engines.daemon import OwnDaemon, running_daemon, sh  # noqa: E402

PORT = 8786
FLOW = """\
inputs:
  x: {type: int}
outputs:
  out: {type: int, reference: '${burn.output}'}
nodes:
- name: burn
  type: python
  source: {type: code, path: burn.py}
  inputs: {x: '${inputs.x}', seconds: %s}
"""
BURN = """\
import time
from promptflow.core import tool


@tool
def burn(x: int, seconds: float) -> int:
    began = time.process_time()
    value = x
    while time.process_time() - began < seconds:
        value = (value * 1103515245 + 12345) % 2147483648
    return x * 2
"""
CPU = {"nano_cpus": 1_000_000_000}


class Machine:
    """A Docker engine in a network namespace, with a cable to the other machine."""

    def __init__(self, daemon: OwnDaemon, image: Path, name: str) -> None:
        self.daemon = daemon
        self.address = ""
        self.cable = ""
        engine = DockerEngine(daemon.address)
        self.image = engine.load(image)[0].id
        engine.close()
        self.client: Any = docker.DockerClient(base_url=daemon.address, version="1.40")
        self.name = name

    def run(self, *arguments: str, **options: Any) -> Any:
        """Start a program of Dask in the runtime's image, on the machine's network."""
        return self.client.containers.run(
            self.image,
            ["python", "-m", *arguments],
            detach=True,
            network_mode="host",
            user="1000",
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            read_only=True,
            tmpfs={"/tmp": "mode=1777"},
            **{**CPU, **options},
        )

    def worker(self, scheduler: str, **options: Any) -> Any:
        """Start a worker with one thread."""
        return self.run(
            *("distributed.cli.dask_worker", f"tcp://{scheduler}:{PORT}"),
            *("--host", self.address, "--nthreads", "1", "--no-dashboard"),
            *("--local-directory", "/tmp", "--no-nanny", "--death-timeout", "60"),
            **options,
        )

    def cut(self, up: bool = False) -> None:
        """Pull the cables of the machine, or put them in again."""
        namespace = self.daemon.namespace
        veth = namespace.replace("-", "")[:12]
        for device in (self.cable, f"{veth}i"):
            state = "up" if up else "down"
            sh("ip", "-n", namespace, "link", "set", device, state)


def join(first: Machine, second: Machine) -> None:
    """Lay a cable from one machine to the other."""
    one, other = "pfc" + first.daemon.namespace[3:], "pfc" + second.daemon.namespace[3:]
    sh("ip", "link", "add", one, "type", "veth", "peer", other)
    for machine, device, number in ((first, one, 1), (second, other, 2)):
        sh("ip", "link", "set", device, "netns", machine.daemon.namespace)
        inside = ("ip", "-n", machine.daemon.namespace)
        sh(*inside, "addr", "add", f"10.214.77.{number}/30", "dev", device)
        sh(*inside, "link", "set", device, "up")
        machine.cable = device
        machine.address = f"10.214.77.{number}"
    # The first is known by one address, from wherever it is looked for.
    host = first.daemon.host
    first.address = host
    inside = ("ip", "-n", second.daemon.namespace)
    sh(*inside, "route", "add", f"{host}/32", "via", "10.214.77.1", "dev", other)
    outside = ("ip", "-n", first.daemon.namespace)
    sh(*outside, "route", "add", "default", "via", first.daemon.outer)


@contextmanager
def machines(image: Path) -> Iterator[tuple[Machine, Machine]]:
    """Give two machines that see each other."""
    with ExitStack() as stack:
        daemons = [stack.enter_context(running_daemon()) for _ in range(2)]
        first, second = (
            Machine(daemon, image, name)
            for daemon, name in zip(daemons, "AB", strict=True)
        )
        join(first, second)
        try:
            yield first, second
        finally:
            for machine in (first, second):
                for container in machine.client.containers.list(all=True):
                    container.remove(force=True)
                machine.client.close()


def environment_of(workspace: LocalWorkspace, folder: Path, wanted: list[str]) -> Any:
    """Return a version of an environment that has Dask."""
    context = folder / "environment" / "image_build"
    context.mkdir(parents=True, exist_ok=True)
    (context.parent / "environment.yaml").write_text(
        "name: with-dask\nbuild:\n  path: image_build\n"
    )
    (context / "Dockerfile").write_text(
        "FROM pf_jupyter/base\nCOPY ./* ./\n"
        "RUN pip install --no-cache-dir -r requirements.txt\n"
    )
    (context / "requirements.txt").write_text("\n".join(wanted) + "\n")
    return workspace.environments.publish(context.parent)


def digest(run: Any) -> str:
    """Return a digest of a batch's outputs."""
    return hashlib.sha256(run.outputs_path.read_bytes()).hexdigest()[:12]


def middle(course: list[tuple[float, int]], lines: int) -> float:
    """Return the speed between a quarter and three quarters of the lines."""
    inner = [(at, n) for at, n in course if lines / 4 <= n <= 3 * lines / 4]
    if len(inner) < 2:
        return 0.0
    (start, before), (end, after) = inner[0], inner[-1]
    return round((after - before) / max(end - start, 1e-9), 1)


def right(run: Any, lines: int) -> bool:
    """Return whether each line is there once, with what belongs to it."""
    texts = run.outputs_path.read_text().splitlines()
    found = [json.loads(text) for text in texts]
    return found == [{"line_number": n, "out": n * 2} for n in range(lines)]


def told(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def timed(runtime: Any, flow: Path, rows: Any, **options: Any) -> dict[str, Any]:
    """Run a batch and return what is told of it."""
    course: list[tuple[float, int]] = []
    notes = []
    began = time.monotonic()

    def listen(event: Any) -> None:
        if event["event"] == "batch_progress":
            done = event["completed"] + event["failed"]
            course.append((time.monotonic() - began, done))
        elif event["event"] == "batch_note":
            notes.append(event["text"])

    run = runtime.batch(flow, rows, on_event=listen, **options)
    ended = time.monotonic()
    return {
        "status": run.status,
        "error": run.error,
        "completed": run.counts["completed"],
        "seconds": round(ended - began, 2),
        "lines_per_second": round(len(rows) / (ended - began), 1),
        "middle_lines_per_second": middle(course, len(rows)),
        "first_after": round(next((at for at, done in course if done), 0.0), 2),
        "last_after": round(next((at for at, n in course if n >= len(rows)), 0.0), 2),
        "outputs": digest(run),
        "right": right(run, len(rows)),
        "notes": notes,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requirement", action="append", default=[])
    parser.add_argument("--lines", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=0.02)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--other", type=Path)
    parser.add_argument("--steps", default="local,one,two,cut,version")
    given = parser.parse_args()
    wanted = given.requirement or ["dask", "distributed"]
    steps = given.steps.split(",")
    with tempfile.TemporaryDirectory() as folder:
        show(Path(folder), given, wanted, steps)


def show(folder: Path, given: Any, wanted: list[str], steps: list[str]) -> None:
    workspace = LocalWorkspace(given.home or folder / "home")
    image = folder / "image.tar"
    environment = environment_of(workspace, folder, wanted)
    engine = DockerEngine()
    engine.save([environment.image], image)
    engine.close()
    flow = folder / "flow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW % given.seconds)
    (flow / "burn.py").write_text(BURN)
    rows = [{"x": number} for number in range(given.lines)]
    runtime = workspace.runtimes.create(
        "cluster-show", environment=str(environment.name)
    )
    try:
        if "local" in steps:
            told(step="local", **timed(runtime, flow, rows, workers=1))
        with machines(image) as (first, second):
            scheduler = first.run(
                *("distributed.cli.dask_scheduler", "--host", first.address),
                *("--port", str(PORT), "--no-dashboard"),
                environment={"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "15s"},
            )
            first.worker(first.address)
            on = f"dask://{first.address}:{PORT}"
            try:
                cluster(runtime, flow, rows, on, first, second, steps, given.other)
            except BaseException:
                sys.stderr.write(scheduler.logs().decode()[-3000:])
                raise
    finally:
        runtime.delete()
        workspace.close()


def cluster(
    runtime: Any,
    flow: Path,
    rows: Any,
    on: str,
    first: Machine,
    second: Machine,
    steps: list[str],
    other: Path | None,
) -> None:
    if "one" in steps:
        told(step="one", **timed(runtime, flow, rows, on=on))
    far = second.worker(first.address)
    wait_for_workers(runtime, flow, on, 2)
    if "two" in steps:
        told(step="two", **timed(runtime, flow, rows, on=on))
    if "cut" in steps:
        many = [*rows, *({"x": n} for n in range(len(rows), 3 * len(rows)))]
        pulled: list[float] = []

        def pull() -> None:
            second.cut()
            pulled.append(time.monotonic())

        timer = threading.Timer(6.0, pull)
        timer.start()
        found = timed(runtime, flow, many, on=on)
        timer.join()
        after = round(time.monotonic() - pulled[0], 2)
        told(step="cut", seconds_after_cut=after, lines=len(many), **found)
        second.cut(up=True)
        host = second.daemon
        inside = ("ip", "-n", host.namespace)
        route = (f"{first.daemon.host}/32", "via", "10.214.77.1")
        sh(*inside, "route", "replace", *route, "dev", second.cable)
    if "version" in steps and other is not None:
        far.remove(force=True)
        second.worker(
            first.address,
            volumes={str(other): {"bind": "/other", "mode": "ro"}},
            environment={"PYTHONPATH": "/other"},
        )
        time.sleep(5)
        began = time.monotonic()
        try:
            timed(runtime, flow, rows, on=on)
        except PfError as error:
            took = round(time.monotonic() - began, 2)
            told(step="version", seconds=took, code=error.code, message=error.message)
        else:
            told(step="version", message="it was not refused")


def wait_for_workers(runtime: Any, flow: Path, on: str, count: int) -> None:
    """Run one line until the cluster has so many workers."""
    end = time.monotonic() + 120
    while True:
        try:
            found = runtime.batch(flow, [{"x": 1}], on=on).cluster["workers"]
        except PfError:
            found = 0
        if found >= count:
            return
        if time.monotonic() > end:
            raise SystemExit("the second worker did not come")
        time.sleep(0.5)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        raise SystemExit(str(error)) from None
