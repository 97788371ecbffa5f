"""Changing what is installed in a runtime while it lives: layers come and go.

Everything is made and tried before anything changes, so what fails leaves the runtime
as it was. Runs that are on their way keep what they began with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..engines.api import Engine
from ..environments.layers import Layer, Source, digest_of, read_layer
from ..environments.lock import Lock
from ..environments.requirements import Requirements, parse_requirements
from ..environments.target import Target, read_target
from ..errors import NotFound, RuntimeFailed
from ..store.records import RuntimeRecord
from ..store.store import Store
from . import identity
from .change import LOOK_SECONDS, Change, examine, make_layer
from .channels import Channels
from .computes import Computes
from .model import Installation, OnPhase
from .phases import Way
from .states import USABLE
from .turns import Turns

if TYPE_CHECKING:
    from .channel import WorkerChannel

_TURN_SECONDS = 120.0
Start = Callable[[str, OnPhase | None], RuntimeRecord]


class Installer:
    """Puts layers over the environments of runtimes, and takes them off again.

    Parameters
    ----------
    store, computes, channels, turns
        What it works with.
    start
        Brings a runtime to ready.
    """

    def __init__(
        self,
        store: Store,
        computes: Computes,
        channels: Channels,
        turns: Turns,
        start: Start,
    ) -> None:
        self._store = store
        self._computes = computes
        self._channels = channels
        self._turns = turns
        self._start = start
        self._targets: dict[tuple[str, ...], Target] = {}

    def install(
        self,
        key: str,
        wanted: Requirements,
        *,
        source: Source = "ad hoc",
        upgrade: bool = False,
        on_phase: OnPhase | None = None,
    ) -> Installation:
        """Install requirements over what a runtime has.

        Parameters
        ----------
        key
            The runtime's id.
        wanted
            What to install.
        source
            Why.
        upgrade
            Whether packages below may be replaced by their newest versions.
        on_phase
            Told of each step.

        Raises
        ------
        RuntimeFailed, Unreachable, Refused, UsageError
            Nothing has changed.
        """
        began = time.monotonic()
        record = self._ready(key, on_phase)
        way = Way(record.name, on_phase)
        try:
            with (
                self._turns.take(key, record.name, _TURN_SECONDS),
                self._store.processes.scratch("pf-layer-") as folder,
            ):
                record = self._get(key)
                engine = self._computes.engine(record.compute)
                change = Change(self, record, engine, way, folder)
                return change.make(wanted, source, upgrade, began)
        finally:
            way.attach(self._store, key)

    def reset(self, key: str, *, sources: Sequence[Source] = ("ad hoc",)) -> int:
        """Take off the layers of these sources and all above them; return how many."""
        record = self._get(key)
        with self._turns.take(key, record.name, _TURN_SECONDS):
            record = self._get(key)
            kept: list[dict[str, Any]] = []
            for layer in record.layers or ():
                if layer["source"] in sources:
                    break
                kept.append(layer)
            dropped = len(record.layers or ()) - len(kept)
            if dropped:
                record = self._keep(record, kept)
                if record.state in USABLE:
                    engine = self._computes.engine(record.compute)
                    self._channels.get(record, engine)
            return dropped

    def packages(self, key: str) -> list[tuple[str, str, str]]:
        """Return name, version and source of what is installed in a runtime.

        The source is ``base`` (the image or the interpreter) or that of its layer.
        """
        record = self._ready(key, None)
        engine = self._computes.engine(record.compute)
        sources: dict[str, str] = {}
        for raw in record.layers or ():
            layer = read_layer(raw)
            sources |= dict.fromkeys(layer.packages, layer.source)
        return [
            (item.name, item.version, sources.get(item.name, "base"))
            for item in self.target(record, engine).installed
        ]

    def bring(
        self, record: RuntimeRecord, engine: Engine, channel: WorkerChannel
    ) -> None:
        """Let a worker have the layers of a record; those that are gone are made again.

        Raises
        ------
        RuntimeFailed, Unreachable
            A layer cannot be made again.
        """
        folders = identity.layer_folders(record, engine)
        missing = _ask(channel, "layers.use", layers=folders)["missing"]
        if not missing:
            return
        for number, raw in enumerate(record.layers or ()):
            if folders[-1 - number] in missing:
                self._remake(record, engine, channel, read_layer(raw), number)
        missing = _ask(channel, "layers.use", layers=folders)["missing"]
        if missing:
            raise _no_volume(record)

    def target(self, record: RuntimeRecord, engine: Engine) -> Target:
        """Return a runtime's interpreter and all that it has."""
        known = (record.id, record.instance or "", *record.layer_names)
        if known not in self._targets:
            channel = self._channels.get(record, engine)
            folders = identity.layer_folders(record, engine)
            self.remember(known, examine(channel, folders))
        return self._targets[known]

    def remember(self, key: tuple[str, ...], answer: dict[str, Any]) -> None:
        """Keep what a worker told of its interpreter."""
        self._targets = {
            known: target
            for known, target in self._targets.items()
            if known[0] != key[0]
        }
        self._targets[key] = read_target(answer)

    def channel(self, record: RuntimeRecord, engine: Engine) -> WorkerChannel:
        """Return the channel to a runtime's worker."""
        return self._channels.get(record, engine)

    def keep(self, record: RuntimeRecord, layers: list[dict[str, Any]]) -> None:
        """Let a runtime have these layers from now on, its worker at once."""
        record = self._keep(record, layers)
        self._channels.get(record, self._computes.engine(record.compute))

    def _keep(
        self, record: RuntimeRecord, layers: list[dict[str, Any]]
    ) -> RuntimeRecord:
        base = record.base_digest or record.environment_digest
        changed = self._store.change_runtime(
            record.id,
            layers=layers or None,
            base_digest=base,
            environment_digest=digest_of(base, layers),
        )
        return changed or self._get(record.id)

    def _remake(
        self,
        record: RuntimeRecord,
        engine: Engine,
        channel: WorkerChannel,
        layer: Layer,
        number: int,
    ) -> None:
        below = identity.layer_folders(record, engine)[-number:] if number else []
        target = read_target(examine(channel, below))
        with self._store.processes.scratch("pf-layer-") as folder:
            lines = [*layer.options, *(layer.lock or layer.items)]
            wanted = parse_requirements(lines, folder)
            lock = Lock(wanted.items, wanted.items)
            path = folder / layer.name
            make_layer(engine, record, target, lock, wanted, path, below)

    def _ready(self, key: str, on_phase: OnPhase | None) -> RuntimeRecord:
        record = self._get(key)
        return record if record.state in USABLE else self._start(key, on_phase)

    def _get(self, key: str) -> RuntimeRecord:
        record = self._store.runtime_by_id(key)
        if record is None:
            raise NotFound(
                "the runtime does not exist any more",
                hint="%pfruntime list shows those that do",
            )
        return record


def _ask(channel: WorkerChannel, op: str, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = channel.request(op, **fields).result(LOOK_SECONDS)
    return answer


def _no_volume(record: RuntimeRecord) -> RuntimeFailed:
    return RuntimeFailed(
        f"runtime {record.name!r} does not see its layers",
        phase="start",
        code="layer_missing",
        hint=f"%pfruntime reset {record.name} takes them off; then install anew",
    )
