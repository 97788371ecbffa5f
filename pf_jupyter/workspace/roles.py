"""Who may do what in a local workspace."""

from __future__ import annotations

import builtins
import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..access.access import WORKSPACE, Access, check_right, check_words
from ..access.roles import Thing
from ..errors import NotFound, UsageError
from .role_api import Answer, Assignment, AuditLine, RoleName, Roles

if TYPE_CHECKING:
    from .local import LocalWorkspace

_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


class LocalRoles(Roles):
    """Roles as whoever has the store's folder may give them.

    Parameters
    ----------
    workspace
        The one they belong to.
    """

    def __init__(self, workspace: LocalWorkspace) -> None:
        self._workspace = workspace

    @property
    def access(self) -> Access:
        """What decides."""
        return self._workspace.core.access

    def list(self) -> builtins.list[Assignment]:
        """Return the assignments that hold now."""
        return [Assignment(**asdict(record)) for record in self.access.current()]

    def assign(
        self,
        principal: str,
        role: RoleName,
        *,
        on: str = WORKSPACE,
        until: str | None = None,
    ) -> Assignment:
        """Give a role, at once; see `Roles.assign`."""
        from ..runtimes.identity import user

        moment = None if until is None else read_moment(until)
        record = self.access.assign(user(), principal, role, on, moment)
        return Assignment(**asdict(record))

    def revoke(self, principal: str, role: RoleName, *, on: str = WORKSPACE) -> None:
        """Take a role back; see `Roles.revoke`."""
        from ..runtimes.identity import user

        self.access.revoke(user(), principal, role, on)

    def check(self, principal: str, right: str, *, on: str | None = None) -> Answer:
        """Return whether somebody may do something, without trying."""
        check_right(right)
        kind = right.partition(".")[0]
        thing = Thing(kind)
        if on is not None and on != WORKSPACE:
            check_words("reader", on)
            if on.partition(":")[0] != kind:
                raise UsageError(
                    f"{right} is nothing that can be done to {on}",
                    code="bad_value",
                    hint=f"give {kind}:NAME",
                )
            thing = self.thing(kind, on.partition(":")[2])
        found = self.access.decide(principal, right, thing)
        return Answer(**asdict(found))

    def audit(self, *, limit: int = 100) -> builtins.list[AuditLine]:
        """Return what was asked, the newest first."""
        return [AuditLine(**asdict(line)) for line in self.access.audit(limit)]

    def thing(self, kind: str, name: str) -> Thing:
        """Return something with its owner (NotFound)."""
        core = self._workspace.core
        if kind == "runtime":
            runtime = core.store.runtime(name)
            if runtime is not None:
                shared = runtime.kind == "shared"
                return Thing(kind, name, runtime.owner, shared)
        elif kind == "connection":
            for record in core.store.connections.named([name]):
                return Thing(kind, name, record.owner, record.scope == "workspace")
        elif kind == "run":
            run = core.store.run(name)
            if run is not None:
                return Thing(kind, name, run.owner)
        elif kind == "environment":
            rows = core.store.environments
            known = rows.get(name)
            if name == "default":
                return Thing(kind, name, None, True)
            if known is not None:
                return Thing(kind, name, known.owner, bool(rows.versions(name)))
        elif kind != "compute" or name in core.life.computes.names():
            return Thing(kind, name, None, True)
        raise NotFound(f"there is no {kind} {name!r}", hint="look at its list")


def read_moment(text: str) -> str:
    """Return when something ends, as records write it (UsageError)."""
    now = datetime.now().astimezone()
    clock = _CLOCK.fullmatch(text.strip())
    try:
        if clock:
            hour, minute = int(clock[1]), int(clock[2])
            found = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        else:
            found = datetime.fromisoformat(text.strip())
            if found.tzinfo is None:
                found = found.replace(tzinfo=now.tzinfo)
    except ValueError:
        raise UsageError(
            f"{text!r} is no time",
            code="bad_value",
            hint="write 18:00 for today, or 2026-12-31T18:00",
        ) from None
    if found <= now:
        raise UsageError(
            f"{text} has passed already",
            code="bad_value",
            hint="give a time to come, with its date if it is not today",
        )
    return found.astimezone(UTC).isoformat(timespec="microseconds")
