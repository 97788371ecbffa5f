"""What a Python tool takes and gives, read from its signature.

Types are recognised by the name and the module of a class, never by its identity: the
classes come from the real promptflow package when an environment has it, otherwise from
our compatible one. Rules: flow-format sections 2.6 and 9 item 20.
"""

from __future__ import annotations

import enum
import inspect
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple, Union

_EMPTY = inspect.Parameter.empty
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_PLAIN = {int: "int", float: "double", bool: "bool", str: "string", list: "list"}
_MARKERS = {
    "Secret": "secret",
    "PromptTemplate": "prompt_template",
    "FilePath": "file_path",
    "Image": "image",
    "AssistantDefinition": "assistant_definition",
}


@dataclass(frozen=True)
class Parameter:
    """One input of a tool.

    ``types`` are type names of the format or names of connection classes; the first
    one decides how a literal is read. ``custom_types`` are the user's own connection
    classes, ``of_init`` tells a parameter of a class tool's constructor.
    """

    name: str
    types: Tuple[str, ...]
    required: bool
    default: Any = None
    enum: Optional[Tuple[str, ...]] = None
    custom_types: Tuple[type, ...] = ()
    is_connection: bool = False
    of_init: bool = False

    def to_dict(self) -> Dict[str, Any]:
        """Return the parameter as one of TOOL's inputs."""
        shown: Dict[str, Any] = {"type": list(self.types), "required": self.required}
        if not self.required:
            shown["default"] = _shown(self.default)
        if self.enum is not None:
            shown["enum"] = list(self.enum)
        return shown


@dataclass(frozen=True)
class Interface:
    """All inputs of a tool by name, and the type of what it returns."""

    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    takes_any: bool = False
    output: str = "object"


def read_interface(
    function: Callable[..., Any], owner: Optional[type] = None
) -> Interface:
    """Read the interface of a tool.

    Parameters
    ----------
    function
        The function as the user wrote it, without the decorator's wrapper.
    owner
        The class of a class tool; its constructor's parameters are inputs too.

    Raises
    ------
    ValueError
        A constructor and a method parameter share a name.
    TypeError
        The signature cannot be read.
    """
    signature = inspect.signature(function)
    parameters: Dict[str, Parameter] = {}
    if owner is not None:
        for name, raw in init_parameters(owner).items():
            if raw.kind in _VARIADIC:
                continue
            if name in signature.parameters:
                raise ValueError(
                    f"'{name}' is a parameter of both __init__ and {function.__name__}"
                )
            parameters[name] = _parameter(raw, of_init=True)
    for name, raw in signature.parameters.items():
        if name != "self" and raw.kind not in _VARIADIC:
            parameters[name] = _parameter(raw)
    takes_any = any(
        raw.kind is inspect.Parameter.VAR_KEYWORD
        for raw in signature.parameters.values()
    )
    returned = without_none(signature.return_annotation)
    output = "object" if isinstance(returned, list) else type_name(returned)
    return Interface(parameters, takes_any, output)


def init_parameters(owner: type) -> Dict[str, inspect.Parameter]:
    """Return the parameters of a class's constructor without ``self``."""
    init: Any = owner.__init__  # type: ignore[misc]
    raw = inspect.signature(init).parameters
    return {name: value for name, value in raw.items() if name != "self"}


def type_name(annotation: Any) -> str:
    """Return the format's type name of an annotation; ``object`` for all others."""
    if isinstance(annotation, type):
        if annotation in _PLAIN:
            return _PLAIN[annotation]
        if _is_public(annotation):
            return _MARKERS.get(annotation.__name__, "object")
    return "object"


def connection_class(annotation: Any) -> bool:
    """Tell whether an annotation is a connection class, built in or the user's own."""
    return isinstance(annotation, type) and any(
        _is_public(base)
        and base.__name__ in ("_Connection", "CustomStrongTypeConnection")
        for base in annotation.__mro__
    )


def strong_type(annotation: type) -> bool:
    """Tell whether a connection class is the user's own, strongly typed one."""
    return any(
        _is_public(base) and base.__name__ == "CustomStrongTypeConnection"
        for base in annotation.__mro__
    )


def is_provider(value: Any) -> bool:
    """Tell whether a class derives from promptflow's ToolProvider, real or ours."""
    return isinstance(value, type) and any(
        _is_public(base) and base.__name__ == "ToolProvider" for base in value.__mro__
    )


def _is_public(cls: type) -> bool:
    module = getattr(cls, "__module__", None) or ""
    return module == "promptflow" or module.startswith(
        ("promptflow.", "promptflow_vectordb.")
    )


def _parameter(raw: inspect.Parameter, of_init: bool = False) -> Parameter:
    annotation = without_none(raw.annotation)
    required = raw.default is _EMPTY
    if annotation is _EMPTY and not required:
        annotation = type(raw.default)
    options: Optional[Tuple[str, ...]] = None
    if isinstance(annotation, enum.EnumMeta):
        options = tuple(str(member.value) for member in annotation)  # type: ignore[var-annotated]
        annotation = str
    types, custom = _types(annotation)
    return Parameter(
        name=raw.name,
        types=types,
        required=required,
        default=None if required else raw.default,
        enum=options,
        custom_types=custom,
        is_connection=types[0].endswith("Connection"),
        of_init=of_init,
    )


def _types(annotation: Any) -> Tuple[Tuple[str, ...], Tuple[type, ...]]:
    members: List[Any] = annotation if isinstance(annotation, list) else [annotation]
    if not members or not all(connection_class(member) for member in members):
        single = not isinstance(annotation, list)
        return (type_name(annotation) if single else "object",), ()
    names: Dict[str, None] = {}
    custom = tuple(member for member in members if strong_type(member))
    for member in members:
        names["CustomConnection" if member in custom else member.__name__] = None
    return tuple(names), custom


def without_none(annotation: Any) -> Any:
    """Return X for Optional[X], a list for other unions, else the annotation.

    ``X | None`` written with a bar is left alone, so its type is ``object``: that is
    what the format's reference implementation answers on Python before 3.14.
    """
    if getattr(annotation, "__origin__", None) is not Union:
        return annotation
    members = [arg for arg in annotation.__args__ if arg is not type(None)]
    return members[0] if len(members) == 1 else members


def _shown(value: Any) -> Any:
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, dict)) and not value:
        return value
    try:
        return repr(value)
    except Exception:  # the user's own __repr__ may be broken
        return f"<{type(value).__name__}>"
