"""Images of a run's outputs, as HTML that needs nothing else."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

_MAX_BYTES = 500_000
"""Larger images are left out: a notebook keeps every byte that it shows."""

_MAX_PICTURES = 8
_KEY = re.compile(r"data:(image/[a-z0-9.+*-]+);path")
_ENDINGS = {"jpg": "jpeg", "svg": "svg+xml"}


def pictures(value: Any, files: Collection[str]) -> str:
    """Return the images that an output names as HTML, empty when there are none.

    Parameters
    ----------
    value
        An output.
    files
        The images that were kept of the run; no other file is read.
    """
    shown: list[str] = []
    for path, mime in _named(value):
        if len(shown) == _MAX_PICTURES:
            break
        data = _contents(path) if path in files else None
        if data is not None:
            text = base64.b64encode(data).decode("ascii")
            shown.append(f'<img src="data:{mime};base64,{text}" alt="{mime}">')
    return "".join(shown)


def _named(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    elif isinstance(value, dict):
        file = value.get("image_file")
        if value.get("type") == "image_file" and isinstance(file, dict):
            path = str(file.get("path"))
            ending = path.rpartition(".")[2].lower()
            yield path, f"image/{_ENDINGS.get(ending, ending)}"
        for key, item in value.items():
            match = _KEY.fullmatch(key) if isinstance(key, str) else None
            if match and isinstance(item, str):
                yield item, match[1]
            else:
                yield from _named(item)


def _contents(path: str) -> bytes | None:
    file = Path(path)
    try:
        return file.read_bytes() if file.stat().st_size <= _MAX_BYTES else None
    except OSError:
        return None
