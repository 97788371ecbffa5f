"""Every role, right and kind of thing against the one table of docs/roles.md."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from pf_jupyter.access.access import Access
from pf_jupyter.access.roles import NAMES, RIGHTS, ROLES, Thing
from pf_jupyter.errors import NotFound, Refused, UsageError
from pf_jupyter.store.store import Store

PAGE = Path(__file__).parents[2] / "docs" / "roles.md"
RELATIONS = ("own", "assigned", "shared", "foreign")
ANA, BO = "ana", "bo"


def table():
    """Return what the page says: role and right to a cell."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    (head,) = [line for line in lines if line.startswith("| right |")]
    roles = [word.strip() for word in head.strip("|").split("|")][1:]
    found = {}
    for line in lines:
        match = re.match(r"\| `([a-z_]+\.[a-z]+)` \|", line)
        if match:
            cells = [word.strip() for word in line.strip("|").split("|")][1:]
            found |= {
                (role, match[1]): cell for role, cell in zip(roles, cells, strict=True)
            }
    return found


TABLE = table()


def expected(cell, relation):
    return {
        "yes": relation != "assigned",
        "no": False,
        "all": True,
        "own": relation in ("own", "assigned"),
        "own shared": relation in ("own", "assigned", "shared"),
    }[cell]


@pytest.fixture
def access(tmp_path):
    store = Store(tmp_path / "home")
    yield Access(store.access)
    store.close()


def thing_of(right, relation):
    kind = right.partition(".")[0]
    owner = ANA if relation == "own" else "cy"
    return Thing(kind, "it", owner, relation == "shared")


def test_the_page_has_every_right_and_every_role():
    assert set(TABLE) == set(itertools.product(ROLES, RIGHTS))


@pytest.mark.parametrize("role", ROLES)
def test_each_cell_is_as_the_page_says(access, role):
    wrong = []
    access.assign(BO, "dora", "owner", "workspace", None)  # the last one stays
    for relation in RELATIONS:
        for right in RIGHTS:
            thing = thing_of(right, relation)
            scope = f"{thing.kind}:it" if relation == "assigned" else "workspace"
            if scope == "workspace:it":
                continue
            access.assign(BO, ANA, role, scope, None)
            found = access.decide(ANA, right, thing)
            access.revoke(BO, ANA, role, scope)
            if found.allowed != expected(TABLE[role, right], relation):
                wrong.append((right, relation, found.allowed))
            assert not access.decide(ANA, right, thing).allowed, "it holds at once"
    assert not wrong


def test_roles_add_up(access):
    access.assign(BO, ANA, "reader", "workspace", None)
    access.assign(BO, ANA, "compute_operator", "workspace", None)
    assert access.decide(ANA, "compute.create", Thing("compute")).allowed
    assert not access.decide(ANA, "runtime.create", Thing("runtime")).allowed
    access.assign(BO, ANA, "data_scientist", "workspace", None)
    assert access.decide(ANA, "runtime.create", Thing("runtime")).allowed


def test_a_role_for_a_while_ends_by_itself(access):
    access.assign(BO, ANA, "owner", "workspace", "2020-01-01T00:00:00.000000+00:00")
    assert not access.decide(ANA, "runtime.create", Thing("runtime")).allowed
    access.assign(BO, ANA, "owner", "workspace", "2999-01-01T00:00:00.000000+00:00")
    assert access.decide(ANA, "runtime.create", Thing("runtime")).allowed


def test_a_refusal_names_person_right_thing_and_who_can_grant(access):
    for owner in ("cy", "bo"):
        access.assign("root", owner, "owner", "workspace", None)
    access.assign(BO, ANA, "reader", "workspace", None)
    with pytest.raises(Refused) as caught:
        access.require(ANA, "runtime.create", Thing("runtime"))
    assert caught.value.message == (
        "ana may not make a runtime (needs Data Scientist; owners: bo, cy)"
    )
    assert caught.value.hint.endswith("%pfrole assign ana data_scientist")
    assert caught.value.exit_code == 3
    with pytest.raises(Refused) as caught:
        access.require(ANA, "runtime.delete", Thing("runtime", "demo", "cy", True))
    assert "may not delete runtime 'demo'" in caught.value.message


def test_what_may_not_be_seen_is_not_there(access):
    access.assign(BO, ANA, "data_scientist", "workspace", None)
    with pytest.raises(NotFound):
        access.require(ANA, "runtime.delete", Thing("runtime", "demo", "cy"))


def test_the_audit_list_only_grows(access):
    access.assign(BO, ANA, "data_scientist", "workspace", None)
    access.require(ANA, "runtime.create", Thing("runtime"))
    with pytest.raises(Refused):
        access.require(ANA, "compute.create", Thing("compute"))
    access.revoke(BO, ANA, "data_scientist", "workspace")
    told = [(line.principal, line.right, line.allowed) for line in access.audit(10)]
    assert told == [
        ("bo", "role.delete", True),
        ("ana", "compute.create", False),
        ("ana", "runtime.create", True),
        ("bo", "role.create", True),
    ]
    assert not [name for name in dir(Access) if "audit" in name and name != "audit"]


@pytest.mark.parametrize(
    ("role", "scope"),
    [
        ("king", "workspace"),
        ("owner", "everything"),
        ("owner", "runtime:"),
        ("owner", "workspace:x"),
        ("owner", "planet:mars"),
    ],
)
def test_words_that_do_not_fit_are_refused(access, role, scope):
    with pytest.raises(UsageError):
        access.assign(BO, ANA, role, scope, None)
    assert access.current() == []


def test_every_role_has_a_name():
    assert set(NAMES) == set(ROLES)
