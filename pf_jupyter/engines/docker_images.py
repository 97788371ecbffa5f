"""Fetching, importing and building images, with progress as the engine reports it."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pf_jupyter.engines.api import BuildProgress, Progress
from pf_jupyter.engines.docker_context import quoted
from pf_jupyter.engines.docker_errors import from_engine
from pf_jupyter.errors import PfError, RuntimeFailed

LOG_LINES = 40
_PIECE = 1024 * 1024
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_STEP_MADE = re.compile(r" ---> ([0-9a-f]{12,64})")
_EXIT_CODE = re.compile(r"non-zero code: \d+")
_NOISE = re.compile(r"Step \d+| ---> |Removing intermediate container")


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
    problem = ""
    for message in messages:
        # read on to the end: only then is the connection given back
        problem = problem or error_of(message)
        if progress is None or problem:
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
        line = f"{layer}: {status}" if layer else status
        progress(BuildProgress(line, done if layers else None, total or None))
    if problem:
        raise from_engine(problem, 0, "pull", reference)


class BuildFollower:
    """Reads the engine's lines of a build.

    ``made`` lists the images that the steps left, the newest last: after a failure
    nothing names them any more.
    """

    def __init__(self, reference: str, progress: Progress | None) -> None:
        self.made: list[str] = []
        self._reference = reference
        self._progress = progress
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._base = True
        self._cached = False

    def follow(self, messages: Iterable[Mapping[str, Any]]) -> None:
        """Read to the end.

        Raises
        ------
        RuntimeFailed
            A step failed; ``log`` holds the last lines.
        """
        problem = ""
        for message in messages:
            for line in str(message.get("stream", "")).splitlines():
                self._line(_COLOUR.sub("", line))
            # read on to the end: only then is the connection given back
            problem = problem or error_of(message)
        if problem:
            raise self._failed(problem)

    def _line(self, line: str) -> None:
        if not line.strip():
            return
        self._log.append(line)
        if self._progress is not None:
            self._progress(BuildProgress(line))
        if line.startswith("Step "):
            self._base = line.partition(": ")[2].startswith("FROM")
            self._cached = False
        elif line.strip() == "---> Using cache":
            self._cached = True
        elif (match := _STEP_MADE.fullmatch(line)) and not (self._base or self._cached):
            self.made.append(match.group(1))

    def _failed(self, text: str) -> PfError:
        error = from_engine(text, 0, "build", self._reference)
        if not isinstance(error, RuntimeFailed):
            return error
        error.log = "\n".join([*self._log, text])
        if error.code != "engine_error":
            return error
        code = _EXIT_CODE.search(text)
        said = [line for line in self._log if not _NOISE.match(line)]
        reason = f"{said[-1].strip()} ({code.group()})" if code and said else text
        return RuntimeFailed(
            f"building {self._reference} failed: {reason}",
            phase="build",
            log=error.log,
            code="build_failed",
            hint="the log holds the step that failed",
        )


def error_of(message: Mapping[str, Any]) -> str:
    """Return what an engine's line says went wrong; empty when nothing did."""
    detail = message.get("errorDetail") or {}
    # a lone message is the answer of an engine that refused to begin
    alone = message.get("message") if len(message) == 1 else ""
    return str(detail.get("message") or message.get("error") or alone or "")


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


def imported(answer: str, reference: str) -> str:
    """Return the id of the image that an import made.

    Raises
    ------
    RuntimeFailed
        The engine says that it failed, or does not say what it made.
    """
    last = ""
    for line in answer.split("\n"):
        if line.strip():
            message = json.loads(line)
            if text := error_of(message):
                raise from_engine(text, 0, "build", reference)
            last = str(message.get("status") or message.get("stream") or last).strip()
    if not last:
        raise from_engine("it did not tell what it made", 0, "build", reference)
    return last


def import_changes(
    environment: Mapping[str, str], labels: Mapping[str, str]
) -> list[str]:
    """Return the instructions that give an imported image its configuration."""
    changes = [f"ENV {name}={quoted(value)}" for name, value in environment.items()]
    changes += [f"LABEL {name}={quoted(value)}" for name, value in labels.items()]
    return changes
