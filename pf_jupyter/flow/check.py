"""What can be known of a flow without running it: its graph.

Rules: flow-format section 1.8. The files that nodes name are looked at in
:mod:`pf_jupyter.flow.sources`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pf_jupyter.flow.fields import KeyPath, describe, did_you_mean
from pf_jupyter.flow.model import Flow, FlowOutput, Node
from pf_jupyter.flow.order import dependencies, find_cycles
from pf_jupyter.flow.reader import Collector
from pf_jupyter.flow.reference import (
    OUTPUT_SECTION,
    InputReference,
    Literal,
    NodeReference,
    parse_reference,
)
from pf_jupyter.flow.values import InputParseError, InputTypeError, parse_value


def check_graph(flow: Flow, places: Sequence[KeyPath], report: Collector) -> None:
    """Report everything that is wrong with names, references and conditions.

    Parameters
    ----------
    flow
        The flow, its variants applied.
    places
        For each node the path at which it is written.
    report
        Receives problems and warnings.
    """
    check = _GraphCheck(flow, places, report)
    check.names()
    for node, place in zip(flow.nodes, places, strict=True):
        check.inputs(node, place)
        check.condition(node, place)
    check.cycles()
    for output in flow.outputs.values():
        check.output(output)
    check.defaults()


class _GraphCheck:
    def __init__(
        self, flow: Flow, places: Sequence[KeyPath], report: Collector
    ) -> None:
        self.flow = flow
        self.places = places
        self.report = report
        self.nodes: dict[str, Node] = {}
        for node in flow.nodes:
            self.nodes.setdefault(node.name, node)

    def names(self) -> None:
        seen: dict[str, KeyPath] = {}
        for node, place in zip(self.flow.nodes, self.places, strict=True):
            name_path = (*place, "name") if place[0] == "nodes" else place
            if node.name not in seen:
                seen[node.name] = name_path
                continue
            line = self.report.positions.value(seen[node.name])[0]
            self.report.problem(
                "DuplicateNodeName",
                name_path,
                f"two nodes are called '{node.name}', the first on line {line}",
                "rename one of them",
            )

    def inputs(self, node: Node, place: KeyPath) -> None:
        for name, value in node.inputs.items():
            path = (*place, "inputs", name)
            reference = parse_reference(value)
            if isinstance(reference, InputReference):
                self._flow_input(node, reference, path)
            elif isinstance(reference, NodeReference):
                target = self._node(node, reference, path, str(value))
                if target is not None and reference.section != OUTPUT_SECTION:
                    self._section(node, reference, path, str(value))
                if target is not None and target.aggregation and not node.aggregation:
                    self._after_aggregation(node, target, path)

    def condition(self, node: Node, place: KeyPath) -> None:
        if node.activate is None:
            return
        path = (*place, "activate", "when")
        reference = parse_reference(node.activate.when)
        if isinstance(reference, InputReference):
            # A value for it may be given all the same: the run decides.
            self._flow_input(node, reference, path, self.report.warning)
        elif isinstance(reference, NodeReference):
            target = self._node(node, reference, path, str(node.activate.when))
            if target is None:
                return
            if target.aggregation and not node.aggregation:
                self._after_aggregation(node, target, path)
            if node.aggregation and not target.aggregation:
                self.report.problem(
                    "InvalidNodeReference",
                    path,
                    f"aggregation node '{node.name}' depends on '{target.name}', "
                    "which is no aggregation node, in its condition",
                    "a condition here can use flow inputs and aggregation nodes",
                )

    def cycles(self) -> None:
        place_of: dict[str, KeyPath] = {}
        for node, place in zip(self.flow.nodes, self.places, strict=True):
            place_of.setdefault(node.name, place)
        for cycle in find_cycles(self.flow.nodes):
            first, needed = cycle[0], cycle[1]
            self.report.problem(
                "NodeCircularDependency",
                self._reference_path(self.nodes[first], place_of[first], needed),
                "a node waits for itself"
                if len(cycle) == 2
                else f"nodes wait for each other: {' → '.join(cycle)}",
                "take one of these references out",
            )

    def output(self, output: FlowOutput) -> None:
        path: KeyPath = ("outputs", output.name, "reference")
        reference = parse_reference(output.reference)
        if self.report.complained(path):
            return
        if isinstance(reference, Literal):
            self._literal_output(output, path)
        elif isinstance(reference, InputReference):
            if reference.name not in self.flow.inputs:
                self.report.problem(
                    "OutputReferenceNotFound",
                    path,
                    f"output '{output.name}': {output.reference} names no flow input",
                    did_you_mean(reference.name, self.flow.inputs),
                )
        elif reference.node not in self.nodes:
            self.report.problem(
                "OutputReferenceNotFound",
                path,
                f"output '{output.name}': {output.reference} names no node",
                self._node_hint(reference),
            )
        elif self.nodes[reference.node].aggregation:
            self.report.warning(
                "aggregation_output",
                path,
                f"output '{output.name}' is left out: '{reference.node}' is an "
                "aggregation node",
                "log a metric in that node instead",
            )

    def defaults(self) -> None:
        for declared in self.flow.inputs.values():
            path = ("inputs", declared.name, "default")
            if declared.default is None or self.report.complained(
                ("inputs", declared.name, "type")
            ):
                continue
            try:
                parse_value(declared.type, declared.default, declared.name)
            except (InputTypeError, InputParseError) as error:
                self.report.warning(
                    error.code, path, f"default of {error.message}", error.hint
                )

    def _literal_output(self, output: FlowOutput, path: KeyPath) -> None:
        if output.reference == "":
            written = path in self.report.positions.keys
            self.report.problem(
                "EmptyOutputReference",
                path if written else path[:-1],
                f"output '{output.name}' has no reference",
                "add 'reference: ${node.output}'",
                at_key=True,
            )
            return
        node = str(output.reference).split(".")[0]
        self.report.warning(
            "literal_output",
            path,
            f"output '{output.name}' is always {describe(output.reference)}",
            f"did you mean '${{{node}.output}}'?" if node in self.nodes else "",
        )

    def _flow_input(
        self,
        node: Node,
        reference: InputReference,
        path: KeyPath,
        tell: Callable[[str, KeyPath, str, str], None] | None = None,
    ) -> None:
        if reference.name in self.flow.inputs:
            return
        root = reference.name.split(".")[0].split("[")[0]
        if root != reference.name and root in self.flow.inputs:
            hint = (
                f"a flow input has no parts here: pass '${{inputs.{root}}}' whole and "
                "take the part inside the node"
            )
        elif reference.name.split(".")[0] == OUTPUT_SECTION and (
            "inputs" in self.nodes or "flow" in self.nodes
        ):
            hint = "nodes called 'inputs' or 'flow' cannot be referred to: rename it"
        else:
            hint = did_you_mean(
                reference.name, self.flow.inputs, "declare it under 'inputs:'"
            )
        (tell or self.report.problem)(
            "InputReferenceNotFound",
            path,
            f"node '{node.name}': ${{inputs.{reference.name}}} names no flow input",
            hint,
        )

    def _node(
        self, node: Node, reference: NodeReference, path: KeyPath, text: str
    ) -> Node | None:
        target = self.nodes.get(reference.node)
        if target is None:
            self.report.problem(
                "NodeReferenceNotFound",
                path,
                f"node '{node.name}': {text} names no node",
                self._node_hint(reference),
            )
        return target

    def _node_hint(self, reference: NodeReference) -> str:
        name = reference.node
        if name.strip() != name and name.strip() in self.nodes:
            return "take the spaces out"
        if name in self.flow.inputs:
            return f"did you mean '${{inputs.{name}}}'?"
        if name in ("input", "flow", "inputs", "Inputs", "flows"):
            return "flow inputs are written ${inputs.name}"
        return did_you_mean(name, self.nodes)

    def _section(
        self, node: Node, reference: NodeReference, path: KeyPath, text: str
    ) -> None:
        # The format only complains when the node runs, which a condition may prevent.
        if not self._runs_always(node.name):
            return
        section = reference.section
        if section.startswith(OUTPUT_SECTION + "["):
            rest = section[len(OUTPUT_SECTION) :]
            rest += f".{reference.property}" if reference.property else ""
            hint = f"write ${{{reference.node}.output.{rest}}}"
        else:
            hint = f"write ${{{reference.node}.output.{section}}}"
        self.report.problem(
            "UnsupportedReference",
            path,
            f"node '{node.name}': {text} asks for '{section}', a node has only "
            "'output'",
            hint,
        )

    def _runs_always(self, name: str) -> bool:
        """Tell whether a node runs whatever the values: no condition at or above it."""
        pending = [name]
        seen: set[str] = set()
        while pending:
            node = self.nodes.get(pending.pop())
            if node is None or node.name in seen:
                continue
            if node.activate is not None:
                return False
            seen.add(node.name)
            pending.extend(dependencies(node))
        return True

    def _after_aggregation(self, node: Node, target: Node, path: KeyPath) -> None:
        self.report.problem(
            "InvalidNodeReference",
            path,
            f"node '{node.name}' runs for each line and cannot use aggregation node "
            f"'{target.name}', which runs after all lines",
            f"add 'aggregation: true' to '{node.name}' if it is meant to run then too",
        )

    def _reference_path(self, node: Node, place: KeyPath, needed: str) -> KeyPath:
        for name, value in node.inputs.items():
            reference = parse_reference(value)
            if isinstance(reference, NodeReference) and reference.node == needed:
                return (*place, "inputs", name)
        return (*place, "activate", "when")
