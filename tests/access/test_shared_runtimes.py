"""A shared runtime: one record and one environment, an instance for each person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pf_jupyter.errors import NotFound, Refused
from pf_jupyter.runtimes.seats import SEAT, outdated
from pf_jupyter.workspace.local import LocalWorkspace
from pf_jupyter.workspace.serving import for_person

KEEPS = """
import os, pathlib
from promptflow.core import tool
@tool
def keep(text: str) -> list:
    file = pathlib.Path('/tmp') / 'pf-kept-by-whoever-runs'
    seen = file.read_text() if file.exists() else ''
    if text:
        file.write_text(text)
        print('written:', text)
    packages = pathlib.Path('/opt/pf_layers')
    if packages.exists():
        try:
            (packages / 'x').write_text('x')
            seen += ' and may write the packages'
        except OSError:
            pass
    return [seen, os.uname().nodename]
"""


@pytest.fixture(scope="module")
def keeps(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keeps")
    (folder / "flow.dag.yaml").write_text(
        "inputs: {text: {type: string, default: ''}}\n"
        "outputs: {o: {type: list, reference: '${keep.output}'}}\n"
        "nodes:\n- {name: keep, type: python, source: {type: code, path: keep.py},"
        " inputs: {text: '${inputs.text}'}}\n"
    )
    (folder / "keep.py").write_text(KEEPS)
    return folder


@pytest.fixture(
    scope="module", params=[pytest.param("docker", marks=pytest.mark.docker)]
)
def inner(request, docker_host, tmp_path_factory):
    made = LocalWorkspace(tmp_path_factory.mktemp("shared") / "home")
    made.roles.assign("cy", "owner")
    for name in ("ana", "bo", "di"):
        made.roles.assign(name, "data_scientist")
    for_person(made, "ana").runtimes.create(
        "ours", compute=request.param, kind="shared"
    )
    yield made
    for runtime in made.runtimes.list():
        runtime.delete()
    assert made.core.store.runtimes() == []
    made.close()


@pytest.fixture
def people(inner):
    return {name: for_person(inner, name) for name in ("ana", "bo", "cy", "di")}


def seats(inner):
    return {one.owner: one for one in inner.core.store.runtimes() if one.kind == SEAT}


def test_each_person_has_a_container_files_and_logs_of_their_own(inner, people, keeps):
    ours = {name: people[name].runtimes.get("ours") for name in ("ana", "bo", "di")}
    first = {
        name: ours[name].run(keeps, text=f"secret of {name}").outputs["o"]
        for name in ours
    }
    again = {name: ours[name].run(keeps).outputs["o"] for name in ours}
    assert [seen for seen, _ in first.values()] == ["", "", ""]
    assert {name: seen for name, (seen, _) in again.items()} == {
        name: f"secret of {name}" for name in ours
    }
    hosts = {name: host for name, (_, host) in again.items()}
    assert len(set(hosts.values())) == 3, "each is in a container of their own"
    shown = {name: ours[name].to_dict() for name in ours}
    assert len({one["container_id"] for one in shown.values()}) == 3
    assert len({one["environment"]["digest"] for one in shown.values()}) == 1
    assert {one["state"] for one in shown.values()} == {"ready"}
    # the list shows one, to everybody; who owns it sees who is in it
    for name in people:
        assert [one.name for one in people[name].runtimes.list()] == ["ours"]
        assert list(people[name].runtimes.names()) == ["ours"]
    assert [one["principal"] for one in shown["ana"]["people"]] == ["bo", "di"]
    assert [one["principal"] for one in shown["bo"]["people"]] == ["bo"]
    # runs are of the runtime that people know
    [run] = people["bo"].runs.list(limit=1)
    assert run["runtime"] == "ours"
    assert people["bo"].runtimes.get("ours").stats()["pids"] > 0
    log = "\n".join(people["bo"].runtimes.get("ours").logs())
    assert "secret of ana" not in log
    with pytest.raises(NotFound):
        people["bo"].runtimes.get(seats(inner)["bo"].name)
    with pytest.raises(NotFound):
        people["cy"].runtimes.get(seats(inner)["bo"].name)


def test_a_batch_and_what_takes_it_up_again_run_there_too(inner, people, keeps):
    rows = [{"text": f"row {number}"} for number in range(3)]
    mine = people["bo"].runtimes.get("ours")
    host = mine.run(keeps).outputs["o"][1]
    batch = mine.batch(keeps, rows, mapping={"text": "${data.text}"})
    assert {output[1] for output in batch.outputs["o"]} == {host}
    line = people["bo"].runs.batch(batch.run_id).line(0)
    assert line.enter().run_line().outputs["o"][1] == host
    with pytest.raises(NotFound):
        people["di"].runs.batch(batch.run_id)


def test_what_the_owner_does_is_done_to_all(inner, people, keeps):
    ana, bo = people["ana"].runtimes.get("ours"), people["bo"].runtimes.get("ours")
    for change in (bo.stop, bo.delete, bo.reset, bo.restart):
        with pytest.raises(Refused):
            change()
    bo.run(keeps)
    ana.stop()
    assert (ana.state, bo.state) == ("stopped", "stopped")
    assert bo.start().state == "ready"
    ana.start()
    before = bo.to_dict()["environment"]["digest"]
    ana.install("cowsay")
    assert ana.to_dict()["environment"]["digest"] != before
    # the next run is in the new environment, and the old container is gone
    old = seats(inner)["bo"].instance
    result = bo.run(keeps)
    assert result.status == "Completed"
    assert "and may write" not in result.outputs["o"][0]
    mine, hers = bo.to_dict(), ana.to_dict()
    assert mine["environment"] == hers["environment"]
    assert "cowsay" in {package.name for package in bo.packages()}
    engine = inner.core.life.computes.engine(mine["compute"])
    assert engine.inspect(old).status == "missing"
    assert mine["container_id"] != hers["container_id"]


def test_idle_instances_go_and_come_again(inner, people, keeps):
    people["di"].runtimes.get("ours").run(keeps)
    sessions = inner.core.life.sessions
    late = datetime.now(UTC) + timedelta(hours=2)
    sessions._clock = lambda: late
    try:
        removed = sessions.sweep()
    finally:
        sessions._clock = lambda: datetime.now(UTC)
    assert any(name.startswith("ours@di") for name in removed)
    assert seats(inner) == {}
    assert people["ana"].runtimes.get("ours").state == "ready"
    assert people["di"].runtimes.get("ours").run(keeps).status == "Completed"
    assert outdated(inner.core.store.runtimes()) == []
