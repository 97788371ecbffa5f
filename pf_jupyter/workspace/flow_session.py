"""The session of a flow that brings requirements or names an image: its own.

What a flow needs stands beside it, in ``requirements.txt`` or in the file that
``environment.python_requirements_txt`` names, and ``environment.image`` names what it
is installed on. Another folder, another content or another digest of the image is
another session, so a change never meets a stale one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import EnvironmentInvalid, UsageError
from ..flow.document import read_document
from ..flow.reader import FLOW_FILES

if TYPE_CHECKING:
    from ..environments.requirements import Requirements
    from ..store.records import EnvironmentVersionRecord
    from ..store.store import Store

_FILE = "requirements.txt"


def requirements_of(path: Path) -> Requirements | None:
    """Return what a flow brings along, None when that is nothing.

    What the runtime answers for itself is left out: public flows name promptflow, whose
    names every runtime offers.

    Parameters
    ----------
    path
        The flow's folder or file.

    Raises
    ------
    EnvironmentInvalid
        The file is not there, or something in it is no requirement.
    """
    folder = path if path.is_dir() else path.parent
    named = _part(path).get("python_requirements_txt") or ""
    named = named if isinstance(named, str) else ""
    file = folder / (named or _FILE)
    if not file.is_file() and not named:
        return None
    from ..environments.requirements import OWN_PACKAGES, read_requirements

    found = read_requirements(file, top=folder)
    if found.problems:
        raise EnvironmentInvalid(
            f"what {folder.name} requires cannot be read",
            problems=[problem.to_dict() for problem in found.problems],
        )
    items = tuple(item for item in found.items if item.name not in OWN_PACKAGES)
    return replace(found, items=items) if items else None


def version_of(path: Path, store: Store) -> EnvironmentVersionRecord | None:
    """Return the version that a flow's ``environment.image`` means; None for ours.

    Parameters
    ----------
    path
        The flow's folder or file.
    store
        Knows the versions there are.

    Raises
    ------
    UsageError
        There is no such version here (``flow_image``).
    """
    image = _part(path).get("image")
    if not isinstance(image, str) or not image:
        return None
    from ..environments.bases import is_ours

    if is_ours(image):
        return None
    versions = store.environments.versions()
    for one in versions:
        if image in (one.image, f"{one.name}:{one.version}", *one.registries):
            return one
    current = [one for one in versions if not one.archived]
    named = [one for one in current if image in (one.name, f"{one.name}@latest")]
    if named:
        return named[-1]
    raise UsageError(
        f"the flow names the image {image}, which is no environment here",
        code="flow_image",
        hint=f"%pfenv import {image} takes it over; or choose a runtime: %pfruntime "
        "use NAME, which is taken as it is",
    )


def session_name(path: Path, wanted: Requirements | None, environment: str = "") -> str:
    """Return the name of the session for a flow, what it requires and stands on.

    ``environment`` is the digest of the version that it names.
    """
    folder = path if path.is_dir() else path.parent
    digest = hashlib.sha256(str(folder.resolve()).encode())
    if environment:
        digest.update(b"\0\0" + environment.encode())
    for file in wanted.files if wanted else ():
        digest.update(b"\0" + file.read_bytes())
    for item in wanted.items if wanted else ():
        if item.path is not None and item.path.is_file():
            digest.update(b"\0" + item.path.read_bytes())
    slug = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:40]
    return f"session-{slug or 'flow'}-{digest.hexdigest()[:8]}"


def _part(path: Path) -> dict[str, Any]:
    """Return what a flow's file says of its environment."""
    files = [path / name for name in FLOW_FILES] if path.is_dir() else [path]
    for file in files:
        if file.is_file() and file.suffix in (".yaml", ".yml"):
            raw = read_document(file.read_bytes(), file.name).value
            part = raw.get("environment") if isinstance(raw, dict) else None
            return part if isinstance(part, dict) else {}
    return {}
