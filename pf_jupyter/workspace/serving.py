"""What a server needs of the workspace of its own process, beside the interface."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PfError
from ..store.home import make_private_folder
from .local import connect

if TYPE_CHECKING:
    from ..store.records import RunRecord
    from .api import RunResult, Workspace

FOLDER = "server"


def own_workspace(home: str | Path | None = None) -> Workspace:
    """Return the workspace of this process, whatever server its environment names."""
    return connect(home)


def server_folder(workspace: Workspace) -> Path:
    """Return where a server keeps what only servers of this workspace need."""
    folder = Path(getattr(workspace, "home", ".")) / FOLDER
    make_private_folder(folder)
    return folder


def for_person(workspace: Workspace, principal: str) -> Workspace:
    """Return a workspace of this process as one person has it."""
    from .guarded import GuardedWorkspace
    from .local import LocalWorkspace

    assert isinstance(workspace, LocalWorkspace)
    return GuardedWorkspace(workspace, principal)


def changes(workspace: Workspace) -> Any:
    """Return what tells which nouns of a workspace have changed since the last look."""
    from .local import LocalWorkspace

    assert isinstance(workspace, LocalWorkspace)
    return workspace.core.store.database.changes()


def record_of(result: RunResult) -> RunRecord:
    """Return the record that a result was made from."""
    record: RunRecord = result.record  # type: ignore[attr-defined]
    return record


def same_flow(path: Path, digest: str) -> bool:
    """Tell whether this process sees under a path the very files that a digest names.

    Whoever knows the digest has the files: nothing is given away by the answer.
    """
    from ..flow.snapshot import load

    try:
        snapshot = load(path).snapshot
    except (PfError, OSError, ValueError):
        return False
    return snapshot is not None and snapshot.digest == digest


def os_user() -> str:
    """Return the name of the user whose process this is."""
    from ..runtimes.identity import user

    return user()
