"""Makes of what a user asks for what is sent to a worker."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..connections.stored import StoredConnections
from ..store.store import Store
from ..worker.protocol import pack_value
from ..worker.scrubbing import secrets_of
from . import artifacts, cache, connections, overrides
from . import inputs as given_inputs
from .follow import Follow
from .partial import upstream_of, with_inputs
from .request import Request
from .sendable import PackedFlows, Sendable
from .sending import OnEvent, Sending

if TYPE_CHECKING:
    from ..flow.model import Flow
    from ..flow.snapshot import LoadedFlow

CONCURRENCY = 16
"""Nodes that run at once in a single run (flow-format section 2.2)."""

_KEPT_FLOWS = 64

LOG_LIMIT = 1_000_000
"""Bytes of output that are kept of one node."""


class Preparation:
    """Prepares runs; safe to use from any thread.

    Parameters
    ----------
    store
        The workspace's records.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.connections = StoredConnections(store)
        self._flows = PackedFlows()
        self._kept = cache.KeptResults(store.folder / cache.FOLDER)
        self._wanted: dict[int, connections.Wanted] = {}

    def prepare(
        self,
        runtime_id: str,
        request: Request,
        loaded: LoadedFlow,
        python: tuple[int, int] | None,
        on_event: OnEvent | None,
    ) -> Sending:
        """Check what is asked for and put together what is to be sent.

        Parameters
        ----------
        runtime_id
            Where it is to run.
        request
            What is asked for.
        loaded
            The flow.
        python
            Version of Python in the runtime, if it is known.
        on_event
            Who wants to hear of the run.

        Raises
        ------
        FlowInvalid, UsageError, NotFound
            Nothing can be sent.
        """
        flow, snapshot = loaded.require()
        flow = connections.overridden(flow, request.connections)
        flow = overrides.applied(flow, request.overrides, loaded, python)
        init = given_inputs.for_init(flow, request.init)
        upstream = upstream_of(self._store, flow, request, runtime_id)
        if upstream is not None:
            request = with_inputs(flow, request, upstream)
        if request.node is None:
            given = given_inputs.for_flow(flow, request.inputs)
            given = artifacts.with_bytes(flow, given)
        else:
            given = given_inputs.for_node(flow, request.node, request.inputs)
        variables = given_inputs.environment(flow, request.environment_variables)
        sendable = self._flows.pack(request, flow, snapshot)
        sent = self._connections(request, flow, sendable, variables, init)
        secrets = secrets_of(sent)
        body = {
            "flow": sendable.packed,
            "flow_key": sendable.key,
            "inputs": pack_value(given),
            "mode": request.mode,
            "node": request.node or request.from_node,
            "dependency_outputs": {},
            "init": pack_value(init),
            "connections": sent,
            "connection_inputs": connections.inputs_of(flow, request.connections),
            "environment_variables": variables,
            "line_number": None,
            "timeout": request.timeout,
            "concurrency": CONCURRENCY,
            "aggregation": True,
            "listens": on_event is not None,
            "stream": on_event is not None,
            "log_limit": LOG_LIMIT,
        }
        sending = Sending(
            request, flow, sendable, secrets, body, Follow(flow, request.node), on_event
        )
        if upstream is not None:
            sending.active.source = upstream.run_id
            body |= upstream.to_body(request)
        names = cache.cacheable(flow, request)
        if names:
            body["cache"] = names
            sending.answering = lambda record, runtime: cache.answering(
                self._kept, flow, snapshot, record, runtime, variables, sent
            )
        return sending

    def _connections(
        self,
        request: Request,
        flow: Flow,
        sendable: Sendable,
        variables: dict[str, str],
        init: dict[str, Any],
    ) -> dict[str, Any]:
        """Return the connections that are sent along.

        What a flow names is found once; what these connections are, for each run.
        """
        own = request.node or request.environment_variables or init
        wanted = None if own else self._wanted.get(sendable.key)
        if wanted is None:
            wanted = connections.wanted(flow, variables, request.node, init)
            if not own:
                if len(self._wanted) >= _KEPT_FLOWS:
                    self._wanted.clear()
                self._wanted[sendable.key] = wanted
        return connections.given(self.connections, wanted)
