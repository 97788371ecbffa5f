"""Flex flows: calls the function or class that a flow's ``entry`` names.

Rules: flow-format sections 3.1 and 9 items 12 to 14.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from pf_jupyter.flow.model import Flow, FlowInput
from pf_jupyter.flow.values import VALUE_TYPES, parse_value
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    hint_for,
    text_of,
)
from pf_jupyter.worker.execution.flex_calling import (
    call_entry,
    function_name,
    original_of,
)
from pf_jupyter.worker.execution.flex_signature import Signature, read_signature
from pf_jupyter.worker.execution.model_objects import made_arguments
from pf_jupyter.worker.execution.references import (
    remember_documents,
    resolve_references,
)
from pf_jupyter.worker.execution.reporting import Reporter

_META = ["UserError", "CoreError", "GenerateFlowMetaJsonError"]


class PortsDiffer(FlowFailure):
    """The file declares other ports than the code has; ``path`` is where."""

    path: Tuple[str, ...] = ()


@dataclass
class Entry:
    """The entry of a flex flow, loaded; ``failures`` says why it cannot run."""

    flow: Flow
    folder: str
    failures: List[FlowFailure]
    target: Any = None
    signature: Optional[Signature] = None
    file: str = ""
    line: int = 0
    _made: Any = None

    @property
    def name(self) -> str:
        """What the entry is called."""
        return self.flow.entry.rpartition(":")[2]

    @property
    def is_class(self) -> bool:
        """Whether an object has to be made before a line can run."""
        return isinstance(self.target, type)

    def tool(self) -> Dict[str, Any]:
        """Return the entry as TOOL of the protocol."""
        signature = self.signature or Signature()
        function = self.target.__call__ if self.is_class else self.target
        original = original_of(function)
        ports = {**(signature.init or {}), **signature.inputs}
        return {
            "name": self.name,
            "type": "flex",
            "inputs": {name: port.to_dict() for name, port in ports.items()},
            "output": "object" if signature.outputs else "string",
            "is_async": inspect.iscoroutinefunction(original),
            "is_generator": inspect.isgeneratorfunction(original)
            or inspect.isasyncgenfunction(original),
            "file": self.file,
            "line": self.line,
            "duration_ms": 0.0,
        }

    def bind(
        self, init: Mapping[str, Any], connections: Mapping[str, Any]
    ) -> Callable[..., Any]:
        """Return what is called for a line.

        The object of a class is made on first use, and kept for as long as it is made
        with the same values.

        Raises
        ------
        FlowFailure
            FlowEntryInitializationError, InvalidAggregationFunction.
        """
        if not self.is_class:
            if init:
                raise FlowFailure(
                    "UserErrorException",
                    f"'{self.name}' is a function and takes no init values",
                    hint="give the values as inputs, or make the entry a class",
                )
            return self.target  # type: ignore[no-any-return]
        if not init:
            init = self._sample("init")
        key = (repr(init), repr(sorted(connections)))
        if self._made is None or self._made[0] != key:
            self._made = (key, self._make(init, connections))
        made: Callable[..., Any] = self._made[1].__call__
        return made

    def _make(self, init: Mapping[str, Any], connections: Mapping[str, Any]) -> Any:
        assert self.signature is not None
        ports = self.signature.init or {}
        try:
            values = dict(init)
            for name, declared in _declared(self.flow, "init").items():
                if declared.default is not None:
                    values.setdefault(name, declared.default)
            made = self.target(**made_arguments(ports, values, connections))
        except Exception as error:
            names = ", ".join(init) or "no init values"
            raise FlowFailure(
                "FlowEntryInitializationError",
                f"an object of '{self.name}' cannot be made with {names}: "
                f"({type(error).__name__}) {text_of(error)}",
                hint=getattr(error, "hint", "") or hint_for(error) or _init_hint(ports),
                codes=["UserError", "FlowEntryInitializationError"],
                cause=error,
            ) from None
        aggregate = getattr(made, "__aggregate__", None)
        if aggregate is not None and len(inspect.signature(aggregate).parameters) != 1:
            raise FlowFailure(
                "InvalidAggregationFunction",
                f"'__aggregate__' of '{self.name}' must have exactly one parameter",
                hint="it receives the list of what the lines gave",
                codes=["UserError", "InvalidAggregationFunction"],
                file=self.file,
            )
        return made

    def _sample(self, part: str) -> Dict[str, Any]:
        sample = resolve_references(self.flow.sample, self.folder)
        found = sample.get(part) if isinstance(sample, dict) else None
        return dict(found) if isinstance(found, dict) else {}

    def arguments(
        self, given: Mapping[str, Any], line_number: Optional[int] = None
    ) -> Dict[str, Any]:
        """Return what the entry is called with: defaults filled, types fitted.

        Raises
        ------
        FlowFailure
            InputNotFound.
        InputTypeError, InputParseError
            A value does not fit.
        """
        assert self.signature is not None
        values = dict(given) or self._sample("inputs")
        declared = _declared(self.flow, "inputs")
        if "inputs" not in self.flow.declared:
            # A default of the code is the code's own business, and so is its type.
            declared = {
                name: FlowInput(name, port.type)
                for name, port in self.signature.inputs.items()
                if port.required
                or (name in values and port.default is not None and port.default != "")
            }
        for name, item in declared.items():
            if name not in values and item.default is not None:
                values[name] = item.default
        missing = [name for name in declared if name not in values]
        if missing:
            where = "" if line_number is None else f" in line {line_number} of the data"
            raise FlowFailure(
                "InputNotFound",
                f"the input{'s' if len(missing) > 1 else ''} "
                f"{', '.join(map(repr, missing))} of the flow "
                f"{'have' if len(missing) > 1 else 'has'} no value{where}",
                hint=f"give {' '.join(f'{name}=…' for name in missing)}",
                codes=[
                    "UserError",
                    "ValidationError",
                    "InvalidFlowRequest",
                    "InputNotFound",
                ],
            )
        taken = {k: values[k] for k in self.signature.inputs if k in values}
        for name, item in declared.items():
            if name in taken and item.type in VALUE_TYPES:
                taken[name] = parse_value(item.type, taken[name], name)
        return taken

    def aggregate(self, results: List[Any]) -> Dict[str, Any]:
        """Call ``__aggregate__`` with what the lines gave; return its metrics.

        Whatever goes wrong there is a warning and gives no metrics. The object is the
        one that `bind` made; without such a method nothing happens.
        """
        made = self._made[1] if self._made else None
        aggregate = getattr(made, "__aggregate__", None)
        if aggregate is None:
            return {}
        try:
            output = aggregate([_Row.of(result) for result in results])
            if inspect.isawaitable(output):
                output = _awaited(output)
        except Exception as error:
            sys.stderr.write(
                f"warning: '__aggregate__' failed, there are no metrics: "
                f"({type(error).__name__}) {text_of(error)}\n"
            )
            return {}
        if isinstance(output, dict):
            return output
        sys.stderr.write("warning: '__aggregate__' gave no mapping, so no metrics\n")
        return {}


class _Row(Dict[str, Any]):
    """A mapping whose items are attributes, too."""

    @classmethod
    def of(cls, value: Any) -> Any:
        return cls(value) if isinstance(value, dict) else value

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


def _awaited(output: Any) -> Any:
    from pf_jupyter.worker.execution.loop import run_coroutine

    async def wait() -> Any:
        return await output

    return run_coroutine(wait)


def _declared(flow: Flow, key: str) -> Dict[str, FlowInput]:
    """Return what the file declares; an empty text as default stands for none."""
    ports: Dict[str, FlowInput] = getattr(flow, key) if key in flow.declared else {}
    return {name: item for name, item in ports.items() if item.default != ""}


def _init_hint(ports: Mapping[str, Any]) -> str:
    return f"it takes {', '.join(ports)}" if ports else "it takes nothing"


def prepare_flex(flow: Flow, folder: str) -> Entry:
    """Load the entry of a flex flow; never raises for what is wrong with it."""
    remember_documents(flow.documents)
    entry = Entry(flow, folder, [])
    try:
        _load(entry)
    except FlowFailure as failure:
        entry.failures.append(failure)
    return entry


def _load(entry: Entry) -> None:
    module_name, colon, name = entry.flow.entry.partition(":")
    if not colon or ":" in name or not module_name or not name:
        raise FlowFailure(
            "InvalidFlexFlowEntry",
            f"'{entry.flow.entry}' is no entry",
            hint="write it as module:function",
            codes=["UserError", "ValidationError", "InvalidFlexFlowEntry"],
        )
    try:
        module = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise FlowFailure(
            "GenerateFlowMetaJsonError",
            f"the module '{module_name}' of the entry cannot be loaded: "
            f"({type(error).__name__}) {text_of(error)}",
            hint=hint_for(error),
            codes=_META,
            cause=error,
        ) from None
    file = str(getattr(module, "__file__", None) or "")
    inside = os.path.join(entry.folder, "")
    entry.file = file[len(inside) :] if file.startswith(inside) else ""
    target = getattr(module, name, None)
    callable_class = isinstance(target, type) and "__call__" in dir(target)
    own_call = callable_class and inspect.isfunction(
        inspect.getattr_static(target, "__call__", None)
    )
    if not inspect.isfunction(target) and not own_call:
        what = "has no __call__" if isinstance(target, type) else "is no function"
        if target is None:
            what = "is not there"
        raise FlowFailure(
            "GenerateFlowMetaJsonError",
            f"'{name}' {what} in the module '{module_name}'",
            hint=f"define a function, or a class with __call__, called '{name}'",
            codes=_META,
            file=entry.file,
            line=1 if entry.file else None,
        )
    entry.target = target
    owner = target if isinstance(target, type) else None
    function: Any = getattr(target, "__call__") if owner is not None else target  # noqa: B004, B009
    code = getattr(original_of(function), "__code__", None)
    entry.line = code.co_firstlineno if code is not None else 0
    try:
        entry.signature = read_signature(name, original_of(function), owner)
    except (TypeError, ValueError) as error:
        raise _refused(entry, text_of(error), "") from None
    for message, hint in entry.signature.problems:
        entry.failures.append(_refused(entry, message, hint))
    _check_ports(entry, entry.signature)


def _refused(entry: Entry, message: str, hint: str) -> FlowFailure:
    return FlowFailure(
        "GenerateFlowMetaJsonError",
        message,
        hint=hint,
        codes=_META,
        file=entry.file,
        line=entry.line,
    )


def _check_ports(entry: Entry, signature: Signature) -> None:
    """The file may list ports again, but all of them (flow-format section 9.13)."""
    flow = entry.flow
    for key, listed, own in (
        ("inputs", flow.inputs, signature.inputs),
        ("outputs", flow.outputs, signature.outputs or {"output": "string"}),
        ("init", flow.init, signature.init),
    ):
        if key not in flow.declared or set(listed) == set(own or {}):
            continue
        have = ", ".join(own or {}) or "none"
        failure = PortsDiffer(
            "UserErrorException",
            f"'{key}' of the file lists {', '.join(listed) or 'nothing'}, and the "
            f"code of '{entry.name}' has {have}",
            hint=f"list exactly those of the code, or take '{key}' out",
        )
        failure.path = (key,)
        entry.failures.append(failure)


def run_flex(
    entry: Entry,
    given: Mapping[str, Any],
    init: Mapping[str, Any],
    connections: Mapping[str, Any],
    reporter: Reporter,
    line_number: Optional[int] = None,
) -> Dict[str, Any]:
    """Run one line of a flex flow and return its outputs as JSON data.

    A dataclass gives its fields, what is no mapping is the output ``output``.

    Raises
    ------
    PfError
        What `Entry.bind` and `Entry.arguments` raise, ScriptExecutionError, and
        FlowOutputUnserializable. Async entries fail with the class of what they raise.
    """
    for failure in entry.failures:
        raise failure
    function = entry.bind(init, connections)
    arguments = entry.arguments(given, line_number)
    return call_entry(function, arguments, function_name(function), reporter)
