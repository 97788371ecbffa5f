"""Variants: several ways to write one node, of which a run uses one.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
Rules: flow-format section 1.6, overridden by section 9 item 4 (a node that uses
variants and has no matching entry or default is an error, it is not kept).
"""

from __future__ import annotations

import dataclasses
from typing import Any, Dict, List, Optional, Tuple

from pf_jupyter.errors import UsageError
from pf_jupyter.flow.definition import build_node
from pf_jupyter.flow.fields import KeyPath, Report, did_you_mean
from pf_jupyter.flow.model import Flow, Node
from pf_jupyter.flow.reference import is_reference


class InvalidFlowError(UsageError):
    """A variant is asked for, or is the default, that is not there.

    Parameters
    ----------
    message, hint
        As for every error.
    path
        Where in the flow file the cause is; empty when it lies in what was asked for.
    """

    code = "InvalidFlowError"
    codes = ("UserError", "ValidationError", "InvalidFlowError")

    def __init__(self, message: str, *, hint: str = "", path: KeyPath = ()) -> None:
        super().__init__(message, hint=hint)
        self.path = path


def parse_choice(text: str) -> Tuple[str, str]:
    """Split ``${node.variant_id}`` into its two names.

    Raises
    ------
    InvalidFlowError
        The text has another form.
    """
    body = text[2:-1] if is_reference(text) else ""
    node, dot, variant = body.partition(".")
    if not (node and dot and variant):
        bare, dot, _ = text.partition(".")
        raise InvalidFlowError(
            f"'{text}' does not name a variant",
            hint=f"write ${{{text}}}" if bare and dot else "write ${node.variant_id}",
        )
    return node, variant


def variant_ids(flow: Flow) -> Dict[str, List[str]]:
    """Return the variants of each node that has some, in file order."""
    return {
        name: [str(key) for key in entry["variants"]]
        for name, entry in flow.node_variants.items()
        if isinstance(entry, dict) and isinstance(entry.get("variants"), dict)
    }


def variant_path(node: str, variant: str) -> KeyPath:
    """Return where the node of a variant is written in the flow file."""
    return ("node_variants", node, "variants", variant, "node")


def selection(
    flow: Flow, choice: Optional[str] = None, defaults: bool = True
) -> Dict[str, str]:
    """Return the variant that each node which uses variants is to be replaced by.

    Parameters
    ----------
    flow
        The flow as written.
    choice
        ``${node.variant_id}`` of the one node to vary; all others use their default.
        It has no effect on a node that does not use variants.
    defaults
        Whether to fill in the defaults; without them only the choice is returned.

    Raises
    ------
    InvalidFlowError
        An unknown node or variant, or a node without variants or a default.
    """
    chosen: Dict[str, str] = {}
    if choice is not None:
        node, variant = parse_choice(choice)
        found = flow.node(node)
        if found is None or node not in flow.node_variants:
            raise InvalidFlowError(
                f"there is no node '{node}' with variants",
                hint=did_you_mean(node, flow.node_variants),
            )
        _variant_node(flow, node, variant)
        if found.use_variants:
            chosen[node] = variant
    for item in flow.nodes if defaults else []:
        if item.use_variants and item.name not in chosen:
            chosen[item.name] = default_variant(flow, item.name)
    return chosen


def default_variant(flow: Flow, node: str) -> str:
    """Return the id of a node's default variant.

    Raises
    ------
    InvalidFlowError
        No entry in node_variants, no default, or a default that is not there.
    """
    entry = flow.node_variants.get(node)
    if not isinstance(entry, dict):
        raise InvalidFlowError(
            f"node '{node}' uses variants, and node_variants has no entry for it",
            hint=did_you_mean(
                node,
                flow.node_variants,
                "add one, or take 'use_variants' out of the node",
            ),
        )
    variant = entry.get("default_variant_id")
    if not isinstance(variant, str) or not variant:
        raise InvalidFlowError(
            f"the variants of node '{node}' have no default_variant_id",
            hint="add 'default_variant_id: ' with the id of one of them",
            path=("node_variants", node),
        )
    try:
        _variant_node(flow, node, variant)
    except InvalidFlowError as error:
        path = ("node_variants", node, "default_variant_id")
        raise InvalidFlowError(error.message, hint=error.hint, path=path) from None
    return variant


def apply_variants(flow: Flow, choice: Optional[str] = None) -> Flow:
    """Return the flow with each node that uses variants replaced by one of them.

    The whole node is replaced: nothing of the original stays but its name.

    Parameters
    ----------
    flow
        The flow as written; it is not changed.
    choice
        ``${node.variant_id}`` to use instead of the default of that node.

    Raises
    ------
    InvalidFlowError
        As `selection` tells, or a variant whose node is not well formed.
    """
    chosen = selection(flow, choice)
    nodes = [
        replacement(flow, node.name, chosen[node.name], _Refuse())
        if node.name in chosen
        else node
        for node in flow.nodes
    ]
    return dataclasses.replace(flow, nodes=nodes)


def replacement(flow: Flow, node: str, variant: str, report: Report) -> Node:
    """Return the node that a variant puts in place of ``node``.

    Raises
    ------
    InvalidFlowError
        The variant is not there or holds no node.
    """
    raw = _variant_node(flow, node, variant)
    built = build_node(raw, variant_path(node, variant), report, node)
    if built is None:
        raise InvalidFlowError(
            f"variant '{variant}' of node '{node}' holds no node",
            path=variant_path(node, variant),
        )
    # What replaces a node is final, whatever it says of itself.
    return dataclasses.replace(built, use_variants=False)


def _variant_node(flow: Flow, node: str, variant: str) -> Any:
    entry = flow.node_variants.get(node)
    variants = entry.get("variants") if isinstance(entry, dict) else None
    if not isinstance(variants, dict):
        raise InvalidFlowError(
            f"node '{node}' has no variants",
            hint="add 'variants:' to its entry in node_variants",
            path=("node_variants", node),
        )
    found = variants.get(variant)
    if found is None:
        ids = [str(key) for key in variants]
        raise InvalidFlowError(
            f"node '{node}' has no variant '{variant}'",
            hint=did_you_mean(variant, ids, f"it has {', '.join(ids) or 'none'}"),
            path=("node_variants", node, "variants"),
        )
    if not isinstance(found, dict) or not isinstance(found.get("node"), dict):
        raise InvalidFlowError(
            f"variant '{variant}' of node '{node}' holds no node",
            hint="write 'node:' and below it what the node consists of",
            path=("node_variants", node, "variants", variant),
        )
    return found["node"]


class _Refuse(Report):
    """Raises the first problem."""

    def problem(
        self,
        code: str,
        path: KeyPath,
        message: str,
        hint: str = "",
        at_key: bool = False,
    ) -> None:
        raise InvalidFlowError(message, hint=hint, path=path)
