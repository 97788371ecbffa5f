"""Environment variables, the current folder and ``sys.path`` of a flow.

Rules: flow-format sections 1.2 (text form of variables), 2.6 and 9 item 7.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import sys
from typing import Any, Dict, Mapping, Optional, Tuple


@functools.lru_cache(maxsize=64)
def _absolute(folder: str) -> str:
    return os.path.abspath(folder)


def absolute(folder: str) -> str:
    """Return the absolute path of a folder; quick for those that were asked before."""
    # only what is absolute already means the same from every current folder
    return _absolute(folder) if os.path.isabs(folder) else os.path.abspath(folder)


def environment_of(request: Mapping[str, Any]) -> Dict[str, str]:
    """Return the environment variables of a run, its own before those of the flow.

    Parameters
    ----------
    request
        RUN of the protocol.
    """
    raw = request["flow"].get("environment_variables") or {}
    own = request.get("environment_variables") or {}
    if not raw and not own:
        return {}
    return flow_environment({**raw, **own}, request.get("connections") or {})


def flow_environment(
    raw: Mapping[str, Any], connections: Mapping[str, Any]
) -> Dict[str, str]:
    """Return environment variables of a flow file in their text form.

    Parameters
    ----------
    raw
        YAML values. Scalars become ``str(value)``, lists and mappings JSON.
    connections
        Execution dictionaries by name, for values such as ``${connection.key}``; what
        cannot be resolved stays as it is.
    """
    environment: Dict[str, str] = {}
    for name, value in raw.items():
        text = json.dumps(value) if isinstance(value, (list, dict)) else str(value)
        environment[str(name)] = _resolve(text, connections)
    return environment


def connection_reference(value: Any) -> Optional[Tuple[str, str]]:
    """Return the connection and the key that ``${connection.key}`` names, or None."""
    text = value.strip() if isinstance(value, str) else ""
    if not (text.startswith("${") and text.endswith("}")):
        return None
    name, _, key = text[2:-1].partition(".")
    return (name, key) if name and key and "." not in key else None


def _resolve(text: str, connections: Mapping[str, Any]) -> str:
    found = connection_reference(text) if connections else None
    if found is None:
        return text
    name, key = found
    values = (connections.get(name) or {}).get("value") or {}
    return str(values[key]) if key in values else text


class environment_set:
    """Set environment variables for the time of a ``with`` block."""

    __slots__ = ("_before", "_environment")

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._before: Dict[str, Optional[str]] = {}

    def __enter__(self) -> None:
        if self._environment:
            self._before = {name: os.environ.get(name) for name in self._environment}
            os.environ.update(self._environment)

    def __exit__(self, *_: object) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class inside_folder:
    """Make the flow's folder the current one, and the first of ``sys.path``.

    ``sys.path`` keeps it (flow-format section 2.6); the current folder is put back.
    """

    __slots__ = ("_before", "_folder")

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._before = folder

    def __enter__(self) -> None:
        folder = self._folder
        if not sys.path or sys.path[0] != folder:
            sys.path[:] = [folder, *(entry for entry in sys.path if entry != folder)]
        try:
            self._before = os.getcwd()
        except OSError:  # somebody removed it
            self._before = folder
        if self._before != folder:
            os.chdir(folder)

    def __exit__(self, *_: object) -> None:
        if self._before != self._folder:
            with contextlib.suppress(OSError):
                os.chdir(self._before)
