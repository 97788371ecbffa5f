"""A life without containers: the fake engine, and workers that only say hello."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pf_jupyter.engines.api import BuildProgress
from pf_jupyter.engines.fake import FakeEngine
from pf_jupyter.errors import PfError
from pf_jupyter.runtimes.life import Life
from pf_jupyter.runtimes.wish import Wish
from pf_jupyter.store.store import Store


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.moment = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.moment

    def forward(self, **amount: float) -> None:
        self.moment += timedelta(**amount)


@dataclass
class Worker:
    """The near end of a channel to nobody."""

    instance: str
    alive: bool = True
    causes: list[PfError] = field(default_factory=list)

    def handshake(self, timeout: float = 1.0) -> dict[str, Any]:
        return {"python": "3.12.1", "hostname": f"host-{self.instance[:4]}"}

    def fail(self, cause: PfError) -> None:
        self.causes.append(cause)
        self.alive = False

    def close(self) -> None:
        self.alive = False


@dataclass
class Environment:
    name: str = "default"
    version: str = "1"
    digest: str = "sha256:" + "ab" * 32
    image: str = "base"
    python: str = "3.12.1"
    source: str = "host"


class Stage:
    """A life, its engine, and what a test may let go wrong.

    ``refuse`` maps what is done (resolve, open) to the error that it raises once.
    """

    def __init__(self, folder: Any) -> None:
        self.engine = FakeEngine(["base"])
        self.clock = Clock()
        self.workers: list[Worker] = []
        self.refuse: dict[str, BaseException] = {}
        self.events: list[Any] = []
        self.store = Store(folder)
        self.life = self.another(self.store)

    def another(self, store: Store) -> Life:
        return Life(
            store,
            {"docker": lambda: self.engine},
            self.resolve,
            self.open,
            clock=self.clock,
        )

    def resolve(self, engine: Any, progress: Any) -> Environment:
        progress(BuildProgress("gathering", 1, 2))
        progress(BuildProgress("gathering", 2, 2))
        if "resolve" in self.refuse:
            raise self.refuse.pop("resolve")
        return Environment()

    def open(self, engine: Any, instance: str) -> Any:
        if "open" in self.refuse:
            raise self.refuse.pop("open")
        self.workers.append(Worker(instance))
        return self.workers[-1]

    def create(self, name: str = "demo", **wish: Any) -> Any:
        wished = Wish(name, **wish)
        return self.life.lifecycle.create(wished, self.events.append)

    def record(self, name: str = "demo") -> Any:
        return self.store.runtime(name)

    def log(self, name: str = "demo") -> list[str]:
        return [line.text for _, line in self.store.life(self.record(name).id)]

    def close(self) -> None:
        self.life.close()
        self.store.close()


@pytest.fixture
def stage(tmp_path):
    made = Stage(tmp_path / "stage")
    yield made
    made.close()
