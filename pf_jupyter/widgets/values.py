"""Values of flows on a page: how they are typed into fields, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .elements import Element, h
from .parts import field
from .shown import pre

SHOWN_CHARACTERS = 20_000
_STRUCTURED = {"list", "object", "dict", "image"}
_BOOLEAN = {"bool", "boolean"}
_NUMBERS = {"int", "integer", "double", "float", "number"}
_WRITTEN = {"true": True, "false": False}


def input_field(item: Mapping[str, Any], value: Any, error: str | None) -> Element:
    """Return the field of one input of a flow, made for its type.

    Parameters
    ----------
    item
        ``{"name", "type", "default", "description", "enum"}`` of `FlowInfo.inputs`.
    value
        What stands in it.
    error
        What is wrong with what was typed.
    """
    name, kind = str(item["name"]), str(item.get("type") or "string")
    label: Any = name
    shared: dict[str, Any] = {
        "help": item.get("description"),
        "error": error,
        "required": item.get("default") is None and kind not in _BOOLEAN,
    }
    if kind in _BOOLEAN:
        checked = value is True or str(value).lower() == "true"
        shared.pop("required")
        return field(f"in:{name}", label, checked, kind="check", **shared)
    if item.get("enum"):
        shared["suggestions"] = [str(one) for one in item["enum"]]
        return field(f"in:{name}", label, _typed(value), **shared)
    if kind in _STRUCTURED:
        return field(f"in:{name}", label, _typed(value), kind="code", rows=4, **shared)
    if kind in _NUMBERS:
        return field(f"in:{name}", label, _typed(value), kind="number", **shared)
    text = _typed(value)
    if len(text) > 60 or "\n" in text:
        return field(f"in:{name}", label, text, kind="area", rows=4, **shared)
    return field(f"in:{name}", label, text, **shared)


def read_inputs(
    items: Iterable[Mapping[str, Any]], values: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what was typed as values of the inputs' types; empty fields are left out.

    Raises
    ------
    UsageError
        Something does not fit; ``details["input"]`` names which.
    """
    found: dict[str, Any] = {}
    for item in items:
        name, kind = str(item["name"]), str(item.get("type") or "string")
        typed = values.get(f"in:{name}")
        if typed is None or (typed == "" and item.get("default") != ""):
            continue
        if kind in _STRUCTURED and isinstance(typed, str):
            found[name] = _json(name, kind, typed)
        elif kind in _NUMBERS and isinstance(typed, str):
            found[name] = _number(name, kind, typed)
        else:
            found[name] = typed
    return found


def shown_value(value: Any) -> Element:
    """Return a value as text that can be read and copied; long ones are cut."""
    text = value if isinstance(value, str) else written(value)
    cut = len(text) - SHOWN_CHARACTERS
    if cut > 0:
        text = f"{text[:SHOWN_CHARACTERS]}… ({cut} more characters)"
    return pre(text, label="value")


def shown_values(values: Mapping[str, Any]) -> Element:
    """Return names and values below each other."""
    rows = [
        [h("dt", name), h("dd", shown_value(value))] for name, value in values.items()
    ]
    return h("dl", *rows, class_="pf-facts pf-values")


def written(value: Any) -> str:
    """Return a value as JSON, on several lines when it is long."""
    try:
        short = json.dumps(value, ensure_ascii=False, default=str)
        if len(short) <= 80:
            return short
        return json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def number_words(value: Any) -> str:
    """Return a metric on one line, a number with six digits at most."""
    return f"{value:.6g}" if isinstance(value, float) else brief(value)


def brief(value: Any, width: int = 90) -> str:
    """Return a value on one line."""
    words = " ".join((value if isinstance(value, str) else written(value)).split())
    return words if len(words) <= width else words[: width - 1] + "…"


def short_path(path: Path) -> str:
    """Return a path as people write it from here, or from their home."""
    for start, before in ((Path.cwd(), ""), (Path.home(), "~/")):
        try:
            return before + path.resolve().relative_to(start.resolve()).as_posix()
        except ValueError:
            continue
    return str(path)


def _typed(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else written(value)


def _json(name: str, kind: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        if kind == "image":
            return text
        raise _unfit(name, f"is not JSON: {error}", '["a"] or {"key": 1}') from None


def _number(name: str, kind: str, text: str) -> int | float:
    try:
        return int(text) if kind in ("int", "integer") else float(text)
    except ValueError:
        what = "a whole number" if kind in ("int", "integer") else "a number"
        raise _unfit(name, f"'{text}' is not {what}", "3") from None


def _unfit(name: str, what: str, example: str) -> UsageError:
    return UsageError(
        f"input '{name}': {what}",
        code="bad_value",
        hint=f"write it like this: {example}",
        details={"input": name},
    )
