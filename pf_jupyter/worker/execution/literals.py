"""Makes literals of a flow file fit what a tool declares (flow-format section 1.8)."""

from __future__ import annotations

from typing import Any, Dict

from pf_jupyter.errors import PfError
from pf_jupyter.flow.reference import Literal, Reference
from pf_jupyter.flow.values import VALUE_TYPES, parse_value, preview
from pf_jupyter.worker.execution.failures import FlowFailure, load_failed, text_of
from pf_jupyter.worker.execution.images import CONTAINERS, ImageReader, unloadable
from pf_jupyter.worker.execution.interface import Parameter
from pf_jupyter.worker.execution.loading import Tool


def convert_literal(node: str, parameter: Parameter, value: Any) -> Any:
    """Make a literal fit the declared type of a tool's parameter.

    Raises
    ------
    FlowFailure
        ResolveToolError around NodeInputValidationError.
    """
    kind = parameter.types[0]
    try:
        return (
            parse_value(kind, value, parameter.name) if kind in VALUE_TYPES else value
        )
    except PfError as error:
        raise load_failed(
            FlowFailure(
                "NodeInputValidationError",
                f"input '{parameter.name}' of node '{node}' must be of type {kind}, "
                f"and {preview(value)} is not",
                hint=error.hint,
                node=node,
            )
        ) from None


def load_images(
    node: str, tool: Tool, arguments: Dict[str, Reference], reader: ImageReader
) -> None:
    """Replace literals among a node's arguments that stand for images by the images.

    Parameters
    ----------
    node
        Name of the node, for messages.
    tool
        Its tool, which says what is an image.
    arguments
        Literals and references; changed in place.
    reader
        Loads images.

    Raises
    ------
    FlowFailure
        ResolveToolError around NodeInputValidationError, for prompts around what
        happened itself.
    """
    for name, reference in arguments.items():
        parameter = tool.interface.parameters.get(name)
        if parameter is None or not isinstance(reference, Literal):
            continue
        kind = parameter.types[0]
        if kind != "image" and not (
            kind in CONTAINERS and isinstance(reference.value, (dict, list))
        ):
            continue
        try:
            arguments[name] = Literal(reader.load(kind, reference.value))
        except Exception as error:  # a file, a server or a value that is not there
            python = tool.type == "python"
            raise load_failed(
                FlowFailure(
                    "NodeInputValidationError" if python else type(error).__name__,
                    unloadable(name, error) if python else text_of(error),
                    hint="give base64 text, a URL, or a path relative to the flow's "
                    "folder",
                    node=node,
                )
            ) from None
