"""What travels between a server and the workspaces that ask it, as JSON and back."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

from .. import errors
from ..store.records import RunRecord
from ..worker.protocol import ProtocolError, pack_value, unpack_value
from .api import CheckResult, PhaseEvent, Problem, Validation

_STATUS: tuple[tuple[type[errors.PfError], int], ...] = (
    (errors.UsageError, 422),
    (errors.NotFound, 404),
    (errors.AlreadyExists, 409),
    (errors.IllegalState, 409),
    (errors.Refused, 403),
    (errors.Unreachable, 503),
    (errors.RuntimeFailed, 409),
    (errors.EnvironmentFailed, 409),
    (errors.RunFailed, 409),
    (errors.InternalError, 500),
)
_NUMBERS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def status_of(error: errors.PfError) -> int:
    """Return the HTTP status that an error is answered with."""
    return next((code for kind, code in _STATUS if isinstance(error, kind)), 422)


def error_to_json(error: errors.PfError) -> dict[str, Any]:
    """Return an error with all that makes it again on the other side."""
    told = error.to_dict()
    document = {
        "message": told.pop("message"),
        "code": told.pop("code"),
        "hint": told.pop("hint"),
        "kind": _kind_name(error),
        "details": pack(told),
    }
    if isinstance(error, errors.RuntimeFailed | errors.EnvironmentFailed):
        document["details"]["log"] = error.log
    return document


def error_from_json(document: Mapping[str, Any]) -> errors.PfError:
    """Return the error that `error_to_json` wrote."""
    message = str(document.get("message") or "the server refused")
    code = str(document.get("code") or errors.PfError.code)
    hint = str(document.get("hint") or "")
    details = dict(unpack(document.get("details") or {}))
    kind = _KINDS.get(str(document.get("kind")), errors.PfError)
    if kind is errors.InternalError:
        return errors.InternalError(message)
    if issubclass(kind, errors.Invalid):
        return kind(message, problems=list(details.get("problems") or []))
    if issubclass(kind, errors.RuntimeFailed | errors.EnvironmentFailed):
        phase, log = str(details.get("phase") or "run"), str(details.get("log") or "")
        return kind(message, phase=phase, log=log, code=code, hint=hint)
    if issubclass(kind, errors.RunFailed):
        return kind(message, node=details.get("node"), code=code, hint=hint)
    return kind(message, code=code, hint=hint, details=details)


_KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.PfError)
}


def _kind_name(error: errors.PfError) -> str:
    for kind in type(error).__mro__:
        if _KINDS.get(kind.__name__) is kind:
            return kind.__name__
    return "PfError"


def pack(value: Any) -> Any:
    """Return a value in a form that strict JSON keeps exactly."""
    packed = pack_value(value)
    try:
        json.dumps(packed, allow_nan=False)
    except ValueError:
        return _finite(packed)
    return packed


def unpack(value: Any) -> Any:
    """Undo `pack`.

    Raises
    ------
    UsageError
        It is not what `pack` wrote.
    """
    try:
        return unpack_value(_numbers(value))
    except (ProtocolError, KeyError, TypeError, ValueError) as error:
        raise errors.UsageError(
            f"a value marked with $pf cannot be read: {error}",
            code="bad_value",
            hint="send plain JSON; $pf marks values that JSON has no words for",
        ) from None


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {"$pf": "number", "value": repr(value)}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return value


def _numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$pf") == "number":
        return _NUMBERS[value["value"]]
    return {key: _numbers(item) for key, item in value.items()}


def run_to_json(record: RunRecord) -> dict[str, Any]:
    """Return a run's record with its document."""
    packed: dict[str, Any] = pack(dataclasses.asdict(record))
    return packed


def run_from_json(document: Mapping[str, Any]) -> RunRecord:
    """Return the record that `run_to_json` wrote; what is new to us is left out."""
    known = {field.name for field in dataclasses.fields(RunRecord)}
    values = {key: unpack(value) for key, value in document.items() if key in known}
    return RunRecord(**values)


def phase_to_json(event: PhaseEvent) -> dict[str, Any]:
    """Return a step of a runtime's way to ready."""
    return dataclasses.asdict(event)


def phase_from_json(document: Mapping[str, Any]) -> PhaseEvent:
    """Return the step that `phase_to_json` wrote."""
    known = {field.name for field in dataclasses.fields(PhaseEvent)}
    return PhaseEvent(**{k: v for k, v in document.items() if k in known})


def validation_to_json(found: Validation) -> dict[str, Any]:
    """Return what was found wrong with a flow."""
    return {
        "ok": found.ok,
        "problems": [problem.to_dict() for problem in found.problems],
        "warnings": [warning.to_dict() for warning in found.warnings],
        "tools": pack(found.tools),
        "duration_ms": found.duration_ms,
        "runtime": found.runtime,
    }


def validation_from_json(document: Mapping[str, Any]) -> Validation:
    """Return the findings that `validation_to_json` wrote."""
    return Validation(
        problems=[Problem(**problem) for problem in document["problems"]],
        tools=unpack(document["tools"]),
        duration_ms=document["duration_ms"],
        runtime=document["runtime"],
        warnings=[Problem(**warning) for warning in document.get("warnings", ())],
    )


def check_to_json(check: CheckResult) -> dict[str, Any]:
    """Return one line of a check."""
    return dataclasses.asdict(check)


def check_from_json(document: Mapping[str, Any]) -> CheckResult:
    """Return the line that `check_to_json` wrote."""
    known = {field.name for field in dataclasses.fields(CheckResult)}
    return CheckResult(**{k: v for k, v in document.items() if k in known})
