"""`runtime capture`: what was installed by hand becomes an environment, for good."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import EnvironmentFailed, PfError
from ..context import Context
from ..results import Message
from ..tree import Argument, Outcome, Verb
from ..wording import columns, plural, seconds

if TYPE_CHECKING:
    from ...workspace.api import Capture

_MOST = 12
_LAST_LINES = 15


def _capture(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    try:
        made = runtime.capture(
            getattr(arguments, "as") or f"{runtime.name}-env",
            to=arguments.to,
            publish=not arguments.no_publish,
            partial=arguments.partial,
            index_url=arguments.index_url,
            version=arguments.version,
            registry=arguments.registry,
            description=arguments.description,
            connection=arguments.connection,
            on_phase=context.progress.phase,
        )
    except EnvironmentFailed as error:
        for line in error.log.splitlines()[-_LAST_LINES:]:
            context.progress.note(f"    {line}")
        raise
    return Outcome(ShownCapture(captured_text(context, made), made), made.to_dict())


class ShownCapture(Message):
    """What a capture gave, to look at and to use."""

    def __init__(self, text: str, capture: Capture) -> None:
        super().__init__(text)
        self.capture = capture


def captured_text(context: Context, made: Capture) -> str:
    """Return what was taken, how it was proved, what was left, and how to go on."""
    lines = [_first(made), *_taken(made), *_proof(made), *_left(made)]
    if made.version is not None:
        name = f"{made.name}:{made.version}"
        use = context.spell("runtime", f"create NAME --env {name}")
        lines.append(f"  {use} makes a runtime of it")
    else:
        publish = context.spell("env", f"publish {made.folder}")
        lines.append(f"  {publish} gives it a number for good")
    return "\n".join(lines)


def _first(made: Capture) -> str:
    version = f":{made.version}" if made.version else ""
    parts = [
        f"{made.runtime} → {made.name}{version} @ {made.digest[7:19]}",
        f"definition in {made.folder}",
        seconds(made.duration_ms / 1000),
    ]
    return " · ".join(parts)


def _taken(made: Capture) -> list[str]:
    rows = []
    for one in made.taken[:_MOST]:
        if one.before is None:
            rows.append((f"  + {one.kind}", one.name, str(one.after)))
        elif one.after is None:
            rows.append((f"  - {one.kind}", one.name, one.before))
        else:
            rows.append((f"  ~ {one.kind}", one.name, f"{one.before} → {one.after}"))
    more = len(made.taken) - _MOST
    return [*columns(rows), *([f"    and {more} more"] if more > 0 else [])]


def _proof(made: Capture) -> list[str]:
    counts = " and ".join(
        f"{number} of {kind}" for kind, number in made.counts.items() if number
    )
    if made.equal:
        equal = "packages, names and versions equal ✓"
        return [f"  rebuilt and compared: {counts} {equal}"]
    number = plural(len(made.differences), "difference")
    lines = [f"  rebuilt and compared ({counts} packages): {number}"]
    for one in made.differences[:_MOST]:
        why = f"   {one.why}" if one.why else ""
        versions = f"{one.runtime or 'missing'} → {one.rebuilt or 'missing'}"
        lines.append(f"  ✗ {one.kind} {one.name}: {versions}{why}")
    return lines


def _left(made: Capture) -> list[str]:
    if not made.left:
        return []
    lines = [f"  not taken ({len(made.left)}):"]
    lines += columns([(f"    {one.what}", one.why) for one in made.left[:_MOST]])
    more = len(made.left) - _MOST
    return [*lines, *([f"    and {more} more: see --json"] if more > 0 else [])]


def _not_made(error: PfError) -> Mapping[str, Any]:
    """Return the JSON form of what could not be captured: what was said is in it."""
    log: Sequence[str] = ()
    if isinstance(error, EnvironmentFailed):
        log = error.log.splitlines()
    return {"error": {**error.to_dict(), "log": list(log)}}


CAPTURE = Verb(
    "capture",
    "keep what was installed by hand: an environment, rebuilt and proved equal",
    _capture,
    (
        Argument(
            "name", "the runtime; the one in use when not given", complete="runtime"
        ),
        Argument(
            "--as",
            "the environment; of one that is there it becomes the next version; "
            "NAME-env when not given",
            metavar="ENV",
            complete="environment",
        ),
        Argument("--to", "the folder to write; ENV when not given", metavar="FOLDER"),
        Argument("--no-publish", "write and build it, without a number", flag=True),
        Argument("--partial", "publish it even if something differs", flag=True),
        Argument(
            "--index-url",
            "the index of the rebuild; what pip is told in the runtime when not given",
            metavar="URL",
        ),
        Argument("--version", "its number; the next one when not given"),
        Argument("--registry", "where it is sent: host:port/path", metavar="PLACE"),
        Argument("--description", "one line for people", metavar="TEXT"),
        Argument(
            "--connection",
            "a connection with the registry's login; docker's own login without one",
            complete="connection",
        ),
    ),
    examples=("demo --as my-env", "demo --as my-env --registry localhost:5000/team"),
    failed=_not_made,
)
