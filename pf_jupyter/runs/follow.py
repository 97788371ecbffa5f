"""What is known of a run from its events, for when no result comes any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import RunCanceled, RunTimedOut
from ..flow.model import Flow

_LOG_LIMIT = 100_000


class Follow:
    """Keeps what the events of one run say about its nodes.

    Parameters
    ----------
    flow
        The flow that runs.
    only
        The one node that runs, or None for all.
    """

    def __init__(self, flow: Flow, only: str | None = None) -> None:
        names = [only] if only else [node.name for node in flow.nodes]
        self._nodes: dict[str, dict[str, Any]] = {
            name: {"status": "NotStarted", "logs": {}} for name in names
        }

    def notice(self, event: Mapping[str, Any]) -> None:
        """Take note of an event."""
        node = self._nodes.get(event.get("node") or "")
        if node is None:
            return
        kind = event.get("event")
        if kind == "node_started":
            node.update(status="Running", started_at=event.get("time"))
        elif kind in _ENDS:
            node.update(status=_ENDS[kind], ended_at=event.get("time"))
            if "duration_ms" in event:
                node["duration_ms"] = event["duration_ms"]
            if "error" in event:
                node["error"] = event["error"]
        elif kind == "log":
            stream = event.get("stream") or "stdout"
            text = node["logs"].get(stream, "") + (event.get("text") or "")
            node["logs"][stream] = text[-_LOG_LIMIT:]

    def running(self) -> list[str]:
        """Return the nodes that began and did not end."""
        return [n for n, node in self._nodes.items() if node["status"] == "Running"]

    def ended(self, status: str, error: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the nodes at the end of a run that gave no result.

        Parameters
        ----------
        status
            ``Failed`` or ``Canceled``: that of what was going on.
        error
            The cause, for nodes that failed with the run.
        """
        nodes = {}
        for name, node in self._nodes.items():
            node = dict(node)
            if node["status"] == "Running":
                node["status"] = status
                if status == "Failed" and error is not None:
                    node["error"] = dict(error)
            nodes[name] = node
        return nodes


_ENDS = {
    "node_completed": "Completed",
    "node_failed": "Failed",
    "node_bypassed": "Bypassed",
    "node_canceled": "Canceled",
}


def given_up(follow: Follow, elapsed: float) -> dict[str, Any]:
    """Return the result of a run whose end nobody waits for any more.

    Parameters
    ----------
    follow
        What is known of it.
    elapsed
        Milliseconds since it was sent.
    """
    error = {
        "code": RunCanceled.code,
        "message": "the run was interrupted",
        "hint": "",
        "node": None,
        "traceback": "",
    }
    return no_result("Canceled", follow, error, elapsed, "")


def no_result(
    status: str,
    follow: Follow,
    error: dict[str, Any],
    elapsed: float,
    hostname: str,
) -> dict[str, Any]:
    """Return RESULT of the worker's protocol for a run that gave none.

    Parameters
    ----------
    status
        ``Failed`` or ``Canceled``.
    follow
        What is known of it.
    error
        Why it gave none.
    elapsed
        Milliseconds since it was sent.
    hostname
        Of the runtime.
    """
    # a node that was ended is no failed one
    ending = "Canceled" if error["code"] == RunTimedOut.code else status
    return {
        "status": status,
        "outputs": None,
        "nodes": follow.ended(ending, error),
        "metrics": {},
        "error": error,
        "duration_ms": round(elapsed, 3),
        "hostname": hostname,
    }
