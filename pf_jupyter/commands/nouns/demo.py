"""`demo`: the main job, start to end, in one line."""

from __future__ import annotations

import time
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from ...errors import NotFound, PfError, RuntimeFailed, Unreachable
from ..context import Context
from ..following import run_followed
from ..runs import BriefResult, closing_line, failure_of, not_run, outputs_text
from ..tree import Argument, Noun, Outcome, Verb
from ..wording import environment_name, limits_name, seconds

if TYPE_CHECKING:
    from ...workspace.api import PhaseEvent, Runtime, Runtimes

FLOW = "web-classification"
NAME = "demo"


def _demo(context: Context, arguments: Namespace) -> Outcome:
    phases: list[dict[str, Any]] = []

    def on_phase(event: PhaseEvent) -> None:
        context.progress.phase(event)
        if event.status == "done":
            phases.append(
                {
                    "phase": event.phase,
                    "seconds": round(event.elapsed, 3),
                    "detail": event.detail,
                }
            )

    began = time.monotonic()
    runtime = _runtime(context, arguments.runtime, on_phase)
    record = runtime.to_dict()
    for line in runtime_facts(record, time.monotonic() - began if phases else None):
        context.progress.note(line)
    flow = context.workspace.flows.resolve(FLOW)
    context.progress.note("")
    context.progress.note(f"flow {FLOW}")
    result = run_followed(context, runtime, flow, inputs={})
    text = "\n".join(
        [
            *(f"  {line}" for line in outputs_text(result).splitlines()),
            closing_line(result),
            "",
            *_next_lines(context, record["name"]),
        ]
    )
    document = {
        "status": result.status,
        "runtime": record,
        "phases": phases,
        "flow": FLOW,
        "run": result.to_dict(),
        "error": result.error,
    }
    return Outcome(
        result,
        document,
        text,
        brief=BriefResult(result, _next_lines(context, record["name"])),
        failure=failure_of(result),
    )


def _runtime(context: Context, name: str | None, on_phase: Any) -> Runtime:
    """Return a ready runtime: the one named, else the demo's own on the best engine."""
    runtimes = context.workspace.runtimes
    if name is not None:
        return runtimes.get(name).start(on_phase=on_phase)
    try:
        return _own(runtimes, NAME, on_phase)
    except (RuntimeFailed, Unreachable):
        if not _engine_is_lost(runtimes):
            raise
    # The demo's runtime lives on an engine that is away now: make one beside it.
    return _own(runtimes, f"{NAME}-here", on_phase)


def _own(runtimes: Runtimes, name: str, on_phase: Any) -> Runtime:
    try:
        return runtimes.get(name).start(on_phase=on_phase)
    except NotFound:
        return runtimes.create(name, on_phase=on_phase)


def _engine_is_lost(runtimes: Runtimes) -> bool:
    """Whether the demo's runtime is there and its engine does not answer."""
    try:
        checks = runtimes.get(NAME).check()
    except NotFound:
        return False
    except PfError:
        return True
    return any(c.name == "engine" and c.status == "fail" for c in checks)


def runtime_facts(record: dict[str, Any], took: float | None) -> list[str]:
    """Return what the demo says of its runtime, and plainly if it does not isolate."""
    environment = record.get("environment") or {}
    container = record.get("container_id")
    ready = f"ready in {seconds(took)}" if took is not None else "ready already"
    lines = [
        f"runtime      {record['name']} ({ready})",
        f"engine       {record['engine']}",
        f"container    {container or 'none: it runs as a process of this machine'}",
        f"environment  {environment_name(environment)}",
        f"digest       {environment.get('digest')}",
    ]
    limits = limits_name(record)
    if limits:
        lines.append(f"limits       {limits}")
    if not record.get("isolated"):
        lines.append(
            "isolation    none: this engine does not isolate, code has your rights"
        )
    return lines


def _next_lines(context: Context, name: str) -> list[str]:
    run = context.spell("flow", f"run hello name=Ada --runtime {name}")
    init = context.spell("flow", "init my-flow")
    return [f"run it your way:     {run}", f"write one of yours:  {init}"]


DEMO = Noun(
    "demo",
    "the main job, start to end: a runtime, and a flow that runs in it",
    sole=Verb(
        "demo",
        "pick or make a runtime and run the bundled example flow in it",
        _demo,
        (
            Argument(
                "--runtime",
                "run it in this one, not in the demo's own",
                complete="runtime",
            ),
        ),
        failed=not_run,
    ),
)
