"""Values that stand elsewhere: ``${env:NAME}`` and ``${file:path}``; YAML text.

Used in prompty files and samples (flow-format section 3.2). The worker has no YAML
reader: the host reads what it finds in the flow's folder and sends it along, under the
SHA-256 of the text. For anything else a YAML library of the environment will do.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from typing import Any, Dict, Mapping

from pf_jupyter.worker.execution.failures import FlowFailure, text_of

_REFERENCE = re.compile(r"\$\{(\w+):(.*)\}", re.DOTALL)
_documents: Dict[str, Any] = {}


def remember_documents(documents: Mapping[str, Any]) -> None:
    """Keep YAML that was read on the other side, by the SHA-256 of its text."""
    _documents.update(documents)


def read_yaml(text: str, file: str) -> Any:
    """Return what a YAML text says.

    Raises
    ------
    FlowFailure
        UserErrorException when it is not YAML, or nothing here can read it.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if digest in _documents:
        return _copy(_documents[digest])
    try:
        from ruamel.yaml import YAML
    except ImportError:
        raise FlowFailure(
            "UserErrorException",
            f"'{file}' is not a file of the flow's folder, and reading it takes a YAML "
            "library, which this environment lacks",
            hint="put the file into the folder",
        ) from None
    try:
        return YAML(typ="safe", pure=True).load(text)
    except Exception as error:
        raise FlowFailure(
            "UserErrorException",
            f"'{file}' cannot be read: {text_of(error)}",
            hint="correct the YAML",
            cause=error,
        ) from None


def known_flow(text: str) -> Any:
    """Return the flow that a flow file's text stands for, None when it is not known."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return _documents.get(f"flow:{digest}")


def resolve_references(value: Any, folder: str) -> Any:
    """Return a value with every reference in it replaced.

    Parameters
    ----------
    value
        Text, lists and mappings, however deep. An environment variable that is not
        set leaves its text as it is.
    folder
        Where relative paths begin.

    Raises
    ------
    FlowFailure
        UserErrorException when a file is not there or cannot be read.
    """
    if isinstance(value, str):
        return _resolve(value, folder)
    if isinstance(value, list):
        return [resolve_references(item, folder) for item in value]
    if isinstance(value, dict):
        return {key: resolve_references(item, folder) for key, item in value.items()}
    return value


def _resolve(text: str, folder: str) -> Any:
    found = _REFERENCE.match(text) if text.startswith("${") else None
    if found is None:
        return text
    kind, name = found.groups()
    if kind == "env":
        return os.environ.get(name, text)
    if kind == "file":
        return read_file(name, folder)
    sys.stderr.write(f"warning: {text} is no reference: there are env and file\n")
    return text


def read_file(name: str, folder: str) -> Any:
    """Return what a file holds: JSON and YAML as values, all else as text.

    Raises
    ------
    FlowFailure
        UserErrorException, as `resolve_references`.
    """
    path = os.path.join(folder, name)
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if path.lower().endswith(".json"):
            return json.loads(text)
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise FlowFailure(
            "UserErrorException",
            f"the file '{name}' is referred to and "
            + ("is not there" if missing else f"cannot be read: {text_of(error)}"),
            hint="paths count from the folder of the flow file",
        ) from None
    if path.lower().endswith((".yml", ".yaml")):
        return read_yaml(text, name)
    return text


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
