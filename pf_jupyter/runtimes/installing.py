"""Changing what is installed in a runtime while it lives: layers come and go.

Everything is made and tried before anything changes, so what fails leaves the runtime
as it was. Runs that are on their way keep what they began with.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.api import Engine
from ..environments import layers as building
from ..environments.layers import Layer, Source, digest_of, read_layer
from ..environments.lock import Lock, fits, resolve
from ..environments.requirement_text import without_login
from ..environments.requirements import Requirements, parse_requirements
from ..environments.target import Target, read_target
from ..errors import NotFound, PfError, RuntimeFailed
from ..store.records import RuntimeRecord
from ..store.store import Store
from . import identity
from .channels import Channels
from .computes import Computes
from .model import Installation, OnPhase
from .phases import Way
from .states import USABLE
from .turns import Turns

if TYPE_CHECKING:
    from .channel import WorkerChannel

_TURN_SECONDS = 120.0
_LOOK_SECONDS = 60.0
_IMPORT_SECONDS = 120.0
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
                _private_folder() as folder,
            ):
                record = self._get(key)
                engine = self._computes.engine(record.compute)
                change = _Change(self, record, engine, way, folder)
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
        folders = self.folders(record, engine)
        missing = _ask(channel, "layers.use", layers=folders)["missing"]
        if not missing:
            return
        for number, raw in enumerate(record.layers or ()):
            if folders[-1 - number] in missing:
                self._remake(record, engine, channel, read_layer(raw), number)
        missing = _ask(channel, "layers.use", layers=folders)["missing"]
        if missing:
            raise _no_volume(record)

    def folders(self, record: RuntimeRecord, engine: Engine) -> list[str]:
        """Return where a runtime sees its layers, the uppermost first."""
        top = engine.layer_folder(identity.volume(record))
        return [f"{top}/{name}" for name in record.layer_names]

    def target(self, record: RuntimeRecord, engine: Engine) -> Target:
        """Return a runtime's interpreter and all that it has."""
        known = (record.id, record.instance or "", *record.layer_names)
        if known not in self._targets:
            channel = self._channels.get(record, engine)
            folders = self.folders(record, engine)
            self.remember(known, _examine(channel, folders, (), _LOOK_SECONDS))
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
        below = self.folders(record, engine)[-number:] if number else []
        target = read_target(_examine(channel, below, (), _LOOK_SECONDS))
        with _private_folder() as folder:
            wanted = parse_requirements([*layer.options, *layer.items], folder)
            volume = identity.volume(record)
            building.build(
                Lock(wanted.items, wanted.items),
                wanted,
                target,
                folder=folder / layer.name,
                final=f"{engine.layer_folder(volume)}/{layer.name}",
                below=below,
            )
            engine.add_layer(volume, layer.name, folder / layer.name, record.image)

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


class _Change:
    """One installation while it goes on."""

    def __init__(
        self,
        installer: Installer,
        record: RuntimeRecord,
        engine: Engine,
        way: Way,
        folder: Path,
    ) -> None:
        self._installer = installer
        self._record = record
        self._engine = engine
        self._way = way
        self._folder = folder
        self._channel = installer.channel(record, engine)
        self._volume = identity.volume(record)

    def make(
        self, wanted: Requirements, source: Source, upgrade: bool, began: float
    ) -> Installation:
        """Resolve, install, verify; then let the runtime have it."""
        before = self._installer.target(self._record, self._engine)
        with self._way.phase("resolve") as step:
            lock = resolve(wanted, before, self._folder, upgrade=upgrade)
            step.detail = f"{len(lock.items)} packages, {len(lock.new)} new"
        layers = list(self._record.layers or ())
        names = [item.name for item in wanted.items if item.name]
        if lock.new:
            layer = self._layer(lock, wanted, before, source)
            layers.append(layer.to_dict())
            names += [name for name in layer.packages if _is_local(wanted, name)]
        present = {
            item.name: before.versions()[item.name]
            for item in wanted.items
            if not any(new.name == item.name for new in lock.new)
            and item.name in before.versions()
        }
        modules = self._verify(layers, list(dict.fromkeys(names)), wanted)
        installed = dict(layers[-1]["packages"]) if lock.new else {}
        if lock.new:
            self._installer.keep(self._record, layers)
        versions = before.versions()
        return Installation(
            runtime=self._record.name,
            resolved=len(lock.items),
            installed=installed,
            replaced={name: versions[name] for name in installed if name in versions},
            present=present,
            modules=modules,
            seconds=time.monotonic() - began,
            layers=len(layers),
            warnings=tuple(problem.message for problem in wanted.warnings),
        )

    def _layer(
        self, lock: Lock, wanted: Requirements, target: Target, source: Source
    ) -> Layer:
        below = self._installer.folders(self._record, self._engine)
        name = building.layer_name(lock, target, self._record.layer_names)
        with self._way.phase("install") as step:
            packages = building.build(
                lock,
                wanted,
                target,
                folder=self._folder / name,
                final=f"{self._engine.layer_folder(self._volume)}/{name}",
                below=below,
            )
            self._engine.add_layer(
                self._volume, name, self._folder / name, self._record.image
            )
            step.detail = ", ".join(f"{n} {v}" for n, v in packages.items())
        return Layer(
            name=name,
            source=source,
            requirements=tuple(str(item) for item in wanted.items),
            packages=packages,
            items=tuple(str(item) for item in lock.new),
            options=tuple(
                without_login(f"{option} {value}".strip())
                for option, value in wanted.options
            ),
        )

    def _verify(
        self, layers: list[dict[str, Any]], names: list[str], wanted: Requirements
    ) -> dict[str, tuple[str, ...]]:
        """See that what was asked for is there, as asked, and can be imported."""
        top = self._engine.layer_folder(self._volume)
        folders = [f"{top}/{layer['name']}" for layer in reversed(layers)]
        with self._way.phase("verify") as step:
            answer = _examine(self._channel, folders, names, _IMPORT_SECONDS)
            asked = {item.name: item for item in wanted.items}
            modules: dict[str, tuple[str, ...]] = {}
            for found in answer["checked"]:
                name, version = found["name"], found["version"]
                item = asked.get(name)
                if version is None or (
                    item is not None
                    and item.path is None
                    and "@" not in item.text
                    and not fits(item, version)
                ):
                    raise _not_there(str(item or name), version)
                if found["error"] is not None:
                    raise _not_importable(name, version, found["error"])
                modules[name] = tuple(found["modules"])
            step.detail = ", ".join(
                module for found in modules.values() for module in found
            )
        names_now = tuple(layer["name"] for layer in reversed(layers))
        key = (self._record.id, self._record.instance or "", *names_now)
        self._installer.remember(key, answer)
        return modules


def _is_local(wanted: Requirements, name: str) -> bool:
    """Whether a distribution is one whose name only building it told."""
    unnamed = [item for item in wanted.items if not item.name]
    return bool(unnamed) and not any(item.name == name for item in wanted.items)


def _ask(channel: WorkerChannel, op: str, **fields: Any) -> dict[str, Any]:
    answer: dict[str, Any] = channel.request(op, **fields).result(_LOOK_SECONDS)
    return answer


def _examine(
    channel: WorkerChannel, folders: Sequence[str], check: Sequence[str], seconds: float
) -> dict[str, Any]:
    pending = channel.request(
        "layers.examine", layers=list(folders), check=list(check), timeout=seconds
    )
    answer: dict[str, Any] = pending.result(seconds + _LOOK_SECONDS)
    if answer["missing"]:
        raise RuntimeFailed(
            "the runtime does not see its layers",
            phase="verify",
            code="layer_missing",
            hint="delete the runtime and create it again: it is from an older version",
        )
    if "failed" in answer:
        raise RuntimeFailed(
            f"the runtime's Python cannot be examined: {answer['failed']}",
            phase="verify",
            code="verify_failed",
            hint="what was to be installed does not work there; nothing was changed",
        )
    return answer


def _no_volume(record: RuntimeRecord) -> RuntimeFailed:
    return RuntimeFailed(
        f"runtime {record.name!r} does not see its layers",
        phase="start",
        code="layer_missing",
        hint=f"%pfruntime reset {record.name} takes them off; then install anew",
    )


def _not_there(wanted: str, version: str | None) -> PfError:
    found = f"{version} is there" if version else "nothing of it is there"
    return RuntimeFailed(
        f"{wanted} was installed, but {found}",
        phase="verify",
        code="verify_failed",
        hint="the package's own name or version may be wrong; nothing was changed",
    )


def _not_importable(name: str, version: str, error: dict[str, str]) -> PfError:
    hint = "the package may need something else; nothing was changed"
    if "cannot open shared object" in error["text"]:
        hint = (
            "a library of the system is missing, which only an image can bring: "
            "%pfenv init writes a folder for one; nothing was changed"
        )
    return RuntimeFailed(
        f"{name} {version} was installed and cannot be imported: "
        f"import {error['module']} gives {error['text']}",
        phase="verify",
        code="import_failed",
        hint=hint,
    )


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Give a folder that only this user can read, and remove it."""
    with tempfile.TemporaryDirectory(
        prefix="pf-layer-", ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)
