"""A batch or an evaluation that is put together: what is read, typed and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError, UsageError
from .batch_clone import Choices
from .batch_plan import SAME, Wiring
from .panel import Panel

if TYPE_CHECKING:
    from ..workspace.api import (
        BatchRun,
        BatchSources,
        FlowInfo,
        LineResult,
        Workspace,
    )

ROWS, MAPPING, WHERE, EVALUATION, REVIEW = (
    *("Rows", "Mapping", "Runtime and limits"),
    *("Evaluation", "Review"),
)
RUN = "Run"
BATCH_STEPS = (ROWS, MAPPING, WHERE, EVALUATION, REVIEW)
JUDGE_STEPS = (RUN, EVALUATION, WHERE, REVIEW)
FILES = ("*.jsonl", "*.csv", "*.tsv", "*.parquet", "*.json")
SHOWN_LINES = 5
_FILES_SHOWN = 40


class BatchWork(Panel):
    """Everything about the wizard but how it looks, and starting.

    Parameters
    ----------
    workspace
        Where it is to run.
    flow
        The flow to begin with.
    data
        The rows: a path, or what else a batch takes.
    runtime
        Where; None means the one in use.
    run
        A batch that is to be judged, instead of a flow that is to be run.
    judging
        Whether a run is to be chosen and judged.
    like
        What an earlier batch was started with, to begin with.
    """

    def __init__(
        self,
        workspace: Workspace,
        flow: str | Path | None = None,
        data: Any = None,
        runtime: str | None = None,
        run: Any = None,
        *,
        judging: bool = False,
        like: Choices | None = None,
    ) -> None:
        self.judging = judging or run is not None
        self.given_data = None if isinstance(data, str | Path) else data
        path = str(data) if isinstance(data, str | Path) else ""
        source = str(getattr(run, "run_id", run) or "")
        self.asked: dict[str, Any] = {
            "flow": str(flow or ""),
            "data": path,
            "source": source,
            "at": runtime or "",
            "judge": SAME,
        }
        self.like = like
        if like is not None:
            self.asked |= like.typed
        self._restart()
        super().__init__(workspace)

    def _restart(self) -> None:
        self.typed: dict[str, Any] = dict(self.asked)
        self.step = 0
        self.wrong: dict[str, str] = {}
        self.flow_wiring: Wiring | None = None
        self.evaluations: dict[str, Wiring] = {}
        self.sources: BatchSources | None = None
        self.seen: Sequence[LineResult] = ()
        self.source: BatchRun | None = None
        self.flows: list[FlowInfo] | None = None
        self.files: Sequence[str] = ()
        self.batches: Sequence[dict[str, Any]] = ()
        self.runtimes: Sequence[dict[str, Any]] = ()
        self.environments: Sequence[str] = ()
        self.connections: Sequence[str] = ()
        self._read_flow = self._read_rows = ""
        self._waiting = False

    @property
    def steps(self) -> tuple[str, ...]:
        """Return the names of the steps."""
        return JUDGE_STEPS if self.judging else BATCH_STEPS

    @property
    def here(self) -> str:
        """Return the step that is open."""
        return self.steps[self.step]

    def begin(self) -> None:
        """Ask for all that there is to choose from."""
        self.work("known", self._ask, self._know)
        named = any(self.typed[name] for name in ("flow", "data", "source"))
        if named or self.given_data is not None:
            self._read()

    def _ask(self) -> dict[str, Any]:
        workspace = self.workspace
        current = workspace.runtimes.current()
        return {
            "flows": workspace.flows.list(),
            "batches": [r for r in workspace.runs.list(limit=200) if _is_done(r)],
            "runtimes": [r.to_dict() for r in workspace.runtimes.list()],
            "current": current.name if current else "",
            "environments": workspace.environments.names(),
            "connections": workspace.connections.names(),
            "files": _data_files(),
        }

    def _know(self, found: dict[str, Any]) -> None:
        current = found.pop("current")
        for name, value in found.items():
            setattr(self, name, value)
        if not self.typed["at"] and not self.judging:
            self.typed["at"] = current
        if self.judging and not self.typed["source"] and self.batches:
            self.typed["source"] = str(self.batches[0]["run_id"])
            self._read()

    # ---- flow and rows

    def do_look(self, **values: Any) -> None:
        """Read the flow and the rows that are named now."""
        self._keep(values)
        self._read()

    def _read(self) -> None:
        """Read what is named and was not read."""
        typed = self.typed
        if not self.judging and typed["flow"] != self._read_flow:
            self._read_flow, self.flow_wiring = typed["flow"], None
            self.wrong.pop("flow", None)
            flow = typed["flow"]
            if flow:
                self.work(
                    "flow",
                    lambda: self.workspace.flows.show(flow),
                    lambda info: self._know_flow(flow, info),
                    failed=lambda error: self._no_flow(flow, error),
                )
        rows = f"{typed['data']}\n{typed.get('source') or ''}"
        if rows != self._read_rows:
            self._read_rows, self.sources, self.seen = rows, None, ()
            for name in ("data", "source"):
                self.wrong.pop(name, None)
            if rows.strip() or self.given_data is not None:
                data, run = self._rows()
                self.work(
                    "rows",
                    lambda: self._look(data, run),
                    lambda found: self._know_rows(rows, found),
                    failed=lambda error: self._no_rows(rows, error),
                )

    def _rows(self) -> tuple[Any, str | None]:
        data = self.given_data
        if data is None:
            data = self.typed["data"].strip() or None
        return data, self.typed.get("source") or None

    def _look(
        self, data: Any, run: str | None
    ) -> tuple[BatchSources, BatchRun | None, list[LineResult]]:
        sources = self.workspace.batch_sources(data, source_run=run)
        if run is None:
            return sources, None, []
        source = self.workspace.runs.batch(run)
        lines = list(islice(source.lines(status="Completed"), SHOWN_LINES))
        return sources, source, lines

    def _know_flow(self, flow: str, info: FlowInfo) -> None:
        if flow == self._read_flow:
            self.flow_wiring = Wiring(info)
            self.typed["variant"] = ""
            if self.like is not None and flow == self.asked["flow"]:
                self.typed["variant"] = self.asked["variant"]
                self.like.fill(self.flow_wiring)
            self._wire()

    def _no_flow(self, flow: str, error: PfError) -> bool:
        self._waiting = False
        if flow != self._read_flow:
            return True
        self.wrong["flow"] = f"{error.message}. {error.hint}".strip(". ")
        return error.code != "flow_invalid"

    def _know_rows(
        self, rows: str, found: tuple[BatchSources, BatchRun | None, list[LineResult]]
    ) -> None:
        if rows == self._read_rows:
            self.sources, self.source, self.seen = found
            if self.judging and not self.typed["at"] and self.source is not None:
                self.typed["at"] = self.source.runtime
            self._wire()

    def _no_rows(self, rows: str, error: PfError) -> bool:
        self._waiting = False
        if rows == self._read_rows:
            named = "data" if self.typed["data"] else "source"
            self.wrong[named] = f"{error.message}. {error.hint}".strip(". ")
        return True

    # ---- mappings

    def _wire(self) -> None:
        """Suggest mappings for all flows once everything is read, and check them."""
        if self.sources is None or not (self.judging or self.flow_wiring):
            return
        for key, wiring in self.wirings():
            wiring.take(self._sources_for(key).suggest(wiring.info))
        self._check()
        if self._waiting:
            self._waiting = False
            self._advance()

    def wirings(self) -> list[tuple[str, Wiring]]:
        """Return each flow with the key that its fields are named by."""
        own = [("flow", self.flow_wiring)] if self.flow_wiring is not None else []
        return [*own, *self.evaluations.items()]

    def _sources_for(self, key: str) -> BatchSources:
        assert self.sources is not None
        if key == "flow" or self.judging or self.flow_wiring is None:
            return self.sources
        return self.sources.judged(self.flow_wiring.info)

    def columns_for(self, key: str) -> Mapping[str, Sequence[str]]:
        """Return what a flow's inputs can be mapped from."""
        return self._sources_for(key).columns if self.sources is not None else {}

    def do_map(self, **values: Any) -> None:
        """Take what was written into the fields of mappings."""
        self._keep(values)
        self._check()

    def _check(self) -> None:
        """Name whatever a mapping refers to that is not there, all of it at once."""
        if self.sources is None:
            return
        for key, wiring in self.wirings():
            wiring.wrong = {}
            try:
                mapping = wiring.mapping()
            except UsageError as error:
                wiring.wrong[str(error.details.get("input") or "")] = error.message
                continue
            fit = self._sources_for(key).fit(wiring.info, mapping)
            wiring.warnings = fit.warnings
            for problem in fit.problems:
                words = [str(problem["message"]), str(problem["hint"])]
                name = str(problem["input"])
                if name in wiring.missing:
                    words = ["it has no default: choose a column, or write a value"]
                wiring.wrong.setdefault(name, "; ".join(filter(None, words)))

    def _advance(self) -> None:
        raise NotImplementedError

    def _keep(self, values: Mapping[str, Any]) -> None:
        known = dict(self.wirings())
        for name, value in values.items():
            kind, _, rest = name.partition(":")
            key, _, last = rest.rpartition(":")
            if kind == "map" and key in known:
                known[key].write(last, str(value))
            elif kind == "connection" and rest in known:
                known[rest].connection = str(value)
            elif rest:
                continue  # of a flow that was taken away in the meantime
            else:
                self.typed[name] = value


def _is_done(record: Mapping[str, Any]) -> bool:
    return bool(record.get("lines")) and record.get("status") == "Completed"


def _data_files() -> list[str]:
    """Return files of rows here and one folder below, for a field to offer."""
    here = Path()
    found = [
        path.as_posix()
        for pattern in FILES
        for folder in ("", "*/")
        for path in islice(here.glob(folder + pattern), _FILES_SHOWN)
        if not path.name.startswith(".")
    ]
    return sorted(found)[:_FILES_SHOWN]
