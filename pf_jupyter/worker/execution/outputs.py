"""What a flow gives: outputs, generators joined while they flow, aggregation inputs.

Rules: flow-format sections 2.3 to 2.6 and 9 items 1, 2 and 16.
"""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Dict, List, Mapping, Optional

from pf_jupyter.flow.model import Flow
from pf_jupyter.flow.reference import (
    InputReference,
    Literal,
    NodeReference,
    parse_reference,
)
from pf_jupyter.worker.execution.artifacts import Artifacts
from pf_jupyter.worker.execution.failures import FlowFailure, tool_failed
from pf_jupyter.worker.execution.logs import current_log
from pf_jupyter.worker.execution.prepared import PreparedFlow
from pf_jupyter.worker.execution.records import PLAIN, to_json
from pf_jupyter.worker.execution.reporting import Reporter
from pf_jupyter.worker.execution.scope import Scope
from pf_jupyter.worker.execution.ticker import ticker

_CHUNK_SECONDS = 0.02


def collect_outputs(
    prepared: PreparedFlow, scope: Scope, reporter: Reporter, partial: bool = False
) -> Dict[str, Any]:
    """Return the raw value of every flow output.

    Parameters
    ----------
    prepared, scope, reporter
        The flow, its values, and who hears of warnings.
    partial
        Leave out outputs whose node or input has no value.

    Raises
    ------
    InvalidReferenceProperty
        A property leads nowhere, for instance into a bypassed node.
    """
    values: Dict[str, Any] = {}
    for name, reference in prepared.sources.items():
        if isinstance(reference, Literal):
            values[name] = reference.value
        elif isinstance(reference, InputReference):
            if reference.name in scope.inputs or not partial:
                values[name] = scope.value(reference)
        else:
            node = prepared.nodes.get(reference.node)
            if node is not None and node.node.aggregation:
                reporter.warn(
                    f"flow output '{name}' is left out: '{reference.node}' is an "
                    "aggregation node"
                )
            elif reference.node in scope.outputs or not partial:
                if reference.node in scope.bypassed:
                    reporter.warn(
                        f"flow output '{name}' refers to '{reference.node}', which "
                        "was bypassed"
                    )
                values[name] = scope.output(reference)
    return values


def needs_loop(values: Mapping[str, Any]) -> bool:
    """Tell whether an output can only be read on an event loop."""
    for value in values.values():
        if type(value) not in PLAIN and isinstance(value, AsyncIterator):
            return True
    return False


def join_generators(flow: Flow, values: Dict[str, Any], reporter: Reporter) -> None:
    """Replace each iterator by the text of its items, sending them as they come.

    Raises
    ------
    FlowFailure
        A generator failed; its node is reported as failed.
    """
    for name, value in values.items():
        if type(value) not in PLAIN and isinstance(value, Iterator):
            with _Joining(flow, name, reporter) as joining:
                for item in value:
                    joining.add(item)
            values[name] = joining.text()


async def join_async_generators(
    flow: Flow, values: Dict[str, Any], reporter: Reporter
) -> None:
    """Do the same for async iterators; raises what `join_generators` does."""
    for name, value in values.items():
        if isinstance(value, AsyncIterator):
            with _Joining(flow, name, reporter) as joining:
                async for item in value:
                    joining.add(item)
            values[name] = joining.text()


def serialised_outputs(
    flow: Flow, values: Mapping[str, Any], artifacts: Artifacts
) -> Dict[str, Any]:
    """Return outputs as plain JSON data, their images as paths.

    Raises
    ------
    FlowFailure
        FlowOutputUnserializable, naming the output and its type.
    """
    ready: Dict[str, Any] = {}
    for name, value in values.items():
        try:
            ready[name] = to_json(value, artifacts.output, artifacts.vision)
        except Exception as error:  # also whatever the value's own methods raise
            raise FlowFailure(
                "FlowOutputUnserializable",
                f"flow output '{name}' is a {type(value).__name__} that has no JSON "
                f"form: {error}",
                hint="return text, numbers, lists and dictionaries from the node "
                "behind it",
                node=_node_behind(flow, name),
            ) from None
    return ready


def aggregation_inputs(flow: Flow, scope: Scope) -> Dict[str, Any]:
    """Return what aggregation nodes need of this line, by canonical reference.

    A bypassed node gives None (flow-format section 2.3).

    Raises
    ------
    InvalidReferenceProperty
        A property leads nowhere.
    """
    normal = {node.name for node in flow.nodes if not node.aggregation}
    values: Dict[str, Any] = {}
    for node in flow.nodes:
        if not node.aggregation:
            continue
        for raw in node.inputs.values():
            reference = parse_reference(raw)
            if isinstance(reference, NodeReference) and reference.node in normal:
                values[str(reference)] = scope.value(reference)
    return values


def _node_behind(flow: Flow, output: str) -> Optional[str]:
    reference = parse_reference(flow.outputs[output].reference)
    return reference.node if isinstance(reference, NodeReference) else None


class _Joining:
    """Reads one generator: its items make the output, its prints belong to its node."""

    def __init__(self, flow: Flow, output: str, reporter: Reporter) -> None:
        reference = parse_reference(flow.outputs[output].reference)
        self._output = output
        self._node = _node_behind(flow, output)
        self._is_whole = isinstance(reference, NodeReference) and not reference.property
        self._reporter = reporter
        self._record = reporter.records.get(self._node or "")
        self._items: List[Any] = []
        self._texts: List[str] = []
        self._unsent: List[str] = []
        self._sent_at = 0.0
        self._held = self._ended = False
        self._lock = threading.Lock()
        self._token: Any = None
        self._scrubber = reporter.secrets.stream()

    def __enter__(self) -> "_Joining":
        if self._record is not None and self._record.log is not None:
            self._record.log.closed = False
            self._token = current_log.set(self._record.log)
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], tb: Any) -> None:
        if self._token is not None:
            current_log.reset(self._token)
        self._ended = True
        self.flush_late()
        if self._record is not None and self._record.log is not None:
            self._record.logs = self._record.log.close()
            if self._is_whole and self._items:
                self._record.output = self._reporter.plain(self._shown_items())
        if isinstance(error, Exception) and self._node is not None:
            failure = tool_failed(self._node, error)
            self._reporter.failed(self._node, failure)
            raise failure from None

    def add(self, item: Any) -> None:
        """Take one item and send its text, at most some fifty times a second."""
        text = str(item)
        self._items.append(item)
        self._texts.append(text)
        now = time.monotonic()
        with self._lock:
            self._unsent.append(text)
            soon = now - self._sent_at < _CHUNK_SECONDS
            hold = soon and not self._held
            self._held = self._held or hold
        if hold:
            ticker.hold(self)
            ticker.hurry()
        elif not soon:
            self._send(now)

    def flush_late(self) -> None:
        """Send what waits."""
        with self._lock:
            self._held = False
        self._send(time.monotonic())

    def text(self) -> str:
        """Return the whole text."""
        return "".join(self._texts)

    def _shown_items(self) -> List[Any]:
        """Return the items, or their text as one when a secret lies across them."""
        scrub = self._reporter.secrets.scrub
        text = self.text()
        if scrub(text) == "".join(map(scrub, self._texts)):
            return self._items
        return [scrub(text)]

    def _send(self, now: float) -> None:
        with self._lock:
            text = "".join(self._unsent)
            self._unsent.clear()
            self._sent_at = now
            if self._scrubber is not None:
                text = self._scrubber.feed(text)
                if self._ended:
                    text += self._scrubber.finish()
            if text:
                # Under the lock, or two threads could send pieces in the wrong order.
                self._reporter.event(
                    "chunk", node=self._node, output=self._output, text=text
                )
