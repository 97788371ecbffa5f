"""Computes of one's own: nobody else knows of them, unless they are assigned."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import AlreadyExists, NotFound, Refused, UsageError
from pf_jupyter.store.computes import ComputeRecord
from pf_jupyter.store.records import timestamp
from pf_jupyter.workspace.local import LocalWorkspace
from pf_jupyter.workspace.serving import for_person

TEXTS = {"ca": "a", "cert": "b", "key": "c"}
AWAY = "tcp://127.0.0.1:1"


@pytest.fixture
def own(home):
    made = LocalWorkspace(home)
    for name in ("ana", "bo"):
        made.roles.assign(name, "contributor")
    made.roles.assign("cy", "owner")
    made.roles.assign("di", "data_scientist")
    now = timestamp()
    for name, scope in (("hers", "personal"), ("ours", "workspace")):
        record = ComputeRecord(name, "ana", AWAY, now, now, scope=scope)
        made.core.store.computes.add(record)
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


@pytest.fixture
def people(own):
    return {name: for_person(own, name) for name in ("ana", "bo", "cy", "di")}


def test_a_personal_compute_is_there_for_its_owner_alone(people):
    ana, bo = people["ana"].computes, people["bo"].computes
    assert {"hers", "ours"} <= set(ana.names())
    assert "hers" not in bo.names()
    assert "ours" in bo.names()
    assert "hers" not in {item["name"] for item in bo.list()}
    for attempt in (
        lambda: bo.show("hers"),
        lambda: bo.ps("hers"),
        lambda: bo.check("hers"),
        lambda: bo.auth("hers"),
        lambda: bo.victims("hers"),
        lambda: bo.remove("hers"),
    ):
        with pytest.raises(NotFound) as hidden:
            attempt()
        with pytest.raises(NotFound) as absent:
            bo.show("nowhere")
        assert hidden.value.code == absent.value.code
    with pytest.raises(UsageError) as caught:
        people["bo"].runtimes.create("r", compute="hers")
    assert caught.value.code == "unknown_compute"
    assert "hers" not in caught.value.hint
    with pytest.raises(AlreadyExists) as taken:
        bo.add("hers", AWAY, certificates=TEXTS)
    assert "ana" not in str(taken.value)


def test_an_assignment_lets_somebody_know_of_it(own, people):
    own.roles.assign("bo", "data_scientist", on="compute:hers")
    bo = people["bo"].computes
    assert "hers" in bo.names()
    assert bo.show("hers")["owner"] == "ana"
    with pytest.raises(Refused):
        bo.remove("hers")
    own.roles.revoke("bo", "data_scientist", on="compute:hers")
    assert "hers" not in bo.names()


def test_its_owner_and_a_workspaces_owner_may_remove_it(people):
    with pytest.raises(Refused):
        people["di"].computes.remove("ours")
    people["cy"].computes.remove("ours")
    people["ana"].computes.remove("hers")
    assert {"hers", "ours"}.isdisjoint(people["cy"].computes.names())


@pytest.mark.parametrize(
    ("address", "certificates"),
    [
        ("unix:///var/run/docker.sock", None),
        ("unix:///var/run/docker.sock", TEXTS),
        ("npipe:////./pipe/docker_engine", None),
        ("tcp://127.0.0.1:2375", None),
        ("http://127.0.0.1:2375", TEXTS),
    ],
)
def test_nobody_takes_what_only_the_servers_user_may_reach(
    people, address, certificates
):
    with pytest.raises(Refused) as caught:
        people["ana"].computes.add("mine", address, certificates=certificates)
    assert caught.value.code == "compute_address_refused"
    assert "mine" not in people["cy"].computes.names()


def test_who_may_not_create_one_is_refused_first(people):
    with pytest.raises(Refused) as caught:
        people["di"].computes.add("mine", AWAY, certificates=TEXTS)
    assert caught.value.code == "missing_right"


def test_what_others_have_on_a_shared_compute_is_only_counted(people):
    people["ana"].runtimes.create("hers", compute="process")
    found = people["ana"].computes.ps("process")
    assert [one.name for one in found.shown] == ["hers"]
    found = people["bo"].computes.ps("process")
    assert (list(found.shown), dict(found.hidden)) == ([], {"runtime": 1})
    assert [one.name for one in people["cy"].computes.ps("process").shown] == ["hers"]


def test_what_is_always_there_is_not_removed(people):
    for attempt in (
        lambda: people["cy"].computes.remove("process"),
        lambda: people["cy"].computes.auth("docker"),
    ):
        with pytest.raises(UsageError) as caught:
            attempt()
        assert caught.value.code == "builtin_compute"
