"""Batches, ours and the published promptflow's, on the same flows and data, in turns.

    python benchmarks/batch.py [--rounds 2] [--only hello] [--output FILE]

Prints lines per second, ratios and peak memory, and writes them as JSON to
``benchmarks/results/``. PF_ORACLE_PYTHON names an interpreter that has promptflow.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from peak import Peak, beside  # noqa: E402
from run import published_python  # noqa: E402

import pf_jupyter  # noqa: E402

RUNTIME = "benchmark-batch"
HOST = """\
import json, sys
from pathlib import Path
from pf_jupyter.workspace.local import LocalWorkspace
home, flow, data = sys.argv[1:]
workspace = LocalWorkspace(Path(home))
runtime = workspace.runtimes.get("benchmark-batch")
run = runtime.batch(flow, data, mapping=json.load(sys.stdin))
print(run.counts["completed"])
workspace.close()
"""
SETTLE_SECONDS = 2.0
OURS = 3
"""Runs of ours in each turn; together they take a fraction of one of theirs."""
BURN = """\
import time

from promptflow.core import tool


@tool
def burn(x: int) -> int:
    end = time.thread_time() + 0.02
    while time.thread_time() < end:
        pass
    return x
"""
BURN_FLOW = """\
inputs:
  x: {type: int}
outputs:
  out: {type: int, reference: "${burn.output}"}
nodes:
- name: burn
  type: python
  source: {type: code, path: burn.py}
  inputs: {x: "${inputs.x}"}
"""


@dataclass
class Job:
    """One flow over so many rows; ``wanted`` is the ratio that is promised."""

    name: str
    flow: Path
    rows: int
    mapping: dict[str, str]
    wanted: float


@dataclass
class Result:
    """Best of the rounds: lines per second and megabytes at the peak."""

    name: str
    rows: int
    ours: float
    theirs: float
    wanted: float
    our_peak: float
    their_peak: float

    @property
    def ratio(self) -> float:
        """How many times as fast."""
        return self.ours / self.theirs


def jobs(folder: Path) -> list[Job]:
    """Return what is measured; the flow that burns time is made in ``folder``."""
    burn = folder / "burn"
    burn.mkdir()
    (burn / "flow.dag.yaml").write_text(BURN_FLOW)
    (burn / "burn.py").write_text(BURN)
    examples = ROOT / "examples"
    letter = {"guest": "${data.name}", "occasion": "${data.text}"}
    judged = {"groundtruth": "${data.name}", "prediction": "${data.text}"}
    return [
        Job("hello", examples / "hello", 5000, {"name": "${data.name}"}, 80),
        Job("prompt", examples / "prompt-only", 1000, letter, 60),
        Job("burn 20 ms", burn, 500, {"x": "${data.x}"}, 3),
        Job("evaluation", examples / "evaluation", 1000, judged, 60),
    ]


def write_rows(file: Path, count: int) -> None:
    """Write rows that every flow can take something of."""
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            row = {"name": f"n{number % 7}", "text": f"n{number % 9}", "x": number}
            stream.write(json.dumps(row) + "\n")


class Opponent:
    """The published package in a process that stays for all rounds."""

    def __init__(self) -> None:
        script = Path(__file__).with_name("batch_opponent.py")
        self._process = subprocess.Popen(
            [str(published_python()), str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, job: Job, data: Path) -> dict[str, Any]:
        """Run one batch."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        asked = {"flow": str(job.flow), "data": str(data), "mapping": job.mapping}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def run_ours(runtime: Any, job: Job, data: Path) -> dict[str, Any]:
    """Run one batch."""
    begin = time.perf_counter()
    run = runtime.batch(job.flow, data, mapping=job.mapping)
    seconds = time.perf_counter() - begin
    assert run.status == "Completed", run.error
    return {"seconds": seconds, "lines": run.counts["completed"]}


def memory_of_ours(home: Path, container: str | None, job: Job, data: Path) -> float:
    """Return the peak of a process that runs the batch, and of the runtime's.

    It is a process of its own, as a kernel or a command is: what this one needs to
    measure with does not count. No other process has a worker in the runtime.
    """
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(home), str(job.flow), str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        text=True,
    )
    inside = _first_process(container) if container else None
    also = (lambda: beside(inside)) if inside else tuple
    with Peak(host.pid, also=also, every=0.05) as peak:
        answer = host.communicate(json.dumps(job.mapping))[0]
    assert answer.strip() == str(job.rows), answer
    return peak.megabytes


def _first_process(container: str) -> int:
    shown = subprocess.run(
        ["docker", "inspect", "--format", "{{.State.Pid}}", container],
        capture_output=True,
        text=True,
        check=True,
    )
    return int(shown.stdout)


def measure(rounds: int, only: str | None, compute: str) -> list[Result]:
    """Take turns and keep the best of each side."""
    results = []
    home = Path(os.environ["PF_JUPYTER_HOME"])
    workspace = pf_jupyter.connect()
    runtime = workspace.runtimes.create(RUNTIME, compute=compute)
    container = runtime.to_dict()["container_id"]
    opponent = Opponent()
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for job in jobs(folder):
                if only not in (None, job.name):
                    continue
                data = folder / f"{job.rows}.jsonl"
                write_rows(data, job.rows)
                ours, theirs = [], []
                for _ in range(rounds):
                    theirs.append(opponent.run(job, data))
                    # Its processes are still ending when it has answered.
                    time.sleep(SETTLE_SECONDS)
                    ours += [run_ours(runtime, job, data) for _ in range(OURS)]
                workspace.close()
                memory = memory_of_ours(home, container, job, data)
                workspace = pf_jupyter.connect()
                runtime = workspace.runtimes.get(RUNTIME)
                for side in (*ours, *theirs):
                    assert side["lines"] == job.rows, (job.name, side)
                results.append(
                    Result(
                        job.name,
                        job.rows,
                        job.rows / min(one["seconds"] for one in ours),
                        job.rows / min(one["seconds"] for one in theirs),
                        job.wanted,
                        memory,
                        max(one["peak"] for one in theirs),
                    )
                )
                print(line(results[-1]), flush=True)
    finally:
        opponent.close()
        runtime.delete()
        workspace.close()
    return results


def line(result: Result) -> str:
    """Return a result in one line."""
    met = "met" if result.ratio >= result.wanted else "MISSED"
    return (
        f"{result.name} x {result.rows}: {result.ours:.0f} lines/s, theirs "
        f"{result.theirs:.1f}: {result.ratio:.0f}x (wanted {result.wanted:g}x, {met}); "
        f"peak {result.our_peak:.0f} MB, theirs {result.their_peak:.0f} MB"
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only")
    parser.add_argument("--compute", default="docker")
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["PF_JUPYTER_HOME"] = home
        found = measure(arguments.rounds, arguments.only, arguments.compute)
    place = Path(__file__).parent / "results" / "batch.json"
    place = arguments.output or place
    place.parent.mkdir(exist_ok=True)
    document = {
        "at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "results": [asdict(result) | {"ratio": result.ratio} for result in found],
    }
    place.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
