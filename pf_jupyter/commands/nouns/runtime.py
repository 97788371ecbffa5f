"""`runtime`: make, use and look after the places where flows run."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import PfError, RuntimeFailed
from ..context import Context
from ..results import Checks, Facts, Lines, Message, Table
from ..tree import Argument, Outcome, Verb, noun
from ..values import count, cpus, memory, minutes
from ..wording import (
    engine_name,
    environment_name,
    limits_name,
    runtime_summary,
    size,
)
from .runtime_capture import CAPTURE
from .runtime_instead import INSTEAD
from .runtime_packages import INSTALL, PACKAGES, RESET
from .runtime_updates import (
    CHECK,
    ROLLBACK,
    UPDATE,
    look_for_newer,
    newer_name,
    notice_lines,
)

if TYPE_CHECKING:
    from ...workspace.api import CheckResult, Runtime

_NEW_NAME = Argument("name", "its name", required=True)
_NAME = Argument("name", "the runtime", complete="runtime", required=True)
_NAME_OR_CURRENT = Argument(
    "name", "the runtime; the one in use when not given", complete="runtime"
)


def _create(context: Context, arguments: Namespace) -> Outcome:
    from ...workspace.api import RuntimeLimits

    given = (arguments.size, arguments.cpus, arguments.memory, arguments.pids)
    limits = None
    if any(value is not None for value in given):
        limits = RuntimeLimits(*given[1:]).sized(arguments.size)
    if arguments.like is not None:
        return _copy(context, arguments)
    try:
        runtime = context.workspace.runtimes.create(
            arguments.name,
            environment=arguments.env,
            compute=arguments.compute,
            kind=arguments.kind,
            limits=limits,
            network=arguments.network,
            idle_minutes=arguments.idle,
            writable=arguments.writable,
            on_phase=context.progress.phase,
        )
    except RuntimeFailed as error:
        return _failed(context.workspace.runtimes.get(arguments.name), error)
    if context.face == "notebook":
        # The cells below are meant for the runtime made above them.
        context.workspace.runtimes.use(runtime.name)
    return _record(runtime)


def _copy(context: Context, arguments: Namespace) -> Outcome:
    runtimes, tell = context.workspace.runtimes, context.progress.phase
    runtime = runtimes.copy(arguments.like, arguments.name, on_phase=tell)
    if context.face == "notebook":
        runtimes.use(runtime.name)
    return _record(runtime)


def _adopt(context: Context, arguments: Namespace) -> Outcome:
    checks: list[CheckResult] = []
    try:
        runtime = context.workspace.runtimes.adopt(
            arguments.container,
            name=arguments.name,
            compute=arguments.compute,
            on_check=checks.append,
            on_phase=context.progress.phase,
        )
    except PfError as error:
        if not checks:
            raise
        shown = Checks(checks, context.respell)
        document = {**_not_made(error), **shown.to_dict()}
        return Outcome(shown, document, failure=error)
    finally:
        for line in Checks(checks, context.respell).text().splitlines():
            context.progress.note(line)
    if context.face == "notebook":
        context.workspace.runtimes.use(runtime.name)
    made = _record(runtime)
    listed = Checks(checks, context.respell).to_dict()["checks"]
    return replace(made, document={**made.document, "checks": listed})


def _list(context: Context, arguments: Namespace) -> Outcome:
    del arguments
    runtimes = context.workspace.runtimes.list()
    current = context.workspace.runtimes.current()
    records = [runtime.to_dict() for runtime in runtimes]
    rows = [
        [
            record["name"]
            + (" *" if current and current.name == record["name"] else ""),
            record["state"],
            record["kind"],
            engine_name(record),
            environment_name(record.get("environment")) + newer_name(record),
            limits_name(record),
        ]
        for record in records
    ]
    table = Table(
        ["name", "state", "kind", "where", "environment", "limits"],
        rows,
        runtimes,
        names=[record["name"] for record in records],
        empty=f"no runtimes yet; make one: {context.spell('runtime', 'create demo')}",
    )
    return Outcome(table, {"runtimes": records})


def _show(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    look_for_newer(runtime)
    record = runtime.to_dict()
    return Outcome(runtime, record, context.respell(runtime_lines(record)))


def _use(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.workspace.runtimes.use(arguments.name)
    assert runtime is not None
    return _record(runtime, f"{runtime.name} is in use")


def _start(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    try:
        return _record(runtime.start(on_phase=context.progress.phase))
    except RuntimeFailed as error:
        return _failed(runtime, error)


def _stop(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name).stop()
    return _record(runtime, f"{runtime.name} is stopped; its environment stays")


def _restart(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    try:
        return _record(runtime.restart(on_phase=context.progress.phase))
    except RuntimeFailed as error:
        return _failed(runtime, error)


def _logs(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    lines: list[str] = []
    try:
        for line in runtime.logs(tail=arguments.tail, follow=arguments.follow):
            lines.append(line)
            if arguments.follow:
                context.progress.note(line)
    except KeyboardInterrupt:
        # Following ends when the user says so; what was read is the result.
        if not arguments.follow:
            raise
    if arguments.follow and not arguments.json:
        return Outcome(None, {"lines": lines}, "")
    return Outcome(Lines(lines), {"lines": lines})


def _stats(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    stats = runtime.stats()
    processes = stats.get("processes")
    number = len(processes) if isinstance(processes, list) else processes
    limit = stats.get("memory_limit")
    facts = [
        ("cpu", f"{stats['cpu']:.2f} cores" if stats.get("cpu") is not None else ""),
        ("memory", size(stats.get("memory")) + (f" of {size(limit)}" if limit else "")),
        ("pids", str(stats.get("pids") or "")),
        ("processes", str(number or "")),
        ("runs", str(len(stats.get("runs") or []))),
    ]
    return Outcome(Facts(facts, stats), {"name": runtime.name, **stats})


def _delete(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.workspace.runtimes.get(arguments.name)
    runs = runtime.state in ("creating", "starting", "ready", "busy")
    question = f"{runtime.name} is {runtime.state}. Delete it all the same?"
    document = {"name": arguments.name, "deleted": True}
    if runs and not (arguments.yes or arguments.json or context.confirm(question)):
        return Outcome(Message(f"{runtime.name} stays"), {**document, "deleted": False})
    runtime.delete()
    return Outcome(Message(f"{arguments.name} is deleted"), document)


def runtime_lines(record: dict[str, Any]) -> str:
    """Return a runtime's record for terminals: summary, then what else is known."""
    error = record.get("error") or {}
    environment = record.get("environment") or {}
    facts = [
        ("state", _state(record)),
        ("where", engine_name(record)),
        ("container", str(record.get("container_id") or "")[:12]),
        ("environment", environment_name(environment) if environment else ""),
        ("digest", str(environment.get("digest") or "")),
        ("python", str(record.get("python") or "")),
        ("limits", limits_name(record)),
        ("owner", str(record.get("owner") or "")),
        ("in it", ", ".join(p["principal"] for p in record.get("people") or ())),
        ("created", str(record.get("created_at") or "")[:19].replace("T", " ")),
    ]
    if record.get("profile") == "writable":
        text = "writable, as root; a capture keeps what is installed in it"
        facts.insert(7, ("file system", text))
    previous = record.get("previous")
    if previous:
        facts.append(("before", f"{previous['name']}:{previous['version']}"))
    notices = notice_lines(record)
    lines = [*notices, runtime_summary(record), "", Facts(facts, {}).text()]
    if error:
        lines += ["", f"{error.get('code')}: {error.get('message')}"]
        if error.get("hint"):
            lines.append(f"hint: {error['hint']}")
    return "\n".join(lines)


def _state(record: dict[str, Any]) -> str:
    phase = record.get("phase")
    return f"{record['state']} ({phase})" if phase else str(record["state"])


def _record(runtime: Runtime, text: str | None = None) -> Outcome:
    record = runtime.to_dict()
    text = text or runtime_summary(record)
    return Outcome(runtime, record, text, brief=Message(text))


def _failed(runtime: Runtime, error: PfError) -> Outcome:
    """Return what a runtime that did not come to ready is now; its log stays."""
    return Outcome(runtime, runtime.to_dict(), failure=error)


def _not_made(error: PfError) -> dict[str, Any]:
    """Return the JSON form of a runtime that was not even begun."""
    return {"name": None, "state": None, "error": {"phase": None, **error.to_dict()}}


RUNTIME = noun(
    "runtime",
    "the places where your flows run: containers you create with one line",
    [
        Verb(
            "create",
            "make a runtime and bring it to ready",
            _create,
            (
                _NEW_NAME,
                Argument(
                    "--env",
                    "what is installed in it, name or name:version",
                    default="default",
                    metavar="ENV",
                    complete="environment",
                ),
                Argument(
                    "--compute",
                    "where; the local Docker if it answers, else process",
                    complete="compute",
                ),
                Argument(
                    "--like",
                    "the very environment of another runtime, layers and all",
                    metavar="RUNTIME",
                    complete="runtime",
                ),
                Argument(
                    "--kind",
                    "who it is for; session: removed when idle",
                    choices=("personal", "shared", "session"),
                    default="personal",
                ),
                Argument(
                    "--size",
                    "cores, memory and processes under one name; compute sizes lists "
                    "them",
                    choices=("small", "medium", "large", "xlarge"),
                ),
                Argument("--cpus", "cores it may use, 2 if not given", type=cpus),
                Argument(
                    "--memory",
                    "memory it may use, 4g if not given",
                    type=memory,
                    metavar="SIZE",
                ),
                Argument("--pids", "processes it may have", type=count, metavar="N"),
                Argument(
                    "--network",
                    "whether it reaches the network",
                    choices=("open", "none"),
                    default="open",
                ),
                Argument(
                    "--idle",
                    "minutes after which an idle session is removed, 0 for never",
                    type=minutes,
                    metavar="MIN",
                ),
                Argument("--writable", "code in it is root: for trying apt", flag=True),
            ),
            examples=("demo", "big --cpus 4 --memory 8g", "lab --writable"),
            failed=_not_made,
        ),
        Verb(
            "adopt",
            "make a runtime of a container that somebody else started",
            _adopt,
            (
                Argument("container", "its name or id", required=True),
                Argument("--name", "the runtime's; the container's when not given"),
                Argument(
                    "--compute",
                    "where it is; the local Docker when not given",
                    complete="compute",
                ),
            ),
            ("my-container --name lab",),
            failed=_not_made,
        ),
        Verb("list", "list the runtimes; * marks the one in use", _list),
        Verb(
            "show",
            "show a runtime: state, place, environment, limits",
            _show,
            (_NAME_OR_CURRENT,),
        ),
        Verb("use", "make a runtime the current one", _use, (_NAME,), ("demo",)),
        Verb(
            "start",
            "bring a stopped or failed runtime to ready",
            _start,
            (_NAME_OR_CURRENT,),
            failed=_not_made,
        ),
        Verb(
            "stop",
            "stop a runtime; it can be started again",
            _stop,
            (_NAME_OR_CURRENT,),
        ),
        Verb(
            "restart",
            "stop and start a runtime",
            _restart,
            (_NAME_OR_CURRENT,),
            failed=_not_made,
        ),
        CHECK,
        UPDATE,
        ROLLBACK,
        Verb(
            "logs",
            "show what happened to a runtime, and what its instance printed",
            _logs,
            (
                _NAME_OR_CURRENT,
                Argument("--tail", "how many lines at most", type=count, default=200),
                Argument("--follow", "go on as new lines come", flag=True),
            ),
        ),
        INSTALL,
        PACKAGES,
        RESET,
        CAPTURE,
        Verb("stats", "show what a runtime uses now", _stats, (_NAME_OR_CURRENT,)),
        Verb(
            "delete",
            "remove a runtime and everything it has on its engine",
            _delete,
            (_NAME, Argument("--yes", "do not ask", flag=True)),
            ("demo",),
        ),
        INSTEAD,
    ],
)
