"""How a batch run looks, wherever it is read from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import RunCanceled, RunFailed
from .api import BatchRun
from .frames import details_frame, outputs_frame


class ShownBatch(BatchRun):
    """A batch run whose attributes are known: its tables, its words, its page."""

    aggregation_error: dict[str, Any] | None

    @property
    def outputs(self) -> Any:
        """The outputs of completed lines as a DataFrame, by line number."""
        return outputs_frame(self.lines(status="Completed"))

    @property
    def details(self) -> Any:
        """A DataFrame of all lines; see `BatchRun.details`."""
        return details_frame(self.lines())

    def to_dict(self) -> dict[str, Any]:
        """Return the form that interface.md fixes for ``run create --json``."""
        error = self.error
        return {
            "status": self.status,
            "run_id": self.run_id,
            "lines": dict(self.counts),
            "outputs_path": str(self.outputs_path),
            "metrics": self.metrics,
            "duration_ms": self.duration_ms,
            "error": error
            and {key: error.get(key) for key in ("code", "message", "hint", "node")},
            "flow": self.flow,
            "runtime": self.runtime,
            "source_run": self.source_run,
            "name": self.name,
            **({"description": self.description} if self.description else {}),
            "tags": dict(self.tags),
            "created_at": self.created_at,
            "failures": [dict(kind) for kind in self.failures],
            "nodes": {name: dict(node) for name, node in self.nodes.items()},
            "tokens": dict(self.tokens),
            **({"cost": dict(self.cost)} if self.cost else {}),
            "aggregation_error": self.aggregation_error,
            "system_metrics": dict(self.system_metrics),
            "changed": list(self.changed),
            **({"runtimes": list(self.runtimes)} if self.runtimes else {}),
            **({"cluster": dict(self.cluster)} if self.cluster else {}),
        }

    def raise_for_status(self) -> BatchRun:
        """Return self when Completed; see `BatchRun.raise_for_status`."""
        if self.status == "Completed":
            return self
        error: Mapping[str, Any] = self.error or {}
        kind = RunCanceled if self.status == "Canceled" else RunFailed
        raise kind(
            error.get("message") or f"run {self.run_id} is {self.status}",
            node=error.get("node"),
            result=self,
            code=error.get("code") or kind.code,
            hint=error.get("hint") or "",
        )

    def __repr__(self) -> str:
        counts = self.counts
        parts = [f"{counts['completed']} of {counts['total']} lines completed"]
        if counts["failed"]:
            parts.append(f"{counts['failed']} failed")
        if counts["reused"]:
            parts.append(f"{counts['reused']} reused")
        parts += [f"{name} = {value}" for name, value in list(self.metrics.items())[:3]]
        if self.error:
            parts.append(f"{self.error.get('code')}: {self.error.get('message')}")
        return f"<Batch {self.run_id}: {self.status}, {', '.join(parts)}>"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from .batch_page import batch_html

        return {"text/plain": repr(self), "text/html": batch_html(self)}
