"""Puts cases to one answering process (`oracle_side` or `ours_side`)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from .case import Case
from .openai_server import OpenAIServer

QUIET = {"PF_TRACING_SKIP_LOCAL_SETUP": "true"}
"""Keeps the published package from leaving a service of its own running."""


def ask(
    python: str | Path, side: Path, cases: list[Case]
) -> dict[str, list[dict[str, Any]]]:
    """Return what a side answers to each run of each case, by case key.

    For a case with a server script the answer gains ``requests``, what the model
    server was asked.
    """
    answers: dict[str, list[dict[str, Any]]] = {}
    process = subprocess.Popen(
        [str(python), "-W", "ignore", str(side)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env={**os.environ, **QUIET},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, OpenAIServer() as server:
        for case in cases:
            job = case.job()
            runs = job.pop("runs")
            results = []
            for run in runs:
                server.reset(case.server)
                text = json.dumps({**job, "runs": [run]})
                process.stdin.write(text.replace("{server}", server.address) + "\n")
                process.stdin.flush()
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"{side.name} ended at case {case.id}")
                line = line.replace(server.address, "{server}")
                result = json.loads(line)["results"][0]
                if case.server is not None:
                    result["requests"] = server.requests()
                results.append(result)
            answers[case.key()] = results
        process.stdin.close()
    return answers
