"""A version of an environment as one file, for where no registry can be reached.

A tar of two members: ``environment.json`` says what it is, ``image.tar`` is what the
engine writes. The digest in the first is held against what is read from the second.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pf_jupyter.engines.api import BuildProgress, Engine
from pf_jupyter.environments.steps import Step, Steps
from pf_jupyter.errors import AlreadyExists, EnvironmentFailed, UsageError

_FACTS, _IMAGE = "environment.json", "image.tar"
_FORMAT = 1
_MOST_FACTS = 16 * 1024**2


def write_archive(
    engine: Engine,
    image: str,
    to: Path,
    facts: Mapping[str, Any],
    steps: Steps,
    *,
    overwrite: bool = False,
) -> Path:
    """Write an image and what is known of it into a file, and return the file.

    Parameters
    ----------
    engine, image
        Where it is, and its reference there.
    to
        The file, or a folder for ``NAME-VERSION.pfenv.tar``.
    facts
        What is remembered of the version.
    steps
        Told of the phase.
    overwrite
        Replace a file that is there.

    Raises
    ------
    AlreadyExists, EnvironmentFailed
    """
    if to.is_dir():
        to = to / f"{facts['name']}-{facts['version']}.pfenv.tar"
    if to.exists() and not overwrite:
        raise AlreadyExists(f"{to} is there already", hint="choose another name")
    if not to.parent.is_dir():
        raise UsageError(
            f"there is no folder {to.parent}",
            code="cannot_write",
            hint="make it first, or choose another one",
        )
    half = to.with_name(f".{to.name}.{os.getpid()}.part")
    with steps.phase("export") as step:
        try:
            with tempfile.TemporaryDirectory(prefix=".pfenv-", dir=to.parent) as folder:
                saved = Path(folder) / _IMAGE
                # a name of its own: reading it takes no name away from anything
                carried = f"pf_jupyter/carried:{str(facts['digest'])[7:19]}"
                engine.tag(image, carried)
                try:
                    engine.save([carried], saved, step.progress)
                finally:
                    engine.remove_image(carried)
                known = {
                    **facts,
                    "format": _FORMAT,
                    "image": carried,
                    "sha256": _sum(saved, step),
                }
                _write(half, json.dumps(known, indent=1).encode(), saved)
            os.replace(half, to)
        except OSError as error:
            raise UsageError(
                f"{to} cannot be written: {error.strerror or error}",
                code="cannot_write",
                hint="choose a folder that you can write to, with enough space",
            ) from error
        finally:
            half.unlink(missing_ok=True)
        step.detail = f"{to.name}, {to.stat().st_size / 1024**2:.0f} MB"
    return to


def read_archive(
    engine: Engine, path: Path, steps: Steps, place: Path
) -> tuple[Mapping[str, Any], str]:
    """Bring the image of a file to an engine; return what is known of it, and its name.

    What is taken out of it on the way is put into ``place``.

    Raises
    ------
    EnvironmentFailed
        The file is none of ours, was cut short, or holds another image than it says.
    """
    with steps.phase("import") as step:
        image = place / _IMAGE
        try:
            with tarfile.open(path) as tar:
                facts = _read_facts(tar, path)
                member = tar.extractfile(_IMAGE)
                if member is None:
                    raise _bad(path, "there is no image in it")
                with image.open("wb") as file:
                    shutil.copyfileobj(member, file, 1024 * 1024)
        except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
            raise _bad(path, str(error) or type(error).__name__) from error
        if _sum(image, step) != facts["sha256"]:
            raise _bad(path, "its content is not what was written")
        loaded = engine.load(image, step.progress)[0]
        if loaded.id != facts["digest"]:
            engine.remove_image(str(facts["image"]))
            raise _bad(
                path, f"it holds {loaded.id[7:19]}, {facts['digest'][7:19]} was written"
            )
        step.detail = f"{facts['name']}:{facts['version']} @ {loaded.id[7:19]}"
    return facts, str(facts["image"])


def _write(to: Path, facts: bytes, image: Path) -> None:
    with tarfile.open(to, "w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo(_FACTS)
        info.size = len(facts)
        tar.addfile(info, io.BytesIO(facts))
        info = tarfile.TarInfo(_IMAGE)
        info.size = image.stat().st_size
        with image.open("rb") as file:
            tar.addfile(info, file)


def _read_facts(tar: tarfile.TarFile, path: Path) -> dict[str, Any]:
    info = tar.getmember(_FACTS)
    member = tar.extractfile(info)
    if member is None or info.size > _MOST_FACTS:
        raise _bad(path, "it does not say what it holds")
    facts = json.loads(member.read())
    if not isinstance(facts, dict) or facts.get("format") != _FORMAT:
        raise _bad(path, "it is of another version of pf_jupyter")
    for key in ("name", "version", "digest", "image", "sha256", "document"):
        if key not in facts:
            raise _bad(path, f"it does not say its {key}")
    return facts


def _sum(path: Path, step: Step) -> str:
    step.progress(BuildProgress("checking the digest"))
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bad(path: Path, reason: str) -> EnvironmentFailed:
    return EnvironmentFailed(
        f"{path.name} is no environment that can be read: {reason}",
        phase="import",
        code="bad_archive",
        hint="name a file that %pfenv export wrote; it was perhaps cut short: copy it "
        "again",
    )
