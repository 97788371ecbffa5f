"""The images that environments are built on: ours, one that is here, one to be fetched.

Names of the prebuilt image of the public prompt flow stand for ours, so that a folder
that was made for it builds unchanged.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pf_jupyter.engines.api import BuildProgress, Engine, ImageInfo, Login, Progress
from pf_jupyter.environments.default import DEFAULT_NAME, resolve_default
from pf_jupyter.errors import NotFound, PfError, Refused, RuntimeFailed, Unreachable

Logins = Callable[[str], Login | None]
"""Gives the login for the registry of a reference; None leaves it to the engine."""

OWN_BASE = "pf_jupyter/base"
"""How a Dockerfile names our own image: ``FROM pf_jupyter/base``."""

_OURS = re.compile(rf"({DEFAULT_NAME}|pf_jupyter/({DEFAULT_NAME}|base))(:[\w.-]+)?")
_PUBLIC = re.compile(
    r"mcr\.microsoft\.com/azureml/promptflow/promptflow-runtime[\w-]*(:[\w.-]+)?"
)
_PYENV = "PYENV_ROOT"


@dataclass(frozen=True)
class Base:
    """An image to build on, on the engine.

    Parameters
    ----------
    asked
        How the definition names it.
    image
        How the engine knows it.
    digest
        Of its content.
    note
        How it came to be there, for people.
    ours
        Whether it is made by us: this machine's certificates are in it then.
    """

    asked: str
    image: str
    digest: str
    note: str = ""
    ours: bool = False


def is_ours(reference: str) -> bool:
    """Tell whether a base's name stands for our own image."""
    return bool(_OURS.fullmatch(reference) or _PUBLIC.fullmatch(reference))


def ensure_base(
    engine: Engine,
    reference: str,
    *,
    python: str = "",
    home: Path | None = None,
    logins: Logins = lambda _: None,
    progress: Progress | None = None,
) -> Base:
    """Return a base that is on the engine, fetching or making it when needed.

    Parameters
    ----------
    engine
        Where it is wanted.
    reference
        What the definition names.
    python
        Version such as ``3.12`` for our own base; empty for the running one.
    home
        Folder for locks and temporary files.
    logins
        Gives the login for a registry.
    progress
        Told of each step.

    Raises
    ------
    NotFound, Refused, Unreachable, RuntimeFailed
        It cannot be had.
    """
    if is_ours(reference):
        return _own(engine, reference, python, home, progress)
    here = engine.image(reference)
    if here is not None and not _may_move(reference, here):
        return Base(reference, reference, here.id, "already here")
    login = logins(reference)
    if here is None:
        made = engine.pull(reference, progress, login=login)
        return Base(reference, reference, made.id, "fetched")
    try:
        there = engine.registry_digest(reference, login=login)
    except PfError as error:
        if not isinstance(error, Unreachable | Refused | NotFound | RuntimeFailed):
            raise
        note = f"already here; its registry could not be asked: {error.code}"
        return Base(reference, reference, here.id, note)
    if any(known.endswith(f"@{there}") for known in here.registry_digests):
        return Base(reference, reference, here.id, "already here, the newest")
    if progress is not None:
        progress(BuildProgress(f"{reference} has moved to {there[7:19]}"))
    made = engine.pull(reference, progress, login=login)
    return Base(reference, reference, made.id, "fetched: it had moved")


def _may_move(reference: str, here: ImageInfo) -> bool:
    """Tell whether a registry may have another image under this name by now.

    One that came from no registry was made here, and only here.
    """
    return "@sha256:" not in reference and bool(here.registry_digests)


def _own(
    engine: Engine,
    reference: str,
    python: str,
    home: Path | None,
    progress: Progress | None,
) -> Base:
    interpreter = find_interpreter(python) if python else None
    found = resolve_default(engine, progress, home=home, interpreter=interpreter)
    image = engine.image(found.image)
    if image is None:  # removed by somebody in this very moment
        raise NotFound(
            f"the image {found.image} is gone again",
            code="image_not_found",
            hint="build once more",
        )
    note = f"{found}, Python {found.python}" if found.python else str(found)
    return Base(reference, found.image, image.id, note, found.source == "host")


def find_interpreter(version: str) -> Path | None:
    """Return a Python of this machine of that version; None for the running one.

    Raises
    ------
    NotFound
        There is none.
    """
    import sys

    running = ".".join(map(str, sys.version_info[:3]))
    if running == version or running.startswith(version + "."):
        return None
    found = shutil.which(f"python{version}")
    if found is not None and "/shims/" not in found:
        return Path(found)
    root = Path(os.environ.get(_PYENV) or Path.home() / ".pyenv")
    candidates = [
        path
        for path in root.glob(f"versions/{version}*/bin/python3")
        if path.parts[-3] == version or path.parts[-3].startswith(version + ".")
    ]
    if candidates:
        return max(candidates, key=_numbers)
    raise NotFound(
        f"there is no Python {version} on this machine",
        code="no_python",
        hint=f"install it, or name an image that has it: image: python:{version}-slim",
    )


def _numbers(path: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", path.parts[-3])]
