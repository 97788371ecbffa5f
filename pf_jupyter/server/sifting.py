"""News for one person: only what changed in what they see themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..workspace.serving import mark_of

if TYPE_CHECKING:
    from .served import Served

_MOST = 10_000


class Sifting:
    """Tells which nouns changed for a person, since this was asked the last time.

    Where the server is one person's own, everything concerns them.

    Parameters
    ----------
    served
        What the server holds.
    principal
        The person.
    """

    def __init__(self, served: Served, principal: str) -> None:
        self._served = served
        self._principal = principal
        self._marks: dict[str, str] = {}

    def changed(self, nouns: Iterable[str]) -> list[str]:
        """Return those of the nouns that changed for the person; it may take a while.

        Raises
        ------
        PfError
            The records cannot be read.
        """
        if not self._served.team:
            return sorted(nouns)
        found = []
        for noun in sorted(nouns):
            mark = self._mark(noun)
            if self._marks.get(noun) != mark:
                self._marks[noun] = mark
                found.append(noun)
        return found

    def _mark(self, noun: str) -> str:
        # several readers of one person look once for each round of news
        key, round_ = (self._principal, noun), self._served.news.round
        known = self._served.marks.get(key)
        if known is not None and known[0] == round_:
            return known[1]
        mark = mark_of(self._served.workspace_of(self._principal), noun)
        if len(self._served.marks) > _MOST:
            self._served.marks.clear()
        self._served.marks[key] = (round_, mark)
        return mark
