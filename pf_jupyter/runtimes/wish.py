"""What a runtime is asked to be, and the record that this makes of it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any, Literal

from ..engines.api import EngineInfo, Limits
from ..errors import UsageError
from ..store.records import RuntimeRecord, timestamp
from . import identity
from .model import Kind, RuntimeLimits
from .writable import HARDENED, WRITABLE, check_writable

DEFAULT_IDLE_MINUTES = 60.0


@dataclass(frozen=True)
class Wish:
    """What a runtime is asked to be; None means the default."""

    name: str
    environment: str = "default"
    compute: str | None = None
    kind: Kind = "personal"
    limits: RuntimeLimits | None = None
    network: Literal["open", "none"] = "open"
    idle_minutes: float | None = None
    writable: bool = False

    def check(self) -> None:
        """Refuse what cannot be.

        Raises
        ------
        UsageError
            A bad name or limit.
        """
        identity.check_name(self.name)
        _check_limits(self)


def new_record(
    wish: Wish, compute: str, info: EngineInfo
) -> tuple[RuntimeRecord, list[str]]:
    """Return the record of a new runtime, and remarks on its limits.

    Parameters
    ----------
    wish
        What is asked for.
    compute
        Name of the compute that was chosen.
    info
        What answered there: defaults never exceed what it has.

    Raises
    ------
    UsageError
        It is to be writable, and there are no containers.
    """
    if wish.writable:
        check_writable(info, compute)
    limits = wish.limits or RuntimeLimits()
    default = Limits()
    remarks: list[str] = []
    memory = limits.memory
    if memory is None:
        memory = min(default.memory or info.memory, info.memory) or default.memory
    elif info.memory and memory > info.memory:
        remarks.append(
            f"warning: the memory limit {_gigabytes(memory)} is more than the "
            f"{_gigabytes(info.memory)} of the machine"
        )
    cpus = limits.cpus
    if cpus is None:
        cpus = min(default.cpus or info.cpus, info.cpus) or default.cpus
    elif info.cpus and cpus > info.cpus:
        remarks.append(
            f"warning: {cpus:g} CPUs asked for, the machine has {info.cpus:g}"
        )
        cpus = info.cpus
    now = timestamp()
    idle = wish.idle_minutes
    if wish.kind == "session" and idle is None:
        idle = DEFAULT_IDLE_MINUTES
    record = RuntimeRecord(
        id=uuid.uuid4().hex,
        name=wish.name,
        kind=wish.kind,
        owner=identity.user(),
        compute=compute,
        engine=info.name,
        isolated=info.isolated,
        state="creating",
        created_at=now,
        changed_at=now,
        phase="check",
        phase_since=now,
        network=wish.network,
        cpus=cpus,
        memory=memory,
        pids=limits.pids if limits.pids is not None else default.pids,
        idle_minutes=idle if wish.kind == "session" else None,
        engine_address=info.address,
        profile=WRITABLE if wish.writable else HARDENED,
    )
    return record, remarks


def another(record: RuntimeRecord, **changes: Any) -> RuntimeRecord:
    """Return a runtime that is still to be made, from what another one was made from.

    Parameters
    ----------
    record
        The other one.
    changes
        Fields that it has of its own: its name, whose it is.
    """
    now = timestamp()
    never = ("instance", "error", "started_at", "last_used_at", "previous")
    begun: dict[str, Any] = dict.fromkeys(never)
    begun |= dict.fromkeys(("phase_since", "created_at", "changed_at"), now)
    begun |= {"id": uuid.uuid4().hex, "state": "creating", "phase": "check"}
    begun |= {"hostname": "", "revision": 0}
    return replace(record, **begun, **changes)


def _check_limits(wish: Wish) -> None:
    limits = wish.limits or RuntimeLimits()
    for name, value in (
        ("cpus", limits.cpus),
        ("memory", limits.memory),
        ("pids", limits.pids),
    ):
        if value is not None and value <= 0:
            raise UsageError(
                f"the limit {name} must be more than 0, {value:g} is not",
                hint="leave it out for the default",
            )
    if wish.idle_minutes is not None and wish.idle_minutes < 0:
        raise UsageError(
            f"idle_minutes cannot be {wish.idle_minutes:g}",
            hint="0 never removes the session",
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1024**3:.1f} GB"
