"""A batch that asks a model whose service takes so many requests a second.

    python benchmarks/batch_limit.py [--limit 50] [--seconds 40] [--node async|llm]
        [--kind sliding|fixed|bucket] [--no-headers] [--compute process]

Each call takes 200 ms, so that dozens of them have to be under way. The service is the
tests' local protocol server. Nobody tells the batch what the limit is: it learns from
headers and from refusals (429). Once ten seconds are over, none may be refused, and the
rate must be within 5 % of the limit and never above.

The service is a process of its own, as it would be another machine: it must not stand
in the way of what it measures, nor wait for it. As root it goes before all others.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.conformance.openai_server import OpenAIServer  # noqa: E402
from tests.conformance.request_limit import RequestLimit  # noqa: E402

LEARNING_SECONDS = 10.0
DELAY = 0.2
ASYNC_TOOL = """\
from openai import AsyncOpenAI, DefaultAsyncHttpxClient
from promptflow.connections import OpenAIConnection
from promptflow.core import tool


@tool
async def ask(question: str, connection: OpenAIConnection) -> str:
    web = DefaultAsyncHttpxClient(verify=False)
    async with AsyncOpenAI(
        api_key=connection.api_key, base_url=connection.base_url, http_client=web
    ) as client:
        answer = await client.chat.completions.create(
            model="local", messages=[{"role": "user", "content": question}]
        )
    return answer.choices[0].message.content
"""
HEAD = """\
inputs:
  question: {type: string}
outputs:
  answer: {type: string, reference: "${ask.output}"}
nodes:
- name: ask
"""
ASYNC_NODE = """\
  type: python
  source: {type: code, path: ask.py}
  inputs: {question: "${inputs.question}", connection: limited}
"""
LLM_NODE = """\
  type: llm
  source: {type: code, path: ask.jinja2}
  inputs: {question: "${inputs.question}", model: local}
  provider: OpenAI
  connection: limited
  api: chat
"""


@dataclass
class Outcome:
    """What the service has seen."""

    completed: int
    failed: int
    seconds: float
    rate: float
    """Requests a second, once learning was over."""
    most: int
    """Requests in any second then, refused ones included."""
    refused: int
    refused_late: int


def write_flow(folder: Path, node: str) -> Path:
    """Write the flow."""
    folder.mkdir()
    chosen = ASYNC_NODE if node == "async" else LLM_NODE
    (folder / "flow.dag.yaml").write_text(HEAD + chosen)
    (folder / "ask.py").write_text(ASYNC_TOOL)
    (folder / "ask.jinja2").write_text("user:\n{{question}}\n")
    return folder


@contextlib.contextmanager
def beside(limit: RequestLimit) -> Iterator[str]:
    """Give the address of a service in this process."""
    with OpenAIServer({"replies": [{"delay": DELAY}]}, limit=limit) as server:
        yield server.address


@contextlib.contextmanager
def elsewhere(limit: RequestLimit) -> Iterator[str]:
    """Give the address of a service in a process of its own.

    What it has seen is in ``limit`` afterwards.
    """
    service = subprocess.Popen(
        [sys.executable, __file__, "--serve", json.dumps(limit.to_dict())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with service:
        assert service.stdout is not None
        yield service.stdout.readline().strip()
        seen = json.loads(service.communicate()[0])
        limit.accepted, limit.refused = seen["accepted"], seen["refused"]


def serve(limit: RequestLimit) -> None:
    """Be the service until nobody needs it, then say what it has seen."""
    with contextlib.suppress(OSError, AttributeError):
        os.setpriority(os.PRIO_PROCESS, 0, -20)
    with beside(limit) as address:
        print(address, flush=True)
        sys.stdin.read()
    print(json.dumps({"accepted": limit.accepted, "refused": limit.refused}))


def run_limited(
    workspace: Any,
    runtime: Any,
    folder: Path,
    limit: RequestLimit,
    rows: int,
    node: str,
    *,
    apart: bool = False,
) -> Outcome:
    """Run a batch against a service with a limit, in a process of its own or here."""
    flow = write_flow(folder / "asking", node)
    with (elsewhere if apart else beside)(limit) as address:
        url = f"{address}/v1"
        workspace.connections.create(
            {"type": "open_ai", "name": "limited", "api_key": "x", "base_url": url}
        )
        data = [{"question": f"number {n}"} for n in range(rows)]
        run = runtime.batch(flow, data)
    for line in run.lines(status="Completed"):
        assert line.outputs == {"answer": f"echo: number {line.line_number}"}
    return outcome(limit, run.counts["completed"], run.counts["failed"])


def outcome(limit: RequestLimit, completed: int, failed: int) -> Outcome:
    """Say what the service has seen."""
    began, ended = limit.accepted[0], limit.accepted[-1]
    learnt = began + LEARNING_SECONDS
    late = [moment for moment in limit.accepted if moment > learnt]
    refused = [moment for moment in limit.refused if moment > learnt]
    came = sorted(late + refused)
    most, first = 0, 0
    for number, moment in enumerate(came):
        while came[first] <= moment - 1.0:
            first += 1
        most = max(most, number - first + 1)
    rate = (len(late) - 1) / (late[-1] - late[0]) if len(late) > 1 else 0.0
    return Outcome(
        completed,
        failed,
        round(ended - began, 1),
        round(rate, 2),
        most,
        len(limit.refused),
        len(refused),
    )


def main() -> None:
    """Run it and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--kind", default="sliding")
    parser.add_argument("--node", default="async", choices=["async", "llm"])
    parser.add_argument("--no-headers", action="store_true")
    parser.add_argument("--compute", default="process")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.serve:
        serve(RequestLimit(**json.loads(asked.serve)))
        return
    from pf_jupyter.workspace.local import LocalWorkspace

    limit = RequestLimit(asked.limit, kind=asked.kind, headers=not asked.no_headers)
    with tempfile.TemporaryDirectory() as name:
        workspace = LocalWorkspace(Path(name) / "home")
        runtime = workspace.runtimes.create("limited", compute=asked.compute)
        try:
            rows = int(asked.limit * asked.seconds)
            where = Path(name)
            found = run_limited(
                workspace, runtime, where, limit, rows, asked.node, apart=True
            )
        finally:
            runtime.delete()
            workspace.close()
    held = 0.95 * asked.limit <= found.rate <= asked.limit >= found.most
    met = held and not found.refused_late and found.completed == rows
    print(
        f"{asked.kind}, {'without' if asked.no_headers else 'with'} headers: "
        f"{found.completed} lines in {found.seconds} s; after "
        f"{LEARNING_SECONDS:g} s {found.rate} requests a second (limit {asked.limit}), "
        f"at most {found.most} in any second, {found.refused_late} refused; "
        f"{found.refused} refused in all: {'met' if met else 'MISSED'}"
    )
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
