"""What updates and trials leave on engines, removed, whoever began them.

A change in progress leaves a mark in the workspace's folder; the lock that belongs to
it is free when its process is gone. A runtime's record names the instance it is in:
whatever else was made for it then goes, but where runs from before still go on.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..engines.api import LABEL
from ..environments import trials
from ..errors import PfError
from ..store.home import make_private_folder
from ..store.records import RuntimeRecord
from ..store.store import Store
from . import identity
from .computes import Computes
from .turns import Turns

CANDIDATE = f"{LABEL}.candidate"
"""Label of an instance beside a runtime; its value is the runtime's id."""

_FOLDER = "changing"
_LOOK_SECONDS = 0.5
_TURN_SECONDS = 30.0
_log = logging.getLogger(__name__)


class Leftovers:
    """Removes what is no runtime's any more.

    Parameters
    ----------
    store, computes, turns
        What it works with.
    """

    def __init__(self, store: Store, computes: Computes, turns: Turns) -> None:
        self._store = store
        self._computes = computes
        self._turns = turns
        self._folder = store.folder / _FOLDER
        self._ended = threading.Event()
        self._guard = threading.Lock()
        self._waiting: set[str] = set()

    @contextmanager
    def marked(self, record: RuntimeRecord) -> Iterator[None]:
        """Hold a mark while something is made for a runtime; one at a time.

        Raises
        ------
        IllegalState
            Something is being made for it already.
        """
        beside = beside_key(record.id)
        with self._turns.take(beside, record.name, 0):
            make_private_folder(self._folder)
            mark = self._folder / f"{record.id}.json"
            mark.write_text(json.dumps({"compute": record.compute}), encoding="utf-8")
            try:
                yield
            finally:
                if self._clear(record.id, record.compute):
                    mark.unlink(missing_ok=True)
        self._turns.forget(beside)

    def sweep(self) -> None:
        """Remove what processes left that are gone, and what runs have left since."""
        for mark in sorted(self._folder.glob("*.json")):
            key = mark.stem
            if not self._turns.free(beside_key(key)):
                continue
            try:
                with self._turns.take(beside_key(key), key, 0):
                    compute = str(json.loads(mark.read_text("utf-8"))["compute"])
                    if self._clear(key, compute):
                        mark.unlink(missing_ok=True)
            except (PfError, OSError, ValueError, KeyError) as error:
                _log.warning("cannot tidy up after an update: %s", error)
        trials.sweep(self._store.folder, self._computes.engine)
        for record in self._store.runtimes():
            if held_by(record):
                self.retire(record.id)

    def retire(self, key: str) -> int:
        """Remove a runtime's instances of before once no run goes on in them.

        Returns
        -------
        How many runs go on in it; a thread of this process waits for them.
        """
        runs = self._remove_held(key)
        with self._guard:
            if runs and key not in self._waiting and not self._ended.is_set():
                self._waiting.add(key)
                threading.Thread(
                    target=self._wait, args=(key,), name="pf-retire", daemon=True
                ).start()
        return len(runs)

    def close(self) -> None:
        """End all waiting; a later process goes on with it."""
        self._ended.set()

    def _wait(self, key: str) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            try:
                if not self._remove_held(key):
                    break
            except PfError as error:
                _log.warning("cannot remove an instance: %s", error.message)
                break
        with self._guard:
            self._waiting.discard(key)

    def _remove_held(self, key: str) -> set[str]:
        record = self._store.runtime_by_id(key)
        if record is None or not held_by(record):
            return set()
        going_on: set[str] = set()
        kept = []
        for held in (record.previous or {})["held"]:
            # without the moment of the switch nothing is known but what runs now
            runs = self._store.running_in(key, held.get("switched_at"))
            if runs:
                going_on |= runs
                kept.append(held)
            elif held["instance"] != record.instance:
                self._computes.engine(record.compute).remove(held["instance"])
        if len(kept) < len(held_by(record)):
            # somebody may have changed it since: then theirs is what counts
            self._store.change_runtime(
                key,
                revision=record.revision,
                previous={**(record.previous or {}), "held": kept},
            )
        return going_on

    def _clear(self, key: str, compute: str) -> bool:
        """Remove what was made beside a runtime, and what it did not get."""
        try:
            engine = self._computes.engine(compute)
            for state in engine.find({CANDIDATE: key}):
                engine.remove(state.id)
            with self._turns.take(key, "", _TURN_SECONDS):
                record = self._store.runtime_by_id(key)
                kept = set() if record is None else {record.instance, *held_by(record)}
                for state in engine.find({identity.ID: key}):
                    if state.id not in kept:
                        engine.remove(state.id)
        except PfError as error:
            _log.warning("cannot tidy up after an update: %s", error.message)
            return False
        return True


def beside_key(key: str) -> str:
    """Return whose turn it is to make something beside a runtime."""
    return f"{key}-beside"


def held_by(record: RuntimeRecord) -> list[str]:
    """Return the instances of before in which runs of a runtime may go on."""
    return [held["instance"] for held in (record.previous or {}).get("held") or ()]
