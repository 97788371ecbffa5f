"""Takes the results of nodes from earlier runs, where the run says that it may.

The host keeps the results and knows what they depend on: code, environment, settings.
What it cannot know are a node's inputs; it is asked with a digest of them. Only what
JSON keeps exactly is taken or kept, so that a node after it cannot tell the difference.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Callable, Dict, Iterable, NamedTuple, Optional

from pf_jupyter.worker.execution.prepared import PreparedNode
from pf_jupyter.worker.scrubbing import Secrets

Ask = Callable[[Dict[str, Any]], Any]
"""Sends a question to the host and returns its answer, None without one."""

MAX_CHARACTERS = 8_000_000
"""Length of the JSON beyond which an output is not kept."""


class Found(NamedTuple):
    """A result of an earlier run."""

    value: Any
    run_id: str


class NodeCache:
    """The results that the nodes of one run may take.

    Parameters
    ----------
    nodes
        Names of nodes that may.
    ask
        Asks the host.
    secrets
        What must not be kept.
    """

    def __init__(self, nodes: Iterable[str], ask: Ask, secrets: Secrets) -> None:
        self._nodes = frozenset(nodes)
        self._ask = ask
        self._secrets = secrets

    def digest(self, node: PreparedNode, arguments: Dict[str, Any]) -> Optional[str]:
        """Return what stands for a node's inputs, None if its result is not kept.

        Connections are left out: the host knows their settings.
        """
        if node.name not in self._nodes:
            return None
        plain = {k: v for k, v in arguments.items() if k not in node.connections}
        if not is_exact(plain):
            return None
        # The order of parameters means nothing, that of keys inside of a value may.
        text = json.dumps(sorted(plain.items()), separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def find(self, node: PreparedNode, digest: str) -> Optional[Found]:
        """Return the result of an earlier run, None without one."""
        question = {"op": "cache.get", "node": node.name, "inputs": digest}
        answer = self._ask(question)
        if not isinstance(answer, dict):
            return None
        return Found(answer["output"], str(answer["run_id"]))

    def keep(self, node: PreparedNode, digest: str, value: Any) -> None:
        """Give a node's result to the host, for later runs."""
        if not is_exact(value) or self._secrets.scrub_value(value) != value:
            return
        if len(json.dumps(value)) > MAX_CHARACTERS:
            return
        self._ask(
            {"op": "cache.put", "node": node.name, "inputs": digest, "output": value}
        )


def is_exact(value: Any) -> bool:
    """Tell whether JSON keeps a value such that nobody can tell the difference."""
    kind = type(value)
    if kind in (str, int, float, bool, type(None)):
        return True
    if kind is list:
        return all(map(is_exact, value))
    if kind is dict:
        return all(type(key) is str for key in value) and all(
            map(is_exact, value.values())
        )
    return False


def giver(value: Any, is_async: bool) -> Callable[..., Any]:
    """Return what is called instead of a tool whose result is known."""
    if not is_async:
        return lambda **_: value

    async def give(**_: Any) -> Any:
        return value

    return give
