"""Who is let in: tokens, cookies, passwords; and what no cookie alone may do."""

from __future__ import annotations

import http.client
import json
from http.cookies import SimpleCookie
from urllib.parse import urlencode

import pytest

from .conftest import harness

API = "pf/api/"
PASSWORD = "a-password"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A server that asks for a password and knows no token."""
    from jupyter_server.auth import passwd

    made = harness.Server(
        tmp_path_factory.mktemp("guarded"),
        f"--PasswordIdentityProvider.hashed_password={passwd(PASSWORD)}",
        "--IdentityProvider.token=",
    )
    try:
        yield made.start()
    finally:
        made.stop()


def cookies_of(headers, known=None):
    jar = SimpleCookie()
    for value in headers:
        jar.load(value)
    return {**(known or {}), **{name: morsel.value for name, morsel in jar.items()}}


def browse(server, method, path, cookies, *, headers=None, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        every = {"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
        connection.request(
            method, harness.BASE + path, body, {**every, **(headers or {})}
        )
        response = connection.getresponse()
        response.read()
        return response.status, cookies_of(
            response.headers.get_all("Set-Cookie") or [], cookies
        )
    finally:
        connection.close()


@pytest.fixture(scope="module")
def cookies(guarded):
    """Those of a browser after its user gave the password."""
    _, found = browse(guarded, "GET", "login", {})
    form = urlencode({"password": PASSWORD, "_xsrf": found["_xsrf"]})
    status, found = browse(
        guarded,
        "POST",
        "login",
        found,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        body=form,
    )
    assert status == 302
    return found


def test_without_password_nobody_is_let_in(guarded):
    assert guarded.ask("GET", API + "status", token=None)[0] == 403
    assert guarded.ask("GET", API + "status", token="")[0] == 403


def test_a_cookie_reads(guarded, cookies):
    here = {"Referer": guarded.url}
    assert browse(guarded, "GET", API + "status", cookies, headers=here)[0] == 200


def test_a_cookie_alone_changes_nothing(guarded, cookies):
    body = b'{"name": null}'
    kind = {"Content-Type": "application/json", "Referer": guarded.url}
    for method, path in (
        ("PUT", API + "current-runtime"),
        ("POST", API + "runtimes"),
        ("POST", API + "runs"),
        ("DELETE", API + "runtimes/demo"),
        ("PATCH", API + "connections/mine"),
    ):
        status, _ = browse(guarded, method, path, cookies, headers=kind, body=body)
        assert status == 403, path
    known = {**kind, "X-XSRFToken": cookies["_xsrf"]}
    status, _ = browse(
        guarded, "PUT", API + "current-runtime", cookies, headers=known, body=body
    )
    assert status == 200


def test_another_site_is_refused(guarded, cookies):
    away = {
        "Content-Type": "application/json",
        "Origin": "https://example.org",
        "Referer": "https://example.org/",
        "X-XSRFToken": cookies["_xsrf"],
    }
    status, _ = browse(
        guarded,
        "PUT",
        API + "current-runtime",
        cookies,
        headers=away,
        body=b'{"name": null}',
    )
    assert status in (403, 404)


def test_a_server_asked_under_a_foreign_name_refuses(guarded):
    status, _, _ = guarded.ask(
        "GET", API + "status", headers={"Host": "rebound.example.org"}
    )
    assert status == 403


@pytest.mark.parametrize(
    "path",
    [
        "runtimes/..%2f..%2fetc",
        "runtimes/%00",
        "runs/..%2f..%2fstore.sqlite/record",
        "tokens/..%2f..%2fkey",
        "operations/..%2f..%2fx",
        "connections/%2e%2e",
        "runtimes/demo/../../../../api/kernels",
        "openapi.json/..",
        "//runtimes",
    ],
)
def test_hand_made_paths_lead_nowhere(server, path):
    status, _, said = server.ask("GET", API + path)
    assert status in (403, 404, 405), said
    status, _, _ = server.ask("GET", API + path, token=None)
    assert status in (403, 404)


def test_a_token_is_good_until_it_expires_or_is_taken_back(server):
    from pf_jupyter.server.tokens import Tokens
    from pf_jupyter.workspace.serving import os_user

    folder = server.home / "server" / "tokens"
    tokens = Tokens(folder)
    old, taken = (tokens.make("a-kernel", os_user()) for _ in range(2))
    for token in (old, taken):
        assert server.ask("GET", API + "runtimes", token=token)[0] == 200
    # the clock of the server cannot be turned, so what the token says is
    grant = tokens.find(old)
    file = folder / f"{grant.id}.json"
    said = json.loads(file.read_text())
    file.write_text(json.dumps({**said, "expires_at": "2020-01-01T00:00:00+00:00"}))
    tokens.revoke(tokens.find(taken).id)
    for token in (old, taken):
        for method, path in (("GET", "runtimes"), ("POST", "runs"), ("GET", "files/x")):
            status, _, found = server.ask(method, API + path, token=token)
            assert (status, found["code"]) == (403, "refused")
    assert not file.exists()
