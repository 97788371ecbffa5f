"""The five roles, and what each may do; docs/roles.md is the same table for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROLES = ("owner", "contributor", "data_scientist", "compute_operator", "reader")
NAMES = {
    "owner": "Owner",
    "contributor": "Contributor",
    "data_scientist": "Data Scientist",
    "compute_operator": "Compute Operator",
    "reader": "Reader",
}

_YES, _NO, _ALL = "yes", "no", "all"
_OWN, _SHARED = "own", "own shared"

# What a role may do: to things of everybody, to one's own, also to shared ones, or,
# where there is no thing yet, whether at all. In the order of ROLES.
_TABLE: Mapping[str, tuple[str, str, str, str, str]] = {
    "workspace.list": (_YES, _YES, _YES, _YES, _YES),
    "workspace.update": (_YES, _YES, _NO, _NO, _NO),
    "runtime.list": (_ALL, _SHARED, _SHARED, _SHARED, _SHARED),
    "runtime.create": (_YES, _YES, _YES, _NO, _NO),
    "runtime.use": (_SHARED, _SHARED, _SHARED, _NO, _NO),
    "runtime.update": (_ALL, _SHARED, _OWN, _NO, _NO),
    "runtime.delete": (_ALL, _SHARED, _OWN, _NO, _NO),
    "compute.list": (_ALL, _SHARED, _SHARED, _ALL, _SHARED),
    "compute.create": (_YES, _YES, _NO, _YES, _NO),
    "compute.use": (_ALL, _SHARED, _SHARED, _NO, _NO),
    "compute.update": (_ALL, _SHARED, _NO, _ALL, _NO),
    "compute.delete": (_ALL, _SHARED, _NO, _ALL, _NO),
    "environment.list": (_ALL, _SHARED, _SHARED, _SHARED, _SHARED),
    "environment.create": (_YES, _YES, _YES, _NO, _NO),
    "environment.use": (_ALL, _SHARED, _SHARED, _NO, _NO),
    "environment.update": (_ALL, _SHARED, _OWN, _NO, _NO),
    "environment.delete": (_ALL, _SHARED, _OWN, _NO, _NO),
    "run.list": (_ALL, _OWN, _OWN, _OWN, _OWN),
    "run.create": (_YES, _YES, _YES, _NO, _NO),
    "run.update": (_ALL, _OWN, _OWN, _NO, _NO),
    "run.delete": (_ALL, _OWN, _OWN, _NO, _NO),
    "connection.list": (_ALL, _SHARED, _SHARED, _SHARED, _SHARED),
    "connection.create": (_YES, _YES, _YES, _NO, _NO),
    "connection.use": (_SHARED, _SHARED, _SHARED, _NO, _NO),
    "connection.update": (_ALL, _SHARED, _OWN, _NO, _NO),
    "connection.delete": (_ALL, _SHARED, _OWN, _NO, _NO),
    "role.list": (_ALL, _OWN, _OWN, _OWN, _OWN),
    "role.create": (_YES, _NO, _NO, _NO, _NO),
    "role.update": (_YES, _NO, _NO, _NO, _NO),
    "role.delete": (_YES, _NO, _NO, _NO, _NO),
}
RIGHTS = tuple(_TABLE)
REACHES = ("own", "shared", "all")
"""On whose things a role of a workspace's own gives what it gives."""

_RANK = {_NO: 0, _OWN: 1, _SHARED: 2, _ALL: 3, _YES: 3}
_CELLS = {"own": _OWN, "shared": _SHARED, "all": _ALL}
THINGS = tuple(dict.fromkeys(right.partition(".")[0] for right in RIGHTS))


@dataclass(frozen=True)
class Thing:
    """What somebody wants to do something to.

    Parameters
    ----------
    kind
        ``runtime``, ``compute``, …
    name
        Its name; empty for one that is not there yet.
    owner
        Whose it is; None for one that is the workspace's.
    shared
        Whether it is meant for everybody in the workspace.
    """

    kind: str
    name: str = ""
    owner: str | None = None
    shared: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}" if self.name else f"a {self.kind}"


def cell(role: str, right: str) -> str:
    """Return what the table says: ``yes``, ``all``, ``own shared``, ``own``, ``no``."""
    return _TABLE[right][ROLES.index(role)]


def fits(found: str, thing: Thing, principal: str, *, assigned: bool = False) -> bool:
    """Tell whether a cell of the table gives its right on a thing.

    Parameters
    ----------
    found
        The cell.
    thing
        What it is about.
    principal
        Who asks.
    assigned
        Whether the role was given on this very thing: it is then as one's own.
    """
    if found == _ALL:
        return True
    if found in (_YES, _NO):
        return found == _YES and not assigned
    if assigned or thing.owner == principal:
        return True
    return found == _SHARED and thing.shared


def limited(right: str, reach: str) -> str:
    """Return the cell of a right that is given this far: never further than Owner's."""
    most = cell("owner", right)
    return most if most == _YES else lower(most, _CELLS[reach])


def lower(one: str, other: str) -> str:
    """Return the cell that gives less."""
    return min(one, other, key=_RANK.__getitem__)


def exceeds(one: str, other: str) -> bool:
    """Tell whether a cell gives more than another."""
    return _RANK[one] > _RANK[other]


def on_one_thing(found: str) -> bool:
    """Tell whether a cell gives its right to whoever has the role on one thing."""
    return found not in (_YES, _NO)


def roles_with(right: str) -> list[str]:
    """Return the roles that give a right on something at least, the smallest first."""
    return [role for role in reversed(ROLES) if cell(role, right) != _NO]
