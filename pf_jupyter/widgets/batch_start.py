"""A batch or an evaluation that was put together is run; what it is doing now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..commands.batches import BatchStates
from ..errors import PfError
from .batch_plan import SAME, number, scale, tags, variants_of
from .batch_steps import BatchSteps
from .batch_work import WHERE
from .journey import Journey
from .panel import Panel
from .run_page import RunPage

if TYPE_CHECKING:
    from ..workspace.api import BatchRun, RunEvent, Runtime

LINES_FOR_ESTIMATES = 20_000
Start = Callable[["Runtime", Callable[["RunEvent"], None]], "BatchRun"]


@dataclass
class Job:
    """One batch of what was started.

    Parameters
    ----------
    title
        What it is called in the list.
    start
        Runs it and waits for its end.
    judges
        Whether it judges what the one before gave.
    status
        ``NotStarted``, ``Running``, or how it ended.
    """

    title: str
    start: Start
    judges: bool = False
    status: str = "NotStarted"
    states: BatchStates = field(default_factory=BatchStates)
    error: PfError | None = None
    said: list[str] = field(default_factory=list)
    flow: str = ""


class BatchStart(BatchSteps):
    """Everything about what was started but how it looks."""

    jobs: list[Job] | None = None
    shown_run: RunPage | None = None
    stopped = False

    def do_start(self) -> None:
        """Begin: a runtime if one is to be made, the batches, the evaluations."""
        if self.working("start"):
            return
        self.trouble, self.stopped, self.made = None, False, list[str]()
        self.way, self.shown_run = Journey(self.changed), None
        self.jobs = self._planned()
        self.work("start", self._run_all, failed=self._not_run)

    def do_stop_all(self) -> None:
        """End what runs now, and begin nothing more; what is done is kept."""
        self.stopped = True
        running = [j for j in self.jobs or () if j.status == "Running"]
        for job in running:
            if job.states.run_id is not None:
                self._cancel(job.states.run_id)

    def do_again_from_here(self) -> None:
        """Go back to the review, to change something and start once more."""
        self.jobs, self.shown_run, self.step = None, None, len(self.steps) - 1
        self.work("known", self._ask, self._know)

    def do_open_job(self, run: str) -> None:
        """Open one of the runs."""
        self.visit("run", run=run)

    def inner(self) -> list[Panel]:
        """Return the panels that are shown by this one."""
        shown = [self.shown_run] if self.shown_run is not None else []
        return [*super().inner(), *shown]

    def seen_graphs(self) -> list[Any]:
        """Return the graphs that are seen now."""
        if self.guest is None and self.shown_run is not None:
            return self.shown_run.seen_graphs()
        return super().seen_graphs()

    def act(self, what: str, **values: Any) -> None:
        """Do what a button says: here, or in the run that is shown below."""
        shown = self.shown_run
        if self.guest is None and shown is not None and not hasattr(self, f"do_{what}"):
            shown.act(what, **values)
        else:
            super().act(what, **values)

    # ---- what is started

    def _planned(self) -> list[Job]:
        """Return the jobs, all that was typed read (UsageError)."""
        typed = self.typed
        shared: dict[str, Any] = {
            "workers": number(typed.get("workers"), whole=True),
            "line_timeout": number(typed.get("line_timeout")),
            "batch_timeout": number(typed.get("batch_timeout")),
            "name": str(typed.get("name") or "").strip() or None,
            "description": str(typed.get("description") or "").strip() or None,
            "tags": tags(typed.get("tags")),
        }
        data, source = self._rows()
        evaluations = self._evaluations(shared, data if self.judging else None)
        if self.judging:
            return evaluations
        wiring = self.flow_wiring
        assert wiring is not None
        jobs: list[Job] = []
        for variant in variants_of(str(typed.get("variant") or ""), wiring.info):
            options = {
                **shared,
                "mapping": wiring.mapping() or None,
                "source_run": source,
                "variant": variant,
                "connections": wiring.connections(),
            }
            title = wiring.info.name
            if variant is not None:
                title += f" · {variant[2:-1]}"
            start = _batch(wiring.info.path, data, options)
            jobs += [Job(title, start, flow=str(wiring.info.path)), *evaluations]
            evaluations = self._evaluations(shared, None)
        return jobs

    def _evaluations(self, shared: Mapping[str, Any], data: Any) -> list[Job]:
        typed, jobs = self.typed, list[Job]()
        rule: dict[str, Any] = {}
        if typed.get("settled"):
            rule = {
                "against": typed.get("against"),
                "stop_when_settled": True,
                "error": number(typed.get("error")) or 0.05,
                "smallest": number(typed.get("smallest")),
                "scale": scale(typed.get("scale")),
            }
        for path, wiring in self.evaluations.items():
            options = {
                **(shared if self.judging else {}),
                **rule,
                "mapping": wiring.mapping() or None,
                "connections": wiring.connections(),
            }
            start = self._judging(path, data, options)
            jobs.append(Job(wiring.info.name, start, judges=True, flow=path))
        return jobs

    def _judging(self, path: str, data: Any, options: Mapping[str, Any]) -> Start:
        def start(runtime: Runtime, listen: Callable[[Any], None]) -> BatchRun:
            source = self._judged
            assert source is not None
            return runtime.evaluate(source, path, data, on_event=listen, **options)

        return start

    # ---- in the thread

    _judged: str | None = None

    def _run_all(self) -> None:
        self._judged = self.typed["source"] if self.judging else None
        runtime = self._place("at")
        judge = runtime
        separate = not self.judging and self.typed.get("judge") != SAME
        if separate and self.evaluations and runtime is not None:
            judge = self._place("judge")
        for job in self.jobs or ():
            place = judge if job.judges else runtime
            if self.stopped or place is None or (job.judges and self._judged is None):
                self._end(job, "Canceled")
                continue
            self._run_one(job, place)

    def _place(self, name: str) -> Runtime | None:
        """Return where to run; what was made is taken away when nothing will be."""
        runtime, made = self.make_place(name, self.way)
        if self.stopped and made:
            runtime.delete()
            return None
        if made:
            self.made.append(runtime.name)
        return runtime

    def _run_one(self, job: Job, runtime: Runtime) -> None:
        with self.lock:
            job.status = "Running"
        self.changed()
        try:
            run = job.start(runtime, lambda event: self._take_event(job, event))
        except PfError as error:
            with self.lock:
                job.error = error
            self._end(job, "Canceled" if self.stopped else "Failed")
            if not job.judges:
                self._judged = None
            return
        few = run.counts.get("completed", 0) <= LINES_FOR_ESTIMATES
        estimates = run.estimates if few and run.status == "Completed" else {}
        said = [f"{name} {estimate}" for name, estimate in estimates.items()]
        if run.verdict is not None:
            said.insert(0, run.verdict.sentence("this run", "the other"))
        with self.lock:
            job.states.run_id, job.said = run.run_id, said
            now = job.states.now
            job.states.now = {**now, **run.counts, "failures": run.failures}
        if not job.judges:
            self._judged = run.run_id if run.status == "Completed" else None
        self._end(job, run.status)

    def _end(self, job: Job, status: str) -> None:
        with self.lock:
            job.status = status
            shown = self.shown_run
            if shown is not None and (job.judges or shown.id == job.states.run_id):
                shown.do_reload()
        self.changed()

    def _take_event(self, job: Job, event: RunEvent) -> None:
        with self.lock:
            known = job.states.run_id
            shows = job.states.apply(event)
            run = job.states.run_id
            if run is not None and known is None and self.stopped:
                self._cancel(run)
            begun = run is not None and event["event"] == "batch_started"
            if begun and (self.shown_run is None or not job.judges):
                shown = self.hosted("run", run=run)
                assert isinstance(shown, RunPage)
                self.shown_run = shown
            elif self.shown_run is not None and self.shown_run.id == run:
                self.shown_run.take_progress(event)
        if shows:
            self.changed()
        else:
            self.stirred()

    def _cancel(self, run: str) -> None:
        self.work(
            "cancel", lambda: self.workspace.runs.cancel(run), failed=lambda _: True
        )

    def _not_run(self, error: PfError) -> bool:
        """Show what was wrong where it can be changed."""
        del error
        if not any(job.states.run_id for job in self.jobs or ()):
            self.jobs, self.step = None, self.steps.index(WHERE)
            self.work("known", self._ask, self._know)
        return self.stopped


def _batch(path: Any, data: Any, options: Mapping[str, Any]) -> Start:
    def start(runtime: Runtime, listen: Callable[[Any], None]) -> BatchRun:
        return runtime.batch(path, data, on_event=listen, **options)

    return start
