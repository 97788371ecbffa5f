"""The panels of notebooks in JupyterLab, with containers behind them, by clicks."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from pf_jupyter.runtimes.identity import WORKSPACE

pytestmark = [pytest.mark.browser, pytest.mark.docker]

STEPS = ("Compute", "Application", "Environment", "Limits", "Review")
ASK = """\
import pf_jupyter
from pf_jupyter.standin import KEY, StandIn
ws = pf_jupyter.connect()
server = StandIn.for_runtime(ws.runtimes.get("boxed-small"), pause=0.12)
settings = {"type": "open_ai", "api_key": KEY, "base_url": server.base_url}
ws.connections.create(name="my-models", settings=settings)
ws.panel("chat", flow="model-chat", runtime="boxed-small")"""

WATCH = """(panel) => {
  window.pfSeen = [];
  new MutationObserver(() => {
    const text = panel.querySelector(".pf-answer > div:not(.pf-foot)")?.textContent;
    if (text && window.pfSeen.at(-1) !== text) window.pfSeen.push(text);
  }).observe(panel, {childList: true, subtree: true, characterData: true});
}"""


@pytest.fixture(scope="module")
def boxed(lab_server, docker_host):
    """A small runtime in a container that these tests share."""
    body = {
        "name": "boxed-small",
        "compute": "docker",
        "limits": {"cpus": 0.5, "memory": 512 * 1024**2},
    }
    status, begun = lab_server.ask("POST", "pf/api/runtimes", body)
    assert status == 202, begun
    assert lab_server.done(begun)["state"] == "done"
    yield "boxed-small"
    lab_server.ask("DELETE", "pf/api/runtimes/boxed-small")


@pytest.fixture
def left(lab_server, docker_engine):
    """Return what of this workspace there is: its runtimes, their containers, runs."""

    def there():
        _, records = lab_server.ask("GET", "pf/api/runtimes")
        _, runs = lab_server.ask("GET", "pf/api/runs")
        workspaces = {
            state.labels[WORKSPACE]
            for state in docker_engine.find({})
            if state.id in {r["container_id"] for r in records["runtimes"]}
        }
        containers = [
            state.id
            for state in docker_engine.find({})
            if state.labels.get(WORKSPACE) in workspaces
        ]
        return (
            sorted(record["name"] for record in records["runtimes"]),
            sorted(containers),
            [run["run_id"] for run in runs["runs"]],
        )

    return there


def next_step(panel, now):
    """Press Next, and wait until that step is open."""
    panel.get_by_role("button", name="Next", exact=True).click()
    panel.locator("[aria-current=step]", has_text=now).wait_for()


def test_cancelled_at_each_step_nothing_is_left_then_one_is_made(lab, boxed, left):
    lab.notebook("%load_ext pf_jupyter\n%pfruntime")
    lab.run_all()
    panel = lab.output(0).locator(".pf-panel:not(.pf-static)")
    panel.get_by_text(boxed).first.wait_for()
    before = left()
    assert len(before[1]) >= 1

    def open_until(last):
        panel.get_by_role("button", name="Add", exact=True).click()
        panel.get_by_label("Where it runs").select_option("docker")
        for step in STEPS[1 : STEPS.index(last) + 1]:
            if step == "Environment":
                panel.get_by_label("Name of the runtime").fill("clicked")
            next_step(panel, step)

    for step in STEPS:
        open_until(step)
        if step in ("Compute", "Review"):
            lab.shot(f"wizard-{step.lower()}")
        panel.get_by_role("button", name="Cancel", exact=True).click()
        panel.get_by_role("button", name="Add", exact=True).wait_for()
        assert left() == before, step
    open_until("Limits")
    panel.get_by_label("Memory in GB").fill("1")
    next_step(panel, "Review")
    panel.get_by_role("button", name="Create", exact=True).click()
    panel.get_by_role("heading", name="clicked").wait_for()
    panel.get_by_text("ready").first.wait_for()
    lab.shot("wizard-made", doc=True)
    names, containers, _ = left()
    assert "clicked" in names
    assert len(containers) == len(before[1]) + 1
    lab.server.ask("DELETE", "pf/api/runtimes/clicked")
    assert left() == before
    lab.check_quiet()


def test_a_chat_streams_its_answer(lab, boxed):
    lab.notebook(ASK)
    lab.run_all()
    panel = lab.output(0).locator(".pf-panel:not(.pf-static)")
    question = panel.get_by_label("Your question")
    panel.evaluate(WATCH)
    question.fill("Is the library open on a Sunday")
    question.press("Enter")
    answer = panel.locator(".pf-answer").first
    answer.get_by_text("I am a").wait_for()
    lab.shot("chat-streams")
    answer.get_by_text("You said: Is the library open on a Sunday").wait_for()
    answer.get_by_text("tokens").wait_for()
    # words came while the run went on, each with those before it
    seen = [text for text in lab.page.evaluate("() => window.pfSeen") if "I am" in text]
    parts = [text for text in seen if "Sunday" not in text]
    assert len(parts) >= 2
    assert all(late.startswith(early) for early, late in pairwise(parts))
    # the next turn knows of it
    question.fill("And in the evening")
    question.press("Enter")
    second = panel.locator(".pf-answer").nth(1)
    second.get_by_text("(2 messages came before.)").wait_for()
    second.get_by_text("tokens").wait_for()
    lab.shot("chat", of=panel.locator(".pf-body"), doc=True)
    lab.check_accessible(".jp-OutputArea-output .pf-panel")
    lab.check_quiet()


def test_a_batch_is_judged_on_a_bigger_runtime(lab, boxed, root):
    people = [{"name": f"n{i}", "truth": f"Hello, n{i}!"} for i in range(40)]
    people[7]["truth"] = "Good day, n7!"
    text = "".join(json.dumps(one) + "\n" for one in people)
    (root / "people.jsonl").write_text(text)
    lab.notebook(
        "import pf_jupyter\nws = pf_jupyter.connect()\n"
        f'ws.flows.show("hello").panel("{boxed}")'
    )
    lab.run_all()
    panel = lab.output(0).locator(".pf-panel:not(.pf-static)")
    panel.get_by_role("button", name="Run over rows").click()
    panel.get_by_label("Rows").fill("people.jsonl")
    panel.get_by_label("Rows").press("Tab")
    panel.get_by_text("the first 5 of 40 rows, 2 columns").wait_for()
    lab.shot("batch-rows")
    next_step(panel, "Mapping")
    name = panel.locator("input[name='map:flow:name']")
    assert name.input_value() == "${data.name}"
    name.fill("${data.nam}")
    panel.get_by_text("data has no column 'nam'").wait_for()
    name.fill("${data.name}")
    panel.get_by_text("data has no column").wait_for(state="detached")
    next_step(panel, "Runtime and limits")
    assert panel.locator("select[name='at']").input_value() == boxed
    next_step(panel, "Evaluation")
    panel.get_by_label("accuracy").check()
    panel.get_by_label("groundtruth").fill("${run.inputs.truth}")
    panel.get_by_text("it has no default").wait_for(state="detached")
    panel.get_by_label("Runtime of the evaluations").select_option("+")
    panel.get_by_label("Its name").fill("boxed-big")
    panel.get_by_label("Processors").fill("2")
    panel.get_by_label("Memory in GB").fill("2")
    lab.shot("batch-evaluation")
    lab.check_accessible(".jp-OutputArea-output .pf-panel")
    next_step(panel, "Review")
    panel.get_by_text("boxed-big, a new one, 2 processors, 2 GB").wait_for()
    lab.shot("batch-review")
    panel.get_by_role("button", name="Start").click()
    try:
        panel.get_by_text("accuracy 0.97").first.wait_for()
        panel.get_by_text("boxed-big was made for this").wait_for()
        lab.shot("batch-judged", doc=True)
        lab.check_accessible(".jp-OutputArea-output .pf-panel")
        _, big = lab.server.ask("GET", "pf/api/runtimes/boxed-big")
        assert (big["engine"], big["limits"]["cpus"]) == ("docker", 2.0)
        _, runs = lab.server.ask("GET", "pf/api/runs?limit=2")
        where = {run["flow"]: run["runtime"] for run in runs["runs"]}
        assert where == {"hello": boxed, "accuracy": "boxed-big"}
        lab.check_quiet()
    finally:
        lab.server.ask("DELETE", "pf/api/runtimes/boxed-big")
