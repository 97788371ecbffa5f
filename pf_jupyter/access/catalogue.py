"""All roles of one workspace: the five, and those that it has defined for itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from ..errors import UsageError
from ..store.records import RoleRecord
from . import roles
from .roles import NAMES, REACHES, RIGHTS, ROLES, THINGS

WORKSPACE = "workspace"
ANYWHERE = "*"

_NAME = re.compile(r"[a-z][a-z0-9_]{1,31}")
_NO = "no"


class Catalogue:
    """What each role of a workspace gives and takes away.

    Parameters
    ----------
    defined
        The roles of the workspace's own, by name.
    """

    def __init__(self, defined: Mapping[str, RoleRecord]) -> None:
        self.defined = defined

    def __contains__(self, role: str) -> bool:
        return role in ROLES or role in self.defined

    def names(self) -> list[str]:
        """Return the names of all, the five first."""
        return [*ROLES, *self.defined]

    def title(self, role: str) -> str:
        """Return how people call a role."""
        return NAMES.get(role, role)

    def cell(self, role: str, right: str) -> str:
        """Return how far a role gives a right; ``no`` for a role that is gone."""
        if role in ROLES:
            return roles.cell(role, right)
        own = self.defined.get(role)
        if own is None or self.excludes(role, right) or not _in(own.actions, right):
            return _NO
        return roles.limited(right, own.reach)

    def excludes(self, role: str, right: str) -> bool:
        """Tell whether a role takes a right away, whatever else gives it."""
        own = self.defined.get(role)
        return own is not None and _in(own.exclusions, right)

    def exclusions(self, role: str) -> set[str]:
        """Return the rights that a role takes away."""
        return {right for right in RIGHTS if self.excludes(role, right)}

    def check(self, role: str, scope: str) -> None:
        """Refuse a role that there is not, or that is not for this scope (UsageError).

        Parameters
        ----------
        scope
            ``workspace`` or ``KIND:NAME``.
        """
        if role not in self:
            near = get_close_matches(role, self.names(), 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"there is no role {role!r}",
                code="bad_value",
                hint=f"{hint}one of {', '.join(self.names())}",
            )
        check_scope(scope)
        own = self.defined.get(role)
        if own is not None and not in_scopes(own.scopes, scope):
            raise UsageError(
                f"the role {role} is not for {scope}",
                code="wrong_scope",
                hint=f"it can be given on {', '.join(own.scopes)}",
            )


def check_scope(scope: str) -> None:
    """Refuse what no role can be given on (UsageError)."""
    kind, _, name = scope.partition(":")
    if scope != WORKSPACE and (kind not in THINGS or not name or kind == WORKSPACE):
        raise UsageError(
            f"{scope!r} is nothing that a role can be given on",
            code="bad_value",
            hint="workspace, or KIND:NAME: runtime:demo, compute:docker, …",
        )


def in_scopes(scopes: Sequence[str], scope: str) -> bool:
    """Tell whether a role with these scopes may be given on this one."""
    kind = scope.partition(":")[0]
    return any(one in (ANYWHERE, scope, f"{kind}:*") for one in scopes)


def check_definition(role: RoleRecord) -> None:
    """Refuse a role that cannot be (UsageError)."""
    if not _NAME.fullmatch(role.name) or role.name in ROLES:
        taken = " is one of the five" if role.name in ROLES else " cannot be its name"
        raise UsageError(
            f"{role.name!r}{taken}",
            code="bad_name",
            hint="2 to 32 of a-z, 0-9 and _, beginning with a letter",
        )
    if not role.actions and not role.exclusions:
        raise UsageError(
            f"the role {role.name} gives nothing and takes nothing away",
            code="bad_value",
            hint="name rights: runtime.use, runtime.*, '*.list'",
        )
    for pattern in (*role.actions, *role.exclusions):
        _check_pattern(pattern)
    for scope in role.scopes:
        kind, _, name = scope.partition(":")
        if scope != ANYWHERE and not (kind in THINGS and name == "*"):
            check_scope(scope)
    if role.reach not in REACHES:
        raise UsageError(
            f"{role.reach!r} is no reach",
            code="bad_value",
            hint=f"one of {', '.join(REACHES)}",
        )


def _check_pattern(pattern: str) -> None:
    if not _in([pattern], *RIGHTS):
        near = get_close_matches(pattern, RIGHTS, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"{pattern!r} names no right",
            code="bad_value",
            hint=f"{hint}one of {', '.join(RIGHTS)}; * stands for any noun or verb",
        )


def _in(patterns: Iterable[str], *rights: str) -> bool:
    return any(_matches(one, right) for one in patterns for right in rights)


def _matches(pattern: str, right: str) -> bool:
    if pattern in (ANYWHERE, right):
        return True
    wanted, found = pattern.split("."), right.split(".")
    return len(wanted) == 2 and all(
        one in ("*", other) for one, other in zip(wanted, found, strict=True)
    )
