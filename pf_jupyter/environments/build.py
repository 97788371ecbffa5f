"""Making an environment's image: looked through, built, tried; or found as it was."""

from __future__ import annotations

import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pf_jupyter.engines.api import LABEL, BuildOptions, Engine, ImageInfo
from pf_jupyter.environments import corporate, recipe, told
from pf_jupyter.environments.bases import Base, Logins, ensure_base
from pf_jupyter.environments.build_failures import explained
from pf_jupyter.environments.context import CONTEXT_BYTES, read_context
from pf_jupyter.environments.contract import Opener, Trial, try_image
from pf_jupyter.environments.model import BuildContext, EnvironmentDefinition
from pf_jupyter.environments.recipe import Recipe
from pf_jupyter.environments.steps import Steps
from pf_jupyter.environments.trials import Trials
from pf_jupyter.errors import IllegalState, PfError
from pf_jupyter.home import home_folder

DEFINITION_LABEL = f"{LABEL}.definition"
ENVIRONMENT_LABEL = f"{LABEL}.environment"
OWNER_LABEL = f"{LABEL}.owner"
BASE_LABEL = f"{LABEL}.base"
BASE_DIGEST_LABEL = f"{LABEL}.base-digest"

_LOCK_SECONDS = 1800.0
_looked_at: dict[str, Mapping[str, str]] = {}
"""Digest of a base to its packages: what is in it never changes."""


@dataclass(frozen=True)
class Built:
    """An image that was built and tried.

    Parameters
    ----------
    image
        Its reference on the engine.
    digest
        Of its content.
    definition
        ``sha256:…`` over all that decides what comes out: equal means no work.
    base
        What it stands on, and its digest.
    packages, base_packages
        Normalised name to version: in it, and in its base.
    cached
        Whether it was there already.
    """

    image: str
    digest: str
    definition: str
    base: str
    base_digest: str
    size: int
    python: str
    packages: Mapping[str, str] = field(default_factory=dict)
    base_packages: Mapping[str, str] = field(default_factory=dict)
    checks: tuple[Mapping[str, str], ...] = ()
    cached: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return {**vars(self), "checks": [dict(check) for check in self.checks]}


@dataclass
class Builder:
    """Makes images of definitions on one engine.

    Parameters
    ----------
    engine
        Where.
    owner
        Who asks, for the image's labels.
    compute
        Name of the engine's compute.
    opener
        Starts a worker in an instance, for the trial.
    logins
        Gives the login for a registry.
    home
        Folder for locks and temporary files.
    context_limit
        Bytes that a context may have.
    instead
        Bases that take the place of those that a definition names.
    """

    engine: Engine
    owner: str
    compute: str
    opener: Opener | None = None
    logins: Logins = lambda _: None
    home: Path | None = None
    context_limit: int = CONTEXT_BYTES
    instead: Mapping[str, str] = field(default_factory=dict)

    @property
    def trials(self) -> Trials:
        """What makes the containers in which images are tried."""
        return Trials(self.engine, self.home or home_folder(), self.compute)

    def build(
        self,
        definition: EnvironmentDefinition,
        steps: Steps,
        *,
        python: str = "",
        known: Callable[[str], Built | None] = lambda _: None,
        fresh: bool = False,
    ) -> Built:
        """Return a definition's image, making it when it is not as it should be.

        Parameters
        ----------
        definition
            What it is to hold.
        steps
            Told of each phase.
        python
            Version of Python for our own base; the definition's when empty.
        known
            Gives what was built under a definition's key.
        fresh
            Build even if nothing changed.

        Raises
        ------
        EnvironmentInvalid, EnvironmentFailed
            It cannot be made; nothing of the attempt is left.
        """
        definition.checked()
        with self._alone(definition.name, steps) as folder:
            made = self._recipe(definition, steps, folder, python or definition.python)
            plan, base = made
            reference = f"{repository(definition.name)}:build-{plan.key[7:19]}"
            there = None if fresh else self.engine.image(reference)
            before = known(plan.key) if there is not None else None
            if there is not None and before is not None and before.digest == there.id:
                with steps.phase("build") as step:
                    step.detail = "unchanged, already here"
                return Built(**{**vars(before), "cached": True})
            was_here = there is not None
            if there is None:
                there = self._make(definition, plan, base, reference, steps)
            try:
                trial = self._try(reference, definition, steps)
                facts = {
                    told.PACKAGES_LABEL: told.listed(trial.packages),
                    told.PYTHON_LABEL: trial.python,
                }
                there = told.tell(
                    self.engine,
                    there,
                    facts,
                    source=reference,
                    reference=reference,
                    mark=definition.name,
                    folder=folder,
                )
            except BaseException:
                if not was_here:
                    self.engine.remove_image(reference)
                raise
        return _built(reference, there, plan, base, trial, self._packages_of(base))

    def _recipe(
        self,
        definition: EnvironmentDefinition,
        steps: Steps,
        folder: Path,
        python: str,
    ) -> tuple[Recipe, Base]:
        build = definition.base
        if isinstance(build, BuildContext):
            with steps.phase("context") as step:
                context = read_context(
                    build.folder, build.dockerfile, limit=self.context_limit
                )
                count = sum(path.is_file() for _, path in context.files)
                step.detail = f"{count} files, {context.size / 1024**2:.1f} MB"
            names = build.base_images
        else:
            names = (build,)
        with steps.phase("base") as step:
            bases = {
                name: ensure_base(
                    self.engine,
                    self.instead.get(name, name),
                    python=python,
                    home=self.home,
                    logins=self.logins,
                    progress=step.progress,
                )
                for name in names
            }
            step.detail = "; ".join(
                f"{base.asked}: {base.note}" if base.note else base.asked
                for base in bases.values()
            )
        # the last image named is what the result stands on
        last = list(bases.values())[-1] if bases else Base("scratch", "scratch", "")
        if isinstance(build, BuildContext):
            return recipe.of_dockerfile(definition, build, context, bases), last
        uv = self._uv()
        return recipe.of_requirements(definition, last, folder, uv), last

    def _uv(self) -> Path | None:
        """Return a uv that runs in containers of the engine, if there is one here."""
        machine = {"x86_64": "amd64", "aarch64": "arm64"}
        mine = machine.get(platform.machine(), platform.machine())
        if sys.platform != "linux" or self.engine.ping().platform != f"linux/{mine}":
            return None
        try:
            from uv import find_uv_bin

            return Path(find_uv_bin())
        except (ImportError, FileNotFoundError):
            found = shutil.which("uv")
            return Path(found) if found else None

    def _make(
        self,
        definition: EnvironmentDefinition,
        plan: Recipe,
        base: Base,
        reference: str,
        steps: Steps,
    ) -> ImageInfo:
        proxies = corporate.proxy_arguments()
        options = BuildOptions(
            dockerfile=plan.dockerfile,
            text=plan.text,
            files=plan.files,
            arguments=proxies,
            host_network=corporate.proxy_on_loopback(proxies),
            mark=definition.name,
        )
        labels = {
            ENVIRONMENT_LABEL: definition.name,
            OWNER_LABEL: self.owner,
            DEFINITION_LABEL: plan.key,
            BASE_LABEL: base.asked,
            BASE_DIGEST_LABEL: base.digest,
            # those of the base would be inherited, and are not true of this image
            f"{LABEL}.version": "",
            f"{LABEL}.digest": "",
            told.PACKAGES_LABEL: "",
            told.PYTHON_LABEL: "",
            told.NOTES_LABEL: "",
            **plan.labels,
        }
        with steps.phase("build") as step:
            try:
                image = self.engine.build(
                    plan.folder,
                    reference,
                    labels=labels,
                    progress=step.progress,
                    options=options,
                )
            except PfError as error:
                raise explained(error) from error
            step.detail = f"{image.size / 1024**2:.0f} MB"
        return image

    def _try(
        self, reference: str, definition: EnvironmentDefinition, steps: Steps
    ) -> Trial:
        with steps.phase("contract") as step:
            trial = try_image(
                self.trials,
                reference,
                requirements=definition.requirements,
                opener=self.opener,
                progress=step.progress,
            ).checked()
            step.detail = f"Python {trial.python}, {len(trial.packages)} packages"
            warned = [check for check in trial.checks if check.status == "warn"]
            if warned:
                step.detail += f", {len(warned)} to look at: {warned[0].message}"
        return trial

    def _packages_of(self, base: Base) -> Mapping[str, str]:
        """Return what a base holds, so that it can be told from what was added."""
        image = self.engine.image(base.image)
        if image is None:
            return {}
        if (listed := told.packages_of(image)) is not None:
            return listed
        if base.digest not in _looked_at:
            try:
                _looked_at[base.digest] = try_image(self.trials, base.image).packages
            except PfError:
                return {}  # a base without Python: the build brought it
        return _looked_at[base.digest]

    @contextmanager
    def _alone(self, name: str, steps: Steps) -> Iterator[Path]:
        """Give a temporary folder to the one process that builds this environment."""
        home = self.home or home_folder()
        locks, work = home / "locks", home / "building"
        locks.mkdir(parents=True, exist_ok=True)
        work.mkdir(parents=True, exist_ok=True)
        short = f"env-{slug(name)}"
        lock = FileLock(locks / f"{short}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            with steps.phase("check") as step:
                step.detail = "waited for another process that builds it"
                try:
                    lock.acquire(timeout=_LOCK_SECONDS)
                except Timeout:
                    raise IllegalState(
                        f"another process has been building {name} for too long",
                        code="build_locked",
                        hint="end it, then build again",
                    ) from None
        try:
            # what a process that was killed in the middle left behind
            for old in work.glob(f"{short}.*"):
                shutil.rmtree(old, ignore_errors=True)
            with tempfile.TemporaryDirectory(prefix=f"{short}.", dir=work) as folder:
                yield Path(folder)
        finally:
            lock.release()


def slug(name: str) -> str:
    """Return a name as a repository can be called, different for different names."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "env"
    return text if text == name else f"{text}-{sha256(name.encode()).hexdigest()[:6]}"


def repository(name: str) -> str:
    """Return the repository of an environment's images on an engine."""
    return f"pf_jupyter/env/{slug(name)}"


def _built(
    reference: str,
    image: ImageInfo,
    plan: Recipe,
    base: Base,
    trial: Trial,
    base_packages: Mapping[str, str],
) -> Built:
    return Built(
        image=reference,
        digest=image.id,
        definition=plan.key,
        base=base.asked,
        base_digest=base.digest,
        size=image.size,
        python=trial.python,
        packages=trial.packages,
        base_packages=dict(base_packages),
        checks=tuple(vars(check) for check in trial.checks),
    )
