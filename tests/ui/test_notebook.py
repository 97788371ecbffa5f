"""The runtime of a notebook, picked in its toolbar."""

from __future__ import annotations

import json
import sys

import pytest

pytestmark = pytest.mark.browser

ASK = "%load_ext pf_jupyter\n%pfflow run hello name=Ana"


@pytest.fixture(scope="package")
def other(lab_server):
    """A second runtime."""
    _, begun = lab_server.ask(
        "POST", "pf/api/runtimes", {"name": "other", "compute": "process"}
    )
    assert lab_server.done(begun)["state"] == "done"
    return "other"


def test_the_next_cell_runs_in_the_runtime_that_was_picked(lab, runtime, other, root):
    shell = f"!{sys.executable} -m pf_jupyter.cli flow run hello name=Bo"
    name = lab.notebook(ASK, shell)
    picker = lab.page.get_by_label("Runtime of this notebook")
    picker.select_option(runtime)
    lab.run("notebook:run-cell-and-select-next")
    lab.output(0).get_by_text(f"· {runtime} ·").first.wait_for()
    lab.shot("notebook-picked", doc=True)
    lab.check_accessible(".pf-Picker")
    picker.select_option(other)
    lab.run("notebook:move-cursor-up")
    lab.run("notebook:run-cell-and-select-next")
    lab.output(0).get_by_text(f"· {other} ·").first.wait_for()
    # it is the notebook's own, and stays when the kernel is another one
    picker.select_option(runtime)
    lab.run("docmanager:save")
    metadata = json.loads((root / name).read_text())["metadata"]
    assert metadata["pf_jupyter"] == {"runtime": runtime}
    lab.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext"
        ".session.kernel.restart()"
    )
    lab.idle()
    lab.run("notebook:run-cell-and-select-next")
    lab.output(1).get_by_text(f"· {runtime} ·").first.wait_for()
    # a cell that chooses by itself is seen in the toolbar
    lab.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.activeCell.model"
        ".sharedModel.setSource('%load_ext pf_jupyter\\n%pfruntime use other')"
    )
    lab.run("notebook:run-cell")
    lab.page.wait_for_function(
        "() => document.querySelector('.pf-PickerSelect').value === 'other'"
    )
    lab.page.locator(".pf-Status", has_text="other").wait_for()
    lab.check_quiet()


def test_a_runtime_that_is_gone_is_said_to_be(lab, runtime):
    lab.notebook(ASK, metadata={"pf_jupyter": {"runtime": "gone"}})
    picker = lab.page.get_by_label("Runtime of this notebook")
    picker.get_by_text("gone (gone)").wait_for(state="attached")
    lab.run_all()
    lab.output(0).get_by_text("there is no runtime 'gone'").wait_for()
    picker.select_option(runtime)
    lab.run("notebook:run-all-cells")
    lab.output(0).get_by_text(f"· {runtime} ·").first.wait_for()
