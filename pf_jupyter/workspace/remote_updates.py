"""The versions of a runtime that a server holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import PfError
from .api import OnPhase
from .remote_operations import Work
from .update_api import REHEARSED_RUNS, HasUpdates, Rehearsal, Update, VersionCheck

if TYPE_CHECKING:
    from .remote_client import Client


class RemoteUpdates(HasUpdates):
    """The part of a server's runtime that knows versions."""

    _client: Client
    _path: dict[str, str]

    def check_version(self, *, fresh: bool = True) -> VersionCheck:
        """Look whether there is something newer; see `HasUpdates.check_version`."""
        body = {"fresh": fresh}
        found = self._client.call("versions.check", self._path, body=body)
        return VersionCheck(found["check"])

    def known_version(self) -> VersionCheck | None:
        """Return what the last check found; asks nobody but the server."""
        found = self._client.call("versions.show", self._path)["check"]
        return None if found is None else VersionCheck(found)

    def rehearse(
        self,
        to: str | None = None,
        *,
        runs: int | Sequence[str] = REHEARSED_RUNS,
        on_phase: OnPhase | None = None,
    ) -> Rehearsal:
        """Repeat recorded runs here and beside; see `HasUpdates.rehearse`."""
        work = self._long("versions.rehearse", {"to": to, **_runs(runs)})
        return Rehearsal(_done(work, "rehearsal", on_phase))

    def last_rehearsal(self) -> Rehearsal | None:
        """Return the last rehearsal of this runtime, or None."""
        found = self._client.call("versions.show", self._path)["rehearsal"]
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
        body = {"to": to, "rehearse": rehearse, "accept": accept, **_runs(runs)}
        work = self._long("versions.update", body)
        return Update(_done(work, "update", on_phase))

    def rollback(self, *, on_phase: OnPhase | None = None) -> Update:
        """Go back to before the last update; see `HasUpdates.rollback`."""
        work = self._long("versions.rollback", {})
        return Update(_done(work, "update", on_phase))

    def _long(self, route: str, body: dict[str, Any]) -> Work:
        return Work(self._client, route, body=body, path=self._path)


def _done(work: Work, key: str, on_phase: OnPhase | None) -> dict[str, Any]:
    found = work.result(on_phase=on_phase)
    if key in found:
        document: dict[str, Any] = found[key]
        return document
    # of work whose server was ended, only the runtime as it is now is known
    raise PfError(
        "the server was ended before this was done",
        code="server_restarted",
        hint="the runtime is the old one or the new one: look, then try it again",
    )


def _runs(runs: int | Sequence[str]) -> dict[str, Any]:
    if isinstance(runs, int):
        return {"last": runs, "runs": None}
    return {"last": None, "runs": list(runs)}
