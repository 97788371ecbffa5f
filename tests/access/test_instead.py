"""Opening somebody else's work: a runtime that may not be used is no dead end."""

from __future__ import annotations

import pytest

from pf_jupyter.errors import AlreadyExists, NotFound, Refused
from pf_jupyter.workspace.local import LocalWorkspace
from pf_jupyter.workspace.serving import for_person


@pytest.fixture(scope="module")
def inner(tmp_path_factory):
    made = LocalWorkspace(tmp_path_factory.mktemp("instead") / "home")
    made.roles.assign("cy", "owner")
    made.roles.assign("ana", "data_scientist")
    made.roles.assign("bo", "data_scientist")
    made.roles.assign("di", "reader")
    ana = for_person(made, "ana")
    ana.runtimes.create("hers", compute="process")
    ana.runtimes.create("ours", compute="process", kind="shared")
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


@pytest.fixture
def people(inner):
    return {name: for_person(inner, name) for name in ("ana", "bo", "cy", "di")}


def digest_of(person, name):
    return person.runtimes.get(name).to_dict()["environment"]["digest"]


def test_what_is_hidden_is_as_if_not_there(people):
    said = []
    for name in ("hers", "nowhere"):
        with pytest.raises(NotFound) as caught:
            people["bo"].runtimes.get(name)
        found = people["bo"].runtimes.instead(name)
        said.append(str((caught.value.message, caught.value.hint, found)))
    assert said[0] == said[1].replace("nowhere", "hers")
    assert "%pfruntime instead hers" in said[0]


def test_each_way_on_leads_on(people):
    ana, bo = people["ana"], people["bo"]
    digest = digest_of(ana, "hers")
    # the notebook tells the digest of what it ran in
    found = bo.runtimes.instead("hers", digest=digest)
    assert (found.usable, found.like, found.digest) == (False, "ours", digest)
    assert (list(found.others), list(found.same)) == (["ours"], ["ours"])
    # make the same
    mine = bo.runtimes.copy(found.like, "mine")
    assert mine.to_dict()["owner"] == "bo"
    assert mine.to_dict()["kind"] == "personal"
    assert digest_of(bo, "mine") == digest
    assert mine.run("hello").status == "Completed"
    with pytest.raises(AlreadyExists):
        bo.runtimes.copy("ours", "mine")
    # take another
    assert bo.runtimes.get(found.others[0]).run("hello").status == "Completed"
    # ask for access, which whose it is gives in one word, for a while
    asked = bo.roles.ask(found.role, on="runtime:hers", reason="to rerun it")
    [seen] = ana.roles.requests()
    assert (seen.id, seen.reason) == (asked.id, "to rerun it")
    ana.roles.grant(asked.id, until="2h")
    assert bo.runtimes.instead("hers").usable
    assert bo.runtimes.get("hers").run("hello").status == "Completed"
    ana.roles.revoke("bo", "data_scientist", on="runtime:hers")
    with pytest.raises(NotFound):
        bo.runtimes.get("hers")


def test_who_may_look_and_not_run_is_told_the_ways_on(people):
    di = people["di"]
    with pytest.raises(Refused) as caught:
        di.runtimes.get("ours").run("hello")
    assert "owners: cy" in caught.value.message
    assert "%pfrole ask" in caught.value.hint
    found = di.runtimes.instead("ours")
    assert (found.usable, found.like, list(found.others)) == (False, "ours", [])
    with pytest.raises(Refused):
        di.runtimes.copy("ours", "dis")
    with pytest.raises(NotFound):
        people["bo"].runtimes.copy("hers", "stolen")
