"""The page of a flow, used as a person does."""

from __future__ import annotations

import json

import pytest

from pf_jupyter.widgets import open_panel
from pf_jupyter.widgets.values import read_inputs

from .driver import Driver, read


@pytest.fixture
def flow_page(workspace):
    workspace.runtimes.create("demo")

    def opened(flow=None, **about):
        return Driver(open_panel(workspace, "flow", flow=flow, **about)).settle()

    return opened


def states(driver):
    """What the graph says of each node, as somebody who comes late sees it."""
    for node in driver.page.walk():
        if node.attributes.get("data-part") == "graph":
            return json.loads(node.attributes["data-state"])["nodes"]
    raise AssertionError("no graph")


def test_without_a_flow_it_offers_those_there_are(flow_page):
    driver = flow_page()
    driver.fill("Flow", "/examples/hello").click("Open").settle()
    assert driver.find("h2", "hello")
    driver.click("All flows").settle()
    assert driver.find("h2", "Flows")


def test_run_from_form_to_output(flow_page, workspace):
    driver = flow_page("hello", runtime="demo")
    assert driver.field("Runtime").attributes["name"] == "runtime"
    driver.fill("text", "hey").fill("times", "3").click("Run").settle()
    assert workspace.ran[-1][:2] == ("hello", {"text": "hey", "times": 3})
    assert "greeting HELLO!" in driver.text
    assert {n: s["status"] for n, s in states(driver).items()} == {
        "greet": "Completed",
        "shout": "Completed",
    }


def test_a_value_that_does_not_fit_is_said_at_its_field(flow_page, workspace):
    driver = flow_page("hello", runtime="demo")
    driver.fill("times", "many").click("Run").settle()
    assert "input 'times': 'many' is not a whole number" in driver.text
    assert driver.field("times").attributes["aria-invalid"] == "true"
    assert workspace.ran == []


def test_a_node_that_failed_opens_itself_with_its_log(flow_page):
    driver = flow_page("broken", runtime="demo")
    driver.click("Run").settle()
    assert driver.find("h3", "fetch")
    assert "(ValueError) no such page" in driver.text
    assert states(driver)["fetch"]["status"] == "Failed"
    assert "The run failed" in driver.text


def test_a_run_goes_on_while_the_page_is_used_and_can_be_canceled(flow_page):
    driver = flow_page("slow", runtime="demo")
    driver.click("Run").until_text("Running", "so far")
    driver.until(lambda: driver.panel.run_id, "it has begun")
    driver.panel.act("node", node="wait")
    driver.until_text("It has not run yet.")
    assert states(driver)["wait"]["text"] == "so far"
    driver.click("Cancel").settle()
    assert "Canceled" in driver.text
    assert states(driver)["wait"]["status"] == "Canceled"


def test_a_node_is_run_again_from_here_or_alone(flow_page, workspace):
    driver = flow_page("hello", runtime="demo")
    driver.panel.act("node", node="shout")
    driver.settle()
    reason = driver.find("button", "Run from here").attributes["title"]
    assert reason == "run the flow once first"
    driver.click("Run").settle()
    first = driver.panel.result.run_id
    driver.panel.act("node", node="shout")
    driver.settle().click("Run from here").settle()
    assert workspace.ran[-1][2] == {"from_node": "shout", "upstream": first}
    second = driver.panel.result.run_id
    driver.click("Run it alone").settle()
    assert workspace.ran[-1][2] == {"node": "shout", "upstream": second}
    driver.click("Close").settle()
    assert driver.panel.node is None


def test_validate_says_what_is_wrong_and_where(flow_page):
    driver = flow_page("hello", runtime="demo")
    driver.click("Validate").settle()
    assert "Nothing is wrong in demo." in driver.text


def test_a_flow_that_cannot_be_read_says_why_and_lets_one_choose_another(flow_page):
    driver = flow_page("wrong")
    assert "wrong has 1 problem flow_invalid" in driver.text
    assert "flow.dag.yaml:14:13" in driver.text
    driver.click("Choose another flow").settle()
    assert driver.find("h2", "Flows")


def test_choosing_another_runtime_runs_it_there(flow_page, workspace):
    workspace.runtimes.create("big")
    driver = flow_page("hello", runtime="demo")
    driver.fill("Runtime", "big").click("Run").settle()
    assert driver.panel.result.runtime == "big"
    driver.fill("Runtime", "").click("Run").settle()
    assert driver.panel.result.runtime == "session"


def test_the_static_form_has_the_last_picture_and_no_live_part(flow_page):
    driver = flow_page("hello", runtime="demo")
    driver.click("Run").settle()
    bundle, _ = driver.panel._repr_mimebundle_()
    assert "[shout Completed]" in bundle["text/html"]
    assert "data-part" not in bundle["text/html"]
    assert "HELLO!" in bundle["text/plain"]
    assert read(bundle["text/html"]).text


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("int", "3", 3),
        ("double", "2.5", 2.5),
        ("bool", True, True),
        ("list", '["a"]', ["a"]),
        ("object", '{"a": 1}', {"a": 1}),
        ("string", "3", "3"),
    ],
)
def test_what_is_typed_becomes_a_value_of_its_type(kind, typed, value):
    items = [{"name": "x", "type": kind, "default": None}]
    assert read_inputs(items, {"in:x": typed}) == {"x": value}
    assert read_inputs(items, {"in:x": ""} if kind != "bool" else {}) == {}


def test_a_variant_is_chosen_and_earlier_runs_are_shown(workspace):
    driver = Driver(open_panel(workspace, "flow", flow="hello")).settle()
    driver.fill("Variant", "${greet.loud}").click("Run").settle()
    assert workspace.ran[-1][2]["variant"] == "${greet.loud}"
    driver.click("Runs").settle()
    assert driver.find("h2", "Runs")
    assert driver.field("Find").attributes["value"] == "hello"
    driver.click("Back").settle()
    assert driver.find("h2", "hello")
