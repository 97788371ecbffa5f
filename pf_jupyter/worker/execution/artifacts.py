"""Images that a run gives: kept beside its result, named by path dictionaries in it.

Rules: flow-format section 2.9. The bytes travel once, with the result; whoever asked
for the run keeps them and knows where.
"""

from __future__ import annotations

import base64
import re
import threading
import uuid
from typing import Any, Callable, Dict, List, Tuple

from pf_jupyter.worker.execution.images import VISION, is_image
from pf_jupyter.worker.execution.interface import connection_class

Encode = Callable[[Any], Any]
RECORDS = ".promptflow/intermediate"
OUTPUTS = ".promptflow/output"
_ENDING = re.compile(r"[a-z0-9][a-z0-9.+-]{0,30}")


class Artifacts:
    """Takes the images out of the values of one run."""

    def __init__(self) -> None:
        self.vision = False
        self._lock = threading.Lock()
        self._kept: Dict[Tuple[str, int, str], Tuple[str, bytes]] = {}

    def use(self, message_format: str) -> None:
        """Write path dictionaries in the form of a flow's ``message_format``."""
        self.vision = message_format == VISION

    def record(self, value: Any) -> Any:
        """Return what stands for an image among a node's inputs and outputs."""
        return self._encode(value, RECORDS)

    def output(self, value: Any) -> Any:
        """Return what stands for an image in an output of the flow."""
        return self._encode(value, OUTPUTS)

    def to_dict(self) -> Dict[str, str]:
        """Return the files by relative path, in base64."""
        with self._lock:
            files = list(self._kept.values())
        return {path: base64.b64encode(data).decode("ascii") for path, data in files}

    def _encode(self, value: Any, place: str) -> Any:
        if not is_image(value):
            return encode(value)
        kind = _mime(value)
        if value.source_url:
            if self.vision:
                return {"type": "image_url", "image_url": {"url": value.source_url}}
            return {f"data:{kind};url": value.source_url}
        path = self._path(value, kind, place)
        if self.vision:
            return {"type": "image_file", "image_file": {"path": path}}
        return {f"data:{kind};path": path}

    def _path(self, value: Any, kind: str, place: str) -> str:
        # one image passes many nodes; its bytes are kept and sent once for each place
        key = (place, id(value), kind)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or kept[1] is not value:
                ending = kind.partition("/")[2]
                ending = f".{ending}" if _ENDING.fullmatch(ending) else ""
                kept = self._kept[key] = (f"{place}/{uuid.uuid4()}{ending}", value)
        return kept[0]


def encode(value: Any) -> Any:
    """Return what stands for a value that JSON has no words for, where files are not.

    Raises
    ------
    TypeError
        There is nothing.
    """
    if is_image(value):
        return {f"data:{_mime(value)};base64": value.to_base64()}
    if type(value).__name__ == "AssistantDefinition" and hasattr(value, "serialize"):
        return value.serialize()
    if connection_class(type(value)):
        return getattr(value, "name", None) or type(value).__name__
    raise TypeError(f"a {type(value).__name__} has no JSON form")


def with_texts(value: Any) -> Any:
    """Return a value whose annotated texts are mappings: JSON takes them for text."""
    if isinstance(value, str):
        if type(value).__name__ == "Text" and hasattr(value, "serialize"):
            return value.serialize()
        return value
    if isinstance(value, dict):
        return {key: with_texts(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items: List[Any] = [with_texts(item) for item in value]
        return items
    return value


def _mime(value: Any) -> str:
    return str(getattr(value, "_mime_type", None) or "image/*")
