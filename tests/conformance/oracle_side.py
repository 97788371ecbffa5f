"""Answers jobs with the published promptflow package; runs in ITS interpreter.

Standard library, promptflow and our neighbour `forking` only. See there for what jobs
and answers look like.
"""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path

from forking import announce, plain, serve, strip_times


def error_codes(error):
    """Return the chain of codes of a recorded error dictionary."""
    codes = []
    while error and error.get("code"):
        codes.append(error["code"])
        error = error.get("innerError")
    return codes


def describe_error(error):
    if not error:
        return None
    tool = [
        (info.get("info") or {}).get("type")
        for info in error.get("additionalInfo") or []
        if isinstance(info.get("info"), dict)
    ]
    codes = error_codes(error)
    return {
        "raised": False,
        "class": codes[-1] if codes else "",
        "codes": codes,
        "message": error.get("message", ""),
        "user_type": tool[0] if tool else None,
    }


def describe_exception(error):
    from promptflow.exceptions import PromptflowException

    inner = getattr(error, "inner_exception", None)
    known = isinstance(error, PromptflowException)
    return {
        "raised": True,
        "class": type(error).__name__,
        "inner": type(inner).__name__ if inner is not None else None,
        "codes": list(error.error_codes) if known else [type(error).__name__],
        "message": str(error),
        "trace": traceback.format_exc()[-3000:],
    }


def failed(error):
    return {
        "status": "Failed",
        "outputs": None,
        "nodes": {},
        "metrics": {},
        "error": describe_exception(error),
    }


def describe_node(info):
    return {
        "status": info.status.value,
        "inputs": plain(info.inputs),
        "output": plain(info.output),
        "error": describe_error(info.error),
        "stdout": strip_times((info.logs or {}).get("stdout", "")),
    }


def describe_line(result):
    output = result.output
    if isinstance(output, dict):
        output = {k: drain(v) for k, v in output.items()}
    else:
        output = drain(output)
    return {
        "status": result.run_info.status.value,
        "outputs": plain(output),
        "nodes": {n: describe_node(i) for n, i in result.node_run_infos.items()},
        "metrics": plain(result.run_info.metrics or {}),
        "inputs": plain(result.run_info.inputs),
        "error": describe_error(result.run_info.error),
    }


def drain(value):
    """Join an output that is still a generator, as whoever shows it would do."""
    if hasattr(value, "__next__"):
        return "".join(str(chunk) for chunk in value)
    return value


def describe_single_node(info):
    return {
        "status": info.status.value,
        "outputs": plain(drain(info.output)),
        "nodes": {info.node: describe_node(info)},
        "metrics": plain(info.metrics or {}),
        "error": describe_error(info.error),
    }


def overridden(flow, run):
    """Test a loaded flow whose context names other connections, nodes or values."""
    from promptflow._sdk._load_functions import load_flow
    from promptflow._sdk._orchestrator.test_submitter import TestSubmitter

    flow = load_flow(flow)
    flow.context.variant = run.get("variant")
    flow.context.connections = run.get("connections") or {}
    flow.context.overrides = run.get("overrides") or {}
    submitter = TestSubmitter(flow=flow, flow_context=flow.context)
    with submitter.init(stream_log=False, stream_output=False) as ready:
        inputs, _ = ready.resolve_data(inputs=run.get("inputs"))
        return describe_line(ready.flow_test(inputs=inputs))


def node_override(flow, run):
    """Run a line by an executor that was made with overrides of node inputs."""
    from promptflow._sdk._pf_client import PFClient
    from promptflow.executor import FlowExecutor

    connections = {
        connection.name: PFClient()
        .connections.get(connection.name, with_secrets=True)
        ._to_execution_connection_dict()
        for connection in PFClient().connections.list()
    }
    folder = Path(flow)
    executor = FlowExecutor.create(
        Path("flow.dag.yaml"),
        connections,
        working_dir=folder,
        raise_ex=False,
        node_override=run["node_override"],
    )
    return describe_line(executor.exec_line(run.get("inputs") or {}))


def test(flow, run):
    """Do what ``pf flow test`` does, keeping the whole result."""
    if run.get("node_override"):
        return node_override(flow, run)
    if run.get("connections") or run.get("overrides"):
        return overridden(flow, run)
    from promptflow._sdk._constants import PROMPT_FLOW_DIR_NAME
    from promptflow._sdk._pf_client import PFClient
    from promptflow._sdk._utilities.general_utils import (
        generate_yaml_entry_without_delete,
    )
    from promptflow._utils.flow_utils import is_prompty_flow

    options = {"stream_log": False}
    flow = generate_yaml_entry_without_delete(entry=flow)
    if is_prompty_flow(flow):
        path = Path(flow)
        options["output_path"] = (
            path.parent.resolve() / PROMPT_FLOW_DIR_NAME / path.stem
        )
    # flow test of the CLI streams; its printing joins the chunks, as `drain` does
    result = PFClient().flows._test(
        flow=flow,
        inputs=run.get("inputs"),
        variant=run.get("variant"),
        node=run.get("node"),
        environment_variables=run.get("environment_variables") or {},
        init=run.get("init"),
        stream_output=False,
        allow_generator_output=False,
        **options,
    )
    if run.get("node") and not hasattr(result, "run_info"):
        return describe_single_node(result)
    return describe_line(result)


def batch(flow, run):
    """Do what ``pf run create`` does, then read the run's folder back."""
    from promptflow._sdk._pf_client import PFClient

    client = PFClient()
    base = Path(flow)
    base = base if base.is_dir() else base.parent
    previous = None
    if run.get("previous"):
        previous = client.run(
            flow=str(base),
            data=str(base / run["previous"]["data"]),
            column_mapping=run["previous"].get("column_mapping"),
        )
    record = client.run(
        flow=flow,
        data=str(base / run["data"]) if run.get("data") else None,
        run=previous,
        column_mapping=run.get("column_mapping"),
        variant=run.get("variant"),
        environment_variables=run.get("environment_variables"),
        init=run.get("init"),
    )
    folder = Path(record._output_path)
    rows = folder / "flow_outputs" / "output.jsonl"
    outputs = (
        [json.loads(x) for x in rows.read_text().splitlines()] if rows.exists() else []
    )
    nodes = {}
    for file in sorted((folder / "node_artifacts").rglob("*.jsonl")):
        for line in file.read_text().splitlines():
            item = json.loads(line)
            info = item["run_info"]
            nodes[f"{item['NodeName']}.{item['line_number']}"] = {
                "status": info["status"],
                "inputs": plain(info.get("inputs")),
                "output": plain(info.get("output")),
                "error": describe_error(info.get("error")),
                "stdout": strip_times((info.get("logs") or {}).get("stdout", "")),
            }
    lines = {}
    for file in sorted((folder / "flow_artifacts").glob("*.jsonl")):
        for line in file.read_text().splitlines():
            item = json.loads(line)
            lines[str(item["line_number"])] = {
                "status": item["run_info"]["status"],
                "inputs": plain(item["run_info"].get("inputs")),
                "error": describe_error(item["run_info"].get("error")),
            }
    metrics, errors = folder / "metrics.json", folder / "error.json"
    told = json.loads(errors.read_text()) if errors.exists() else {}
    whole = told if told.get("code") else None
    return {
        "status": record.status,
        "outputs": plain(outputs),
        "nodes": nodes,
        "lines": lines,
        "metrics": plain(json.loads(metrics.read_text())) if metrics.exists() else {},
        "error": describe_error(whole) if record.status != "Completed" else None,
    }


def mapping(flow, run):
    """Apply a column mapping to rows without running anything."""
    from promptflow.batch._batch_inputs_processor import BatchInputsProcessor

    processor = BatchInputsProcessor(Path(flow), {})
    rows = processor._apply_inputs_mapping_for_all_lines(
        run["sources"], run["column_mapping"]
    )
    return {
        "status": "Completed",
        "outputs": plain(rows),
        "nodes": {},
        "metrics": {},
        "error": None,
    }


MODES = {"flow": test, "node": test, "batch": batch, "mapping": mapping}


class MemoryKeyring:
    """A keyring for machines that have none; the store itself stays the real one."""

    def __new__(cls):
        from keyring.backend import KeyringBackend

        class Memory(KeyringBackend):
            priority = 9

            def __init__(self):
                super().__init__()
                self.secrets = {}

            def get_password(self, service, username):
                return self.secrets.get((service, username))

            def set_password(self, service, username, password):
                self.secrets[service, username] = password

            def delete_password(self, service, username):
                self.secrets.pop((service, username), None)

        return Memory()


def renew_store(scratch):
    """Begin with an empty store; make the file locks anew, they refuse after a fork."""
    from filelock import FileLock
    from promptflow._sdk._orm import session
    from promptflow._sdk._utilities import general_utils

    for file in (scratch / "home").glob("*.sqlite*"):
        file.unlink()
    for module in (session, general_utils):
        for name, value in list(vars(module).items()):
            if isinstance(value, FileLock):
                setattr(module, name, FileLock(value.lock_file))


def create_connections(folder, connections):
    from promptflow._sdk._load_functions import load_connection
    from promptflow._sdk._pf_client import PFClient

    for name, fields in (connections or {}).items():
        file = folder / f"{name}.connection.yaml"
        file.write_text(json.dumps({"name": name, **fields}), encoding="utf-8")
        PFClient().connections.create_or_update(load_connection(str(file)))
        file.unlink()


def answer(job, run, folder):
    """Run once; every exception is an answer, SystemExit included."""
    renew_store(folder.parent)
    announce(folder)
    try:
        create_connections(folder.parent, job.get("connections"))
        return MODES[run.get("mode", "flow")](str(folder / job["flow"]), run)
    except BaseException as error:
        return failed(error)


def silence_telemetry():
    """Keep the package from calling home; it tries even when told not to."""
    import logging

    from promptflow._sdk._telemetry import logging_handler

    handler = logging.NullHandler()
    handler._is_telemetry_enabled = False
    logging_handler.get_appinsights_log_handler = lambda: handler


def warm_up(scratch):
    """Import what every run needs, once, before anything is forked."""
    os.environ["PF_HOME_DIRECTORY"] = str(scratch / "home")
    os.environ["APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED"] = "true"
    (scratch / "home").mkdir()
    (scratch / "home" / "pf.yaml").write_text("telemetry:\n  enabled: false\n")
    import keyring

    keyring.set_keyring(MemoryKeyring())
    import promptflow._sdk._orchestrator.test_submitter
    import promptflow._sdk._pf_client
    import promptflow._sdk.operations._flow_operations
    import promptflow.batch
    import promptflow.executor.flow_executor

    silence_telemetry()
    try:
        import promptflow.tools  # noqa: F401
    except ImportError:
        pass


if __name__ == "__main__":
    serve(answer, warm_up)
