"""One installation into a runtime: resolved, copied, tried, and only then kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.api import Engine
from ..environments import compiled
from ..environments import layers as building
from ..environments.layers import Layer, Source
from ..environments.lock import Lock, fits, resolve
from ..environments.requirement_text import without_login
from ..environments.requirements import Requirements
from ..environments.target import Target
from ..errors import PfError, RuntimeFailed
from ..store.records import RuntimeRecord
from . import identity
from .model import Installation
from .phases import Way

if TYPE_CHECKING:
    from .channel import WorkerChannel
    from .installing import Installer

LOOK_SECONDS = 60.0
_IMPORT_SECONDS = 120.0


class Change:
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
        self._made = False

    def make(
        self, wanted: Requirements, source: Source, upgrade: bool, began: float
    ) -> Installation:
        """Resolve, install, verify; then let the runtime have it."""
        before = self._installer.target(self._record, self._engine)
        with self._way.phase("resolve") as step:
            lock = Lock((), ())
            if upgrade or not _all_there(wanted, before):
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
        try:
            modules = self._verify(layers, list(dict.fromkeys(names)), wanted)
        except BaseException:
            self._undo(layers[-1:])
            raise
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
        below = identity.layer_folders(self._record, self._engine)
        name = building.layer_name(lock, target, self._record.layer_names)
        with self._way.phase("install") as step:
            packages, self._made = make_layer(
                self._engine,
                self._record,
                target,
                lock,
                wanted,
                self._folder / name,
                below,
            )
            step.detail = ", ".join(f"{n} {v}" for n, v in packages.items())
        return Layer(
            name=name,
            source=source,
            requirements=tuple(str(item) for item in wanted.items),
            packages=packages,
            items=tuple(str(item) for item in lock.new),
            lock=lock.lines,
            options=tuple(
                without_login(f"{option} {value}".strip())
                for option, value in wanted.options
            ),
        )

    def _undo(self, layers: list[dict[str, Any]]) -> None:
        """Remove the layer that was made for nothing; others may have one like it."""
        for layer in layers if self._made else ():
            with contextlib.suppress(PfError):
                image = self._record.image
                self._engine.remove_layer(self._volume, layer["name"], image)

    def _verify(
        self, layers: list[dict[str, Any]], names: list[str], wanted: Requirements
    ) -> dict[str, tuple[str, ...]]:
        """See that what was asked for is there, as asked, and can be imported."""
        top = self._engine.layer_folder(self._volume)
        folders = [f"{top}/{layer['name']}" for layer in reversed(layers)]
        with self._way.phase("verify") as step:
            answer = examine(self._channel, folders, names, _IMPORT_SECONDS)
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


def make_layer(
    engine: Engine,
    record: RuntimeRecord,
    target: Target,
    lock: Lock,
    wanted: Requirements,
    folder: Path,
    below: Sequence[str],
) -> tuple[Mapping[str, str], bool]:
    """Build a layer and bring it to the engine.

    Parameters
    ----------
    engine, record, target
        The runtime, and its interpreter with what is below.
    lock, wanted
        What goes in, and what that was made from.
    folder
        Where it is built; its name is the layer's.
    below
        Folders of the layers below as the runtime sees them, the uppermost first.

    Returns
    -------
    tuple
        Version of each distribution in it, and whether it was not there yet.
    """
    volume = identity.volume(record)
    final = f"{engine.layer_folder(volume)}/{folder.name}"
    packages = building.build(
        lock, wanted, target, folder=folder, final=final, below=below
    )
    if not target.compiled_here:
        instance = record.instance or ""
        command = [*engine.python(instance), "-I", "-S", "-c", compiled.PROGRAM]
        site = building.site_of("", target)
        stream = engine.open_stream(instance, [*command, final + site])
        compiled.add_byte_code(stream, folder / site.lstrip("/\\"))
    return packages, engine.add_layer(volume, folder.name, folder, record.image)


def _all_there(wanted: Requirements, target: Target) -> bool:
    """Whether all is there as it is asked for: then no index has to be asked."""
    versions = target.versions()
    return all(
        fits(item, versions.get(item.name)) and "[" not in item.text
        for item in wanted.items
    )


def _is_local(wanted: Requirements, name: str) -> bool:
    """Whether a distribution is one whose name only building it told."""
    unnamed = [item for item in wanted.items if not item.name]
    return bool(unnamed) and not any(item.name == name for item in wanted.items)


def examine(
    channel: WorkerChannel,
    folders: Sequence[str],
    check: Sequence[str] = (),
    seconds: float = LOOK_SECONDS,
) -> dict[str, Any]:
    """Return what a worker finds with these layers; see ``layers.examine``.

    Raises
    ------
    RuntimeFailed
        A layer is not there, or importing broke the process.
    """
    pending = channel.request(
        "layers.examine", layers=list(folders), check=list(check), timeout=seconds
    )
    answer: dict[str, Any] = pending.result(seconds + LOOK_SECONDS)
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
