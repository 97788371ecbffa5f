"""Reads what the engine says about containers and images into our records."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pf_jupyter.engines.api import (
    LABEL,
    ImageInfo,
    InstanceState,
    InstanceStats,
    InstanceStatus,
)

_STATUS: Mapping[str, InstanceStatus] = {
    "created": "created",
    "configured": "created",  # podman's word
    "initialized": "created",  # podman's word
    "running": "running",
    "restarting": "running",
    "paused": "paused",
    "exited": "exited",
    "stopped": "exited",  # podman's word
    "stopping": "exited",
    "dead": "exited",
    "removing": "exited",
}
_SIGKILLED = 137
# what a container shows that ended because its engine did: stopped by it, killed by
# it, or found without its keeper afterwards
_RESTART_CODES = (0, _SIGKILLED, 143, 255)
_BEFORE_RESTART = timedelta(seconds=60)
_AFTER_RESTART = timedelta(seconds=5)


def missing(instance: str) -> InstanceState:
    """Return the state of an instance that the engine does not know."""
    return InstanceState(
        id=instance,
        name="",
        status="missing",
        image="",
        labels={},
        cause="removed from outside",
    )


def to_state(
    raw: Mapping[str, Any], engine_started: datetime | None = None
) -> InstanceState:
    """Return what inspecting a container gave.

    Parameters
    ----------
    raw
        The engine's answer.
    engine_started
        When the engine began to run, where that is known.
    """
    state = raw.get("State") or {}
    config = raw.get("Config") or {}
    status = _STATUS.get(str(state.get("Status", "")).lower(), "exited")
    ended = status == "exited"
    return InstanceState(
        id=raw["Id"],
        name=str(raw.get("Name", "")).lstrip("/"),
        status=status,
        image=str(config.get("Image") or raw.get("Image") or ""),
        labels=dict(config.get("Labels") or {}),
        exit_code=int(state.get("ExitCode", 0)) if ended else None,
        oom_killed=bool(state.get("OOMKilled")),
        cause=_cause(raw, status, engine_started),
        started_at=parse_time(state.get("StartedAt")),
    )


def _cause(
    raw: Mapping[str, Any], status: InstanceStatus, engine_started: datetime | None
) -> str:
    state = raw.get("State") or {}
    if status == "paused":
        return "paused from outside"
    if status != "exited":
        return _first_line(state.get("Error")) if status == "created" else ""
    code = int(state.get("ExitCode", 0))
    if state.get("OOMKilled"):
        return out_of_memory((raw.get("HostConfig") or {}).get("Memory"))
    if ended_with_engine(parse_time(state.get("FinishedAt")), code, engine_started):
        return "the engine restarted"
    if code == _SIGKILLED:
        return f"killed from outside (exit code {code})"
    if state.get("Error"):
        return f"could not start: {_first_line(state['Error'])}"
    if code in (0, 143):
        # what waits in our instances ends in no other way than by being asked to
        return f"stopped (exit code {code})"
    if code > 128:
        return f"ended by signal {code - 128} (exit code {code})"
    return f"ended (exit code {code})"


def out_of_memory(limit: int | None) -> str:
    """Return the cause for an instance that was killed for memory."""
    if not limit:
        return "out of memory"
    return f"out of memory (limit {limit / 1024**3:.1f} GB)"


def ended_with_engine(
    finished: datetime | None, code: int, engine_started: datetime | None
) -> bool:
    """Tell whether an end was the engine's own, going by the two times."""
    if finished is None or engine_started is None or code not in _RESTART_CODES:
        return False
    earliest, latest = engine_started - _BEFORE_RESTART, engine_started + _AFTER_RESTART
    return earliest <= finished <= latest


def _first_line(text: object) -> str:
    lines = str(text or "").strip().splitlines()
    return lines[0] if lines else ""


def parse_time(text: str | None) -> datetime | None:
    """Return an engine's time; None for the year 1 that means never."""
    if not text or text.startswith("0001-"):
        return None
    match = re.match(
        r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(\.\d+)? ?(Z|[+-]\d\d:?\d\d)?", text
    )
    if match is None:
        return None
    whole, fraction, zone = match.groups()
    offset = "+00:00" if zone in (None, "Z") else zone
    # engines give nanoseconds, Python reads microseconds
    return datetime.fromisoformat(
        f"{whole}{(fraction or '.0')[:7]}{offset}"
    ).astimezone(UTC)


def to_image(raw: Mapping[str, Any]) -> ImageInfo:
    """Return what inspecting an image gave."""
    config = raw.get("Config") or {}
    identity = str(raw["Id"])
    created = raw.get("Created")
    return ImageInfo(
        id=identity if ":" in identity else f"sha256:{identity}",
        tags=tuple(raw.get("RepoTags") or ()),
        size=int(raw.get("Size") or raw.get("VirtualSize") or 0),
        labels=dict(config.get("Labels") or {}),
        created_at=parse_time(created) if isinstance(created, str) else None,
        registry_digests=tuple(raw.get("RepoDigests") or ()),
    )


def to_stats(before: Mapping[str, Any], now: Mapping[str, Any]) -> InstanceStats:
    """Return use from two samples; each carries the time it was taken."""
    first, last = parse_time(before.get("read")), parse_time(now.get("read"))
    seconds = (last - first).total_seconds() if first and last else 0.0
    used = _cpu_nanoseconds(now) - _cpu_nanoseconds(before)
    memory = now.get("memory_stats") or {}
    details = memory.get("stats") or {}
    # pages of files can be given up at once; docker's own command leaves them out too
    idle = details.get("total_inactive_file", details.get("inactive_file", 0))
    limit = int(memory.get("limit") or 0)
    return InstanceStats(
        cpu=max(0.0, used / 1e9 / seconds) if seconds > 0 else 0.0,
        memory=max(0, int(memory.get("usage") or 0) - int(idle)),
        # an engine that limits nothing says so with the largest number it has
        memory_limit=limit if 0 < limit < 2**62 else None,
        pids=int((now.get("pids_stats") or {}).get("current") or 0),
    )


def _cpu_nanoseconds(sample: Mapping[str, Any]) -> int:
    usage = (sample.get("cpu_stats") or {}).get("cpu_usage") or {}
    return int(usage.get("total_usage") or 0)


def ours(labels: Mapping[str, str]) -> bool:
    """Tell whether labels mark something that pf_jupyter made."""
    return any(key.startswith(LABEL) for key in labels)
