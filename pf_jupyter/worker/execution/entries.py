"""Flows without nodes: what is loaded of them, and how a line of them runs."""

from __future__ import annotations

import sys
from typing import Any, Dict, Mapping, Optional

from pf_jupyter.flow.model import Flow
from pf_jupyter.worker.execution import flex, references
from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.reporting import Reporter


def prepare_entry(flow: Flow, folder: str) -> Any:
    """Load what a flow calls instead of nodes, or return None for a DAG.

    Never raises for what is wrong with the flow: that is in ``failures``.
    """
    references.remember_documents(flow.documents)
    if any(_asks_model(document) for document in flow.documents.values()):
        from pf_jupyter.worker.execution.llm.clients import warm_up

        try:
            warm_up(folder)
        except FlowFailure:  # told by whoever needs it
            pass
    if flow.kind == "flex":
        entry = flex.prepare_flex(flow, folder)
        if "promptflow.tools" in sys.modules:
            from pf_jupyter.worker.execution.packages import warm_models

            warm_models(folder)
        return entry
    if flow.kind == "prompty":
        from pf_jupyter.worker.execution import prompty_flow

        return prompty_flow.prepare_prompty(flow, folder)
    return None


def _asks_model(document: Any) -> bool:
    return isinstance(document, dict) and "model" in document


def run_entry(
    entry: Any,
    given: Mapping[str, Any],
    init: Mapping[str, Any],
    connections: Mapping[str, Any],
    reporter: Reporter,
    line_number: Optional[int] = None,
) -> Dict[str, Any]:
    """Run one line and return its outputs as JSON data.

    Parameters
    ----------
    entry
        From `prepare_entry`.
    given
        Inputs; none at all means those of the sample.
    init
        What the object of a class is made with; what is overridden of a prompty.
    connections
        Execution dictionaries by name.
    reporter
        Hears of chunks.
    line_number
        Line of a batch.

    Raises
    ------
    PfError
        The line failed.
    """
    if isinstance(entry, flex.Entry):
        return flex.run_flex(entry, given, init, connections, reporter, line_number)
    from pf_jupyter.worker.execution import prompty_flow

    return prompty_flow.run_prompty(entry, given, init, reporter, line_number)
