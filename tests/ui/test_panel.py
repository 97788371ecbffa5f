"""The side panel: what there is, as it is now."""

from __future__ import annotations

import re

import pytest

pytestmark = pytest.mark.browser


@pytest.fixture
def panel(lab):
    lab.run("pf-jupyter:show")
    return lab.page.locator("#pf-panel")


def test_a_runtime_is_made_used_and_deleted_by_clicks(lab, panel):
    panel.get_by_role("button", name="Create a runtime").first.click()
    form = panel.get_by_role("form", name="Create a runtime")
    form.get_by_label("Name").fill("by-click")
    form.get_by_label("Where").select_option("process")
    lab.shot("panel-create")
    form.get_by_role("button", name="Create", exact=True).click()
    item = panel.locator("[data-runtime=by-click]")
    item.get_by_text("ready").wait_for()
    item.locator(".pf-ItemHead").click()
    item.get_by_role("button", name="Use", exact=True).click()
    item.get_by_text("in use").wait_for()
    item.get_by_role("button", name="Log", exact=True).click()
    item.get_by_label("Log of by-click").get_by_text(re.compile("handshake")).wait_for()
    lab.shot("panel-details", doc=True)
    lab.check_accessible("#pf-panel")
    item.get_by_role("button", name="Delete…").click()
    item.get_by_role("button", name="Delete", exact=True).click()
    item.wait_for(state="detached")
    lab.check_quiet()
