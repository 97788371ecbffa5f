"""A server that is killed at random moments, and everything that it was doing.

    python benchmarks/server_kills.py [--times 20] [--engine process|docker] [--seed 7]

While a runtime is being created, packages are installed or an environment is built, a
run and a batch go on, the server gets a SIGKILL, and another one is started in its
place. Then all of it must have come to its end, for those who wait for it in kernels
that outlived the server, and nothing may be left over: containers, images, layers,
processes, temporary files, records in a state on the way. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from served import harness  # noqa: E402

LIMIT = 300.0
ROWS = 400
_MARK = "PF_JUPYTER_KILLS"
_FLOW = """\
inputs: {x: {type: string}, seconds: {type: double, default: 0}}
outputs: {out: {type: string, reference: '${step.output}'}}
nodes:
- name: step
  type: python
  source: {type: code, path: step.py}
  inputs: {x: '${inputs.x}', seconds: '${inputs.seconds}'}
"""
_CODE = """\
import time
from promptflow.core import tool


@tool
def step(x: str, seconds: float):
    time.sleep(seconds)
    return x.upper()
"""
_KERNEL = """\
import sys
import pf_jupyter
workspace = pf_jupyter.connect(server=True)
for line in sys.stdin:
    result = workspace.runtimes.get("demo").run("hello", name=line.strip())
    print(result.outputs["greeting"], flush=True)
"""


class Place:
    """A server, a kernel that outlives it, and what it is asked for.

    Parameters
    ----------
    folder
        For everything that is written.
    engine
        ``process``, or the address of a Docker engine.
    """

    def __init__(self, folder: Path, engine: str) -> None:
        self.folder = folder
        self.docker = engine != "process"
        self.compute = "docker" if self.docker else "process"
        self.mark = uuid.uuid4().hex
        self.temporary = folder / "tmp"
        self.temporary.mkdir(parents=True)
        self.server = harness().Server(folder / "server")
        if self.docker:
            self.server.engine = engine
        self.address = engine
        self.flow = folder / "upper"
        self.flow.mkdir()
        (self.flow / "flow.dag.yaml").write_text(_FLOW)
        (self.flow / "step.py").write_text(_CODE)
        self.made: list[str] = []
        self.batches = 0
        self.start()
        self.workspace = self._connected()
        self.workspace.runtimes.create("demo", compute=self.compute)
        self.kernel = self._kernel()
        assert self.asked("you") == "Hello, you!"

    def start(self) -> None:
        """Start the server where it was."""
        before = {name: os.environ.get(name) for name in (_MARK, "TMPDIR")}
        os.environ.update({_MARK: self.mark, "TMPDIR": str(self.temporary)})
        try:
            self.server.start()
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value

    def _token(self) -> tuple[str, Path]:
        from pf_jupyter.server.tokens import Tokens
        from pf_jupyter.workspace.serving import os_user

        folder = self.server.home / "server"
        token = Tokens(folder / "tokens").make("a-kernel", os_user())
        return token, folder / "address-user-ann.json"

    def _connected(self) -> Any:
        from pf_jupyter.workspace.remote import RemoteWorkspace
        from pf_jupyter.workspace.remote_client import Address, Client

        token, file = self._token()
        address = Address(self.server.url, token, file)
        return RemoteWorkspace(Client(address, patience=LIMIT))

    def _kernel(self) -> subprocess.Popen[str]:
        token, file = self._token()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PF_JUPYTER_SERVER": self.server.url,
            "PF_JUPYTER_TOKEN": token,
            "PF_JUPYTER_SERVER_FILE": str(file),
        }
        return subprocess.Popen(
            [sys.executable, "-c", _KERNEL],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def asked(self, name: str) -> str:
        """Have the kernel run a flow, and return what it says."""
        assert self.kernel.stdin is not None
        assert self.kernel.stdout is not None
        self.kernel.stdin.write(name + "\n")
        self.kernel.stdin.flush()
        return self.kernel.stdout.readline().strip()

    def close(self) -> list[str]:
        """Remove everything; return what could not be found any more."""
        wrong = []
        with self.kernel:  # its pipes are closed, too
            self.kernel.terminate()
        for runtime in self.workspace.runtimes.list():
            runtime.delete()
        self.workspace.close()
        self.server.stop()
        try:
            harness().wait_for(lambda: not self.processes(), "all processes end", 60.0)
        except AssertionError:
            wrong.append(f"processes: {self.processes()}")
        if self.docker:
            wrong += [f"container left: {name}" for name in self._containers()]
            self._remove_images()
        return wrong

    def processes(self) -> dict[int, str]:
        """Return the processes that a server of this place has begun."""
        found = {}
        for folder in Path("/proc").iterdir():
            if not folder.name.isdigit():
                continue
            try:
                environment = (folder / "environ").read_bytes()
                if f"{_MARK}={self.mark}".encode() in environment:
                    words = (folder / "cmdline").read_bytes().split(b"\0")
                    found[int(folder.name)] = b" ".join(words)[:100].decode()
            except OSError:
                continue
        return found

    # ---- one repetition -----------------------------------------------------

    def repetition(
        self, number: int, delay: float, without: Sequence[str] = ()
    ) -> list[str]:
        """Begin all kinds of work, kill the server meanwhile, and look at the end.

        Parameters
        ----------
        number
            Of the repetition, to tell its things from those of others.
        delay
            Seconds until the kill.
        without
            Kinds of work that are left out.

        Returns
        -------
        list of str
            What is wrong.
        """
        work = {
            "runtime": lambda: self._creates(number),
            "environment": lambda: self._makes(number),
            "run": lambda: self._runs(number),
            "batch": lambda: self._batches(number),
        }
        work = {name: done for name, done in work.items() if name not in without}
        found: dict[str, Any] = {}
        threads = [
            threading.Thread(target=_kept, args=(found, name, function), daemon=True)
            for name, function in work.items()
        ]
        for thread in threads:
            thread.start()
        time.sleep(delay)
        self.server.kill()
        self.start()
        end = time.monotonic() + LIMIT
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        wrong = [f"{name} never ends" for name in work if name not in found]
        wrong += [
            f"{name}: {type(said).__name__} {said}"
            for name, said in found.items()
            if isinstance(said, BaseException) or said is not None
        ]
        if not wrong:
            wrong += self._after(number)
        return wrong

    def _creates(self, number: int) -> str | None:
        name = f"new-{number}"
        runtime = self.workspace.runtimes.create(name, compute=self.compute)
        state = runtime.state
        try:
            said = runtime.run("hello", name="Ana").outputs
        except Exception as error:
            if getattr(error, "code", "") != "server_restarted":
                raise
            # it was cut off as well, and says that nothing of it happened
            said = runtime.run("hello", name="Ana").outputs
        good = state == "ready" and said == {"greeting": "Hello, Ana!"}
        return None if good else f"{state}, {said}"

    def _makes(self, number: int) -> str | None:
        if not self.docker:
            wheel = _wheel(self.folder, f"special{number}")
            self.workspace.runtimes.get("demo").install(str(wheel))
            return None
        folder = self.folder / f"env-{number}"
        _wheel(folder / "image_build", f"special{number}")
        name = f"kills-{self.mark[:8]}-{number}"
        (folder / "environment.yaml").write_text(
            f"name: {name}\nbuild: {{path: image_build}}\n"
        )
        (folder / "image_build" / "Dockerfile").write_text(
            "FROM pf_jupyter/base\nCOPY ./* ./\n"
            "RUN pip install --no-cache-dir --no-index *.whl\n"
        )
        self.made.append(name)
        made = self.workspace.environments.publish(folder)
        there = f"special{number}" in {package.name for package in made.packages}
        return None if there else f"it has {made.packages}"

    def _runs(self, number: int) -> str | None:
        # code is never run twice unasked: what was cut off is told as that
        try:
            result = self.workspace.runtimes.get("demo").run(
                self.flow, x=f"a{number}", seconds=3.0
            )
        except Exception as error:
            if getattr(error, "code", "") != "server_restarted":
                raise
            return None
        good = result.status in ("Completed", "Interrupted")
        return None if good else f"{result.status} {result.error}"

    def _batches(self, number: int) -> str | None:
        self.batches += 1
        rows = [{"x": f"r{number}-{n}", "seconds": 0.02} for n in range(ROWS)]
        mapping = {"x": "${data.x}", "seconds": "${data.seconds}"}
        run = self.workspace.runtimes.get("demo").batch(
            self.flow, rows, mapping=mapping, workers=2
        )
        if run.status != "Completed":
            return f"{run.status} {run.error}"
        with run.outputs_path.open() as stream:
            found = [json.loads(line) for line in stream]
        wanted = [{"line_number": n, "out": f"R{number}-{n}"} for n in range(ROWS)]
        return None if found == wanted else f"{len(found)} of {ROWS} lines"

    # ---- afterwards ---------------------------------------------------------

    def _after(self, number: int) -> list[str]:
        wrong = []
        greeting = self.asked(f"k{number}")
        if greeting != f"Hello, k{number}!":
            wrong.append(f"the kernel says {greeting!r}")
        for runtime in self.workspace.runtimes.list():
            if runtime.name != "demo":
                runtime.delete()
        states = {rt.name: rt.state for rt in self.workspace.runtimes.list()}
        if states != {"demo": "ready"}:
            wrong.append(f"runtimes: {states}")
        try:
            harness().wait_for(self._tidy, "", 30.0)
        except AssertionError:
            wrong += self._left()
        return wrong

    def _tidy(self) -> bool:
        return not self._left()

    def _left(self) -> list[str]:
        """Return what is there and should not be."""
        wrong = []
        for run in self.workspace.runs.list(limit=1000):
            if run["status"] == "Running":
                wrong.append(f"run {run['run_id']} is Running")
        runs = self.workspace.runs.list(limit=1000)
        batches = [run for run in runs if run["mode"] == "batch"]
        if len(batches) != self.batches:
            wrong.append(f"{len(batches)} batches, {self.batches} were begun")
        if any(run["status"] != "Completed" for run in batches):
            wrong.append(f"batches: {[(r['run_id'], r['status']) for r in batches]}")
        home = self.server.home
        known = {run["run_id"] for run in self.workspace.runs.list(limit=1000)}
        folders = (
            {f.name for f in (home / "runs").iterdir()}
            if (home / "runs").is_dir()
            else set()
        )
        wrong += [f"folder of no run: {name}" for name in sorted(folders - known)]
        _, _, found = self.server.ask("GET", "pf/api/operations")
        wrong += [
            f"operation {o['verb']} is running"
            for o in found["operations"]
            if o["state"] == "running"
        ]
        wrong += [
            f"operation written down: {file.name}"
            for file in (home / "server" / "operations").glob("*/*.json")
        ]
        for check in self.workspace.doctor():
            if check.name.startswith("leftovers") and check.message != "none":
                wrong.append(f"{check.name}: {check.message}")
            if check.name == "runs" and check.status != "pass":
                wrong.append(f"runs: {check.message}")
        wrong += [f"temporary: {path}" for path in _unfinished(home)]
        wrong += [f"temporary: {path.name}" for path in self.temporary.iterdir()]
        if self.docker:
            wrong += self._engine_left()
        return wrong

    def _engine_left(self) -> list[str]:
        wrong = []
        names = self._containers()
        if len(names) != 1:
            wrong.append(f"containers: {names}")
        for name in _docker(
            self.address, "ps", "-a", "--format", "{{.Names}} {{.Labels}}"
        ):
            if f"kills-{self.mark[:8]}" in name:
                wrong.append(f"container of a build: {name.split()[0]}")
        for image in _docker(self.address, "images", "-q", "-f", "dangling=true"):
            labels = _docker(
                self.address, "inspect", "-f", "{{json .Config.Labels}}", image
            )
            if labels and self.mark[:8] in labels[0]:
                wrong.append(f"image without a name: {image}")
        return wrong

    def _containers(self) -> list[str]:
        import sqlite3

        database = sqlite3.connect(
            f"file:{self.server.home}/store.sqlite?mode=ro", uri=True
        )
        try:
            (key,) = database.execute(
                "select value from settings where key='workspace_id'"
            ).fetchone()
        finally:
            database.close()
        key = json.loads(key) if key.startswith('"') else key
        label = f"label=pf_jupyter.workspace={key}"
        return _docker(self.address, "ps", "-a", "-f", label, "--format", "{{.Names}}")

    def _remove_images(self) -> None:
        for name in self.made:
            found = _docker(
                self.address,
                *("images", "--format", "{{.Repository}}:{{.Tag}}", f"*/*/{name}"),
            )
            for image in found:
                _docker(self.address, "rmi", image)


def _docker(address: str, *words: str) -> list[str]:
    done = subprocess.run(
        ["docker", "-H", address, *words], capture_output=True, text=True, check=False
    )
    return done.stdout.split("\n")[:-1]


def _unfinished(home: Path) -> list[Path]:
    found = [*home.rglob("*.part"), *home.rglob("*.part.*")]
    found += (home / "server" / "files" / "made").glob("*")
    found += (home / "server" / "uploads").rglob(".*")
    for folder in home.glob("**/pf_jupyter-layers-*"):
        found += [path for path in folder.iterdir() if path.name.startswith(".")]
    return found


def _kept(found: dict[str, Any], name: str, function: Callable[[], Any]) -> None:
    try:
        found[name] = function()
    except BaseException as error:
        found[name] = error


def _wheel(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": "VERSION = '1.0'\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: kills\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return path


def main(argv: list[str] | None = None) -> int:
    """Kill a server again and again; the exit code says whether all was well."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--engine", choices=("process", "docker"), default="process")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--longest", type=float, default=6.0, help="seconds")
    given = parser.parse_args(argv)
    chance = random.Random(given.seed)
    engine = given.engine
    if engine == "docker":
        engine = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    folder = Path(tempfile.mkdtemp(prefix="pf-kills-"))
    place = Place(folder, engine)
    bad = 0
    try:
        for number in range(given.times):
            delay = chance.uniform(0.0, given.longest)
            began = time.monotonic()
            wrong = place.repetition(number, delay)
            took = time.monotonic() - began
            words = "; ".join(wrong) if wrong else "all found again, nothing left over"
            print(
                f"{number + 1:3} killed after {delay:.2f} s: {words} ({took:.1f} s)",
                flush=True,
            )
            bad += bool(wrong)
            if wrong and "never ends" in words:
                break
    finally:
        wrong = place.close()
        bad += bool(wrong)
        for line in wrong:
            print(line)
        if not bad:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"what was written is in {folder}")
    print(f"{given.times} times on {given.engine}: {bad or 'none'} went wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
