"""What building and publishing share: definitions, engines, logins, what was built."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engines.api import Engine, Login
from ..environments.build import Builder, Built
from ..environments.context import CONTEXT_BYTES
from ..environments.definition import read_definition
from ..environments.model import EnvironmentDefinition
from ..environments.steps import StepEvent, Steps
from ..errors import NotFound, PfError, Refused
from ..flow.fields import did_you_mean
from ..runtimes.identity import user
from ..runtimes.model import OnPhase, PhaseEvent
from ..runtimes.named import refuse_without_containers
from ..store.records import EnvironmentRecord, timestamp
from .publishing import login_of

if TYPE_CHECKING:
    from .core import Core


class Bench:
    """Where environments are made.

    Parameters
    ----------
    core
        Of the workspace.
    """

    def __init__(self, core: Core) -> None:
        self._core = core

    def definition(self, source: str | Path) -> EnvironmentDefinition:
        """Return the definition in a folder, or of a name that was built before."""
        path = Path(source).expanduser()
        if path.exists():
            return read_definition(path)
        known = self._core.store.environments.get(str(source))
        if known is not None and known.folder and Path(known.folder).exists():
            return read_definition(known.folder)
        if known is not None:
            raise NotFound(
                f"the folder of {source} is gone: {known.folder}",
                code="environment_missing",
                hint="name the folder where it is now",
            )
        names = [record.name for record in self._core.store.environments.all()]
        raise NotFound(
            f"there is neither a folder nor an environment {str(source)!r}",
            code="environment_missing",
            hint=did_you_mean(str(source), names, f"%pfenv init {source} writes one"),
        )

    def engine(self, compute: str | None) -> Engine:
        """Return the engine of a compute that has images (UsageError)."""
        return self._place(compute)[1]

    def _place(self, compute: str | None) -> tuple[str, Engine]:
        computes = self._core.life.computes
        if compute is None and "docker" in computes.names():
            compute = "docker"  # an image cannot be made anywhere else
        name, engine, info, _ = computes.choose(compute)
        if not info.isolated:
            raise refuse_without_containers("an environment")
        return name, engine

    def builder(
        self, compute: str | None, context_limit: int | None, connection: str | None
    ) -> Builder:
        """Return what makes images on a compute."""
        from .core import open_worker

        login = self._login(connection)
        name, engine = self._place(compute)
        return Builder(
            engine=engine,
            owner=user(),
            compute=name,
            opener=open_worker,
            logins=lambda reference: login,
            home=self._core.store.folder,
            context_limit=context_limit or CONTEXT_BYTES,
        )

    def _login(self, connection: str | None) -> Login | None:
        if connection is None:
            return None
        stored = self._core.connections
        stored.record(connection)
        return login_of(connection, stored.for_run([connection])[connection])

    def steps(self, name: str, on_phase: OnPhase | None) -> Steps:
        """Return phases that are told as those of a runtime are."""
        if on_phase is None:
            return Steps(name)
        listener = on_phase

        def tell(event: StepEvent) -> None:
            listener(PhaseEvent(runtime=name, **vars(event)))

        return Steps(name, tell)

    def build(
        self,
        definition: EnvironmentDefinition,
        builder: Builder,
        steps: Steps,
        python: str,
        fresh: bool,
    ) -> Built:
        """Return the image of a definition, and remember it."""
        rows = self._core.store.environments
        known = rows.get(definition.name)
        self._check_owner(definition.name, known, builder.owner)
        previous = (known.build if known else None) or {}

        def same(key: str) -> Built | None:
            if previous.get("definition") != key:
                return None
            return Built(**{k: v for k, v in previous.items() if k != "log"})

        built = builder.build(definition, steps, python=python, known=same, fresh=fresh)
        folder = str(definition.folder.resolve())
        now = timestamp()
        record = EnvironmentRecord(
            definition.name, builder.owner, now, now, False, folder
        )
        if known is None and not rows.add(record):
            self._check_owner(definition.name, rows.get(definition.name), builder.owner)
        if not built.cached:
            document = {**built.to_dict(), "log": list(steps.log)}
            rows.change(definition.name, build=document, folder=folder)
            self._forget_draft(builder.engine, previous, built)
        return built

    def _forget_draft(
        self, engine: Engine, previous: Mapping[str, Any], built: Built
    ) -> None:
        """Take the name of the build before, so that its image can go."""
        image = str(previous.get("image") or "")
        if image and image != built.image:
            try:
                engine.remove_image(image)
            except PfError:
                pass  # a runtime stands on it; it goes with that

    def log_of(self, name: str, steps: Steps) -> list[str]:
        """Return what the last build of a name said."""
        record = self._core.store.environments.get(name)
        kept = ((record.build if record else None) or {}).get("log")
        return list(kept or steps.log)

    def check_name(self, name: str) -> None:
        """Refuse a name that is somebody else's (Refused, ``name_taken``)."""
        self._check_owner(name, self._core.store.environments.get(name), user())

    def _check_owner(
        self, name: str, known: EnvironmentRecord | None, owner: str
    ) -> None:
        if name == "default":
            raise Refused(
                "the name default is ours",
                code="name_taken",
                hint="choose another name in environment.yaml",
            )
        if known is not None and known.owner != owner:
            raise Refused(
                f"the name {name} is {known.owner}'s",
                code="name_taken",
                hint=f"choose another name, or ask {known.owner} to publish it",
            )
