"""Named places with an engine, and the one that is taken when none is named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..engines.api import Engine, EngineInfo
from ..errors import PfError, Unreachable, UsageError
from ..flow.fields import did_you_mean
from .stored_computes import StoredComputes, described, require_signed_in

EngineFactory = Callable[[], Engine]

_NOBODYS = {
    "owner": None,
    "scope": "workspace",
    "address": None,
    "tls": False,
    "signed_in_until": None,
    "certificate_until": None,
}
PREFERRED = "docker"
FALLBACK = "process"


class Computes:
    """The computes that this process can reach.

    Parameters
    ----------
    factories
        Name of each compute that is always there, and what opens its engine. An
        engine is opened on first use and then kept.
    stored
        Those that people added.
    """

    def __init__(
        self,
        factories: Mapping[str, EngineFactory],
        stored: StoredComputes | None = None,
    ) -> None:
        self._factories = dict(factories)
        self.stored = stored
        self._engines: dict[str, Engine] = {}
        self._as_of: dict[str, str] = {}
        self._guard = threading.RLock()

    def names(self) -> list[str]:
        """Return the names, the preferred one first, then what is always there."""
        added = self.stored.all() if self.stored is not None else ()
        return [*self.builtin(), *(record.name for record in added)]

    def builtin(self) -> list[str]:
        """Return the names of those that nobody added."""
        return sorted(self._factories, key=lambda n: (n != PREFERRED, n))

    def engine(self, name: str) -> Engine:
        """Return the engine of a compute; it may or may not answer.

        Raises
        ------
        UsageError
            There is no compute of that name (code ``unknown_compute``).
        Unreachable
            The engine cannot even be opened, or its owner has to sign in again.
        """
        factory = self._factories.get(name)
        if factory is None:
            return self._added(name)
        with self._guard:
            engine = self._engines.get(name)
            if engine is None:
                engine = self._engines[name] = factory()
            return engine

    def _added(self, name: str) -> Engine:
        record = self.stored.get(name) if self.stored is not None else None
        if record is None or self.stored is None:
            names = self.names()
            raise UsageError(
                f"there is no compute {name!r}",
                code="unknown_compute",
                hint=did_you_mean(name, names, f"one of {', '.join(names)}"),
            )
        require_signed_in(record)
        with self._guard:
            if self._as_of.get(name) != record.changed_at or name not in self._engines:
                before = self._engines.pop(name, None)
                if before is not None:
                    before.close()
                self._engines[name] = self.stored.open(record)
                self._as_of[name] = record.changed_at
            return self._engines[name]

    def choose(self, name: str | None) -> tuple[str, Engine, EngineInfo, str]:
        """Return the compute to make a runtime on.

        Parameters
        ----------
        name
            The one that was asked for; None takes Docker on this machine when it
            answers and a process of this machine when it does not.

        Returns
        -------
        tuple
            Its name, its engine, what answered, and a remark on why it was taken
            instead of the preferred one (empty when it was not).

        Raises
        ------
        UsageError
            There is no compute of that name.
        Unreachable
            Its engine does not answer.
        """
        if name is not None:
            engine = self.engine(name)
            return name, engine, engine.ping(), ""
        try:
            engine = self.engine(PREFERRED)
            return PREFERRED, engine, engine.ping(), ""
        except (Unreachable, UsageError) as error:
            if FALLBACK not in self._factories:
                raise
            engine = self.engine(FALLBACK)
            remark = f"{error.message}; a process of this machine does not isolate"
            return FALLBACK, engine, engine.ping(), remark

    def describe(self, names: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Return what each compute is, and whether it answers.

        Parameters
        ----------
        names
            Only these; None means all.
        """
        return [
            self._describe(name) for name in (self.names() if names is None else names)
        ]

    def _describe(self, name: str) -> dict[str, Any]:
        record = self.stored.get(name) if self.stored is not None else None
        row: dict[str, Any] = {
            "name": name,
            "engine": name if record is None else record.engine,
            "isolated": name != FALLBACK,
            "cpus": None,
            "memory": None,
            **(described(record) if record is not None else _NOBODYS),
        }
        try:
            info = self.engine(name).ping()
        except PfError as error:
            return {
                **row,
                "reachable": False,
                "detail": error.message,
                "hint": error.hint,
            }
        return {
            **row,
            "engine": info.name,
            "isolated": info.isolated,
            "reachable": True,
            "cpus": info.cpus or None,
            "memory": info.memory or None,
            "detail": f"{info.name} {info.version} at {info.address}",
            "hint": "; ".join(info.warnings),
        }

    def close(self) -> None:
        """Release the engines' connections; instances live on."""
        with self._guard:
            engines, self._engines = list(self._engines.values()), {}
        for engine in engines:
            engine.close()
