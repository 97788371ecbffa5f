"""The record of a run that begins."""

from __future__ import annotations

import functools
import re
import secrets

from ..flow.model import Flow
from ..runtimes.identity import user
from ..store.records import RunRecord, RuntimeRecord, timestamp
from .request import Request


def new_record(
    runtime: RuntimeRecord,
    request: Request,
    flow: Flow,
    process: str,
    run_id: str | None = None,
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
    run_id
        Its id, from `new_id`, if it has one already.
    """
    now = timestamp()
    return RunRecord(
        run_id=run_id or new_id(flow.name),
        status="Running",
        flow=flow.name,
        flow_path=str(request.path),
        runtime=runtime.shown_name,
        runtime_id=runtime.id,
        environment_name=runtime.environment_name,
        environment_version=runtime.environment_version,
        environment_digest=runtime.environment_digest,
        owner=user(),
        process=process,
        created_at=now,
        mode=request.mode,
        node=request.node or request.from_node,
        variant=request.variant,
        inputs=dict(request.inputs),
    )


def new_id(flow: str) -> str:
    """Return an id for a run of the flow of that name."""
    now = timestamp()[:19].replace("-", "").replace(":", "").replace("T", "-")
    return f"{_id_of(flow)}-{now}-{secrets.token_hex(3)}"


@functools.lru_cache(maxsize=64)
def _id_of(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:60] or "flow"
