"""Containers in which images are tried: none outlives the process that made it.

A mark in the workspace's folder names the container before it is made, and a lock
beside it is free when the process is gone: a later one then removes both.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from pf_jupyter.engines.api import LABEL, Engine, InstanceSpec
from pf_jupyter.errors import PfError

TRIAL = f"{LABEL}.trial"
"""Label of these containers; its value is the image."""
_MARK = f"{LABEL}.trial-mark"

_FOLDER = "trials"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trials:
    """Where throw-away containers of one workspace are made.

    Parameters
    ----------
    engine
        What makes them.
    home
        Folder of the workspace.
    compute
        Name of the engine's compute.
    """

    engine: Engine
    home: Path
    compute: str

    @contextmanager
    def container(self, image: str, *, writable: bool = False) -> Iterator[str]:
        """Give a container of an image, started by nobody yet, removed at the end.

        It has no network, and the profile of runtimes, of writable ones if asked for.

        Raises
        ------
        RuntimeFailed, Unreachable
            As `Engine.create`.
        """
        name = f"trial-{uuid.uuid4().hex[:12]}"
        folder = self.home / _FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        mark = folder / f"{name}.json"
        labels = {TRIAL: image, _MARK: name}
        spec = InstanceSpec(
            name=name, image=image, labels=labels, network="none", writable=writable
        )
        instance = ""
        try:
            with FileLock(_lock(folder, name), mode=0o600):
                mark.write_text(json.dumps({"compute": self.compute}), encoding="utf-8")
                try:
                    instance = self.engine.create(spec)
                    yield instance
                finally:
                    if instance:
                        self.engine.remove(instance)
                    mark.unlink(missing_ok=True)
        finally:
            _forget(folder, name)


def sweep(home: Path, engine_of: Callable[[str], Engine]) -> None:
    """Remove the containers of processes that are gone.

    Parameters
    ----------
    home
        Folder of the workspace.
    engine_of
        Returns the engine of a compute.
    """
    folder = home / _FOLDER
    for mark in sorted(folder.glob("*.json")):
        name = mark.stem
        try:
            with FileLock(_lock(folder, name), mode=0o600).acquire(timeout=0):
                compute = str(json.loads(mark.read_text(encoding="utf-8"))["compute"])
                engine = engine_of(compute)
                for state in engine.find({_MARK: name}):
                    engine.remove(state.id)
                mark.unlink(missing_ok=True)
        except Timeout:
            continue  # that process lives
        except (PfError, OSError, ValueError, KeyError) as error:
            _log.warning("cannot remove a container that tried an image: %s", error)
            continue
        _forget(folder, name)


def _lock(folder: Path, name: str) -> Path:
    return folder / f"{name}.lock"


def _forget(folder: Path, name: str) -> None:
    try:
        _lock(folder, name).unlink(missing_ok=True)
    except OSError:
        pass  # Windows keeps a file that somebody looks at; an empty file stays
