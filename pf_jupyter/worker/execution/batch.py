"""Runs the lines of a batch, and what comes after all of them, in this process.

A line is run as a single run is, without what only single runs need: nobody watches its
nodes, so no events are sent. Rules: flow-format sections 2.4, 3.1 and 4.3.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from pf_jupyter.flow.reference import NodeReference, parse_reference
from pf_jupyter.worker.execution import logs
from pf_jupyter.worker.execution.artifacts import Artifacts
from pf_jupyter.worker.execution.connections import (
    check_connections,
    check_environment,
)
from pf_jupyter.worker.execution.failures import FlowFailure, describe
from pf_jupyter.worker.execution.flow_run import FlowRun
from pf_jupyter.worker.execution.inputs import flow_inputs
from pf_jupyter.worker.execution.line import Line, timed_out
from pf_jupyter.worker.execution.llm.pace import Pace, keep_pace
from pf_jupyter.worker.execution.metrics import collecting
from pf_jupyter.worker.execution.prepared import PreparedFlow, prepared_flow
from pf_jupyter.worker.execution.records import (
    Moment,
    NodeRecord,
    now_text,
    to_json_or_text,
)
from pf_jupyter.worker.execution.reporting import Emit, Reporter
from pf_jupyter.worker.execution.scope import Scope
from pf_jupyter.worker.execution.surroundings import absolute, environment_of
from pf_jupyter.worker.execution.threads import run_in_threads
from pf_jupyter.worker.execution.tracing import spans_of
from pf_jupyter.worker.protocol import UPSTREAM
from pf_jupyter.worker.scrubbing import secrets_of

NODE_CONCURRENCY = 2
"""Nodes of one line that run at once (flow-format section 2.2)."""
AGGREGATION_CONCURRENCY = 16
_NO_LOGS = {"stdout": "", "stderr": "", "dropped_bytes": 0}


class LineReporter(Reporter):
    """Keeps what happens in one line, and tells nobody until it is over."""

    def __init__(self, shared: Reporter) -> None:
        self.records: Dict[str, NodeRecord] = {}
        self.cache = None
        self.artifacts = Artifacts()
        self.artifacts.vision = shared.artifacts.vision
        self.secrets = shared.secrets
        self._folder = shared._folder
        self._limit = shared._limit
        self._log = logs.NodeLog(None, self._limit, _unheard, self.secrets)
        self._interval = shared._interval
        self.poll_seconds = shared.poll_seconds

    def event(self, event: str, **facts: Any) -> None:
        """Do nothing: the line is told as a whole."""

    def started(
        self, node: str, inputs: Dict[str, Any], runs: bool = True
    ) -> logs.NodeLog:
        """Record that a node begins; return the log that its output goes to."""
        log = logs.NodeLog(node, self._limit, _unheard, self.secrets)
        self.records[node].start(inputs, log, self.plain)
        return log

    def completed(
        self,
        node: str,
        value: Any,
        ended: Optional[Moment] = None,
        cached_run_id: Optional[str] = None,
        last: bool = False,
    ) -> None:
        """Record that a node gave ``value``."""
        record = self.records[node]
        shown = self.plain(value)
        record.output_is_text = isinstance(shown, str) and not isinstance(value, str)
        record.output = shown
        record.end("Completed", None, ended)


def _unheard(node: Optional[str], stream: str, text: str) -> None:
    """Printed text is kept with its node; it is not shown while the line runs."""


class BatchFlow:
    """A flow whose lines this process runs.

    Parameters
    ----------
    request
        BATCH of :mod:`pf_jupyter.worker.protocol`.
    folder
        The flow's folder.
    pace
        Is kept by all calls of services; None where nobody does.
    """

    def __init__(
        self, request: Mapping[str, Any], folder: str, pace: Optional[Pace] = None
    ) -> None:
        self._request = request
        self._pace = pace
        self._folder = absolute(folder)
        self._connections: Dict[str, Any] = request.get("connections") or {}
        self._init: Dict[str, Any] = request.get("init") or {}
        self._secrets = secrets_of(self._connections)
        self._template: Dict[str, Any] = {
            "mode": "flow",
            "init": self._init,
            "concurrency": request.get("node_concurrency") or NODE_CONCURRENCY,
            "aggregation": False,
            "timeout": None,
        }
        self.prepared: PreparedFlow
        self._shared: Reporter

    def open(self) -> Optional[Dict[str, Any]]:
        """Load the flow; return the ERROR for which none of its lines can run."""
        logs.install()
        if self._pace is not None:
            keep_pace(self._pace)
        self._shared = Reporter(
            lambda event: None,
            self._folder,
            self._request.get("log_limit"),
            self._secrets,
        )
        environment = environment_of(self._request)
        try:
            if environment:
                check_environment(self._request)
                os.environ.update(environment)
            os.chdir(self._folder)
            entries = [entry for entry in sys.path if entry != self._folder]
            sys.path[:] = [self._folder, *entries]
            self.prepared = prepared_flow(
                self._request["flow"], self._folder, environment
            )
            self._shared.artifacts.use(self.prepared.flow.message_format)
            self._check()
        except Exception as error:
            return describe(error, self._folder, self._secrets)  # type: ignore[no-any-return]
        return None

    def _check(self) -> None:
        entry = self.prepared.entry
        if entry is None:
            self.prepared.check()
            nodes = self.prepared.nodes.values()
            check_connections(nodes, self._connections)
            return
        for failure in entry.failures:
            raise failure
        if hasattr(entry, "bind"):
            # The object of a class is made once in each process (section 3.1).
            entry.bind(self._init, self._connections)

    # ---- lines --------------------------------------------------------------

    def line(self, number: int, inputs: Mapping[str, Any]) -> "RunningLine":
        """Return a line that can be run.

        Parameters
        ----------
        number
            The number that its data goes by.
        inputs
            What the flow is given, mapped.
        """
        return RunningLine(self, number, inputs)

    # ---- after all lines ----------------------------------------------------

    def aggregate(
        self, rows: Sequence[Tuple[Mapping[str, Any], Any]], emit: Emit
    ) -> Dict[str, Any]:
        """Run what is run once over all completed lines.

        Parameters
        ----------
        rows
            Of each completed line, in order, its inputs and its aggregation inputs; of
            a flex flow, its inputs and its outputs.
        emit
            Receives the events of aggregation nodes.

        Returns
        -------
        dict
            ``{"metrics", "nodes", "outputs", "error"}``; ``error`` is the first failure
            of an aggregation node, which fails nothing else.
        """
        reporter = Reporter(
            emit, self._folder, self._request.get("log_limit"), self._secrets
        )
        metrics: Dict[str, Any] = {}
        error: Optional[Dict[str, Any]] = None
        logs.add_owner(reporter.owner)
        try:
            if self.prepared.entry is not None:
                outputs = [_as_returned(outputs) for _inputs, outputs in rows]
                found = self.prepared.entry.aggregate(outputs)
                metrics = {str(k): to_json_or_text(v) for k, v in found.items()}
            else:
                with collecting(metrics):
                    self._run_aggregation(rows, reporter)
        except Exception as failure:
            node = getattr(failure, "node", None)
            reporter.cancel_running(f"node '{node}' failed")
            error = reporter.describe(failure)
        finally:
            reporter.close()
            logs.remove_owner(reporter.owner)
        result: Dict[str, Any] = {
            "metrics": metrics,
            "nodes": reporter.results(),
            "error": error,
            "logs": reporter.own_log(),
        }
        trace = spans_of(reporter.logs())
        if trace:
            result["trace"] = trace
        return self._secrets.scrub_result(result)

    def _run_aggregation(
        self, rows: Sequence[Tuple[Mapping[str, Any], Any]], reporter: Reporter
    ) -> None:
        prepared = self.prepared
        nodes = [n for n in prepared.nodes.values() if n.node.aggregation]
        reporter.declare([node.name for node in nodes])
        inputs: Dict[str, List[Any]] = {name: [] for name in prepared.flow.inputs}
        collected: Dict[str, List[Any]] = {key: [] for key in self._collected()}
        for given, values in rows:
            for name, value in flow_inputs(prepared, given, 0).items():
                if name in inputs:
                    inputs[name].append(value)
            for key, kept in collected.items():
                kept.append((values or {}).get(key))
        scope = Scope(inputs, collected=collected)
        line = Line(nodes, scope, reporter, self._connections)
        wants_loop = any(n.tool is not None and n.tool.forces_loop for n in nodes)
        if not wants_loop:
            run_in_threads(line, AGGREGATION_CONCURRENCY)
            return
        from pf_jupyter.worker.execution.loop import run_coroutine, run_in_loop

        run_coroutine(lambda: run_in_loop(line, AGGREGATION_CONCURRENCY))

    def _collected(self) -> List[str]:
        """Return the references for which aggregation nodes get lists."""
        nodes = self.prepared.nodes.values()
        normal = {item.name for item in nodes if not item.node.aggregation}
        found = []
        for prepared in nodes:
            if prepared.node.aggregation:
                for raw in prepared.node.inputs.values():
                    reference = parse_reference(raw)
                    if (
                        isinstance(reference, NodeReference)
                        and reference.node in normal
                    ):
                        found.append(str(reference))
        return found


class RunningLine:
    """One line on its way through a flow.

    Parameters
    ----------
    batch
        The flow.
    number, inputs
        See `BatchFlow.line`.
    """

    def __init__(
        self, batch: BatchFlow, number: int, inputs: Mapping[str, Any]
    ) -> None:
        self._batch = batch
        self._number = number
        self._reporter = LineReporter(batch._shared)
        request = {**batch._template, "inputs": inputs, "line_number": number}
        if UPSTREAM in inputs:
            own = {name: inputs[name] for name in inputs if name != UPSTREAM}
            request.update(inputs[UPSTREAM], mode="from_node", inputs=own)
        self._run = FlowRun(request, self._reporter, batch._connections)
        self._began = time.perf_counter()
        self._started_at = now_text()

    def run(self) -> Dict[str, Any]:
        """Run it and return its LINE without ``line``."""
        run, reporter = self._run, self._reporter
        logs.add_owner(reporter.owner)
        try:
            run.execute(self._batch.prepared)
        except KeyboardInterrupt:
            run.cancel()
        except Exception as error:
            run.fail(error)
        except SystemExit as error:
            run.fail(
                FlowFailure(
                    "SystemExit", f"the flow called sys.exit({error.code})", cause=error
                )
            )
        finally:
            reporter.close()
            logs.remove_owner(reporter.owner)
        return self._record()

    def give_up(self, seconds: float) -> Dict[str, Any]:
        """Return the LINE of a line that is still running when its time is over."""
        failure = timed_out(seconds, self._number)
        self._reporter.cancel_running(
            f"the time limit of {seconds:g} seconds was reached"
        )
        self._run.status = "Failed"
        self._run.outputs = None
        self._run.error = self._reporter.describe(failure)
        return self._record()

    def _record(self) -> Dict[str, Any]:
        run, reporter = self._run, self._reporter
        record: Dict[str, Any] = {
            "status": run.status,
            "outputs": run.outputs,
            "nodes": {
                name: _brief(node) for name, node in list(reporter.records.items())
            },
            "started_at": self._started_at,
            "duration_ms": round((time.perf_counter() - self._began) * 1000, 3),
        }
        if run.error is not None:
            record["error"] = run.error
        if run.aggregation_inputs:
            record["aggregation_inputs"] = run.aggregation_inputs
        log = reporter.own_log()
        if log is not None:
            record["logs"] = log
        trace = spans_of(reporter.logs())
        if trace:
            record["trace"] = trace
        if self._batch._secrets:
            record = self._batch._secrets.scrub_result(record)
        artifacts = reporter.artifacts.to_dict()
        if artifacts:
            record["artifacts"] = artifacts
        return record


def _brief(record: NodeRecord) -> Dict[str, Any]:
    """Return a NODE without what is as it mostly is."""
    shown = record.to_dict()
    if shown["error"] is None:
        del shown["error"]
    if shown["logs"] == _NO_LOGS:
        del shown["logs"]
    del shown["ended_at"]
    return shown


def _as_returned(outputs: Any) -> Any:
    """Return what a flex flow gave: a value that is no mapping is called output."""
    if isinstance(outputs, dict) and list(outputs) == ["output"]:
        return outputs["output"]
    return outputs
