"""Every route × every role × own, assigned, shared and foreign things: each cell is
what the table of docs/roles.md says. The things are records: nothing is started."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import uuid

import pytest

from pf_jupyter.access.roles import ROLES
from pf_jupyter.server.verb import VERBS
from pf_jupyter.store import records, rows

from .conftest import harness
from .test_team import ANYWHERE, BODIES, QUERIES, RIGHTS, TABLE, expected

TESTS = harness.ROOT / "tests"
RELATIONS = ("own", "assigned", "shared", "foreign")
REFUSED = ("missing_right", "not_found")
NOW = "2026-01-01T00:00:00.000000+00:00"
ALSO = {
    **dict.fromkeys(("runs.resume", "versions.rehearse"), "run.create"),
    "versions.update": "run.create",
    "packages.capture": "environment.create",
}
"""What these make, too; a role on one thing makes nothing."""

ENDLESS = ("runtimes.follow", "status.events")


class Team:
    """A team's server without runtimes, asked over one connection."""

    def __init__(self, server):
        from pf_jupyter.store.store import Store

        self.server = server
        self.store = Store(server.home)
        self._connection = None

    def close(self):
        if self._connection is not None:
            self._connection.close()
        self.store.close()

    def ask(self, person, method, path, body=None, **headers):
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                "127.0.0.1", self.server.port, timeout=200
            )
        given = {"X-Person": person, **headers}
        self._connection.request(
            method,
            harness.BASE + "pf/api/" + path,
            None if body is None else json.dumps(body),
            given,
        )
        answer = self._connection.getresponse()
        content = answer.read()
        try:
            return answer.status, json.loads(content) if content else None
        except ValueError:
            return answer.status, {"code": "content"}

    def give(self, person, role, on="workspace"):
        body = {"principal": person, "role": role, "on": on}
        status, said = self.ask("boss", "POST", "roles", body)
        assert status == 201, said

    def ended(self, person, operation):
        def look():
            _, found = self.ask(person, "GET", f"operations/{operation['id']}")
            return found if found["state"] != "running" else None

        return harness.wait_for(look, f"{operation} ends")

    def make(self, kind, owner, shared=False):
        """Record a thing of somebody and return its name."""
        name = f"{kind}-{uuid.uuid4().hex[:10]}"
        if kind == "runtime":
            self.store.add_runtime(
                records.RuntimeRecord(
                    id=uuid.uuid4().hex,
                    name=name,
                    kind="shared" if shared else "personal",
                    owner=owner,
                    compute="docker",
                    engine="docker",
                    isolated=True,
                    state="stopped",
                    created_at=NOW,
                    changed_at=NOW,
                )
            )
        elif kind == "connection":
            scope = "workspace" if shared else "personal"
            self.store.connections.add(
                records.ConnectionRecord(
                    *(name, "custom", "promptflow.connections", scope, owner),
                    *(NOW, NOW, {"k": "v"}, {}),
                )
            )
        elif kind == "environment":
            self.store.environments.add(
                records.EnvironmentRecord(name, owner, NOW, NOW)
            )
            self.store.environments.add_version(
                records.EnvironmentVersionRecord(
                    *(name, "1", owner, NOW, NOW, "sha256:" + "0" * 64, "none:1")
                )
            )
        else:
            row = rows.run_row(self._run(name, owner, kind))
            with self.store.database.direct.write() as execute:
                execute(rows.INSERT_RUN, row)
        return name

    def _run(self, name, owner, kind):
        return records.RunRecord(
            run_id=name,
            status="Completed",
            document={},
            flow="hello",
            flow_path="/nowhere/hello",
            runtime=self.common,
            runtime_id="none",
            environment_name="default",
            environment_version="1",
            environment_digest="",
            owner=owner,
            process=self.store.processes.mine(),
            created_at=NOW,
            mode="batch" if kind == "batch" else "flow",
        )


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    path = os.pathsep.join([str(TESTS / "server"), os.environ.get("PYTHONPATH", "")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        server = harness.Server(
            tmp_path_factory.mktemp("matrix"),
            "--ServerApp.identity_provider_class=people.ByHeader",
            "--PfJupyter.owners=boss",
        )
        server.team = True
        try:
            made = Team(server.start())
            made.common = made.make("runtime", "foreign", shared=True)
            for role in ROLES:
                made.give(f"{role}_person", role)
            yield made
            made.close()
        finally:
            server.stop()


def kinds_of(route):
    """Return the kinds of things that a route is about."""
    kind = RIGHTS[route].partition(".")[0]
    if route == "runs.resume":
        return ("batch",)
    return ("run", "batch") if kind == "run" else (kind,)


def may(route, role, relation):
    """Return what the page says about one cell."""
    allowed = expected(TABLE[role, RIGHTS[route]], relation)
    if route in ALSO:
        makes = expected(TABLE[role, ALSO[route]], relation)
        allowed = allowed and makes and relation != "assigned"
    return allowed


def thing_for(team, things, kind, role, relation, route):
    """Return the thing of one cell; what is deleted is made for it alone."""
    if kind == "environment" and relation == "foreign":
        return None  # what is published is everybody's
    if kind in ("run", "batch") and relation == "shared":
        return None  # runs are never shared
    owner = f"{role}_person" if relation == "own" else "foreign"
    key = (kind, owner, relation)
    if key not in things or VERBS[route].route.method == "DELETE":
        name = team.make(kind, owner, shared=relation == "shared")
        if relation == "assigned":
            scope = "run" if kind == "batch" else kind
            team.give(f"{role}_assigned", role, f"{scope}:{name}")
        if VERBS[route].route.method == "DELETE":
            return name
        things[key] = name
    return things[key]


def answered(team, person, route, name):
    """Return the code of what a route answers about a thing."""
    line = VERBS[route].route
    given = dict.fromkeys(("name", "run_id", "reference"), name)
    where = line.path.format(**given, number="0", digest="0" * 64)
    query = QUERIES.get(route, "").replace("default", name)
    body = BODIES.get(route, {}) if line.method != "GET" else None
    status, said = team.ask(person, line.method, where + query, body)
    if status == 202 and said.get("verb") == route:
        said = team.ended(person, said)["error"] or {"code": "done"}
    assert status < 500 or status == 503, (route, said)
    return (said or {}).get("code", "done"), said


@pytest.mark.parametrize("role", ROLES)
def test_each_cell_is_what_the_page_says(team, role):
    wrong, things, cells = [], {}, 0
    for route, relation in itertools.product(RIGHTS, RELATIONS):
        if route in ENDLESS:
            continue
        for kind in kinds_of(route):
            name = thing_for(team, things, kind, role, relation, route)
            if name is None:
                continue
            person = f"{role}_assigned" if relation == "assigned" else f"{role}_person"
            code, said = answered(team, person, route, name)
            cells += 1
            if (code in REFUSED) == may(route, role, relation):
                wrong.append((route, kind, relation, code, said))
    assert not wrong
    assert cells > 200


@pytest.mark.parametrize("role", ROLES)
def test_a_role_on_one_thing_makes_nothing(team, role):
    """It is given where there is no thing yet: only what everybody may is left."""
    person = f"{role}_once"
    team.give(person, role, f"runtime:{team.common}")
    wrong = []
    for route in ANYWHERE:
        line = VERBS[route].route
        where = line.path.format(digest="0" * 64) + QUERIES.get(route, "")
        body = BODIES.get(route, {}) if line.method != "GET" else None
        status, said = team.ask(person, line.method, where, body)
        if status == 202:
            said = team.ended(person, said)["error"] or {"code": "done"}
        if said["code"] not in REFUSED:
            wrong.append((route, said))
    assert not wrong


def test_nobody_sees_any_of_it(team):
    things = {
        kind: team.make(kind, "foreign")
        for kind in ("runtime", "connection", "run", "batch", "environment")
    }
    for route in RIGHTS:
        for kind in kinds_of(route):
            code, said = answered(team, "stranger", route, things[kind])
            assert code in REFUSED, (route, said)
