"""Questions to image registries: tags over several pages, tokens, what goes wrong."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pf_jupyter.engines.api import Login
from pf_jupyter.engines.image_registry import ImageRegistry, Place, place_of
from pf_jupyter.errors import NotFound, PfError, Refused, Unreachable

LOGIN = Login("ana", "secret-word")
CONFIG = {"created": "2026-01-02T03:04:05.123456789Z", "config": {"Labels": {"a": "b"}}}


class Answers:
    """What a registry says: path to status, headers and JSON, or what makes them."""

    def __init__(self) -> None:
        self.paths: dict[str, Any] = {}
        self.asked: list[tuple[str, str]] = []
        self.host = ""


@pytest.fixture
def answers() -> Iterator[Answers]:
    told = Answers()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            login = self.headers.get("Authorization", "")
            told.asked.append((self.path, login))
            found = told.paths.get(self.path, (404, {}, {"errors": []}))
            status, headers, body = found(login) if callable(found) else found
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.host = f"127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join(60)


def registry(answers: Answers, login: Login | None = LOGIN) -> ImageRegistry:
    return ImageRegistry(answers.host, lambda host: login)


def wants(kind: str, answer: Any) -> Callable[[str], Any]:
    """Ask for a login unless one of that kind comes."""

    def say(login: str) -> Any:
        if login.startswith(f"{kind} "):
            return answer
        return 401, {"WWW-Authenticate": 'Basic realm="here"'}, {}

    return say


@pytest.mark.parametrize(
    ("repository", "place"),
    [
        ("localhost:5000/a/b", Place("localhost:5000", "a/b")),
        ("reg.test/a", Place("reg.test", "a")),
        ("python", Place("docker.io", "library/python")),
        ("someone/thing", Place("docker.io", "someone/thing")),
    ],
)
def test_where_a_repository_is(repository: str, place: Place) -> None:
    assert place_of(repository) == place


def test_tags_of_several_pages(answers: Answers) -> None:
    more = "/v2/team/env/tags/list?n=1000&last=b"
    answers.paths = {
        "/v2/team/env/tags/list?n=1000": (
            200,
            {"Link": f'<{more}>; rel="next"'},
            {"tags": ["a", "b"]},
        ),
        more: (200, {}, {"tags": ["c", "a"]}),
    }
    assert registry(answers).tags("team/env") == ["a", "b", "c"]
    # nobody asked for a login, so none was sent
    assert {login for _, login in answers.asked} == {""}


def test_a_login_is_given_when_it_is_asked_for(answers: Answers) -> None:
    page = (200, {}, {"tags": ["1"]})
    answers.paths["/v2/x/tags/list?n=1000"] = wants("Basic", page)
    assert registry(answers).tags("x") == ["1"]
    sent = base64.b64encode(b"ana:secret-word").decode()
    assert answers.asked[-1][1] == f"Basic {sent}"
    with pytest.raises(Refused) as caught:
        registry(answers, None).tags("x")
    assert "docker login" in caught.value.hint


def test_a_token_is_fetched_where_the_registry_says(answers: Answers) -> None:
    realm = f'Bearer realm="http://{answers.host}/token",service="s",scope="sc"'

    def page(login: str) -> Any:
        if login == "Bearer t0k":
            return 200, {}, {"tags": ["1"]}
        return 401, {"WWW-Authenticate": realm}, {}

    answers.paths["/v2/x/tags/list?n=1000"] = page
    answers.paths["/token?service=s&scope=sc"] = wants(
        "Basic", (200, {}, {"token": "t0k"})
    )
    assert registry(answers).tags("x") == ["1"]


def test_a_login_is_not_sent_in_the_clear_to_elsewhere(answers: Answers) -> None:
    realm = 'Bearer realm="http://elsewhere.test/token",service="s"'
    answers.paths["/v2/x/tags/list?n=1000"] = (401, {"WWW-Authenticate": realm}, {})
    with pytest.raises(Refused):
        registry(answers).tags("x")


def test_facts_of_an_image_for_several_platforms(answers: Answers) -> None:
    listed = [
        {"digest": "sha256:arm", "platform": {"os": "linux", "architecture": "arm64"}},
        {"digest": "sha256:amd", "platform": {"os": "linux", "architecture": "amd64"}},
    ]
    manifest = {
        "config": {"digest": "sha256:cfg"},
        "layers": [{"size": 3}, {"size": 4}],
    }
    header = {"Docker-Content-Digest": "sha256:list"}
    answers.paths = {
        "/v2/x/manifests/1": (200, header, {"manifests": listed}),
        "/v2/x/manifests/sha256:amd": (200, {}, manifest),
        "/v2/x/blobs/sha256:cfg": (307, {"Location": "/elsewhere"}, {}),
        "/elsewhere": (200, {}, CONFIG),
    }
    found = registry(answers).image("x", "1", "linux/amd64")
    assert (found.id, found.size, found.labels) == ("sha256:cfg", 7, {"a": "b"})
    assert found.registry_digests == (f"{answers.host}/x@sha256:list",)
    assert found.created_at is not None
    assert found.created_at.isoformat() == "2026-01-02T03:04:05.123456+00:00"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((404, {}, {}), NotFound),
        ((403, {}, {}), Refused),
        ((500, {}, {}), Unreachable),
        ((200, {}, b"<html>log in to the network</html>"), Unreachable),
    ],
)
def test_what_goes_wrong_has_words(
    answers: Answers, answer: Any, kind: type[PfError]
) -> None:
    answers.paths["/v2/x/tags/list?n=1000"] = answer
    with pytest.raises(kind) as caught:
        registry(answers).tags("x")
    assert caught.value.hint


def test_nobody_there() -> None:
    silent = ImageRegistry("127.0.0.1:1", lambda host: None)
    with pytest.raises(Unreachable) as caught:
        silent.tags("x")
    assert caught.value.code == "registry_unreachable"
