"""An installation and the next run with it, against building an image instead.

    python benchmarks/install.py [--rounds 10] [--compute docker] [--output FILE]

In one notebook process, with uv's cache warm: install a small package into a running
runtime, run a node that imports it. Beside it, in the same run, what one does without
layers: the same package added to the Dockerfile, once with pip and once with uv, the
image built, a container of it started and the package imported there.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import pf_jupyter  # noqa: E402

PACKAGE, MODULE = "cowsay", "cowsay"
FLOW = """\
outputs:
  found: {type: string, reference: "${use.output}"}
inputs: {}
nodes:
- name: use
  type: python
  source: {type: code, path: use.py}
  inputs: {}
"""
NODE = f"""\
from promptflow.core import tool
import {MODULE}
@tool
def use() -> str:
    return {MODULE}.__name__
"""


def write_flow(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "flow.dag.yaml").write_text(FLOW)
    (folder / "use.py").write_text(NODE)
    return folder


def forget_layers(workspace: Any, runtime: Any) -> None:
    """Take the layers off and out of the volume, so that nothing is there before."""
    from pf_jupyter.runtimes import identity

    record = workspace.core.store.runtime(runtime.name)
    engine = workspace.core.life.computes.engine(record.compute)
    volume = identity.volume(record)
    runtime.reset()
    for layer in record.layer_names:
        engine.remove_layer(volume, layer, record.image)


def ours(workspace: Any, runtime: Any, flow: Path, rounds: int) -> list[float]:
    times = []
    for number in range(rounds + 1):
        forget_layers(workspace, runtime)
        began = time.perf_counter()
        runtime.install(PACKAGE)
        result = runtime.run(flow)
        took = time.perf_counter() - began
        assert result.outputs == {"found": MODULE}, result.error
        if number:
            # the first round fills uv's cache
            times.append(took)
    return times


def build(image: str, install: str, folder: Path, files: dict[str, Path]) -> float:
    """Build an image with one more package, start it, import the package there."""
    import shutil

    folder.mkdir(parents=True)
    for name, path in files.items():
        shutil.copy(path, folder / name)
    tag = f"pf-bench-install:{uuid.uuid4().hex[:12]}"
    copied = "".join(f"COPY {name} /usr/local/bin/{name}\n" for name in files)
    # a comment that differs keeps the engine from taking the layer of another round
    (folder / "Dockerfile").write_text(
        f"FROM {image}\n{copied}USER root\nENV ROUND={tag}\nRUN {install}\n"
    )
    began = time.perf_counter()
    try:
        run = ["docker", "build", "--quiet", "--network", "host", "-t", tag, "."]
        subprocess.run(run, cwd=folder, check=True, capture_output=True)
        code = f"import {MODULE}; print({MODULE}.__name__)"
        run = ["docker", "run", "--rm", tag, "python3", "-c", code]
        subprocess.run(run, check=True, capture_output=True)
        return time.perf_counter() - began
    finally:
        subprocess.run(["docker", "rmi", "-f", tag], capture_output=True, check=False)


def opponents(image: str, rounds: int, scratch: Path) -> dict[str, list[float]]:
    import uv

    python = "python3 -m pip install --no-cache-dir --disable-pip-version-check"
    ways: dict[str, Callable[[Path], float]] = {
        "pip": lambda folder: build(image, f"{python} {PACKAGE}", folder, {}),
        "uv": lambda folder: build(
            image,
            f"uv pip install --system --compile-bytecode {PACKAGE}",
            folder,
            {"uv": Path(uv.find_uv_bin())},
        ),
    }
    return {
        name: [way(scratch / f"{name}{number}") for number in range(rounds)]
        for name, way in ways.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--compute", default="docker")
    parser.add_argument("--builds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        os.environ["PF_JUPYTER_HOME"] = f"{scratch}/home"
        workspace = pf_jupyter.connect()
        name = f"bench-{uuid.uuid4().hex[:8]}"
        runtime = workspace.runtimes.create(name, compute=options.compute)
        try:
            flow = write_flow(Path(scratch, "flow"))
            times = ours(workspace, runtime, flow, options.rounds)
            document: dict[str, Any] = {
                "made": datetime.datetime.now(datetime.UTC).isoformat(),
                "compute": options.compute,
                "package": PACKAGE,
                "install_and_run_s": {
                    "median": statistics.median(times),
                    "all": times,
                },
            }
            if options.compute == "docker" and options.builds:
                store = workspace.core.store  # type: ignore[attr-defined]
                image = store.runtime(name).image
                found = opponents(image, options.builds, Path(scratch, "builds"))
                for way, taken in found.items():
                    median = statistics.median(taken)
                    document[f"image_build_{way}_s"] = {
                        "median": median,
                        "all": taken,
                        "ratio": median / statistics.median(times),
                    }
        finally:
            runtime.delete()
            workspace.close()
    text = json.dumps(document, indent=1)
    print(text)
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H%M%SZ")
    results = ROOT / "benchmarks" / "results"
    output = options.output or results / f"install-{stamp}.json"
    output.parent.mkdir(exist_ok=True)
    output.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
