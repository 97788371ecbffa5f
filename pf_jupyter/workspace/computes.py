"""The computes that this process reaches."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.api import InstanceState
from ..engines.docker_profile import INSTANCE_LABEL
from ..engines.occupants import occupants
from ..errors import IllegalState, NotFound, PfError, UsageError
from ..flow.fields import did_you_mean
from ..runtimes.identity import WORKSPACE
from ..store.records import RuntimeRecord, moment
from .compute_api import (
    CheckResult,
    Computes,
    Occupant,
    Occupants,
    Victims,
    read_certificates,
)

if TYPE_CHECKING:
    from ..runtimes import computes
    from .core import Core
    from .local import LocalWorkspace

_SOON_DAYS = 14


class LocalComputes(Computes):
    """The computes that this process reaches.

    Parameters
    ----------
    workspace
        Theirs.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    def list(self) -> builtins.list[dict[str, Any]]:
        """Return what each compute is and whether it answers."""
        return self._known.describe()

    def described(self, names: Sequence[str]) -> builtins.list[dict[str, Any]]:
        """Return what some computes are; only their engines are asked."""
        return self._known.describe(names)

    def names(self) -> Sequence[str]:
        """Return the names of all computes: no engine is asked."""
        return self._known.names()

    def show(self, name: str) -> dict[str, Any]:
        """Return what `list` tells of one (NotFound)."""
        self._require(name)
        return self._known.describe([name])[0]

    def add(
        self,
        name: str,
        address: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        scope: str = "personal",
        days: float | None = None,
    ) -> dict[str, Any]:
        """Add a compute whose engine answers now; see `Computes.add`."""
        if name in self._known.builtin():
            raise UsageError(
                f"{name} is a compute that is always there",
                code="builtin_compute",
                hint="choose another name",
            )
        texts = read_certificates(certificates)
        assert self._known.stored is not None
        self._known.stored.add(name, address, texts, scope=scope, days=days)
        return self.show(name)

    def auth(
        self,
        name: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        days: float | None = None,
    ) -> dict[str, Any]:
        """Sign in again; see `Computes.auth`."""
        self._added(name)
        assert self._known.stored is not None
        self._known.stored.sign_in(name, read_certificates(certificates), days=days)
        return self.show(name)

    def ps(self, name: str) -> Occupants:
        """Return what lives on a compute now (NotFound, Unreachable)."""
        self._require(name)
        found = occupants(self._known.engine(name))
        ours = {
            record.instance: record
            for record in self._core.store.runtimes()
            if record.compute == name and record.instance
        }
        shown = [self._occupant(state, ours.get(state.id)) for state in found]
        shown += [
            self._occupant(None, record)
            for record in self._core.store.runtimes()
            if record.compute == name and not record.instance
        ]
        order = ("runtime", "leftover", "elsewhere", "foreign")
        shown.sort(key=lambda one: (order.index(one.kind), one.name))
        return Occupants(name, shown, {})

    def check(self, name: str) -> builtins.list[CheckResult]:
        """Check a compute: sign-in, certificate, engine, machine, leftovers."""
        self._require(name)
        return [*self._signed_in(name), *self._engine(name)]

    def victims(self, name: str) -> Victims:
        """Return what `remove` would take along (NotFound)."""
        self._added(name)
        records = [r for r in self._core.store.runtimes() if r.compute == name]
        runs = [
            run
            for run, runtime, _ in self._core.store.running()
            if runtime in {record.id for record in records}
        ]
        return Victims([record.name for record in records], runs)

    def remove(self, name: str, *, runtimes: bool = False) -> Victims:
        """Forget a compute; see `Computes.remove`."""
        victims = self.victims(name)
        if victims.runtimes and not runtimes:
            raise IllegalState(
                f"compute {name!r} has runtimes: {', '.join(victims.runtimes)}",
                code="compute_in_use",
                hint="delete them first, or with it: "
                f"%pfcompute remove {name} --yes deletes them, too",
            )
        for runtime in victims.runtimes:
            self._workspace.runtimes.get(runtime).delete()
        assert self._known.stored is not None
        self._known.stored.remove(name)
        return victims

    def _occupant(
        self, state: InstanceState | None, record: RuntimeRecord | None
    ) -> Occupant:
        if record is not None:
            runs = len(self._core.store.running_in(record.id))
            status = record.state if state is None else state.status
            image = record.image if state is None else state.image
            name, owner = record.name, record.owner
            return Occupant("runtime", name, owner, status, image, runs)
        assert state is not None
        # labels of an image are on all its containers, whoever starts them: only what
        # we put on instances tells
        if not {WORKSPACE, INSTANCE_LABEL} & state.labels.keys():
            kind = "foreign"
        elif state.labels.get(WORKSPACE) == self._core.store.id:
            kind = "leftover"
        else:
            kind = "elsewhere"
        return Occupant(kind, state.name, "", state.status, state.image)

    def _signed_in(self, name: str) -> Iterator[CheckResult]:
        stored = self._known.stored
        record = stored.get(name) if stored is not None else None
        if record is None:
            return
        if not record.secrets and record.address.startswith(("tcp://", "http://")):
            yield CheckResult(
                "certificate",
                "warn",
                f"{record.address} is spoken to in clear: whoever reaches it is root "
                "there",
                "let the engine ask for certificates (--tlsverify), then %pfcompute "
                f"auth {name} --certificates FOLDER",
            )
        again = f"%pfcompute auth {name}"
        for what, until, hint in (
            ("sign-in", record.signed_in_until, again),
            (
                "certificate",
                record.certificate_until,
                f"get a new one, then {again} --certificates FOLDER",
            ),
        ):
            if until is None:
                continue
            left = moment(until) - datetime.now(UTC)
            text = f"holds until {until[:10]}"
            if left.total_seconds() <= 0:
                yield CheckResult(what, "fail", f"ran out on {until[:10]}", hint)
            elif left.days < _SOON_DAYS:
                yield CheckResult(what, "warn", text, hint)
            else:
                yield CheckResult(what, "pass", text)

    def _engine(self, name: str) -> Iterator[CheckResult]:
        from .doctor import leftovers

        row = self._known.describe([name])[0]
        if not row["reachable"]:
            yield CheckResult("engine", "fail", row["detail"], row["hint"])
            return
        if row["isolated"]:
            yield CheckResult("engine", "pass", row["detail"], row["hint"])
        else:
            text = f"{row['detail']}; it does not isolate"
            yield CheckResult("engine", "warn", text, "use Docker for others' code")
        yield CheckResult("machine", "pass", machine(row))
        try:
            yield leftovers(self._core, name)
        except PfError as error:
            yield CheckResult("leftovers", "fail", error.message, error.hint)

    def _require(self, name: str) -> None:
        names = self.names()
        if name not in names:
            raise NotFound(
                f"there is no compute {name!r}",
                hint=did_you_mean(name, list(names), f"one of {', '.join(names)}"),
            )

    def _added(self, name: str) -> None:
        self._require(name)
        if name in self._known.builtin():
            raise UsageError(
                f"{name} is a compute that is always there",
                code="builtin_compute",
                hint="only computes that were added can be removed or signed in to",
            )

    @property
    def _core(self) -> Core:
        return self._workspace.core

    @property
    def _known(self) -> computes.Computes:
        return self._core.life.computes


def machine(row: Mapping[str, Any]) -> str:
    """Return the size of a compute's machine in words."""
    parts = []
    if row.get("cpus"):
        parts.append(f"{row['cpus']:g} CPUs")
    if row.get("memory"):
        parts.append(f"{row['memory'] / 1024**3:.1f} GB")
    return ", ".join(parts) or "it does not say how large it is"
