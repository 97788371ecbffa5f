"""YAML that code of a flow reads while it runs.

The worker has nothing to read YAML with. What a flow's code may ask for is read here:
the front matter of its prompty files, the YAML files that those and a sample refer to
as ``${file:name.yaml}``, and flows below the folder. Each is known by the SHA-256 of
its text.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from pf_jupyter.flow.contents import SnapshotFile
from pf_jupyter.flow.document import read_document
from pf_jupyter.flow.model import Flow
from pf_jupyter.flow.prompty import read_prompty
from pf_jupyter.flow.reader import FLOW_FILES, Collector, default_name, read_flow
from pf_jupyter.flow.variants import InvalidFlowError, apply_variants
from pf_jupyter.flow.yaml_errors import decode

MAX_DOCUMENTS = 200
MAX_BYTES = 256 * 1024
MAX_FLOWS = 50
NESTED_FILES = FLOW_FILES[:2]
FLOW_PREFIX = "flow:"
"""Before the SHA-256 of a flow file stands what is to be run of it."""

_FILE = re.compile(r"\$\{file:(.*)\}", re.DOTALL)


def collect_documents(
    flow: Flow, files: Sequence[SnapshotFile], report: Collector
) -> dict[str, Any]:
    """Return what YAML texts of a flow say, by the SHA-256 of the text.

    Parameters
    ----------
    flow
        The flow.
    files
        The files of its folder.
    report
        Warned of prompty files that cannot be read.
    """
    found: dict[str, Any] = {}
    by_path = {file.path: file for file in files}
    pending = [("", flow.sample)] if flow.sample else []
    _collect_definitions(flow, by_path, found)
    _collect_flows(files, report, found)
    prompties = [file for file in files if file.path.endswith(".prompty")]
    for file in prompties[:MAX_DOCUMENTS]:
        data = _read(file)
        if data is None:
            continue
        front = read_prompty(data, file.path)
        if front.problems:
            report.warnings += [p for p in front.problems if p.file != report.file]
            continue
        found[_digest(front.text)] = front.value
        pending.append((posixpath.dirname(file.path), front.value))
    for folder, value in pending:
        for name in _files_named(value):
            path = posixpath.normpath(posixpath.join(folder, name))
            wanted = by_path.get(path)
            if wanted is None or not path.lower().endswith((".yaml", ".yml")):
                continue
            data = _read(wanted)
            document = read_document(data, path) if data is not None else None
            if data is None or document is None:
                continue
            if document.problems:
                report.problems += document.problems
                continue
            text = str(decode(data, path))
            text = text.replace("\r\n", "\n").replace("\r", "\n")
            found[_digest(text)] = document.value
    return found


def _collect_definitions(
    flow: Flow, by_path: dict[str, SnapshotFile], found: dict[str, Any]
) -> None:
    """Add the YAML files that nodes name: they may be assistant definitions."""
    for node in flow.nodes if by_path else ():
        for value in node.inputs.values():
            if not isinstance(value, str) or not value.endswith((".yaml", ".yml")):
                continue
            file = by_path.get(posixpath.normpath(value))
            data = _read(file) if file is not None else None
            document = read_document(data, value) if data is not None else None
            # what is wrong with it is told by the node, if it reads the file at all
            if data is not None and document is not None and not document.problems:
                text = str(decode(data, value))
                text = text.replace("\r\n", "\n").replace("\r", "\n")
                found[_digest(text)] = document.value


def _collect_flows(
    files: Sequence[SnapshotFile], report: Collector, found: dict[str, Any]
) -> None:
    """Add the flows below the folder, which code may load and call."""
    nested = [
        file
        for file in files
        if posixpath.basename(file.path) in NESTED_FILES and file.path != report.file
    ]
    for file in nested[:MAX_FLOWS]:
        data = _read(file)
        if data is None:
            continue
        folder = posixpath.basename(posixpath.dirname(file.path))
        read = read_flow(data, file.path, default_name(folder or "flow"))
        if read.kind != "dag" or read.flow is None or read.report.problems:
            continue  # told to whoever loads it
        try:
            loaded = apply_variants(read.flow)
        except InvalidFlowError:
            continue
        text = str(decode(data, file.path)).replace("\r\n", "\n").replace("\r", "\n")
        found[FLOW_PREFIX + _digest(text)] = loaded.to_dict()


def with_documents(
    flow: Flow, files: Sequence[SnapshotFile], report: Collector
) -> Flow:
    """Return a flow with the YAML that its code may ask for."""
    found = collect_documents(flow, files, report)
    return replace(flow, documents=found) if found else flow


def _read(file: SnapshotFile) -> bytes | None:
    if file.size > MAX_BYTES:
        return None
    try:
        return file.read()
    except OSError:
        return None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _files_named(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        found = _FILE.match(value)
        if found is not None:
            yield found[1]
    elif isinstance(value, dict):
        for item in value.values():
            yield from _files_named(item)
    elif isinstance(value, list):
        for item in value:
            yield from _files_named(item)
