"""Which values references have while a flow runs.

Rules: flow-format sections 1.5, 2.3, 2.4 and 9 item 2.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Set

from pf_jupyter.flow.reference import (
    OUTPUT_SECTION,
    InputReference,
    InvalidReferenceProperty,
    Literal,
    NodeReference,
    Reference,
    resolve_property,
)
from pf_jupyter.worker.execution.failures import FlowFailure


class Scope:
    """Flow inputs, the outputs of nodes so far, and which nodes were bypassed.

    Parameters
    ----------
    inputs
        Values of flow inputs, coerced.
    outputs
        Outputs of nodes that are known beforehand.
    collected
        Values by canonical reference that replace the ordinary ones: what aggregation
        nodes see of the lines.
    """

    def __init__(
        self,
        inputs: Mapping[str, Any],
        outputs: Optional[Mapping[str, Any]] = None,
        collected: Optional[Mapping[str, Any]] = None,
    ) -> None:
        self.inputs = dict(inputs)
        self.outputs: Dict[str, Any] = dict(outputs or {})
        self.bypassed: Set[str] = set()
        self.collected = dict(collected or {})

    def is_bypassed(self, reference: Reference) -> bool:
        """Tell whether a reference names a bypassed node, whatever its property."""
        return isinstance(reference, NodeReference) and reference.node in self.bypassed

    def bypass(self, node: str) -> None:
        """Note that a node is bypassed; its output is None from now on."""
        self.bypassed.add(node)
        self.outputs[node] = None

    def value(self, reference: Reference) -> Any:
        """Return what a node input or an activate condition refers to.

        Raises
        ------
        FlowFailure
            InputNotFound, UnsupportedReference, InputNotFoundFromAncestorNodeOutput.
        InvalidReferenceProperty
            The property leads nowhere.
        """
        if isinstance(reference, Literal):
            return reference.value
        if isinstance(reference, InputReference):
            if reference.name not in self.inputs:
                raise FlowFailure(
                    "InputNotFound",
                    f"the flow input '{reference.name}' has no value",
                    hint=f"give it: {reference.name}=…",
                )
            return self.inputs[reference.name]
        if self.collected:
            key = str(reference)
            if key in self.collected:
                return self.collected[key]
        if reference.section != OUTPUT_SECTION:
            raise FlowFailure(
                "UnsupportedReference",
                f"'{reference}' asks for '{reference.section}' of node "
                f"'{reference.node}'; a node has only 'output'",
                hint=_section_hint(reference),
            )
        return self.output(reference)

    def output(self, reference: NodeReference) -> Any:
        """Return a node's output with the property applied, whatever the section."""
        if reference.node not in self.outputs:
            raise FlowFailure(
                "InputNotFoundFromAncestorNodeOutput",
                f"the output of node '{reference.node}' is not known",
                hint=f"give the output of '{reference.node}', or run the whole flow",
            )
        value = self.outputs[reference.node]
        if not reference.property:
            return value
        try:
            return resolve_property(value, reference.property, reference.node)
        except TypeError as error:
            raise InvalidReferenceProperty(
                f"the output of node '{reference.node}' has no property "
                f"'{reference.property}' ({error})",
                hint="look at the node's output to see what it holds",
            ) from None


def _section_hint(reference: NodeReference) -> str:
    section = reference.section
    if section.startswith(OUTPUT_SECTION + "["):
        rest = section[len(OUTPUT_SECTION) :]
        tail = f".{reference.property}" if reference.property else ""
        return f"write ${{{reference.node}.output.{rest}{tail}}}, with a dot"
    return f"write ${{{reference.node}.output}}"
