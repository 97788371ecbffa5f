"""The wizard of batches and evaluations, used as a person does."""

from __future__ import annotations

import json
import shlex
import threading

import pytest

from pf_jupyter.errors import NotFound
from pf_jupyter.widgets import NOUN_PANELS, open_panel
from pf_jupyter.workspace.local import connect

from .driver import Driver

STEPS = ("Rows", "Mapping", "Runtime and limits", "Evaluation", "Review")


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """A real workspace with a runtime in the process engine, shared by this module."""
    workspace = connect(tmp_path_factory.mktemp("home"))
    runtime = workspace.runtimes.create("small", compute="process")
    yield workspace
    runtime.delete()
    workspace.close()


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """Twenty names, and what a greeting of them should be."""
    file = tmp_path_factory.mktemp("data") / "people.jsonl"
    people = [{"name": f"n{i}", "age": i, "truth": f"Hello, n{i}!"} for i in range(20)]
    people[3]["truth"] = "Good day, n3!"
    file.write_text("".join(json.dumps(one) + "\n" for one in people))
    return file


@pytest.fixture(scope="module")
def batch(real, rows):
    """A batch that is over."""
    return real.runtimes.get("small").batch(
        "hello", rows, mapping={"name": "${data.name}"}
    )


@pytest.fixture
def wizard(real):
    def opened(name="batch", **about):
        return Driver(open_panel(real, name, **about)).settle()

    return opened


def to_step(driver, name):
    """Press Next until a step is open."""
    for _ in STEPS:
        if step_of(driver) == name:
            return driver
        driver.click("Next").settle()
    raise AssertionError(f"{name} was not reached: {driver.text}")


def step_of(driver):
    [now] = [n for n in driver.page.walk() if n.attributes.get("aria-current")]
    return now.text.split(" ", 1)[1]


def test_a_batch_is_put_together_run_and_judged(wizard, real, rows):
    already = real.runs.list()
    driver = wizard()
    driver.click("Next").settle()
    assert "name a flow" in driver.text
    driver.fill("Flow", "hello").fill("Rows", str(rows)).settle()
    assert "takes name" in driver.text
    assert "the first 5 of 20 rows, 3 columns" in driver.text
    assert "name text age integer truth text" in driver.text
    driver.click("Next").settle()
    # the column of its name is suggested, and what the first row has there
    assert driver.field("name").attributes["value"] == "${data.name}"
    assert "in the first row: n0" in driver.text
    to_step(driver, "Runtime and limits")
    driver.fill("Runtime", "small").fill("Name", "first of all")
    driver.fill("Description", "what it's for").fill("Tags", "team=search")
    to_step(driver, "Evaluation").fill("accuracy", True).settle()
    # the one output that is left is the answer; the truth has to be said
    assert driver.field("prediction").attributes["value"] == "${run.outputs.greeting}"
    assert "choose a column, or write a value" in driver.text
    driver.fill("groundtruth", "${run.inputs.truth}").settle()
    driver.fill("Runtime of the evaluations", "+").click("Next").settle()
    assert "give it a name" in driver.text
    driver.fill("Runtime of the evaluations", "=")
    to_step(driver, "Review")
    assert "judged by accuracy groundtruth = ${run.inputs.truth}" in driver.text
    assert "%pfrun create --flow" in driver.text
    [line] = [n for n in driver.page.walk() if n.tag == "pre"]
    words = shlex.split(line.text)
    assert words[words.index("--name") + 1] == "first of all"
    assert words[words.index("--description") + 1] == "what it's for"
    assert words[words.index("--tags") + 1] == "team=search"
    assert real.runs.list() == already
    driver.click("Start").settle()
    assert "accuracy 0.95 (0.76–0.99)" in driver.text
    assert "20 of 20 lines" in driver.text
    newest, before, *_ = real.runs.list()
    assert newest["flow"] == "accuracy"
    made = real.runs.batch(before["run_id"])
    assert (made.name, made.description) == ("first of all", "what it's for")
    assert made.to_dict()["description"] == "what it's for"
    # each line stands beside what was said of it
    assert '{"greeting": "Hello, n3!"} Incorrect' in driver.text
    # and one of them is opened in its place
    driver.click("Open").settle()
    assert driver.find("h2", "first of all")
    driver.click("Back").settle()
    assert driver.find("h2", "Batch of hello")


def test_everything_that_is_not_there_is_named_at_once(wizard, rows, batch):
    driver = wizard("evaluation", run=batch, data=str(rows))
    to_step(driver, "Evaluation").fill("accuracy", True).settle()
    driver.fill("groundtruth", "${data.trth}").settle()
    driver.fill("prediction", "${run.output.greeting}").settle()
    assert "data has no column 'trth'; did you mean '${data.truth}'?" in driver.text
    assert "there is no source 'run'" in driver.text
    driver.click("Next").settle()
    assert step_of(driver) == "Evaluation"
    for name in ("groundtruth", "prediction"):
        assert driver.field(name).attributes["aria-invalid"] == "true"


@pytest.mark.parametrize("step", STEPS)
def test_cancelled_at_any_step_nothing_is_left_behind(wizard, real, rows, step):
    before = [run["run_id"] for run in real.runs.list()]
    driver = wizard(flow="hello", data=str(rows), runtime="small")
    if step in STEPS[3:]:
        to_step(driver, "Runtime and limits").fill("Runtime", "+")
        driver.fill("Its name", "never").fill("Processors", "4")
    to_step(driver, step).click("Cancel").settle()
    assert step_of(driver) == "Rows"
    assert [run["run_id"] for run in real.runs.list()] == before
    assert real.runtimes.names() == ["small"]


def test_a_run_is_judged_in_a_runtime_of_its_own(wizard, real, batch):
    driver = wizard("evaluation", run=batch)
    assert "completed 20 of 20 lines" in driver.text
    assert '{"greeting": "Hello, n0!"}' in driver.text
    to_step(driver, "Evaluation").fill("accuracy", True).settle()
    driver.fill("groundtruth", "${run.inputs.truth}").settle()
    to_step(driver, "Runtime and limits")
    assert driver.field("Runtime").name
    assert "small · 2 CPU, 4 GB" in driver.text
    driver.fill("Runtime", "+").fill("Processors", "much").click("Next").settle()
    assert "'much' is not a number above 0" in driver.text
    assert "give it a name" in driver.text
    driver.fill("Its name", "small").click("Next").settle()
    assert "there is a runtime of that name" in driver.text
    driver.fill("Its name", "big").fill("Processors", "1.5").fill("Memory in GB", "8")
    to_step(driver, "Review")
    made = "%pfruntime create big --kind session --cpus 1.5 --memory 8g"
    assert f"{made} %pfeval --run {batch.run_id}" in driver.text
    driver.click("Start").settle()
    try:
        assert "accuracy 0.95" in driver.text
        assert "big was made for this" in driver.text
        limits = real.runtimes.get("big").to_dict()["limits"]
        assert (limits["cpus"], limits["memory"]) == (1.5, 8 * 1024**3)
        judged = real.runs.batch(batch.run_id).evaluations[0]
        assert judged.runtime == "big"
    finally:
        real.runtimes.get("big").delete()


def test_cancelled_while_its_runtime_is_made_that_one_goes_too(workspace, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    create = workspace.runtimes.create

    def slow(name, **options):
        begun.set()
        assert go_on.wait(60)
        return create(name, **options)

    monkeypatch.setattr(workspace.runtimes, "create", slow)
    panel = open_panel(workspace, "batch", flow="hello", data=[{"text": "a"}])
    driver = to_step(Driver(panel).settle(), "Runtime and limits")
    driver.fill("Runtime", "+").fill("Its name", "big")
    to_step(driver, "Review").click("Start")
    assert begun.wait(60)
    driver.click("Cancel")
    go_on.set()
    driver.settle()
    assert workspace.runtimes.known == {}
    assert "Canceled" in driver.text


def test_what_runs_is_ended_and_what_is_done_stays(wizard, real, tmp_path):
    flow = tmp_path / "waits"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(
        "inputs: {n: {type: int}}\n"
        "outputs: {m: {type: int, reference: '${w.output}'}}\n"
        "nodes:\n- {name: w, type: python, source: {type: code, path: w.py}, "
        "inputs: {n: '${inputs.n}'}}\n"
    )
    (flow / "w.py").write_text(
        "import time\nfrom promptflow.core import tool\n@tool\n"
        "def w(n: int) -> int:\n    time.sleep(600 if n > 1 else 0)\n    return n\n"
    )
    rows = [{"n": n} for n in range(40)]
    driver = wizard(flow=flow, data=rows, runtime="small")
    driver.click("Next").settle().click("Next").settle()
    driver.fill("Lines at once", "1")
    to_step(driver, "Review").click("Start")
    driver.until(lambda: driver.panel.jobs[0].states.now.get("completed"), "a line")
    driver.click("Cancel").settle()
    assert "Canceled" in driver.text
    [run] = [run for run in real.runs.list() if run["flow"] == "waits"]
    assert run["status"] == "Canceled"
    assert driver.find("button", "Go on")


def test_each_variant_of_a_node_gets_a_batch(workspace):
    panel = open_panel(workspace, "batch", flow="hello", data=[{"text": "a"}])
    driver = to_step(Driver(panel).settle(), "Runtime and limits")
    driver.fill("Variant", "greet*")
    to_step(driver, "Review")
    assert "batches 2" in driver.text
    driver.click("Start").settle()
    assert "hello · greet.plain" in driver.text
    assert "hello · greet.loud" in driver.text
    given = workspace.runtimes.known["session"].given
    assert given["variant"] == "${greet.loud}"
    assert given["mapping"] == {"text": "${data.text}"}


def test_constants_have_the_types_of_their_inputs(workspace):
    panel = open_panel(workspace, "batch", flow="hello", data=[{"text": "a"}])
    driver = Driver(panel).settle().click("Next").settle()
    driver.fill("times", "often").click("Next").settle()
    assert "'often' is not a whole number" in driver.text
    driver.fill("times", "3")
    to_step(driver, "Review").click("Start").settle()
    given = workspace.runtimes.known["session"].given
    assert given["mapping"] == {"text": "${data.text}", "times": 3}
    assert given["data"] == [{"text": "a"}]


def test_a_stop_rule_needs_a_run_to_beat(wizard, real, batch):
    driver = wizard("evaluation", run=batch)
    to_step(driver, "Evaluation").fill("accuracy", True).settle()
    driver.fill("groundtruth", "${run.inputs.truth}").settle()
    label = "Judge lines in random order, and end when it is settled which is better"
    driver.fill(label, True).fill("Ends of the score", "5,1").click("Next").settle()
    assert "choose the run to beat" in driver.text
    assert "'5,1' is not a pair such as 1,5" in driver.text


def test_what_cannot_be_read_is_said_at_its_field(wizard, tmp_path):
    torn = tmp_path / "torn.jsonl"
    torn.write_text('{"a": 1}\n{"a": ')
    driver = wizard(flow="hello", data=str(torn))
    assert driver.field("Rows").attributes["aria-invalid"] == "true"
    assert "torn.jsonl" in driver.text
    driver.fill("Rows", "nowhere.csv").fill("Flow", "helo").settle()
    assert "there is no data at nowhere.csv" in driver.text
    assert driver.field("Flow").attributes["aria-invalid"] == "true"
    driver.click("Next").settle()
    assert step_of(driver) == "Rows"


def test_pages_open_it_in_their_place_and_come_back(workspace):
    assert NOUN_PANELS["eval"] == "evaluation"
    flow = Driver(open_panel(workspace, "flow", flow="hello")).settle()
    flow.click("Run over rows").settle()
    assert flow.find("h2", "Run a flow over rows")
    assert flow.field("Flow").attributes["value"].endswith("hello")
    flow.click("Cancel").settle()
    assert flow.find("h2", "hello")
    runs = Driver(open_panel(workspace, "runs")).settle()
    runs.click("New batch").settle().click("Back").settle()
    assert runs.find("h2", "Runs")
    run = Driver(open_panel(workspace, "run", run="batch-1")).settle()
    run.click("Evaluate").settle()
    assert run.find("h2", "Evaluate a run")
    # its messages go through the panel that opened it: no second widget
    assert run.panel.guest.comm is None


def test_without_a_batch_there_is_nothing_to_judge(workspace):
    driver = Driver(open_panel(workspace, "evaluation")).settle()
    assert "Nothing to evaluate yet" in driver.text


def test_one_that_does_not_begin_goes_back_with_the_reason(workspace, monkeypatch):
    def refuse(name):
        raise NotFound(f"there is no runtime '{name}'", hint="make it")

    workspace.runtimes.create("demo")
    panel = open_panel(
        workspace, "batch", flow="hello", data=[{"text": "a"}], runtime="demo"
    )
    driver = to_step(Driver(panel).settle(), "Review")
    monkeypatch.setattr(workspace.runtimes, "get", refuse)
    driver.click("Start").settle()
    assert "there is no runtime 'demo'" in driver.text
    assert step_of(driver) == "Runtime and limits"
