"""Images on their way: to a registry, into a file, and back out of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pf_jupyter.engines.api import BuildProgress, Login, Progress
from pf_jupyter.engines.docker_errors import from_engine
from pf_jupyter.engines.docker_images import error_of
from pf_jupyter.errors import NotFound, Refused, RuntimeFailed

_LOADED = re.compile(r"Loaded image(?: ID)?: (\S+)")


def login_options(login: Login | None) -> dict[str, Any]:
    """Return arguments of docker-py that carry a login; None leaves it to docker's."""
    if login is None:
        return {}
    return {"auth_config": {"username": login.username, "password": login.password}}


def follow_push(
    messages: Iterable[Mapping[str, Any]],
    reference: str,
    progress: Progress | None,
    ask: Callable[[], object] = lambda: None,
) -> str:
    """Read the engine's lines of a push to the end; return the registry's digest.

    Parameters
    ----------
    messages
        What the engine says, line by line.
    reference
        What is pushed.
    progress
        Told of each step.
    ask
        Asks the registry for something; raises Unreachable when it is gone. An engine
        would try for a minute before it says so.

    Raises
    ------
    Refused, Unreachable, NotFound, RuntimeFailed
        The push failed, which docker-py does not tell by itself.
    """
    layers: dict[str, tuple[int, int]] = {}
    problem, digest = "", ""
    for message in messages:
        problem = problem or error_of(message)
        if str(message.get("status", "")).startswith("Retrying in 5 "):
            with suppress(NotFound, Refused, RuntimeFailed):
                ask()
        digest = str((message.get("aux") or {}).get("Digest") or digest)
        if progress is None or problem or message.get("aux"):
            continue
        detail = message.get("progressDetail") or {}
        layer, status = str(message.get("id", "")), str(message.get("status", ""))
        if status == "Pushing" and detail.get("current"):
            size = int(detail.get("total") or detail["current"])
            layers[layer] = (min(int(detail["current"]), size), size)
        elif status == "Pushed" and layer in layers:
            layers[layer] = (layers[layer][1], layers[layer][1])
        done = sum(current for current, _ in layers.values())
        total = sum(size for _, size in layers.values())
        line = f"{layer}: {status}" if layer else status
        if layer or not line.startswith(("The push refers", reference.split(":")[0])):
            progress(BuildProgress(line, done if layers else None, total or None))
    if problem:
        raise from_engine(problem, 0, "push", reference)
    if not digest:
        raise from_engine("it did not tell what was pushed", 0, "push", reference)
    return digest


def write_archive(
    pieces: Iterable[bytes], archive: Path, total: int, progress: Progress | None
) -> None:
    """Write what an engine sends into a file.

    Raises
    ------
    RuntimeFailed
        The file cannot be written.
    """
    done = 0
    try:
        with archive.open("wb") as file:
            for piece in pieces:
                file.write(piece)
                done += len(piece)
                if progress is not None:
                    progress(BuildProgress("writing", done, max(total, done)))
    except OSError as error:
        if error.errno is None:
            raise  # the connection, not the file
        raise RuntimeFailed(
            f"{archive} cannot be written: {error.strerror}",
            phase="export",
            code="cannot_write",
            hint="choose a folder that you can write to, with enough space",
        ) from error


def follow_load(messages: Iterable[Mapping[str, Any]], archive: Path) -> list[str]:
    """Read the engine's lines of a load; return the names or ids that came.

    Raises
    ------
    RuntimeFailed
        The file holds no image, or not all of one.
    """
    found: list[str] = []
    problem = ""
    for message in messages:
        problem = problem or error_of(message)
        found += _LOADED.findall(str(message.get("stream", "")))
    if problem or not found:
        error = from_engine(problem or "there is no image in it", 0, "load", "")
        if error.code == "engine_error":
            error = RuntimeFailed(
                f"{archive.name} is no archive of an image: {problem or 'none in it'}",
                phase="import",
                code="bad_archive",
                hint="it was perhaps cut short on its way: copy it again",
            )
        raise error
    return found


def pieces_of(archive: Path, progress: Progress | None) -> Iterator[bytes]:
    """Yield the bytes of a file, telling how far it is."""
    total = archive.stat().st_size
    done = 0
    with archive.open("rb") as file:
        while piece := file.read(1024 * 1024):
            yield piece
            done += len(piece)
            if progress is not None:
                progress(BuildProgress("reading", done, total))
