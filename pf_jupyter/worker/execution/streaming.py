"""Which tools stream only when somebody sees it (flow-format section 2.5)."""

from __future__ import annotations

from typing import Any, Callable

from pf_jupyter.flow.reference import NodeReference, parse_reference
from pf_jupyter.worker.execution import limits

_OPTION = "_streaming_option_parameter"
"""Where ``@tool`` keeps the name of the parameter, in the public packages too."""


def find_only_outputs(ready: Any) -> None:
    """Note of the nodes of a prepared flow which are shown and not used."""
    shown = set()
    for output in ready.flow.outputs.values():
        reference = parse_reference(output.reference)
        if isinstance(reference, NodeReference):
            shown.add(reference.node)
    used = {name for node in ready.nodes.values() for name in node.waits_for}
    for prepared in ready.nodes.values():
        prepared.only_output = prepared.name in shown and prepared.name not in used
        if prepared.only_output and prepared.tool is not None:
            option = getattr(prepared.tool.function, _OPTION, "")
            parameter = prepared.tool.interface.parameters.get(option)
            if parameter is not None and not parameter.of_init:
                prepared.streams = option


def decided(function: Callable[..., Any], option: str) -> Callable[..., Any]:
    """Let whoever asked for the run decide whether a tool streams."""

    def call(*args: Any, **values: Any) -> Any:
        return function(*args, **{**values, option: limits.streaming.get()})

    return call
