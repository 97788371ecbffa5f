"""The versions of a runtime of a local workspace."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..runtimes.adopting import refuse_adopted
from .api import OnPhase
from .update_api import REHEARSED_RUNS, HasUpdates, Rehearsal, Update, VersionCheck

if TYPE_CHECKING:
    from ..store.records import RuntimeRecord
    from .core import Core


class LocalUpdates(HasUpdates):
    """The part of `LocalRuntime` that knows versions."""

    @property
    @abstractmethod
    def id(self) -> str:
        """Identity that no other runtime ever had."""

    @property
    @abstractmethod
    def _core(self) -> Core:
        """What the workspace is made of."""

    @abstractmethod
    def _require(self) -> RuntimeRecord:
        """Return the record as it is now."""

    def check_version(self, *, fresh: bool = True) -> VersionCheck:
        """Look whether there is something newer; see `HasUpdates.check_version`."""
        record, versions = self._require(), self._core.versions
        found = None if fresh else versions.soon(record)
        return VersionCheck(
            found or (versions.now(record) if fresh else _unknown(record))
        )

    def known_version(self) -> VersionCheck | None:
        """Return what the last check found; asks nobody."""
        found = self._core.versions.known(self._require())
        return None if found is None else VersionCheck(found)

    def rehearse(
        self,
        to: str | None = None,
        *,
        runs: int | Sequence[str] = REHEARSED_RUNS,
        on_phase: OnPhase | None = None,
    ) -> Rehearsal:
        """Repeat recorded runs here and beside; see `HasUpdates.rehearse`."""
        from .update_work import UpdateWork

        self._refuse_adopted()
        work = UpdateWork(self._core, self.id, on_phase)
        return Rehearsal(work.rehearse(to, runs))

    def last_rehearsal(self) -> Rehearsal | None:
        """Return the last rehearsal of this runtime, or None."""
        from .update_work import last_rehearsal

        found = last_rehearsal(self._core, self._require())
        return None if found is None else Rehearsal(found)

    def update(
        self,
        to: str | None = None,
        *,
        rehearse: bool = False,
        runs: int | Sequence[str] = REHEARSED_RUNS,
        accept: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Update:
        """Let it stand on a newer version; see `HasUpdates.update`."""
        from .update_work import UpdateWork

        self._refuse_adopted()
        work = UpdateWork(self._core, self.id, on_phase)
        return Update(work.update(to, rehearse, runs, accept))

    def rollback(self, *, on_phase: OnPhase | None = None) -> Update:
        """Go back to before the last update; see `HasUpdates.rollback`."""
        from .update_work import UpdateWork

        self._refuse_adopted()
        return Update(UpdateWork(self._core, self.id, on_phase).rollback())

    def _refuse_adopted(self) -> None:
        record = self._require()
        refuse_adopted(
            record,
            "it is not ours to replace",
            f"%pfruntime capture {record.name} --as NAME keeps what it has; then "
            "%pfruntime create NEW --env NAME",
        )


def told_versions(
    check: dict[str, Any] | None, record: RuntimeRecord
) -> dict[str, Any]:
    """Return what `Runtime.to_dict` tells of versions, given what is known of them."""
    update = None
    if check is not None and check["newer"]:
        latest = check["latest"]
        update = {
            "name": latest["name"],
            "version": latest["version"],
            "kind": check["kind"],
            "digest": latest["digest"],
            "notice": check["notice"],
            "packages": check["packages"],
            "checked_at": check["checked_at"],
            "age_seconds": check["age_seconds"],
        }
    previous = record.previous
    return {
        "update": update,
        "version_check": check
        and {
            **{
                key: check[key]
                for key in ("checked_at", "age_seconds", "source", "problem")
            },
            "withdrawn": check.get("withdrawn"),
        },
        "previous": previous
        and {key: previous[key] for key in ("name", "version", "digest", "kept_at")},
    }


def _unknown(record: RuntimeRecord) -> dict[str, Any]:
    """Return the document of a check that has not ended yet."""
    from ..runtimes.ground import ground_of
    from ..store.records import timestamp

    return {
        "runtime": record.name,
        "running": {**ground_of(record).told(), "created_at": None},
        "latest": None,
        "newer": False,
        "kind": None,
        "base": None,
        "packages": None,
        "checked_at": timestamp(),
        "age_seconds": 0.0,
        "source": "nobody yet",
        "problem": {
            "code": "not_answered_yet",
            "message": "there is no answer yet, or looking is switched off",
            "hint": f"%pfruntime check {record.name} asks and waits",
        },
        "withdrawn": None,
        "notice": "",
    }
