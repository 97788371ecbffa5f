"""What is installed in a runtime: `runtime install`, `reset`, `packages`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import NotFound, UsageError
from ..context import Context
from ..results import Message, Table
from ..tree import Argument, Outcome, Verb
from ..wording import environment_name, nearest, plural, seconds

if TYPE_CHECKING:
    from ...workspace.api import Installation, Runtime

_MOST_NAMED = 5
_RUNTIME = Argument(
    "name", "the runtime; the one in use when not given", complete="runtime"
)


def _install(context: Context, arguments: Namespace) -> Outcome:
    words = list(arguments.words or ())
    runtime = _named_first(context, words, bool(arguments.requirements))
    if not words and not arguments.requirements:
        raise UsageError(
            "there is nothing to install",
            code="nothing_to_install",
            hint=f"{context.spell('runtime', 'install')} and names of packages, "
            "or --requirements FILE",
        )
    done = runtime.install(
        *words,
        requirements=arguments.requirements,
        upgrade=arguments.upgrade,
        on_phase=context.progress.phase,
    )
    record = runtime.to_dict()
    document = {
        "runtime": done.runtime,
        "resolved": done.resolved,
        "installed": [
            {"name": name, "version": version, "before": done.replaced.get(name)}
            for name, version in done.installed.items()
        ],
        "present": [
            {"name": name, "version": version} for name, version in done.present.items()
        ],
        "imported": {name: list(found) for name, found in done.modules.items()},
        "layers": done.layers,
        "environment": record.get("environment"),
        "warnings": list(done.warnings),
        "duration_ms": round(done.seconds * 1000, 3),
    }
    return Outcome(Message(installed_text(done, record)), document)


def _named_first(context: Context, words: list[str], has_file: bool) -> Runtime:
    """Return the runtime that the first word names, taking it off; or the one in use.

    Several words in the shell begin with its name, as the line is a script's, too.
    """
    names = context.workspace.runtimes.names()
    if words and words[0] in names:
        return context.ready_runtime(words.pop(0))
    if len(words) + has_file > 1:
        near = nearest(words[0], names)
        if near is not None:
            # a misspelt runtime must not become a package of that name
            raise NotFound(
                f"there is no runtime {words[0]!r}",
                hint=f"did you mean {near!r}? to install a package of that name, put "
                "it last",
            )
        if context.face == "shell":
            return context.named_runtime(words[0])
    return context.ready_runtime(None)


def installed_text(done: Installation, record: Mapping[str, Any]) -> str:
    """Return one line on what was done, and one for each thing worth a look."""
    lines = []
    for name, version in done.present.items():
        lines.append(f"{name} {version} is there already")
    for name, before in done.replaced.items():
        lines.append(f"{name} {before} → {done.installed[name]}, over the one below")
    lines += [f"warning: {text}" for text in done.warnings]
    environment = record.get("environment") or {}
    base = f"{environment.get('name')}:{environment.get('version')}"
    over = f" + {plural(done.layers, 'layer')} (ad hoc)" if done.layers else ""
    parts = [
        f"resolved {done.resolved}, installed {len(done.installed)} in "
        f"{seconds(done.seconds)}",
        "imported ✓" if done.modules else "",
        f"{done.runtime} is {base}{over}",
    ]
    return "\n".join([" · ".join(part for part in parts if part), *lines])


def _reset(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    before = runtime.layers()
    runtime.reset()
    record = runtime.to_dict()
    dropped = len(before) - len(runtime.layers())
    what = f"{plural(dropped, 'layer')} taken off" if dropped else "nothing to take off"
    text = f"{what}; {runtime.name} is {environment_name(record.get('environment'))}"
    document = {
        "runtime": runtime.name,
        "dropped": dropped,
        "environment": record.get("environment"),
    }
    return Outcome(Message(text), document)


def _advice(context: Context, runtime: Runtime, names: Sequence[str]) -> str:
    """Return what to do with packages that were installed by hand; one line."""
    if not names:
        return ""
    shown = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    shown += f" and {more} more" if more > 0 else ""
    way = "name them in an environment's requirements"
    if runtime.to_dict().get("isolated", True):
        line = context.spell("runtime", f"capture {runtime.name}")
        way = f"{line} does that, or {way}"
    return f"better baked in: {shown} ({way}); ad hoc is for quick tests"


def _packages(context: Context, arguments: Namespace) -> Outcome:
    runtime = context.named_runtime(arguments.name)
    found = runtime.packages()
    by_hand = [item.name for item in found if item.source == "ad hoc"]
    note = _advice(context, runtime, by_hand)
    if arguments.source:
        found = [item for item in found if item.source == arguments.source]
    table = Table(
        ["name", "version", "source"],
        [[item.name, item.version, item.source] for item in found],
        found,
        names=[item.name for item in found],
        empty="no packages",
        note=note,
    )
    packages = [
        {"name": item.name, "version": item.version, "source": item.source}
        for item in found
    ]
    advice = {"packages": by_hand, "message": note} if note else None
    document = {"runtime": runtime.name, "packages": packages, "advice": advice}
    return Outcome(table, document)


INSTALL = Verb(
    "install",
    "install packages into a running runtime, in about a second",
    _install,
    (
        Argument(
            "words",
            "the runtime, unless it is the one in use; then packages: name, name==1.2, "
            "./x.whl",
            complete="runtime",
            metavar="[NAME] PACKAGE",
            many=True,
        ),
        Argument(
            "--requirements", "a requirements file", metavar="FILE", complete="file"
        ),
        Argument(
            "--upgrade",
            "packages that are there may be replaced by newer ones",
            flag=True,
        ),
    ),
    examples=("beautifulsoup4", "demo 'pandas>=2' ./mine-1.0-py3-none-any.whl"),
)
RESET = Verb(
    "reset",
    "take off what was installed by hand: the runtime is its definition again",
    _reset,
    (_RUNTIME,),
)
PACKAGES = Verb(
    "packages",
    "list what is installed in a runtime, and where it comes from",
    _packages,
    (
        _RUNTIME,
        Argument(
            "--source",
            "only those from there",
            choices=("base", "environment", "flow", "ad hoc"),
        ),
    ),
)
