"""One run under way: the whole flow, one node, or from a node on."""

from __future__ import annotations

import copy
import os
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from pf_jupyter.errors import PfError
from pf_jupyter.worker.execution import limits
from pf_jupyter.worker.execution.connections import (
    check_connections,
)
from pf_jupyter.worker.execution.downstream import downstream, inputs_used
from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.inputs import flow_inputs, node_scope, unused_names
from pf_jupyter.worker.execution.line import Line
from pf_jupyter.worker.execution.metrics import collecting
from pf_jupyter.worker.execution.outputs import (
    aggregation_inputs,
    collect_outputs,
    join_async_generators,
    join_generators,
    needs_loop,
    serialised_outputs,
)
from pf_jupyter.worker.execution.prepared import (
    PreparedFlow,
    PreparedNode,
)
from pf_jupyter.worker.execution.reporting import Reporter
from pf_jupyter.worker.execution.scope import Scope
from pf_jupyter.worker.execution.threads import MAX_CONCURRENCY, run_in_threads


class FlowRun:
    """One RUN under way; what came of it is in its attributes."""

    def __init__(
        self,
        request: Mapping[str, Any],
        reporter: Reporter,
        connections: Mapping[str, Any],
    ) -> None:
        self.status = "Completed"
        self.outputs: Optional[Dict[str, Any]] = None
        self.metrics: Dict[str, Any] = {}
        self.error: Optional[Dict[str, Any]] = None
        self.aggregation_inputs: Dict[str, Any] = {}
        self._reporter = reporter
        self._connections = connections
        self._expected: Dict[str, List[str]] = request.get("connection_inputs") or {}
        self._inputs: Dict[str, Any] = request.get("inputs") or {}
        self._init: Dict[str, Any] = request.get("init") or {}
        self._given: Dict[str, Any] = request.get("dependency_outputs") or {}
        self._source: Optional[str] = request.get("source_run_id")
        self._bypassed: List[str] = request.get("bypassed") or []
        self._mode = request.get("mode") or "flow"
        self._node = request.get("node")
        self._line_number = request.get("line_number")
        self._concurrency = int(request.get("concurrency") or MAX_CONCURRENCY)
        self._aggregate = request.get("aggregation", True)
        timeout = request.get("timeout")
        self._deadline = None if timeout is None else time.monotonic() + timeout
        self._timeout = timeout
        limits.deadline.set(self._deadline)
        limits.streaming.set(bool(request.get("stream")))
        limits.given_connections.set(connections)

    def execute(self, prepared: PreparedFlow) -> None:
        """Do what is asked; raises what ends the run."""
        self._reporter.artifacts.use(prepared.flow.message_format)
        if prepared.entry is not None:
            self._run_entry(prepared)
        elif self._mode == "node":
            self._run_node(prepared)
        elif self._mode == "from_node":
            self._run_from(prepared)
        elif self._mode == "flow":
            self._run_all(prepared)
        else:
            raise FlowFailure(
                "ValueError",
                f"'{self._mode}' is not a way to run a flow",
                hint="flow, node and from_node are",
            )

    def cancel(self) -> None:
        """Note that somebody has stopped it."""
        self._reporter.cancel_running("the run was canceled")
        self.status = "Canceled"
        self.outputs = None
        self.error = self._reporter.describe(
            FlowFailure("ToolCanceledError", "the run was canceled")
        )

    def fail(self, error: BaseException) -> None:
        """Note what has ended it."""
        node = getattr(error, "node", None)
        record = self._reporter.records.get(node or "")
        if record is not None and record.status == "NotStarted":
            self._reporter.failed(record.name, error)
        if getattr(error, "code", "") == "LineExecutionTimeoutError":
            reason = f"the time limit of {self._timeout:g} seconds was reached"
        else:
            reason = f"node '{node}' failed" if node else "the run failed"
        self._reporter.cancel_running(reason)
        self.status = "Failed"
        self.outputs = None
        self.error = self._reporter.describe(error)

    def _run_entry(self, prepared: PreparedFlow) -> None:
        """Run a flow without nodes: a flex flow or a prompty."""
        from pf_jupyter.worker.execution.entries import run_entry

        if self._mode != "flow":
            raise FlowFailure(
                "SingleNodeValidationError",
                f"a {prepared.flow.kind} flow has no nodes to run alone",
                hint="run the flow",
            )
        self.outputs = run_entry(
            prepared.entry,
            self._inputs,
            self._init,
            self._connections,
            self._reporter,
            self._line_number,
        )

    def _run_all(self, prepared: PreparedFlow) -> None:
        flow = prepared.flow
        self._reporter.declare([node.name for node in flow.nodes])
        prepared.check()
        concerned = prepared.nodes.values() if self._expected else prepared.connected
        check_connections(concerned, self._connections, self._expected)
        inputs = flow_inputs(prepared, self._inputs, self._line_number)
        for name in self._inputs:
            if name not in flow.inputs:
                self._reporter.warn(f"the flow declares no input '{name}'")
        normal = prepared.normal
        scope = Scope(inputs)
        line = Line(normal, scope, self._reporter, self._connections)
        line.is_all = len(normal) == len(prepared.nodes)
        unserialisable: Optional[FlowFailure] = None
        try:
            self._schedule(line, prepared)
        except FlowFailure as failure:
            # it marks the run Failed and ends nothing (flow-format section 2.1)
            if failure.code != "FlowOutputUnserializable":
                raise
            unserialisable = failure
        if len(normal) < len(prepared.nodes):
            self._run_aggregation(prepared, inputs, scope)
        if unserialisable is not None:
            raise unserialisable

    def _run_aggregation(
        self, prepared: PreparedFlow, inputs: Mapping[str, Any], scope: Scope
    ) -> None:
        """Run aggregation nodes over this one line; their failure is not the flow's."""
        collected = aggregation_inputs(prepared.flow, scope)
        self.aggregation_inputs = {
            key: self._reporter.plain(value) for key, value in collected.items()
        }
        if not self._aggregate or not collected:
            return
        nodes = [n for n in prepared.nodes.values() if n.node.aggregation]
        scope = Scope(
            {name: [value] for name, value in inputs.items()},
            collected={key: [value] for key, value in collected.items()},
        )
        line = Line(nodes, scope, self._reporter, self._connections)
        with collecting(self.metrics):
            try:
                self._run_line(line, prepared)
            except FlowFailure as failure:
                if failure.code == "LineExecutionTimeoutError":
                    raise
                self._reporter.cancel_running(f"node '{failure.node}' failed")
            except PfError as error:
                node = getattr(error, "node", None)
                self._reporter.cancel_running(f"node '{node}' failed")

    def _run_node(self, prepared: PreparedFlow) -> None:
        flow = prepared.flow
        target = self._target(prepared)
        self._reporter.declare([target.name])
        if target.failure is not None:
            raise target.failure
        single = copy.copy(target)
        single.waits_for = []
        for name in unused_names(flow, single, self._inputs):
            self._reporter.warn(
                f"'{name}' was given and changes nothing: "
                + (
                    f"it is written into the flow for node '{single.name}'"
                    if name in single.arguments
                    else f"node '{single.name}' has no input called so"
                )
            )
        scope = node_scope(prepared, single, self._inputs, self._given)
        line = Line([single], scope, self._reporter, self._connections, [single.name])
        with collecting(self.metrics if target.node.aggregation else {}):
            self._run_line(line, prepared, [single])
        self.outputs = {"output": self._reporter.records[single.name].output}

    def _run_from(self, prepared: PreparedFlow) -> None:
        flow = prepared.flow
        target = self._target(prepared)
        prepared.check()
        chosen = downstream(prepared, target)
        check_connections(chosen, self._connections, self._expected)
        names = {node.name for node in chosen}
        given = {name: v for name, v in self._given.items() if name not in names}
        bypassed = [name for name in self._bypassed if name not in names]
        missing = [
            name
            for node in chosen
            for name in node.waits_for
            if name not in names and name not in given and name not in bypassed
        ]
        self._reporter.declare([node.name for node in flow.nodes])
        if missing:
            raise FlowFailure(
                "InputNotFoundFromAncestorNodeOutput",
                f"the outputs of {', '.join(sorted(set(missing)))} are not known",
                hint="run the whole flow once, or give these outputs",
                node=target.name,
            )
        for name in bypassed:
            if name in self._reporter.records:
                self._reporter.bypassed(name)
        for name, value in given.items():
            if name in self._reporter.records and self._source is not None:
                self._reporter.completed(name, value, cached_run_id=self._source)
            elif name in self._reporter.records:
                self._reporter.records[name].output = self._reporter.plain(value)
        used = inputs_used(chosen)
        scope = Scope(
            flow_inputs(prepared, self._inputs, self._line_number, used), given
        )
        for name in bypassed:
            scope.bypass(name)
        normal = [node for node in chosen if not node.node.aggregation]
        line = Line(normal, scope, self._reporter, self._connections, [target.name])
        self._schedule(line, prepared, partial=True)
        if not self._aggregate:
            collected = aggregation_inputs(flow, scope)
            plain = self._reporter.plain
            self.aggregation_inputs = {key: plain(v) for key, v in collected.items()}

    def _target(self, prepared: PreparedFlow) -> PreparedNode:
        if prepared.failure is not None:
            raise prepared.failure
        found = prepared.nodes.get(self._node or "")
        if found is None:
            raise FlowFailure(
                "SingleNodeValidationError",
                f"the flow has no node '{self._node}'",
                hint=f"the nodes are: {', '.join(prepared.nodes) or 'none'}",
            )
        if not found.node.type or not found.node.source:
            raise FlowFailure(
                "SingleNodeValidationError",
                f"node '{found.name}' has no type or no source",
                hint="add both to the node",
                node=found.name,
            )
        return found

    def _schedule(
        self, line: Line, prepared: PreparedFlow, partial: bool = False
    ) -> None:
        """Run a line's nodes, then read and serialise the flow's outputs."""
        flow, reporter = prepared.flow, self._reporter
        values: Dict[str, Any] = {}

        def read() -> bool:
            values.update(collect_outputs(prepared, line.scope, reporter, partial))
            return needs_loop(values)

        async def join() -> None:
            await join_async_generators(flow, values, reporter)

        self._run_line(line, prepared, None, read, join)
        join_generators(flow, values, reporter)
        self.outputs = serialised_outputs(flow, values, reporter.artifacts)

    def _run_line(
        self,
        line: Line,
        prepared: PreparedFlow,
        nodes: Optional[Sequence[PreparedNode]] = None,
        read: Callable[[], bool] = lambda: False,
        join: Optional[Callable[[], Any]] = None,
    ) -> None:
        """Run a line in threads, or on a loop when a tool of the flow asks for one.

        ``read`` is called when all nodes are done and tells whether ``join`` has to be
        awaited; on a loop that happens before the loop ends.
        """
        left = None
        if self._deadline is not None:
            left = max(0.0, self._deadline - time.monotonic())
        if nodes is None:
            forced = prepared.forces_loop
        else:
            forced = any(n.tool is not None and n.tool.forces_loop for n in nodes)
        if not (forced or os.environ.get("PF_USE_ASYNC", "").lower() == "true"):
            run_in_threads(line, self._concurrency, left, self._line_number)
            if read() and join is not None:
                from pf_jupyter.worker.execution.loop import run_coroutine

                run_coroutine(join)
            return
        from pf_jupyter.worker.execution.loop import run_coroutine, run_in_loop

        async def all_of_it() -> None:
            await run_in_loop(line, self._concurrency, left, self._line_number)
            if read() and join is not None:
                await join()

        run_coroutine(all_of_it)
