"""The state of one line of a flow: what is ready, what ran, what it gave.

A scheduler (:mod:`threads` or :mod:`loop`) asks for ready nodes and reports how each
ended; all of that happens in the scheduler's thread. Rules: flow-format sections 2.2
and 2.3.
"""

from __future__ import annotations

import heapq
import time
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

from pf_jupyter.errors import PfError
from pf_jupyter.flow.reference import NodeReference, Reference
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    tool_failed,
)
from pf_jupyter.worker.execution.logs import NodeLog, current_log
from pf_jupyter.worker.execution.prepared import PreparedNode
from pf_jupyter.worker.execution.records import PLAIN, Moment, moment
from pf_jupyter.worker.execution.reporting import Reporter
from pf_jupyter.worker.execution.scope import Scope


class Call:
    """One node with the callable and the arguments that it is about to run with."""

    __slots__ = (
        "arguments",
        "began",
        "digest",
        "ended",
        "error",
        "found",
        "function",
        "log",
        "node",
        "value",
    )

    def __init__(
        self,
        node: PreparedNode,
        function: Callable[..., Any],
        arguments: Dict[str, Any],
        log: NodeLog,
    ) -> None:
        self.node = node
        self.function = function
        self.arguments = arguments
        self.log = log
        self.value: Any = None
        self.error: Optional[BaseException] = None
        self.began: Optional[float] = None
        self.ended: Optional[Moment] = None
        self.digest: Optional[str] = None
        self.found: Any = None

    def run(self) -> None:
        """Call a sync tool in this thread and keep its value or its exception.

        Raises
        ------
        KeyboardInterrupt
            Somebody cancels the run.
        """
        token = current_log.set(self.log)
        self.began = time.perf_counter()
        try:
            self.value = self.function(**self.arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.error = error
        finally:
            self.ended = moment()
            current_log.reset(token)


class Line:
    """Nodes to run once, in the order in which they become ready.

    Parameters
    ----------
    nodes
        The nodes, in file order.
    scope
        Values known beforehand; outputs are added to it.
    reporter
        Receives what happens.
    connections
        Execution dictionaries of connections by name.
    unconditional
        Names of nodes whose activate condition is not asked.

    ``is_all`` is to be set where no other nodes run after these.
    """

    def __init__(
        self,
        nodes: Sequence[PreparedNode],
        scope: Scope,
        reporter: Reporter,
        connections: Mapping[str, Any],
        unconditional: Sequence[str] = (),
    ) -> None:
        self.scope = scope
        self.reporter = reporter
        self.is_all = False
        self._connections = connections
        self._unconditional = frozenset(unconditional)
        self._left = len(nodes)
        self._ready: List[Any] = []
        self._waiting: Dict[str, int] = {}
        self._followers: Dict[str, List[PreparedNode]] = {}
        names = {node.name for node in nodes}
        for node in nodes:
            count = 0
            for name in node.waits_for:
                if name in names and name not in scope.outputs:
                    self._followers.setdefault(name, []).append(node)
                    count += 1
            self._waiting[node.name] = count
            if count == 0:
                heapq.heappush(self._ready, (node.index, node))

    @property
    def finished(self) -> bool:
        """Whether every node has completed or was bypassed."""
        return self._left == 0

    def take_ready(self) -> List[PreparedNode]:
        """Return the nodes that can start now, bypassing those that are not to run.

        Raises
        ------
        FlowFailure, PfError
            A condition cannot be evaluated; the node is reported as failed.
        """
        runnable: List[PreparedNode] = []
        while self._ready:
            _, node = heapq.heappop(self._ready)
            try:
                bypassed = self._is_bypassed(node)
            except PfError as error:
                raise self._refuse(node, error) from None
            except Exception as error:  # a value's own __eq__ or __bool__
                raise self.gave_up(node, error) from None
            if bypassed:
                self._bypass(node)
            else:
                runnable.append(node)
        if len(runnable) > 1:
            runnable.sort(key=lambda node: node.index)
        return runnable

    def start(self, node: PreparedNode) -> Call:
        """Resolve a node's inputs and report that it starts.

        Raises
        ------
        FlowFailure, PfError
            An input cannot be resolved; the node is reported as failed.
        """
        try:
            function, given = node.bind(self._connections)
            arguments = self._arguments(node, given)
        except PfError as error:
            raise self._refuse(node, error) from None
        if self.reporter.cache is not None:
            return self._start_or_take(node, function, arguments)
        log = self.reporter.started(node.name, arguments)
        return Call(node, function, arguments, log)

    def _start_or_take(
        self,
        node: PreparedNode,
        function: Callable[..., Any],
        arguments: Dict[str, Any],
    ) -> Call:
        """Start a node unless an earlier run has its result."""
        from pf_jupyter.worker.execution.caching import giver

        cache, found = self.reporter.cache, None
        digest = cache.digest(node, arguments)
        if digest is not None:
            found = cache.find(node, digest)
        if found is not None:
            function = giver(found.value, bool(node.tool and node.tool.is_async))
        log = self.reporter.started(node.name, arguments, runs=found is None)
        call = Call(node, function, arguments, log)
        call.digest, call.found = digest, found
        return call

    def finish(self, call: Call) -> None:
        """Take over how a call ended.

        Raises
        ------
        FlowFailure
            The tool failed; the node is reported as failed.
        """
        node = call.node
        if call.began is not None:  # it may have waited for a thread
            self.reporter.records[node.name].clock = call.began
        if call.error is not None:
            hint = _argument_hint(call)
            raise self.gave_up(node, call.error, hint, call.ended)
        self.scope.outputs[node.name] = call.value
        if call.found is not None:
            source = call.found.run_id
            self.reporter.completed(node.name, call.value, call.ended, source)
        else:
            if call.digest is not None:  # before a node after it can change the value
                self.reporter.cache.keep(node, call.digest, call.value)
            last = self._left == 1 and self.is_all and self._is_plain()
            self.reporter.completed(node.name, call.value, call.ended, last=last)
        self._done(node)

    def _is_plain(self) -> bool:
        """Whether reading and writing the outputs runs no code of the flow."""
        return all(type(value) in PLAIN for value in self.scope.outputs.values())

    def gave_up(
        self,
        node: PreparedNode,
        error: BaseException,
        hint: str = "",
        ended: Optional[Moment] = None,
    ) -> FlowFailure:
        """Report a node as failed and return what that means for the flow."""
        failure = tool_failed(node.name, error, hint)
        self.reporter.failed(node.name, failure, ended)
        return failure

    def _arguments(
        self, node: PreparedNode, given: Mapping[str, Any]
    ) -> Dict[str, Any]:
        scope = self.scope
        if not scope.bypassed and not given:
            return {
                name: scope.value(reference)
                for name, reference in node.arguments.items()
            }
        arguments: Dict[str, Any] = {}
        omissible = node.tool.omissible if node.tool is not None else ()
        for name, reference in node.arguments.items():
            if name in given:
                arguments[name] = given[name]
            elif self.scope.is_bypassed(reference):
                if name in omissible:
                    continue
                self.reporter.warn(
                    f"input '{name}' of node '{node.name}' is None: node "
                    f"'{_node_of(reference)}' was bypassed and the parameter has no "
                    "default"
                )
                arguments[name] = None
            else:
                arguments[name] = self.scope.value(reference)
        return arguments

    def _is_bypassed(self, node: PreparedNode) -> bool:
        if node.condition is None and not self.scope.bypassed:
            return False
        if node.condition is not None and node.name not in self._unconditional:
            if self.scope.is_bypassed(node.condition):
                return True
            assert node.node.activate is not None
            return not bool(self.scope.value(node.condition) == node.node.activate.is_)
        if node.name in self._unconditional:
            return False
        waited_for = [
            reference
            for reference in node.arguments.values()
            if isinstance(reference, NodeReference)
        ]
        return bool(waited_for) and all(map(self.scope.is_bypassed, waited_for))

    def _bypass(self, node: PreparedNode) -> None:
        self.scope.bypass(node.name)
        self.reporter.bypassed(node.name)
        self._done(node)

    def _done(self, node: PreparedNode) -> None:
        self._left -= 1
        for follower in self._followers.get(node.name, ()):
            self._waiting[follower.name] -= 1
            if self._waiting[follower.name] == 0:
                heapq.heappush(self._ready, (follower.index, follower))

    def _refuse(self, node: PreparedNode, error: PfError) -> PfError:
        if getattr(error, "node", None) is None:
            error.node = node.name  # type: ignore[attr-defined]
        self.reporter.failed(node.name, error)
        return error


def timed_out(seconds: float, line_number: Optional[int]) -> FlowFailure:
    """Return the failure of a line that took longer than its limit."""
    line = "the flow" if line_number is None else f"line {line_number}"
    return FlowFailure(
        "LineExecutionTimeoutError",
        f"{line} took longer than its limit of {seconds:g} seconds",
        hint="raise the time limit, or find out what the canceled nodes wait for",
    )


def _argument_hint(call: Call) -> str:
    """Explain a call that the tool's signature refused: it has no frame of its own."""
    error, tool = call.error, call.node.tool
    if not isinstance(error, TypeError) or tool is None:
        return ""
    frames = error.__traceback__
    while frames is not None:
        if frames.tb_frame.f_code.co_filename.endswith(tool.file):
            return ""
        frames = frames.tb_next
    parameters = tool.interface.parameters
    unknown = [name for name in call.arguments if name not in parameters]
    missing = [
        name
        for name, parameter in parameters.items()
        if parameter.required and not parameter.of_init and name not in call.arguments
    ]
    if unknown and not tool.interface.takes_any:
        return (
            f"'{tool.name}' has no parameter {', '.join(map(repr, unknown))}; it takes "
            f"{', '.join(parameters) or 'none'}"
        )
    if missing:
        return f"give node '{call.node.name}' its input {', '.join(missing)}"
    return ""


def _node_of(reference: Reference) -> str:
    return reference.node if isinstance(reference, NodeReference) else ""
