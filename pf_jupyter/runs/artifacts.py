"""Images on their way to a run and back: sent as bytes, kept beside the run's record.

A runtime sees none of this machine's files and this machine none of the runtime's, so
paths are replaced on both ways. Rules: flow-format section 2.9.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from ..flow.model import Flow
from ..store.home import make_private_folder

FOLDER = "runs"
"""Where in the workspace's folder runs have theirs."""

MAX_INPUT_BYTES = 50_000_000
_NAME = re.compile(
    r"\.promptflow/(?:intermediate|output)/[0-9a-f-]{36}(?:\.[a-z0-9][a-z0-9.+-]{0,30})?"
)
_KEY = re.compile(r"data:(image/[^;]+);path")
_CONTAINERS = ("list", "object")

sees_files: ContextVar[bool] = ContextVar("sees_files", default=True)
"""Whether inputs may name files of this machine; not those of people who are elsewhere,
for whom they would be read with this process's rights."""


def keep(home: Path, run_id: str, packed: dict[str, Any]) -> dict[str, Any]:
    """Write the images of a result to ``runs/<run_id>`` and name them by full paths.

    Parameters
    ----------
    home
        The workspace's folder.
    run_id
        The run.
    packed
        RESULT of the worker's protocol.

    Returns
    -------
    dict
        The result, ``artifacts`` a list of the files instead of their bytes.
    """
    artifacts = packed.get("artifacts")
    if artifacts is None:
        return packed
    if not isinstance(artifacts, dict):
        artifacts = {}
    folder = home / FOLDER / run_id
    places: dict[str, str] = {}
    for name, text in artifacts.items():
        # the runtime's word is not trusted with a path of this machine
        if not _NAME.fullmatch(name):
            continue
        place = folder / name.removeprefix(".promptflow/")
        make_private_folder(place.parent)
        try:
            place.write_bytes(base64.b64decode(text))
        except (OSError, binascii.Error, ValueError):
            continue  # the result is worth more than its picture
        places[name] = str(place)
    kept = {key: value for key, value in packed.items() if key != "artifacts"}
    placed = {key: _placed(value, places) for key, value in kept.items()}
    return {**placed, "artifacts": list(places.values())}


def with_bytes(
    flow: Flow, values: Mapping[str, Any], folder: Path | None = None
) -> dict[str, Any]:
    """Return inputs of a run with the images of this machine as base64.

    Parameters
    ----------
    flow
        Says which inputs may hold images.
    values
        The inputs as given.
    folder
        What relative paths count from, that of a data file; without it they are left to
        the run, where they count from the flow's folder.
    """
    sent = dict(values)
    for name, declared in flow.inputs.items():
        value = sent.get(name)
        image = declared.type == "image"
        if value and (image or declared.type in _CONTAINERS):
            sent[name] = inlined(value, folder, image)
    return sent


def _placed(value: Any, places: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return places.get(value, value)
    if isinstance(value, dict):
        return {key: _placed(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [_placed(item, places) for item in value]
    return value


def inlined(value: Any, folder: Path | None, image: bool) -> Any:
    """Return a value with the images that it names by their paths as base64.

    Parameters
    ----------
    value
        Of an input.
    folder
        What relative paths count from; without it they are left alone.
    image
        Whether the value itself may be an image, a path then.
    """
    if isinstance(value, list):
        return [inlined(item, folder, image) for item in value]
    if isinstance(value, str) and image:
        data = _bytes_of(value, folder)
        return value if data is None else data
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, path),) = value.items()
        match = _KEY.fullmatch(key) if isinstance(key, str) else None
        data = _bytes_of(path, folder) if match else None
        if match and data is not None:
            return {f"data:{match[1]};base64": data}
    part = value.get("image_file")
    if value.get("type") == "image_file" and isinstance(part, dict):
        data = _bytes_of(part.get("path"), folder)
        if data is not None:
            url = f"data:{_mime(data)};base64,{data}"
            return {"type": "image_url", "image_url": {"url": url}}
    return {key: inlined(item, folder, False) for key, item in value.items()}


def _bytes_of(path: Any, folder: Path | None) -> str | None:
    """Return the contents of a file of this machine in base64, None when it is none."""
    if not sees_files.get():
        return None
    if not isinstance(path, str) or not 0 < len(path) < 4096 or "\0" in path:
        return None
    place = Path(path) if folder is None else folder / path
    try:
        if not place.is_absolute() or not place.is_file():
            return None
        if place.stat().st_size > MAX_INPUT_BYTES:
            return None
        return base64.b64encode(place.read_bytes()).decode("ascii")
    except OSError:
        return None


_STARTS = {
    "iVBORw0KGg": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "Qk": "image/bmp",
}


def _mime(data: str) -> str:
    return next(
        (kind for start, kind in _STARTS.items() if data.startswith(start)), "image/*"
    )
