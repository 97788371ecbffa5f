"""The part of the workspace interface that is about computes.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

import builtins
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..runtimes.model import CheckResult as CheckResult


@dataclass(frozen=True)
class Occupant:
    """Something that lives on a compute.

    Parameters
    ----------
    kind
        ``runtime``; ``leftover``, ours without a runtime; ``elsewhere``, of another
        workspace; ``foreign``, started by somebody else.
    name, owner
        Of the runtime; empty for what is not of this workspace.
    status
        What the engine says: ``running``, ``exited``, …
    runs
        How many runs go on in it.
    """

    kind: str
    name: str
    owner: str
    status: str
    image: str
    runs: int = 0


@dataclass(frozen=True)
class Occupants:
    """What lives on a compute.

    ``hidden`` counts, by kind, what is there and not shown: containers of others, and
    runtimes that one may not see.
    """

    compute: str
    shown: Sequence[Occupant]
    hidden: Mapping[str, int]


@dataclass(frozen=True)
class Victims:
    """What goes with a compute: names of runtimes, and ids of runs that go on."""

    runtimes: Sequence[str]
    runs: Sequence[str]


class Computes(ABC):
    """Named places with an engine."""

    @abstractmethod
    def list(self) -> list[dict[str, Any]]:
        """Return ``{"name", "engine", "isolated", "reachable", "detail"}`` each.

        Also ``owner`` (None for what is always there), ``scope``, ``address``, ``tls``,
        ``cpus`` and ``memory`` of the machine, ``signed_in_until``,
        ``certificate_until`` and ``hint``.
        """

    def names(self) -> Sequence[str]:
        """Return the names of all computes: no engine is asked."""
        return [str(item["name"]) for item in self.list()]

    @abstractmethod
    def show(self, name: str) -> dict[str, Any]:
        """Return what `list` tells of one (NotFound)."""

    @abstractmethod
    def add(
        self,
        name: str,
        address: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        scope: str = "personal",
        days: float | None = None,
    ) -> dict[str, Any]:
        """Add a compute whose engine answers now.

        Parameters
        ----------
        name
            What it is to be called.
        address
            ``unix:///path``, ``npipe:////./pipe/NAME`` or ``tcp://host:port``.
        certificates
            Folder with ``ca.pem``, ``cert.pem`` and ``key.pem``, or the texts of the
            three under ``ca``, ``cert`` and ``key``. They are kept encrypted, and
            shown to nobody.
        scope
            ``personal``, or ``workspace`` for everybody in it.
        days
            For how long the sign-in holds; None means 180 days, and never longer than
            the certificate does.

        Raises
        ------
        AlreadyExists, UsageError, Unreachable
            The name is taken; something does not fit; the engine does not answer.
        """

    @abstractmethod
    def auth(
        self,
        name: str,
        *,
        certificates: str | Path | Mapping[str, str] | None = None,
        days: float | None = None,
    ) -> dict[str, Any]:
        """Sign in again, with the certificates that are kept or with new ones."""

    @abstractmethod
    def ps(self, name: str) -> Occupants:
        """Return what lives on a compute now (NotFound, Unreachable)."""

    @abstractmethod
    def check(self, name: str) -> builtins.list[CheckResult]:
        """Check a compute: sign-in, certificate, engine, machine, leftovers."""

    @abstractmethod
    def victims(self, name: str) -> Victims:
        """Return what `remove` would take along (NotFound)."""

    @abstractmethod
    def remove(self, name: str, *, runtimes: bool = False) -> Victims:
        """Forget a compute; containers of others on it stay as they are.

        Parameters
        ----------
        runtimes
            Delete its runtimes, and stop what runs in them.

        Raises
        ------
        IllegalState
            It has runtimes, and they are not to be deleted (``compute_in_use``).
        UsageError
            It is always there (``builtin_compute``).
        """


def read_certificates(
    given: str | Path | Mapping[str, str] | None,
) -> dict[str, str]:
    """Return the PEM texts of a folder, or those that are given.

    Raises
    ------
    UsageError
        A file is missing or cannot be read (``bad_certificate``).
    """
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    folder, texts = Path(given).expanduser(), {}
    for part in ("ca", "cert", "key"):
        file = folder / f"{part}.pem"
        try:
            texts[part] = file.read_text(encoding="ascii")
        except (OSError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UsageError(
                f"cannot read {file}: {reason}",
                code="bad_certificate",
                hint="name the folder that has ca.pem, cert.pem and key.pem",
            ) from None
    return texts
