"""The flow folders of this machine."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FlowInvalid, PfError
from ..flow.flex import entry_name
from ..flow.model import Flow, Node
from ..flow.reference import NodeReference, parse_reference
from ..runs.locate import below, evaluations, examples, resolve
from .api import FlowInfo, Flows, Picture, Problem, Validation
from .flow_api import invalid

if TYPE_CHECKING:
    from .local import LocalWorkspace


class LocalFlows(Flows):
    """Finds, reads and checks flows.

    Parameters
    ----------
    workspace
        Whose runtimes check the flows' code.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    def show(self, flow: str | Path) -> FlowInfo:
        """Read a flow (NotFound, FlowInvalid)."""
        path = resolve(flow)
        return _info(path, *_read(path))

    def validate(
        self, flow: str | Path, *, runtime: str | None = None, code: bool = True
    ) -> Validation:
        """Check a flow's file, and its code in a runtime; see `Flows.validate`."""
        if code:
            runtimes = self._workspace.runtimes
            chosen = runtimes.ensure() if runtime is None else runtimes.get(runtime)
            return chosen.validate(flow)
        from ..runs.validate import check_file

        began = time.monotonic()
        found = check_file(resolve(flow), lambda: self._workspace.core.connections)
        return Validation(
            problems=[problem_from(problem) for problem in found.problems],
            tools={},
            duration_ms=(time.monotonic() - began) * 1000,
            warnings=[problem_from(warning) for warning in found.warnings],
        )

    def check_run(self, flow: str | Path, **options: Any) -> None:
        """Refuse a run that cannot begin; see `Flows.check_run`."""
        from ..runs.validate import refuse

        path = resolve(flow)
        problems = refuse(path, options)
        if problems:
            raise invalid(flow, problems)

    def list(self, root: str | Path = ".") -> list[FlowInfo]:
        """Return the flows below a folder, and our examples and evaluations by name.

        One whose file cannot be read is left out: `validate` says what is wrong.
        """
        here = below(Path(root).expanduser().absolute())
        bundled = [*examples().values(), *evaluations().values()]
        paths = dict.fromkeys([*here, *bundled])
        found = []
        for path in paths:
            try:
                found.append(_info(path, *_read(path)))
            except PfError:
                continue
        return found

    def picture(
        self,
        flow: str | Path,
        states: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        folded: Collection[str] = (),
    ) -> Picture:
        """Return the graph's picture; see `Flows.picture`."""
        from .pages import picture_of

        return picture_of(_read(resolve(flow))[1], states or {}, folded)

    def resolve(self, flow: str | Path) -> Path:
        """Return the folder of a path or of a bundled example's name."""
        return resolve(flow)


def problem_from(found: Mapping[str, Any]) -> Problem:
    """Return a problem that the checks found."""
    keys = ("code", "message", "file", "line", "column", "hint")
    return Problem(**{key: found[key] for key in keys})


def _read(path: Path) -> tuple[Flow, Flow]:
    """Return a flow as written and as it runs, even when it has other problems."""
    from ..flow.snapshot import load

    loaded = load(path)
    if loaded.declared is None or loaded.flow is None:
        raise FlowInvalid(
            f"{loaded.file} cannot be read as a flow",
            problems=[problem.to_dict() for problem in loaded.problems],
        )
    return loaded.declared, loaded.flow


def _info(path: Path, declared: Flow, flow: Flow) -> FlowInfo:
    from ..flow.variants import variant_ids

    return FlowInfo(
        name=path.name if path.is_dir() else path.parent.name,
        path=path,
        inputs=[
            {
                "name": item.name,
                "type": item.type,
                "default": item.default,
                "description": item.description,
                "enum": item.enum,
                "is_chat_input": item.is_chat_input,
                "is_chat_history": item.is_chat_history,
            }
            for item in flow.inputs.values()
        ],
        outputs=[
            {
                "name": item.name,
                "type": item.type,
                "reference": item.reference,
                "description": item.description,
                "is_chat_output": item.is_chat_output,
                "evaluation_only": item.evaluation_only,
            }
            for item in flow.outputs.values()
        ],
        nodes=[
            {
                "name": node.name,
                "type": node.type,
                "source": node.source.path or node.source.tool if node.source else None,
                "inputs": dict(node.inputs),
                "depends_on": _dependencies(node),
                "aggregation": node.aggregation,
                "activate": node.activate
                and {"when": node.activate.when, "is": node.activate.is_},
            }
            for node in flow.nodes
        ],
        variants=variant_ids(declared),
        kind=flow.kind,
        entry="" if flow.kind == "dag" else entry_name(flow),
        init=[
            {"name": item.name, "type": item.type, "default": item.default}
            for item in flow.init.values()
        ],
    )


def _dependencies(node: Node) -> list[str]:
    values = [*node.inputs.values()]
    if node.activate is not None:
        values.append(node.activate.when)
    references = [parse_reference(value) for value in values]
    names = [ref.node for ref in references if isinstance(ref, NodeReference)]
    return list(dict.fromkeys(names))
