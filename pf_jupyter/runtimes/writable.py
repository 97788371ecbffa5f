"""Runtimes in which things are tried out as root: their file system can be written.

What somebody installs there by hand is in the container and nowhere else: it stays
while the container does, and a capture keeps it for good.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING

from ..engines.api import Engine, EngineInfo
from ..engines.containers import HasContainers
from ..errors import IllegalState, UsageError
from ..store.records import RuntimeRecord
from .states import USABLE

if TYPE_CHECKING:
    from .lifecycle import Lifecycle

HARDENED = "hardened"
"""The profile of a runtime that is as safe as a container can be."""

WRITABLE = "writable"
"""The profile of a runtime whose root file system can be written."""

_NAMED = 3
# what programs leave behind wherever they run: nobody installed it
_PASSING = re.compile(
    r"(/__pycache__(/|$)|\.pyc$|^/(proc|sys|dev|run|tmp)(/|$)|^/root/\.cache(/|$)"
    r"|^/var/(run|tmp|log|cache|lib/apt)(/|$)|^/etc/ld\.so\.cache$"
    # where engines put their init program, their tables and our layers
    r"|^(/usr)?/sbin/docker-init$|^/etc/(hosts|hostname|resolv\.conf|mtab)$"
    r"|^/opt/pf_layers(/|$))"
)


def is_writable(record: RuntimeRecord) -> bool:
    """Tell whether a runtime's root file system can be written."""
    return record.profile == WRITABLE


def check_writable(info: EngineInfo, compute: str) -> None:
    """Refuse where there is no container whose file system it would be.

    Raises
    ------
    UsageError
        The compute has none.
    """
    if info.isolated:
        return
    raise UsageError(
        f"compute {compute!r} has no containers, so there is no file system of the "
        "runtime's own to write",
        code="no_containers",
        hint="leave --writable out, or name a compute with containers: --compute "
        "docker",
    )


def changed_by_hand(record: RuntimeRecord, engine: Engine) -> list[str]:
    """Return the paths that somebody changed in a writable runtime's container.

    Folders above others, and what programs leave behind by themselves, are left out.
    """
    if not is_writable(record) or not record.instance:
        return []
    if not isinstance(engine, HasContainers):
        return []
    if engine.inspect(record.instance).status == "missing":
        return []
    found = {change.path for change in engine.changes(record.instance)}
    # a folder differs when anything in it does
    above = {folder for path in found for folder in _above(path)}
    return sorted(path for path in found - above if not _PASSING.search(path))


def refuse_to_lose(record: RuntimeRecord, engine: Engine, what: str) -> None:
    """Raise where another container would be without what was installed by hand.

    Parameters
    ----------
    record, engine
        The runtime and where it lives.
    what
        What is asked for: ``update`` or ``rollback``.

    Raises
    ------
    IllegalState
        Something was changed by hand.
    """
    paths = changed_by_hand(record, engine)
    if not paths:
        return
    more = len(paths) - _NAMED
    shown = ", ".join(paths[:_NAMED]) + (f" and {more} more" if more > 0 else "")
    raise IllegalState(
        f"{record.name} was changed by hand ({shown}), and {what} makes a new "
        "container without that",
        code="changed_by_hand",
        hint=f"%pfruntime capture {record.name} --as NAME keeps it as an environment; "
        f"%pfruntime reset {record.name} forgets it",
    )


def renew(record: RuntimeRecord, engine: Engine, lifecycle: Lifecycle) -> bool:
    """Give a writable runtime a fresh container when it was changed by hand.

    Returns
    -------
    Whether it has one now.

    Raises
    ------
    IllegalState
        Runs are going on in it.
    """
    if not changed_by_hand(record, engine):
        return False
    if record.state == "busy":
        raise IllegalState(
            f"runs are going on in {record.name}, and they would end with its "
            "container",
            code="runtime_busy",
            hint=f"wait for them, or %pfruntime stop {record.name} ends them",
        )
    running = record.state in USABLE
    if running:
        lifecycle.stop(record.id)
    engine.remove(record.instance or "")
    if running:
        lifecycle.start(record.id)
    return True


def _above(path: str) -> list[str]:
    found = []
    while (path := posixpath.dirname(path)) not in ("/", ""):
        found.append(path)
    return found
