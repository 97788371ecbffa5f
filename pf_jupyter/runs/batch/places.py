"""The places that one batch runs in, and what their environments have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from ...errors import NotFound, PfError, RuntimeFailed
from ...runtimes.life import Life
from ...store.records import RuntimeRecord
from ...store.store import Store
from ..execute import Executor
from .pool import FIRST_WINDOW
from .revival import bring_back

if TYPE_CHECKING:
    from ...runtimes.channel import WorkerChannel

_MOST_NAMED = 8


class Place(Protocol):
    """Where lines run.

    Attributes
    ----------
    name
        What people call it.
    ahead
        How many lines are there for each executor at any time.
    """

    name: str
    ahead: int

    def open(self) -> WorkerChannel:
        """Return a channel to a worker there (RuntimeFailed, Unreachable)."""

    def why(self, error: RuntimeFailed) -> RuntimeFailed:
        """Find out why its channel broke."""

    def revive(self, error: RuntimeFailed) -> None:
        """Bring it back after it was lost, or raise."""

    def give_up(self, seconds: float) -> None:
        """End the channel to it: it has not said a word for so long."""


class RuntimePlace:
    """A runtime as a place.

    Parameters
    ----------
    executor, life
        Reach runtimes.
    runtime
        Its record.
    """

    ahead = FIRST_WINDOW

    def __init__(self, executor: Executor, life: Life, runtime: RuntimeRecord) -> None:
        self._executor = executor
        self._life = life
        self._runtime = runtime
        self.name = runtime.name

    def open(self) -> WorkerChannel:
        """Return the channel to its worker."""
        self._runtime, channel = self._executor.ready(self._runtime.id)
        return channel

    def why(self, error: RuntimeFailed) -> RuntimeFailed:
        """Find out why its channel broke."""
        if error.code == "runtime_silent":
            return error
        return self._executor.why(self._runtime)

    def revive(self, error: RuntimeFailed) -> None:
        """Start it again when it has died; one that somebody stopped stays so."""
        if error.code == "runtime_silent":
            raise error
        bring_back(self._life, self._runtime.id, error)

    def give_up(self, seconds: float) -> None:
        """End the channel to it."""
        error = RuntimeFailed(
            f"runtime {self.name!r} has not answered for {seconds:g} seconds",
            phase="run",
            code="runtime_silent",
            hint="its machine may be cut off or much too busy",
        )
        self._life.channels.fail(self._runtime.id, error)


def named(store: Store, name: str) -> RuntimeRecord:
    """Return the runtime of a name (NotFound)."""
    record = store.runtime(name)
    if record is None:
        raise NotFound(
            f"there is no runtime {name!r}",
            hint="%pfruntime list shows those that there are",
        )
    return record


def compared(
    runtimes: Sequence[RuntimeRecord],
    packages: Callable[[str], Sequence[tuple[str, str, str]]],
) -> dict[str, Any]:
    """Return whether several runtimes have the same environment, and what differs.

    Parameters
    ----------
    runtimes
        As they are while they are ready.
    packages
        Gives name, version and source of what a runtime has, by its id.

    Returns
    -------
    dict
        ``{"same", "digests": {runtime: digest}, "differences": [text, …]}``; ``same``
        is True when the digests are equal, or all packages and Pythons are.
    """
    digests = {runtime.name: runtime.environment_digest for runtime in runtimes}
    if len(set(digests.values())) == 1 and runtimes[0].environment_digest:
        return {"same": True, "digests": digests, "differences": []}
    differences = []
    first, *others = runtimes
    known = _contents(first, packages)
    for other in others:
        if digests[other.name] == digests[first.name]:
            continue
        differences += _differences(
            first.name, known, other.name, _contents(other, packages)
        )
    return {"same": not differences, "digests": digests, "differences": differences}


def _contents(
    runtime: RuntimeRecord,
    packages: Callable[[str], Sequence[tuple[str, str, str]]],
) -> dict[str, str] | None:
    try:
        found = {name: version for name, version, _source in packages(runtime.id)}
    except PfError:
        return None
    return {"Python": runtime.python, **found}


def _differences(
    name: str,
    known: Mapping[str, str] | None,
    other: str,
    found: Mapping[str, str] | None,
) -> list[str]:
    if known is None or found is None:
        return [f"what {name} and {other} have installed cannot be compared"]
    texts = []
    for package in sorted({*known, *found}, key=lambda one: (one != "Python", one)):
        here, there = known.get(package), found.get(package)
        if here != there:
            texts.append(f"{package} {here or 'absent'} / {there or 'absent'}")
    if not texts:
        return []
    more = len(texts) - _MOST_NAMED
    shown = ", ".join(texts[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return [f"{name} and {other} differ: {shown}"]
