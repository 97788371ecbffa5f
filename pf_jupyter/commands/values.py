"""Reads the values that people type: sizes, counts, ``k=v`` pairs, files of inputs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError

if TYPE_CHECKING:
    from .context import Context

_SIZE = re.compile(r"^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?b)?$", re.IGNORECASE)
# What Docker takes at least; less is a forgotten unit.
_LEAST_BYTES = 6 * 1024**2
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_IDENTIFIER = re.compile(r"^\$([A-Za-z_]\w*)$|^\{([A-Za-z_]\w*)\}$")


def memory(text: str) -> int:
    """Return bytes: ``4g``, ``512m``, ``1.5GB`` (powers of 1024)."""
    match = _SIZE.match(text.strip())
    if match is None:
        raise ValueError("write 512m or 4g")
    value = int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])
    if value < _LEAST_BYTES:
        raise ValueError(f"{value:,} bytes are too few: write 512m or 4g")
    return value


def cpus(text: str) -> float:
    """Return a number of cores, which may be a fraction."""
    return _positive(float(text))


def count(text: str) -> int:
    """Return a whole number of at least 1."""
    return int(_positive(int(text)))


def positive_seconds(text: str) -> float:
    """Return a time in seconds."""
    return _positive(float(text))


def days(text: str) -> float:
    """Return days, with or without a ``d`` behind the number."""
    return _positive(float(text.strip().removesuffix("d")))


def minutes(text: str) -> float:
    """Return minutes, 0 for never."""
    value = float(text)
    if not 0 <= value < float("inf"):
        raise ValueError("write a number of minutes, 0 for never")
    return value


def _positive(value: float) -> float:
    if not 0 < value < float("inf"):
        raise ValueError("it must be more than 0")
    return value


def read_pairs(context: Context, pairs: Sequence[str], what: str) -> dict[str, Any]:
    """Return ``k=v`` words as a dictionary.

    ``k=@file`` reads a UTF-8 file, ``k=@@text`` is a text that begins with ``@``,
    ``k=$name`` takes a variable of the notebook as it is.

    Raises
    ------
    UsageError
        A word has no ``=``, a key comes twice, a file cannot be read.
    """
    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals or not key:
            raise UsageError(
                f"'{pair}' is not an {what}",
                code="bad_value",
                hint="write name=value; quote a value with blanks: name='a b'",
            )
        if key in values:
            raise UsageError(f"{what} '{key}' is given twice", code="bad_value")
        values[key] = _value(context, key, text)
    return values


def _value(context: Context, key: str, text: str) -> Any:
    if text.startswith("@@"):
        return text[1:]
    if text.startswith("@"):
        return _read_text(Path(text[1:]), f"input '{key}'")
    match = _IDENTIFIER.match(text)
    name = (match[1] or match[2]) if match else None
    if name is not None and name in context.variables:
        return context.variables[name]
    return text


def read_overrides(
    context: Context, pairs: Sequence[str]
) -> dict[str, dict[str, str]] | None:
    """Return ``node.key=value`` words as ``{node: {key: value}}``; None for none.

    Raises
    ------
    UsageError
        A word is not of that form.
    """
    overrides: dict[str, dict[str, str]] = {}
    for path, value in read_pairs(context, pairs, "connection").items():
        node, dot, key = path.rpartition(".")
        if not dot or not node or not key:
            raise UsageError(
                f"'{path}={value}' does not say which connection it stands for",
                code="bad_value",
                hint="write node.connection=name, or node.input=name",
            )
        overrides.setdefault(node, {})[key] = str(value)
    return overrides or None


def read_inputs_file(context: Context, path: str | None) -> dict[str, Any]:
    """Return the inputs in a JSON file, or on stdin for ``-``; {} for None."""
    if path is None:
        return {}
    text = context.stdin.read() if path == "-" else _read_text(Path(path), "inputs")
    shown = "stdin" if path == "-" else path
    try:
        values = json.loads(text)
    except ValueError as error:
        raise UsageError(
            f"{shown} is not JSON: {error}",
            code="bad_value",
            hint='it must hold one object: {"name": "value"}',
        ) from None
    if not isinstance(values, Mapping):
        raise UsageError(
            f"{shown} holds no JSON object",
            code="bad_value",
            hint='it must hold one object: {"name": "value"}',
        )
    return dict(values)


def _read_text(path: Path, what: str) -> str:
    try:
        return path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"cannot read {what} from {path}: {reason}",
            code="bad_value",
            hint="@ means a file; a text that begins with @ is written @@",
        ) from None
