"""A team with roles of its own, groups and requests, asked over HTTP as people do."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from pf_jupyter.access.roles import ROLES
from pf_jupyter.workspace.remote import RemoteWorkspace
from pf_jupyter.workspace.remote_client import Address, Client

from .conftest import harness
from .test_team import ask

TESTS = harness.ROOT / "tests"


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    path = os.pathsep.join([str(TESTS / "server"), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        server = harness.Server(
            tmp_path_factory.mktemp("own-roles"),
            "--ServerApp.identity_provider_class=people.ByHeader",
            "--PfJupyter.owners=boss",
        )
        server.team = True
        try:
            yield server.start()
        finally:
            server.stop()


@pytest.fixture
def remote(team):
    """Make workspaces as people have them in their kernels elsewhere."""
    with ExitStack() as stack:

        def make(person):
            _, _, made = ask(team, person, "POST", "tokens", {"kernel": "here"})
            found = RemoteWorkspace(Client(Address(team.url, made["token"])))
            stack.callback(found.close)
            return found

        yield make


@pytest.fixture
def boss(remote):
    return remote("boss")


def may(team, person, right, on=None, **headers):
    body = {"principal": person, "right": right, "on": on}
    status, _, found = ask(
        team, person, "POST", "roles/check", body, headers={"X-Groups": "", **headers}
    )
    assert status == 200, found
    return found


def test_a_role_is_defined_given_changed_and_forgotten(team, boss):
    made = boss.roles.create(
        "runner",
        actions=["runtime.use", "run.*", "*.list"],
        exclusions=["run.delete"],
        description="runs what others made",
    )
    assert made.rights["runtime.use"] == "own shared"
    assert made.rights["run.delete"] == "no"
    assert boss.roles.get("runner") == made
    names = [role.name for role in boss.roles.definitions()]
    assert names[:5] == list(ROLES)
    assert names[5:] == ["runner"]
    boss.roles.assign("ana", "runner")
    found = boss.roles.check("ana", "run.create")
    assert found.by == "runner on workspace"
    assert found.assignment.granted_by == "boss"
    refused = boss.roles.check("ana", "run.delete")
    assert refused.excluded == "runner on workspace"
    boss.roles.update("runner", exclusions=[], reach="own")
    assert boss.roles.get("runner").rights["run.delete"] == "own"
    assert boss.roles.get("runner").description == "runs what others made"
    status, _, said = ask(team, "boss", "DELETE", "role-definitions/runner")
    assert (status, said["code"]) == (409, "role_in_use")
    boss.roles.delete("runner", revoke=True)
    assert not boss.roles.check("ana", "run.create").allowed
    assert [role.name for role in boss.roles.definitions()] == names[:5]


def test_only_who_may_change_roles_does(team, boss):
    boss.roles.create("mine", actions=["run.list"])
    for role in ("contributor", "data_scientist", "compute_operator", "reader"):
        boss.roles.assign(role, role)
        for method, path, body in (
            ("POST", "role-definitions", {"name": "more", "actions": ["*"]}),
            ("PATCH", "role-definitions/mine", {"actions": ["*"]}),
            ("DELETE", "role-definitions/mine", None),
        ):
            status, _, said = ask(team, role, method, path, body)
            assert (status, said["code"]) == (403, "missing_right"), path
            assert "owners: boss" in said["message"]
        assert ask(team, role, "GET", "role-definitions/mine")[0] == 200
    # who has no role at all does not even learn of them
    assert ask(team, "nobody", "GET", "role-definitions/mine")[0] == 404
    boss.roles.delete("mine")


def test_a_group_of_jupyters_identity_provider_holds_at_once(team, boss, remote):
    boss.roles.assign("group:analysts", "data_scientist")
    in_it = {"X-Groups": "analysts,others"}
    assert not may(team, "gil", "runtime.create")["allowed"]
    found = may(team, "gil", "runtime.create", **in_it)
    assert found["by"] == "Data Scientist on workspace, through group:analysts"
    assert boss.roles.groups() == {"analysts": ["gil"], "others": ["gil"]}
    # with a token of ours, too, which knows no groups by itself
    token = remote("gil")
    assert may(team, "gil", "runtime.create", **in_it)["allowed"]
    assert token.roles.check("gil", "runtime.create").allowed
    assert not may(team, "gil", "runtime.create")["allowed"]
    assert not token.roles.check("gil", "runtime.create").allowed
    boss.roles.revoke("group:analysts", "data_scientist")
    assert not may(team, "gil", "runtime.create", **in_it)["allowed"]


def test_whoever_asks_for_access_gets_it_in_one_word(team, boss, remote):
    hal = remote("hal")
    asked = hal.roles.ask("reader", reason="to look at run 7")
    assert hal.roles.ask("reader") == asked, "it is asked for once"
    assert [one.id for one in hal.roles.requests()] == [asked.id]
    assert remote("ida").roles.requests() == []
    [seen] = [one for one in boss.roles.requests() if one.id == asked.id]
    assert (seen.principal, seen.reason) == ("hal", "to look at run 7")
    for path in ("grant", "refuse"):
        where = f"access-requests/{asked.id}/{path}"
        assert ask(team, "hal", "POST", where, {})[0] == 403
        assert ask(team, "ida", "POST", where, {})[0] == 404
    made = boss.roles.grant(asked.id, until="2h")
    assert made.until is not None
    assert hal.roles.check("hal", "runtime.list").allowed
    status, _, said = ask(team, "boss", "POST", f"access-requests/{asked.id}/refuse")
    assert (status, said["code"]) == (409, "illegal_state")
    again = hal.roles.ask("contributor")
    assert boss.roles.refuse(again.id).state == "refused"
    done = {one.id: one.state for one in hal.roles.requests(answered=True)}
    assert done == {asked.id: "granted", again.id: "refused"}
    told = [line.right for line in boss.roles.audit(principal="hal")]
    assert told.count("role.ask") == 2


def test_asking_tells_nothing_about_what_is_there(team):
    answers = []
    for name in ("nothing-of-that-name", "boss-has-none-either"):
        body = {"role": "reader", "on": f"runtime:{name}"}
        status, _, said = ask(team, "jo", "POST", "access-requests", body)
        answers.append((status, said["state"], sorted(said)))
    assert answers[0] == answers[1]


def test_the_audit_list_is_searched_and_is_for_owners(team, boss):
    assert ask(team, "reader", "GET", "audit")[0] == 403
    found = boss.roles.audit(allowed=False, right="role.*")
    assert found
    assert all(not line.allowed for line in found)
    assert {line.right.partition(".")[0] for line in found} == {"role"}
    assert boss.roles.audit(since="2999-01-01") == []
    assert len(boss.roles.audit(limit=2)) == 2


def test_the_last_owner_stays_and_nobody_climbs(team, boss):
    body = {"principal": "boss", "role": "owner"}
    status, _, said = ask(team, "boss", "POST", "roles/revoke", body)
    assert (status, said["code"]) == (409, "last_owner")
    boss.roles.create("keeper", actions=["role.*"])
    boss.roles.assign("kim", "keeper")
    for path, given in (
        ("roles", {"principal": "kim", "role": "owner"}),
        ("roles", {"principal": "group:kims", "role": "reader"}),
        ("role-definitions", {"name": "more", "actions": ["*"]}),
    ):
        status, _, said = ask(team, "kim", "POST", path, given)
        assert (status, said["code"]) == (403, "more_than_held"), said
        assert "kim lacks" in said["message"]
        assert said["hint"] == "ask an owner: boss"
