"""Results of nodes from earlier runs, for nodes that would do the same again.

A result belongs to a key made of everything that it depends on: the node's code and
settings, the files it may read, environment variables, connections without their
secrets, the environment's digest and the digest of its inputs. The runtime is trusted
with the last only: what it gives is kept under the key of a node that it ran.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import __version__
from ..flow.contents import Snapshot
from ..flow.model import Flow, Node
from ..flow.reference import is_reference
from ..runtimes.identity import user
from ..store.home import make_private_folder
from ..store.records import RunRecord, RuntimeRecord, timestamp
from .code import code_files
from .request import Request

FOLDER = "cache"
LIMIT_BYTES = 256 * 1024 * 1024
_TO_KEEP = 0.8
_IRRELEVANT = ("name", "comment", "enable_cache", "use_variants", "activate")

Answer = Callable[[Mapping[str, Any]], Any]


class KeptResults:
    """Files of results, the ones not used for longest removed when it gets too much.

    Parameters
    ----------
    folder
        Where they are; made when there is something to keep.
    limit
        Bytes of all together.
    """

    def __init__(self, folder: Path, limit: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit
        self._size: int | None = None
        self._guard = threading.Lock()

    def get(self, key: str) -> dict[str, Any] | None:
        """Return what `put` kept, None when there is nothing (any more)."""
        file = self._file(key)
        try:
            found = json.loads(file.read_text("utf-8"))
            os.utime(file)  # it was of use: it goes last
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) and "output" in found else None

    def put(self, key: str, entry: Mapping[str, Any]) -> None:
        """Keep an entry; a disk that does not want it is not the run's business."""
        data = json.dumps(entry, separators=(",", ":")).encode()
        if len(data) > self._limit:
            return
        file = self._file(key)
        new = file.with_suffix(f".{secrets.token_hex(4)}")
        try:
            make_private_folder(file.parent.parent)
            make_private_folder(file.parent)
            new.touch(0o600)
            new.write_bytes(data)
            os.replace(new, file)
        except OSError:
            new.unlink(missing_ok=True)
            return
        self._added(len(data))

    def _file(self, key: str) -> Path:
        return self._folder / key[:2] / f"{key}.json"

    def _added(self, size: int) -> None:
        with self._guard:
            if self._size is None:
                self._size = sum(item[1] for item in self._listed())
            else:
                self._size += size
            if self._size <= self._limit:
                return
            files = sorted(self._listed())
            total = sum(item[1] for item in files)
            for _, length, path in files:
                if total <= self._limit * _TO_KEEP:
                    break
                with contextlib.suppress(OSError):
                    path.unlink()
                    total -= length
            self._size = total

    def _listed(self) -> list[tuple[float, int, Path]]:
        found = []
        for path in self._folder.glob("??/*.json"):
            with contextlib.suppress(OSError):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        return found


def cacheable(flow: Flow, request: Request) -> list[str]:
    """Return the nodes that may take results of earlier runs.

    Never those that a user runs by name, and never aggregation nodes: these log
    metrics.
    """
    if request.cache is False or request.node is not None or flow.kind != "dag":
        return []
    return [
        node.name
        for node in flow.nodes
        if (request.cache or node.enable_cache)
        and not node.aggregation
        and node.name != request.from_node
    ]


def answering(
    kept: KeptResults,
    flow: Flow,
    snapshot: Snapshot,
    record: RunRecord,
    runtime: RuntimeRecord,
    variables: Mapping[str, str],
    connections: Mapping[str, Any],
) -> Answer:
    """Return what answers the questions of a run about results of earlier ones.

    Parameters
    ----------
    kept
        The results.
    flow, snapshot, record, runtime
        The run and what it runs.
    variables, connections
        What it is given.
    """
    bases: dict[str, str] = {}

    def base_of(name: str) -> str:
        if name not in bases:
            node = flow.node(name)
            assert node is not None
            facts = {
                "pf_jupyter": __version__,
                "owner": user(),
                "environment": runtime.environment_digest,
                "python": runtime.python,
                "message_format": flow.message_format,
                "variables": dict(variables),
                "node": _settings(node),
                "files": code_files(node, flow, snapshot),
                "connections": _without_secrets(node, variables, connections),
            }
            bases[name] = _digest(facts)
        return bases[name]

    def answer(question: Mapping[str, Any]) -> Any:
        name = str(question.get("node"))
        if flow.node(name) is None or not runtime.environment_digest:
            return None
        key = _digest([base_of(name), str(question.get("inputs"))])
        if question.get("op") == "cache.get":
            found = kept.get(key)
            return found and {"run_id": found["run_id"], "output": found["output"]}
        if question.get("op") == "cache.put":
            kept.put(
                key,
                {
                    "run_id": record.run_id,
                    "node": name,
                    "created_at": timestamp(),
                    "output": question.get("output"),
                },
            )
        return None

    return answer


def _settings(node: Node) -> dict[str, Any]:
    """Return what the flow file says about a node, apart from where values come from.

    Which node an input refers to does not matter, only the value that it had.
    """
    raw = {k: v for k, v in asdict(node).items() if k not in _IRRELEVANT}
    raw["inputs"] = {
        name: "" if is_reference(value) else value
        for name, value in sorted(node.inputs.items())
    }
    return raw


def _without_secrets(
    node: Node, variables: Mapping[str, str], connections: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings of the connections that a node may use."""
    named = {node.connection, *(v for v in node.inputs.values() if isinstance(v, str))}
    texts = list(variables.values())
    used = {}
    for name, data in connections.items():
        if name not in named and not any("${" + name + "." in text for text in texts):
            continue
        hidden = set(data.get("secret_keys") or ())
        values = dict(data.get("value") or {})
        used[name] = {
            "type": data.get("type"),
            "value": {k: v for k, v in values.items() if k not in hidden},
        }
    return used


def _digest(facts: Any) -> str:
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
