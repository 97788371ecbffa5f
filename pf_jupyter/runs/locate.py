"""From what a user calls a flow to the folder it is in."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from ..errors import NotFound, UsageError
from ..flow.fields import did_you_mean
from ..flow.reader import FLOW_FILES, is_entry

_PACKAGE = Path(__file__).resolve().parent.parent
_EXAMPLES_PREFIX = "examples/"
_EVALUATIONS_PREFIX = "evaluations/"


def examples_folder() -> Path | None:
    """Return where the bundled examples are: in the package, or beside it."""
    for folder in (_PACKAGE / "examples", _PACKAGE.parent / "examples"):
        if folder.is_dir():
            return folder
    return None


def examples() -> dict[str, Path]:
    """Return the bundled example flows by name."""
    folder = examples_folder()
    if folder is None:
        return {}
    return {child.name: child for child in sorted(folder.iterdir()) if is_flow(child)}


def evaluations_folder() -> Path | None:
    """Return where the bundled evaluations are: in the package, or beside it."""
    for folder in (_PACKAGE / "evaluations", _PACKAGE.parent / "evaluations"):
        if folder.is_dir():
            return folder
    return None


def evaluations() -> dict[str, Path]:
    """Return the bundled evaluations, flows that judge others' outputs, by name."""
    folder = evaluations_folder()
    if folder is None:
        return {}
    return {child.name: child for child in sorted(folder.iterdir()) if is_flow(child)}


def is_flow(folder: Path) -> bool:
    """Return whether a folder holds a flow file."""
    place = str(folder)
    return any(os.path.isfile(os.path.join(place, name)) for name in FLOW_FILES)


def resolve(flow: str | Path) -> Path:
    """Return the path of a flow folder or file.

    Parameters
    ----------
    flow
        A path, or the name of a bundled example (``hello``, ``examples/hello``) or
        evaluation (``accuracy``). What is there under that path comes first.

    Raises
    ------
    NotFound
        There is no such path, example or evaluation.
    UsageError
        The path is empty.
    """
    text = str(flow).strip()
    if not text or "\0" in text:
        raise UsageError("no flow is named", code="missing_argument", hint=_hint(""))
    path = _absolute(text) or Path(text).expanduser().absolute()
    if is_flow(path) or path.is_file() or is_entry(path):
        return path
    name = text.replace("\\", "/").rstrip("/").removeprefix(_EXAMPLES_PREFIX)
    bundled = examples_folder()
    if bundled is not None and "/" not in name and is_flow(bundled / name):
        return bundled / name
    if (judge := evaluations().get(name.removeprefix(_EVALUATIONS_PREFIX))) is not None:
        return judge
    if path.exists():
        return path  # the reader says best what is wrong with it
    raise NotFound(
        f"there is no flow {text!r}", code="flow_not_found", hint=_hint(name)
    )


@functools.lru_cache(maxsize=64)
def _absolute(text: str) -> Path | None:
    return Path(text) if os.path.isabs(text) else None


def below(root: Path, limit: int = 500) -> list[Path]:
    """Return the flow folders at and below a folder, hidden ones left out.

    Parameters
    ----------
    root
        Where to look.
    limit
        Folders to look into at most, so that a home directory does not take for ever.
    """
    found: list[Path] = []
    queue = [root]
    looked = 0
    while queue and looked < limit:
        folder = queue.pop(0)
        looked += 1
        try:
            children = sorted(folder.iterdir())
            if is_flow(folder):
                found.append(folder)
                continue
            queue += [c for c in children if c.is_dir() and _worth_a_look(c)]
        except OSError:
            continue  # a folder that may not be read holds nothing for this user
    return found


def _worth_a_look(folder: Path) -> bool:
    skipped = folder.name.startswith(".") or folder.name in (
        "__pycache__",
        "node_modules",
        "site-packages",
    )
    return not skipped and not folder.is_symlink()


def _hint(name: str) -> str:
    names = list(examples())
    fallback = "give the path of a flow folder"
    if names:
        fallback += f", or one of the examples {', '.join(names)}"
    return did_you_mean(name, [*names, *evaluations()], fallback)
