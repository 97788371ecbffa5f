"""Named places with an engine, and the one that is taken when none is named."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ..engines.api import Engine, EngineInfo
from ..errors import PfError, Unreachable, UsageError
from ..flow.fields import did_you_mean

EngineFactory = Callable[[], Engine]

PREFERRED = "docker"
FALLBACK = "process"


class Computes:
    """The computes that this process can reach.

    Parameters
    ----------
    factories
        Name of each compute, and what opens its engine. An engine is opened on first
        use and then kept.
    """

    def __init__(self, factories: Mapping[str, EngineFactory]) -> None:
        self._factories = dict(factories)
        self._engines: dict[str, Engine] = {}
        self._guard = threading.RLock()

    def names(self) -> list[str]:
        """Return the names, the preferred one first."""
        return sorted(self._factories, key=lambda n: (n != PREFERRED, n))

    def engine(self, name: str) -> Engine:
        """Return the engine of a compute; it may or may not answer.

        Raises
        ------
        UsageError
            There is no compute of that name (code ``unknown_compute``).
        Unreachable
            The engine cannot even be opened.
        """
        with self._guard:
            engine = self._engines.get(name)
            if engine is None:
                factory = self._factories.get(name)
                if factory is None:
                    names = self.names()
                    raise UsageError(
                        f"there is no compute {name!r}",
                        code="unknown_compute",
                        hint=did_you_mean(name, names, f"one of {', '.join(names)}"),
                    )
                engine = self._engines[name] = factory()
            return engine

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

    def describe(self) -> list[dict[str, Any]]:
        """Return ``{"name", "engine", "isolated", "reachable", "detail"}`` each."""
        rows = []
        for name in self.names():
            try:
                engine = self.engine(name)
                info = engine.ping()
            except PfError as error:
                rows.append(
                    {
                        "name": name,
                        "engine": name,
                        "isolated": name != FALLBACK,
                        "reachable": False,
                        "detail": error.message,
                        "hint": error.hint,
                    }
                )
                continue
            rows.append(
                {
                    "name": name,
                    "engine": info.name,
                    "isolated": info.isolated,
                    "reachable": True,
                    "detail": f"{info.name} {info.version} at {info.address}",
                    "hint": "; ".join(info.warnings),
                }
            )
        return rows

    def close(self) -> None:
        """Release the engines' connections; instances live on."""
        with self._guard:
            engines, self._engines = list(self._engines.values()), {}
        for engine in engines:
            engine.close()
