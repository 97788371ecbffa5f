"""Serves jobs on standard input and output, each run in a child of its own.

Standard library only: the oracle's interpreter uses it as well as ours. One JSON job a
line arrives on stdin, one JSON answer a line leaves on stdout, in order. Each run
happens in a child forked from the warm parent, in a fresh copy of the flow's folder, so
that environment, ``sys.path``, imported modules and process-wide collectors of one run
never reach the next one.

Job: {"key", "files": {path: text or {"base64": text}}, "flow": path in the folder,
      "connections": {name: fields}, "runs": [RUN, …]}
RUN: {"mode": "flow" | "node" | "batch" | "mapping", "inputs", "node", "variant",
      "environment_variables", "init", "data", "column_mapping", "connections",
      "overrides", "node_override"}
Answer: {"key", "results": [RESULT, …]}
"""

from __future__ import annotations

import base64
import json
import os
import re
import select
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

RUN_LIMIT_SECONDS = 120


def plain(value, depth=0):
    """Return ``value`` as JSON that tells what JSON cannot hold."""
    if depth > 40:
        return {"$deep": True}
    if value is None or isinstance(value, bool):
        return value
    if type(value).__name__ == "Image" and isinstance(value, bytes):
        import hashlib

        return {"$image": hashlib.sha1(bytes(value)).hexdigest()}
    if isinstance(value, str):
        return str.__str__(value) if type(value) is str else "".join(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            return {"$float": repr(float(value))}
        return float(value)
    if isinstance(value, dict):
        return {plain_key(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, depth + 1) for v in value]
    if hasattr(value, "__next__"):
        return {"$iterator": True}
    return {"$type": type(value).__name__}


def plain_key(key):
    """Return a mapping's key as JSON writes it."""
    if key is None or isinstance(key, (bool, float)):
        return json.dumps(key)
    return str(key)


def strip_times(text):
    """Remove the time stamps of recorded writes, wherever they stand."""
    return re.sub(r"\[\d{4}-\d\d-\d\d[T ][\d:]+ ?\+0000\] ", "", text or "")


def write_files(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            path.write_bytes(content.encode("utf-8"))
        else:
            path.write_bytes(base64.b64decode(content["base64"]))


def announce(folder):
    """Let the distributions in a flow's folder count as installed ones."""
    if any(folder.glob("*.dist-info")):
        sys.path.insert(0, str(folder))


def _run_in_child(answer, job, run, scratch, output):
    folder = scratch / "flow_folder"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    write_files(folder, job["files"])
    os.chdir(scratch)
    text = json.dumps(answer(job, run, folder)).replace(str(folder), "<flow>")
    with os.fdopen(output, "w", encoding="utf-8") as stream:
        stream.write(text)


def fork_and_wait(answer, job, run, scratch):
    """Run once in a child and return what it answered."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            os.setsid()
            _run_in_child(answer, job, run, scratch, writer)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    received = bytearray()
    limit = time.monotonic() + RUN_LIMIT_SECONDS
    while True:
        ready, _, _ = select.select([reader], [], [], max(0, limit - time.monotonic()))
        if not ready:
            os.killpg(pid, signal.SIGKILL)
            break
        piece = os.read(reader, 1 << 16)
        if not piece:
            break
        received += piece
    os.close(reader)
    try:
        # what a run left behind (a manager process, say) must not outlive it
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    os.waitpid(pid, 0)
    if not received:
        return {
            "status": "Failed",
            "outputs": None,
            "nodes": {},
            "metrics": {},
            "error": {
                "raised": True,
                "class": "ProcessEnded",
                "codes": [],
                "message": "the process ended without an answer",
            },
        }
    return json.loads(received.decode("utf-8"))


def serve(answer, warm_up):
    """Answer jobs until standard input ends.

    Parameters
    ----------
    answer
        Called in a child as ``answer(job, run, folder)``; returns RESULT.
    warm_up
        Called once with a scratch folder, before anything is forked.
    """
    answers = os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    if not os.environ.get("PF_CONFORMANCE_DEBUG"):
        os.dup2(null, 2)
    scratch = Path(tempfile.mkdtemp(prefix="pf-conformance-")).resolve()
    os.environ["HOME"] = str(scratch)
    try:
        warm_up(scratch)
        for line in sys.stdin:
            job = json.loads(line)
            results = [fork_and_wait(answer, job, run, scratch) for run in job["runs"]]
            text = json.dumps({"key": job["key"], "results": results}) + "\n"
            data = text.encode("utf-8")
            while data:
                data = data[os.write(answers, data) :]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
