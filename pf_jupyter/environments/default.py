"""The environment ``default``: what the built-in tools need, made once and found again.

Its digest is over what goes in, so that an image that is here already is known without
making it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from pf_jupyter.engines.api import BuildProgress, Engine, ImageInfo, Progress
from pf_jupyter.environments import base, pulled
from pf_jupyter.environments import interpreter as interpreters
from pf_jupyter.environments.interpreter import Interpreter
from pf_jupyter.errors import NotFound, RuntimeFailed, Unreachable
from pf_jupyter.home import home_folder

DEFAULT_NAME = "default"
DEFAULT_VERSION = "1"
DEFAULT_PACKAGES = ("jinja2", "openai")
"""What the built-in tools need: prompts are jinja2 templates, and models are called
through their library. What these need themselves comes with them."""

_COPIED = ("jinja2", "markupsafe")
"""Those that work on any platform without their compiled parts."""

_INSTALLER = "pip"
"""Dockerfiles that build on this image install with it; it need not be there here."""

_RECIPE = 4
"""Raised whenever the same versions would be put together differently."""

_REPOSITORY = f"pf_jupyter/{DEFAULT_NAME}"
_LABEL = "pf_jupyter"
_LOCK_SECONDS = 900.0

Source = Literal["auto", "host", "registry"]


@dataclass(frozen=True)
class ResolvedEnvironment:
    """An environment that an engine has, ready for `Engine.create`.

    Parameters
    ----------
    name, version
        What the user calls it.
    digest
        ``sha256:…`` over its content.
    image
        For `InstanceSpec.image`: a reference, or the interpreter's path.
    python
        Version of Python in it, such as ``3.12.1``.
    packages
        Version of each distribution in it.
    source
        ``host``: made from this machine's Python; ``registry``: on a base image that
        was fetched; ``process``: the Python that runs this code.
    """

    name: str
    version: str
    digest: str
    image: str
    python: str
    packages: Mapping[str, str] = field(default_factory=dict)
    source: Literal["registry", "host", "process"] = "host"

    def __str__(self) -> str:
        short = self.digest.split(":", 1)[-1][:12]
        return f"{self.name}:{self.version} @ {short}"


def resolve_default(
    engine: Engine,
    on_progress: Progress | None = None,
    *,
    source: Source = "auto",
    base_image: str | None = None,
    interpreter: str | Path | None = None,
    home: Path | None = None,
) -> ResolvedEnvironment:
    """Return the default environment on ``engine``, making its image when needed.

    Parameters
    ----------
    engine
        Where it is wanted.
    on_progress
        Told of each step; not called when nothing is to be done.
    source
        ``host`` puts this machine's Python into the image (Linux), ``registry`` starts
        from ``base_image``; ``auto`` is ``host`` where that works.
    base_image
        Image to start from; ``python:3.x-slim`` of the running version when None.
        Naming one means ``registry``.
    interpreter
        Path of another Python of this machine for the image.
    home
        Folder for locks and temporary files; the workspace's home when None.

    Raises
    ------
    RuntimeFailed, Unreachable, NotFound, Refused
        The image could not be made or fetched; nothing is left behind.
    """
    if not engine.isolated:
        return _of_this_process()
    python = interpreters.at(interpreter) if interpreter else interpreters.running()
    folder = home or home_folder()
    from_host = source == "host" or (source == "auto" and not base_image)
    if from_host and (base.can_build() or source == "host"):
        recipe = _host_recipe(python)
        if (image := engine.image(recipe.reference)) is not None:
            return recipe.resolved(image)
        if source == "host" or _same_platform(engine):
            return _make(engine, recipe, folder, on_progress)
    recipe = _pulled_recipe(base_image or f"python:{python.minor}-slim")
    if (image := engine.image(recipe.reference)) is not None:
        return recipe.resolved(image)
    return _make(engine, recipe, folder, on_progress)


def expected_default(engine: Engine) -> ResolvedEnvironment | None:
    """Return what `resolve_default` would give now, making nothing.

    None where there are no images.

    Raises
    ------
    RuntimeFailed, NotFound
        It cannot be told.
    """
    if not engine.isolated:
        return None
    python = interpreters.running()
    if base.can_build() and _same_platform(engine):
        recipe = _host_recipe(python)
    else:
        recipe = _pulled_recipe(f"python:{python.minor}-slim")
    return ResolvedEnvironment(
        name=DEFAULT_NAME,
        version=DEFAULT_VERSION,
        digest=recipe.digest,
        image=recipe.reference,
        python=python.version,
        packages=dict(recipe.packages),
        source="host" if recipe.interpreter is not None else "registry",
    )


@dataclass(frozen=True)
class _Recipe:
    digest: str
    packages: Mapping[str, str]
    interpreter: Interpreter | None = None
    base_image: str = ""

    @property
    def reference(self) -> str:
        short = self.digest.split(":", 1)[1][:12]
        return f"{_REPOSITORY}:{DEFAULT_VERSION}-{short}"

    def labels(self) -> dict[str, str]:
        labels = {
            f"{_LABEL}.environment": DEFAULT_NAME,
            f"{_LABEL}.version": DEFAULT_VERSION,
            f"{_LABEL}.digest": self.digest,
            f"{_LABEL}.packages": " ".join(
                f"{name}=={version}" for name, version in sorted(self.packages.items())
            ),
        }
        if self.interpreter is not None:
            labels[f"{_LABEL}.python"] = base.PYTHON_IN_IMAGE
            labels[f"{_LABEL}.python-version"] = self.interpreter.version
        return labels

    def resolved(self, image: ImageInfo) -> ResolvedEnvironment:
        return ResolvedEnvironment(
            name=DEFAULT_NAME,
            version=DEFAULT_VERSION,
            digest=self.digest,
            image=self.reference,
            python=image.labels.get(f"{_LABEL}.python-version", ""),
            packages=dict(self.packages),
            source="host" if self.interpreter is not None else "registry",
        )


def _package_versions() -> dict[str, str]:
    names = interpreters.with_requirements(DEFAULT_PACKAGES)
    return interpreters.distribution_versions(names)


def _installer_version() -> dict[str, str]:
    try:
        return interpreters.distribution_versions([_INSTALLER])
    except RuntimeFailed:
        return {}


def _host_recipe(python: Interpreter) -> _Recipe:
    packages = dict(sorted({**_package_versions(), **_installer_version()}.items()))
    bundle = interpreters.certificate_bundle()
    digest = interpreters.content_digest(
        {
            "recipe": _RECIPE,
            "python": python.facts,
            "packages": packages,
            # a new certificate authority of the company must get in
            "certificates": interpreters.content_digest(
                {"bundle": bundle.read_bytes().hex() if bundle else ""}
            ),
        }
    )
    return _Recipe(digest, packages, interpreter=python)


def _pulled_recipe(base_image: str) -> _Recipe:
    packages = interpreters.distribution_versions([*_COPIED, "openai"])
    digest = interpreters.content_digest(
        {"recipe": _RECIPE, "base": base_image, "packages": packages}
    )
    return _Recipe(digest, packages, base_image=base_image)


def _same_platform(engine: Engine) -> bool:
    import platform

    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(
        platform.machine(), platform.machine()
    )
    return engine.ping().platform in (f"linux/{machine}", f"linux/{platform.machine()}")


def _make(
    engine: Engine, recipe: _Recipe, home: Path, progress: Progress | None
) -> ResolvedEnvironment:
    with _alone(home, recipe.digest, progress) as folder:
        image = engine.image(recipe.reference)
        if image is None and recipe.interpreter is not None:
            image = base.build_base(
                engine,
                recipe.reference,
                interpreter=recipe.interpreter,
                packages=list(recipe.packages),
                labels=recipe.labels(),
                folder=folder,
                progress=progress,
            )
        elif image is None:
            image = pulled.build_on(
                engine,
                recipe.reference,
                base_image=recipe.base_image,
                packages=_COPIED,
                fetched=[
                    f"{name}=={version}"
                    for name, version in recipe.packages.items()
                    if name not in _COPIED
                ],
                labels=recipe.labels(),
                folder=folder,
                progress=progress,
            )
    return recipe.resolved(image)


@contextmanager
def _alone(home: Path, digest: str, progress: Progress | None) -> Iterator[Path]:
    """Give a temporary folder to the one process that makes this environment."""
    short = digest.split(":", 1)[1][:12]
    locks, work = home / "locks", home / "building"
    locks.mkdir(parents=True, exist_ok=True)
    work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(locks / f"environment-{short}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if progress is not None:
            progress(BuildProgress("waiting for another process that makes it"))
        try:
            lock.acquire(timeout=_LOCK_SECONDS)
        except Timeout:
            raise Unreachable(
                f"another process has been making {_REPOSITORY} for too long",
                code="build_locked",
                hint=f"end it, or remove {lock.lock_file} when there is none",
            ) from None
    try:
        # what a process that was killed in the middle left behind
        for old in work.glob(f"{short}-*"):
            shutil.rmtree(old, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=f"{short}-", dir=work) as folder:
            yield Path(folder)
    finally:
        lock.release()


def _of_this_process() -> ResolvedEnvironment:
    packages = dict(
        sorted(
            (found.name.lower(), found.version)
            for found in metadata.distributions()
            if found.name
        )
    )
    python = ".".join(map(str, sys.version_info[:3]))
    digest = interpreters.content_digest(
        {"recipe": _RECIPE, "python": sys.version, "packages": packages}
    )
    if not Path(sys.executable or "").is_file():
        raise NotFound(
            "the Python that runs this has no file of its own",
            code="no_python",
            hint="run pf_jupyter from an ordinary Python",
        )
    return ResolvedEnvironment(
        name=DEFAULT_NAME,
        version=DEFAULT_VERSION,
        digest=digest,
        image=os.path.abspath(sys.executable),
        python=python,
        packages=packages,
        source="process",
    )
