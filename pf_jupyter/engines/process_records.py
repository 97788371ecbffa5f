"""What is remembered of instances without a container: one folder each, on disk.

Any process of this user finds them there, whoever made them.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pf_jupyter.engines.api import InstanceSpec, InstanceState, InstanceStatus
from pf_jupyter.engines.process_identity import Process
from pf_jupyter.errors import AlreadyExists, NotFound, Unreachable

_LOCK_SECONDS = 20.0


@dataclass(frozen=True)
class Record:
    """An instance: what it was made from, and what became of it."""

    id: str
    name: str
    image: str
    labels: dict[str, str]
    environment: dict[str, str]
    memory: int | None
    status: InstanceStatus = "created"
    exit_code: int | None = None
    cause: str = ""
    started_at: str | None = None
    processes: tuple[Process, ...] = field(default_factory=tuple)

    def state(self) -> InstanceState:
        """Return it in the engines' common form."""
        started = datetime.fromisoformat(self.started_at) if self.started_at else None
        return InstanceState(
            id=self.id,
            name=self.name,
            status=self.status,
            image=self.image,
            labels=dict(self.labels),
            exit_code=self.exit_code,
            cause=self.cause,
            started_at=started,
        )


def now() -> str:
    """Return the time as records hold it."""
    return datetime.now(UTC).isoformat()


def missing(instance: str) -> InstanceState:
    """Return the state of an instance that has no folder."""
    return InstanceState(
        id=instance,
        name="",
        status="missing",
        image="",
        labels={},
        cause="removed from outside",
    )


class Records:
    """The folders of all instances below ``home``."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "instances"

    def add(self, spec: InstanceSpec, name: str, labels: dict[str, str]) -> Record:
        """Make an instance's folder.

        Raises
        ------
        AlreadyExists
            One of that name is there.
        """
        record = Record(
            id=uuid.uuid4().hex,
            name=name,
            image=spec.image,
            labels=labels,
            environment=dict(spec.environment),
            memory=spec.limits.memory,
        )
        with self._locked():
            if any(other.name == name for other in self.all()):
                raise AlreadyExists(
                    f"an instance {name} exists already",
                    hint="remove it first, or choose another name",
                )
            for part in ("work", "tmp"):
                (self.folder / record.id / part).mkdir(parents=True)
            self._write(record)
        return record

    def get(self, instance: str) -> Record:
        """Return a record (NotFound)."""
        record = self._read(self.folder / instance)
        if record is None:
            raise NotFound(
                f"instance {instance[:12]} does not exist",
                code="instance_not_found",
                hint="it was removed from outside; start makes a new one",
            )
        return record

    def all(self) -> list[Record]:
        """Return every instance that is there, by id."""
        if not self.folder.is_dir():
            return []
        found = (self._read(path) for path in sorted(self.folder.iterdir()))
        return [record for record in found if record is not None]

    def change(self, instance: str, change: Callable[[Record], Record]) -> Record:
        """Replace a record by what ``change`` makes of it (NotFound)."""
        with self._locked():
            record = change(self.get(instance))
            self._write(record)
        return record

    def forget(self, instance: str) -> None:
        """Remove a folder; one that is gone is no error."""
        path = self.folder / instance
        with self._locked():
            # first out of sight: a folder is there or not, never half
            (path / "record.json").unlink(missing_ok=True)
        for _ in range(20):
            shutil.rmtree(path, ignore_errors=True)
            if not path.exists():
                return
            # Windows keeps files for a moment after their process ended
            time.sleep(0.1)

    def log(self, instance: str) -> Path:
        """Return the file of an instance's own output."""
        return self.folder / instance / "log"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(self.folder / ".lock", timeout=_LOCK_SECONDS)
        try:
            with lock:
                yield
        except Timeout:
            raise Unreachable(
                f"another process holds {self.folder} for too long",
                code="home_locked",
                hint="end the process that hangs, then try again",
            ) from None

    def _write(self, record: Record) -> None:
        path = self.folder / record.id / "record.json"
        if not path.parent.is_dir():
            return  # removed in between
        draft = path.with_name("record.new")
        draft.write_text(json.dumps(asdict(record)), encoding="utf-8")
        for attempt in range(50):
            try:
                os.replace(draft, path)
            except PermissionError:
                # Windows refuses while another process reads it
                if attempt == 49:
                    raise
                time.sleep(0.02)
            else:
                return

    def _read(self, folder: Path) -> Record | None:
        try:
            raw: Any = json.loads((folder / "record.json").read_text(encoding="utf-8"))
            raw["processes"] = tuple(Process(**item) for item in raw["processes"])
            return Record(**raw)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def with_process(record: Record, process: Process) -> Record:
    """Return a record that knows of one more process, and of no ended one."""
    living = tuple(item for item in record.processes if item.lives())
    return replace(record, processes=(*living, process))
