"""What was found the last time that newer versions were looked up, and looking again.

Looking never holds anybody up for long and never fails what they do. It happens when
somebody opens a runtime's details or asks for it; ``PF_JUPYTER_VERSION_CHECK=off``
leaves only the asking.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from typing import Any

from ..errors import PfError
from ..store.records import RuntimeRecord
from ..store.store import Store
from .newer import Newer
from .version_words import age_seconds

VARIABLE = "PF_JUPYTER_VERSION_CHECK"
STALE_SECONDS = 600.0
WAIT_SECONDS = 1.0
_KIND = "version_check"
_log = logging.getLogger(__name__)


class VersionChecks:
    """Remembers the last check of each runtime.

    Parameters
    ----------
    store
        Where it is remembered.
    newer
        Looks.
    """

    def __init__(self, store: Store, newer: Newer) -> None:
        self._store = store
        self.newer = newer
        self._guard = threading.Lock()
        self._looking: dict[str, threading.Thread] = {}

    def known(self, record: RuntimeRecord) -> dict[str, Any] | None:
        """Return the last check, with its age; None when it is of another ground."""
        return _of(record, self._store.setting(_key(record)))

    def all_known(
        self, records: Sequence[RuntimeRecord]
    ) -> dict[str, dict[str, Any] | None]:
        """Return what `known` gives of each of these runtimes, by its id."""
        found = self._store.summaries.settings(_KIND)
        return {record.id: _of(record, found.get(record.id)) for record in records}

    def now(self, record: RuntimeRecord) -> dict[str, Any]:
        """Look, remember, and return what was found."""
        found = self.newer.look(record)
        before = self.known(record)
        silent = found["problem"] is not None
        if silent and before is not None and self._still_good(record, before):
            # that there is something newer stays true while nobody answers
            kept = ("latest", "newer", "kind", "base", "packages", "notice")
            found = {**found, **{key: before[key] for key in kept}}
        try:
            self._store.remember(_key(record), found)
        except PfError as error:
            _log.warning("cannot remember a check: %s", error.message)
        return {**found, "age_seconds": age_seconds(found["checked_at"])}

    def _still_good(self, record: RuntimeRecord, before: dict[str, Any]) -> bool:
        if not before["newer"]:
            return False
        withdrawn = self.newer.withdrawn(record.environment_name)
        return before["latest"]["version"] not in withdrawn

    def forget(self, name: str) -> None:
        """Forget what was found for runtimes on an environment of this name."""
        for record in self._store.runtimes():
            if record.environment_name == name:
                self._store.remember(_key(record), None)

    def soon(
        self, record: RuntimeRecord, wait: float = WAIT_SECONDS
    ) -> dict[str, Any] | None:
        """Look in the background when it is time to, and wait briefly for it.

        Returns
        -------
        What is known then.
        """
        known = self.known(record)
        fresh = known is not None and known["age_seconds"] < STALE_SECONDS
        if fresh or not enabled():
            return known
        with self._guard:
            thread = self._looking.get(record.id)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(
                    target=self._quietly,
                    args=(record,),
                    name="pf-versions",
                    daemon=True,
                )
                self._looking[record.id] = thread
                thread.start()
        thread.join(wait)
        return self.known(record)

    def _quietly(self, record: RuntimeRecord) -> None:
        try:
            self.now(record)
        except Exception as error:  # nobody asked for this: it must not disturb
            _log.info("cannot look for newer versions: %s", error)


def enabled() -> bool:
    """Return whether newer versions may be looked up unasked."""
    return os.environ.get(VARIABLE, "").lower() not in ("off", "0", "no", "false")


def _of(record: RuntimeRecord, found: dict[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    running = found["running"]
    ground = record.base_digest or record.environment_digest
    if (running["digest"], running["version"]) != (ground, record.environment_version):
        return None
    return {**found, "age_seconds": age_seconds(found["checked_at"])}


def _key(record: RuntimeRecord) -> str:
    return f"{_KIND}:{record.id}"
