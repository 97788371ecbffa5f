"""The folder of a batch run: where everything is, in the public tool's layout."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...flow.contents import Snapshot
from ...store.home import make_private_folder
from ..artifacts import FOLDER
from .journal import FILE as JOURNAL

_SNAPSHOT_BYTES = 50_000_000


class RunFolder:
    """The files of one batch run.

    Parameters
    ----------
    home
        The workspace's folder.
    run_id
        The run.
    """

    def __init__(self, home: Path, run_id: str) -> None:
        self.path = home / FOLDER / run_id
        self.journal = self.path / JOURNAL
        self.definition = self.path / "batch.json"
        self.spool = self.path / "inputs.spool.jsonl"
        self.outputs = self.path / "flow_outputs" / "output.jsonl"
        self.metrics = self.path / "metrics.json"
        self.error = self.path / "error.json"
        self.log = self.path / "logs.txt"
        self.progress = self.path / "progress.json"
        self.snapshot = self.path / "snapshot"

    def make(self) -> None:
        """Make the folder and those in it."""
        make_private_folder(self.path)
        make_private_folder(self.outputs.parent)

    def define(self, definition: Mapping[str, Any]) -> None:
        """Write down what is run, for whoever takes it up again."""
        write_json(self.definition, definition)
        write_json(self.path / "meta.json", {"batch_size": 1})

    def defined(self) -> dict[str, Any] | None:
        """Return what `define` wrote; None when it is not there."""
        found: dict[str, Any] | None = read_json(self.definition)
        return found

    def keep_flow(self, snapshot: Snapshot) -> None:
        """Copy the flow as it is now, unless it is large."""
        if snapshot.size > _SNAPSHOT_BYTES:
            return
        for file in snapshot.files:
            place = self.snapshot / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file.absolute, place)

    def remove(self) -> None:
        """Remove all of it."""
        shutil.rmtree(self.path, ignore_errors=True)

    def size(self) -> int:
        """Return the bytes of all files together."""
        found = (file.stat().st_size for file in self.path.rglob("*") if file.is_file())
        return sum(found)


def write_json(file: Path, value: Any) -> None:
    """Write a file such that nobody ever sees half of it."""
    unfinished = file.with_name(file.name + ".part")
    text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
    unfinished.write_bytes(text.encode("utf-8", "surrogatepass"))
    os.replace(unfinished, file)


def read_json(file: Path) -> Any:
    """Return what `write_json` wrote; None when there is nothing to read."""
    try:
        return json.loads(file.read_bytes().decode("utf-8", "surrogatepass"))
    except (OSError, ValueError):
        return None
