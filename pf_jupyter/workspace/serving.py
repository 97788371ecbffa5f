"""What a server needs of the workspace of its own process, beside the interface."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..environments.audit import PIP_AUDIT as PIP_AUDIT
from ..errors import NotFound, PfError
from ..home import STORE_URL_VARIABLE as STORE_URL_VARIABLE
from ..store.home import make_private_folder
from .definition_parcel import definition_parcel
from .local import connect

if TYPE_CHECKING:
    from ..store.records import RunRecord
    from .api import RunResult, Workspace

FOLDER = "server"


def own_workspace(
    home: str | Path | None = None, store_url: str | None = None
) -> Workspace:
    """Return the workspace of this process, whatever server its environment names."""
    return connect(home, store_url)


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


def in_groups(workspace: Workspace, principal: str, groups: Iterable[str]) -> bool:
    """Let a person be in these groups and in no others; return whether that is news."""
    from .local import LocalWorkspace

    assert isinstance(workspace, LocalWorkspace)
    return workspace.core.access.rows.join(principal, groups)


def changes(workspace: Workspace) -> Any:
    """Return what tells which nouns of a workspace have changed since the last look."""
    from .local import LocalWorkspace

    assert isinstance(workspace, LocalWorkspace)
    return workspace.core.store.database.changes()


def described_runtimes(workspace: Workspace) -> list[dict[str, Any]]:
    """Return each runtime as `Runtime.to_dict` tells it, with its ``id``."""
    from .guarded_runtimes import GuardedRuntimes
    from .runtimes import LocalRuntimes

    runtimes = workspace.runtimes
    assert isinstance(runtimes, LocalRuntimes | GuardedRuntimes)
    return runtimes.described()


def mark_of(workspace: Workspace, noun: str) -> str:
    """Return a mark of all that a person sees of a noun; see `sight.mark`."""
    from .guarded import GuardedWorkspace
    from .sight import mark

    assert isinstance(workspace, GuardedWorkspace)
    return mark(workspace, noun)


def require(workspace: Workspace, right: str) -> None:
    """Refuse whoever may not do something at all (Refused)."""
    from ..access.roles import Thing
    from .guarded import GuardedWorkspace

    if isinstance(workspace, GuardedWorkspace):
        with workspace.may(right, Thing(right.partition(".")[0])):
            pass


def look_at_flow(workspace: Workspace, path: Path, text: str | None) -> dict[str, Any]:
    """Return what an editor shows of a flow: its problems, its graph, its nodes' lines.

    Parameters
    ----------
    path
        Flow folder or file.
    text
        What is in the editor; None means what is in the file.

    Raises
    ------
    NotFound, UsageError
        There is no flow there.
    """
    from ..flow.snapshot import load
    from ..flow.unsaved import load_text
    from .flows import problem_from
    from .pages import picture_of

    loaded = load(path) if text is None else load_text(path, text)
    flow = loaded.flow
    places = loaded.positions
    return {
        "ok": not loaded.problems,
        "problems": [asdict(problem_from(p.to_dict())) for p in loaded.problems],
        "warnings": [asdict(problem_from(p.to_dict())) for p in loaded.warnings],
        "svg": "" if flow is None else picture_of(flow, {}).svg,
        "lines": {}
        if flow is None
        else {
            node.name: places.value(("nodes", number))[0]
            for number, node in enumerate(flow.nodes)
        }
        | {f":{part}": places.key((part,))[0] for part in ("inputs", "outputs")},
        "sources": {}
        if flow is None
        else {
            node.name: node.source.path
            for node in flow.nodes
            if node.source is not None and node.source.path
        },
        "inputs": []
        if flow is None
        else [
            {
                "name": item.name,
                "type": item.type,
                "default": item.default,
                "description": item.description,
                "enum": item.enum,
            }
            for item in flow.inputs.values()
        ],
    }


def example_files(name: str | None = None) -> dict[str, dict[str, str]]:
    """Return the texts of the flows that come with us, by flow and file.

    Parameters
    ----------
    name
        Of the flow that is wanted; None for the names alone.
    """
    from ..runs.locate import examples

    found = examples()
    if name is None:
        return {flow: {} for flow in found}
    return {name: _texts(found[name])} if name in found else {}


def _texts(folder: Path) -> dict[str, str]:
    texts = {}
    for file in sorted(folder.rglob("*")):
        parts = file.relative_to(folder).parts
        if file.is_file() and not any(part[0] in "._" for part in parts):
            try:
                texts["/".join(parts)] = file.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # an image, say: whoever needs it copies the folder
    return texts


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


def definition_files(source: Path) -> list[tuple[str, Path]]:
    """Return the files that an environment's definition is made of, by their names.

    Raises
    ------
    NotFound, EnvironmentInvalid, UsageError
        There is none, it has problems, or its context cannot be sent.
    """
    return definition_parcel(source).files


def known_definition(workspace: Workspace, name: str) -> str:
    """Return the name of an environment that was built before (NotFound)."""
    from ..access.roles import Thing
    from .guarded import GuardedWorkspace

    inner = workspace.inner if isinstance(workspace, GuardedWorkspace) else workspace
    record = inner.core.store.environments.get(name)  # type: ignore[attr-defined]
    own = Thing("environment", name, record.owner if record else None)
    hidden = isinstance(workspace, GuardedWorkspace) and not workspace.sees(own)
    if record is None or hidden:
        raise NotFound(
            f"no environment {name!r} was built here",
            code="environment_missing",
            hint="send the folder that defines it",
        )
    return name


def starter_files(name: str, base: str = "") -> dict[str, str]:
    """Return the files of a folder that builds at once, by their paths (UsageError)."""
    from ..environments.starter import starter

    return starter(name, base)


def scratch(workspace: Workspace, prefix: str) -> AbstractContextManager[Path]:
    """Give a folder for a while, gone however this process ends."""
    store = workspace.core.store  # type: ignore[attr-defined]
    place: AbstractContextManager[Path] = store.processes.scratch(prefix)
    return place


def forget_planned(workspace: Workspace, run_id: str) -> None:
    """Remove what was written for a batch that was never recorded."""
    from ..runs.batch.folder import RunFolder

    store = workspace.core.store  # type: ignore[attr-defined]
    if store.run(run_id) is None:
        RunFolder(store.folder, run_id).remove()


def os_user() -> str:
    """Return the name of the user whose process this is."""
    from ..runtimes.identity import user

    return user()
