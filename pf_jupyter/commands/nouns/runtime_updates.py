"""The versions of a runtime: `runtime check`, `update`, `rollback`, and the notice."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...errors import PfError
from ..context import Context
from ..results import Checks
from ..tree import Argument, Outcome, Verb
from ..values import count
from ..wording import environment_name

if TYPE_CHECKING:
    from ...workspace.api import CheckResult, Rehearsal, Runtime, Update, VersionCheck

_LOOK_AGAIN_SECONDS = 60.0
_RUNTIME = Argument(
    "name", "the runtime; the one in use when not given", complete="runtime"
)
_REHEARSAL = (
    Argument(
        "--to",
        "the version, name:version; the newest when not given",
        metavar="ENV",
        complete="environment",
    ),
    Argument(
        "--rehearse",
        "repeat recorded runs here and in the newer version, side by side",
        flag=True,
    ),
    Argument(
        "--last",
        "how many of the newest runs, 20 if not given",
        type=count,
        metavar="N",
    ),
    Argument("--runs", "these runs instead", metavar="RUN", complete="run", many=True),
)
_looked: dict[str, float] = {}
_told: dict[str, str] = {}


def _check(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    if arguments.rehearse or arguments.to or arguments.runs or arguments.last:
        rehearsal = runtime.rehearse(
            arguments.to, runs=_runs(arguments), on_phase=context.progress.phase
        )
        return Outcome(
            rehearsal,
            {"name": runtime.name, "rehearsal": rehearsal.to_dict()},
            rehearsal.text(),
            exit_code=0 if rehearsal.passed else 1,
        )
    checks = list(runtime.check())
    document: dict[str, Any] = {}
    with suppress(PfError):
        version = runtime.check_version()
        checks.append(_version_line(runtime.name, version))
        document["version"] = version.to_dict()
    shown = Checks(checks, context.respell)
    document = {**shown.to_dict(), **document}
    return Outcome(shown, document, exit_code=1 if shown.failed else 0)


def _version_line(name: str, version: VersionCheck) -> CheckResult:
    from ...workspace.api import CheckResult

    if version.withdrawn:
        told, running = version.withdrawn, version.to_dict()["running"]
        text = f"{running['name']}:{running['version']} is withdrawn: {told['reason']}"
        text += f". {version.notice}" if version.newer else ""
        return CheckResult("version", "warn", text, told["hint"])
    if version.newer:
        hint = f"%pfruntime check {name} --rehearse tries it; %pfruntime update {name}"
        return CheckResult("version", "warn", version.notice, hint)
    problem = version.problem
    if problem is not None:
        message = f"could not be looked up: {problem['message']}"
        return CheckResult("version", "warn", message, problem.get("hint") or "")
    running = version.to_dict()["running"]
    text = f"{running['name']}:{running['version']} is the newest"
    return CheckResult("version", "pass", f"{text} · {version.source}")


def _update(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    try:
        done = runtime.update(
            arguments.to,
            rehearse=arguments.rehearse,
            runs=_runs(arguments),
            accept=arguments.accept,
            on_phase=context.progress.phase,
        )
    except PfError as error:
        told = error.details.get("rehearsal")
        if told is not None:
            from ...workspace.api import Rehearsal

            for line in Rehearsal(told).text().splitlines():
                context.progress.note(line)
        raise
    return _moved(context, done, done.rehearsal)


def _rollback(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    return _moved(context, runtime.rollback(on_phase=context.progress.phase), None)


def _moved(context: Context, done: Update, rehearsal: Rehearsal | None) -> Outcome:
    lines = [] if rehearsal is None else [rehearsal.text()]
    lines.append(context.respell(repr(done).removeprefix("<Update ").removesuffix(">")))
    return Outcome(done, done.to_dict(), "\n".join(lines))


def _runs(arguments: Namespace) -> int | Sequence[str]:
    from ...workspace.api import REHEARSED_RUNS

    named: Sequence[str] = arguments.runs or ()
    if named:
        return list(named)
    last: int | None = arguments.last
    return REHEARSED_RUNS if last is None else last


def look_for_newer(runtime: Runtime) -> None:
    """Look for a newer version as a runtime's details open; never in the way."""
    with suppress(PfError):
        runtime.check_version(fresh=False)


def notice_lines(record: Mapping[str, Any]) -> list[str]:
    """Return what stands above a runtime's details: the notice, or why there is none.

    Parameters
    ----------
    record
        What `Runtime.to_dict` returns.
    """
    update, check = record.get("update"), record.get("version_check")
    lines = [f"↑ {update['notice']}"] if update else []
    withdrawn = (check or {}).get("withdrawn")
    if withdrawn:
        name = environment_name(record.get("environment"))
        first = f"! {name} is withdrawn: {withdrawn['reason']}"
        return [first, f"  {withdrawn['hint']}", *lines]
    if lines:
        return lines
    problem = (check or {}).get("problem")
    if problem:
        return [f"newer versions could not be looked up: {problem['message']}"]
    return []


def newer_name(record: Mapping[str, Any]) -> str:
    """Return `` ↑ name:version`` for a list, empty when there is nothing newer."""
    update = record.get("update")
    return f" ↑ {update['name']}:{update['version']}" if update else ""


def tell_of_newer(context: Context, runtime: Runtime) -> None:
    """Say in one line, once, that a runtime could be newer; nobody is asked."""
    now = time.monotonic()
    if now - _looked.get(runtime.name, -_LOOK_AGAIN_SECONDS) < _LOOK_AGAIN_SECONDS:
        return
    _looked[runtime.name] = now
    known = None
    with suppress(PfError):
        known = runtime.known_version()
    if known is None or not known.newer or _told.get(runtime.name) == known.notice:
        return
    _told[runtime.name] = known.notice
    line = context.spell("runtime", f"check {runtime.name} --rehearse")
    context.progress.note(f"↑ {known.notice} · {line}")


CHECK = Verb(
    "check",
    "check engine, instance, worker, environment, and whether there is a newer version",
    _check,
    (_RUNTIME, *_REHEARSAL),
    examples=("demo", "demo --rehearse"),
)
UPDATE = Verb(
    "update",
    "let a runtime stand on a newer version; what runs in it goes on",
    _update,
    (
        _RUNTIME,
        *_REHEARSAL,
        Argument(
            "--accept",
            "name:version that is taken although runs differ in it",
            metavar="ENV",
        ),
    ),
    examples=("demo", "demo --rehearse", "demo --to default"),
)
ROLLBACK = Verb(
    "rollback",
    "go back to what a runtime stood on before its last update, exactly",
    _rollback,
    (_RUNTIME,),
    examples=("demo",),
)
