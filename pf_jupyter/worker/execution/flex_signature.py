"""What the entry of a flex flow takes and gives, read from its signature.

Rules: flow-format sections 3.1 and 9 items 12 and 13.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from pf_jupyter.worker.execution.interface import (
    connection_class,
    init_parameters,
    type_name,
    without_none,
)

MODEL_CONFIGURATIONS = ("AzureOpenAIModelConfiguration", "OpenAIModelConfiguration")
_EMPTY = inspect.Parameter.empty
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_PLAIN = (dict, _EMPTY)


@dataclass(frozen=True)
class Port:
    """One parameter of the entry: a type of the format or a class's name."""

    name: str
    type: str
    annotation: Any = _EMPTY
    default: Any = _EMPTY

    @property
    def required(self) -> bool:
        """Whether the code has no default for it."""
        return self.default is _EMPTY

    def to_dict(self) -> Dict[str, Any]:
        """Return the port as one of TOOL's inputs."""
        shown: Dict[str, Any] = {"type": [self.type], "required": self.required}
        if not self.required:
            plain = isinstance(self.default, (str, int, float, bool, type(None)))
            shown["default"] = self.default if plain else repr(self.default)
        return shown


@dataclass
class Signature:
    """Everything that an entry's code says of it.

    ``outputs`` is None when the code names none; ``problems`` says, for each port or
    annotation that the format refuses, what it is and what to do instead.
    """

    inputs: Dict[str, Port] = field(default_factory=dict)
    outputs: Optional[Dict[str, str]] = None
    init: Optional[Dict[str, Port]] = None
    problems: List[Tuple[str, str]] = field(default_factory=list)


def read_signature(
    name: str, function: Callable[..., Any], owner: Optional[type] = None
) -> Signature:
    """Read the signature of an entry.

    Parameters
    ----------
    name
        What the entry is called.
    function
        The function, or the ``__call__`` of a class.
    owner
        The class, for a class entry.

    Raises
    ------
    TypeError, ValueError
        The signature cannot be read.
    """
    raw = inspect.signature(function)
    found = Signature(_ports(raw.parameters))
    _check(name, found.inputs, (), found.problems)
    found.outputs = _outputs(name, raw.return_annotation, found.problems)
    if owner is not None:
        found.init = _ports(init_parameters(owner))
        _check(name, found.init, MODEL_CONFIGURATIONS, found.problems)
    return found


def _ports(raw: Mapping[str, inspect.Parameter]) -> Dict[str, Port]:
    return {
        name: _port(parameter)
        for name, parameter in raw.items()
        if name != "self" and parameter.kind not in _VARIADIC
    }


def _port(raw: inspect.Parameter) -> Port:
    annotation = without_none(raw.annotation)
    if annotation is _EMPTY and raw.default is not _EMPTY:
        kind = _named(type(raw.default))
    else:
        kind = _named(annotation)
    return Port(raw.name, kind, annotation, raw.default)


def _named(annotation: Any) -> str:
    if isinstance(annotation, enum.EnumMeta):
        return "string"
    if connection_class(annotation) or is_model_configuration(annotation):
        return str(annotation.__name__)
    return "object" if isinstance(annotation, list) else type_name(annotation)


def is_model_configuration(annotation: Any) -> bool:
    """Tell whether an annotation is one of promptflow's model configurations."""
    return (
        isinstance(annotation, type)
        and annotation.__name__ in MODEL_CONFIGURATIONS
        and annotation.__module__.startswith("promptflow.")
    )


def _check(
    name: str,
    ports: Mapping[str, Port],
    allowed: Tuple[str, ...],
    problems: List[Tuple[str, str]],
) -> None:
    for port in ports.values():
        if port.type in allowed or port.type != "object":
            continue
        if port.annotation not in _PLAIN:
            problems.append(
                (
                    f"the parameter '{port.name}' of '{name}' is of a complex type, "
                    f"{_spelled(port.annotation)}",
                    _way_out(port.annotation),
                )
            )


def _outputs(
    name: str, annotation: Any, problems: List[Tuple[str, str]]
) -> Optional[Dict[str, str]]:
    returned = without_none(annotation)
    if dataclasses.is_dataclass(returned):
        fields = {item.name: item.type for item in dataclasses.fields(returned)}
    elif isinstance(returned, type) and (
        issubclass(returned, dict) and hasattr(returned, "__annotations__")
    ):
        fields = dict(returned.__annotations__)
    else:
        if returned not in (str, _EMPTY):
            problems.append(
                (
                    f"'{name}' may return a dataclass, a TypedDict or str, and its "
                    f"annotation is {_spelled(returned)}",
                    "take the annotation of what is returned out, or make it a "
                    "dataclass",
                )
            )
        return None
    ports = {
        key: Port(key, _named(without_none(kind)), without_none(kind))
        for key, kind in fields.items()
    }
    _check(name, ports, (), problems)
    return {key: port.type for key, port in ports.items()}


def _spelled(annotation: Any) -> str:
    if isinstance(annotation, type):
        return annotation.__name__
    if isinstance(annotation, str):
        return f"the text '{annotation}'"
    return str(annotation).replace("typing.", "")


def _way_out(annotation: Any) -> str:
    if isinstance(annotation, str):
        return "take 'from __future__ import annotations' out of the file"
    return "use int, float, bool, str, list or dict, or no annotation"
