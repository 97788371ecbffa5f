"""Who asks for access, and what becomes of it.

Asking tells nothing about what there is: a request for something that is hidden, or is
not there at all, is taken like any other.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

from ..errors import IllegalState, NotFound, UsageError
from ..store.records import RequestRecord, timestamp
from .access import Access, check_principal
from .catalogue import check_scope
from .roles import Thing

_MOST_OPEN = 50
_LONGEST_REASON = 1000


class Asking:
    """The requests of one workspace; whether somebody may answer is asked elsewhere.

    Parameters
    ----------
    access
        What decides.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._rows = access.rows

    def ask(self, principal: str, role: str, scope: str, reason: str) -> RequestRecord:
        """Leave a request; the same one that is open already is given back.

        Raises
        ------
        UsageError
            There is no such role or scope, or too much was asked for.
        """
        if role not in self._access.catalogue():
            self._access.catalogue().check(role, scope)
        check_scope(scope)
        mine = [one for one in self.open() if one.principal == principal]
        for one in mine:
            if (one.role, one.scope) == (role, scope):
                return one
        if len(mine) >= _MOST_OPEN:
            raise UsageError(
                f"{principal} has {len(mine)} requests that nobody has answered yet",
                code="too_many_requests",
                hint="%pfrole requests shows them; an owner can answer them",
            )
        request = RequestRecord(
            id=secrets.token_hex(4),
            principal=check_principal(principal),
            role=role,
            scope=scope,
            reason=reason.strip()[:_LONGEST_REASON],
            created_at=timestamp(),
        )
        self._rows.ask(request)
        self._access.note(principal, "role.ask", _about(request), True)
        return request

    def open(self) -> list[RequestRecord]:
        """Return what nobody has answered yet, the oldest first."""
        return self._rows.requests("open")

    def get(self, key: str) -> RequestRecord:
        """Return a request (NotFound)."""
        for one in self._rows.requests():
            if one.id == key:
                return one
        raise NotFound(
            f"there is no request {key!r}",
            hint="%pfrole requests shows those that are open",
        )

    def answered(
        self, request: RequestRecord, by: str, state: str, until: str | None = None
    ) -> RequestRecord:
        """Write down what became of a request (IllegalState when it has an answer)."""
        done = replace(
            request, state=state, answered_by=by, answered_at=timestamp(), until=until
        )
        if not self._rows.answer(done):
            raise IllegalState(
                f"request {request.id} was answered already",
                hint="%pfrole requests --all shows what became of it",
            )
        if state == "refused":
            self._access.note(by, "role.refuse", _about(request), True)
        return done


def _about(request: RequestRecord) -> Thing:
    name = f"{request.principal} {request.role} {request.scope}"
    return Thing("role", f"{name}: {request.reason}"[:600])
