"""An identity provider for tests: who you are is what you say in a header."""

from __future__ import annotations

from dataclasses import dataclass

from jupyter_server.auth import IdentityProvider, User


@dataclass
class Member(User):
    """A person who is in groups, as those of JupyterHub are."""

    groups: tuple[str, ...] = ()


class ByHeader(IdentityProvider):
    """Believes the header ``X-Person``, as one behind a proxy that logs people in.

    ``X-Groups`` names the groups that they are in; without it, nothing is told.
    """

    def get_user(self, handler):
        name = handler.request.headers.get("X-Person")
        if name is None:
            return None
        handler._token_authenticated = True
        groups = handler.request.headers.get("X-Groups")
        if groups is None:
            return User(name)
        return Member(name, groups=tuple(g for g in groups.split(",") if g))
