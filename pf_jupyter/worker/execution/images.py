"""Images and annotated text among the values of a flow, in the forms of the format.

Rules: flow-format sections 2.7 (prompts) and 2.9. The classes come from the promptflow
package of the environment, the real one or ours.
"""

from __future__ import annotations

import base64
import binascii
import importlib
import os
import re
from typing import Any, Dict, FrozenSet, Optional

from pf_jupyter.worker.execution.failures import FlowFailure, text_of

VISION = "openai-vision"
CONTAINERS = ("list", "object")
"""Types whose values are searched for images."""

_KEY = re.compile(r"data:(image/[^;]+);(path|base64|url)")
_URI = re.compile(r"data:(image/[^;,]+);base64,", re.IGNORECASE)
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_MARK = re.compile(r"!\[\s*image\s*\]\(\s*\{\{\s*([^\s{}]+)\s*\}\}\s*\)")


class InvalidImageInput(Exception):
    """A value that should be an image is none."""


def prompt_images(text: str) -> FrozenSet[str]:
    """Return the variables that a template shows as ``![image]({{name}})``."""
    return frozenset(_MARK.findall(text)) if "](" in text else frozenset()


class ImageReader:
    """Makes images of the values that stand for them.

    Parameters
    ----------
    folder
        What relative paths count from: the flow's folder, or that of a data file.
    message_format
        ``basic`` or ``openai-vision``; each has its own form of a dictionary.
    """

    def __init__(self, folder: str, message_format: str = "basic") -> None:
        self._folder = folder
        self._vision = message_format == VISION

    def load_input(self, name: str, type: str, value: Any) -> Any:
        """Return a flow input with its images loaded.

        Raises
        ------
        FlowFailure
            LoadMultimediaDataError naming the input.
        """
        try:
            return self.load(type, value)
        except Exception as error:  # a file, a server or a value that is not there
            raise FlowFailure(
                "LoadMultimediaDataError",
                unloadable(name, error),
                hint="give base64 text, a URL, or a path relative to the flow's folder",
            ) from None

    def load(self, type: str, value: Any) -> Any:
        """Return ``value`` of a declared type with its images loaded.

        Raises
        ------
        InvalidImageInput, OSError
            An image cannot be made of it.
        """
        if type == "image":
            return self._images(value)
        return self._searched(value) if type in CONTAINERS else value

    def _images(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._images(item) for item in value]
        if isinstance(value, bytes) and hasattr(value, "to_base64"):
            return value
        if isinstance(value, dict):
            found = self._of_dict(value)
            if found is None:
                form = (
                    "{type: image_url, image_url: {url: …}} or "
                    "{type: image_file, image_file: {path: …}}"
                    if self._vision
                    else "{data:image/<type>;<path, base64 or url>: …}"
                )
                raise InvalidImageInput(f"an image is written as a mapping {form}")
            return found
        if not isinstance(value, str):
            raise InvalidImageInput(
                f"a {value.__class__.__name__} is no image; text or a mapping can be"
            )
        if not value:
            raise InvalidImageInput("the image is empty")
        return self._of_text(value)

    def _searched(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._searched(item) for item in value]
        if not isinstance(value, dict):
            return value
        found = self._of_dict(value)
        if found is not None:
            return found
        return {key: self._searched(item) for key, item in value.items()}

    def _of_dict(self, value: Dict[Any, Any]) -> Any:
        """Return the image or the text that a dictionary stands for, else None."""
        if self._vision:
            return self._of_message_part(value)
        if len(value) != 1:
            return None
        ((key, content),) = value.items()
        match = _KEY.fullmatch(key) if isinstance(key, str) else None
        if match is None or not isinstance(content, str):
            return None
        mime, kind = match.groups()
        if kind == "path":
            return self._of_file(content, mime)
        if kind == "base64":
            return _image(_decoded(content), mime)
        return _fetched(content, mime)

    def _of_message_part(self, value: Dict[Any, Any]) -> Any:
        kind = value.get("type")
        part = value.get(kind) if isinstance(kind, str) else None
        if kind == "text" and isinstance(part, (str, dict)):
            return _classes().Text.deserialize(value)
        if kind == "image_file" and isinstance(part, dict):
            return self._of_file(str(part.get("path", "")), None)
        if kind == "image_url" and isinstance(part, dict):
            url = str(part.get("url", ""))
            data = _of_base64(url)
            return _fetched(url, None) if data is None else data
        return None

    def _of_text(self, text: str) -> Any:
        data = _of_base64(text)
        if data is not None:
            return data
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text):
            return _fetched(text, None)
        return self._of_file(text, None)

    def _of_file(self, path: str, mime: Optional[str]) -> Any:
        with open(os.path.join(self._folder, path), "rb") as file:
            return _image(file.read(), mime)


def unloadable(name: str, error: BaseException) -> str:
    """Say that the image of an input cannot be loaded."""
    return (
        f"Failed to load image for input '{name}': ({type(error).__name__}) "
        f"{text_of(error)}"
    )


def is_image(value: Any) -> bool:
    """Tell whether a value is an image of the promptflow package, real or ours."""
    return isinstance(value, bytes) and hasattr(value, "to_base64")


def _of_base64(text: str) -> Any:
    """Return the image that a text is in itself, None for paths and URLs."""
    match = _URI.match(text)
    if match is not None:
        return _image(_decoded(text), match.group(1))
    if len(text) % 4 == 0 and _BASE64.fullmatch(text):
        return _image(_decoded(text), None)
    return None


def _decoded(text: str) -> bytes:
    match = _URI.match(text)
    body = text[match.end() :] if match else text
    try:
        return base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        shown = text if len(text) <= 60 else text[:59] + "…"
        raise InvalidImageInput(f"this is no base64 of an image: {shown}") from None


def _fetched(url: str, mime: Optional[str]) -> Any:
    from pf_jupyter.worker.execution.fetching import FetchError, fetch

    try:
        return _image(fetch(url), mime, url)
    except (FetchError, OSError) as error:
        raise InvalidImageInput(
            f"the image cannot be fetched from {url} ({text_of(error)})"
        ) from None


def _image(data: bytes, mime: Optional[str], url: Optional[str] = None) -> Any:
    made: Any = _classes().Image(data, mime_type=mime, source_url=url)
    return made


def _classes() -> Any:
    return importlib.import_module("promptflow.contracts.multimedia")
