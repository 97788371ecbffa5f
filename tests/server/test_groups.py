"""Groups as an identity provider and a JupyterHub tell of them."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from jupyterhub.singleuser.extension import JupyterHubUser

from pf_jupyter.server.groups import FRESH_SECONDS, Groups, told_by


class Hub(ThreadingHTTPServer):
    """Answers as a hub does about its users."""

    def __init__(self):
        self.members = {}
        self.asked = []
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/hub/api"


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append((self.path, self.headers["Authorization"]))
        found = self.server.members.get(self.path.rpartition("/")[2])
        content = json.dumps({"name": "x", **({"groups": found} if found else {})})
        self.send_response(200 if found is not None else 404)
        self.end_headers()
        self.wfile.write(content.encode())

    def log_message(self, *words):
        pass


@pytest.fixture
def hub():
    made = Hub()
    thread = threading.Thread(target=made.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


class Kept(dict):
    def __call__(self, principal, groups):
        self[principal] = set(groups)


def test_a_hub_is_asked_anew_every_few_seconds(hub):
    kept, clock = Kept(), [0.0]
    groups = Groups(kept, (hub.url, "secret"), lambda: clock[0])
    hub.members["ana%40x"] = ["analysts"]
    groups.learn("ana@x", None)
    groups.learn("ana@x", None)
    assert hub.asked == [("/hub/api/users/ana%40x", "token secret")]
    assert kept == {"ana@x": {"analysts"}}
    hub.members["ana%40x"] = ["others"]
    clock[0] += FRESH_SECONDS
    groups.learn("ana@x", frozenset({"what", "was", "true", "at", "login"}))
    assert kept == {"ana@x": {"others"}}


@pytest.mark.parametrize("members", [None, []], ids=["not known", "may not be read"])
def test_what_a_hub_does_not_tell_stays_as_it_was(hub, members):
    kept = Kept()
    hub.members["bo"] = members
    groups = Groups(kept, (hub.url, "secret"))
    groups.learn("bo", None)
    assert kept == {}
    assert not groups.due("bo", None)


def test_a_hub_that_is_away_takes_nothing_from_anybody():
    kept = Kept()
    Groups(kept, ("http://127.0.0.1:1/hub/api", "x")).learn("bo", frozenset({"a"}))
    assert kept == {"bo": {"a"}}


def test_a_login_that_tells_something_new_counts_at_once():
    kept = Kept()
    groups = Groups(kept)
    groups.learn("bo", frozenset({"a"}))
    assert not groups.due("bo", frozenset({"a"}))
    assert not groups.due("bo", None)
    groups.learn("bo", frozenset())
    assert kept == {"bo": set()}


def test_where_logins_tell_of_groups():
    assert told_by(JupyterHubUser({"name": "x", "groups": ["a"]})) == {"a"}
    assert told_by(JupyterHubUser({"name": "x"})) is None
    assert told_by(object()) is None
    assert told_by(None) is None
