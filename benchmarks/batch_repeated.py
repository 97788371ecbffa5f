"""Ten batches in one kernel: is the tenth as fast as the first, and what is left over?

    python benchmarks/batch_repeated.py [--rounds 3] [--rows 5000] [--compute docker]

Open files, threads and children of this process are counted after each batch, and the
processes in the runtime and the workspace's containers, too. The first batch warms up
what there is, which is part of its time; the tenth must not be slower by more than a
tenth. The speed of a virtual machine changes within seconds, so that the quickest first
and the quickest tenth of some rounds are compared, each with a runtime of its own.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

HELLO = ROOT / "examples" / "hello"
SETTLE_SECONDS = 60.0


@dataclass(frozen=True)
class Held:
    """What this process and its runtime hold."""

    files: int
    threads: int
    children: int
    inside: int
    """Processes in the runtime."""
    containers: int

    def beyond(self, other: Held) -> list[str]:
        """Return what there is more of than in another count."""
        before = vars(other)
        return [name for name, count in vars(self).items() if count > before[name]]


def held(workspace: Any, runtime: Any) -> Held:
    """Count."""
    from pf_jupyter.runtimes.identity import WORKSPACE

    gc.collect()
    channel = workspace.core.life.channels.peek(runtime.id)
    compute = runtime.to_dict()["compute"]
    engine = workspace.core.life.computes.engine(compute)
    inside = channel.request("stats").result(SETTLE_SECONDS)["processes"]
    # one executor may stand ready for whatever is run next, however many batches ran
    spares = min(1, sum(process["kind"] == "executor" for process in inside))
    # counted first: asking an engine leaves a connection to it open
    containers = len(engine.find({WORKSPACE: workspace.core.store.id}))
    # a folder that is being listed is a file, too
    files = len(os.listdir("/proc/self/fd")) - 1
    return Held(
        files,
        threading.active_count(),
        len(_children()),
        len(inside) - spares,
        containers,
    )


def settled(workspace: Any, runtime: Any, wanted: Held | None) -> Held:
    """Count until nothing is left over; what ends a moment later is not left over."""
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        found = held(workspace, runtime)
        if wanted is None or not found.beyond(wanted) or time.monotonic() > end:
            return found
        time.sleep(0.05)


def _children() -> list[str]:
    found = []
    for task in os.listdir("/proc/self/task"):
        try:
            found += Path(f"/proc/self/task/{task}/children").read_text().split()
        except OSError:
            continue  # a thread that has just ended
    return found


def repeat(
    workspace: Any, runtime: Any, folder: Path, batches: int, rows: int
) -> tuple[list[float], list[Held]]:
    """Run so many batches; return the seconds of each and what was held after it."""
    data = folder / "rows.jsonl"
    data.write_text("".join(f'{{"name": "n{n}"}}\n' for n in range(rows)))
    seconds: list[float] = []
    left: list[Held] = []
    for _ in range(batches):
        begin = time.perf_counter()
        run = runtime.batch(HELLO, data)
        seconds.append(time.perf_counter() - begin)
        assert run.counts["completed"] == rows, run
        left.append(settled(workspace, runtime, left[0] if left else None))
    return seconds, left


def main() -> None:
    """Run it and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=5000)
    parser.add_argument("--compute", default="docker")
    parser.add_argument(
        "--counts", action="store_true", help="judge what is held, and not the time"
    )
    asked = parser.parse_args()
    from pf_jupyter.workspace.local import LocalWorkspace

    first, last, more = [], [], []
    for _ in range(asked.rounds):
        with tempfile.TemporaryDirectory() as name:
            workspace = LocalWorkspace(Path(name) / "home")
            runtime = workspace.runtimes.create("repeated", compute=asked.compute)
            try:
                seconds, left = repeat(
                    workspace, runtime, Path(name), asked.batches, asked.rows
                )
            finally:
                runtime.delete()
                workspace.close()
        print("seconds: " + " ".join(f"{one:.2f}" for one in seconds))
        for number in (0, -1):
            print(f"after batch {number % len(left) + 1}: {left[number]}", flush=True)
        first.append(seconds[0])
        last.append(seconds[-1])
        more += left[-1].beyond(left[0])
    ratio = min(last) / min(first)
    met = (asked.counts or ratio <= 1.1) and not more
    print(
        f"the last takes {ratio:.2f} of the first, more than after the first: "
        f"{', '.join(more) or 'nothing'}: {'met' if met else 'MISSED'}"
    )
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
