"""Computes over HTTP: the same verbs, and certificates that never come back."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import NotFound, PfError, UsageError

API = "pf/api/"


def test_the_same_verbs_with_the_same_answers(server, connect_to):
    computes = connect_to(server).computes
    assert {"docker", "process"} <= set(computes.names())
    shown = computes.show("process")
    assert (shown["owner"], shown["isolated"], shown["tls"]) == (None, False, False)
    assert {one.name: one.kind for one in computes.ps("process").shown} == {
        "demo": "runtime"
    }
    assert {check.name for check in computes.check("process")} >= {"engine", "machine"}
    with pytest.raises(NotFound):
        computes.show("nowhere")
    with pytest.raises(UsageError) as caught:
        computes.remove("process", runtimes=True)
    assert caught.value.code == "builtin_compute"
    assert connect_to(server).runtimes.names() == ["demo"]


def test_certificates_are_read_here_and_not_told_again(server, connect_to, tmp_path):
    for part in ("ca", "cert", "key"):
        (tmp_path / f"{part}.pem").write_text("a-secret-of-mine")
    computes = connect_to(server).computes
    with pytest.raises(PfError) as caught:
        computes.add("far", "tcp://127.0.0.1:1", certificates=tmp_path)
    assert caught.value.code == "bad_certificate"
    body = {
        "name": "far",
        "address": "tcp://127.0.0.1:1",
        "certificates": dict.fromkeys(("ca", "cert", "key"), "a-secret-of-mine"),
        "days": "x",
    }
    status, _, said = server.ask("POST", API + "computes", body)
    assert status == 422
    assert "a-secret-of-mine" not in str(said)
    assert "a-secret-of-mine" not in server.log()
