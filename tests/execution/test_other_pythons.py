"""The same code in every Python that can be found, with the standard library alone."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pf_jupyter

ROOT = Path(pf_jupyter.__file__).parents[1]

SCRIPT = """
import json, sys
sys.path.insert(0, sys.argv[1])
sys.path.append(sys.argv[1] + "/pf_jupyter/worker/compat")
before = set(sys.modules)
from pf_jupyter.worker.execution import inspect_tools, prepare, run_flow
flow = json.loads(sys.stdin.read())
prepare(flow, sys.argv[2])
import threading
alone = threading.active_count() == 1
events = []
result = run_flow({"flow": flow, "inputs": {"n": "3"}}, sys.argv[2], events.append)
seen = inspect_tools(flow, sys.argv[2])
answer = [alone, result, [event["event"] for event in events], seen]
print(json.dumps(answer), file=sys.__stdout__)
"""


def interpreters():
    """Return every Python from 3.9 on that is on PATH or under pyenv, and this one."""
    found = {sys.version_info[:2]: sys.executable}
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    candidates = [shutil.which(f"python3.{minor}") for minor in range(9, 15)]
    candidates += [str(path) for path in sorted(versions.glob("3.*/bin/python"))]
    for candidate in filter(None, candidates):
        answer = subprocess.run(
            [candidate, "-c", "import sys; print(*sys.version_info[:2])"],
            capture_output=True,
            text=True,
            check=False,
        )
        version = tuple(map(int, answer.stdout.split())) if answer.stdout else (0, 0)
        if version >= (3, 9):
            found.setdefault(version, candidate)
    return [
        pytest.param(path, id=".".join(map(str, version)))
        for version, path in sorted(found.items())
    ]


@pytest.mark.parametrize("python", interpreters())
def test_python_flows_run_with_the_standard_library_alone(flow, python):
    flow.takes("n", "int")
    flow.python(
        "numbers",
        """
        import typing

        @tool
        def numbers(n: int, extra: typing.Optional[int] = None) -> list:
            print("counting")
            return list(range(n)) + [extra]
        """,
        n="${inputs.n}",
        extra="7",
    )
    flow.python(
        "slow",
        """
        import asyncio

        @tool
        async def slow(items):
            await asyncio.sleep(0)
            return {"sum": sum(items)}
        """,
        items="${numbers.output}",
    )
    flow.python(
        "words",
        """
        class Words(ToolProvider):
            def __init__(self, mark: str):
                super().__init__()
                self.mark = mark

            @tool
            def say(self, total):
                for part in ("total", " ", str(total)):
                    yield part
                yield self.mark
        """,
        mark="!",
        total="${slow.output.sum}",
    )
    skipped = flow.python("skipped", "@tool\ndef f(x):\n    pass\n", x="${numbers}")
    flow.when(skipped, "${inputs.n}", 4)
    total = flow.python(
        "metric",
        "@tool\ndef f(x):\n    log_metric('lines', len(x))\n",
        x="${slow.output.sum}",
    )
    total.aggregation = True
    flow.gives("text", "${words.output}")
    flow.gives("skipped", "${skipped.output}")
    answer = subprocess.run(
        [python, "-E", "-s", "-S", "-c", SCRIPT, str(ROOT), str(flow.folder)],
        input=json.dumps(flow.flow.to_dict()),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr == ""
    alone, result, events, seen = json.loads(answer.stdout)
    assert alone, "prepare started a thread"
    assert result["error"] is None
    assert result["outputs"] == {"text": "total 10!", "skipped": None}
    assert result["metrics"] == {"lines": 1}
    assert result["nodes"]["numbers"]["logs"]["stdout"].endswith("] counting\n")
    assert events.count("node_completed") == 4
    assert "chunk" in events
    assert seen["problems"] == []
    assert seen["tools"]["numbers"]["inputs"]["extra"]["type"] == ["int"]
