"""How long runs are kept: those that are too old or too many are removed."""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..errors import IllegalState, NotFound, Refused, UsageError

_PAGE = 1000


class PrunesRuns(ABC):
    """Records of runs that can be removed by age and number."""

    @abstractmethod
    def list(
        self,
        *,
        limit: int = 100,
        tags: Mapping[str, str] | None = None,
        archived: bool = False,
        before: str | None = None,
    ) -> builtins.list[dict[str, Any]]:
        """Return ``{"run_id", "status", "flow", "runtime", "created_at", …}`` each.

        Parameters
        ----------
        limit
            How many at most, the newest first.
        tags
            Only runs that have all of these.
        archived
            Those that were archived, instead of the others.
        before
            Only runs that were created before this moment, a ``created_at``.
        """

    @abstractmethod
    def archive(self, run_id: str) -> None:
        """Take a run out of the lists (NotFound)."""

    @abstractmethod
    def delete(self, run_id: str) -> None:
        """Remove a run, its record and its files (NotFound, IllegalState)."""

    def prune(
        self,
        *,
        older_than: float | None = None,
        keep: int | None = None,
        tags: Mapping[str, str] | None = None,
        archived: bool = False,
        archive: bool = False,
        dry_run: bool = False,
    ) -> builtins.list[dict[str, Any]]:
        """Remove runs that are too old or too many, and return those.

        What goes on stays, and so does what a run that goes on judges. Runs that this
        person may not delete stay, too.

        Parameters
        ----------
        older_than
            Days since a run was started.
        keep
            How many of the newest to leave; with ``older_than`` both must apply.
        tags
            Only runs that have all of these.
        archived
            Those that were archived, instead of those in the lists.
        archive
            Take them out of the lists instead of removing them.
        dry_run
            Change nothing.

        Raises
        ------
        UsageError
            Neither ``older_than`` nor ``keep`` is given.
        """
        if older_than is None and keep is None:
            raise UsageError(
                "it is not said which runs are to go",
                code="missing_argument",
                hint="--older-than 90 (days), --keep 1000 (the newest), or both",
            )
        if archive and archived:
            raise UsageError(
                "what is archived cannot be archived again",
                code="bad_value",
                hint="leave out --archive to remove it",
            )
        moment = None
        if older_than is not None:
            moment = datetime.now(UTC) - timedelta(days=older_than)
        every = [*self._every(tags, archived)]
        used = {run.get("source_run") for run in self._every(None, False) if _goes(run)}
        gone = []
        for run in every[keep or 0 :]:
            young = moment is not None and _began(run) > moment
            if young or _goes(run) or run["run_id"] in used:
                continue
            if dry_run or self._remove(run["run_id"], archive):
                gone.append(run)
        return gone

    def _remove(self, run_id: str, archive: bool) -> bool:
        try:
            (self.archive if archive else self.delete)(run_id)
        except (IllegalState, NotFound, Refused):
            return False
        return True

    def _every(
        self, tags: Mapping[str, str] | None, archived: bool
    ) -> Iterator[dict[str, Any]]:
        before: str | None = None
        while True:
            page = self.list(limit=_PAGE, tags=tags, archived=archived, before=before)
            yield from page
            if len(page) < _PAGE:
                return
            before = page[-1]["created_at"]


def _goes(run: Mapping[str, Any]) -> bool:
    return str(run["status"]) == "Running"


def _began(run: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(run["created_at"]).replace("Z", "+00:00"))
