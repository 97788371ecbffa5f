"""Runs a flow, one node of it, or a flow from a node on, in this process."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Dict, Mapping, Optional

from pf_jupyter.worker.execution import logs
from pf_jupyter.worker.execution.connections import (
    check_environment,
)
from pf_jupyter.worker.execution.flow_run import FlowRun
from pf_jupyter.worker.execution.prepared import (
    prepared_flow,
)
from pf_jupyter.worker.execution.records import now_text
from pf_jupyter.worker.execution.reporting import Emit, Reporter
from pf_jupyter.worker.execution.surroundings import (
    absolute,
    environment_of,
    environment_set,
    inside_folder,
)
from pf_jupyter.worker.execution.ticker import ticker
from pf_jupyter.worker.execution.tracing import spans_of
from pf_jupyter.worker.scrubbing import secrets_of


def run_request(
    request: Mapping[str, Any],
    folder: str,
    emit: Emit,
    ask: Optional[Callable[[Dict[str, Any]], Any]] = None,
) -> Dict[str, Any]:
    """Do what a RUN of the protocol asks and return its RESULT.

    Parameters
    ----------
    request
        RUN of the protocol.
    folder
        The flow's folder.
    emit
        Receives the events, from any thread.
    ask
        Asks the host for results of earlier runs.
    """
    folder = absolute(folder)
    connections = request.get("connections") or {}
    secrets = secrets_of(connections)
    reporter = Reporter(emit, folder, request.get("log_limit"), secrets)
    if ask is not None and request.get("cache"):
        from pf_jupyter.worker.execution.caching import NodeCache

        reporter.cache = NodeCache(request["cache"], ask, secrets)
    run = FlowRun(request, reporter, connections)
    began, started_at = time.perf_counter(), now_text()
    logs.install()
    logs.add_owner(reporter.owner)
    ticker.watch(reporter)
    reporter.event("run_started", time=started_at, pid=os.getpid())
    environment = environment_of(request)
    try:
        if environment:
            check_environment(request)
        with environment_set(environment), inside_folder(folder):
            run.execute(prepared_flow(request["flow"], folder, environment))
    except KeyboardInterrupt:
        run.cancel()
    except Exception as error:
        run.fail(error)
    finally:
        ticker.unwatch(reporter)
        reporter.close()
        logs.remove_owner(reporter.owner)
    result: Dict[str, Any] = {
        "status": run.status,
        "outputs": run.outputs,
        "nodes": reporter.results(),
        "metrics": run.metrics,
        "error": run.error,
        "started_at": started_at,
        "ended_at": now_text(),
        "duration_ms": round((time.perf_counter() - began) * 1000, 3),
        "aggregation_inputs": run.aggregation_inputs,
    }
    trace = spans_of(reporter.logs())
    if trace:
        result["trace"] = trace
    result = secrets.scrub_result(result)
    artifacts = reporter.artifacts.to_dict()
    if artifacts:
        result["artifacts"] = artifacts
    return result
