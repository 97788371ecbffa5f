"""Changes are told as they happen, whoever makes them."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest

from pf_jupyter.server.news import News
from pf_jupyter.server.streams import NOUNS
from pf_jupyter.store import changes

from .conftest import harness


@pytest.fixture
def follow(server):
    """Return a function that opens the stream and gives what reads its events."""
    opened = []

    def begin():
        parts = urlsplit(server.url)
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        opened.append(connection)
        connection.request(
            "GET",
            f"{parts.path}pf/api/events",
            headers={"Authorization": f"token {harness.TOKEN}"},
        )
        answer = connection.getresponse()
        assert answer.status == 200

        def until(*nouns):
            told = None
            while told != sorted(nouns):
                line = answer.readline().decode()
                assert line, "the stream ended"
                if line.startswith("data: "):
                    told = json.loads(line[6:])["nouns"]

        return until

    yield begin
    for connection in opened:
        connection.close()


def test_what_is_told_is_what_is_looked_at():
    assert set(NOUNS) == set(changes.NOUNS)


def test_every_reader_hears_of_a_change(server, follow):
    readers = [follow(), follow()]
    for until in readers:
        until(*NOUNS)
    server.ask("PUT", "pf/api/current-runtime", {"name": "demo"})
    for until in readers:
        until("runtimes")
    server.ask("PUT", "pf/api/current-runtime", {"name": None})
    for until in readers:
        until("runtimes")


def test_nobody_looks_when_nobody_follows():
    looks = []

    class Looking:
        def look(self):
            looks.append(1)
            return ["runs"]

        def close(self):
            looks.append(0)

    news = News(Looking)
    heard = []
    leave = news.listen(heard.append)
    harness.wait_for(lambda: heard, "it tells")
    leave()
    harness.wait_for(lambda: looks[-1] == 0, "it stops")
    assert news._thread is None


def test_on_ones_own_server_everything_is_allowed(server):
    status, _, mine = server.ask("GET", "pf/api/rights")
    assert status == 200
    assert mine["rights"]["runtime.create"]["allowed"] is True
    assert mine["rights"]["environment.delete"]["allowed"] is True
