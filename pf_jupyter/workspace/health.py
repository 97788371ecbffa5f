"""How a runtime is: its engine, instance, worker and environment."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from ..errors import PfError
from ..runtimes.life import Life
from ..runtimes.states import USABLE
from ..store.records import RuntimeRecord
from .api import CheckResult, short_digest

_PING_SECONDS = 5.0
_CLOCK_SECONDS = 5.0


def check_runtime(life: Life, record: RuntimeRecord) -> list[CheckResult]:
    """Return a line for each part, without those that depend on one that failed."""
    checks: list[CheckResult] = []
    back = f"%pfruntime start {record.name} brings it back"
    try:
        engine = life.computes.engine(record.compute)
        info = engine.ping()
    except PfError as error:
        return [CheckResult("engine", "fail", error.message, error.hint)]
    text = f"{info.name} {info.version} at {info.address}"
    if not info.isolated:
        checks.append(
            CheckResult(
                "engine",
                "warn",
                f"{text}; it does not isolate",
                "use Docker for code that you do not trust",
            )
        )
    else:
        checks.append(CheckResult("engine", "pass", text))
    if record.image and engine.image(record.image) is not None:
        name = f"{record.environment_name}:{record.environment_version}"
        digest = short_digest(record.environment_digest)
        checks.append(CheckResult("environment", "pass", f"{name} @ {digest} is here"))
    else:
        checks.append(
            CheckResult("environment", "warn", "its image is not on the engine", back)
        )
    state = engine.inspect(record.instance) if record.instance else None
    if state is None or state.status != "running":
        cause = "there is none" if state is None else state.cause or state.status
        checks.append(CheckResult("instance", "fail", cause, back))
        return checks
    checks.append(CheckResult("instance", "pass", f"running, {record.instance}"))
    if record.state not in USABLE:
        checks.append(
            CheckResult("worker", "fail", f"the runtime is {record.state}", back)
        )
        return checks
    try:
        channel = life.channels.get(record, engine)
        began = time.monotonic()
        answer = channel.request("ping").result(_PING_SECONDS)
        took = (time.monotonic() - began) * 1000
    except (PfError, TimeoutError) as error:
        restart = f"%pfruntime restart {record.name}"
        checks.append(CheckResult("worker", "fail", str(error), restart))
        return checks
    checks.append(
        CheckResult(
            "worker", "pass", f"Python {record.python}, answers in {took:.1f} ms"
        )
    )
    checks.append(_clock(answer.get("time")))
    return checks


def _clock(told: object) -> CheckResult:
    try:
        if isinstance(told, int | float):
            there = datetime.fromtimestamp(told, UTC)
        else:
            there = datetime.fromisoformat(str(told))
    except ValueError:
        return CheckResult("clock", "warn", f"the worker's time {told!r} is unreadable")
    if there.tzinfo is None:
        there = there.replace(tzinfo=UTC)
    ahead = (there - datetime.now(UTC)).total_seconds()
    if abs(ahead) > _CLOCK_SECONDS:
        return CheckResult(
            "clock",
            "warn",
            f"the runtime's clock is {abs(ahead):.0f} s "
            f"{'ahead' if ahead > 0 else 'behind'}",
            "set the clocks of both machines; times in records are this one's",
        )
    return CheckResult("clock", "pass", "same time on both sides")
