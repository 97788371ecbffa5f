"""The panels of environments, connections, roles, runs and checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from pf_jupyter.errors import Refused
from pf_jupyter.widgets import NOUN_PANELS, PANELS, open_panel

from .driver import Driver


@pytest.fixture
def opened(workspace):
    def of(name, **about):
        return Driver(open_panel(workspace, name, **about)).settle()

    return of


def test_each_noun_without_a_verb_has_a_panel_that_there_is():
    assert set(NOUN_PANELS.values()) <= set(PANELS)


# ---- environments


def test_environments_are_listed_opened_and_compared(opened):
    driver = opened("environments")
    driver.click("my-env:2").settle()
    assert driver.find("h2", "my-env:2")
    assert "six 1.16 env" in driver.text
    driver.fill("Compare with", "my-env:1").settle()
    assert "six 1.15 1.16" in driver.text
    driver.click("Check now").settle()
    assert "it is here" in driver.text
    driver.click("All environments").settle()
    assert driver.find("h2", "Environments")


def test_a_folder_is_written_edited_and_built(opened, workspace, tmp_path, monkeypatch):
    folder = tmp_path / "own"

    def init(name, *, to, base=""):
        (to / "image_build").mkdir(parents=True)
        (to / "environment.yaml").write_text(f"name: {name}\n")
        (to / "image_build/requirements.txt").write_text("# one a line\n")
        return to

    monkeypatch.setattr(workspace.environments, "init", init)
    driver = opened("environments").click("New")
    driver.fill("Folder", str(folder)).click("Open").settle()
    driver.fill("image_build/requirements.txt", "cowsay==6.1\n")
    driver.click("Build and try").settle()
    assert (folder / "image_build/requirements.txt").read_text() == "cowsay==6.1\n"
    assert "my-env" in driver.text
    assert "built 0.0 s" in driver.text
    driver.click("Build and publish").settle()
    assert driver.find("h2", "my-env:2")


def test_a_folder_with_something_else_is_refused_with_the_way_out(opened, tmp_path):
    driver = opened("environments").click("New")
    driver.fill("Folder", str(tmp_path)).click("Open").settle()
    assert "defines no environment" in driver.text
    assert "name a folder that is not there yet" in driver.text
    assert list(Path(tmp_path).glob("*.yaml")) == []


# ---- connections


def test_a_connection_is_made_and_its_secret_is_nowhere_in_the_panel(opened, workspace):
    driver = opened("connections").click("Add")
    driver.fill("Name", "azure").fill("Type", "open_ai")
    driver.fill("api_key", "sk-very-secret").click("Save").settle()
    assert workspace.connections.known["azure"].type == "open_ai"
    assert "azure open_ai api_key personal" in " ".join(driver.text.split())
    assert "sk-very-secret" not in driver.panel.html
    assert "sk-very-secret" not in str(vars(driver.panel))


def test_what_was_typed_stays_when_the_type_changes(opened):
    driver = opened("connections").click("Add")
    driver.fill("Name", "kept").fill("Type", "serp")
    assert driver.field("Name").attributes["value"] == "kept"


def test_a_custom_connection_takes_keys_of_ones_own(opened, workspace):
    asked = {}
    create = workspace.connections.create
    workspace.connections.create = lambda *a, **given: (
        asked.update(given) or create(*a, **given)
    )
    driver = opened("connections").click("Add").fill("Type", "custom")
    driver.fill("Name", "own").fill("Settings", "url=http://x?a=b")
    driver.fill("Secrets", "nonsense").click("Save").settle()
    assert "'nonsense' has no value" in driver.text
    driver.fill("Secrets", "key=s3").click("Save").settle()
    assert asked["settings"] == {
        "type": "custom",
        "configs.url": "http://x?a=b",
        "secrets.key": "s3",
    }


def test_a_connection_is_deleted(opened, workspace):
    opened("connections").click("Delete mine").settle()
    assert workspace.connections.known == {}


# ---- roles


def test_a_role_is_given_and_taken_back(opened, workspace):
    driver = opened("roles")
    assert "Nobody was given a role" in driver.text
    driver.fill("Person", "ana").fill("Role", "data_scientist")
    driver.fill("Until", "18:00").click("Give").settle()
    [given] = workspace.roles.known
    assert (given.principal, given.role, given.scope, given.until) == (
        *("ana", "data_scientist", "workspace", "18:00"),
    )
    driver.click("Take data_scientist back from ana").settle()
    assert workspace.roles.known == []


def test_may_they_is_answered_without_trying(opened):
    driver = opened("roles")
    driver.fill("Person", "ana")
    driver.panel.act("ask", who="ana", right="runtime.create", thing="")
    driver.settle()
    assert "ana may runtime.create" in driver.text


def test_whoever_may_not_give_roles_is_told_so(opened, workspace, monkeypatch):
    def refuse(*_args, **_options):
        raise Refused("bo may not make a role (needs Owner)", hint="ask an owner: ana")

    monkeypatch.setattr(workspace.roles, "assign", refuse)
    driver = opened("roles").fill("Person", "bo").click("Give").settle()
    assert "bo may not make a role (needs Owner)" in driver.text
    assert "ask an owner: ana" in driver.text


# ---- runs and checks


def test_runs_are_found_opened_and_left_again(opened, workspace):
    demo = workspace.runtimes.create("demo")
    run = demo.run("hello", text="hey").run_id
    driver = opened("runs")
    assert run in driver.text
    driver.fill("Find", "nothing like it")
    assert "Nothing fits" in driver.text
    driver.fill("Find", "HELLO demo")
    driver.click(run).settle()
    assert "Outputs" in driver.text
    driver.click("All runs").settle()
    assert driver.find("h2", "Runs")


def test_without_runs_it_says_what_will_be_here(opened):
    assert "No runs yet" in opened("runs").text


def test_checks_are_shown_with_their_way_out(opened):
    driver = opened("doctor")
    assert "1 check failed" in driver.text
    assert "fail engine no Docker answers start Docker" in driver.text
