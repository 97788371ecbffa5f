"""What a case is: a small flow, its files, its runs, the rules it covers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import importlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOOL = "from promptflow.core import tool\n\n\n@tool\n"


@dataclass(frozen=True)
class Case:
    """One flow and what is asked of it.

    Attributes
    ----------
    id
        Unique, readable name; the test's id.
    rules
        Ids from `rules.RULES` that this case exercises.
    files
        Path in the flow's folder to text or bytes, the flow file included.
    runs
        What `oracle_side` documents as RUN, in order.
    flow
        Path below the folder handed to both sides; "" is the folder itself.
    connections
        Name to the fields of the public connection YAML; ``{server}`` in a value
        becomes the address of the protocol server.
    server
        Script of the protocol server when the flow calls a model (`openai_server`).
    differs
        Ids of docs/differences.md that this case is allowed to show.
    """

    id: str
    rules: tuple[str, ...]
    files: dict[str, str | bytes]
    runs: tuple[dict[str, Any], ...]
    flow: str = ""
    connections: dict[str, dict[str, Any]] = field(default_factory=dict)
    server: dict[str, Any] | None = None
    differs: tuple[str, ...] = ()

    def job(self) -> dict[str, Any]:
        """Return the case as the JSON that both sides are given."""
        files = {
            name: content
            if isinstance(content, str)
            else {"base64": base64.b64encode(content).decode("ascii")}
            for name, content in self.files.items()
        }
        return {
            "key": self.key(),
            "files": files,
            "flow": self.flow,
            "connections": self.connections,
            "server": self.server,
            "runs": list(self.runs),
        }

    def key(self) -> str:
        """Return the hash of everything that decides the answer."""
        content = dataclasses.asdict(self)
        for unrelated in ("id", "rules", "differs"):
            del content[unrelated]
        text = json.dumps(content, sort_keys=True, default=repr)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:24]


REGISTRY: dict[str, Case] = {}


def case(
    id: str,
    rules: str,
    flow: str,
    *runs: dict[str, Any],
    differs: str = "",
    connections: dict[str, dict[str, Any]] | None = None,
    server: dict[str, Any] | None = None,
    path: str = "",
    file: str = "flow.dag.yaml",
    files: dict[str, str | bytes] | None = None,
    **sources: str,
) -> Case:
    """Register a case.

    Parameters
    ----------
    id, rules, differs
        Name; rules and differences separated by spaces.
    flow
        Text of the flow file.
    runs
        `inputs_` and its kin; none means one run without inputs.
    file, path
        Name of the flow file in the folder; what both sides are handed.
    files
        Further files as they are.
    sources
        Python tools: ``a="def f(x): return x"`` is a.py with the import and ``@tool``
        put before it, unless the text imports something itself.
    """
    if id in REGISTRY:
        raise ValueError(f"two cases are called {id}")
    everything: dict[str, str | bytes] = {file: flow}
    for name, text in sources.items():
        everything[f"{name}.py"] = text if "import " in text else f"{TOOL}{text}\n"
    everything.update(files or {})
    REGISTRY[id] = made = Case(
        id=id,
        rules=tuple(rules.split()),
        files=everything,
        runs=runs or (given(),),
        flow=path,
        connections=connections or {},
        server=server,
        differs=tuple(differs.split()),
    )
    return made


def given(**inputs: Any) -> dict[str, Any]:
    """Return a run of the whole flow with these inputs."""
    return {"mode": "flow", "inputs": inputs}


def node_run(node: str, inputs: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a run of one node; inputs are named as ``pf flow test --node`` does."""
    return {"mode": "node", "node": node, "inputs": inputs or {}}


def one(
    id: str,
    rules: str,
    source: str,
    *runs: dict[str, Any],
    inputs: str = "",
    x: str | None = None,
    declare: str = "",
    reference: str = "${n.output}",
    **more: Any,
) -> Case:
    """Register a case of one python node ``n`` and one output ``out``.

    ``inputs`` is the node's inputs as YAML flow text, ``declare`` the flow's inputs.
    """
    if x is not None:
        inputs = f"x: {x}"
    flow = (
        f"inputs: {{{declare}}}\n"
        f"outputs:\n  out: {{type: string, reference: '{reference}'}}\n"
        "nodes:\n- name: n\n  type: python\n"
        "  source: {type: code, path: a.py}\n"
        f"  inputs: {{{inputs}}}\n"
    )
    return case(id, rules, flow, *runs, a=source, **more)


def nodes(text: str, outputs: str = "", inputs: str = "", more: str = "") -> str:
    """Write a flow file from a compact form.

    Each line of ``text`` is ``NAME FILE {inputs} KEY: VALUE; …``: a .py file makes a
    python node, .jinja2 a prompt node. ``outputs`` is ``name=reference`` separated by
    blanks, ``inputs`` YAML flow text of the declared inputs, ``more`` is appended.
    """
    lines = [f"inputs: {{{inputs}}}", "outputs:" if outputs else "outputs: {}"]
    for item in outputs.split():
        name, _, reference = item.partition("=")
        lines.append(f"  {name}: {{type: string, reference: '${{{reference}}}'}}")
    lines.append("nodes:")
    for line in text.strip().splitlines():
        head, _, rest = line.strip().partition("{")
        given_inputs, _, keys = rest.rpartition("}") if rest else ("", "", "")
        if rest and ";" in rest:
            given_inputs, _, keys = rest.partition("};")
        name, source = head.split()
        kind = "python" if source.endswith(".py") else "prompt"
        lines += [
            f"- name: {name}",
            f"  type: {kind}",
            f"  source: {{type: code, path: {source}}}",
            f"  inputs: {{{given_inputs}}}",
        ]
        lines += [f"  {key.strip()}" for key in keys.split(";") if key.strip()]
    return "\n".join(lines) + "\n" + more


def load_cases() -> dict[str, Case]:
    """Import every module of cases and return all cases by id."""
    for file in sorted((Path(__file__).parent / "cases").glob("[a-z]*.py")):
        importlib.import_module(f"{__package__}.cases.{file.stem}")
    return REGISTRY
