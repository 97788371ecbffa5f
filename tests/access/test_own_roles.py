"""A workspace's own roles, groups, lending: nobody gives more than they have."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from pf_jupyter.access.access import Access
from pf_jupyter.access.catalogue import Catalogue
from pf_jupyter.access.granting import Granting
from pf_jupyter.access.roles import RIGHTS, ROLES, Thing, cell, exceeds
from pf_jupyter.errors import (
    AlreadyExists,
    IllegalState,
    NotFound,
    Refused,
    UsageError,
)
from pf_jupyter.store.records import RoleRecord, timestamp
from pf_jupyter.store.store import Store

HERS = Thing("runtime", "hers", "ana")
OURS = Thing("runtime", "ours", "ana", True)
NEW = Thing("runtime")


class Now:
    """A clock that stands until it is set."""

    def __init__(self):
        self.moment = datetime(2026, 11, 22, 12, tzinfo=UTC)

    def __call__(self):
        return self.moment

    def after(self, **span):
        return timestamp(self.moment + timedelta(**span))


@pytest.fixture
def clock():
    return Now()


@pytest.fixture
def access(tmp_path, clock):
    store = Store(tmp_path / "home")
    made = Access(store.access, clock)
    made.assign("root", "cy", "owner", "workspace", None)
    yield made
    store.close()


@pytest.fixture
def granting(access):
    return Granting(access)


def role(name, *actions, but=(), scopes=("*",), reach="shared"):
    now = timestamp()
    return RoleRecord(name, "", actions, tuple(but), scopes, reach, "cy", now, now)


def may(access, person, right, thing):
    return access.decide(person, right, thing).allowed


def test_a_role_gives_what_it_names_and_nothing_else(access, granting):
    granting.define("cy", role("runner", "runtime.use", "run.*", "*.list"))
    access.assign("cy", "bo", "runner", "workspace", None)
    given = Catalogue(access.rows.roles())
    for right in RIGHTS:
        wanted = right in ("runtime.use",) or right.startswith("run.")
        wanted = wanted or right.endswith(".list")
        assert (given.cell("runner", right) != "no") == wanted, right
    assert may(access, "bo", "runtime.use", OURS)
    assert not may(access, "bo", "runtime.use", HERS)
    assert not may(access, "bo", "runtime.create", NEW)
    assert not may(access, "bo", "compute.create", Thing("compute"))


@pytest.mark.parametrize("reach", ["own", "shared", "all"])
def test_no_reach_goes_further_than_an_owner(access, granting, reach):
    granting.define("cy", role("everything", "*", reach=reach))
    given = Catalogue(access.rows.roles())
    for right in RIGHTS:
        assert not exceeds(given.cell("everything", right), cell("owner", right))


def test_what_a_role_takes_away_wins_over_every_other(access, granting):
    granting.define("cy", role("careful", but=["*.delete"]))
    access.assign("cy", "bo", "contributor", "workspace", None)
    assert may(access, "bo", "runtime.delete", OURS)
    access.assign("cy", "bo", "careful", "workspace", None)
    found = access.decide("bo", "runtime.delete", OURS)
    assert (found.allowed, found.excluded) == (False, "careful on workspace")
    assert found.assignment.role == "careful"
    assert may(access, "bo", "runtime.update", OURS)
    with pytest.raises(Refused) as caught:
        access.require("bo", "runtime.delete", OURS)
    assert "careful on workspace takes that right away" in caught.value.message
    # on one thing alone
    access.revoke("cy", "bo", "careful", "workspace")
    access.assign("cy", "bo", "careful", "runtime:ours", None)
    other = Thing("runtime", "other", "ana", True)
    assert not may(access, "bo", "runtime.delete", OURS)
    assert may(access, "bo", "runtime.delete", other)
    # an owner could take it back at once: nobody is locked out
    access.assign("cy", "cy", "careful", "workspace", None)
    assert may(access, "cy", "runtime.delete", OURS)


def test_a_role_is_given_where_it_is_for(access, granting):
    granting.define("cy", role("user", "runtime.use", scopes=("runtime:*",)))
    access.assign("cy", "bo", "user", "runtime:hers", None)
    assert may(access, "bo", "runtime.use", HERS)
    for scope in ("workspace", "compute:docker"):
        with pytest.raises(UsageError) as caught:
            access.assign("cy", "bo", "user", scope, None)
        assert caught.value.code == "wrong_scope"


def test_a_role_in_use_does_not_go_silently(access, granting):
    granting.define("cy", role("runner", "runtime.use"))
    access.assign("cy", "bo", "runner", "workspace", None)
    with pytest.raises(IllegalState) as caught:
        granting.remove("cy", "runner")
    assert caught.value.code == "role_in_use"
    assert "bo on workspace" in caught.value.message
    assert may(access, "bo", "runtime.use", OURS)
    granting.remove("cy", "runner", revoke=True)
    assert not may(access, "bo", "runtime.use", OURS)
    with pytest.raises(UsageError):
        access.assign("cy", "bo", "runner", "workspace", None)
    told = [(line.right, line.name) for line in access.audit(2)]
    assert told == [
        ("role.update", "runner deleted"),
        ("role.delete", "bo runner workspace"),
    ]


def test_a_change_holds_at_once_and_not_where_it_would_not_fit(access, granting):
    granting.define("cy", role("runner", "runtime.use"))
    access.assign("cy", "bo", "runner", "workspace", None)
    granting.redefine("cy", role("runner", "runtime.list"))
    assert not may(access, "bo", "runtime.use", OURS)
    with pytest.raises(IllegalState):
        granting.redefine("cy", role("runner", "runtime.list", scopes=("runtime:*",)))
    with pytest.raises(NotFound):
        granting.redefine("cy", role("nobody", "runtime.list"))
    with pytest.raises(AlreadyExists):
        granting.define("cy", role("runner", "runtime.list"))


@pytest.mark.parametrize(
    "wrong",
    [
        role("owner", "run.list"),
        role("Bad Name", "run.list"),
        role("x", "run.list"),
        role("empty"),
        role("typo", "runtime.us"),
        role("typo", "planet.use"),
        role("typo", "run.list", but=["*.*.*"]),
        role("place", "run.list", scopes=("planet:*",)),
        role("place", "run.list", scopes=("workspace:x",)),
        role("far", "run.list", reach="moon"),
    ],
    ids=lambda wrong: f"{wrong.name}",
)
def test_a_role_that_cannot_be_is_refused(access, granting, wrong):
    with pytest.raises(UsageError) as caught:
        granting.define("cy", wrong)
    assert caught.value.hint
    assert not access.rows.roles()


# ---- nobody gives more than they have


@pytest.fixture
def keeper(access, granting):
    """Bo may give and define roles, and has little himself."""
    granting.define("cy", role("keeper", "role.*", "runtime.list", "runtime.use"))
    access.assign("cy", "bo", "keeper", "workspace", None)
    return "bo"


@pytest.mark.parametrize("given", ROLES)
@pytest.mark.parametrize("to", ["bo", "zoe"])
def test_who_may_give_roles_gives_none_that_is_more_than_theirs(
    access, granting, keeper, given, to
):
    with pytest.raises(Refused) as caught:
        granting.assign(keeper, to, given, "workspace", None, None)
    assert caught.value.code == "more_than_held"
    assert caught.value.details["ask"] == ["cy"]
    assert [a.role for a in access.current() if a.principal == to] in ([], ["keeper"])
    (line,) = access.audit(1)
    assert (line.principal, line.right, line.allowed) == ("bo", "role.create", False)


def test_nobody_climbs_by_a_role_of_their_own_making(access, granting, keeper):
    attempts = [
        lambda: granting.define(keeper, role("mine", "*")),
        lambda: granting.define(keeper, role("mine", "runtime.delete")),
        lambda: granting.define(keeper, role("mine", "runtime.list", reach="all")),
        lambda: granting.redefine(keeper, role("keeper", "role.*", "compute.*")),
        lambda: granting.redefine(keeper, role("keeper", "*")),
    ]
    for attempt in attempts:
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.code == "more_than_held"
    assert not may(access, "bo", "runtime.delete", OURS)
    # what he has, he may put together anew, and give
    granting.define(keeper, role("user", "runtime.use", "runtime.list"))
    granting.assign(keeper, "zoe", "user", "workspace", None, None)
    assert may(access, "zoe", "runtime.use", OURS)


def test_nobody_frees_themselves_of_what_takes_their_rights_away(access, granting):
    granting.define("cy", role("careful", "role.*", but=["*.delete"]))
    access.assign("cy", "bo", "contributor", "workspace", None)
    access.assign("cy", "bo", "careful", "workspace", None)
    for attempt in (
        lambda: granting.revoke("bo", "bo", "careful", "workspace", None),
        lambda: granting.redefine("bo", role("careful", "role.create")),
        lambda: granting.remove("bo", "careful", revoke=True),
    ):
        with pytest.raises(Refused):
            attempt()
    assert not may(access, "bo", "runtime.delete", OURS)
    granting.revoke("cy", "bo", "careful", "workspace", None)
    assert may(access, "bo", "runtime.delete", OURS)


def test_a_role_given_on_single_things_is_changed_by_owners_alone(
    access, granting, keeper
):
    granting.define("cy", role("user", "runtime.list"))
    access.assign("cy", "bo", "user", "runtime:hers", None)
    with pytest.raises(Refused):
        granting.redefine(keeper, role("user", "runtime.list", "runtime.use"))
    assert not may(access, "bo", "runtime.use", HERS)


def test_nobody_takes_back_what_they_could_not_give(access, granting, keeper):
    access.assign("cy", "di", "contributor", "workspace", None)
    access.assign("cy", "ed", "owner", "workspace", None)
    for person, given in (("di", "contributor"), ("ed", "owner"), ("cy", "owner")):
        with pytest.raises(Refused):
            granting.revoke(keeper, person, given, "workspace", None)


def test_who_has_a_role_for_a_while_gives_nothing_that_lasts_longer(
    access, granting, clock
):
    end = clock.after(hours=2)
    access.assign("cy", "bo", "owner", "workspace", end)
    with pytest.raises(Refused) as caught:
        granting.assign("bo", "zoe", "reader", "workspace", None, None)
    assert end[:16] in caught.value.hint
    with pytest.raises(Refused):
        granting.assign("bo", "bo", "owner", "workspace", None, None)
    with pytest.raises(Refused):
        granting.define("bo", role("late", "runtime.use"))
    made = granting.assign("bo", "zoe", "reader", "workspace", end, None)
    assert made.until == end
    clock.moment += timedelta(hours=2, seconds=1)
    assert not may(access, "zoe", "runtime.list", OURS)
    with pytest.raises(Refused):
        granting.assign("bo", "zoe", "reader", "workspace", end, None)


def test_an_owner_gives_themselves_nothing_on_what_is_personal(access, granting):
    for scope, thing in (
        ("runtime:hers", HERS),
        ("connection:hers", Thing("connection", "hers", "ana")),
    ):
        with pytest.raises(Refused) as caught:
            granting.assign("cy", "cy", "data_scientist", scope, None, thing)
        assert caught.value.code == "more_than_held"
    granting.assign("cy", "bo", "data_scientist", "runtime:hers", None, HERS)


def test_whoever_owns_a_thing_lends_it(access, granting, clock):
    access.assign("cy", "ana", "data_scientist", "workspace", None)
    access.assign("cy", "bo", "reader", "workspace", None)
    end = clock.after(hours=6)
    granting.assign("ana", "bo", "data_scientist", "runtime:hers", end, HERS)
    assert may(access, "bo", "runtime.use", HERS)
    with pytest.raises(Refused):  # hers is not the workspace
        granting.assign("ana", "bo", "data_scientist", "workspace", None, None)
    theirs = Thing("runtime", "theirs", "cy")
    with pytest.raises(Refused):  # and not other people's
        granting.assign("ana", "bo", "reader", "runtime:theirs", None, theirs)
    clock.moment += timedelta(hours=6, seconds=1)
    assert not may(access, "bo", "runtime.use", HERS)
    granting.revoke("ana", "bo", "data_scientist", "runtime:hers", HERS)
    # who may use nothing lends nothing, were it theirs
    access.revoke("cy", "ana", "data_scientist", "workspace")
    with pytest.raises(Refused):
        granting.assign("ana", "bo", "data_scientist", "runtime:hers", None, HERS)


def test_the_last_owner_stays(access, granting, clock):
    for attempt in (
        lambda: granting.revoke("cy", "cy", "owner", "workspace", None),
        lambda: access.assign("cy", "cy", "owner", "workspace", clock.after(hours=1)),
    ):
        with pytest.raises(IllegalState) as caught:
            attempt()
        assert caught.value.code == "last_owner"
    # one for a while, and a group, are nobody who stays
    access.assign("cy", "bo", "owner", "workspace", clock.after(hours=1))
    access.assign("cy", "group:admins", "owner", "workspace", None)
    with pytest.raises(IllegalState):
        granting.revoke("cy", "cy", "owner", "workspace", None)
    access.assign("cy", "di", "owner", "workspace", None)
    granting.revoke("cy", "cy", "owner", "workspace", None)
    assert access.owners() == ["bo", "di", "group:admins"]


# ---- groups


def test_a_role_of_a_group_is_that_of_all_who_are_in_it(access):
    access.assign("cy", "group:analysts", "data_scientist", "workspace", None)
    assert not may(access, "ana", "runtime.create", NEW)
    access.rows.join("ana", ["analysts", "readers"])
    found = access.decide("ana", "runtime.create", NEW)
    assert found.allowed
    assert found.by == "Data Scientist on workspace, through group:analysts"
    assert found.assignment.principal == "group:analysts"
    access.rows.join("ana", ["readers"])
    assert not may(access, "ana", "runtime.create", NEW)
    assert access.rows.groups() == {"readers": ["ana"]}


def test_nobody_is_a_group_by_their_name(access):
    access.assign("cy", "group:analysts", "owner", "workspace", None)
    assert not may(access, "group:analysts", "runtime.create", NEW)


def test_what_a_group_has_its_members_give_and_not_more(access, granting):
    granting.define("cy", role("keeper", "role.*", "runtime.list", "runtime.use"))
    access.assign("cy", "group:keepers", "keeper", "workspace", None)
    access.rows.join("bo", ["keepers"])
    with pytest.raises(Refused):
        granting.assign("bo", "group:keepers", "contributor", "workspace", None, None)
    granting.assign("bo", "group:users", "keeper", "workspace", None, None)
    # an owner in a group gives the group nothing on what is personal: it is to them
    access.rows.join("cy", ["keepers"])
    with pytest.raises(Refused):
        granting.assign("cy", "group:keepers", "keeper", "runtime:hers", None, HERS)


# ---- the matrix of what is taken away


def test_each_right_that_is_taken_away_is_gone_and_no_other(access, granting):
    access.assign("cy", "bo", "contributor", "workspace", None)
    before = {right: may(access, "bo", right, _thing(right)) for right in RIGHTS}
    assert sum(before.values()) > 20
    granting.define("cy", role("less", but=["run.list"]))
    access.assign("cy", "bo", "less", "workspace", None)
    for taken in RIGHTS:
        granting.redefine("cy", role("less", but=[taken]))
        held = access.holding("bo")
        found = {right: held.decide(right, _thing(right)).allowed for right in RIGHTS}
        assert found == {**before, taken: False}, taken


def _thing(right):
    kind = right.partition(".")[0]
    named = right.rpartition(".")[2] not in ("create",)
    return Thing(kind, "it" if named else "", "bo", True)


# ---- the audit list


def test_the_audit_list_is_changed_by_nobody(access, tmp_path):
    access.require("cy", "runtime.create", NEW)
    with sqlite3.connect(tmp_path / "home" / "store.sqlite") as connection:
        for statement in ("UPDATE audit SET allowed = 0", "DELETE FROM audit"):
            with pytest.raises(sqlite3.IntegrityError, match="only grows"):
                connection.execute(statement)
    connection.close()


def test_the_audit_list_is_searched(access):
    from pf_jupyter.store.access import AuditFilter

    access.assign("cy", "ana", "data_scientist", "workspace", None)
    access.require("ana", "runtime.create", NEW)
    with pytest.raises(Refused):
        access.require("ana", "compute.create", Thing("compute"))

    def found(**wanted):
        return [
            (line.principal, line.right)
            for line in access.audit(9, AuditFilter(**wanted))
        ]

    assert found(principal="ana", allowed=False) == [("ana", "compute.create")]
    assert found(right="role.*", principal="cy") == [("cy", "role.create")]
    assert found(kind="runtime") == [("ana", "runtime.create")]
    assert found(kind="role", name="ana data_scientist workspace")
    assert found(since="2999-01-01") == []
