"""A server with many kernels: what each of them waits, and what it costs in memory.

    python benchmarks/load.py [--minutes 30] [--kernels 50] [--rate 200] [--people 10]

Each kernel has a token of its own, runs flows one after another that print eight lines
a second, and follows them as a stream. Meanwhile lists and single things are asked for,
each request at its moment whether or not those before were answered, so that waiting
counts. Beside it, in the same run, an idle Jupyter server is asked for its own
``/api/status``. With people it is a team's server, asked by each with rights of their
own; ``--people 0`` is a server of one person. Linux only: memory is read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from served import harness  # noqa: E402

EVENTS_A_SECOND = 8
RECORDS = 40
TARGET_MS = 50.0
_FLOW = """\
inputs: {lines: {type: int}, pause: {type: double}}
outputs: {out: {type: int, reference: '${step.output}'}}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {lines: '${inputs.lines}', pause: '${inputs.pause}'}
"""
_CODE = """\
import time
from promptflow.core import tool


@tool
def step(lines: int, pause: float):
    begin = time.monotonic()
    for number in range(lines):
        print(f"line <{number}> of {lines}", flush=True)
        time.sleep(max(0.0, begin + (number + 1) * pause - time.monotonic()))
    return lines
"""
_LINE = re.compile(r"line <(\d+)>")


class Connection:
    """One connection that is kept open, for one request at a time."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self, method: str, path: str, token: str, body: Any = None
    ) -> tuple[int, bytes]:
        """Return status and body."""
        status, headers, reader = await self._send(method, path, token, body)
        size = int(headers.get("content-length", "0"))
        return status, await reader.readexactly(size) if size else b""

    async def follow(self, path: str, token: str) -> AsyncIterator[tuple[str, str]]:
        """Yield names and data of the events of a stream, until its end."""
        status, _, reader = await self._send("GET", path, token, None)
        assert status == 200, (status, path)
        rest, name = b"", ""
        while True:
            size = int(await reader.readline(), 16)
            rest += (await reader.readexactly(size + 2))[:-2]
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if line.startswith(b"event: "):
                    name = line[7:].decode()
                elif line.startswith(b"data: "):
                    yield name, line[6:].decode()
            if not size:
                return

    async def _send(
        self, method: str, path: str, token: str, body: Any
    ) -> tuple[int, dict[str, str], asyncio.StreamReader]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        data = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            f"Authorization: token {token}",
            f"Content-Length: {len(data)}",
        ]
        if data:
            lines.append("Content-Type: application/json")
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        status = int((await reader.readline()).split()[1])
        headers = {}
        while (line := (await reader.readline()).strip()) != b"":
            name, _, value = line.decode().partition(":")
            headers[name.lower()] = value.strip()
        return status, headers, reader

    def close(self) -> None:
        """Close it; the next request opens another one."""
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


@dataclass
class Found:
    """What was measured.

    Parameters
    ----------
    times
        Milliseconds of each answer, by what was asked.
    idle
        Of the idle server's answers.
    events, lines
        How many came over all streams; a line is what a flow printed.
    delays
        Milliseconds between two lines of one flow.
    wrong
        What should not have been.
    memory
        By process: (seconds, MB).
    processor
        By process: seconds of processor time.
    """

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    idle: list[float] = field(default_factory=list)
    events: int = 0
    lines: int = 0
    runs: int = 0
    wrong: list[str] = field(default_factory=list)
    memory: dict[str, list[tuple[float, float]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    processor: dict[str, float] = field(default_factory=dict)

    def growth(self, name: str) -> float:
        """Return by how much a process's memory is more in the last third of the time
        than in the second, as a part of it."""
        taken = [size for _, size in self.memory[name]]
        third = len(taken) // 3
        middle, last = taken[third : 2 * third], taken[2 * third :]
        if not middle:
            return 0.0
        return statistics.median(last) / statistics.median(middle) - 1

    @property
    def all_times(self) -> list[float]:
        """The times of all requests to our routes."""
        return [one for times in self.times.values() for one in times]


def percentile(times: list[float], part: float) -> float:
    """Return what that part of the times stays below."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else 0.0


class Place:
    """A server with records in it, and an idle one beside it.

    Parameters
    ----------
    folder
        For everything that is written.
    kernels
        How many have tokens.
    people
        How many have them; 0 is a server of one person.
    """

    def __init__(self, folder: Path, kernels: int, people: int) -> None:
        self.folder = folder
        make = harness().Server
        self.idle = make(folder / "idle", "--PfJupyter.kernels=False")
        settings = []
        if people:
            settings = [
                "--ServerApp.identity_provider_class=people.ByHeader",
                "--PfJupyter.owners=boss",
            ]
        self.server = make(folder / "server", *settings)
        self.server.team = bool(people)
        self.people = [f"person{number}" for number in range(people)] or ["boss"]
        self.runtime = "load"
        self.flow = self._flow()
        self._start()
        self.tokens = [
            self._token(self.people[number % len(self.people)], number)
            for number in range(kernels)
        ]
        self.names = self._records()

    def _start(self) -> None:
        before = os.environ.get("PYTHONPATH", "")
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(ROOT / "tests" / "server"), before]
        )
        try:
            self.server.start()
        finally:
            os.environ["PYTHONPATH"] = before
        # the idle one has no routes of ours: it is up when it answers at all
        self.idle.start()
        for person in self.people if self.server.team else ():
            body = {"principal": person, "role": "data_scientist"}
            self.boss("POST", "pf/api/roles", body)
        kind = "shared" if self.server.team else "personal"
        body = {"name": self.runtime, "kind": kind, "compute": "process"}
        _, _, begun = self.boss("POST", "pf/api/runtimes", body)
        harness().wait_for(
            lambda: (
                self.boss("GET", f"pf/api/operations/{begun['id']}")[2]["state"]
                == "done"
            ),
            "the runtime is ready",
        )

    def boss(self, method: str, path: str, body: Any = None, who: str = "boss") -> Any:
        """Ask as the owner, or as somebody."""
        if not self.server.team:
            return self.server.ask(method, path, body)
        headers = {"X-Person": who}
        return self.server.ask(method, path, body, token=None, headers=headers)

    def _token(self, person: str, number: int) -> str:
        made = self.boss("POST", "pf/api/tokens", {"kernel": f"k{number}"}, person)
        return str(made[2]["token"])

    def _flow(self) -> dict[str, str]:
        from pf_jupyter.flow.snapshot import load

        folder = self.folder / "lines"
        folder.mkdir(parents=True)
        (folder / "flow.dag.yaml").write_text(_FLOW)
        (folder / "step.py").write_text(_CODE)
        snapshot = load(folder).snapshot
        assert snapshot is not None
        return {"path": str(folder), "digest": snapshot.digest}

    def _records(self) -> dict[str, list[str]]:
        """Record things of everybody, as a workspace has that is some weeks old."""
        from pf_jupyter.store import records, rows
        from pf_jupyter.store.records import timestamp
        from pf_jupyter.store.store import Store

        store = Store(self.server.home)
        found: dict[str, list[str]] = defaultdict(list)
        for number in range(RECORDS):
            now, name = timestamp(), f"thing-{number}"
            owner = self.people[number % len(self.people)]
            store.add_runtime(
                records.RuntimeRecord(
                    id=uuid.uuid4().hex,
                    name=name,
                    kind="shared",
                    owner=owner,
                    compute="process",
                    engine="process",
                    isolated=False,
                    state="stopped",
                    created_at=now,
                    changed_at=now,
                )
            )
            store.connections.add(
                records.ConnectionRecord(
                    *(name, "custom", "promptflow.connections", "workspace", owner),
                    *(now, now, {"k": "v"}, {}),
                )
            )
            found["runtimes"].append(name)
            found["connections"].append(name)
        for number in range(5 * RECORDS):
            now = timestamp()
            run = records.RunRecord(
                run_id=uuid.uuid4().hex,
                status="Completed",
                document={},
                flow="hello",
                flow_path="/nowhere/hello",
                runtime="thing-0",
                runtime_id="none",
                environment_name="default",
                environment_version="1",
                environment_digest="",
                owner=self.people[number % len(self.people)],
                process=store.processes.mine(),
                created_at=now,
                ended_at=now,
                mode="flow",
            )
            with store.database.direct.write() as execute:
                execute(rows.INSERT_RUN, rows.run_row(run))
            if number % len(self.people) == 0:
                found["runs"].append(run.run_id)
        store.close()
        return found

    def close(self) -> None:
        """Remove everything."""
        from pf_jupyter.workspace.local import LocalWorkspace

        for server in (self.idle, self.server):
            server.stop()
        workspace = LocalWorkspace(self.server.home)
        with suppress(KeyError):
            workspace.runtimes.get(self.runtime).delete()
        workspace.close()


class Load:
    """Everything at once, for a while.

    Parameters
    ----------
    place
        The servers.
    rate
        Requests a second.
    seconds
        How long.
    run_seconds
        How long one flow prints.
    """

    def __init__(
        self, place: Place, rate: float, seconds: float, run_seconds: float
    ) -> None:
        self._place = place
        self._rate = rate
        self._seconds = seconds
        self._lines = max(1, round(run_seconds * EVENTS_A_SECOND))
        self._found = Found()
        self._api = harness().BASE + "pf/api/"
        self._free: list[Connection] = []
        self._idle: list[Connection] = []
        self._end = 0.0

    async def measure(self) -> Found:
        """Do it."""
        self._end = time.monotonic() + self._seconds
        kernels = [
            asyncio.create_task(self._kernel(number, token))
            for number, token in enumerate(self._place.tokens)
        ]
        memory = asyncio.create_task(self._memory())
        # what follows the flows is on its way before anything is measured
        await asyncio.sleep(min(2.0, self._seconds / 5))
        await asyncio.gather(self._requests(), self._beside())
        await asyncio.gather(*kernels, memory)
        for connection in (*self._free, *self._idle):
            connection.close()
        return self._found

    async def _kernel(self, number: int, token: str) -> None:
        asking = Connection(self._place.server.port)
        await asyncio.sleep(number / len(self._place.tokens))
        try:
            while time.monotonic() < self._end:
                await self._one_run(asking, token)
        except Exception as error:
            self._found.wrong.append(f"kernel {number}: {error!r}")
        finally:
            asking.close()

    async def _one_run(self, asking: Connection, token: str) -> None:
        body = {
            "flow": self._place.flow,
            "runtime": self._place.runtime,
            "inputs": {"lines": self._lines, "pause": 1 / EVENTS_A_SECOND},
        }
        status, said = await asking.ask("POST", f"{self._api}runs", token, body)
        assert status == 202, said
        following = Connection(self._place.server.port)
        path = f"{self._api}operations/{json.loads(said)['id']}/events"
        numbers: list[int] = []
        ended: dict[str, Any] = {}
        try:
            async for name, data in following.follow(path, token):
                self._found.events += 1
                if name == "end":
                    ended = json.loads(data)
                elif name == "gap":
                    self._found.wrong.append(f"events were dropped: {data}")
                elif "line <" in data:
                    numbers += map(int, _LINE.findall(data))
        finally:
            following.close()
        self._found.runs += 1
        self._found.lines += len(numbers)
        if numbers != list(range(self._lines)):
            self._found.wrong.append(f"{len(numbers)} of {self._lines} lines came")
        if ended.get("error") or ended["result"]["status"] != "Completed":
            self._found.wrong.append(f"a run ended so: {str(ended)[:200]}")

    async def _requests(self) -> None:
        names, api = self._place.names, self._api
        kinds = [
            ("runtimes list", lambda n: f"{api}runtimes"),
            ("runtimes show", lambda n: f"{api}runtimes/{_of(names['runtimes'], n)}"),
            ("runs list", lambda n: f"{api}runs"),
            ("runs show", lambda n: f"{api}runs/{_of(names['runs'], n)}"),
            ("connections list", lambda n: f"{api}connections"),
            (
                "connections show",
                lambda n: f"{api}connections/{_of(names['connections'], n)}",
            ),
            ("environments list", lambda n: f"{api}environments"),
            ("operations list", lambda n: f"{api}operations"),
        ]
        tokens = self._place.tokens
        # what is shown of runs is the first person's own
        first = tokens[:: len(self._place.people)]

        async def one(number: int, due: float) -> None:
            kind, path = kinds[number % len(kinds)]
            every = first if kind == "runs show" else tokens
            await self._timed(
                self._found.times[kind],
                self._free,
                self._place.server.port,
                path(number // len(kinds)),
                every[number // len(kinds) % len(every)],
                due,
            )

        await self._at_rate(self._rate, one)

    async def _beside(self) -> None:
        path, port = f"{harness().BASE}api/status", self._place.idle.port

        async def one(_: int, due: float) -> None:
            token = harness().TOKEN
            await self._timed(self._found.idle, self._idle, port, path, token, due)

        await self._at_rate(self._rate / 10, one)

    async def _at_rate(self, rate: float, one: Any) -> None:
        """Begin each request at its moment, whether others were answered or not."""
        begin, number = time.monotonic(), 0
        going: set[asyncio.Task[None]] = set()
        while (due := begin + number / rate) < self._end:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(one(number, due))
            going.add(task)
            task.add_done_callback(going.discard)
            number += 1
        await asyncio.gather(*going)

    async def _timed(
        self,
        times: list[float],
        free: list[Connection],
        port: int,
        path: str,
        token: str,
        due: float,
    ) -> None:
        connection = free.pop() if free else Connection(port)
        try:
            status, said = await connection.ask("GET", path, token)
        except (OSError, EOFError) as error:
            connection.close()
            self._found.wrong.append(f"{path}: {error!r}")
            return
        times.append((time.monotonic() - due) * 1000)
        free.append(connection)
        if status != 200:
            self._found.wrong.append(f"{path}: {status} {said[:200]!r}")

    async def _memory(self) -> None:
        begin = time.monotonic()
        used = {}
        while (now := time.monotonic()) < self._end:
            for name, server in (
                ("server", self._place.server),
                ("idle", self._place.idle),
            ):
                assert server.process is not None
                size = memory_of(server.process.pid)
                self._found.memory[name].append((now - begin, size))
                spent = processor_of(server.process.pid)
                self._found.processor[name] = spent - used.setdefault(name, spent)
            await asyncio.sleep(min(5.0, self._seconds / 12))


def _of(names: list[str], number: int) -> str:
    return names[number % len(names)]


def memory_of(process: int) -> float:
    """Return the resident memory of a process in MB."""
    text = Path(f"/proc/{process}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found[1]) / 1024 if found else 0.0


def processor_of(process: int) -> float:
    """Return the seconds of processor time that a process has had."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def measured(
    folder: Path,
    *,
    kernels: int,
    rate: float,
    people: int,
    seconds: float,
    run_seconds: float = 20.0,
) -> Found:
    """Measure servers of our own, and remove them."""
    place = Place(folder, kernels, people)
    try:
        return asyncio.run(Load(place, rate, seconds, run_seconds).measure())
    finally:
        place.close()


def told(found: Found, seconds: float) -> list[str]:
    """Return what was found, a line each."""
    lines = []
    for name, times in (
        *sorted(found.times.items()),
        ("all", found.all_times),
        ("idle /api/status", found.idle),
    ):
        parts = "  ".join(
            f"p{100 * part:g} {percentile(times, part):7.2f} ms"
            for part in (0.5, 0.9, 0.99, 0.999)
        )
        lines.append(f"{name:18} {len(times):7} requests  {parts}")
    lines.append(
        f"{found.runs} runs, {found.events} events in {seconds:.0f} s "
        f"({found.events / seconds:.0f} a second), {found.lines} lines"
    )
    for name, taken in found.memory.items():
        first, last = taken[0][1], taken[-1][1]
        most = max(size for _, size in taken)
        lines.append(
            f"memory of the {name} server: {first:.1f} MB first, {last:.1f} MB last, "
            f"{most:.1f} MB most; last third against the second "
            f"{found.growth(name):+.2%}; {found.processor[name]:.1f} s of its processor"
        )
    return lines


def main(argv: list[str] | None = None) -> int:
    """Measure; the exit code says whether the targets were met."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--kernels", type=int, default=50)
    parser.add_argument("--rate", type=float, default=200.0, help="requests a second")
    parser.add_argument("--people", type=int, default=10)
    given = parser.parse_args(argv)
    seconds = given.minutes * 60
    print(f"load of the machine before: {os.getloadavg()}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pf-load-") as folder:
        found = measured(
            Path(folder),
            kernels=given.kernels,
            rate=given.rate,
            people=given.people,
            seconds=seconds,
        )
    print("\n".join(told(found, seconds)))
    for line in found.wrong[:20]:
        print(f"wrong: {line[:300]}")
    worst = percentile(found.all_times, 0.99)
    beside = percentile(found.idle, 0.99)
    good = not found.wrong and worst < TARGET_MS and found.growth("server") < 0.02
    print(
        f"p99 {worst:.1f} ms, idle Jupyter server beside it {beside:.1f} ms, target "
        f"{TARGET_MS:.0f} ms; {len(found.wrong)} wrong: {'met' if good else 'MISSED'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
