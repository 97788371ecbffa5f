"""Runs by tag, and how long they are kept."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from pf_jupyter.cli import main
from pf_jupyter.errors import UsageError
from pf_jupyter.store import rows, tables
from pf_jupyter.store.records import RunRecord, timestamp
from pf_jupyter.workspace import retention_api
from pf_jupyter.workspace.local import LocalWorkspace

NIGHTLY = {"nightly": "yes"}


@pytest.fixture
def workspace(home):
    made = LocalWorkspace(home)
    yield made
    made.close()


@pytest.fixture
def add(workspace):
    """Record batch runs that began so many days ago."""

    def record(name, days, *, status="Completed", tags=None, source=None):
        store = workspace.core.store
        began = timestamp(datetime.now(UTC) - timedelta(days=days))
        made = RunRecord(
            run_id=name,
            status=status,
            flow="hello",
            flow_path="/flows/hello",
            runtime="demo",
            runtime_id="r",
            environment_name="default",
            environment_version="1",
            environment_digest="d",
            owner="ana",
            process=store.processes.mine(),
            created_at=began,
            mode="batch",
            source_run=source,
            labels={"name": None, "tags": tags} if tags else None,
        )
        with store.database.write() as connection:
            connection.execute(tables.runs.insert(), rows.run_row(made))
        folder = workspace.home / "runs" / name
        folder.mkdir(parents=True)
        (folder / "journal.jsonl").write_text("")

    return record


def ids(runs):
    return [run["run_id"] for run in runs]


def test_runs_are_listed_by_tag_and_age(workspace, add):
    add("old", 100, tags={**NIGHTLY, "team": "search"})
    add("new", 1, tags=NIGHTLY)
    add("other", 0)
    listed = workspace.runs.list
    assert ids(listed()) == ["other", "new", "old"]
    assert ids(listed(tags=NIGHTLY)) == ["new", "old"]
    assert ids(listed(tags=NIGHTLY, limit=1)) == ["new"]
    assert ids(listed(tags={"team": "search", "nightly": "yes"})) == ["old"]
    assert listed(tags={"team": "other"}) == []
    assert ids(listed(before=listed()[1]["created_at"])) == ["old"]
    workspace.runs.archive("new")
    assert ids(listed(tags=NIGHTLY)) == ["old"]
    assert ids(listed(archived=True)) == ["new"]


def test_too_old_or_too_many_are_removed_with_their_files(workspace, add, monkeypatch):
    for days in (0, 1, 10, 100):
        add(f"run-{days}", days)
    add("goes-on", 200, status="Running")
    runs = workspace.runs
    # pages that are shorter than what there is
    monkeypatch.setattr(retention_api, "_PAGE", 2)
    assert ids(runs.prune(older_than=5, dry_run=True)) == ["run-10", "run-100"]
    assert ids(runs.prune(older_than=5, keep=3, dry_run=True)) == ["run-100"]
    assert ids(runs.prune(keep=1, dry_run=True)) == ["run-1", "run-10", "run-100"]
    assert len(runs.list()) == 5
    assert ids(runs.prune(older_than=50)) == ["run-100"]
    assert ids(runs.list()) == ["run-0", "run-1", "run-10", "goes-on"]
    assert not (workspace.home / "runs" / "run-100").exists()
    assert (workspace.home / "runs" / "run-10").exists()


def test_what_a_run_that_goes_on_judges_stays(workspace, add):
    add("judged", 100)
    add("judging", 0, status="Running", source="judged")
    assert workspace.runs.prune(older_than=1) == []
    assert ids(workspace.runs.list()) == ["judging", "judged"]


def test_archiving_first_and_removing_what_was_archived(workspace, add):
    add("old", 100)
    add("new", 0)
    assert ids(workspace.runs.prune(older_than=50, archive=True)) == ["old"]
    assert ids(workspace.runs.list(archived=True)) == ["old"]
    assert (workspace.home / "runs" / "old").exists()
    assert ids(workspace.runs.prune(older_than=50, archived=True)) == ["old"]
    assert not (workspace.home / "runs" / "old").exists()


@pytest.mark.parametrize("asked", [{}, {"archive": True, "archived": True, "keep": 1}])
def test_what_is_to_go_must_be_said(workspace, asked):
    with pytest.raises(UsageError):
        workspace.runs.prune(**asked)


def test_in_the_shell(workspace, add, capsys):
    add("old", 100, tags=NIGHTLY)
    add("new", 0, tags=NIGHTLY)
    assert main(["run", "list", "--tags", "nightly=yes"]) == 0
    assert "nightly=yes" in capsys.readouterr().out
    assert main(["run", "prune", "--older-than", "90d", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "old" in shown
    assert "new" not in shown
    assert main(["run", "prune", "--older-than", "90", "--yes", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert ids(document["runs"]) == ["old"]
    assert document["removed"] is True
    assert ids(workspace.runs.list()) == ["new"]
    assert main(["run", "prune"]) == 2
    assert "--older-than 90" in capsys.readouterr().err
