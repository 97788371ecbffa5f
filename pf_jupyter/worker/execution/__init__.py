"""Runs flows inside one process: an executor of the worker.

Plain Python 3.9 without dependencies, except jinja2 where a flow has a prompt. The
process that imports this belongs to one flow: running sets environment variables, the
current folder and ``sys.path``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from pf_jupyter.worker.execution.inspection import inspect_nodes
from pf_jupyter.worker.execution.prepared import prepared_flow, recalled
from pf_jupyter.worker.execution.run import run_request
from pf_jupyter.worker.execution.surroundings import (
    absolute,
    environment_of,
    flow_environment,
)

WARM_MODULES = (
    "asyncio",
    "concurrent.futures.thread",
    "dataclasses",
    "datetime",
    "difflib",
    "enum",
    "jinja2",
    "jinja2.meta",
    "jinja2.sandbox",
    "json",
    "linecache",
    "logging",
    "pf_jupyter.worker.execution.loop",
    "queue",
    "random",
    "re",
    "traceback",
    "typing",
    "urllib.parse",
    "uuid",
)
"""Modules worth importing before executors are forked; some may not be installed."""

__all__ = [
    "WARM_MODULES",
    "environment_of",
    "inspect_tools",
    "prepare",
    "recall",
    "run_flow",
]


def prepare(
    flow: Dict[str, Any],
    folder: str,
    environment_variables: Optional[Dict[str, str]] = None,
) -> None:
    """Load a flow's tools once in this process, for children that are forked from it.

    Starts no thread, makes no object of a class tool, and raises nothing: what is wrong
    with a node is told when it runs or is inspected.

    Parameters
    ----------
    flow
        ``Flow.to_dict()``.
    folder
        The flow's folder.
    environment_variables
        Those of the run to come, over the ones of the flow file.
    """
    try:
        environment = flow_environment(flow.get("environment_variables") or {}, {})
        environment.update(environment_variables or {})
        prepared_flow(flow, folder, environment)
    except Exception:  # told again, and then reported, by whatever runs the flow
        pass


def recall(request: Dict[str, Any], folder: str) -> None:
    """Find what `prepare` made of the flow of a run that is to come; runs nothing.

    Parameters
    ----------
    request
        RUN of :mod:`pf_jupyter.worker.protocol`.
    folder
        The flow's folder.
    """
    recalled(request["flow"], absolute(folder), environment_of(request))


def run_flow(
    request: Dict[str, Any],
    folder: str,
    emit: Callable[[Dict[str, Any]], None],
    ask: Optional[Callable[[Dict[str, Any]], Any]] = None,
) -> Dict[str, Any]:
    """Run a flow, a node, or a flow from a node on.

    Parameters
    ----------
    request
        RUN of :mod:`pf_jupyter.worker.protocol`.
    folder
        The flow's folder.
    emit
        Receives events, from any thread. Those that end a node carry ``node_result``,
        its NODE; ``last`` is true where nothing of the flow runs before the result.
    ask
        Asks the host a QUESTION and returns its answer; needed where nodes may take
        results of earlier runs.

    Returns
    -------
    dict
        RESULT without ``pid`` and ``hostname``. In mode ``node`` its outputs are
        ``{"output": what the node gave}``.
    """
    return run_request(request, folder, emit, ask)


def inspect_tools(
    flow: Dict[str, Any], folder: str, nodes: Optional[List[str]] = None
) -> Dict[str, Any]:
    """Say what the tools of a flow take and give, and everything wrong with them.

    Parameters
    ----------
    flow
        ``Flow.to_dict()``.
    folder
        The flow's folder.
    nodes
        Names of the nodes to look at; None means all.

    Returns
    -------
    dict
        ``{"tools": {node: TOOL}, "problems": [PROBLEM]}``.
    """
    return inspect_nodes(flow, folder, nodes)
