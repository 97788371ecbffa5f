"""Fetching, importing and building images, with progress as the engine reports it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pf_jupyter.engines.api import BuildProgress, Progress
from pf_jupyter.engines.docker_errors import from_engine
from pf_jupyter.errors import PfError, RuntimeFailed, UsageError

LOG_LINES = 40
_PIECE = 1024 * 1024


def split_reference(reference: str) -> tuple[str, str]:
    """Return repository and tag (or digest) of an image reference.

    >>> split_reference("localhost:5000/a/b")
    ('localhost:5000/a/b', 'latest')
    >>> split_reference("a/b:1.2")
    ('a/b', '1.2')
    >>> split_reference("a/b@sha256:12")
    ('a/b', 'sha256:12')
    """
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    repository, colon, tag = reference.rpartition(":")
    if not colon or "/" in tag:
        return reference, "latest"
    return repository, tag


def follow_pull(
    messages: Iterable[Mapping[str, Any]], reference: str, progress: Progress | None
) -> None:
    """Read the engine's lines of a pull to the end.

    Raises
    ------
    NotFound, Refused, Unreachable, RuntimeFailed
        The pull failed.
    """
    layers: dict[str, tuple[int, int]] = {}
    for message in messages:
        _raise_error(message, "pull", reference, [])
        if progress is None:
            continue
        detail = message.get("progressDetail") or {}
        layer = str(message.get("id", ""))
        status = str(message.get("status", ""))
        if status == "Downloading" and detail.get("total"):
            layers[layer] = (int(detail.get("current", 0)), int(detail["total"]))
        elif status == "Download complete" and layer in layers:
            layers[layer] = (layers[layer][1], layers[layer][1])
        done = sum(current for current, _ in layers.values())
        total = sum(size for _, size in layers.values())
        text = f"{layer}: {status}" if layer else status
        progress(BuildProgress(text, done if layers else None, total or None))


def follow_build(
    messages: Iterable[Mapping[str, Any]], reference: str, progress: Progress | None
) -> None:
    """Read the engine's lines of a build to the end.

    Raises
    ------
    RuntimeFailed
        A step failed; ``log`` holds the last lines.
    """
    log: deque[str] = deque(maxlen=LOG_LINES)
    for message in messages:
        for line in str(message.get("stream", "")).splitlines():
            if line.strip():
                log.append(line)
                if progress is not None:
                    progress(BuildProgress(line))
        _raise_error(message, "build", reference, log)


def _raise_error(
    message: Mapping[str, Any], phase: str, reference: str, log: Iterable[str]
) -> None:
    text = (message.get("errorDetail") or {}).get("message") or message.get("error")
    if not text:
        return
    error: PfError = from_engine(str(text), 0, phase, reference)
    if phase == "build":
        lines = "\n".join([*log, str(text)])
        if isinstance(error, RuntimeFailed) and error.code == "engine_error":
            error = RuntimeFailed(
                f"building {reference} failed: {text}",
                phase=phase,
                log=lines,
                code="build_failed",
                hint="the log holds the step that failed",
            )
        elif isinstance(error, RuntimeFailed):
            error.log = lines
    raise error


def read_archive(archive: Path, progress: Progress | None) -> Iterator[bytes]:
    """Yield the bytes of a tar, telling how far it is."""
    total = archive.stat().st_size
    done = 0
    with archive.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
            done += len(piece)
            if progress is not None:
                progress(BuildProgress("importing", done, total))


def import_changes(
    environment: Mapping[str, str], labels: Mapping[str, str]
) -> list[str]:
    """Return the instructions that give an imported image its configuration."""
    changes = [f"ENV {name}={_quoted(value)}" for name, value in environment.items()]
    changes += [f"LABEL {name}={_quoted(value)}" for name, value in labels.items()]
    return changes


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + escaped.replace("\n", " ") + '"'


def require_dockerfile(context: Path) -> None:
    """Raise `UsageError` unless ``context`` is a folder that holds a Dockerfile."""
    if not (context / "Dockerfile").is_file():
        raise UsageError(
            f"there is no Dockerfile in {context}",
            code="no_dockerfile",
            hint="name the folder that holds it",
        )
