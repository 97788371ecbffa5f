"""Who is in which groups: told by Jupyter's identity provider, or asked of the hub."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from .log import log

FRESH_SECONDS = 5.0
"""For so long an answer counts; what an identity provider tells anew counts at once."""

_HUB_SECONDS = 10.0

Keep = Callable[[str, Iterable[str]], object]


class Groups:
    """Passes on what is known of groups.

    Parameters
    ----------
    keep
        Remembers the groups of a person.
    hub
        URL and token of the JupyterHub that this server is a service of; None means
        the one that its environment names, if any.
    clock
        Tells seconds.
    """

    def __init__(
        self,
        keep: Keep,
        hub: tuple[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._keep = keep
        self._hub = hub or _hub_of(os.environ)
        self._clock = clock
        self._guard = threading.Lock()
        self._known: dict[str, tuple[float, frozenset[str] | None]] = {}

    def due(self, principal: str, told: frozenset[str] | None) -> bool:
        """Tell whether there is something to be asked or remembered; does not wait."""
        known = self._known.get(principal)
        fresh = known is not None and self._clock() - known[0] < FRESH_SECONDS
        if self._hub is not None:
            return not fresh
        return told is not None and not (
            fresh and known is not None and known[1] == told
        )

    def learn(self, principal: str, told: frozenset[str] | None) -> None:
        """Remember a person's groups.

        Parameters
        ----------
        principal
            The person.
        told
            What their login says; None when it says nothing. The hub knows better.
        """
        with self._guard:
            if not self.due(principal, told):
                return  # another request of theirs has done it
            now = self._clock()
            found = told if self._hub is None else self._ask(principal, told)
            if found is not None:
                self._keep(principal, found)
            self._known[principal] = (now, found)

    def _ask(
        self, principal: str, told: frozenset[str] | None
    ) -> frozenset[str] | None:
        assert self._hub is not None
        url, token = self._hub
        request = Request(
            f"{url.rstrip('/')}/users/{quote(principal, safe='')}",
            headers={"Authorization": f"token {token}"},
        )
        try:
            with urlopen(request, timeout=_HUB_SECONDS) as answer:
                model = json.load(answer)
        except (OSError, ValueError, HTTPException) as error:
            if isinstance(error, HTTPError):
                error.close()
            log.warning("the hub does not tell the groups of %s: %s", principal, error)
            return told
        if "groups" not in model:
            log.warning("the hub lets this service not read groups: read:users:groups")
            return told
        return frozenset(map(str, model["groups"]))


def told_by(user: Any) -> frozenset[str] | None:
    """Return the groups that a login tells of; None when it tells of none at all.

    An identity provider gives its users an attribute ``groups``; that of JupyterHub
    has them in the hub's own words.
    """
    groups = getattr(user, "groups", None)
    if groups is None:
        hub_user = getattr(user, "hub_user", None)
        groups = hub_user.get("groups") if isinstance(hub_user, Mapping) else None
    if isinstance(groups, (list, tuple, set, frozenset)):
        return frozenset(str(name) for name in groups)
    return None


def _hub_of(environment: Mapping[str, str]) -> tuple[str, str] | None:
    url = environment.get("JUPYTERHUB_API_URL")
    token = environment.get("JUPYTERHUB_API_TOKEN")
    return (url, token) if url and token else None
