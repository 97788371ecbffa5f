"""Newer versions for a runtime: looked up, rehearsed, taken, given back.

Part of the workspace interface; faces import it from :mod:`pf_jupyter.workspace.api`.
What is told is plain data, the same here and from a server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import IllegalState
from ..runtimes.model import OnPhase

REHEARSED_RUNS = 20
"""How many of the newest runs a rehearsal repeats."""


class _Told:
    """A document with names for its parts."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = dict(document)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON."""
        return dict(self._document)

    @property
    def runtime(self) -> str:
        """Name of the runtime."""
        return str(self._document["runtime"])

    @property
    def packages(self) -> Sequence[Mapping[str, str | None]] | None:
        """``{"name", "before", "after"}`` of each package that differs.

        None where it is not known before the newer version has been fetched.
        """
        found: Sequence[Mapping[str, str | None]] | None
        found = self._document.get("packages")
        return found


class VersionCheck(_Told):
    """Whether there is something newer than what a runtime stands on.

    Its document: ``runtime``, ``running`` and ``latest`` (each ``{"name", "version",
    "digest", "created_at"}``, latest also ``reference`` and ``size``; null when not
    known), ``newer``, ``kind`` (``version``, ``base``, ``default`` or null), ``base``
    (``{"image", "newest"}`` where the environment's base has moved), ``packages``,
    ``checked_at``, ``age_seconds``, ``source``, ``problem`` (``{"code", "message",
    "hint"}`` when it could not be looked up), ``withdrawn`` (``{"reason", "hint"}``
    when what the runtime stands on is not to be used any more, else null) and
    ``notice``, one line for people, empty when there is nothing newer.
    """

    @property
    def newer(self) -> bool:
        """Whether there is a newer version."""
        return bool(self._document["newer"])

    @property
    def latest(self) -> Mapping[str, Any] | None:
        """The newest version, None when it is not known."""
        found: Mapping[str, Any] | None = self._document.get("latest")
        return found

    @property
    def notice(self) -> str:
        """One line for people; empty when there is nothing newer."""
        return str(self._document.get("notice") or "")

    @property
    def problem(self) -> Mapping[str, str] | None:
        """Why nothing could be looked up, or None."""
        found: Mapping[str, str] | None = self._document.get("problem")
        return found

    @property
    def withdrawn(self) -> Mapping[str, str] | None:
        """Why what it stands on is not to be used, and the way out; or None."""
        found: Mapping[str, str] | None = self._document.get("withdrawn")
        return found

    @property
    def checked_at(self) -> str:
        """When it was looked up, UTC."""
        return str(self._document["checked_at"])

    @property
    def source(self) -> str:
        """Where it was looked up."""
        return str(self._document["source"])

    def __repr__(self) -> str:
        from .update_page import check_text

        return f"<VersionCheck {check_text(self._document)}>"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from .update_page import check_html

        return {"text/plain": repr(self), "text/html": check_html(self._document)}


class Rehearsal(_Told):
    """Recorded runs repeated in what a runtime is and in what it would become.

    Its document: ``runtime``, ``before`` and ``after`` (``{"name", "version",
    "digest", "python"}``), ``at``, ``seconds``, ``passed``, ``counts`` (``{"equal",
    "differs", "varies", "not_compared"}``), ``packages``, ``checks``, ``times``
    (``{"start_ms", "median_before_ms", "median_after_ms"}``) and ``runs``, each
    ``{"run_id", "flow", "node", "verdict", "reason", "inputs", "recorded", "before",
    "after", "parts_at", "from_record"}``. ``parts_at`` is the first node at which both
    sides differ: ``{"node", "inputs", "before", "after"}``; ``from_record`` names the
    nodes that were not run because a model answered in them.
    """

    @property
    def passed(self) -> bool:
        """Whether no run differs."""
        return bool(self._document["passed"])

    @property
    def counts(self) -> Mapping[str, int]:
        """How many runs are ``equal``, ``differs``, ``varies``, ``not_compared``."""
        found: Mapping[str, int] = self._document["counts"]
        return found

    @property
    def runs(self) -> Sequence[Mapping[str, Any]]:
        """Every run that was repeated, the newest first."""
        found: Sequence[Mapping[str, Any]] = self._document["runs"]
        return found

    @property
    def differing(self) -> Sequence[Mapping[str, Any]]:
        """The runs that give something else in the newer version."""
        return [run for run in self.runs if run["verdict"] == "differs"]

    def __repr__(self) -> str:
        from .update_page import rehearsal_line

        return f"<Rehearsal {rehearsal_line(self._document)}>"

    def text(self) -> str:
        """Return it for terminals, each run that differs with its values."""
        from .update_page import rehearsal_text

        return rehearsal_text(self._document)

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from .update_page import rehearsal_html

        return {"text/plain": self.text(), "text/html": rehearsal_html(self._document)}


class Update(_Told):
    """What an update or a rollback did.

    Its document: ``runtime``, ``verb`` (``update`` or ``rollback``), ``moved``,
    ``before`` and ``after`` (``{"name", "version", "digest", "python"}``),
    ``packages``, ``layers``, ``built`` (``name:version`` that was built and published
    for it, or null), ``rehearsal`` (of `Rehearsal`, or null), ``going_on`` (how many
    runs go on in the container before) and ``seconds``.
    """

    @property
    def moved(self) -> bool:
        """Whether the runtime stands on something else now."""
        return bool(self._document["moved"])

    @property
    def rehearsal(self) -> Rehearsal | None:
        """What was rehearsed for it, if anything."""
        found = self._document.get("rehearsal")
        return None if found is None else Rehearsal(found)

    def __repr__(self) -> str:
        from .update_page import update_line

        return f"<Update {update_line(self._document)}>"

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        from .update_page import update_html

        return {"text/plain": repr(self), "text/html": update_html(self._document)}


class HasUpdates:
    """A runtime's versions.

    ``to_dict()`` tells what is known: ``update`` (null, or ``{"name", "version",
    "kind", "digest", "notice", "packages", "checked_at", "age_seconds"}``),
    ``version_check`` (null, or ``{"checked_at", "age_seconds", "source", "problem"}``)
    and ``previous`` (null, or what `rollback` goes back to: ``{"name", "version",
    "digest", "kept_at"}``).
    """

    name: str

    def check_version(self, *, fresh: bool = True) -> VersionCheck:
        """Look whether there is something newer than this runtime stands on.

        It raises nothing when a registry does not answer: ``problem`` says so.

        Parameters
        ----------
        fresh
            Ask now. Otherwise what was found last will do, unless it is older than
            ten minutes; then it is asked in the background and waited for briefly.
        """
        raise _impossible(self.name)

    def known_version(self) -> VersionCheck | None:
        """Return what the last check found, None before the first; asks nobody."""
        raise _impossible(self.name)

    def rehearse(
        self,
        to: str | None = None,
        *,
        runs: int | Sequence[str] = REHEARSED_RUNS,
        on_phase: OnPhase | None = None,
    ) -> Rehearsal:
        """Repeat recorded runs here and in a newer version beside it.

        This runtime is neither stopped nor changed. The code of the flows runs again,
        twice, with all that it does to the world; answers of models are taken from the
        records.

        Parameters
        ----------
        to
            ``name:version``; the newest one when None.
        runs
            How many of the newest runs, or which.
        on_phase
            Called with each step: pull, contract, create, start, handshake, install,
            rehearse.

        Raises
        ------
        NotFound
            There is nothing newer, or no such version or run.
        RuntimeFailed, EnvironmentFailed, Unreachable, Refused
            The newer version cannot be had or would not get ready.
        """
        raise _impossible(self.name)

    def last_rehearsal(self) -> Rehearsal | None:
        """Return the last rehearsal of this runtime, or None."""
        raise _impossible(self.name)

    def update(
        self,
        to: str | None = None,
        *,
        rehearse: bool = False,
        runs: int | Sequence[str] = REHEARSED_RUNS,
        accept: str | None = None,
        on_phase: OnPhase | None = None,
    ) -> Update:
        """Let this runtime stand on a newer version.

        The new container is ready, with all layers resolved anew, before the one that
        is there goes; runs that go on end where they began. Environments whose base
        has moved are built on the new base and published first.

        Parameters
        ----------
        to
            ``name:version``; the newest one when None.
        rehearse
            Rehearse first, and stay when a run differs.
        runs
            As for `rehearse`.
        accept
            ``name:version`` that is taken although runs differ in it.
        on_phase
            Called with each step; the last one is ``switch``.

        Raises
        ------
        IllegalState
            Runs differ in the last rehearsal of it (code ``runs_differ``); ``details``
            hold that rehearsal.
        RuntimeFailed, EnvironmentFailed, Unreachable
            It would not get ready, or layers cannot be resolved over it. The runtime
            is as it was.
        """
        raise _impossible(self.name)

    def rollback(self, *, on_phase: OnPhase | None = None) -> Update:
        """Go back to what this runtime stood on before the last update, exactly.

        Raises
        ------
        NotFound
            There was no update, or what it came from is nowhere to be had.
        """
        raise _impossible(self.name)


def _impossible(name: str) -> IllegalState:
    return IllegalState(
        f"the version of runtime {name!r} cannot be changed from here",
        hint="do it where its workspace is",
    )
