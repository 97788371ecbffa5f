"""Every route over HTTP, against a real server with a real runtime."""

from __future__ import annotations

import json

import pytest

from pf_jupyter.server.verb import VERBS
from pf_jupyter.server.verbs import load_all
from pf_jupyter.workspace.remote_routes import ROUTES

API = "pf/api/"
load_all()


def test_each_route_has_a_verb_and_each_verb_a_route():
    assert set(VERBS) == set(ROUTES)


def test_each_place_is_of_one_route():
    places = [(route.method, route.path) for route in ROUTES.values()]
    assert len(set(places)) == len(places)


def filled(route):
    given = {"name": "demo", "run_id": "none", "id": "0" * 32, "digest": "0" * 64}
    return API + route.path.format(**given, reference="default", number="0")


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_nobody_unknown_is_answered(server, name):
    route = ROUTES[name]
    for token in (None, "wrong", "pfk_wrong"):
        status, _, said = server.ask(route.method, filled(route), token=token)
        assert status == 403
        assert said["code"] == "refused"


def test_a_runtime_is_shown_as_the_interface_fixes_it(server):
    status, _, found = server.ask("GET", API + "runtimes/demo")
    assert status == 200
    assert (found["name"], found["state"], found["isolated"]) == (
        "demo",
        "ready",
        False,
    )
    _, _, listed = server.ask("GET", API + "runtimes")
    assert [item["name"] for item in listed["runtimes"]] == ["demo"]
    _, _, names = server.ask("GET", API + "runtime-names")
    assert names == {"names": ["demo"]}


def test_a_run_is_begun_followed_and_shown(server):
    body = {"runtime": "demo", "flow": {"example": "hello"}, "inputs": {"name": "Ana"}}
    status, headers, begun = server.ask("POST", API + "runs", body)
    assert status == 202
    assert headers["Location"].endswith(f"/pf/api/operations/{begun['id']}")
    ended = server.done(begun)
    assert ended["state"] == "done"
    status, _, run = server.ask("GET", f"{API}runs/{ended['run_id']}")
    assert (status, run["status"]) == (200, "Completed")
    assert run["outputs"] == {"greeting": "Hello, Ana!"}
    _, _, trace = server.ask("GET", f"{API}runs/{ended['run_id']}/trace")
    assert trace["root"]["children"][0]["name"] == "greet"
    _, _, runs = server.ask("GET", API + "runs?limit=1")
    assert runs["runs"][0]["run_id"] == ended["run_id"]


def test_the_same_key_begins_nothing_twice(server):
    body = {"runtime": "demo", "flow": {"example": "hello"}}
    key = {"Idempotency-Key": "0123456789abcdef" * 2}
    first = server.ask("POST", API + "runs", body, headers=key)[2]
    again = server.ask("POST", API + "runs", body, headers=key)[2]
    assert first["id"] == again["id"] == key["Idempotency-Key"]
    run_id = server.done(first)["run_id"]
    _, _, runs = server.ask("GET", API + "runs?limit=2")
    assert [run["run_id"] for run in runs["runs"]].count(run_id) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "nothing", None, 404, "not_found"),
        ("GET", "runtimes/dmeo", None, 404, "not_found"),
        ("GET", "runs/nothing", None, 404, "not_found"),
        ("GET", "operations/nothing", None, 404, "operation_not_found"),
        ("POST", "runtimes", {"name": "demo"}, 409, "already_exists"),
        ("POST", "runtimes", {"name": "Bad Name"}, 422, "bad_request"),
        ("POST", "runtimes", {"name": "a", "unknown": 1}, 422, "bad_request"),
        ("POST", "runtimes", {"name": "a", "compute": "no"}, 422, None),
        ("POST", "runs", {"flow": {"example": "no"}}, 404, "flow_not_found"),
        ("POST", "runs", {"flow": {"example": "../x"}}, 404, "flow_not_found"),
        ("GET", "runs?limit=0", None, 422, "bad_request"),
        ("GET", "runs?limit=x", None, 422, "bad_request"),
        ("DELETE", "runtimes/no", None, 404, "not_found"),
        ("GET", "flows?folder=../..", None, 422, "bad_path"),
        ("GET", "flows?folder=.hidden", None, 422, "bad_path"),
        ("POST", "flows/show", {"flow": {"contents": "../../etc"}}, 422, "bad_path"),
    ],
)
def test_what_is_wrong_is_told_apart(server, method, path, body, status, code):
    found, _, said = server.ask(method, API + path, body)
    if found == 202:
        # so busy that it could not be told at once
        found, said = status, server.done(said)["error"]
    assert (found, said["code"]) == (status, code or said["code"])
    assert said["message"]
    assert set(said) >= {"message", "code", "hint", "kind"}


def test_a_hint_comes_along(server):
    _, _, said = server.ask("GET", API + "runtimes/dmeo")
    assert said["hint"] == "did you mean 'demo'?"


def test_a_body_that_is_no_json_is_a_400(server):
    status, _, said = server.ask("POST", API + "runtimes", raw=b"{not json")
    assert (status, said["code"]) == (400, "malformed")


def test_another_method_is_refused_with_those_that_there_are(server):
    status, headers, said = server.ask("PUT", API + "runtimes/demo", {})
    assert (status, headers["Allow"]) == (405, "DELETE, GET")
    assert said["code"] == "method_not_allowed"


def test_a_path_is_taken_only_with_the_digest_of_its_files(server, flow):
    from pf_jupyter.flow.snapshot import load

    good = {"path": str(flow), "digest": load(flow).snapshot.digest}
    status, _, found = server.ask("POST", API + "flows/show", {"flow": good})
    assert (status, found["name"]) == (200, "waiting")
    for wrong in (
        {**good, "digest": "0" * 64},
        {**good, "path": str(flow.parent)},
        {**good, "path": "/etc/passwd"},
    ):
        status, _, said = server.ask("POST", API + "flows/show", {"flow": wrong})
        assert (status, said["code"]) == (404, "flow_not_here")


def test_flows_below_the_root_are_found_by_their_contents_path(server):
    place = server.root / "mine"
    place.mkdir(exist_ok=True)
    (place / "flow.dag.yaml").write_text("inputs: {}\noutputs: {}\nnodes: []\n")
    _, _, found = server.ask("GET", API + "flows?folder=")
    assert {"mine", "hello"} <= {item["name"] for item in found["flows"]}
    named = {"flow": {"contents": "mine"}}
    assert server.ask("POST", API + "flows/show", named)[2]["name"] == "mine"
    assert "svg" in server.ask("POST", API + "flows/picture", named)[2]
    (server.root / "out").symlink_to("/etc")
    status, _, said = server.ask(
        "POST", API + "flows/show", {"flow": {"contents": "out"}}
    )
    assert (status, said["code"]) == (422, "bad_path")
    (server.root / "out").unlink()


def test_secrets_go_in_and_never_come_out(server):
    secret = "s3cr3t-of-this-test"
    body = {
        "name": "mine",
        "settings": {"type": "open_ai", "api_key": secret},
    }
    status, headers, made = server.ask("POST", API + "connections", body)
    assert (status, made["secrets"]) == (201, {"api_key": "*****"})
    assert headers["Location"].endswith("/pf/api/connections/mine")
    status, _, said = server.ask("POST", API + "connections", body)
    assert (status, said["code"]) == (409, "already_exists")
    wrong = {"name": "other", "settings": {"type": "open_ai", "api_key": [secret]}}
    answers = [
        made,
        said,
        server.ask("POST", API + "connections", wrong)[2],
        server.ask("POST", API + "connections", {"typed": {"x": [secret]}})[2],
        server.ask("GET", API + "connections")[2],
        server.ask("GET", API + "connections/mine")[2],
        server.ask(
            "PATCH", API + "connections/mine", {"settings": {"api_key": secret}}
        )[2],
    ]
    assert secret not in json.dumps(answers)
    assert server.ask("DELETE", API + "connections/mine")[0] == 204
    assert server.ask("GET", API + "connections/mine")[0] == 404
    assert secret not in server.log()


def test_the_workspace_tells_how_it_is(server):
    assert server.ask("GET", API + "status")[2]["version"]
    checks = server.ask("GET", API + "doctor")[2]["checks"]
    assert {"store", "engine process"} <= {check["name"] for check in checks}
    computes = server.ask("GET", API + "computes")[2]["computes"]
    assert {item["name"] for item in computes} == {"docker", "process"}
    assert server.ask("GET", API + "runtimes/demo/stats")[2]["processes"]
    lines = server.ask("GET", API + "runtimes/demo/logs?tail=2")[2]["lines"]
    assert lines[-1].endswith("is ready")
    assert server.ask("GET", API + "runtimes/demo/check")[2]["checks"]


def test_the_runtime_in_use(server):
    assert server.ask("GET", API + "current-runtime")[2] == {"runtime": None}
    used = server.ask("PUT", API + "current-runtime", {"name": "demo"})[2]
    assert used["runtime"]["name"] == "demo"
    begun = server.ask("POST", API + "current-runtime/ensure")[2]
    assert server.done(begun)["result"]["name"] == "demo"
    forgotten = server.ask("PUT", API + "current-runtime", {"name": None})[2]
    assert forgotten == {"runtime": None}
