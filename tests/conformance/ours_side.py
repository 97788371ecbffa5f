"""Answers the same jobs with pf_jupyter: reader, checks and execution.

Runs in our interpreter, one forked child per run, as the runtime does it too.
"""

from __future__ import annotations

import json
import shutil
import sys
import traceback
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from forking import announce, plain, serve, strip_times  # noqa: E402


def failed(codes: list[str], message: str, **more: Any) -> dict[str, Any]:
    return {
        "status": "Failed",
        "outputs": None,
        "nodes": {},
        "metrics": {},
        "error": {
            "class": codes[0] if codes else "",
            "codes": codes,
            "message": message,
            **more,
        },
    }


def describe_error(error: dict[str, Any] | None) -> dict[str, Any] | None:
    if not error:
        return None
    return {
        "class": error.get("code") or "",
        "codes": list(error.get("codes") or [error.get("code")]),
        "message": error.get("message", ""),
    }


def describe(result: dict[str, Any]) -> dict[str, Any]:
    """Bring the worker's RESULT into the form in which answers are compared."""
    nodes = {
        name: {
            "status": node["status"],
            "inputs": plain(node.get("inputs")),
            "output": plain(node.get("output")),
            "error": describe_error(node.get("error")),
            "stdout": strip_times((node.get("logs") or {}).get("stdout", "")),
        }
        for name, node in result["nodes"].items()
    }
    return {
        "status": result["status"],
        "outputs": plain(result["outputs"]),
        "nodes": nodes,
        "metrics": plain(result.get("metrics") or {}),
        "error": describe_error(result.get("error")),
    }


def answer(job: dict[str, Any], run: dict[str, Any], folder: Path) -> dict[str, Any]:
    announce(folder)
    try:
        if run["mode"] == "batch":
            return run_batch(job, run, folder)
        if run["mode"] == "mapping":
            return map_rows(run)
        return ask(job, run, folder)
    except BaseException as error:
        trace = traceback.format_exc()[-3000:]
        code = getattr(error, "code", None)
        codes = [code] if isinstance(code, str) else [type(error).__name__]
        problems = getattr(error, "problems", None)
        if problems:
            codes = [problem["code"] for problem in problems]
        expected = hasattr(error, "hint")
        return failed(codes, str(error), trace=trace, unexpected=not expected)


def ask(job: dict[str, Any], run: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Do what the workspace does, without a runtime in between."""
    from pf_jupyter.flow import snapshot
    from pf_jupyter.runs import connections, overrides
    from pf_jupyter.runs import inputs as given_inputs
    from pf_jupyter.worker.execution import run_flow

    loaded = snapshot.load(folder / job["flow"], variant=run.get("variant"))
    flow, files = loaded.require()
    flow = connections.overridden(flow, run.get("connections"))
    values = {**(run.get("overrides") or {}), **(run.get("node_override") or {})}
    flow = overrides.applied(flow, values, loaded)
    node = run.get("node")
    if node:
        given = given_inputs.for_node(flow, node, run.get("inputs") or {})
    else:
        given = given_inputs.for_flow(flow, run.get("inputs") or {})
    variables = given_inputs.environment(flow, run.get("environment_variables"))
    place = folder.parent / "snapshot"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for file in files.files:
        target = place / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read())
    request = {
        "op": "run",
        "id": "1",
        "run_id": "run",
        "snapshot": "s",
        "flow": flow.to_dict(),
        "inputs": given,
        "mode": "node" if node else "flow",
        "node": node,
        "dependency_outputs": {},
        "init": given_inputs.for_init(flow, run.get("init")),
        "connections": execution_form(job.get("connections") or {}),
        "connection_inputs": connections.inputs_of(flow, run.get("connections")),
        "environment_variables": variables,
        "line_number": None,
        "timeout": None,
        "concurrency": 16,
        "aggregation": True,
        "log_limit": 1 << 20,
    }
    result = describe(run_flow(request, str(place), lambda event: None))
    if not node and result["outputs"]:  # the host names them by full paths
        written = json.dumps(result["outputs"])
        written = written.replace('".promptflow/output/', '"<flow>/.promptflow/output/')
        result["outputs"] = json.loads(written)
    whole = flow.kind != "dag" and list(result["outputs"] or []) == ["output"]
    if whole or (node and result["outputs"] is not None):
        result["outputs"] = result["outputs"]["output"]
    return result


def run_batch(job: dict[str, Any], run: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run a batch in a runtime of its own and read its results back."""
    import os

    home = folder.parent / "home"
    shutil.rmtree(home, ignore_errors=True)
    # What a worker prints must not go where answers are read.
    os.environ["PF_WORKER_DIR"] = str(folder.parent / "worker")
    from pf_jupyter.workspace.local import LocalWorkspace

    workspace = LocalWorkspace(home)
    try:
        runtime = workspace.runtimes.create("conformance", compute="process")
        flow = folder / job["flow"]
        base = flow if flow.is_dir() else flow.parent
        source = None
        if run.get("previous"):
            earlier = run["previous"]
            source = runtime.batch(
                base,
                base / earlier["data"],
                mapping=earlier.get("column_mapping"),
            )
        found = runtime.batch(
            flow,
            base / run["data"] if run.get("data") else None,
            mapping=run.get("column_mapping"),
            variant=run.get("variant"),
            environment_variables=run.get("environment_variables"),
            init=run.get("init"),
            source_run=source,
        )
        answered = describe_batch(found)
        runtime.delete()
        return answered
    finally:
        workspace.close()


def describe_batch(found: Any) -> dict[str, Any]:
    """Bring a batch into the form in which answers are compared."""
    rows = found.outputs_path.read_text(encoding="utf-8").splitlines()
    nodes = {}
    for line in found.lines():
        for name, node in line.nodes.items():
            if node.status != "NotStarted":
                nodes[f"{name}.{line.line_number}"] = describe_node(node)
    for name, node in found.aggregation.items():
        if node.status != "NotStarted":
            nodes[f"{name}.None"] = describe_node(node)
    return {
        "status": found.status,
        "outputs": plain([json.loads(row) for row in rows]),
        "nodes": nodes,
        "metrics": plain(found.metrics),
        "error": describe_error(found.error),
    }


def describe_node(node: Any) -> dict[str, Any]:
    return {
        "status": node.status,
        "inputs": plain(node.inputs),
        "output": plain(node.output),
        "error": describe_error(node.error),
        "stdout": strip_times((node.logs or {}).get("stdout", "")),
    }


def map_rows(run: dict[str, Any]) -> dict[str, Any]:
    """Apply a column mapping to rows without running anything."""
    from pf_jupyter.runs.batch.data import open_rows
    from pf_jupyter.runs.batch.mapping import bind

    sources = {name: open_rows(rows) for name, rows in run["sources"].items()}
    # What refuses constants alone stands before what maps, there as here.
    column = next(iter(sources["data"].columns), None) if "data" in sources else None
    probe = {} if column is None else {"$": f"${{data.{column}}}"}
    plan = bind({**run["column_mapping"], **probe}, {}, sources)
    outputs = [{**made, "line_number": number} for number, made in plan.lines()]
    for row in outputs:
        row.pop("$", None)
    return {
        "status": "Completed",
        "outputs": plain(sorted(outputs, key=lambda row: row["line_number"])),
        "nodes": {},
        "metrics": {},
        "error": None,
    }


CLASSES = {
    "azure_open_ai": "AzureOpenAIConnection",
    "open_ai": "OpenAIConnection",
    "serverless": "ServerlessConnection",
    "cognitive_search": "CognitiveSearchConnection",
    "serp": "SerpConnection",
    "azure_content_safety": "AzureContentSafetyConnection",
    "form_recognizer": "FormRecognizerConnection",
    "azure_ai_services": "AzureAIServicesConnection",
    "custom": "CustomConnection",
}


def execution_form(connections: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return connections as the workspace sends them with a run (section 5)."""
    made = {}
    for name, fields in connections.items():
        fields = dict(fields)
        kind = fields.pop("type")
        fields.pop("$schema", None)
        secrets = [k for k in fields if k == "api_key"]
        value = fields
        if kind == "custom":
            secrets = list(fields.get("secrets") or {})
            value = {**(fields.get("configs") or {}), **(fields.get("secrets") or {})}
        made[name] = {
            "type": CLASSES[kind],
            "module": "promptflow.connections",
            "value": value,
            "secret_keys": secrets,
        }
    return made


def warm_up(scratch: Path) -> None:
    # where the runtime puts it, too: behind everything that is installed
    sys.path.append(str(HERE.parents[1] / "pf_jupyter" / "worker" / "compat"))
    import jinja2  # noqa: F401
    import openai  # noqa: F401
    import ruamel.yaml  # noqa: F401

    import pf_jupyter.flow.snapshot
    import pf_jupyter.runs.batch.mapping
    import pf_jupyter.runs.connections
    import pf_jupyter.runs.inputs
    import pf_jupyter.runs.overrides
    import pf_jupyter.worker.execution  # noqa: F401


if __name__ == "__main__":
    serve(answer, warm_up)
