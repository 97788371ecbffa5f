"""A shared runtime as those see it who are in it: each has an instance of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import IllegalState, NotFound
from ..runtimes.states import ON_THE_WAY

if TYPE_CHECKING:
    from ..store.records import RuntimeRecord
    from .api import OnPhase, Runtime
    from .core import Core
    from .guarded import GuardedWorkspace


class Seated:
    """The part of `GuardedRuntime` that knows where in it a person is."""

    _workspace: GuardedWorkspace
    _inner: Runtime

    def _is_others(self, found: dict[str, Any]) -> bool:
        others: bool = found["owner"] != self._workspace.principal
        return others and bool(found["kind"] == "shared")

    def _seat(self) -> RuntimeRecord | None:
        """Return this person's instance, None when they have none yet."""
        record = self._shared()
        life = self._workspace.inner.core.life
        return life.seats.of(record, self._workspace.principal)

    def _sit_down(self, on_phase: OnPhase | None) -> None:
        """Have an instance of one's own that is ready."""
        life = self._workspace.inner.core.life
        seat = life.seats.take(self._shared(), on_phase)
        life.lifecycle.start(seat.id, on_phase)

    def _shared(self) -> RuntimeRecord:
        record = self._workspace.inner.core.store.runtime(self._inner.name)
        if record is None:
            raise NotFound(
                f"there is no runtime {self._inner.name!r} any more",
                hint="%pfruntime list shows those that there are",
            )
        return record

    def _seated(self, without: Any, *, needed: bool = False) -> Any:
        """Return the runtime as this person is in it.

        Parameters
        ----------
        without
            What is returned when they have no instance of their own in it yet.
        needed
            Whether that is an error.
        """
        if not self._is_others(self._inner.to_dict()):
            return self._inner
        from .runtime import LocalRuntime

        seat = self._seat()
        if seat is not None:
            return LocalRuntime(self._workspace.inner, seat)
        if needed:
            raise IllegalState(
                f"you run nothing in {self._inner.name!r} yet",
                hint="each person has an instance of their own in a shared runtime, "
                "made by their first run",
            )
        return without


def as_listed(workspace: GuardedWorkspace, found: dict[str, Any]) -> dict[str, Any]:
    """Return a runtime of a list, with its ``id``, as one person sees it."""
    person = workspace.principal
    if found["owner"] == person or found["kind"] != "shared":
        return found
    core = workspace.inner.core
    record = core.store.runtime_by_id(found["id"])
    seat = None if record is None else core.life.seats.of(record, person)
    return {"id": found["id"], **as_seen(found, seat, person)}


def people(core: Core, record: RuntimeRecord) -> list[dict[str, Any]]:
    """Return who is in a shared runtime, beside whose it is; nobody in another one."""
    if record.kind != "shared":
        return []
    return [_person(seat) for seat in core.life.seats.all(record.id)]


def as_seen(
    shown: dict[str, Any], seat: RuntimeRecord | None, person: str
) -> dict[str, Any]:
    """Return the record of a shared runtime for somebody whose it is not.

    Parameters
    ----------
    shown
        As whose it is sees it.
    seat
        Their own instance; None when they have none yet.
    """
    mine = [one for one in shown["people"] if one["principal"] == person]
    if seat is None:
        none = dict.fromkeys(("container_id", "hostname", "started_at", "last_used_at"))
        return {**shown, **none, "people": mine, "hostname": ""}
    state = seat.state
    return {
        **shown,
        "state": state,
        "phase": seat.phase,
        "elapsed": shown["elapsed"] if state in ON_THE_WAY else None,
        "error": seat.error if state == "failed" else None,
        "container_id": seat.instance if seat.isolated else None,
        "hostname": seat.hostname,
        "started_at": seat.started_at,
        "last_used_at": seat.last_used_at,
        "people": mine,
    }


def _person(seat: RuntimeRecord) -> dict[str, Any]:
    return {
        "principal": seat.owner,
        "state": seat.state,
        "container_id": seat.instance if seat.isolated else None,
        "environment_digest": seat.environment_digest,
        "started_at": seat.started_at,
        "last_used_at": seat.last_used_at,
    }
