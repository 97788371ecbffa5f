"""Two people on one workspace: what one has is not there for the other."""

from __future__ import annotations

import contextvars
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from pf_jupyter.errors import AlreadyExists, NotFound, Refused, UsageError
from pf_jupyter.runtimes.identity import user
from pf_jupyter.workspace.local import LocalWorkspace
from pf_jupyter.workspace.roles import read_moment
from pf_jupyter.workspace.serving import for_person

SECRET = "s3cr3t-of-ana"
LEAKY = """
from promptflow.core import tool
from promptflow.connections import CustomConnection
@tool
def read(c: CustomConnection) -> str:
    return 'it is ' + c.secrets['key']
"""


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    made = LocalWorkspace(tmp_path_factory.mktemp("people") / "home")
    for name in ("ana", "bo"):
        made.roles.assign(name, "data_scientist")
    made.roles.assign("cy", "owner")
    made.roles.assign("di", "reader")
    ana = for_person(made, "ana")
    ana.runtimes.create("hers", compute="process")
    ana.runtimes.create("ours", compute="process", kind="shared")
    settings = {"type": "custom", "secrets.key": SECRET}
    ana.connections.create(name="hers", settings=settings)
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    made.close()


@pytest.fixture
def people(own):
    return {name: for_person(own, name) for name in ("ana", "bo", "cy", "di", "ed")}


@pytest.fixture
def leaky(tmp_path):
    (tmp_path / "flow.dag.yaml").write_text(
        "inputs: {}\noutputs: {o: {type: string, reference: '${read.output}'}}\n"
        "nodes:\n- {name: read, type: python, source: {type: code, path: read.py},"
        " inputs: {c: hers}}\n"
    )
    (tmp_path / "read.py").write_text(LEAKY)
    return tmp_path


def test_what_is_made_belongs_to_who_asked(people):
    assert people["ana"].runtimes.get("hers").to_dict()["owner"] == "ana"
    result = people["ana"].runtimes.get("hers").run("hello")
    owners = people["ana"].inner.core.store.run_owners([result.run_id])
    assert owners == {result.run_id: "ana"}
    assert user() not in ("ana", "bo")


def test_personal_things_are_not_there_for_others(people):
    run_id = people["ana"].runtimes.get("hers").run("hello").run_id
    bo = people["bo"]
    assert [r.name for r in bo.runtimes.list()] == ["ours"]
    assert list(bo.runtimes.names()) == ["ours"]
    assert bo.connections.list() == []
    assert run_id not in [run["run_id"] for run in bo.runs.list()]
    attempts = [
        lambda: bo.runtimes.get("hers"),
        lambda: bo.runtimes.use("hers"),
        lambda: bo.runs.get(run_id),
        lambda: bo.runs.cancel(run_id),
        lambda: bo.runs.delete(run_id),
        lambda: bo.runs.export(run_id, "x"),
        lambda: bo.connections.show("hers"),
        lambda: bo.connections.update("hers", settings={"secrets.key": "x"}),
        lambda: bo.connections.delete("hers"),
        lambda: bo.roles.check("bo", "runtime.use", on="runtime:hers"),
        lambda: bo.runtimes.get("ours").run("hello", upstream=run_id, node="greet"),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound) as caught:
            attempt()
        assert "ana" not in f"{caught.value.message} {caught.value.hint}"


def test_a_name_that_is_taken_says_nothing_else(people):
    with pytest.raises(AlreadyExists) as caught:
        people["bo"].runtimes.create("hers", compute="process")
    assert caught.value.message == "the name 'hers' is taken"
    with pytest.raises(AlreadyExists) as caught:
        people["bo"].connections.create(name="hers", settings={"type": "custom"})
    assert caught.value.message == "the name 'hers' is taken"


def test_a_secret_reaches_only_runs_of_those_who_may_use_it(people, leaky):
    hers = people["ana"].runtimes.get("ours").run(leaky)
    assert hers.status == "Completed"
    his = people["bo"].runtimes.get("ours").run(leaky)
    assert his.status == "Failed"
    assert SECRET not in str(his.to_dict())
    people["cy"].roles.assign("bo", "data_scientist", on="connection:hers")
    try:
        assert people["bo"].runtimes.get("ours").run(leaky).status == "Completed"
    finally:
        people["cy"].roles.revoke("bo", "data_scientist", on="connection:hers")
    assert people["bo"].runtimes.get("ours").run(leaky).status == "Failed"


def test_shared_things_are_used_by_all_and_changed_by_their_owner(people):
    ours = people["bo"].runtimes.get("ours")
    assert ours.run("hello").status == "Completed"
    for change in (ours.stop, ours.restart, ours.delete, ours.reset):
        with pytest.raises(Refused) as caught:
            change()
        assert caught.value.code == "missing_right"
    with pytest.raises(Refused):
        ours.install("six")


def test_a_reader_sees_and_does_nothing(people):
    di = people["di"]
    assert [r.name for r in di.runtimes.list()] == ["ours"]
    ours = di.runtimes.get("ours")
    assert ours.state in ("ready", "busy")
    for attempt in (
        lambda: ours.run("hello"),
        lambda: list(ours.logs()),
        lambda: ours.validate("hello"),
        lambda: di.runtimes.create("mine", compute="process"),
        lambda: di.connections.create(name="x", settings={"type": "custom"}),
        lambda: di.environments.build("x"),
        lambda: di.roles.assign("di", "owner"),
        lambda: di.roles.revoke("ana", "data_scientist"),
        lambda: di.roles.audit(),
        lambda: di.roles.check("ana", "runtime.create"),
        lambda: di.doctor(fix=True),
    ):
        with pytest.raises(Refused) as caught:
            attempt()
        assert "owners: cy" in caught.value.message


def test_who_has_no_role_sees_nothing(people):
    ed = people["ed"]
    assert ed.runtimes.list() == []
    assert ed.runs.list() == []
    assert ed.computes.list() == []
    assert ed.connections.list() == []
    assert ed.roles.list() == []
    with pytest.raises(Refused):
        ed.doctor()
    with pytest.raises(Refused):
        ed.runtimes.ensure()


def test_an_owner_sees_all_and_runs_nothing_in_what_is_personal(people):
    cy = people["cy"]
    assert [r.name for r in cy.runtimes.list()] == ["hers", "ours"]
    with pytest.raises(Refused):
        cy.runtimes.get("hers").run("hello")
    assert {a.principal for a in cy.roles.list()} == {"ana", "bo", "cy", "di"}
    assert cy.roles.check("di", "runtime.create").needs == "Data Scientist"
    assert any(not line.allowed for line in cy.roles.audit())


def test_each_has_a_runtime_in_use_of_their_own(people):
    people["ana"].runtimes.use("hers")
    assert people["bo"].runtimes.current() is None
    people["bo"].runtimes.use("ours")
    assert people["ana"].runtimes.current().name == "hers"
    people["ana"].runtimes.use(None)
    people["bo"].runtimes.use(None)


def test_a_role_on_one_thing_and_its_end(people):
    cy, bo = people["cy"], people["bo"]
    cy.roles.assign("bo", "data_scientist", on="runtime:hers", until="2999-01-01")
    hers = bo.runtimes.get("hers")
    assert hers.run("hello").status == "Completed"
    cy.roles.revoke("bo", "data_scientist", on="runtime:hers")
    with pytest.raises(NotFound):
        hers.run("hello")


def test_nothing_of_one_request_is_left_for_the_next(people):
    before = contextvars.copy_context()
    people["ana"].runtimes.get("hers").run("hello")
    after = contextvars.copy_context()
    assert dict(before) == dict(after)


@pytest.mark.parametrize("text", ["yesterday", "2020-01-01", "25:00", ""])
def test_times_that_cannot_be_meant_are_refused(text):
    with pytest.raises(UsageError):
        read_moment(text)


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York", "UTC"])
def test_a_clock_is_read_where_the_person_is(monkeypatch, zone):
    if not hasattr(time, "tzset"):
        return  # the zone of a process is fixed there
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        # summer and winter: the zone of that day counts, not that of today
        for day in ("2999-01-15T18:00", "2999-07-15T18:00"):
            there = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
            assert datetime.fromisoformat(read_moment(day)) == there
        before = datetime.now(UTC)
        two_hours = datetime.fromisoformat(read_moment("2h"))
        assert timedelta(hours=2) <= two_hours - before < timedelta(hours=3)
        assert read_moment("2999-01-01T00:00:00Z").startswith("2999-01-01T00:00")
    time.tzset()


def test_a_run_that_goes_on_when_its_time_is_up_comes_to_its_end(people, slow):
    """Nothing new begins; what runs is told of, and ended if that is wanted."""
    cy, bo, inner = people["cy"], people["bo"], people["cy"].inner
    cy.roles.assign("bo", "data_scientist", on="runtime:hers", until="2999-01-01")
    hers = bo.runtimes.get("hers")
    with ThreadPoolExecutor(2) as threads:
        for cancel in (False, True):
            gate = slow.gate(f"gate-{cancel}")
            going = threads.submit(hers.run, slow.path, gate=str(gate))
            slow.begun(gate)
            # its time is up
            rows = inner.roles.access.rows
            [given] = [a for a in rows.all() if a.scope == "runtime:hers"]
            rows.put(replace(given, until="2020-01-01T00:00:00.000000+00:00"))
            with pytest.raises(NotFound):
                hers.run("hello")
            rows.put(replace(given, until=None))
            done = cy.roles.revoke(
                "bo", "data_scientist", on="runtime:hers", cancel=cancel
            )
            with pytest.raises(NotFound):
                hers.run("hello")
            if cancel:
                assert going.result(60).status == "Canceled"
                assert (len(done.canceled), done.running) == (1, ())
            else:
                [run_id] = done.running
                gate.touch()
                assert going.result(60).status == "Completed"
                assert going.result().run_id == run_id
            rows.put(given)
    rows.remove("bo", "data_scientist", "runtime:hers")


SLOW = """
import pathlib, time
from promptflow.core import tool
@tool
def wait(gate: str) -> str:
    pathlib.Path(gate + '.begun').touch()
    while not pathlib.Path(gate).exists():
        time.sleep(0.05)
    return 'done'
"""


class Slow:
    """A flow that begins, and ends when it is told to."""

    def __init__(self, path):
        self.path = path

    def gate(self, name):
        return self.path / name

    def begun(self, gate):
        until = time.monotonic() + 60
        while not gate.with_name(gate.name + ".begun").exists():
            assert time.monotonic() < until, "the flow did not begin"
            time.sleep(0.02)


@pytest.fixture
def slow(tmp_path):
    (tmp_path / "flow.dag.yaml").write_text(
        "inputs: {gate: {type: string}}\n"
        "outputs: {o: {type: string, reference: '${wait.output}'}}\n"
        "nodes:\n- {name: wait, type: python, source: {type: code, path: wait.py},"
        " inputs: {gate: '${inputs.gate}'}}\n"
    )
    (tmp_path / "wait.py").write_text(SLOW)
    return Slow(tmp_path)
