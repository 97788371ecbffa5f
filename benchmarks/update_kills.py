"""Kills the process that updates a runtime, at random moments, and looks what is left.

    python benchmarks/update_kills.py [--times 40] [--seed 1]

Two versions of an environment in the local engine, one runtime, updated to the other
one again and again by a process of its own that is killed somewhere on the way. After
each kill another process must find the old version or the new one, ready, and run a
flow in it; one container and no mark may be left. The last line is the count.
"""

from __future__ import annotations

import argparse
import collections
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pf_jupyter.runtimes import identity
from pf_jupyter.runtimes.leftover import CANDIDATE
from pf_jupyter.workspace.local import LocalWorkspace

UPDATE = """
import sys, pathlib
from pf_jupyter.workspace.local import LocalWorkspace
workspace = LocalWorkspace(pathlib.Path(sys.argv[1]))
runtime = workspace.runtimes.get("killed")
print("begun", flush=True)
runtime.update(sys.argv[2])
print("done", flush=True)
"""
FLOW = """\
inputs:
  text: {type: string}
outputs:
  answer: {type: string, reference: "${say.output}"}
nodes:
- name: say
  type: python
  source: {type: code, path: say.py}
  inputs: {text: "${inputs.text}"}
"""
SAY = """\
import os
from promptflow.core import tool

@tool
def say(text: str) -> str:
    return text + os.environ["VERSION"]
"""


def publish(workspace: LocalWorkspace, folder: Path, version: str) -> None:
    """Publish a version that differs in a variable alone."""
    folder.mkdir()
    (folder / "environment.yaml").write_text(
        f"name: update-kills\nenvironment_variables: {{VERSION: '{version}'}}\n"
    )
    workspace.environments.publish(folder, version=version)


def update(home: Path, to: str, seconds: float) -> str:
    """Update in a process of its own, killed so long after it began; say how far."""
    process = subprocess.Popen(
        [sys.executable, "-c", UPDATE, str(home), f"update-kills:{to}"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(60)
        return "killed"
    finally:
        process.stdout.close()
    assert process.returncode == 0
    return "done"


def look(home: Path, flow: Path, versions: tuple[str, str]) -> str:
    """Return the version that another process finds, once nothing is left over."""
    workspace = LocalWorkspace(home)
    try:
        runtime: Any = workspace.runtimes.get("killed")
        record = runtime.to_dict()
        version = str(record["environment"]["version"])
        assert record["state"] == "ready", record
        assert version in versions, record
        result = runtime.run(flow, text="v")
        assert result.outputs == {"answer": f"v{version}"}, result.error
        engine = workspace.core.life.computes.engine("docker")
        end = time.monotonic() + 120
        while True:
            found = engine.find({identity.ID: runtime.id})
            found += engine.find({CANDIDATE: runtime.id})
            left = [state.id for state in found]
            if left == [record["container_id"]]:
                break
            assert time.monotonic() < end, left
            time.sleep(0.1)
        assert not list((home / "changing").glob("*"))
        return version
    finally:
        workspace.close()


def main() -> None:
    """Kill so many times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=40)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory(prefix="pf-update-kills-") as place:
        home, flow = Path(place) / "home", Path(place) / "flow"
        flow.mkdir()
        (flow / "flow.dag.yaml").write_text(FLOW)
        (flow / "say.py").write_text(SAY)
        workspace = LocalWorkspace(home)
        try:
            for version in ("1", "2"):
                publish(workspace, Path(place) / version, version)
            workspace.runtimes.create("killed", environment="update-kills:1")
            began = time.monotonic()
            assert update(home, "2", 600) == "done"
            whole = time.monotonic() - began
            there = "2"
            found: collections.Counter[str] = collections.Counter()
            for number in range(arguments.times):
                to = "1" if there == "2" else "2"
                seconds = chance.uniform(0, whole)
                ended = update(home, to, seconds)
                before, there = there, look(home, flow, (there, to))
                which = "old" if there == before else "new"
                found[f"{ended}, {which}"] += 1
                print(f"{number + 1:3}  {seconds:5.2f} s  {ended}: the {which} one")
        finally:
            for runtime in workspace.runtimes.list():
                runtime.delete()
            engine = workspace.core.life.computes.engine("docker")
            for image in engine.images({"pf_jupyter.environment": "update-kills"}):
                for name in image.tags:
                    engine.remove_image(name)
            workspace.close()
        print(", ".join(f"{text}: {count}" for text, count in sorted(found.items())))


if __name__ == "__main__":
    main()
