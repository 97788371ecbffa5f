"""A node that has a secret tells it in every way; afterwards it is found nowhere.

What was seen is collected once for each engine, then each place is searched. Each place
also has to hold what proves that it was really looked at.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from pf_jupyter.errors import PfError
from pf_jupyter.workspace.api import Runtime
from pf_jupyter.workspace.local import LocalWorkspace

from .conftest import write_leaky

ROOT = Path(__file__).parents[2]
WAYS = ("return", "raise", "crash", "stream")
PLACES = {
    # place → what proves that it was looked at
    "events": "printed *****",
    "results": "printed *****",
    "exceptions": "raised with *****",
    "records": "printed *****",
    "life log": "is ready",
    "notebook": "printed *****",
    "shell": "printed *****",
    "listings": "service",
    "processes": "python",
    "files of the home": "SQLite format 3",
    "files of the runtime": "how == ",
    "instance": "",
}


class Evidence:
    """What could be seen of the runs, by place."""

    def __init__(self, engine: str, folder: Path) -> None:
        self.secret = f"sk-{secrets.token_hex(20)}"
        self.digest = hashlib.sha256(self.secret.encode()).hexdigest()
        self.engine = engine
        self.folder = folder
        self.home = folder / "home"
        self.found: dict[str, list[Any]] = {place: [] for place in PLACES}

    def text(self, place: str) -> str:
        return "\n".join(
            item if isinstance(item, str) else json.dumps(item, default=repr)
            for item in self.found[place]
        )

    def add(self, place: str, *items: Any) -> None:
        self.found[place] += items

    @property
    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        return {
            **os.environ,
            "PF_JUPYTER_HOME": str(self.home),
            "PYTHONPATH": path,
            "IPYTHONDIR": str(self.folder / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }


@pytest.fixture(
    scope="module", params=["process", pytest.param("docker", marks=pytest.mark.docker)]
)
def evidence(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Evidence]:
    found = Evidence(request.param, tmp_path_factory.mktemp(request.param))
    if request.param == "docker":
        request.getfixturevalue("default_image")
    flow = write_leaky(found.folder / "leaky")
    create_connection(found)
    workspace = LocalWorkspace(found.home)
    try:
        name = f"hidden-{os.getpid()}-{request.param}"
        runtime = workspace.runtimes.create(name, compute=request.param)
        run_in_every_way(found, workspace, runtime, flow)
        look_while_it_runs(found, workspace, runtime, flow)
        run_in_the_shell(found, name, flow)
        run_in_a_notebook(found, name, flow)
        look_at_records(found, workspace, runtime)
        if request.param == "docker":
            look_at_the_container(found, runtime)
        search_files(found)
        yield found
    finally:
        for made in workspace.runtimes.list():
            made.delete()
        workspace.close()


def create_connection(found: Evidence) -> None:
    """Create it in another process, so that its key has to be read from the home."""
    key = found.folder / "key.txt"
    key.write_text(found.secret + "\n")
    done = pf(
        found,
        *("connection", "create", "--type", "custom", "--name", "service"),
        *("--set", f"secrets.key=@{key}", "configs.site=https://example.org"),
    )
    key.unlink()
    assert done.returncode == 0, done.stderr
    found.add("listings", done.stdout, done.stderr)
    for words in (["list"], ["list", "--json"], ["show", "service", "--json"]):
        listed = pf(found, "connection", *words)
        found.add("listings", listed.stdout, listed.stderr)


def pf(found: Evidence, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pf_jupyter.cli", *words],
        env=found.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_in_every_way(
    found: Evidence, workspace: LocalWorkspace, runtime: Runtime, flow: Path
) -> None:
    for way in WAYS:
        events: list[Any] = []
        result = runtime.run(flow, how=way, on_event=events.append)
        found.add("events", *events)
        found.add("results", result.to_dict(), repr(result), repr(vars(result)))
        found.add("results", result._repr_mimebundle_())  # type: ignore[attr-defined]
        if way == "return":
            # it really had the secret
            assert result.outputs is not None
            assert result.outputs["told"]["digest"] == found.digest
        try:
            result.raise_for_status()
        except PfError as error:
            found.add("exceptions", *traceback.format_exception(error))
            found.add("exceptions", error.describe(), error.to_dict())
    # a value that the caller knows and gives again is not remembered either
    runtime.run(flow, how=found.secret)
    for connection in workspace.connections.list():
        found.add("listings", repr(connection), connection.to_dict())


def look_while_it_runs(
    found: Evidence, workspace: LocalWorkspace, runtime: Runtime, flow: Path
) -> None:
    """Read the start of every process, and what it was started with."""
    began = threading.Event()

    def listen(event: Any) -> None:
        if event["event"] == "log" and "warned" in event["text"]:
            began.set()

    run = threading.Thread(
        target=lambda: runtime.run(flow, how="wait", on_event=listen)
    )
    run.start()
    try:
        assert began.wait(60)
        processes = runtime.stats()["processes"]
        assert {"control", "executor"} <= {p["kind"] for p in processes}
        pids = [str(p["pid"]) for p in processes if p["pid"]]
        if found.engine == "docker":
            script = "for p in /proc/[0-9]*; do cat $p/environ $p/cmdline; echo; done"
            found.add("processes", execute(runtime, script))
        else:
            for pid in pids:
                for name in ("environ", "cmdline"):
                    data = Path("/proc", pid, name).read_bytes()
                    found.add("processes", data.decode(errors="replace"))
        if found.engine == "docker":
            script = "find /tmp /work /home /var /run /dev/shm -type f -readable 2>/dev"
            script += "/null | while read f; do echo $f; cat $f; done"
            found.add("files of the runtime", execute(runtime, script))
            found.add("instance", client().inspect_container(container(runtime)))
        else:
            record = workspace.core.store.runtime(runtime.name)
            assert record is not None
            found.add("files of the runtime", contents(found.home))
            found.add("instance", record)
    finally:
        run.join()


def run_in_the_shell(found: Evidence, name: str, flow: Path) -> None:
    for way in WAYS:
        words = ["flow", "run", str(flow), f"how={way}", "--runtime", name, "--debug"]
        for extra in ([], ["--json"]):
            done = pf(found, *words, *extra)
            assert done.returncode == (0 if way in ("return", "stream") else 1)
            found.add("shell", done.stdout, done.stderr)
    for words in (["run", "list", "--json"], ["runtime", "logs", name]):
        done = pf(found, *words)
        found.add("shell", done.stdout, done.stderr)


def run_in_a_notebook(found: Evidence, name: str, flow: Path) -> None:
    cells = [
        "%load_ext pf_jupyter",
        f"%pfruntime use {name}",
        "%pfconnection show service",
        *(f"%pfflow run {flow} how={way}" for way in WAYS),
        f"%pfflow run {flow} how=raise --debug",
        "import pf_jupyter",
        f"pf_jupyter.connect().runtimes.get('{name}').run('{flow}', how='raise', "
        "raise_on_failure=True)",
        f"r = pf_jupyter.connect().runtimes.get('{name}').run('{flow}')",
        "r.nodes['tell'].logs, r",
    ]
    made = [
        nbformat.v4.new_code_cell(code, metadata={"tags": ["raises-exception"]})
        for code in cells
    ]
    notebook = nbformat.v4.new_notebook(cells=made)
    with pytest.MonkeyPatch.context() as patch:
        for key, value in found.environment.items():
            patch.setenv(key, value)
        NotebookClient(
            notebook,
            timeout=120,
            kernel_name="python3",
            resources={"metadata": {"path": str(found.folder)}},
        ).execute()
    written = nbformat.writes(notebook)
    (found.folder / "told.ipynb").write_text(written)
    found.add("notebook", written)


def look_at_records(
    found: Evidence, workspace: LocalWorkspace, runtime: Runtime
) -> None:
    store = workspace.core.store
    runs = store.runs(limit=None)
    assert len(runs) > len(WAYS)
    found.add("records", *(repr(store.run(run.run_id)) for run in runs))
    found.add("life log", *runtime.logs(tail=None))


def look_at_the_container(found: Evidence, runtime: Runtime) -> None:
    inspected = client().inspect_container(container(runtime))
    assert inspected["Config"]["Env"] is not None
    found.add("instance", inspected, client().history(inspected["Image"]))
    found.add("instance", client().inspect_image(inspected["Image"]))
    found.add("instance", client().logs(container(runtime)).decode(errors="replace"))


def search_files(found: Evidence) -> None:
    found.add("files of the home", contents(found.home))


READ = """
import pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).rglob("*")):
    if path.is_file():
        sys.stdout.buffer.write(str(path).encode() + b" " + path.read_bytes())
"""


def contents(folder: Path) -> str:
    """Return what all files hold, read by a process of its own.

    Closing a file here would end the locks that this process's database has on it.
    """
    read = [sys.executable, "-c", READ, str(folder)]
    done = subprocess.run(read, capture_output=True, timeout=60, check=True)
    return done.stdout.decode(errors="replace")


def client() -> Any:
    from pf_jupyter.engines.docker import DockerEngine

    return DockerEngine()._connect()


def container(runtime: Runtime) -> str:
    return str(runtime.to_dict()["container_id"])


def execute(runtime: Runtime, script: str) -> str:
    docker = client()
    made = docker.exec_create(container(runtime), ["sh", "-c", script])
    output: bytes = docker.exec_start(made["Id"])
    return output.decode(errors="replace")


@pytest.mark.parametrize("place", PLACES)
def test_the_secret_is_nowhere(evidence: Evidence, place: str) -> None:
    text = evidence.text(place)
    assert PLACES[place] in text
    assert len(text) > 100
    forms = {
        "as it is": evidence.secret,
        "its second half": evidence.secret[20:],
        "in base64": base64.b64encode(evidence.secret.encode()).decode().rstrip("="),
    }
    for form, wanted in forms.items():
        at = text.find(wanted)
        around = text[max(0, at - 300) : at] + "HERE"
        assert at < 0, f"{form}, in {place}: …{around}"


def test_what_was_said_around_the_secret_is_there(evidence: Evidence) -> None:
    for words in (
        "printed *****",
        "in JSON",
        "encoded *****",
        "in pieces *****",
        "around Python *****",
        "warned *****",
        "the last words *****",
        "streamed *****.",
    ):
        assert words in evidence.text("results"), words
    chunks = [e["text"] for e in evidence.found["events"] if e["event"] == "chunk"]
    assert "".join(chunks) == "streamed *****."
    assert len(chunks) > 1
