"""The doctor in a company's network: which hop fails, and never a secret."""

from __future__ import annotations

import functools
import os
import threading

import pytest

from pf_jupyter.environments.reach import reach
from pf_jupyter.workspace import doctor_network
from pf_jupyter.workspace.doctor_network import index_urls
from pf_jupyter.workspace.local import LocalWorkspace

from ..company import Authority, joining, serving


@pytest.fixture
def patient(home, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    # a busy machine is no network that fails
    patient = functools.partial(reach, seconds=60.0)
    monkeypatch.setattr(doctor_network, "reach", patient)
    made = LocalWorkspace(home)
    yield made
    made.close()


def found(patient):
    return {check.name: check for check in patient.doctor()}


def test_index_registry_proxy_and_connections_are_tried(patient, monkeypatch, tmp_path):
    authority = Authority(tmp_path / "authority")
    (tmp_path / "served").mkdir()
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    context = authority.context("127.0.0.1")
    with serving(tmp_path / "served", context=context) as port, joining() as proxy:
        place = f"127.0.0.1:{port}"
        monkeypatch.setenv("UV_DEFAULT_INDEX", f"https://ana:pw-word@{place}/401/")
        monkeypatch.setenv("PF_JUPYTER_REGISTRY", "127.0.0.1:9")
        settings = {"api_base": f"https://{place}/404/", "api_key": "key-word"}
        named = {"name": "models", "type": "azure_open_ai"}
        patient.connections.create({**named, **settings})
        checks = found(patient)
        for name in ("index", "connection models"):
            assert checks[name].status == "warn"
            assert f"{place}: TLS failed" in checks[name].message
        assert "connection failed" in checks["registry 127.0.0.1:9"].message

        monkeypatch.setenv("SSL_CERT_FILE", str(authority.bundle))
        monkeypatch.setenv(
            "HTTPS_PROXY", f"http://bo:proxy-word@127.0.0.1:{proxy.port}"
        )
        checks = found(patient)
        assert checks["certificates"].status == "pass"
        assert checks["index"].status == "pass"
        assert "wants a login" in checks["index"].message
        assert checks["connection models"].status == "pass"
        assert "through the proxy" in checks["connection models"].message
        assert checks["proxy HTTPS_PROXY"].status == "pass"
        assert place in proxy.asked
    said = repr(list(checks.values()))
    for secret in ("pw-word", "key-word", "proxy-word"):
        assert secret not in said
    # the proxy is gone: it is what failed, not the index
    checks = found(patient)
    assert checks["proxy HTTPS_PROXY"].status == "fail"
    assert "proxy failed" in checks["index"].message


def test_a_bundle_without_certificates_is_a_failure(patient, monkeypatch, tmp_path):
    (tmp_path / "empty.pem").write_text("nothing\n")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    check = found(patient)["certificates"]
    assert (check.status, "holds no certificate" in check.message) == ("fail", True)


def test_many_places_that_say_nothing_are_waited_for_together(monkeypatch):
    everybody = threading.Barrier(12)

    def silent(url, **options):
        everybody.wait(60)  # breaks where they are tried one after another
        return doctor_network.Reached("connection", "no answer")

    monkeypatch.setattr(doctor_network, "reach", silent)
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://a.invalid/simple/")
    monkeypatch.delenv("HTTPS_PROXY", raising=False)
    more = " ".join(f"https://b{number}.invalid/simple/" for number in range(11))
    monkeypatch.setenv("UV_INDEX", more)
    found = list(doctor_network.network(None))
    assert sum(check.name.startswith("index") for check in found) == 12


def test_indexes_are_those_that_installing_asks():
    told = {
        "PIP_CONFIG_FILE": os.devnull,
        "UV_DEFAULT_INDEX": "https://one/",
        "UV_INDEX": "two=https://two/?a=b",
    }
    assert index_urls(told) == ["https://one/", "https://two/?a=b"]
    assert index_urls({**told, "UV_NO_INDEX": "1"}) == []
    assert index_urls({"UV_DEFAULT_INDEX": "file:///here"}) == []
