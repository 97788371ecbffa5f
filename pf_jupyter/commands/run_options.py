"""What every verb that runs a flow can be told."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .tree import Argument
from .values import positive_seconds, read_pairs

if TYPE_CHECKING:
    from .context import Context

RUNTIME = Argument(
    "--runtime", "where; the runtime in use when not given", complete="runtime"
)
RUN_OPTIONS = (
    Argument(
        "--inputs",
        "the same as name=value after the flow; @FILE reads a file",
        metavar="name=value",
        complete="input",
        many=True,
    ),
    Argument("--inputs-file", "a JSON object of inputs; - reads stdin", metavar="FILE"),
    RUNTIME,
    Argument("--node", "run this node alone", complete="node"),
    Argument("--from", "run this node and those after it", complete="node"),
    Argument(
        "--run",
        "with --from or --node: the run to take the other values from",
        complete="run",
    ),
    Argument("--cache", "let every node take results of earlier runs", flag=True),
    Argument("--no-cache", "run every node, also those with enable_cache", flag=True),
    Argument(
        "--variant",
        "a variant to use instead of the default: '${node.variant}'",
        complete="variant",
    ),
    Argument(
        "--environment-variables",
        "environment variables for this run",
        metavar="NAME=VALUE",
        many=True,
    ),
    Argument(
        "--connections",
        "connections to use instead of those that nodes name",
        metavar="NODE.KEY=NAME",
        complete="node-connection",
        many=True,
    ),
    Argument(
        "--overrides",
        "other values than the flow says: a node's input, or a path into the flow",
        metavar="NODE.INPUT=VALUE",
        complete="node-input",
        many=True,
    ),
    Argument(
        "--init",
        "what the class of a flex flow is made with",
        metavar="name=value",
        complete="init",
        many=True,
    ),
    Argument(
        "--timeout",
        "seconds after which the run is ended",
        type=positive_seconds,
        metavar="SECONDS",
    ),
)


def part_options(arguments: Namespace) -> dict[str, Any]:
    """Return which part is run and what is taken from earlier runs, if asked."""
    options = {
        "from_node": getattr(arguments, "from"),
        "upstream": arguments.run,
        "cache": False if arguments.no_cache else (True if arguments.cache else None),
    }
    return {name: value for name, value in options.items() if value is not None}


def override_values(context: Context, pairs: Sequence[str]) -> dict[str, Any] | None:
    """Read values that replace the flow's; what is JSON is taken as such."""
    found = read_pairs(context, pairs, "override")
    for name, value in found.items():
        if isinstance(value, str):
            try:
                found[name] = json.loads(value)
            except ValueError:
                continue  # a text, which needs no quotes
    return found or None


def init_values(
    context: Context, flow: str | Path, pairs: Sequence[str]
) -> dict[str, Any]:
    """Read init values: what is typed is text, and JSON where the type is another."""
    found = read_pairs(context, pairs, "init value")
    if not found:
        return {}
    declared = context.workspace.flows.show(flow).init
    texts = {str(item["name"]) for item in declared if item["type"] == "string"}
    for name, value in found.items():
        if isinstance(value, str) and name not in texts:
            try:
                found[name] = json.loads(value)
            except ValueError:
                continue  # the name of a connection, say
    return found
