"""The record of a run that begins."""

from __future__ import annotations

import re
import secrets
from datetime import UTC, datetime

from ..flow.model import Flow
from ..runtimes.identity import user
from ..store.records import RunRecord, RuntimeRecord, timestamp
from .request import Request


def new_record(
    runtime: RuntimeRecord, request: Request, flow: Flow, process: str
) -> RunRecord:
    """Return the record of a run, Running and with an id of its own.

    Parameters
    ----------
    runtime
        Where it runs.
    request, flow
        What is run.
    process
        The process that starts it (see `Store.process`).
    """
    now = datetime.now(UTC)
    name = re.sub(r"[^A-Za-z0-9_-]+", "_", flow.name)[:60] or "flow"
    return RunRecord(
        run_id=f"{name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}",
        status="Running",
        flow=flow.name,
        flow_path=str(request.path),
        runtime=runtime.name,
        runtime_id=runtime.id,
        environment_name=runtime.environment_name,
        environment_version=runtime.environment_version,
        environment_digest=runtime.environment_digest,
        owner=user(),
        process=process,
        created_at=timestamp(now),
        mode=request.mode,
        node=request.node or request.from_node,
        variant=request.variant,
        inputs=dict(request.inputs),
    )
