"""Prompty files: a YAML front matter, and a prompt below it.

Rules: flow-format sections 3.2 and 9 item 15.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pf_jupyter.flow.document import Document, Positions, read_document
from pf_jupyter.flow.fields import Fields, KeyPath, Report, describe, did_you_mean
from pf_jupyter.flow.front_matter import split_prompty
from pf_jupyter.flow.model import Flow, FlowInput, FlowOutput
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.values import VALUE_TYPES
from pf_jupyter.flow.yaml_errors import decode

APIS = ("chat", "completion")
CONFIGURATION_TYPES = ("azure_openai", "openai", "azure_open_ai", "open_ai")
_MODEL_KEYS = ("api", "configuration", "parameters", "response")
_NO_INLINE = ("type", "connection", "model", "azure_deployment")


@dataclass
class FrontMatter:
    """A prompty file read.

    ``text`` is its YAML as written, ``template`` the prompt; ``value`` is None when the
    YAML could not be made sense of.
    """

    text: str = ""
    template: str = ""
    value: Any = None
    positions: Positions = field(default_factory=Positions)
    problems: list[Problem] = field(default_factory=list)

    def flow(self, name: str, report: Report) -> Flow | None:
        """Build the flow, and report everything that is wrong with it."""
        if not isinstance(self.value, dict):
            return None
        return _build(self.value, name, report)


def read_prompty(data: bytes, file: str) -> FrontMatter:
    """Read a prompty file; never raises for what it holds.

    Parameters
    ----------
    data
        Contents of the file.
    file
        Its name, for problems.
    """
    text = decode(data, file)
    if isinstance(text, Problem):
        return FrontMatter(problems=[text])
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    parts = split_prompty(text)
    if parts is None:
        problem = Problem(
            "UserErrorException",
            "the file is no prompty: it must begin with a YAML part between two lines "
            "of dashes, and the prompt comes after them",
            file,
            1,
            1,
            "put '---', the settings, and '---' above the prompt",
        )
        return FrontMatter(template=text, problems=[problem])
    front, template, above = parts
    shifted = ("\n" * above + front).encode("utf-8", "surrogatepass")
    document: Document = read_document(shifted, file)
    found = FrontMatter(front, template, document.value, document.positions)
    found.problems = document.problems
    if not isinstance(document.value, dict) and not document.problems:
        found.problems.append(
            Problem(
                "not_a_mapping",
                f"the YAML part must be a mapping, {describe(document.value)} is not",
                file,
                above + 1,
                1,
                "begin with 'name:', 'model:' and 'inputs:'",
            )
        )
    return found


def _build(raw: dict[Any, Any], name: str, report: Report) -> Flow:
    fields = Fields(raw, (), "the prompty", report)
    _check_model(raw, report)
    inputs: dict[str, FlowInput] = {}
    if not _is_reference(raw.get("inputs")):
        for key, port in fields.mapping("inputs").items():
            built = _input(key, port, report)
            if built is not None:
                inputs[key] = built
    declared = ["inputs"] if inputs else []
    sample = raw.get("sample")
    if not inputs and isinstance(sample, dict):
        inputs = {str(k): FlowInput(str(k), _type_of(v)) for k, v in sample.items()}
    outputs = {"output": FlowOutput("output", "string")}
    listed = raw.get("outputs")
    if isinstance(listed, dict) and listed:
        outputs = {
            str(key): FlowOutput(
                str(key),
                str(port.get("type", "string")) if isinstance(port, dict) else "string",
            )
            for key, port in listed.items()
        }
    return Flow(
        name=fields.label("name") or name,
        kind="prompty",
        inputs=inputs,
        outputs=outputs,
        declared=declared,
        sample=sample,
        environment_variables=fields.mapping("environment_variables"),
        additional_includes=[
            item for item in fields.sequence("additional_includes") if item
        ],
    )


def _is_reference(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("${")


def _input(name: str, port: Any, report: Report) -> FlowInput | None:
    path: KeyPath = ("inputs", name)
    if not isinstance(port, dict):
        report.problem(
            "wrong_type",
            path,
            f"input '{name}' must be a mapping, {describe(port)} is not",
            f"write '{name}: {{type: string}}'",
        )
        return None
    kind = port.get("type")
    if kind is None:
        report.problem(
            "missing_type",
            path,
            f"input '{name}' has no type",
            "add 'type: string', or another of " + ", ".join(VALUE_TYPES),
            at_key=True,
        )
    elif kind not in VALUE_TYPES:
        report.problem(
            "unknown_type",
            (*path, "type"),
            f"input '{name}': there is no type {describe(kind)}",
            did_you_mean(kind, VALUE_TYPES, f"one of {', '.join(VALUE_TYPES)}"),
        )
    return FlowInput(
        name,
        kind if isinstance(kind, str) else "string",
        port.get("default"),
        str(port.get("description") or ""),
        is_chat_input=port.get("is_chat_input") is True,
        is_chat_history=port.get("is_chat_history"),
    )


def _check_model(raw: dict[Any, Any], report: Report) -> None:
    model = raw.get("model")
    if _is_reference(model):
        return
    if not isinstance(model, dict):
        report.problem(
            "missing_model",
            ("model",),
            "the prompty has no 'model'",
            "add 'model:' with 'api', 'configuration' and 'parameters'",
        )
        return
    for key in model:
        if key not in _MODEL_KEYS:
            report.problem(
                "unknown_key",
                ("model", key),
                f"'{key}' is no key of 'model'",
                did_you_mean(key, _MODEL_KEYS, f"it has {', '.join(_MODEL_KEYS)}"),
                at_key=True,
            )
    for key, example in (("configuration", "type: openai"), ("parameters", "")):
        value = model.get(key)
        if isinstance(value, dict) or _is_reference(value):
            continue
        written = f"'{key}: {{{example}}}'"
        if key in model:
            message = f"'{key}' must be a mapping, {describe(value)} is not"
        else:
            message = f"'model' has no '{key}'"
        report.problem(f"missing_{key}", ("model", key), message, f"add {written}")
    _check_configuration(model.get("configuration"), report)


def _check_configuration(configuration: Any, report: Report) -> None:
    if not isinstance(configuration, dict):
        return
    path: KeyPath = ("model", "configuration")
    kind = configuration.get("type")
    if (
        "connection" not in configuration
        and not _is_reference(kind)
        and kind not in CONFIGURATION_TYPES
    ):
        report.problem(
            "UnknownConnectionType",
            (*path, "type"),
            f"'configuration' cannot be of type {describe(kind)}",
            "write 'type: openai' or 'type: azure_openai'",
        )
    inline = [k for k, v in configuration.items() if k not in _NO_INLINE and v]
    if configuration.get("connection") and inline:
        report.problem(
            "InvalidConnectionError",
            (*path, "connection"),
            f"'configuration' names a connection and has {', '.join(map(str, inline))} "
            "of its own",
            "keep the connection, or the others",
        )


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    kinds = {int: "int", float: "double", str: "string", list: "list"}
    return kinds.get(type(value), "object")
