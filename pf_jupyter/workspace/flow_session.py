"""The session of a flow that brings requirements: its own, with a layer of them.

What a flow needs stands beside it, in ``requirements.txt`` or in the file that
``environment.python_requirements_txt`` names. Another folder or another content is
another session, so a changed requirement never meets a stale one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import EnvironmentInvalid
from ..flow.document import read_document
from ..flow.reader import FLOW_FILES

if TYPE_CHECKING:
    from ..environments.requirements import Requirements

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
    named = _named(path, folder)
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


def session_name(path: Path, wanted: Requirements) -> str:
    """Return the name of the session for a flow and what it requires."""
    folder = path if path.is_dir() else path.parent
    digest = hashlib.sha256(str(folder.resolve()).encode())
    for file in wanted.files:
        digest.update(b"\0" + file.read_bytes())
    for item in wanted.items:
        if item.path is not None and item.path.is_file():
            digest.update(b"\0" + item.path.read_bytes())
    slug = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")[:40]
    return f"session-{slug or 'flow'}-{digest.hexdigest()[:8]}"


def _named(path: Path, folder: Path) -> str:
    files = [folder / name for name in FLOW_FILES] if path.is_dir() else [path]
    for file in files:
        if file.is_file() and file.suffix in (".yaml", ".yml"):
            raw = read_document(file.read_bytes(), file.name).value
            part = raw.get("environment") if isinstance(raw, dict) else None
            named = (
                part.get("python_requirements_txt") if isinstance(part, dict) else ""
            )
            return named if isinstance(named, str) else ""
    return ""
