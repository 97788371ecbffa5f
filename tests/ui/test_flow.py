"""A flow file: text and graph side by side, checked as it is written, and run."""

from __future__ import annotations

import shutil

import pytest

from .lab import ROOT

pytestmark = pytest.mark.browser

BROKEN = """\
from promptflow.core import tool


@tool
def greet(name: str) -> str:
    print("about to greet", name)
    raise ValueError(f"nobody is called {name}")
"""


@pytest.fixture
def flow(root, request):
    """A copy of an example below the file browser's folder: its name."""
    name = request.node.name.replace("_", "-")
    shutil.copytree(ROOT / "examples" / "hello", root / name)
    return name


@pytest.fixture
def view(lab, flow, runtime):
    lab.server.ask("PUT", "pf/api/current-runtime", {"name": runtime})
    lab.document(f"{flow}/flow.dag.yaml")
    found = lab.page.locator(".pf-Flow")
    found.locator("g[data-n=greet]").wait_for()
    return found


def write(lab, old, new):
    """Replace some of the text as an editor does."""
    lab.page.evaluate(
        """([old, next]) => {
            const { model } = window.jupyterapp.shell.currentWidget.context;
            const text = model.sharedModel.getSource();
            if (!text.includes(old)) { throw new Error('no ' + old); }
            model.sharedModel.setSource(text.replace(old, next));
        }""",
        [old, new],
    )


def test_what_is_wrong_is_underlined_at_its_line_while_it_is_written(lab, view):
    write(lab, "${inputs.name}", "${inputs.nmae}")
    mark = view.locator(".pf-Underline")
    mark.first.wait_for()
    assert "nmae" in mark.first.inner_text()
    problem = view.get_by_role("list", name="Problems").get_by_role("button").first
    problem.wait_for()
    lab.shot("flow-error", doc=True)
    lab.check_accessible(".pf-FlowSide")
    # a click goes to the place
    problem.click()
    line = lab.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.editor.editor"
        ".getCursorPosition().line + 1"
    )
    assert problem.inner_text().startswith(f"{line}:")
    write(lab, "${inputs.nmae}", "${inputs.name}")
    mark.first.wait_for(state="detached")
    lab.check_quiet()


def test_a_click_goes_from_the_graph_to_the_text_and_back(lab, view):
    node = view.locator("g[data-n=greet]")
    node.click()
    view.get_by_role("region", name="Node greet").wait_for()
    where = (
        "() => { const e = window.jupyterapp.shell.currentWidget.editor.editor;"
        " return e.getLine(e.getCursorPosition().line); }"
    )
    assert "greet" in lab.page.evaluate(where)
    # and from the text to the graph
    lab.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.editor.editor"
        ".setCursorPosition({line: 0, column: 0})"
    )
    lab.page.wait_for_function(
        "() => !document.querySelector('g[data-n=greet].pf-mod-selected')"
    )


def test_it_runs_with_typed_inputs_by_keys_alone(lab, view, runtime):
    view.get_by_label("name").fill("Ada")
    lab.page.keyboard.press("Enter")
    view.get_by_text("Hello, Ada!").wait_for()
    view.get_by_text("Completed in").wait_for()
    view.locator("g[data-n=greet].ok").wait_for()
    view.locator("g[data-n=greet]").focus()
    lab.page.keyboard.press("ArrowUp")
    lab.page.keyboard.press("ArrowDown")
    lab.page.keyboard.press("Enter")
    node = view.get_by_role("region", name="Node greet")
    node.get_by_label("Output").get_by_text("Hello, Ada!").wait_for()
    lab.shot("flow-ran")
    lab.check_accessible(".pf-FlowSide")
    lab.check_quiet()


def test_a_failing_node_shows_its_log_in_two_clicks(lab, view, flow, root):
    (root / flow / "greet.py").write_text(BROKEN)
    view.get_by_label("name").fill("Bo")
    view.get_by_role("button", name="Run", exact=True).click()
    node = view.locator("g[data-n=greet].no")
    node.click()
    said = view.get_by_role("region", name="Node greet")
    said.get_by_text("nobody is called Bo").first.wait_for()
    said.get_by_text("about to greet Bo").wait_for()
    lab.shot("flow-failed", doc=True)
    lab.theme("dark")
    lab.shot("flow-failed-dark")
    lab.check_accessible(".pf-FlowSide")
    lab.theme("light")
    # the same from the side panel: the run, which has its failing node open
    lab.run("pf-jupyter:show")
    panel = lab.page.locator("#pf-panel")
    panel.locator("[data-run]").first.locator("button").click()
    run = lab.page.locator(".pf-RunView")
    run.get_by_text("about to greet Bo").wait_for()
    lab.shot("run-failed")
    lab.check_accessible(".pf-RunView")
    lab.check_quiet()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_flow_and_run_can_be_read_at_every_width(lab, flow, view, theme):
    view.get_by_label("name").fill("Ada")
    lab.page.keyboard.press("Enter")
    view.get_by_text("Hello, Ada!").wait_for()
    lab.theme(theme)
    try:
        for width in (320, 1920):
            lab.size(width, 900)
            lab.settled(view)
            lab.shot(f"flow-{theme}-{width}")
            check_fits(lab, ".pf-FlowSide", width)
        _, found = lab.server.ask("GET", "pf/api/runs?limit=1")
        lab.run("pf-jupyter:open-run", {"run": found["runs"][0]["run_id"]})
        run = lab.page.locator(".pf-RunView")
        run.get_by_text("Hello, Ada!").first.wait_for()
        for width in (1920, 320):
            lab.size(width, 900)
            lab.settled(run)
            lab.shot(f"run-{theme}-{width}")
            check_fits(lab, ".pf-RunView", width)
        lab.check_quiet()
    finally:
        lab.theme("light")


def check_fits(lab, selector, width):
    lab.check_accessible(selector)
    wide = lab.page.locator(selector).evaluate(
        "node => node.scrollWidth - node.clientWidth"
    )
    assert wide <= 0, f"{wide} pixels of {selector} stick out at {width}"


def test_every_control_of_a_flow_is_reached_by_keys(lab, view):
    lab.page.keyboard.press("Escape")
    side = lab.page.locator(".pf-FlowSide")
    wanted = side.evaluate(
        "node => [...node.querySelectorAll('button, input, select, [tabindex=\"0\"]')]"
        ".filter(one => !one.disabled && one.checkVisibility()).length"
    )
    side.get_by_role("button", name="Run", exact=True).focus()
    reached = lab.page.evaluate("() => { window.pfPassed = new Set(); return 0; }")
    for _ in range(wanted + 2):
        reached = side.evaluate(
            "node => { const now = document.activeElement;"
            " if (node.contains(now)) window.pfPassed.add(now);"
            " return window.pfPassed.size; }"
        )
        lab.page.keyboard.press("Tab")
    assert reached == wanted
