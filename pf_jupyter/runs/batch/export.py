"""Writes a batch run as the public tool keeps its own (flow-format section 4.4)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ...errors import AlreadyExists, UsageError
from ...store.records import RunRecord
from ...store.store import Store
from .folder import RunFolder, write_json
from .journal import Reader

_COPIED = ("flow_outputs", "snapshot")
_FILES = ("metrics.json", "error.json", "meta.json", "logs.txt")


def export_run(store: Store, record: RunRecord, target: Path) -> Path:
    """Write a run into a folder and return it.

    Each line and each of its nodes has a file, as there: other tools that read runs
    find what they look for.

    Raises
    ------
    AlreadyExists
        There is something in the folder.
    UsageError
        The run has no results.
    """
    folder = RunFolder(store.folder, record.run_id)
    if not folder.journal.is_file():
        raise UsageError(
            f"run {record.run_id} has no results to export",
            code="nothing_to_export",
            hint=f"%pfrun show {record.run_id} says what became of it",
        )
    target = target.expanduser().absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExists(
            f"{target} is there and not empty", hint="name a new folder"
        )
    for name in ("flow_artifacts", "node_artifacts"):
        (target / name).mkdir(parents=True, exist_ok=True)
    for name in _COPIED:
        if (folder.path / name).is_dir():
            shutil.copytree(folder.path / name, target / name, dirs_exist_ok=True)
    for name in _FILES:
        if (folder.path / name).is_file():
            shutil.copyfile(folder.path / name, target / name)
    definition = folder.defined() or {}
    run = {
        "name": record.run_id,
        "display_name": (record.labels or {}).get("name") or record.run_id,
        "description": (record.labels or {}).get("description") or "",
        "tags": (record.labels or {}).get("tags") or {},
        "status": record.status,
        "created_on": record.created_at,
        "start_time": record.created_at,
        "end_time": record.ended_at,
        "flow": record.flow_path,
        "data": (definition.get("request") or {}).get("data"),
        "run": record.source_run,
        "column_mapping": definition.get("mapping"),
        "variant": record.variant,
        "system_metrics": (record.document or {}).get("system_metrics") or {},
    }
    write_json(target / "run_metadata.json", run)
    inputs, outputs = target / "inputs.jsonl", target / "outputs.jsonl"
    with (
        inputs.open("w", encoding="utf-8") as given,
        outputs.open("w", encoding="utf-8") as made,
    ):
        for line in Reader(folder.journal).records():
            number = line["line_number"]
            given.write(_text({"line_number": number, **(line.get("inputs") or {})}))
            made.write(_text({"line_number": number, **(line.get("outputs") or {})}))
            _write_line(target, record, line)
    _write_aggregation(target, record)
    return target


def _write_line(target: Path, record: RunRecord, line: Mapping[str, Any]) -> None:
    number = line["line_number"]
    started, ended = _times(line)
    run_id = f"{record.run_id}_{number}"
    info = {
        "run_id": run_id,
        "status": line["status"],
        "error": _error(line.get("error")),
        "inputs": {**(line.get("inputs") or {}), "line_number": number},
        "output": line.get("outputs"),
        "metrics": None,
        "request": None,
        "parent_run_id": record.run_id,
        "root_run_id": record.run_id,
        "source_run_id": None,
        "flow_id": record.flow,
        "start_time": started,
        "end_time": ended,
        "index": number,
        "api_calls": [],
        "name": "",
        "description": "",
        "tags": None,
        "system_metrics": {"duration": (line.get("duration_ms") or 0) / 1000},
        "result": line.get("outputs"),
        "upload_metrics": False,
    }
    artifact = {
        "line_number": number,
        "run_info": info,
        "start_time": started,
        "end_time": ended,
        "name": "",
        "description": "",
        "status": line["status"],
        "tags": None,
    }
    name = f"{number:09d}_{number:09d}.jsonl"
    (target / "flow_artifacts" / name).write_text(_text(artifact), encoding="utf-8")
    for node, result in (line.get("nodes") or {}).items():
        if result["status"] != "NotStarted":
            run = f"{record.run_id}_{node}_{number}"
            info = _node_info(node, result, run, run_id, record.run_id, number)
            _write_node(target, node, number, info)


def _write_aggregation(target: Path, record: RunRecord) -> None:
    aggregation = (record.document or {}).get("aggregation") or {}
    for node, result in (aggregation.get("nodes") or {}).items():
        if result["status"] != "NotStarted":
            run = f"{record.run_id}_{node}_reduce"
            info = _node_info(node, result, run, record.run_id, record.run_id, None)
            _write_node(target, node, 0, info)


def _write_node(target: Path, node: str, number: int, info: dict[str, Any]) -> None:
    folder = target / "node_artifacts" / node
    folder.mkdir(parents=True, exist_ok=True)
    artifact = {
        "NodeName": node,
        "line_number": info["index"],
        "run_info": info,
        "start_time": info["start_time"],
        "end_time": info["end_time"],
        "status": info["status"],
    }
    (folder / f"{number:09d}.jsonl").write_text(_text(artifact), encoding="utf-8")


def _node_info(
    node: str,
    result: Mapping[str, Any],
    run_id: str,
    parent: str,
    flow_run: str,
    number: int | None,
) -> dict[str, Any]:
    started, ended = _times(result)
    return {
        "node": node,
        "flow_run_id": flow_run,
        "run_id": run_id,
        "status": result["status"],
        "inputs": result.get("inputs"),
        "output": result.get("output"),
        "metrics": None,
        "error": _error(result.get("error")),
        "parent_run_id": parent,
        "start_time": started,
        "end_time": ended,
        "index": number,
        "api_calls": [],
        "cached_run_id": result.get("cached_run_id"),
        "cached_flow_run_id": None,
        "logs": {
            stream: (result.get("logs") or {}).get(stream, "")
            for stream in ("stdout", "stderr")
        },
        "system_metrics": {"duration": (result.get("duration_ms") or 0) / 1000},
        "result": result.get("output"),
    }


def _error(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return an error as a chain of codes, the outermost first."""
    if not error:
        return None
    chain: dict[str, Any] | None = None
    for code in reversed(list(error.get("codes") or [error.get("code")])):
        chain = {"code": code, "innerError": chain}
    assert chain is not None
    shown = {"message": error.get("message"), "messageFormat": "", **chain}
    details = list(_details(error))
    return {**shown, "additionalInfo": details} if details else shown


def _details(error: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    exception = error.get("exception")
    if exception:
        yield {
            "type": "ToolExecutionErrorDetails",
            "info": {**exception, "traceback": error.get("traceback") or ""},
        }


def _times(result: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return start and end as the public tool writes them: UTC that does not say so."""
    text = result.get("started_at")
    if text is None:
        return None, None
    started = datetime.fromisoformat(text).replace(tzinfo=None)
    ended = started + timedelta(milliseconds=result.get("duration_ms") or 0)
    return started.isoformat() + "Z", ended.isoformat() + "Z"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
