"""`jupyter pf server`: every route, asked by everybody, about everybody's things."""

from __future__ import annotations

import itertools
import json
import os

import pytest

from pf_jupyter.access.roles import ROLES
from pf_jupyter.server.verb import VERBS
from pf_jupyter.server.verbs import load_all
from pf_jupyter.workspace.remote_client import Address, Client

from .conftest import harness, load, remove_runtimes

load_all()
API = "pf/api/"
PEOPLE = {role: f"{role}_person" for role in ROLES}
TESTS = harness.ROOT / "tests"
_roles = load("pf_both_roles", TESTS / "access" / "test_roles.py")
TABLE, expected = _roles.TABLE, _roles.expected

# What each route asks for, and what about; None is for everybody who is let in.
RIGHTS = {
    "runtimes.show": "runtime.list",
    "runtimes.delete": "runtime.delete",
    "runtimes.start": "runtime.use",
    "runtimes.stop": "runtime.update",
    "runtimes.restart": "runtime.update",
    "runtimes.check": "runtime.list",
    "runtimes.stats": "runtime.list",
    "runtimes.logs": "runtime.use",
    "runtimes.validate": "runtime.use",
    "versions.show": "runtime.list",
    "versions.check": "runtime.list",
    "versions.rehearse": "runtime.update",
    "versions.update": "runtime.update",
    "versions.rollback": "runtime.update",
    "packages.list": "runtime.list",
    "packages.install": "runtime.update",
    "packages.reset": "runtime.update",
    "packages.capture": "runtime.use",
    "connections.show": "connection.list",
    "connections.update": "connection.update",
    "connections.delete": "connection.delete",
    "runs.show": "run.list",
    "runs.record": "run.list",
    "runs.trace": "run.list",
    "runs.cancel": "run.update",
    "runs.events": "run.list",
    "runs.archive": "run.update",
    "runs.restore": "run.update",
    "runs.delete": "run.delete",
    "runs.resume": "run.update",
    "runs.lines": "run.list",
    "runs.line": "run.list",
    "runs.enter": "run.list",
    "runs.results": "run.list",
    "runs.outputs": "run.list",
    "runs.export": "run.list",
    "runs.estimates": "run.list",
    "runs.judgement": "run.list",
    "runs.sources": "run.list",
    "environments.show": "environment.list",
    "environments.packages": "environment.list",
    "environments.logs": "environment.list",
    "environments.diff": "environment.list",
    "environments.check": "environment.list",
    "environments.update": "environment.update",
    "environments.archive": "environment.update",
    "environments.restore": "environment.update",
    "environments.export": "environment.use",
}
# These make or change the workspace itself: there is no thing yet.
ANYWHERE = {
    "runtimes.create": "runtime.create",
    "runtimes.adopt": "workspace.update",
    "computes.add": "compute.create",
    "connections.create": "connection.create",
    "runs.create": "run.create",
    "batches.create": "run.create",
    "environments.build": "environment.create",
    "environments.publish": "environment.create",
    "environments.import": "environment.create",
    "files.put": "run.create",
    "doctor.check": "workspace.list",
    "doctor.fix": "workspace.update",
    "roles.assign": "role.create",
    "roles.revoke": "role.delete",
    "roles.audit": "role.create",
    "roles.create": "role.update",
}
# Lists show what may be seen; the rest is about whoever asks, or about files they have.
FOR_EVERYBODY = {
    *("status.show", "runtimes.list", "runtimes.names", "runs.list", "flows.list"),
    *(
        "flows.look",
        "flows.starter",
        "flows.examples",
        "flows.example",
        "flows.show",
        "flows.picture",
        "flows.validate",
        "flows.upload",
    ),
    *("computes.list", "computes.names", "connections.list", "roles.list"),
    *(
        "roles.check",
        "roles.mine",
        "status.events",
        "operations.list",
        "operations.show",
        "operations.events",
    ),
    *("operations.cancel", "tokens.list", "tokens.create", "tokens.revoke"),
    *("environments.list", "environments.names", "environments.init"),
    *("evaluations.create", "comparisons.create", "files.show", "files.get"),
    *("current.show", "current.use", "current.ensure", "runtimes.follow"),
    # each is asked for its right in test_own_roles.py
    *("roles.definitions", "roles.show", "roles.update", "roles.delete"),
    *("runtimes.instead", "runtimes.copy"),
    # and each of these in tests/access/test_computes.py
    *("computes.show", "computes.ps", "computes.check", "computes.auth"),
    *("computes.victims", "computes.remove"),
    *("roles.groups", "access.list", "access.ask", "access.grant", "access.refuse"),
}
BODIES = {
    "runtimes.create": {"name": "demo", "compute": "nowhere"},
    "runtimes.adopt": {"container": "nothing", "compute": "process"},
    "packages.capture": {"name": "x"},
    "computes.add": {
        "name": "x",
        "address": "tcp://127.0.0.1:1",
        "certificates": {"ca": "x", "cert": "x", "key": "x"},
    },
    "connections.create": {"name": "x"},
    "runs.create": {"flow": {"example": "hello"}, "runtime": "shared"},
    "batches.create": {
        "flow": {"example": "hello"},
        "rows": [{"name": "x"}],
        "runtime": "shared",
    },
    "environments.build": {"source": {"environment": "nothing"}},
    "environments.publish": {"source": {"environment": "nothing"}},
    "environments.import": {"registry": "127.0.0.1:1/nothing:1"},
    "roles.assign": {"principal": "zoe", "role": "reader"},
    "roles.revoke": {"principal": "nobody", "role": "reader"},
    "roles.create": {"name": "owner", "actions": ["run.list"]},
    "packages.install": {"packages": ["nothing of that name"]},
    "connections.update": {"settings": {"secrets.k": "v"}},
    "runtimes.validate": {"flow": {"example": "hello"}},
}
QUERIES = {"environments.diff": "?other=default", "files.put": "?size=0"}


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A team's server on which each role is one person's; two things of each kind."""
    path = os.pathsep.join([str(TESTS / "server"), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        made = harness.Server(
            tmp_path_factory.mktemp("team"),
            "--ServerApp.identity_provider_class=people.ByHeader",
            "--PfJupyter.owners=boss",
        )
        made.team = True
        try:
            made.start()
            for role, person in PEOPLE.items():
                give(made, person, role)
            give(made, "foreign", "data_scientist")
            fill(made)
            yield made
        finally:
            made.stop()
            remove_runtimes(made)


def ask(server, person, method, path, body=None, **more):
    headers = {"X-Person": person, **more.pop("headers", {})}
    return server.ask(method, API + path, body, token=None, headers=headers, **more)


def give(server, person, role, on="workspace", verb="roles"):
    body = {"principal": person, "role": role, "on": on}
    status, _, said = ask(server, "boss", "POST", verb, body)
    assert status in (200, 201), said


def done(server, person, operation):
    def ended():
        _, _, found = ask(server, person, "GET", f"operations/{operation['id']}")
        return found if found["state"] != "running" else None

    return harness.wait_for(ended, f"{operation} ends")


def fill(server):
    """Make things of somebody that nobody here is."""
    for kind, name in (("personal", "personal"), ("shared", "shared")):
        body = {"name": name, "kind": kind, "compute": "process"}
        _, _, begun = ask(server, "foreign", "POST", "runtimes", body)
        assert done(server, "foreign", begun)["state"] == "done", begun
        scope = "workspace" if kind == "shared" else "personal"
        settings = {"type": "custom", "secrets.k": "v"}
        body = {"name": name, "scope": scope, "settings": settings}
        assert ask(server, "foreign", "POST", "connections", body)[0] == 201
    body = {"flow": {"example": "hello"}, "runtime": "personal"}
    _, _, begun = ask(server, "foreign", "POST", "runs", body)
    server.run_id = done(server, "foreign", begun)["run_id"]


def refused(server, person, name, /, **path):
    """Return whether a route is refused; being past that, nothing needs to happen."""
    route = VERBS[name].route
    given = {"reference": "default", "number": "0", "digest": "0" * 64, **path}
    where = route.path.format(**given) + QUERIES.get(name, "")
    body = BODIES.get(name, {}) if route.method != "GET" else None
    # what would really be done is asked for under a name that stops it later
    status, _, said = ask(server, person, route.method, where, body)
    if status == 202 and said["verb"] == name:
        ended = done(server, person, said)
        said = ended["error"] or {"code": "done"}
    assert status < 500 or status == 503, said
    code = (said or {}).get("code")
    return code in ("missing_right", "not_found"), said


def test_every_route_is_in_one_of_the_three_lists():
    lists = [set(RIGHTS), set(ANYWHERE), FOR_EVERYBODY]
    assert set.union(*lists) == set(VERBS)
    assert sum(map(len, lists)) == len(VERBS)


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_make_is_what_the_page_says(team, role):
    wrong = []
    for name, right in ANYWHERE.items():
        no, said = refused(team, PEOPLE[role], name)
        may = expected(TABLE[role, right], "foreign")
        if name == "roles.revoke" and may:
            no = said["code"] == "missing_right"  # nobody has that role: not_found
        if no == may:
            wrong.append((name, said))
    assert not wrong


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_may_do_to_things_of_others_is_what_the_page_says(team, role):
    wrong = []
    harmless = [name for name in RIGHTS if "delete" not in name]
    for name, thing in itertools.product(harmless, ("personal", "shared")):
        right = RIGHTS[name]
        relation = "shared" if thing == "shared" else "foreign"
        if right.startswith("run."):
            if thing == "shared":
                continue
            no, said = refused(team, PEOPLE[role], name, run_id=team.run_id)
        elif right.startswith("environment."):
            if thing == "personal":
                continue
            no, said = refused(team, PEOPLE[role], name)
        else:
            no, said = refused(team, PEOPLE[role], name, name=thing)
        may = expected(TABLE[role, right], relation)
        if no == may:
            wrong.append((name, thing, may, said))
        if name in ("runtimes.stop", "runtimes.restart") and may:
            _, _, begun = ask(team, "foreign", "POST", f"runtimes/{thing}/start")
            done(team, "foreign", begun)
    assert not wrong


@pytest.mark.parametrize("role", [role for role in ROLES if role != "owner"])
def test_deleting_what_is_not_ones_own_is_what_the_page_says(team, role):
    for kind, path in (("runtime", "runtimes"), ("connection", "connections")):
        may = expected(TABLE[role, f"{kind}.delete"], "foreign")
        status, _, _ = ask(team, PEOPLE[role], "DELETE", f"{path}/personal")
        assert (status in (403, 404)) != may
        assert status == 404


def test_lists_show_what_may_be_seen_and_nothing_else(team):
    for role, person in PEOPLE.items():
        seen = {"shared"} | ({"personal"} if role == "owner" else set())
        _, _, found = ask(team, person, "GET", "runtimes")
        assert {item["name"] for item in found["runtimes"]} == seen
        _, _, found = ask(team, person, "GET", "runtime-names")
        assert set(found["names"]) == seen
        _, _, found = ask(team, person, "GET", "connections")
        assert {item["name"] for item in found["connections"]} == seen
        _, _, found = ask(team, person, "GET", "runs")
        assert (team.run_id in json.dumps(found)) == (role == "owner")


def test_who_has_no_role_learns_nothing(team):
    for path in ("runtimes", "runs", "connections", "computes", "roles", "operations"):
        status, _, found = ask(team, "stranger", "GET", path)
        assert status == 200
        assert list(found.values()) == [[]]
    for name in (*RIGHTS, *ANYWHERE):
        no, said = refused(team, "stranger", name, name="personal", run_id=team.run_id)
        assert no, (name, said)


def test_a_refusal_says_who_can_grant_it(team):
    body = {"name": "mine", "compute": "process"}
    status, _, said = ask(team, PEOPLE["reader"], "POST", "runtimes", body)
    assert status == 403
    assert said["message"] == (
        "reader_person may not make a runtime "
        "(needs Data Scientist; owners: boss, owner_person)"
    )


def test_operations_are_seen_by_those_who_began_them(team):
    body = {"flow": {"example": "hello"}, "runtime": "shared"}
    person = PEOPLE["data_scientist"]
    _, _, begun = ask(team, person, "POST", "runs", body)
    for path in ("", "/events"):
        where = f"operations/{begun['id']}{path}"
        assert ask(team, PEOPLE["owner"], "GET", where)[0] == 404
    assert done(team, person, begun)["state"] == "done"
    key = {"Idempotency-Key": begun["id"]}
    status, _, _ = ask(team, "foreign", "POST", "runs", body, headers=key)
    assert status == 404


def test_a_person_works_from_elsewhere_with_a_token_of_their_own(team):
    from pf_jupyter.errors import NotFound, Refused
    from pf_jupyter.workspace.remote import RemoteWorkspace

    person = PEOPLE["contributor"]
    _, _, made = ask(team, person, "POST", "tokens", {"kernel": "my laptop"})
    workspace = RemoteWorkspace(Client(Address(team.url, made["token"])))
    assert workspace.client.call("status.show")["principal"] == person
    assert [rt.name for rt in workspace.runtimes.list()] == ["shared"]
    result = workspace.runtimes.get("shared").run("hello", name="Ana")
    assert result.outputs == {"greeting": "Hello, Ana!"}
    with pytest.raises(NotFound):
        workspace.runtimes.get("personal")
    with pytest.raises(Refused) as caught:
        workspace.roles.assign(person, "owner")
    assert "owners: boss" in caught.value.message
    assert workspace.roles.check(person, "runtime.create").allowed
    workspace.close()
    # a token makes no tokens and takes none back
    for method, path in (("GET", "tokens"), ("POST", "tokens")):
        status, _, _ = team.ask(
            method, API + path, {"kernel": "x"}, token=made["token"]
        )
        assert status == 403
    assert ask(team, "foreign", "DELETE", f"tokens/{made['id']}")[0] == 404
    assert ask(team, person, "DELETE", f"tokens/{made['id']}")[0] == 204


def test_a_role_taken_back_stops_new_work_at_once(team):
    body = {"flow": {"example": "hello"}, "runtime": "shared"}
    give(team, "guest", "data_scientist")
    _, _, begun = ask(team, "guest", "POST", "runs", body)
    assert done(team, "guest", begun)["state"] == "done"
    give(team, "guest", "data_scientist", verb="roles/revoke")
    status, _, _ = ask(team, "guest", "POST", "runs", body)
    assert status in (403, 404)


def test_it_has_neither_kernels_nor_files(team):
    for path in (
        "api/kernels",
        "api/contents",
        "api/sessions",
        "api/terminals",
        "tree",
    ):
        status, _, _ = team.ask("GET", path, token=None, headers={"X-Person": "boss"})
        assert status in (403, 404)
    status, _, found = ask(team, "boss", "GET", "flows?folder=")
    assert status in (200, 422)
    assert "root" not in json.dumps(found).split("examples")[0]
