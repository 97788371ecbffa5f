"""Containers from the panel: packages into one, a newer version, and back."""

from __future__ import annotations

import importlib.util

import pytest

from .lab import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.docker]

FLOW = """\
inputs:
  text: {type: string, default: hello}
outputs:
  answer: {type: string, reference: "${shout.output}"}
nodes:
- name: shout
  type: python
  source: {type: code, path: shout.py}
  inputs: {text: "${inputs.text}"}
"""
SHOUT = """\
from promptflow.core import tool
import special

@tool
def shout(text: str) -> str:
    return special.shout(text)
"""
GOOD = "def shout(text):\n    return text.upper()\n"


@pytest.fixture(scope="module")
def places():
    """What makes definitions and wheels in the tests of Docker."""
    path = ROOT / "tests" / "docker" / "environment_places.py"
    spec = importlib.util.spec_from_file_location("pf_environment_places", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def publish(lab, places, root, docker_host):
    """Return a function that publishes a version of environment ``mine``."""

    def make(version):
        folder = root / f"mine-{version}"
        wheels = folder / "image_build" / "wheels"
        places.wheel(wheels, "special", f"{version}.0", source=GOOD)
        places.definition(
            folder,
            "mine",
            dockerfile=["COPY wheels wheels", f"{places.INSTALL} -r requirements.txt"],
            requirements=["special"],
        )
        status, begun = lab.server.ask(
            "POST", "pf/api/environments", {"source": {"contents": folder.name}}
        )
        assert status == 202, begun
        done = lab.server.done(begun)
        assert done["state"] == "done", done

    return make


def test_packages_versions_and_the_way_back(lab, publish, package_index, root):
    publish(1)
    package_index.add("colours", "1.0")
    lab.run("pf-jupyter:show")
    panel = lab.page.locator("#pf-panel")
    panel.get_by_role("button", name="Create a runtime").first.click()
    form = panel.get_by_role("form", name="Create a runtime")
    form.get_by_label("Name").fill("boxed")
    form.get_by_label("Where").select_option("docker")
    form.get_by_label("Environment").select_option("mine:1")
    form.get_by_role("button", name="Create", exact=True).click()
    item = panel.locator("[data-runtime=boxed]")
    item.get_by_text("ready").wait_for()
    item.locator(".pf-ItemHead").click()
    # a package, for this runtime only
    item.get_by_label("Install packages").fill("colours")
    item.get_by_role("button", name="Install", exact=True).click()
    item.get_by_text("Installed colours 1.0").wait_for()
    lab.shot("docker-installed")
    # a run to rehearse with
    flow = root / "shouting"
    flow.mkdir()
    (flow / "flow.dag.yaml").write_text(FLOW)
    (flow / "shout.py").write_text(SHOUT)
    item.get_by_role("button", name="Use", exact=True).click()
    item.get_by_text("in use").wait_for()
    lab.document("shouting/flow.dag.yaml")
    view = lab.page.locator(".pf-Flow")
    view.get_by_role("button", name="Run", exact=True).click()
    view.get_by_text("HELLO").first.wait_for()
    # somebody publishes a newer version: a notice, a rehearsal, the update, and back
    publish(2)
    item.get_by_role("button", name="Check version").click()
    notice = item.get_by_role("group", name="A newer version")
    notice.wait_for()
    notice.get_by_role("button", name="Rehearse").click()
    notice.get_by_text("1 output is equal, 0 differ").wait_for()
    lab.shot("docker-update", doc=True)
    lab.check_accessible("#pf-panel")
    notice.get_by_role("button", name="Update", exact=True).click()
    item.get_by_text("mine:2 @").wait_for()
    item.get_by_role("button", name="Roll back").click()
    item.get_by_text("mine:1 @").wait_for()
    lab.shot("docker-back")
    item.get_by_role("button", name="Delete…").click()
    item.get_by_role("button", name="Delete", exact=True).click()
    item.wait_for(state="detached")
    lab.check_quiet()
