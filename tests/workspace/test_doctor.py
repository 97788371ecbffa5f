"""The doctor sees what is wrong, says what to do, and mends what is safe to mend."""

from __future__ import annotations

import os
import stat
import sys

import pytest

from pf_jupyter.engines.api import InstanceSpec
from pf_jupyter.store.home import make_private_folder
from pf_jupyter.store.records import RunRecord, timestamp
from pf_jupyter.workspace.local import LocalWorkspace


def by_name(checks):
    return {check.name: check for check in checks}


@pytest.fixture
def patient(home, monkeypatch):
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    # no index outside of this machine is asked by a test
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple/")
    made = LocalWorkspace(home)
    yield made
    made.close()


def test_a_new_workspace_is_well(patient, home):
    make_private_folder(home)
    checks = by_name(patient.doctor())
    assert [c for c in checks.values() if c.status == "fail"] == []
    for name in ("python", "home", "disk", "clock", "store", "runs", "registry"):
        assert checks[name].status == "pass", checks[name]
    docker = checks["engine docker"]
    assert docker.status == "warn"
    assert "/nowhere/docker.sock" in docker.message
    assert docker.hint
    assert "does not isolate" in checks["engine process"].message


def test_a_home_that_is_not_there_yet_is_said(patient):
    check = by_name(patient.doctor())["home"]
    assert check.status == "warn"
    assert "not there yet" in check.message


def test_a_home_that_is_not_there_is_made_by_the_fix(patient, home):
    check = by_name(patient.doctor(fix=True))["home"]
    assert (check.status, check.message) == ("pass", f"{home}, closed to others")


def test_a_store_that_does_not_open_is_told(patient, home):
    make_private_folder(home)
    (home / "store.sqlite").write_bytes(b"this is not a database" * 400)
    check = by_name(patient.doctor())["store"]
    assert (check.status, bool(check.hint)) == ("fail", True)
    assert "not a database" in check.message


@pytest.mark.skipif(os.name == "nt", reason="modes mean nothing on Windows")
def test_a_store_that_others_may_read_is_closed(patient, home):
    patient.doctor()
    home.chmod(0o755)
    (home / "store.sqlite").chmod(0o644)
    found = by_name(patient.doctor())["home"]
    assert found.status == "warn"
    assert "store.sqlite" in found.message
    assert by_name(patient.doctor(fix=True))["home"].status == "pass"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert stat.S_IMODE((home / "store.sqlite").stat().st_mode) == 0o600


def test_what_dead_processes_left_is_tidied(patient):
    store = patient.core.store
    runtime = patient.runtimes.create("demo", compute="process")
    store.begin_run(
        RunRecord(
            run_id="lost",
            status="Running",
            flow="f",
            flow_path="f",
            runtime="demo",
            runtime_id=runtime.id,
            environment_name="",
            environment_version="",
            environment_digest="",
            owner="",
            process="a dead one",
            created_at=timestamp(),
        )
    )
    assert by_name(patient.doctor())["runs"].status == "warn"
    assert store.run("lost").status == "Running"
    assert by_name(patient.doctor(fix=True))["runs"].status == "pass"
    assert store.run("lost").status == "Interrupted"
    runtime.delete()


def test_instances_without_a_record_are_removed_by_the_fix(patient):
    core = patient.core
    engine = core.life.computes.engine("process")
    labels = {"pf_jupyter.workspace": core.store.id, "pf_jupyter.id": "gone"}
    engine.create(InstanceSpec("orphan", sys.executable, labels=labels))
    found = by_name(patient.doctor())["leftovers process"]
    assert found.status == "warn"
    assert "orphan" in found.message
    assert engine.find(labels)
    assert by_name(patient.doctor(fix=True))["leftovers process"].status == "pass"
    assert engine.find(labels) == []


def test_certificates_that_are_not_there(patient, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    check = by_name(patient.doctor())["certificates"]
    assert check.status == "fail"
    assert "/nowhere/ca.pem" in check.message


def test_a_registry_that_does_not_answer(patient, monkeypatch):
    monkeypatch.setenv("PF_JUPYTER_REGISTRY", "127.0.0.1:9")
    check = by_name(patient.doctor())["registry 127.0.0.1:9"]
    assert check.status == "warn"
    assert "127.0.0.1:9" in check.message
