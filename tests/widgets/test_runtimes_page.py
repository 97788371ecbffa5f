"""The panels of runtimes, used as a person does."""

from __future__ import annotations

import pytest

from pf_jupyter.widgets import open_panel

from .driver import Driver


@pytest.fixture
def runtimes(workspace):
    def opened(**about):
        return Driver(open_panel(workspace, "runtimes", **about)).settle()

    return opened


def until_review(driver, name="demo"):
    """Click through the wizard until all of it is to be looked over."""
    driver.click("Next").fill("Name of the runtime", name).click("Next")
    return driver.click("Next").click("Next")


def test_without_a_runtime_it_says_how_to_get_one(runtimes):
    driver = runtimes()
    assert "No runtime yet" in driver.text
    driver.click("Add a runtime").settle()
    assert driver.find("h2", "Add a runtime")


def test_the_wizard_makes_what_was_reviewed_and_opens_it(runtimes, workspace):
    driver = runtimes(add=True)
    driver.click("Next").fill("Name of the runtime", "big").click("Next").click("Next")
    driver.fill("Processors", "1.5").fill("Memory in GB", "2").click("Next")
    assert "memory 2 GB" in driver.text
    assert "%pfruntime create big" in driver.text
    assert "--cpus 1.5 --memory 2g" in driver.text
    driver.click("Create").settle()
    made = workspace.runtimes.known["big"]
    assert made.record["limits"].cpus == 1.5
    assert made.record["limits"].memory == 2 * 1024**3
    assert made.record["environment"] == "default"
    assert driver.find("h2", "big")
    assert "ready" in driver.text


@pytest.mark.parametrize("steps", range(5))
def test_cancelled_at_any_step_nothing_is_left_behind(runtimes, workspace, steps):
    driver = runtimes(add=True)
    if steps >= 1:
        driver.click("Next")
    if steps >= 2:
        driver.fill("Name of the runtime", "demo").click("Next")
    for _ in range(steps - 2):
        driver.click("Next")
    driver.click("Cancel").settle()
    assert workspace.runtimes.known == {}
    assert "No runtime yet" in driver.text


@pytest.mark.parametrize(
    ("label", "typed", "said"),
    [
        ("Processors", "many", "'many' is not a number above 0"),
        ("Memory in GB", "-1", "'-1' is not a number above 0"),
        ("Processes", "nan", "'nan' is not a number above 0"),
    ],
)
def test_what_does_not_fit_is_said_at_its_field(runtimes, label, typed, said):
    driver = runtimes(add=True)
    driver.click("Next").fill("Name of the runtime", "demo").click("Next").click("Next")
    driver.fill(label, typed).click("Next")
    assert driver.field(label).attributes["aria-invalid"] == "true"
    assert said in driver.text


def test_a_name_that_is_taken_is_said_before_anything_is_made(runtimes, workspace):
    workspace.runtimes.create("demo")
    driver = runtimes(add=True)
    driver.click("Next").click("Next")
    assert "give it a name" in driver.text
    driver.fill("Name of the runtime", "demo").click("Next")
    assert "there is a runtime of that name" in driver.text


def test_a_session_goes_after_the_time_that_is_said(runtimes, workspace):
    driver = runtimes(add=True).click("Next").fill("Name of the runtime", "short")
    driver.fill("Kind", "session").click("Next").click("Next")
    driver.fill("Goes after so many minutes without use", "5").click("Next")
    assert "goes after 5 minutes without use" in driver.text
    assert "--kind session --idle 5" in driver.text
    driver.click("Create").settle()
    assert workspace.runtimes.known["short"].record["idle_minutes"] == 5


def test_going_back_keeps_what_was_typed(runtimes):
    driver = until_review(runtimes(add=True), "kept")
    driver.click("Back").click("Back").click("Back")
    assert driver.field("Name of the runtime").attributes["value"] == "kept"


def test_a_container_that_is_there_is_adopted_with_its_checks(runtimes, workspace):
    driver = runtimes(add=True)
    driver.click("Next").fill("Container", "yes").click("Next")
    assert "give its name or its id" in driver.text
    driver.fill("Name or id of the container", "theirs").click("Next").click("Next")
    assert "%pfruntime adopt theirs" in driver.text
    driver.click("Create").settle()
    assert "theirs" in workspace.runtimes.known
    assert driver.find("h2", "theirs")


def test_the_size_of_a_container_that_is_there_is_shown_and_fixed(runtimes):
    driver = until_review(runtimes(add=True)).click("Back").fill("Processors", "4")
    driver.click("Next").click("Back").click("Back").click("Back")
    driver.fill("Container", "yes").fill("Name or id of the container", "theirs")
    driver.click("Next")
    for name in ("Processors", "Memory in GB", "Processes", "Network"):
        field = driver.field(name)
        assert "disabled" in field.attributes
        assert "gave it its limits" in field.attributes["title"]
        assert field.attributes.get("value", "") == ""
    assert "Its size is fixed" in driver.text
    driver.click("Back")
    assert driver.field("Name or id of the container")
    driver.click("Next").click("Next")
    assert "%pfruntime adopt theirs" in driver.text
    assert "--cpus" not in driver.text
    # what was typed for a new one is still there for a new one
    driver.click("Back").click("Back").fill("Container", "no")
    driver.click("Next").click("Next")
    assert driver.field("Processors").attributes["value"] == "4"


def test_checks_that_fail_are_shown_with_the_way_out(runtimes, workspace):
    driver = runtimes(add=True)
    driver.click("Next").fill("Container", "yes")
    driver.fill("Name or id of the container", "bad").click("Next").click("Next")
    driver.click("Create").settle()
    assert "bad cannot be adopted not_adoptable" in driver.text
    assert "fail python Python 3.7 mend" in driver.text
    assert workspace.runtimes.known == {}


def test_one_that_failed_on_its_way_says_where_and_what_to_do(runtimes):
    driver = until_review(runtimes(add=True), "doomed").click("Create").settle()
    assert "it fell" in driver.text
    assert "read its log" in driver.text
    driver.click("Cancel").settle()
    driver.click("Refresh").settle()
    assert "failed" in driver.text


def test_a_row_opens_its_runtime_and_the_list_comes_back(runtimes, workspace):
    for name in ("one", "two"):
        workspace.runtimes.create(name)
    driver = runtimes()
    driver.click("two").settle()
    assert driver.find("h2", "two")
    driver.click("All runtimes").settle()
    assert driver.find("h2", "Runtimes")


def test_use_here_makes_it_the_one_of_this_kernel(runtimes, workspace):
    workspace.runtimes.create("demo")
    driver = runtimes()
    driver.click("Use here").settle()
    assert workspace.runtimes.current().name == "demo"
    assert "in use here" in driver.text


def test_stop_start_and_delete(runtimes, workspace):
    demo = workspace.runtimes.create("demo")
    driver = runtimes(runtime="demo")
    driver.click("Stop").settle()
    assert demo.state == "stopped"
    assert "Start it to see what is installed." in driver.text
    driver.click("Start").settle()
    assert demo.state == "ready"
    driver.click("Delete").settle()
    assert workspace.runtimes.known == {}
    assert "No runtime yet" in driver.text


def test_packages_are_installed_from_their_tab(runtimes, workspace):
    workspace.runtimes.create("demo")
    driver = runtimes(runtime="demo")
    driver.fill("Install", "cowsay==6.1 rich").click("Install").settle()
    [(packages, _)] = workspace.runtimes.known["demo"].asked
    assert packages == ("cowsay==6.1", "rich")


def test_a_newer_version_is_told_on_top_and_taken_with_rehearsal(runtimes, workspace):
    workspace.runtimes.create("demo")
    driver = runtimes(runtime="demo")
    assert driver.find("button", "Update with rehearsal").attributes["title"] == (
        "nothing newer is known; Check version looks"
    )
    driver.click("Check version").settle()
    assert "default:2" in driver.text
    driver.click("Update with rehearsal").settle()
    assert "passed" in driver.text


def test_runs_that_differ_keep_the_runtime_where_it_is(runtimes, workspace):
    demo = workspace.runtimes.create("demo")
    demo.refuse_update = True
    driver = runtimes(runtime="demo")
    driver.click("Check version").settle().click("Update with rehearsal").settle()
    assert "so demo stays runs_differ" in driver.text
    assert "--accept default:2 takes it all the same" in driver.text
    assert "1 run differs" in driver.text


def test_a_registry_that_does_not_answer_is_told_as_it_is(runtimes, workspace):
    from pf_jupyter.errors import Unreachable

    demo = workspace.runtimes.create("demo")
    demo.unreachable = Unreachable("no registry answers", hint="look at doctor")
    driver = runtimes(runtime="demo")
    driver.click("Check version").settle()
    assert "no registry answers" in driver.text
    assert "look at doctor" in driver.text


def test_health_is_checked_on_demand(runtimes, workspace):
    workspace.runtimes.create("demo")
    driver = runtimes(runtime="demo")
    driver.click("Check now").settle()
    assert "pass engine it answers" in driver.text


def test_of_a_runtime_that_is_not_there(workspace):
    driver = Driver(open_panel(workspace, "runtime", runtime="nowhere")).settle()
    assert "no runtime is called 'nowhere'" in driver.text


def test_without_a_name_it_opens_the_one_in_use(workspace):
    driver = Driver(open_panel(workspace, "runtime")).settle()
    assert "no runtime is in use here" in driver.text
    workspace.runtimes.create("demo")
    workspace.runtimes.use("demo")
    driver = Driver(open_panel(workspace, "runtime")).settle()
    assert driver.find("h2", "demo")


def test_log_and_load_are_followed_while_somebody_looks(
    runtimes, workspace, monkeypatch
):
    from pf_jupyter.widgets import runtime_work

    monkeypatch.setattr(runtime_work, "FOLLOW_SECONDS", 0.01)
    demo = workspace.runtimes.create("demo")
    driver = runtimes(runtime="demo")
    monkeypatch.setattr(demo, "logs", lambda **_: iter(["a new line"]))
    assert "a new line" not in driver.text
    driver.panel.act("seen")
    driver.until_text("a new line")
    driver.panel.close()
    follower = driver.panel._follower
    follower.join(60)
    assert not follower.is_alive()


def test_an_exported_notebook_shows_the_list(runtimes, workspace):
    workspace.runtimes.create("demo")
    shown, _ = runtimes().panel._repr_mimebundle_()
    assert "demo" in shown["text/plain"]
    assert "demo" in shown["text/html"]
    assert "<script" not in shown["text/html"]
