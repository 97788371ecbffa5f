"""A batch that is killed again and again, and resumed until all of it is there.

    python benchmarks/batch_kills.py [--rows 1000000] [--kills 10] [--seed 7]
    python benchmarks/batch_kills.py --memory [--rows 1000000]

At random moments one of these gets a SIGKILL, each kind in turn: the host process that
conducts the batch, the worker in the container, one of its executors, the container,
and the Docker engine (a second one, in a network namespace of its own; needs root). A
batch that has ended is resumed. After each kill the journal must be readable; at the
end every row must have one result, with the output that belongs to it.

``--memory`` runs 10,000 rows and then all, nothing killed, and compares the peaks of
all processes together: the host's, and those in the container.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

HELLO = ROOT / "examples" / "hello"
KINDS = ("executor", "host", "worker", "container", "engine")
RUNTIME = "kills"
PATIENCE = 900.0
_LOOK_SECONDS = 0.005
_HOST = """\
import json, sys
from pathlib import Path
from pf_jupyter.errors import PfError
from pf_jupyter.workspace.local import LocalWorkspace
home, run_id, data, flow = sys.argv[1:]
workspace = LocalWorkspace(Path(home))
try:
    if run_id == "-":
        runtime = workspace.runtimes.get("kills")
        run = runtime.batch(flow, data, mapping={"name": "${data.name}"})
    else:
        run = workspace.runs.batch(run_id).resume()
    print(json.dumps({"status": run.status, "error": run.error, "lines": run.counts}))
except PfError as error:
    print(json.dumps({"status": "refused", "error": error.to_dict()}))
finally:
    workspace.close()
"""


@dataclass
class Kill:
    """What was killed, when, and what the batch said of it."""

    kind: str
    lines: int
    """Results in the journal at that moment."""
    ended: str = ""
    """How the host's process ended: "" when it went on by itself."""
    cause: str = ""


@dataclass
class Report:
    """What came of it."""

    rows: int
    kills: list[Kill] = field(default_factory=list)
    resumes: int = 0
    seconds: float = 0.0
    completed: int = 0
    failed: int = 0
    repeated: int = 0
    """Lines that the journal has more than once."""
    wrong: int = 0
    """Lines whose output is not theirs."""


@dataclass
class Place:
    """Where it happens.

    Parameters
    ----------
    home
        The workspace's folder.
    docker_host
        Address of the engine; None means no container (kills of containers and engines
        are not possible then).
    kill_engine
        Ends the engine with SIGKILL and starts it again.
    """

    home: Path
    docker_host: str | None = None
    kill_engine: Callable[[], None] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the host's process is told."""
        found = {**os.environ, "PF_JUPYTER_HOME": str(self.home)}
        found["PYTHONPATH"] = str(ROOT)
        if self.docker_host is not None:
            found["DOCKER_HOST"] = self.docker_host
        return found

    @contextlib.contextmanager
    def workspace(self) -> Iterator[Any]:
        """Open the workspace in this process for a moment."""
        from pf_jupyter.engines.docker import DockerEngine
        from pf_jupyter.workspace.core import Core
        from pf_jupyter.workspace.local import LocalWorkspace

        def core(folder: Path) -> Core:
            if self.docker_host is None:
                return Core(folder)
            address = self.docker_host
            return Core(folder, {"docker": lambda: DockerEngine(address)})

        opened = LocalWorkspace(self.home, core)
        try:
            yield opened
        finally:
            opened.close()


def write_rows(file: Path, count: int) -> None:
    """Write rows for hello."""
    with file.open("w", encoding="utf-8") as stream:
        for number in range(count):
            stream.write(f'{{"name": "n{number}"}}\n')


def run_kills(
    place: Place, data: Path, rows: int, kinds: list[str], seed: int
) -> Report:
    """Run a batch over ``data`` in a runtime that is there, and kill it.

    Parameters
    ----------
    kinds
        What is killed, in this order; the moments are drawn with ``seed``.
    """
    chance = random.Random(seed)
    # between 2 % and 95 %: before it there may be nothing to lose, after it no time
    moments = sorted(chance.uniform(0.02, 0.95) * rows for _ in kinds)
    report = Report(rows)
    began = time.monotonic()
    journal = _Journal(place.home)
    host = _start(place, "-", data)
    for kind, moment in zip(kinds, moments, strict=True):
        host = _until(place, host, data, journal, int(moment), report)
        kill = Kill(kind, journal.count())
        report.kills.append(kill)
        _kill(kind, place, host)
        if kind == "host":
            host.wait()
        journal.check()
        say(f"{kind} killed after {kill.lines:,} lines")
    while True:
        host = _until(place, host, data, journal, rows, report)
        answer = _answer(host)
        if answer is not None and answer["status"] == "Completed":
            break
        host = _resume(place, data, report, answer)
    report.seconds = round(time.monotonic() - began, 1)
    _verify(journal, report)
    return report


def _start(place: Place, run_id: str, data: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _HOST, str(place.home), run_id, str(data), str(HELLO)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env=place.environment,
        text=True,
    )


def _answer(host: subprocess.Popen[str]) -> dict[str, Any] | None:
    text = host.communicate()[0]
    return json.loads(text) if text.strip() else None


def _until(
    place: Place,
    host: subprocess.Popen[str],
    data: Path,
    journal: _Journal,
    moment: int,
    report: Report,
) -> subprocess.Popen[str]:
    """Wait for so many results, resuming what has ended before; give the host."""
    deadline = time.monotonic() + PATIENCE
    while journal.count() < moment:
        assert time.monotonic() < deadline, f"only {journal.count()} lines"
        if host.poll() is not None:
            answer = _answer(host)
            if answer is not None and answer["status"] == "Completed":
                raise AssertionError(f"it ended with {journal.count()} lines: {answer}")
            host = _resume(place, data, report, answer)
        time.sleep(_LOOK_SECONDS)
    return host


def _resume(
    place: Place, data: Path, report: Report, answer: dict[str, Any] | None
) -> subprocess.Popen[str]:
    """Begin another process that takes the run up, as a person would do."""
    if report.kills:
        last = report.kills[-1]
        last.ended = answer["status"] if answer else "killed"
        last.cause = ((answer or {}).get("error") or {}).get("message", "")
    with place.workspace() as workspace:
        (listed,) = [r for r in workspace.runs.list() if r["mode"] == "batch"]
        say(f"  resumed: run {listed['status']} {report.kills[-1].cause}")
        assert listed["status"] in ("Interrupted", "Failed"), listed
    report.resumes += 1
    assert report.resumes < 5 * len(report.kills) + 5, report
    return _start(place, listed["run_id"], data)


class _Journal:
    """Counts the results in the journal as it grows."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._file: Path | None = None
        self._place = 0
        self._count = 0

    @property
    def file(self) -> Path:
        """Where it is."""
        assert self._file is not None
        return self._file

    def count(self) -> int:
        """Return how many whole lines there are."""
        if self._file is None:
            found = list(self._home.glob("runs/*/journal.jsonl"))
            if not found:
                return 0
            (self._file,) = found
        with self._file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            if size < self._place:  # a torn line was cut off
                self._place = self._count = 0
            stream.seek(self._place)
            while data := stream.read(1 << 20):
                self._count += data.count(b"\n")
                self._place += len(data)
        return self._count

    def check(self) -> None:
        """Read all of it, as whoever resumes does."""
        from pf_jupyter.runs.batch.journal import Reader

        if self._file is None:
            return
        with self._file.open("rb") as stream:
            whole = sum(line.endswith(b"\n") for line in stream)
        index = Reader(self._file).index
        assert index.completed + index.failed >= whole, (index.completed, whole)


def _kill(kind: str, place: Place, host: subprocess.Popen[str]) -> None:
    if kind == "host":
        host.kill()
    elif kind == "engine":
        assert place.kill_engine is not None
        place.kill_engine()
    elif kind == "container":
        os.kill(_init(place), signal.SIGKILL)
    else:
        for pid in _worker_processes(place, host, kind):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _init(place: Place) -> int:
    """Return the first process of the container, as this machine numbers it."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with place.workspace() as workspace:
            instance = workspace.runtimes.get(RUNTIME).to_dict()["container_id"]
        if instance:
            done = subprocess.run(
                ["docker", "inspect", "--format", "{{.State.Pid}}", instance],
                env=place.environment,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode == 0 and int(done.stdout) > 0:
                return int(done.stdout)
        assert time.monotonic() < deadline
        time.sleep(_LOOK_SECONDS)


def _worker_processes(
    place: Place, host: subprocess.Popen[str], kind: str
) -> list[int]:
    """Return the worker, or one process that works for it, of the batch's host."""
    deadline = time.monotonic() + PATIENCE
    while True:
        if place.docker_host is None:
            roots = children(host.pid)
        else:
            init = _init(place)
            inside = _namespace(init)
            # what the engine starts in a container has its shim as parent
            family = [p for p in _all() if _namespace(p) == inside and p != init]
            roots = [p for p in family if _parent(p) == _parent(init)]
        roots = [p for p in roots if children(p)]
        if kind == "worker" and roots:
            return roots[:1]
        leaves = [p for root in roots for p in _below(root) if not children(p)]
        if leaves:
            # the ones that work have used the most time
            return [max(leaves, key=_spent)]
        assert time.monotonic() < deadline
        assert host.poll() is None or kind in ("worker", "executor")
        time.sleep(_LOOK_SECONDS)


def _all() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def _stat(pid: int) -> list[str]:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return []
    return text[text.rfind(")") + 2 :].split()


def _parent(pid: int) -> int:
    found = _stat(pid)
    return int(found[1]) if found else 0


def _spent(pid: int) -> int:
    found = _stat(pid)
    return int(found[11]) + int(found[12]) if found else 0


def children(pid: int) -> list[int]:
    """Return the processes that a process has started and that still are."""
    return [p for p in _all() if (s := _stat(p)) and int(s[1]) == pid and s[0] != "Z"]


def _below(pid: int) -> list[int]:
    found = []
    for child in children(pid):
        found += [child, *_below(child)]
    return found


def _verify(journal: _Journal, report: Report) -> None:
    seen = bytearray(report.rows)
    with journal.file.open("rb") as stream:
        for text in stream:
            line = json.loads(text)
            number = line["line_number"]
            report.repeated += seen[number]
            seen[number] = 1
            if line["status"] != "Completed":
                report.failed += 1
                continue
            report.completed += 1
            if line["outputs"] != {"greeting": f"Hello, n{number}!"}:
                report.wrong += 1
    outputs = journal.file.parent / "flow_outputs" / "output.jsonl"
    with outputs.open("rb") as stream:
        for expected, text in enumerate(stream):
            if json.loads(text)["line_number"] != expected:
                report.wrong += 1
                break


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


# ---- alone ------------------------------------------------------------------


@contextlib.contextmanager
def own_engine(home: Path) -> Iterator[Place]:
    """Give a place on a second Docker engine that may be killed."""
    from tests.engines.daemon import running_daemon

    with running_daemon() as daemon:
        yield Place(home, daemon.address, daemon.crash)


def memory(place: Place, folder: Path, rows: int) -> None:
    """Compare the peak memory of many rows with that of 10,000."""
    from peak import Peak

    peaks = []
    for count in (10_000, rows):
        data = folder / f"{count}.jsonl"
        write_rows(data, count)
        host = _start(place, "-", data)
        inside = _namespace(_init(place))

        def family(inside: str = inside) -> list[int]:
            return [pid for pid in _all() if _namespace(pid) == inside]

        began = time.monotonic()
        with Peak(host.pid, also=family) as peak:
            answer = _answer(host)
        assert answer is not None, "the host died"
        assert answer["lines"]["completed"] == count, answer
        seconds = time.monotonic() - began
        peaks.append(peak.megabytes)
        say(f"{count:,} rows: peak {peak.megabytes:.0f} MB, {seconds:.0f} s")
    more = peaks[1] - peaks[0]
    met = "met" if more <= 50 else "MISSED"
    say(f"{more:+.0f} MB (wanted at most +50, {met})")


def main() -> None:
    """Run it and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--kinds", default=",".join(KINDS))
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--memory", action="store_true")
    arguments = parser.parse_args()
    kinds = arguments.kinds.split(",")
    wanted = [kinds[n % len(kinds)] for n in range(arguments.kills)]
    random.Random(arguments.seed).shuffle(wanted)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with own_engine(folder / "home") as place:
            with place.workspace() as workspace:
                workspace.runtimes.create(RUNTIME, compute="docker")
            if arguments.memory:
                memory(place, folder, arguments.rows)
                return
            data = folder / "rows.jsonl"
            write_rows(data, arguments.rows)
            report = run_kills(place, data, arguments.rows, wanted, arguments.seed)
    say(
        f"{report.completed:,} of {report.rows:,} lines completed, {report.failed} "
        f"failed, {report.repeated} more than once, {report.wrong} wrong; "
        f"{len(report.kills)} kills, {report.resumes} resumes, {report.seconds:.0f} s"
    )
    right = (report.completed, report.failed, report.repeated, report.wrong)
    sys.exit(0 if right == (report.rows, 0, 0, 0) else 1)


if __name__ == "__main__":
    main()
