"""`compute`: the places where runtimes can live."""

from __future__ import annotations

from argparse import Namespace

from ..context import Context
from ..results import Table
from ..tree import Outcome, Verb, noun


def _list(context: Context, arguments: Namespace) -> Outcome:
    del arguments
    computes = context.workspace.computes.list()
    rows = [
        [
            str(item["name"]),
            str(item["engine"]),
            "isolates" if item["isolated"] else "does not isolate",
            "answers" if item["reachable"] else "does not answer",
            str(item.get("detail") or ""),
        ]
        for item in computes
    ]
    table = Table(
        ["name", "engine", "isolation", "state", "detail"],
        rows,
        computes,
        empty="no compute is known",
    )
    return Outcome(table, {"computes": computes})


COMPUTE = noun(
    "compute",
    "the places where runtimes can live",
    [Verb("list", "list the computes, and whether each answers", _list)],
)
