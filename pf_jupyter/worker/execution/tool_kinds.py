"""Loading the tool of a node, whatever kind of node it is.

Rules: flow-format section 1.4.
"""

from __future__ import annotations

import importlib

from pf_jupyter.flow.model import Node
from pf_jupyter.worker.execution.failures import (
    FlowFailure,
    hint_for,
    load_failed,
    text_of,
)
from pf_jupyter.worker.execution.loading import Tool, load_python
from pf_jupyter.worker.execution.prompts import load_prompt


def import_named_module(node: Node) -> None:
    """Import what the node's ``module`` names (flow-format section 1.4)."""
    if not node.module:
        return
    try:
        importlib.import_module(node.module)
    except Exception as error:
        raise FlowFailure(
            "FailedToImportModule",
            f"the module '{node.module}' of node '{node.name}' cannot be imported: "
            f"({type(error).__name__}) {text_of(error)}",
            hint=hint_for(error) or "take 'module' out of the node, or correct it",
            node=node.name,
            cause=error,
        ) from None


def load_tool(node: Node, folder: str) -> Tool:
    """Load whatever a node's tool is.

    Raises
    ------
    FlowFailure
        As `load_python`, `load_prompt`, `load_llm` and `load_package`; ResolveToolError
        for kinds of nodes that do not exist.
    """
    kind = node.source.type if node.source else "code"
    if node.type == "python" and kind == "code":
        return load_python(node, folder)
    if node.type == "prompt" and kind == "code":
        return load_prompt(node, folder)
    # Flows without such nodes do not wait for what these modules import.
    if node.type == "llm" and kind == "code":
        from pf_jupyter.worker.execution.llm.node import load_llm

        return load_llm(node, folder)
    if kind in ("package", "package_with_prompt"):
        from pf_jupyter.worker.execution.packages import load_package

        return load_package(node, folder)
    raise load_failed(
        FlowFailure(
            "NotImplementedError",
            f"node '{node.name}' is of type '{node.type}' with a '{kind}' source, "
            "which does not exist",
            hint="python and llm nodes have a source of type 'code' or 'package', "
            "custom_llm nodes 'package_with_prompt'",
            node=node.name,
        )
    )
