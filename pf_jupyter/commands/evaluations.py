"""Evaluations in every face: several at once, with what they say and how sure it is."""

from __future__ import annotations

import html
import queue
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError, RunCanceled
from .batches import BatchStates, batch_text, failure_of, outcome_of
from .results import Shown
from .tree import Outcome
from .wording import columns

if TYPE_CHECKING:
    from ..workspace.api import BatchRun, Runtime
    from .context import Context

_POLL_SECONDS = 0.1
_AT_ONCE = 4
_LINES_FOR_ESTIMATES = 100_000


class ManyStates(Shown):
    """Where several evaluations are.

    Parameters
    ----------
    names
        Of their flows.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.states = {name: BatchStates() for name in names}

    def text(self) -> str:
        """Return a line for each, and what is noted."""
        notes = [
            f"{name}: {note}"
            for name, states in self.states.items()
            for note in states.notes
        ]
        rows = [[name, states.headline] for name, states in self.states.items()]
        return "\n".join([*notes, *columns(rows)])


class Judgement(Shown):
    """What evaluations say, below their progress; index by flow or position.

    Parameters
    ----------
    runs
        The evaluations.
    texts
        What each has to say.
    """

    def __init__(self, runs: Sequence[BatchRun], texts: Sequence[str]) -> None:
        self.runs = list(runs)
        self._texts = list(texts)

    def __getitem__(self, key: int | str) -> BatchRun:
        if isinstance(key, int):
            return self.runs[key]
        return next(run for run in self.runs if run.flow == key)

    def __len__(self) -> int:
        return len(self.runs)

    def text(self) -> str:
        """Return what the shell prints."""
        return "\n\n".join(self._texts)

    def html(self) -> str:
        """Return the notebook form: what is said first is what counts."""
        parts = []
        for text in self._texts:
            first, *rest = text.splitlines()
            quiet = html.escape("\n".join(rest))
            parts.append(
                f"<div><b>{html.escape(first)}</b></div>"
                f'<pre style="opacity:.65;margin:0 0 6px">{quiet}</pre>'
            )
        return "".join(parts)


def evaluate_all(
    context: Context,
    runtime: Runtime,
    run: BatchRun,
    flows: Sequence[str | Path],
    mapping: Mapping[str, Any],
    options: Mapping[str, Any],
) -> Outcome:
    """Judge a run by one or several flows, at once, and show it happening.

    Raises
    ------
    RunCanceled
        The user stopped it.
    PfError
        The only evaluation cannot be run; of several the others go on.
    """
    names = [Path(flow).name for flow in flows]
    many = ManyStates(names)
    events: queue.SimpleQueue[tuple[str, Mapping[str, Any]]] = queue.SimpleQueue()
    done: list[Future[BatchRun]] = []
    with ThreadPoolExecutor(_AT_ONCE, "pf-evaluation") as pool:
        for name, flow in zip(names, flows, strict=True):
            wanted = mapping if len(flows) == 1 else _known(context, flow, mapping)
            done.append(
                pool.submit(
                    runtime.evaluate,
                    run,
                    flow,
                    mapping=wanted or None,
                    on_event=_putting(events, name),
                    **options,
                )
            )
        try:
            _follow(context, many, events, done)
        except KeyboardInterrupt:
            _cancel(context, many)
            raise RunCanceled("stopped by you; what was done is kept") from None
        finally:
            context.progress.live(None)
    if len(done) == 1:
        return judged(context, done[0].result())
    return _together(context, names, done)


def with_evaluations(
    context: Context, runtime: Runtime, outcome: Outcome, flows: Sequence[str]
) -> Outcome:
    """Judge a batch that has just ended, if that was asked for and it completed."""
    run: BatchRun = outcome.value
    if not flows or outcome.failure is not None:
        return outcome
    named = [context.flow(flow) for flow in flows]
    found = evaluate_all(context, runtime, run, named, {}, {})
    document = found.document
    several = document.get("evaluations", [document])
    text = f"{outcome.text}\n\n{found.text}"
    return Outcome(
        run,
        {**outcome.document, "evaluations": several},
        text,
        brief=found.brief or found.value,
        failure=found.failure,
    )


def judged(context: Context, run: BatchRun) -> Outcome:
    """Return a finished evaluation as what a verb gives back."""
    found = outcome_of(context, run)
    if found.failure is not None:
        return found
    text, document = _told(context, run)
    return Outcome(run, document, text, brief=Judgement([run], [text]))


def _putting(
    events: queue.SimpleQueue[tuple[str, Mapping[str, Any]]], name: str
) -> Callable[[Mapping[str, Any]], None]:
    """Return what puts an evaluation's events beside its name."""
    return lambda event: events.put((name, event))


def _follow(
    context: Context,
    many: ManyStates,
    events: queue.SimpleQueue[tuple[str, Mapping[str, Any]]],
    done: Sequence[Future[BatchRun]],
) -> None:
    alone = next(iter(many.states.values())) if len(many.states) == 1 else None
    while not (all(future.done() for future in done) and events.empty()):
        try:
            name, event = events.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            continue
        if many.states[name].apply(event):
            context.progress.live(alone or many)


def _cancel(context: Context, many: ManyStates) -> None:
    for states in many.states.values():
        if states.run_id is not None:
            try:
                context.workspace.runs.cancel(states.run_id)
            except PfError:
                continue  # it has ended by itself


def _together(
    context: Context, names: Sequence[str], done: Sequence[Future[BatchRun]]
) -> Outcome:
    runs, texts, documents = [], [], []
    failure: PfError | None = None
    for name, future in zip(names, done, strict=True):
        try:
            run = future.result()
        except PfError as error:
            failure = failure or error
            texts.append(f"{name}: {error.describe()}")
            documents.append({"flow": name, "error": error.to_dict()})
            continue
        failure = failure or failure_of(run)
        text, document = _told(context, run)
        runs.append(run)
        texts.append(text)
        documents.append(document)
    shown = Judgement(runs, texts)
    status = "Failed" if failure else "Completed"
    document = {"status": status, "evaluations": documents}
    return Outcome(shown, document, shown.text(), failure=failure)


def _told(context: Context, run: BatchRun) -> tuple[str, dict[str, Any]]:
    """Return an evaluation in words and as JSON: scores first, how sure, where."""
    lines, document = [], run.to_dict()
    few = run.counts["completed"] <= _LINES_FOR_ESTIMATES
    estimates = run.estimates if few else {}
    verdict = run.verdict
    if verdict is not None:
        lines += _verdict_lines(context, run)
        document["verdict"] = verdict.to_dict()
    lines += [f"{name} {estimate}" for name, estimate in estimates.items()]
    document["estimates"] = {name: e.to_dict() for name, e in estimates.items()}
    before = context.workspace.runs.previous_evaluation(run) if few else None
    if before is not None and verdict is None:
        compared = run_beside(context, before, run)
        lines += compared[0]
        document["previous"] = compared[1]
    environments = run.environments
    document["environments"] = dict(environments)
    if environments:
        lines.append(_environments(environments))
    whole = batch_text(run).splitlines()
    lines += [line for line in whole if not line.startswith("metric ")]
    return "\n".join(lines), document


def _verdict_lines(context: Context, run: BatchRun) -> list[str]:
    verdict = run.verdict
    assert verdict is not None
    names = []
    for run_id in (run.source_run, run.beaten):
        if run_id is None:
            names.append("the other run")
            continue
        found = context.workspace.runs.batch(run_id)
        names.append(found.name or run_id)
    low, high = verdict.interval.low, verdict.interval.high
    return [
        verdict.sentence(names[0], names[1]),
        f"by {verdict.change:+.3g} so far; over all rows {low:+.3g} to {high:+.3g}",
    ]


def run_beside(
    context: Context, before: BatchRun, run: BatchRun
) -> tuple[list[str], dict[str, Any]]:
    """Return how an evaluation differs from an earlier one, in words and as JSON."""
    found = context.workspace.runs.compare(before, run)
    name = before.source_run or before.run_id
    lines = [
        f"vs {name}: {score.name} {change}"
        for score in found.scores
        for change in score.differences
        if change is not None
    ]
    scores = {
        score.name: change.to_dict()
        for score in found.scores
        for change in score.differences
        if change is not None
    }
    return lines, {"run_id": before.run_id, "scores": scores}


def _environments(found: Mapping[str, Any]) -> str:
    here, there = found["environment"], found["source_environment"]
    if found["same"]:
        return f"the same environment as the run: {_name(here)}"
    if there is None:
        return f"environment {_name(here)}; the run's own is not known"
    return f"another environment: {_name(here)}, the run had {_name(there)}"


def _name(environment: Mapping[str, Any]) -> str:
    digest = str(environment.get("digest") or "").removeprefix("sha256:")[:12]
    version = environment.get("version")
    name = f"{environment.get('name')}:{version}" if version else "environment"
    return f"{name} @ {digest}" if digest else name


def _known(
    context: Context, flow: str | Path, mapping: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the part of a mapping that is about a flow's own inputs."""
    inputs = {item["name"] for item in context.workspace.flows.show(flow).inputs}
    return {name: value for name, value in mapping.items() if name in inputs}
