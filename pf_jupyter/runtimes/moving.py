"""Moving a runtime onto another environment while its runs go on.

A second instance is made and must be ready, with all layers, before the record names
it, in one transaction. So a runtime is the old one or the new one at every moment, and
whatever ends this process between them leaves only what `Leftovers` removes.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from ..engines.api import Engine
from ..environments.layers import digest_of, read_layer
from ..environments.requirements import parse_requirements
from ..environments.target import Target
from ..errors import IllegalState, NotFound, PfError, RuntimeFailed
from ..store.records import LifeLine, RuntimeRecord, timestamp
from ..store.store import Store
from . import identity
from .change import Change
from .channels import Channels
from .computes import Computes
from .ground import Ground, ground_of
from .installing import Installer
from .leftover import CANDIDATE, Leftovers
from .lifecycle import Lifecycle
from .phases import Way
from .placing import instance_spec
from .states import ON_THE_WAY, USABLE
from .turns import Turns

_TURN_SECONDS = 120.0


@dataclass(frozen=True)
class Beside:
    """An instance beside a runtime, ready and with all layers.

    Parameters
    ----------
    record
        As the runtime's would be, under an id of its own.
    packages
        Version of each distribution that is installed in it.
    start_seconds
        From the wish for it to the worker's hello.
    """

    record: RuntimeRecord
    packages: Mapping[str, str]
    start_seconds: float


class Mover:
    """Makes instances beside runtimes, and lets runtimes have them.

    Parameters
    ----------
    store, computes, channels, turns, installer, lifecycle, leftovers
        What it works with.
    """

    def __init__(
        self,
        store: Store,
        computes: Computes,
        channels: Channels,
        turns: Turns,
        installer: Installer,
        lifecycle: Lifecycle,
        leftovers: Leftovers,
    ) -> None:
        self._store = store
        self._computes = computes
        self._channels = channels
        self._turns = turns
        self._installer = installer
        self._lifecycle = lifecycle
        self._leftovers = leftovers

    @contextmanager
    def beside(
        self, record: RuntimeRecord, ground: Ground, way: Way
    ) -> Iterator[Beside]:
        """Give an instance on other ground beside a runtime; it is removed again.

        Raises
        ------
        RuntimeFailed, Unreachable
            It does not come to ready, or layers cannot be resolved over it.
        """
        labels = {
            CANDIDATE: record.id,
            identity.WORKSPACE: self._store.id,
            identity.OWNER: record.owner,
        }
        with self._leftovers.marked(record):
            made = _standing(record, ground)
            try:
                yield self._raise(record, made, ground, way, labels)
            finally:
                self._channels.drop(made.id)

    def packages(self, record: RuntimeRecord) -> dict[str, str]:
        """Return what is installed in a runtime that is ready."""
        engine = self._computes.engine(record.compute)
        return dict(self._installer.target(record, engine).versions())

    def move(self, key: str, ground: Ground, way: Way) -> tuple[RuntimeRecord, Beside]:
        """Let a runtime stand on other ground.

        Parameters
        ----------
        key
            The runtime's id.
        ground
            On which; its image is on the engine.
        way
            Told of the phases; the last is ``switch``.

        Returns
        -------
        The record then, and what was made.

        Raises
        ------
        RuntimeFailed, Unreachable, IllegalState
            The runtime is as it was.
        """
        record = self._get(key)
        with (
            self._leftovers.marked(record),
            self._turns.take(key, record.name, _TURN_SECONDS),
        ):
            record = self._get(key)
            if record.state in ON_THE_WAY:
                raise IllegalState(
                    f"runtime {record.name!r} is {record.state} just now",
                    hint=f"%pfruntime start {record.name} settles it; then try again",
                )
            before = self._packages_before(record)
            made = _standing(record, ground)
            labels = identity.labels(
                replace(made, id=record.id, previous=None), self._store.id
            )
            try:
                beside = self._raise(record, made, ground, way, labels)
                self._check(beside, ground)
                with way.phase("switch") as step:
                    changed = self._switch(record, beside.record, before)
                    step.detail = "one moment: what runs goes on where it is"
            except BaseException:
                self._channels.drop(made.id)
                raise
            if changed.state in USABLE:
                self._channels.succeed(changed, made.id)
            else:
                self._channels.drop(made.id)
        if changed.state not in USABLE:
            changed = self._lifecycle.start(key)
        return changed, beside

    def settle(self, key: str) -> int:
        """Remove what a runtime was in before; return how many runs go on in it."""
        return self._leftovers.retire(key)

    # steps

    def _raise(
        self,
        record: RuntimeRecord,
        made: RuntimeRecord,
        ground: Ground,
        way: Way,
        labels: Mapping[str, str],
    ) -> Beside:
        began = time.monotonic()
        engine = self._computes.engine(record.compute)
        with way.phase("create") as step:
            spec = instance_spec(made, labels, suffix=f"-{made.id[:4]}")
            instance = engine.create(spec)
            step.detail = instance[:12]
        made = replace(made, instance=instance)
        with way.phase("start"):
            engine.start(instance)
        with way.phase("handshake") as step:
            hello = self._channels.get(made, engine).handshake()
            python = str(hello.get("python", ""))
            step.detail = f"Python {python} on {hello.get('hostname', '')}"
        made = replace(made, python=python, hostname=str(hello.get("hostname", "")))
        took = time.monotonic() - began
        if ground.layers is not None:
            made = replace(made, layers=list(ground.layers) or None)
        else:
            made = self._with_layers(made, record.layers or [], engine, way)
        made = replace(
            made, environment_digest=digest_of(ground.digest, made.layers or ())
        )
        # it must see its layers, and answer with them
        self._channels.get(made, engine)
        found = self._installer.target(made, engine)
        return Beside(made, dict(found.versions()), took)

    def _with_layers(
        self,
        made: RuntimeRecord,
        layers: list[dict[str, Any]],
        engine: Engine,
        way: Way,
    ) -> RuntimeRecord:
        """Resolve what was asked for anew: another base has other packages."""
        for raw in layers:
            layer = read_layer(raw)
            with self._store.processes.scratch("pf-layer-") as folder:
                given = [*layer.options, *layer.requirements]
                wanted = parse_requirements(given, folder)
                kept = _Kept(self._installer)
                change = Change(cast(Installer, kept), made, engine, way, folder)
                try:
                    change.make(wanted, layer.source, False, time.monotonic())
                except PfError as error:
                    raise _not_over(layer.requirements, made, error) from error
            if kept.layers is not None:
                made = replace(made, layers=kept.layers)
        return made

    def _check(self, beside: Beside, ground: Ground) -> None:
        wanted = ground.packages
        if wanted is None or dict(wanted) == dict(beside.packages):
            return
        differing = sorted(
            name
            for name in {*wanted, *beside.packages}
            if wanted.get(name) != beside.packages.get(name)
        )
        raise RuntimeFailed(
            f"it would not be what it was: {', '.join(differing[:5])} differ",
            phase="verify",
            code="packages_differ",
            hint="its image was changed under the same name: create a runtime anew",
        )

    def _packages_before(self, record: RuntimeRecord) -> dict[str, str]:
        if record.state not in USABLE:
            return {}
        try:
            return self.packages(record)
        except PfError:
            return {}  # it is to be left because it is broken, perhaps

    def _switch(
        self, record: RuntimeRecord, made: RuntimeRecord, packages: dict[str, str]
    ) -> RuntimeRecord:
        now = timestamp()
        held = list((record.previous or {}).get("held") or ())
        if record.instance:
            held.append({"instance": record.instance})
        previous = {**ground_of(record).kept(packages, now), "held": held}
        text = f"{made.environment_name}:{made.environment_version}"
        changed = self._store.change_runtime(
            record.id,
            # a run that begins now finds the record changed, and begins anew
            only_from=tuple(USABLE) if record.state in USABLE else (record.state,),
            line=LifeLine(now, "text", "switch", f"stands on {text} now"),
            environment_name=made.environment_name,
            environment_version=made.environment_version,
            environment_digest=made.environment_digest,
            base_digest=made.base_digest,
            image=made.image,
            python=made.python,
            layers=made.layers,
            instance=made.instance,
            hostname=made.hostname,
            previous=previous,
            started_at=now,
            last_used_at=now,
        )
        if changed is None:
            raise IllegalState(
                f"runtime {record.name!r} has changed in this moment",
                code="runtime_in_change",
                hint="it is as it was; try again",
            )
        # whatever began until now began in what was there before
        moment = timestamp()
        previous["held"] = [{"switched_at": moment, **one} for one in held]
        return self._store.change_runtime(record.id, previous=previous) or changed

    def _get(self, key: str) -> RuntimeRecord:
        record = self._store.runtime_by_id(key)
        if record is None:
            raise NotFound(
                "the runtime does not exist any more",
                hint="%pfruntime list shows those that do",
            )
        return record


class _Kept:
    """Takes the layers of an instance that no record names yet."""

    def __init__(self, installer: Installer) -> None:
        self._installer = installer
        self.layers: list[dict[str, Any]] | None = None

    def target(self, record: RuntimeRecord, engine: Engine) -> Target:
        return self._installer.target(record, engine)

    def remember(self, key: tuple[str, ...], answer: dict[str, Any]) -> None:
        self._installer.remember(key, answer)

    def channel(self, record: RuntimeRecord, engine: Engine) -> Any:
        return self._installer.channel(record, engine)

    def keep(self, record: RuntimeRecord, layers: list[dict[str, Any]]) -> None:
        del record
        self.layers = layers


def _standing(record: RuntimeRecord, ground: Ground) -> RuntimeRecord:
    """Return the record of a runtime on other ground, under an id of its own."""
    return replace(
        record,
        id=uuid.uuid4().hex,
        environment_name=ground.name,
        environment_version=ground.version,
        environment_digest=ground.digest,
        base_digest=ground.digest,
        image=ground.image,
        python=ground.python,
        layers=None,
        instance=None,
        hostname="",
        previous=None,
    )


def _not_over(
    requirements: tuple[str, ...], made: RuntimeRecord, error: PfError
) -> PfError:
    name = f"{made.environment_name}:{made.environment_version}"
    log = error.log if isinstance(error, RuntimeFailed) else ""
    failed = RuntimeFailed(
        f"{' '.join(requirements)} cannot be had over {name}: {error.message}",
        phase="resolve",
        log=log,
        code="layer_conflict",
        hint=f"the runtime is as it was; %pfruntime reset {made.name} takes off what "
        "was installed by hand",
    )
    failed.exit_code = error.exit_code
    return failed
