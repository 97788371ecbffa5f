"""From what a request calls a flow to a path on this machine."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from ..errors import NotFound, UsageError
from ..workspace.serving import same_flow
from .models import FlowExample, FlowHere, FlowPath, FlowUpload
from .verb import Ask

AnyFlow = FlowHere | FlowExample | FlowPath | FlowUpload


def flow_path(ask: Ask, flow: AnyFlow) -> Path:
    """Return where a flow is.

    Raises
    ------
    NotFound
        It is not there, or not as its digest says (``flow_not_here``).
    UsageError
        The path leads out of the server's root folder.
    """
    if isinstance(flow, FlowHere):
        return below_root(ask.served.root(), flow.contents)
    if isinstance(flow, FlowExample):
        name = flow.example
        if "/" in name or "\\" in name or name.startswith("."):
            raise _no_flow(name)
        return ask.workspace.flows.resolve(f"examples/{name}")
    if isinstance(flow, FlowUpload):
        return ask.served.uploads.find(ask.principal, flow)
    path = Path(flow.path)
    # who knows the digest has the files: no path alone gives anything away
    if "\0" in flow.path or not path.is_absolute() or not same_flow(path, flow.digest):
        raise NotFound(
            f"the server does not see the files of {flow.path}",
            code="flow_not_here",
            hint="send them first: POST flows/uploads",
        )
    return path


def below_root(root: Path, contents: str) -> Path:
    """Return the path of something below a folder, links followed.

    Raises
    ------
    UsageError
        It would be elsewhere, or is hidden.
    """
    parts = PurePosixPath(contents.strip("/")).parts
    odd = any(mark in contents for mark in ("\\", "\0"))
    if odd or any(part.startswith(".") for part in parts):
        raise _bad_path(contents)
    root = root.resolve()
    try:
        path = root.joinpath(*parts).resolve()
        path.exists()  # names that no file system takes are found out here
    except (OSError, ValueError, RuntimeError):
        raise _bad_path(contents) from None
    if not path.is_relative_to(root):
        raise _bad_path(contents)
    return path


def _bad_path(contents: str) -> UsageError:
    return UsageError(
        f"{contents!r} is not below the server's root folder",
        code="bad_path",
        hint="give a path as Jupyter's file browser shows it, without '..' and without "
        "hidden folders",
    )


def _no_flow(name: str) -> NotFound:
    return NotFound(
        f"there is no example {name!r}",
        code="flow_not_found",
        hint="GET flows lists them",
    )
