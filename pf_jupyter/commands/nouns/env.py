"""`env`: what is installed in runtimes: built, published, looked at, carried."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import EnvironmentFailed, PfError
from ..context import Context
from ..environment_results import ShownBuild, ShownDiff, ShownEnvironment
from ..results import Checks, Lines, Message, Table
from ..tree import Argument, Outcome, Verb, noun
from ..values import memory, read_pairs
from ..wording import plural, shorten, size
from .env_withdrawal import WITHDRAW, marked_name

if TYPE_CHECKING:
    from ...workspace.api import PhaseEvent

_LAST_LINES = 15
_REFERENCE = Argument(
    "env",
    "name, name:version or name@latest",
    metavar="ENV",
    complete="environment",
    required=True,
)
_SOURCE = Argument(
    "source",
    "a folder or file that defines it, or the name of one built before",
    metavar="FOLDER",
    complete="definition",
    required=True,
)
_CONNECTION = Argument(
    "--connection",
    "a connection with the registry's login; docker's own login without one",
    complete="connection",
)
_COMPUTE = Argument("--compute", "where; the local Docker", complete="compute")
_LOG = Argument("--log", "show every line as it comes", flag=True)


def _init(context: Context, arguments: Namespace) -> Outcome:
    folder = context.workspace.environments.init(
        arguments.name, to=arguments.to, base=arguments.base or ""
    )
    line = context.spell("env", f"build {folder}")
    text = f"{folder} holds environment.yaml and image_build/; {line} builds it"
    return Outcome(Message(text), {"name": arguments.name, "folder": str(folder)})


def _build(context: Context, arguments: Namespace) -> Outcome:
    with _log_shown(context, arguments.log):
        built = context.workspace.environments.build(
            arguments.source,
            python=arguments.python or "",
            fresh=arguments.fresh,
            compute=arguments.compute,
            context_limit=arguments.context_limit,
            connection=arguments.connection,
            on_phase=_teller(context, arguments.log),
        )
    for warning in built.warnings:
        context.progress.note(f"! {warning}")
    shown = ShownBuild(built, context.spell("env", f"publish {built.name}"))
    return Outcome(shown, built.to_dict())


def _publish(context: Context, arguments: Namespace) -> Outcome:
    with _log_shown(context, arguments.log):
        made = context.workspace.environments.publish(
            arguments.source,
            version=arguments.version,
            registry=arguments.registry,
            description=arguments.description,
            tags=_tags(context, arguments.tags),
            notes=arguments.notes,
            compute=arguments.compute,
            connection=arguments.connection,
            on_phase=_teller(context, arguments.log),
        )
    name = f"{made.name}:{made.version}"
    use = context.spell("runtime", f"create NAME --env {name}")
    lines = [f"{name} @ {made.digest[7:19]} · {size(made.size)}"]
    lines += [f"  {ref} @ {digest[7:19]}" for ref, digest in made.registries.items()]
    text = "\n".join([*lines, f"  {use} makes a runtime of it"])
    shown = ShownEnvironment(made)
    return Outcome(shown, made.to_dict(), text, brief=Message(text))


def _list(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.environments.list(archived=arguments.all)
    rows = [
        [
            "ours" if one.curated else "custom",
            marked_name(one),
            one.digest[7:19] or "not made yet",
            one.python,
            size(one.size) if one.size else "",
            one.created_at[:16].replace("T", " "),
            ", ".join(one.used_by),
            one.description or shorten(one.notes, 60),
        ]
        for one in found
    ]
    headings = ["kind", "environment", "digest", "python", "size"]
    headings += ["published (UTC)", "used by", "description"]
    names = [f"{one.name}:{one.version}" for one in found]
    table = Table(headings, rows, found, names=names, empty="no environments")
    return Outcome(table, {"environments": [one.to_dict() for one in found]})


def _show(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.environments.get(arguments.env)
    if arguments.log:
        return Outcome(Lines(found.log), {"lines": list(found.log)})
    return Outcome(ShownEnvironment(found), found.to_dict())


def _packages(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.environments.get(arguments.env)
    table = Table(
        ["package", "version", "from"],
        [[one.name, one.version, one.source] for one in found.packages],
        found.packages,
        empty="no packages are known of it",
    )
    packages = [one.to_dict() for one in found.packages]
    return Outcome(table, {"name": found.name, "packages": packages})


def _diff(context: Context, arguments: Namespace) -> Outcome:
    before, after = _two(context, arguments)
    found = context.workspace.environments.diff(before, after)
    return Outcome(ShownDiff(found), found.to_dict())


def _two(context: Context, arguments: Namespace) -> tuple[str, str]:
    """Return the two to compare: without a second one, the version before."""
    before, after = arguments.env, arguments.other
    if after is not None:
        return before, after
    newest = context.workspace.environments.get(before)
    versions = [
        f"{one.name}:{one.version}"
        for one in context.workspace.environments.list(archived=True)
        if one.name == newest.name
    ]
    at = versions.index(f"{newest.name}:{newest.version}")
    return versions[max(at - 1, 0)], versions[at]


def _check(context: Context, arguments: Namespace) -> Outcome:
    found = context.workspace.environments.check(
        arguments.env,
        advisories=arguments.advisories,
        connection=arguments.connection,
    )
    checks = Checks(found, context.respell)
    return Outcome(checks, checks.to_dict(), exit_code=1 if checks.failed else 0)


def _describe(context: Context, arguments: Namespace) -> Outcome:
    changed = context.workspace.environments.describe(
        arguments.env,
        description=arguments.description,
        tags=_tags(context, arguments.tags),
    )
    return Outcome(ShownEnvironment(changed), changed.to_dict())


def _archive(context: Context, arguments: Namespace) -> Outcome:
    versions = list(context.workspace.environments.archive(arguments.env))
    text = f"{arguments.env} is archived ({plural(len(versions), 'version')}): hidden"
    text += " from lists, still usable"
    document = {"archived": True, "versions": versions}
    return Outcome(Message(text), document)


def _restore(context: Context, arguments: Namespace) -> Outcome:
    versions = list(context.workspace.environments.restore(arguments.env))
    text = f"{arguments.env} is shown again ({plural(len(versions), 'version')})"
    return Outcome(Message(text), {"archived": False, "versions": versions})


def _export(context: Context, arguments: Namespace) -> Outcome:
    written = context.workspace.environments.export(
        arguments.env,
        arguments.to or ".",
        overwrite=arguments.overwrite,
        on_phase=_teller(context, False),
    )
    length = Path(written).stat().st_size
    use = context.spell("env", f"import {Path(written).name}")
    text = f"{written} · {size(length)}; there: {use}"
    return Outcome(Message(text), {"file": str(written), "size": length})


def _import(context: Context, arguments: Namespace) -> Outcome:
    made = context.workspace.environments.import_(
        arguments.source,
        name=arguments.name,
        compute=arguments.compute,
        connection=arguments.connection,
        on_phase=_teller(context, False),
    )
    name = f"{made.name}:{made.version}"
    text = f"{name} @ {made.digest[7:19]} is here"
    shown = ShownEnvironment(made)
    return Outcome(shown, made.to_dict(), text, brief=Message(text))


def _tags(context: Context, words: list[str] | None) -> Mapping[str, str] | None:
    if not words:
        return None
    return {k: str(v) for k, v in read_pairs(context, words, "tag").items()}


def _teller(context: Context, every_line: bool) -> Any:
    """Return what is told of phases; with ``--log`` every line stays on the screen."""
    last = [""]

    def tell(event: PhaseEvent) -> None:
        is_line = event.status == "progress" and event.total is None and event.detail
        if every_line and is_line and event.detail != last[0]:
            last[0] = event.detail
            context.progress.note(f"    {event.detail}")
            return
        context.progress.phase(event)

    return tell


@contextmanager
def _log_shown(context: Context, shown_already: bool) -> Iterator[None]:
    """Show the last lines of what failed, unless every line was shown as it came."""
    try:
        yield
    except EnvironmentFailed as error:
        for line in error.log.splitlines()[-_LAST_LINES:] if not shown_already else ():
            context.progress.note(f"    {line}")
        raise


def _not_made(error: PfError) -> dict[str, Any]:
    """Return the JSON form of what could not be made: what was said is in it."""
    log = error.log if isinstance(error, EnvironmentFailed) else ""
    return {"error": {**error.to_dict(), "log": log.splitlines()}}


_DESCRIPTION = Argument("--description", "one line for people", metavar="TEXT")
_TAGS = Argument("--tags", "key=value pairs for people", metavar="k=v", many=True)

ENV = noun(
    "env",
    "what is installed in runtimes: built, published, looked at, carried",
    [
        Verb(
            "init",
            "write a folder that builds at once",
            _init,
            (
                Argument("name", "of the environment", required=True),
                Argument("--to", "the folder; NAME when not given", metavar="FOLDER"),
                Argument("--base", "image that it stands on; ours when not given"),
            ),
            ("my-env",),
        ),
        Verb(
            "build",
            "make its image and try it; no work when nothing changed",
            _build,
            (
                _SOURCE,
                Argument("--python", "version for our own base, such as 3.12"),
                Argument("--fresh", "build even if nothing changed", flag=True),
                Argument(
                    "--context-limit",
                    "how large its folder may be, 512m when not given",
                    type=memory,
                    metavar="SIZE",
                ),
                _COMPUTE,
                _CONNECTION,
                _LOG,
            ),
            ("my-env", "image_build --log"),
            failed=_not_made,
        ),
        Verb(
            "publish",
            "give it the next number for good, and send it to a registry",
            _publish,
            (
                _SOURCE,
                Argument("--version", "its number; the next one when not given"),
                Argument(
                    "--registry", "where it is sent: host:port/path", metavar="PLACE"
                ),
                _DESCRIPTION,
                _TAGS,
                Argument("--notes", "what is new in it; it stays", metavar="TEXT"),
                _COMPUTE,
                _CONNECTION,
                _LOG,
            ),
            ("my-env", "my-env --registry localhost:5000/team"),
            failed=_not_made,
        ),
        Verb(
            "list",
            "list the versions, ours first",
            _list,
            (Argument("--all", "archived ones, too", flag=True),),
        ),
        Verb(
            "show",
            "show a version: digest, packages, where it is, what uses it",
            _show,
            (_REFERENCE, Argument("--log", "what its build said", flag=True)),
        ),
        Verb("packages", "list what is installed in it", _packages, (_REFERENCE,)),
        Verb(
            "diff",
            "show what differs between two versions",
            _diff,
            (
                _REFERENCE,
                Argument(
                    "other",
                    "the other one; without it: the version before",
                    metavar="OTHER",
                    complete="environment",
                ),
            ),
            ("my-env:1 my-env:2", "my-env"),
        ),
        Verb(
            "check",
            "try a version again: image, contract, registry, base, vulnerabilities",
            _check,
            (
                _REFERENCE,
                Argument(
                    "--advisories",
                    "a database of vulnerabilities: OSV records, or pip-audit for the "
                    "public one",
                    metavar="FILE",
                    complete="file",
                ),
                _CONNECTION,
            ),
            ("my-env --advisories osv.zip",),
        ),
        Verb(
            "describe",
            "change its description and tags, all that can change",
            _describe,
            (_REFERENCE, _DESCRIPTION, _TAGS),
            ("my-env:1 --description 'for reports'",),
        ),
        WITHDRAW,
        Verb("archive", "hide it from lists; it stays usable", _archive, (_REFERENCE,)),
        Verb("restore", "show again what was archived", _restore, (_REFERENCE,)),
        Verb(
            "import",
            "take over a version from a file or a registry",
            _import,
            (
                Argument(
                    "source",
                    "a file of `export`, or host:port/path/NAME:VERSION",
                    complete="archive",
                    required=True,
                ),
                Argument("--name", "what it is to be called here"),
                _COMPUTE,
                _CONNECTION,
            ),
            ("my-env-1.pfenv.tar", "localhost:5000/team/my-env:1"),
        ),
        Verb(
            "export",
            "write a version into one file, for where no registry is",
            _export,
            (
                _REFERENCE,
                Argument("--to", "the file or folder; here when not given"),
                Argument("--overwrite", "replace a file that is there", flag=True),
            ),
            ("my-env:1 --to my-env.tar",),
        ),
    ],
)
