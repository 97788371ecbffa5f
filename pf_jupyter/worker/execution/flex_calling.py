"""Calls the entry of a flow and makes outputs of what it gives.

Rules: flow-format sections 2.5 and 3.1.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import AsyncIterator
from typing import Any, Callable, Dict, Mapping

from pf_jupyter.errors import PfError
from pf_jupyter.flow.model import Flow, FlowOutput
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    hint_for,
    is_public,
    public_codes,
    text_of,
)
from pf_jupyter.worker.execution.outputs import (
    join_async_generators,
    join_generators,
    serialised_outputs,
)
from pf_jupyter.worker.execution.reporting import Reporter

_SCRIPT = ["UserError", "ScriptExecutionError"]


def original_of(function: Any) -> Any:
    """Return a function as the user wrote it, without a decorator of promptflow."""
    return getattr(function, "__original_function", function)


def function_name(function: Any) -> str:
    """Return the name under which a callable is reported."""
    original = original_of(function)
    return str(getattr(original, "__qualname__", None) or type(original).__name__)


def call_entry(
    function: Callable[..., Any],
    arguments: Mapping[str, Any],
    name: str,
    reporter: Reporter,
) -> Dict[str, Any]:
    """Call an entry, join what it streams, and return its outputs as JSON data."""
    original = original_of(function)
    if inspect.iscoroutinefunction(original) or inspect.isasyncgenfunction(original):
        try:
            flow, values = _call_async(function, arguments, reporter)
        except (KeyboardInterrupt, PfError):
            raise
        except Exception as error:
            raise _raw(error) from None
    else:
        try:
            flow, values = _split(function(**arguments))
            join_generators(flow, values, reporter)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            raise script_failed(name, error) from None
    return serialised_outputs(flow, values, reporter.artifacts)


def _call_async(
    function: Callable[..., Any], arguments: Mapping[str, Any], reporter: Reporter
) -> Any:
    from pf_jupyter.worker.execution.loop import run_coroutine

    async def call() -> Any:
        output = function(**arguments)
        if inspect.isawaitable(output):
            output = await output
        flow, values = _split(output)
        join_generators(flow, values, reporter)
        if any(isinstance(value, AsyncIterator) for value in values.values()):
            await join_async_generators(flow, values, reporter)
        return flow, values

    return run_coroutine(call)


def _split(output: Any) -> Any:
    """Return the outputs that a value stands for, and a flow that declares them."""
    if isinstance(output, dict):
        values = dict(output)
    elif dataclasses.is_dataclass(output) and not isinstance(output, type):
        fields = dataclasses.fields(output)
        values = {item.name: getattr(output, item.name) for item in fields}
    else:
        values = {"output": output}
    flow = Flow("", outputs={key: FlowOutput(key, "string") for key in values})
    return flow, values


def script_failed(name: str, error: BaseException) -> FlowFailure:
    """Return what an exception of an entry means."""
    if isinstance(error, FlowFailure) and error.code == "LineExecutionTimeoutError":
        return error
    kind = error.code if isinstance(error, FlowFailure) else type(error).__name__
    return FlowFailure(
        "ScriptExecutionError",
        f"Execution failure in '{name}': ({kind}) {text_of(error)}",
        hint=getattr(error, "hint", "") or hint_for(error),
        codes=_SCRIPT,
        cause=getattr(error, "cause", None) or error,
    )


def _raw(error: BaseException) -> FlowFailure:
    name = type(error).__name__
    return FlowFailure(
        name,
        text_of(error),
        hint=hint_for(error),
        codes=public_codes(error) if is_public(error) else ["SystemError", name],
        cause=error,
    )
