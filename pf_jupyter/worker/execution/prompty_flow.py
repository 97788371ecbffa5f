"""A prompty file run as a flow (flow-format sections 3.2 and 9 item 15)."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any, Dict, List, Mapping, Optional

from pf_jupyter.errors import PfError
from pf_jupyter.flow.model import Flow
from pf_jupyter.flow.values import parse_value
from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.flex_calling import call_entry
from pf_jupyter.worker.execution.llm.clients import warm_up
from pf_jupyter.worker.execution.prompty import PromptyFile
from pf_jupyter.worker.execution.reporting import Reporter


@dataclass
class PromptyEntry:
    """A prompty that is run as a flow; ``failures`` says what is wrong with it."""

    flow: Flow
    folder: str
    prompty: Optional[PromptyFile] = None
    failures: List[PfError] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What the prompty is called."""
        return self.flow.name

    @property
    def path(self) -> str:
        """The file."""
        return os.path.join(self.folder, self.flow.file)

    def tool(self) -> Dict[str, Any]:
        """Return the prompty as TOOL of the protocol."""
        inputs: Dict[str, Any] = {}
        for name, item in self.flow.inputs.items():
            required = item.default is None
            inputs[name] = {"type": [item.type], "required": required}
            if not required:
                inputs[name]["default"] = item.default
        return {
            "name": self.name,
            "type": "prompty",
            "inputs": inputs,
            "output": "string",
            "is_async": False,
            "is_generator": False,
            "file": self.flow.file,
            "line": 1,
            "duration_ms": 0.0,
        }


def prepare_prompty(flow: Flow, folder: str) -> PromptyEntry:
    """Load a prompty and all that it needs; never raises for what is wrong with it."""
    entry = PromptyEntry(flow, folder)
    try:
        warm_up(folder)
        entry.prompty = PromptyFile(entry.path)
        entry.prompty.compiled()
    except PfError as failure:
        entry.failures.append(failure)
    return entry


def run_prompty(
    entry: PromptyEntry,
    given: Mapping[str, Any],
    overrides: Mapping[str, Any],
    reporter: Reporter,
    line_number: Optional[int] = None,
) -> Dict[str, Any]:
    """Run one line of a prompty and return its outputs as JSON data.

    Raises
    ------
    PfError
        InputNotFound and InputTypeError; ScriptExecutionError for all that happens in
        the call; FlowOutputUnserializable.
    """
    prompty = entry.prompty
    if prompty is None or overrides:
        prompty = PromptyFile(entry.path, overrides)
    arguments = _arguments(entry.flow, dict(given) or prompty.sample, line_number)
    used = prompty

    def call(**values: Any) -> Any:
        return used.ask(values)

    return call_entry(call, arguments, entry.name, reporter)


def _arguments(
    flow: Flow, values: Dict[str, Any], line_number: Optional[int]
) -> Dict[str, Any]:
    if "inputs" not in flow.declared:
        return values
    found: Dict[str, Any] = {}
    for name, item in flow.inputs.items():
        value = values.get(name, item.default)
        if name not in values and item.default is None:
            where = "" if line_number is None else f" in line {line_number} of the data"
            raise FlowFailure(
                "InputNotFound",
                f"the input '{name}' of the prompty has no value{where}",
                hint=f"give {name}=…",
                codes=[
                    "UserError",
                    "ValidationError",
                    "InvalidFlowRequest",
                    "InputNotFound",
                ],
            )
        found[name] = parse_value(item.type, value, name)
    return found
