"""What was started by the wizard of batches: how far it is, what came of it."""

from __future__ import annotations

from collections.abc import Sequence

from ..commands.batches import BatchStates
from .batch_start import Job
from .elements import Child, Element, h
from .parts import badge, button, text
from .shown import notice, progress, table


def job_table(jobs: Sequence[Job]) -> Element:
    """Return what was started, one row each."""
    rows: list[list[Child]] = [
        [
            badge(job.status),
            [job.title, h("span", "evaluation", class_="pf-mu pf-block")]
            if job.judges
            else job.title,
            _how_far(job),
            [text(said) for said in job.said],
            button(
                "Open", "open_job", key=f"open:{at}", run=job.states.run_id,
                reason=None if job.states.run_id else "it has not begun yet",
            ),
        ]
        for at, job in enumerate(jobs)
    ]  # fmt: skip
    heads = ["status", "what", "how far", "result", ""]
    keys = [f"job:{at}" for at in range(len(jobs))]
    return table(heads, rows, keys=keys, caption="what was started")


def _how_far(job: Job) -> Child:
    states: BatchStates = job.states
    now = states.now
    if not now:
        return {"NotStarted": "waits", "Running": "begins"}.get(job.status, "")
    done = now["completed"] + now["failed"]
    over = job.status != "Running"
    if over:
        states.now = {k: v for k, v in now.items() if k not in ("rate", "seconds_left")}
    return [progress(done, now["total"] or 1, states.headline), *states.notes]


def job_trouble(job: Job) -> Child:
    """Return why a job did not begin, and what to do."""
    if job.error is None:
        return None
    title: list[Child] = [
        f"{job.title}: {job.error.message} ",
        h("code", job.error.code),
    ]
    return notice(title, tone="no", hint=job.error.hint)


def whole_status(jobs: Sequence[Job]) -> str:
    """Return how all of it ended."""
    for status in ("Failed", "Canceled", "Interrupted"):
        if any(job.status == status for job in jobs):
            return status
    return "Completed"
