"""What one line costs in a process that has its flow ready, beside the published one.

    python benchmarks/in_process.py [--repeat 200] [--output FILE]

Ours is what an executor of a batch does for each line (``BatchFlow.line``), theirs
``FlowExecutor.exec_line`` in an interpreter of its own that stays up; both make inputs
fit, run up to 16 nodes at once, keep a record of each node with its inputs, output,
times and logs, and give the outputs. They answer in turns and must agree. No runtime,
no container and no store takes part. Beside it, without a target, stands a run by
itself (``run_flow``), which also sends events and sets up folder and environment.
Prints a table of medians and ratios and writes everything as JSON to
``benchmarks/results/``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
HERE = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(HERE)]
sys.path.append(str(ROOT / "pf_jupyter" / "worker" / "compat"))

from run import Row, published_python, report  # noqa: E402

from pf_jupyter.flow.snapshot import load  # noqa: E402
from pf_jupyter.worker import execution  # noqa: E402
from pf_jupyter.worker.execution.batch import BatchFlow  # noqa: E402

TOOL = "from promptflow.core import tool\n\n\n@tool\n"
SLEEP_SECONDS = 0.1
CONCURRENCY = 16
"""Nodes at once, as ``exec_line`` has it unless it is told."""
LINES = 10
"""Lines in a row before it is the other's turn: what a batch would see of each."""


def flows(folder: Path) -> dict[str, tuple[Path, float]]:
    """Write the flows to measure; each with how many times faster ours must be."""
    hello = TOOL + "def step(text: str) -> str:\n    return text.upper()\n"
    add = TOOL + "def step(text: str) -> str:\n    return text + '.'\n"
    sleep = (
        "import asyncio\n\n" + TOOL + "async def step(text: str) -> str:\n"
        f"    await asyncio.sleep({SLEEP_SECONDS})\n    return text\n"
    )
    chain = [_node("n0", "${inputs.text}")]
    chain += [_node(f"n{i}", f"${{n{i - 1}.output}}") for i in range(1, 10)]
    fan = [_node(f"n{i}", "${inputs.text}") for i in range(20)]
    activate = [
        _node("n0", "${inputs.text}"),
        {
            **_node("n1", "${n0.output}"),
            "activate": {"when": "${n0.output}", "is": "no"},
        },
        {**_node("n2", "${n0.output}"), "activate": {"when": "${inputs.n}", "is": 3}},
        _node("n3", "${n2.output}"),
    ]
    prompt = {
        **_node("n0", "${inputs.text}"),
        "type": "prompt",
        "source": {"type": "code", "path": "step.jinja2"},
    }
    template = (
        "Hello {{text}}!\n{% for i in range(3) %}\n- {{i}}: {{text}}\n{% endfor %}\n"
    )
    made = {
        "hello": ([_node("n0", "${inputs.text}")], hello, "n0", 20.0),
        "chain of 10": (chain, add, "n9", 10.0),
        "fan of 20": (fan, add, "n19", 10.0),
        "prompt": ([prompt], template, "n0", 20.0),
        "activate": (activate, add, "n3", 10.0),
        "fan of 20 async sleeps": (fan, sleep, "n19", 0.0),
    }
    written = {}
    for name, (nodes, source, last, wanted) in made.items():
        place = folder / name.replace(" ", "-")
        place.mkdir()
        document = {
            "inputs": {
                "text": {"type": "string"},
                "n": {"type": "int", "default": 3},
            },
            "outputs": {"out": {"type": "string", "reference": f"${{{last}.output}}"}},
            "nodes": nodes,
        }
        (place / "flow.dag.yaml").write_text(json.dumps(document), encoding="utf-8")
        file = "step.jinja2" if name == "prompt" else "step.py"
        (place / file).write_text(source, encoding="utf-8")
        written[name] = (place, wanted)
    return written


def _node(name: str, text: str) -> dict[str, Any]:
    source = {"type": "code", "path": "step.py"}
    inputs = {"text": text}
    return {"name": name, "type": "python", "source": source, "inputs": inputs}


def ours(place: Path) -> Callable[[], tuple[float, Any]]:
    """Return what runs one line of a flow here and gives milliseconds and outputs."""
    flow, _ = load(place).require()
    request = {"flow": flow.to_dict(), "node_concurrency": CONCURRENCY}
    batch = BatchFlow(request, str(place))
    assert batch.open() is None

    def once() -> tuple[float, Any]:
        os.chdir(place)  # an executor is in its flow's folder already
        begin = time.perf_counter()
        result = batch.line(0, {"text": "Ada"}).run()
        return (time.perf_counter() - begin) * 1000, result["outputs"]

    return once


def whole_run(place: Path) -> Callable[[], tuple[float, Any]]:
    """Return what runs a flow once, not as a line of a batch; otherwise as `ours`."""
    flow, _ = load(place).require()
    raw = flow.to_dict()
    execution.prepare(raw, str(place))
    request = {"flow": raw, "inputs": {"text": "Ada"}, "mode": "flow"}

    def once() -> tuple[float, Any]:
        os.chdir(place)
        begin = time.perf_counter()
        result = execution.run_flow(request, str(place), lambda event: None)
        return (time.perf_counter() - begin) * 1000, result["outputs"]

    return once


class Published:
    """The published executor in an interpreter of its own."""

    def __init__(self, python: Path) -> None:
        self._process = subprocess.Popen(
            [str(python), str(HERE / "in_process_opponent.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def once(self, place: Path) -> tuple[float, Any]:
        """Run a flow once and return milliseconds and outputs."""
        assert self._process.stdin
        assert self._process.stdout
        asked = {"flow": str(place / "flow.dag.yaml"), "inputs": {"text": "Ada"}}
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or "{}")
        if "ms" not in answer:
            raise RuntimeError(f"the published executor failed: {answer}")
        return answer["ms"], answer["outputs"]

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(timeout=30)
        self._process.stdout.close()


def measure(repeat: int) -> tuple[list[Row], dict[str, Any]]:
    """Run everything, in turns, and return the table's rows and all times."""
    rows: list[Row] = []
    beside: list[Row] = []
    raw: dict[str, Any] = {}
    published = Published(published_python())
    folder_before = os.getcwd()
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, (place, wanted) in flows(Path(folder).resolve()).items():
                contestants = {
                    "ours": ours(place),
                    "whole run": whole_run(place),
                    "published": lambda place=place: published.once(place),
                }
                for _ in range(5):
                    answers = [once()[1] for once in contestants.values()]
                    assert answers.count(answers[0]) == len(answers), name
                rounds, lines = (repeat // LINES, LINES) if wanted else (3, 1)
                times: dict[str, list[float]] = {who: [] for who in contestants}
                for _ in range(rounds):
                    for who, once in contestants.items():
                        times[who] += [once()[0] for _ in range(lines)]
                raw[name] = times
                rows.append(_row(name, times, "ours", wanted))
                beside.append(_row(f"{name}, whole run", times, "whole run", None))
    finally:
        os.chdir(folder_before)
        published.close()
    return rows + beside, raw


def _row(
    name: str, times: dict[str, list[float]], who: str, wanted: float | None
) -> Row:
    mine = statistics.median(times[who])
    theirs = statistics.median(times["published"])
    ratio = theirs / mine
    if wanted is None:
        return Row(name, mine, "exec_line", theirs, f"{ratio:.1f}x faster", "", True)
    met = ratio >= wanted if wanted else mine <= SLEEP_SECONDS * 1200
    target = f"≥ {wanted:g}x" if wanted else f"≤ {SLEEP_SECONDS * 1200:g} ms"
    return Row(name, mine, "exec_line", theirs, f"{ratio:.1f}x faster", target, met)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeat", type=int, default=200)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    rows, raw = measure(arguments.repeat)
    return report("in-process-", rows, raw, arguments)


if __name__ == "__main__":
    sys.exit(main())
