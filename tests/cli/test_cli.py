"""The command on the process engine: as a process of its own where that matters."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.cli import main

NOWHERE = "unix:///nowhere/docker.sock"
ROOT = Path(__file__).parents[2]
Pf = Callable[..., "subprocess.CompletedProcess[str]"]

SLOW = """\
outputs:
  answer: {type: string, reference: "${wait.output}"}
nodes:
- name: wait
  type: python
  source: {type: code, path: wait.py}
"""
WAIT = """\
import time
from promptflow.core import tool

@tool
def wait() -> str:
    print("begun")
    time.sleep(120)
    return "done"
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return {
        **os.environ,
        "PYTHONPATH": path,
        "DOCKER_HOST": NOWHERE,
        "PYTHONIOENCODING": "utf-8",
    }


@pytest.fixture
def process(environment: dict[str, str], tmp_path: Path, pf: Pf) -> Pf:
    """Run the command as a process of its own."""
    del pf

    def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pf_jupyter.cli", *words],
            capture_output=True,
            text=True,
            encoding="utf-8",
            cwd=tmp_path,
            env={**environment, **options.pop("env", {})},
            timeout=120,
            check=False,
            **options,
        )

    return run


@pytest.fixture
def pf(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> Iterator[Pf]:
    """Run the command in this process, which is ten times as fast."""
    monkeypatch.setenv("DOCKER_HOST", NOWHERE)
    monkeypatch.chdir(tmp_path)

    def run(*words: str, input: str = "") -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(input))
        capfd.readouterr()
        code = main(list(words))
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(list(words), code, out, err)

    yield run
    for runtime in document(run("runtime", "list", "--json"))["runtimes"]:
        run("runtime", "delete", runtime["name"], "--yes")


def document(done: subprocess.CompletedProcess[str]) -> Any:
    """Return the one JSON document on stdout; anything else there is an error."""
    return json.loads(done.stdout)


def test_help_imports_nothing_heavy(environment: dict[str, str]) -> None:
    code = (
        "import sys\n"
        "from pf_jupyter.cli import main\n"
        "for line in (['--help'], ['runtime', '--help'], ['flow', 'run', '--help']):\n"
        "    assert main(line) == 0\n"
        "heavy = {'IPython', 'sqlalchemy', 'docker', 'jinja2', 'ruamel', 'asyncio'}\n"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        check=True,
    )
    assert done.stderr.strip() == "[]"
    assert "bring a stopped or failed runtime to ready" in done.stdout


def test_the_demo_runs_and_says_that_nothing_isolates(process: Pf) -> None:
    done = process("demo")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    for phase in ("check", "create", "start", "handshake"):
        assert any(line.split()[:2] == [phase, "✓"] for line in lines), phase
    facts = {line.split()[0]: line for line in lines if line.strip()}
    assert facts["engine"].split()[1] == "process"
    assert "does not isolate" in facts["isolation"]
    assert facts["digest"].split()[1].startswith("sha256:")
    nodes = [line for line in lines if line.startswith("  ✓ ")]
    assert len(nodes) == 5
    assert all(line.endswith(("ms", "s")) for line in nodes)
    assert "  category   App" in lines
    assert lines[-2].startswith("run it your way:     jupyter pf flow run hello")
    assert lines[-1] == "write one of yours:  jupyter pf flow init my-flow"
    assert done.stderr == ""


def test_a_runtimes_life_in_json(pf: Pf) -> None:
    made = pf("runtime", "create", "one", "--json")
    assert made.returncode == 0, made.stderr
    record = document(made)
    assert (record["name"], record["state"], record["engine"]) == (
        "one",
        "ready",
        "process",
    )
    assert record["container_id"] is None
    assert record["isolated"] is False
    assert "handshake" in made.stderr
    assert document(pf("runtime", "show", "one", "--json"))["name"] == "one"
    again = pf("runtime", "create", "one", "--json")
    assert again.returncode == 1
    assert document(again)["error"]["code"] == "already_exists"
    assert document(pf("runtime", "stop", "one", "--json"))["state"] == "stopped"
    assert document(pf("runtime", "start", "one", "--json"))["state"] == "ready"
    assert document(pf("runtime", "check", "one", "--json"))["ok"] is True
    assert document(pf("runtime", "delete", "one", "--json"))["deleted"] is True
    gone = pf("runtime", "show", "one", "--json")
    assert gone.returncode == 1
    assert document(gone)["error"]["code"] == "not_found"


def test_a_flow_runs_with_inputs_from_everywhere(pf: Pf, tmp_path: Path) -> None:
    (tmp_path / "name.txt").write_text("Ada", encoding="utf-8")
    done = pf("flow", "run", "hello", "--inputs", "name=@name.txt", "--json")
    assert done.returncode == 0, done.stderr
    found = document(done)
    assert found["status"] == "Completed"
    assert found["outputs"] == {"greeting": "Hello, Ada!"}
    assert found["nodes"]["greet"]["status"] == "Completed"
    assert found["error"] is None
    plain = pf("flow", "run", "hello", "name=Zoë")
    assert plain.stdout.splitlines()[0] == "Hello, Zoë!"
    assert "✓ greet" in plain.stderr
    piped = pf(
        *("flow", "run", "hello", "--inputs-file", "-", "--json"),
        input='{"name": "Alan"}',
    )
    assert document(piped)["outputs"] == {"greeting": "Hello, Alan!"}
    alone = document(
        pf("flow", "run", "hello", "--node", "greet", "--inputs", "name=X", "--json")
    )
    assert alone["nodes"]["greet"]["output"] == "Hello, X!"
    runs = document(pf("run", "list", "--json"))["runs"]
    assert [run["status"] for run in runs] == ["Completed"] * 4
    shown = document(pf("run", "show", runs[0]["run_id"], "--json"))
    assert shown["outputs"] == alone["outputs"]


@pytest.mark.parametrize("kind", ["standard", "chat", "evaluation"])
def test_what_init_writes_is_right_and_runs(pf: Pf, kind: str) -> None:
    assert pf("flow", "init", "mine", "--type", kind).returncode == 0
    checked = pf("flow", "validate", "mine", "--json")
    assert checked.returncode == 0, checked.stdout
    assert document(checked)["ok"] is True
    done = document(pf("flow", "run", "mine", "--json"))
    assert done["status"] == "Completed", done["error"]
    assert all(done["outputs"].values())
    if kind == "evaluation":
        assert done["metrics"] == {"accuracy": 1.0}


def test_a_failing_node_is_exit_1_with_its_line(pf: Pf, tmp_path: Path) -> None:
    flow = tmp_path / "bad"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(SLOW)
    (flow / "wait.py").write_text(WAIT.replace("time.sleep(120)", "1 / 0"))
    done = pf("flow", "run", "bad")
    assert done.returncode == 1
    assert "✗ wait   ZeroDivisionError: division by zero   (wait.py:7)" in done.stderr
    assert "Traceback" not in done.stderr
    found = document(pf("flow", "run", "bad", "--json"))
    assert found["status"] == "Failed"
    assert found["error"]["node"] == "wait"


def test_a_wrong_flow_is_exit_2_with_every_problem(pf: Pf, tmp_path: Path) -> None:
    flow = tmp_path / "bad"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(SLOW.replace("wait.output", "wiat.output"))
    for verb in ("run", "validate"):
        done = pf("flow", verb, "bad")
        assert done.returncode == 2
        shown = done.stdout + done.stderr
        assert "OutputReferenceNotFound" in shown
        assert "InvalidSource" in shown
        assert "flow.dag.yaml:2:" in shown
        assert "Traceback" not in shown
    problems = document(pf("flow", "validate", "bad", "--json"))
    assert problems["ok"] is False
    assert {"code", "message", "file", "line", "column", "hint"} == set(
        problems["problems"][0]
    )
    refused = document(pf("flow", "run", "bad", "--json"))
    assert refused["error"]["code"] == "flow_invalid"
    assert len(refused["error"]["problems"]) == len(problems["problems"])
    assert document(pf("runtime", "list", "--json"))["runtimes"] == []


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("runtim",), 2, "unknown_noun"),
        (("runtime", "creat", "x"), 2, "unknown_verb"),
        (("flow", "run", "hello", "--inptus", "a=1"), 2, "unknown_option"),
        (("flow", "run", "hello", "--node", "gret"), 2, "unknown_node"),
        (("runtime", "show", "nothing"), 1, "not_found"),
        (("runtime", "create", "x", "--compute", "docker"), 4, "no_engine"),
    ],
)
def test_exit_codes(pf: Pf, words: tuple[str, ...], code: int, name: str) -> None:
    done = pf(*words)
    assert done.returncode == code, done.stderr
    assert any(line.startswith(f"{name}: ") for line in done.stderr.splitlines())
    assert "hint: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    as_json = pf(*words, "--json")
    assert as_json.returncode == code
    error = document(as_json)["error"]
    assert error["message"]
    assert error["hint"]


def test_a_process_ends_with_the_code_and_says_why_on_stderr(process: Pf) -> None:
    done = process("runtime", "creat", "demo")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "unknown_verb: jupyter pf runtime has no verb 'creat'",
        "hint: did you mean 'create'?   jupyter pf runtime --help lists them all",
    ]
    found = process("flow", "run", "hello", "--json")
    assert found.returncode == 0
    assert document(found)["outputs"] == {"greeting": "Hello, World!"}
    assert "✓ greet" in found.stderr


def test_debug_shows_the_traceback(pf: Pf) -> None:
    done = pf("runtime", "show", "nothing", "--debug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_doctor_reports_docker_missing_and_the_rest(pf: Pf) -> None:
    found = document(pf("doctor", "--json"))
    states = {check["name"]: check["status"] for check in found["checks"]}
    assert states["store"] == "pass"
    assert states["engine process"] != "fail"
    assert states["engine docker"] != "pass"


def test_a_console_without_unicode_gets_ascii(process: Pf) -> None:
    done = process(
        "flow", "run", "hello", "name=Zoë", env={"PYTHONIOENCODING": "ascii"}
    )
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert done.stdout.splitlines()[0] == "Hello, Zo\\xeb!"
    assert "ok greet" in done.stderr
    as_json = process(
        *("flow", "run", "hello", "name=Zoë", "--json"),
        env={"PYTHONIOENCODING": "ascii"},
    )
    assert document(as_json)["outputs"] == {"greeting": "Hello, Zoë!"}


def test_a_reader_that_goes_away_is_no_error(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "pf_jupyter.cli", "flow", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is sent to a process here")
@pytest.mark.parametrize("as_json", [False, True])
def test_interrupting_cancels_the_run(
    pf: Pf, environment: dict[str, str], tmp_path: Path, as_json: bool
) -> None:
    flow = tmp_path / "slow"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(SLOW)
    (flow / "wait.py").write_text(WAIT)
    words = ["flow", "run", "slow", *(["--json"] if as_json else [])]
    with subprocess.Popen(
        [sys.executable, "-m", "pf_jupyter.cli", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
        cwd=tmp_path,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if "begun" in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "■ wait" in err
    assert "Traceback" not in err
    if as_json:
        assert json.loads(out)["status"] == "Canceled"
    [run] = document(pf("run", "list", "--json"))["runs"]
    assert run["status"] == "Canceled"
