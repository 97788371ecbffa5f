"""The hop that fails is named: name, connection, proxy, TLS, answer, login."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.environments.reach import (
    Reached,
    bundle_problem,
    host_of,
    proxy_for,
)
from pf_jupyter.environments.reach import reach as reach_within

from ..company import Authority, joining, serving


def reach(url: str, *, environment: Any, seconds: float = 60.0) -> Reached:
    """Try an address as patiently as a busy machine needs."""
    return reach_within(url, environment=environment, seconds=seconds)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "there").write_text("here\n")
    with serving(folder, context=authority.context("127.0.0.1")) as port:
        yield port


@pytest.fixture(scope="module")
def trusted(authority: Authority) -> dict[str, str]:
    return {"SSL_CERT_FILE": str(authority.bundle)}


def test_what_is_trusted_and_answers_is_reached(
    secure: int, trusted: dict[str, str]
) -> None:
    found = reach(f"https://127.0.0.1:{secure}/there", environment=trusted)
    assert (found.hop, found.ok) == ("", True)
    assert found.message == f"127.0.0.1:{secure} answers"


def test_an_authority_that_nobody_knows_is_named(secure: int) -> None:
    found = reach(f"https://127.0.0.1:{secure}/", environment={})
    assert (found.hop, found.ok) == ("TLS", False)
    assert "not trusted" in found.message
    assert "SSL_CERT_FILE" in found.hint


def test_another_machine_under_that_name_is_told(
    secure: int, trusted: dict[str, str]
) -> None:
    found = reach(f"https://localhost:{secure}/", environment=trusted)
    assert found.hop == "TLS"
    assert "another machine" in found.hint


@pytest.mark.parametrize(
    ("path", "hop", "said"),
    [
        ("401/", "login", "none was sent"),
        ("403/", "login", "403"),
        ("404/", "", "answers"),
        ("503/", "answer", "503"),
    ],
)
def test_the_answer_is_told_apart(
    secure: int, trusted: dict[str, str], path: str, hop: str, said: str
) -> None:
    url = f"https://ana:secret-word@127.0.0.1:{secure}/{path}"
    found = reach(url, environment=trusted)
    assert found.hop == hop
    assert said in found.message
    assert "secret-word" not in repr(found)


def test_what_is_no_tls_and_no_http_is_told(trusted: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        # it takes the connection and says nothing for ever
        found = reach(f"http://127.0.0.1:{port}/", environment={}, seconds=0.2)
        assert found.hop == "answer"
        found = reach(f"https://127.0.0.1:{port}/", environment=trusted, seconds=0.2)
        assert found.hop == "TLS"
    found = reach(f"http://127.0.0.1:{port}/", environment={})
    assert found.hop == "connection"
    assert f"127.0.0.1:{port}" in found.message


def test_names_and_addresses_that_are_none() -> None:
    assert reach("https://no-such-host.invalid/", environment={}).hop == "name"
    assert reach("gopher://here/", environment={}).hop == "address"
    assert reach("https:///nothing", environment={}).hop == "address"


def test_a_proxy_joins_or_is_what_fails(secure: int, trusted: dict[str, str]) -> None:
    url = f"https://127.0.0.1:{secure}/there"
    with joining() as proxy:
        through = {**trusted, "HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}"}
        found = reach(url, environment=through)
        assert (found.hop, proxy.asked) == ("", [f"127.0.0.1:{secure}"])
        assert "through the proxy" in found.message
        around = {**through, "NO_PROXY": "127.0.0.1"}
        assert reach(url, environment=around).ok
        assert len(proxy.asked) == 1
        nowhere = reach("https://127.0.0.1:9/", environment=through)
        assert (nowhere.hop, "502" in nowhere.message) == ("proxy", True)
    gone = reach(url, environment=through)
    assert gone.hop == "proxy"
    assert "the proxy 127.0.0.1" in gone.message
    with joining(login=True) as strict:
        wants = {**trusted, "HTTPS_PROXY": f"http://127.0.0.1:{strict.port}"}
        found = reach(url, environment=wants)
        assert (found.hop, "407" in found.message) == ("proxy", True)
        address = f"http://ana:secret-word@127.0.0.1:{strict.port}"
        found = reach(url, environment={**trusted, "https_proxy": address})
        assert found.hop == "login"
        assert "secret-word" not in repr(found)


def test_which_proxy_is_asked() -> None:
    told = {"HTTPS_PROXY": "one:1", "NO_PROXY": ".inside.example"}
    assert proxy_for("https://index.example/", told) == "http://one:1"
    assert proxy_for("https://a.inside.example/", told) == ""
    assert proxy_for("http://index.example/", told) == ""
    assert proxy_for("http://x/", {"all_proxy": "socks5://two:2"}) == "socks5://two:2"


def test_hosts_are_shown_without_logins() -> None:
    assert host_of("https://ana:pw@index.example:8443/simple") == "index.example:8443"
    assert host_of("proxy.example:3128") == "proxy.example:3128"


def test_a_bundle_that_cannot_be_read_is_told(
    authority: Authority, tmp_path: Path
) -> None:
    assert bundle_problem(authority.bundle) == ""
    assert bundle_problem(tmp_path) == ""
    assert bundle_problem(tmp_path / "none") == "is not there"
    (tmp_path / "text").write_text("no certificate\n")
    assert "holds no certificate" in bundle_problem(tmp_path / "text")
