"""Which runs are listed, and which are kept: `run list` and `run prune`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from ..context import Context
from ..results import Message, Table
from ..tree import Argument, Outcome, Verb
from ..values import count, days, read_pairs
from ..wording import milliseconds, plural

TAGS = Argument("--tags", "only those that have these", metavar="key=value", many=True)
ARCHIVED = Argument("--archived", "those that were archived", flag=True)


def chosen(context: Context, arguments: Namespace) -> dict[str, Any]:
    """Return what of `TAGS` and `ARCHIVED` was given."""
    tags = read_pairs(context, arguments.tags, "tag")
    wanted: dict[str, Any] = {"archived": True} if arguments.archived else {}
    if tags:
        wanted["tags"] = {key: str(value) for key, value in tags.items()}
    return wanted


def runs_table(runs: Sequence[Mapping[str, Any]], empty: str) -> Table:
    """Return runs as a table; name and tags where one of them has any."""
    named = any(run.get("name") or run.get("tags") for run in runs)
    rows = []
    for run in runs:
        labels = [str(run["name"])] if run.get("name") else []
        labels += [f"{key}={value}" for key, value in (run.get("tags") or {}).items()]
        row = [
            str(run["run_id"]),
            str(run["status"]),
            str(run.get("flow") or ""),
            str(run.get("runtime") or ""),
            milliseconds(run.get("duration_ms")),
            str(run.get("created_at") or "")[:19].replace("T", " "),
        ]
        rows.append([*row, " ".join(labels)] if named else row)
    heads = ["run", "status", "flow", "runtime", "time", "created (UTC)"]
    return Table([*heads, "name, tags"] if named else heads, rows, runs, empty=empty)


def _prune(context: Context, arguments: Namespace) -> Outcome:
    asked: dict[str, Any] = {
        "older_than": arguments.older_than,
        "keep": arguments.keep,
        "archive": arguments.archive,
        **chosen(context, arguments),
    }
    runs = context.workspace.runs
    found = runs.prune(**asked, dry_run=True)
    document = {"runs": found, "removed": False, "archived": False}
    table = runs_table(found, "there is nothing to remove")
    if arguments.dry_run or not found:
        return Outcome(table, document)
    verb = "archive" if arguments.archive else "delete"
    question = f"{verb} {plural(len(found), 'run')} with their results?"
    if not arguments.yes and not context.confirm(f"{table.text()}\n{question}"):
        return Outcome(Message("nothing was changed"), document)
    gone = runs.prune(**asked)
    said = f"{plural(len(gone), 'run')} {verb}d"
    document = {
        "runs": gone,
        "removed": not arguments.archive,
        "archived": arguments.archive,
    }
    return Outcome(Message(said), document)


PRUNE = Verb(
    "prune",
    "remove runs that are too old or too many, with their results",
    _prune,
    (
        Argument(
            "--older-than", "days since they were started", type=days, metavar="DAYS"
        ),
        Argument("--keep", "how many of the newest stay", type=count, metavar="N"),
        TAGS,
        ARCHIVED,
        Argument("--archive", "take them out of the lists only", flag=True),
        Argument("--dry-run", "show them and change nothing", flag=True),
        Argument("--yes", "do not ask", flag=True),
    ),
    examples=("--older-than 90 --dry-run", "--keep 20 --tags nightly=yes --yes"),
)
