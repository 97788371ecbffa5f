"""What to take instead of a runtime that may not be used: never a dead end.

Faces import it from :mod:`pf_jupyter.workspace.api`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..errors import IllegalState

if TYPE_CHECKING:
    from .api import OnPhase, Runtime


@dataclass(frozen=True)
class Instead:
    """The ways on from a runtime that somebody's notebook or flow names.

    Parameters
    ----------
    name
        The runtime that is named.
    usable
        Whether it may be used as it is.
    like
        A runtime that may be copied for the same environment; empty when none is known
        to have it.
    digest
        Of that environment.
    others
        Runtimes that may be used, those of the same environment first.
    same
        Those of them that have it.
    role
        What to ask for on it.
    """

    name: str
    usable: bool
    like: str = ""
    digest: str = ""
    others: Sequence[str] = ()
    same: Sequence[str] = ()
    role: str = "data_scientist"

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {**asdict(self), "others": [*self.others], "same": [*self.same]}


class OffersInstead:
    """Runtimes that can be made like others."""

    def instead(self, name: str, *, digest: str = "") -> Instead:
        """Return the ways on from a runtime that is named somewhere.

        It tells nothing about runtimes that are hidden: they are as if not there.

        Parameters
        ----------
        digest
            Of the environment that the notebook, the flow or a run of it tells of.
        """
        raise IllegalState(f"nothing is known of {name} here")

    def copy(
        self, source: str, name: str, *, on_phase: OnPhase | None = None
    ) -> Runtime:
        """Make a personal runtime with the very environment of another, all layers too.

        Raises
        ------
        NotFound
            There is none of that name.
        AlreadyExists, Refused, RuntimeFailed
            As `Runtimes.create`.
        """
        raise IllegalState(
            f"{source} cannot be copied to {name} from here",
            hint="do it where its workspace is",
        )
