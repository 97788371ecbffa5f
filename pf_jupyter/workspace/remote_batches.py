"""Batches and evaluations in a runtime that a server holds, and the records of them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import AlreadyExists, NotFound, UsageError
from .api import BatchRun, KeepsBatches, OnBatchEvent, RunComparison, RunsBatches
from .parcels import unpack as unpack_folder
from .remote_batch_run import RemoteBatchRun, followed
from .remote_files import SentFile, fetch, sent_data
from .remote_flows import SentFlow
from .remote_judging import comparison_from_json
from .remote_operations import Sent, Work
from .remote_wire import pack
from .remote_wire import unpack as unpacked
from .several_api import names_of

if TYPE_CHECKING:
    from .remote import RemoteWorkspace
    from .remote_client import Client

_INLINE_BYTES = 4_000_000
_INLINE_ROWS = 10_000


class RemoteBatches(RunsBatches):
    """The part of a server's runtime that runs batches."""

    name: str
    _client: Client
    _workspace: RemoteWorkspace

    def batch(
        self,
        flow: str | Path | None = None,
        data: Any = None,
        *,
        source_run: str | BatchRun | None = None,
        raise_on_failure: bool = False,
        on_event: OnBatchEvent | None = None,
        **options: Any,
    ) -> BatchRun:
        """Run a flow over rows and wait for the end; see `RunsBatches.batch`."""
        if flow is None and options.get("resume_from") is None:
            raise UsageError(
                "no flow is named", code="missing_argument", hint="give its path"
            )
        more = {"source_run": _id(source_run)}
        path = None if flow is None else self._workspace.flows.resolve(flow)
        run = self._work("batches.create", path, data, options, more, on_event)
        if raise_on_failure:
            run.raise_for_status()
        return run

    def evaluate(
        self,
        run: str | BatchRun,
        flow: str | Path,
        data: Any = None,
        *,
        against: str | BatchRun | None = None,
        stop_when_settled: bool = False,
        error: float = 0.05,
        smallest: float | None = None,
        scale: tuple[float, float] | None = None,
        on_event: OnBatchEvent | None = None,
        raise_on_failure: bool = False,
        **options: Any,
    ) -> BatchRun:
        """Run a flow over the outputs of a run; see `EvaluatesRuns.evaluate`."""
        more = {
            "run": _id(run),
            "against": _id(against),
            "stop_when_settled": stop_when_settled,
            "error": error,
            "smallest": smallest,
            "scale": scale and list(scale),
        }
        path = self._workspace.flows.resolve(flow)
        judged = self._work("evaluations.create", path, data, options, more, on_event)
        if raise_on_failure:
            judged.raise_for_status()
        return judged

    def _work(
        self,
        route: str,
        flow: Path | None,
        data: Any,
        options: Mapping[str, Any],
        more: Mapping[str, Any],
        on_event: OnBatchEvent | None,
    ) -> RemoteBatchRun:
        body = {"runtime": self.name, **_options(options), **more}
        with ExitStack() as held:
            files: dict[str, Sent] = {}
            if data is not None:
                rows, sent = self._data(flow, data, options, held)
                body["rows"] = rows
                if sent is not None:
                    files["data"] = sent
            work = Work(
                self._client,
                route,
                body={key: value for key, value in body.items() if value is not None},
                flow=None if flow is None else SentFlow(self._client, flow),
                files=files,
            )
            return followed(self._workspace, work, on_event)

    def _data(
        self,
        flow: Path | None,
        data: Any,
        options: Mapping[str, Any],
        held: ExitStack,
    ) -> tuple[list[Any] | None, Sent | None]:
        """Return rows that are few, or a file of them."""
        from ..runs.batch.data_memory import SUFFIX, rows_in, spool
        from ..runs.batch.pictures import rows_with_bytes

        pictured = rows_with_bytes(
            flow, data, options.get("mapping"), options.get("variant")
        )
        if pictured is None and isinstance(data, str | Path):
            return None, sent_data(self._client, Path(data))
        given = rows_in(data)[0] if pictured is None else pictured
        place = held.enter_context(tempfile.TemporaryDirectory(prefix="pf-rows-"))
        file = Path(place) / f"rows{SUFFIX}"
        count = spool(given, file)
        if count <= _INLINE_ROWS and file.stat().st_size <= _INLINE_BYTES:
            with file.open(encoding="utf-8", errors="surrogatepass") as stream:
                return [pack(json.loads(line)) for line in stream], None
        return None, SentFile(self._client, file, stays=False)


class RemoteBatchRecords(KeepsBatches):
    """The part of a server's runs that is about batches; `_workspace` is theirs."""

    _workspace: RemoteWorkspace

    def batch(self, run_id: str) -> BatchRun:
        """Return a batch run (NotFound, UsageError for a single run)."""
        document = self._shown(run_id)
        if document.get("mode") != "batch":
            raise UsageError(
                f"run {run_id} is a single run, not a batch",
                code="not_a_batch",
                hint=f"%pfrun show {run_id} shows what it gave",
            )
        return RemoteBatchRun(self._workspace, document)

    def is_batch(self, run_id: str) -> bool:
        """Return whether a run is a batch; False when it is not there."""
        try:
            return self._shown(run_id).get("mode") == "batch"
        except NotFound:
            return False

    def archive(self, run_id: str) -> None:
        """Take a run out of the lists (NotFound)."""
        self._client.call("runs.archive", {"run_id": run_id})

    def restore(self, run_id: str) -> None:
        """Bring an archived run back (NotFound)."""
        self._client.call("runs.restore", {"run_id": run_id})

    def delete(self, run_id: str) -> None:
        """Remove a run, its record and its files (NotFound, IllegalState)."""
        self._client.call("runs.delete", {"run_id": run_id})

    def export(self, run_id: str, to: str | Path) -> Path:
        """Write a batch run into a folder as the public tool lays it out."""
        target = Path(to).expanduser().absolute()
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise AlreadyExists(
                f"{target} is there and not empty", hint="name a new folder"
            )
        made = Work(self._client, "runs.export", path={"run_id": run_id}).result()
        with tempfile.TemporaryDirectory(prefix="pf-export-") as place:
            whole = Path(place) / "whole.tar"
            fetch(self._client, made, whole)
            target.mkdir(parents=True, exist_ok=True)
            unpack_folder(whole, target)
        return target

    def compare(self, first: str | BatchRun, *others: str | BatchRun) -> RunComparison:
        """Lay batch runs side by side; see `ComparesRuns.compare`."""
        if not others:
            raise UsageError(
                "one run alone is not compared",
                code="missing_argument",
                hint="name two or more: %pfrun compare A B",
            )
        body = {"runs": [_id(run) for run in (first, *others)]}
        found = unpacked(self._client.call("comparisons.create", body=body))
        return comparison_from_json(found)

    def previous_evaluation(self, run: str | BatchRun) -> BatchRun | None:
        """Return the evaluation before; see `ComparesRuns.previous_evaluation`."""
        judged = self.batch(run) if isinstance(run, str) else run
        assert isinstance(judged, RemoteBatchRun)
        return judged.previous()

    def _shown(self, run_id: str) -> dict[str, Any]:
        return dict(self._client.call("runs.show", {"run_id": run_id}))

    @property
    def _client(self) -> Client:
        return self._workspace.client


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    from ..runs.batch.mapping import parse_mapping

    known = dict(options)
    mapping, earlier = known.pop("mapping", None), known.pop("resume_from", None)
    runtimes: Sequence[Any] | None = known.pop("runtimes", None)
    if not isinstance(known.get("on"), str | None):
        raise UsageError(
            "a cluster of this process cannot be used by the server",
            code="bad_cluster",
            hint="give its address, or work without the server: "
            "pf_jupyter.connect(server=False)",
        )
    names = names_of(runtimes)
    return {
        **{key: pack(_plain(value)) for key, value in known.items()},
        "resume_from": _id(earlier),
        "mapping": None if mapping is None else pack(parse_mapping(mapping)),
        "runtimes": None if names is None else list(names),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _id(run: str | BatchRun | None) -> str | None:
    return run if run is None or isinstance(run, str) else run.run_id
