"""What people do from their first minute on, by clicks only."""

from __future__ import annotations

import os
import re

import pytest

from .lab import ROOT, Lab, LabServer

pytestmark = pytest.mark.browser


def test_from_the_first_start_to_the_first_result(fresh_lab, engine_address):
    lab, page = fresh_lab, fresh_lab.page
    lab.server.ask("PUT", "pf/api/current-runtime", {"name": None})
    card = page.locator(".jp-LauncherCard", has_text="New Flow")
    card.scroll_into_view_if_needed()
    lab.shot("first-launcher", doc=True)
    card.click()
    flow = page.locator(".pf-Flow")
    flow.locator("g[data-n=report]").wait_for()
    flow.get_by_role("button", name="Run", exact=True).click()
    # a runtime is made for it; a container where there is Docker
    flow.get_by_text("Completed in").wait_for(timeout=180_000)
    flow.locator("g[data-n=report].ok").wait_for()
    lab.shot("first-result", doc=True)
    _, found = lab.server.ask("GET", "pf/api/runtimes")
    session = next(item for item in found["runtimes"] if item["kind"] == "session")
    assert session["isolated"] == (engine_address is not None)
    lab.check_quiet()


def test_an_example_is_opened_from_the_palette(lab):
    page = lab.page
    lab.run("pf-jupyter:open-example", wait=False)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Example").select_option("web-classification")
    lab.check_accessible(".pf-Choice")
    dialog.get_by_role("button", name="Open a copy").click()
    flow = page.locator(".pf-Flow")
    flow.locator("g[data-n=classify_by_keywords]").wait_for()
    lab.shot("example")
    lab.run("pf-jupyter:doctor", wait=False)
    page.get_by_role("dialog").locator(".pf-Checks li").first.wait_for()
    lab.shot("doctor")
    lab.check_accessible(".pf-Checks")
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    lab.check_quiet()


def test_keys_alone_make_a_runtime_and_take_it_away(lab):
    page = lab.page
    page.locator("body").press("Control+Alt+r")
    panel = page.locator("#pf-panel")
    panel.wait_for()
    panel.get_by_role("button", name="Create a runtime").first.focus()
    page.keyboard.press("Enter")
    form = panel.get_by_role("form", name="Create a runtime")
    form.get_by_label("Name").wait_for()
    # Escape leaves nothing behind
    page.keyboard.press("Escape")
    form.wait_for(state="detached")
    panel.get_by_role("button", name="Create a runtime").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.type("Bad Name")
    form.get_by_text("Small letters").wait_for()
    page.keyboard.press("Control+a")
    page.keyboard.type("by-keys")
    page.keyboard.press("Tab")
    page.keyboard.type("process")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    item = panel.locator("[data-runtime=by-keys]")
    item.get_by_text("ready").wait_for()
    item.locator(".pf-ItemHead").press("Enter")
    item.get_by_role("button", name="Delete…").press("Enter")
    item.get_by_role("button", name="Delete", exact=True).press("Enter")
    item.wait_for(state="detached")
    lab.check_quiet()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_width_and_theme_can_be_read(lab, runtime, theme):
    lab.run("pf-jupyter:show")
    panel = lab.page.locator("#pf-panel")
    for section in ("Environments", "Computes"):
        head = panel.get_by_role("button", name=section, exact=True)
        if head.get_attribute("aria-expanded") == "false":
            head.click()
    panel.locator(f"[data-runtime={runtime}]").wait_for()
    panel.get_by_role("region", name="Computes").locator("li").first.wait_for()
    lab.theme(theme)
    try:
        for width in (320, 768, 1920):
            lab.size(width, 900)
            lab.shot(f"panel-{theme}-{width}")
            lab.check_accessible("#pf-panel")
            wide = panel.evaluate("node => node.scrollWidth - node.clientWidth")
            assert wide <= 0, f"{wide} pixels stick out at {width}"
    finally:
        lab.theme("light")


def test_the_panel_says_when_the_server_does_not_answer(lab):
    page = lab.page
    lab.run("pf-jupyter:show")
    panel = page.locator("#pf-panel")
    panel.get_by_role("button", name="Create a runtime").first.wait_for()
    page.route("**/pf/api/**", lambda route: route.abort())
    try:
        page.evaluate("() => window.dispatchEvent(new Event('offline'))")
        panel.get_by_role("button", name="Create a runtime").first.click()
        form = panel.get_by_role("form", name="Create a runtime")
        form.get_by_label("Name").fill("nowhere")
        form.get_by_role("button", name="Create", exact=True).click()
        form.get_by_role("alert").get_by_text("The server does not answer").wait_for()
        lab.shot("panel-no-answer")
        lab.check_accessible("#pf-panel")
    finally:
        page.unroute("**/pf/api/**")
    form.get_by_role("button", name="Cancel").click()
    lab.complaints.clear()


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    """A JupyterLab whose server is a team's: who you are is what a header says."""
    made = LabServer(
        tmp_path_factory.mktemp("team"),
        settings=[
            "--ServerApp.identity_provider_class=people.ByHeader",
            "--PfJupyter.team=True",
            "--PfJupyter.owners=olga",
        ],
    )
    people = str(ROOT / "tests" / "server")
    with pytest.MonkeyPatch.context() as patch:
        path = os.environ.get("PYTHONPATH", "")
        patch.setenv("PYTHONPATH", os.pathsep.join([people, path]))
        try:
            made.headers["X-Person"] = "olga"
            made.start()
            made.ask("POST", "pf/api/roles", {"principal": "rita", "role": "reader"})
            _, begun = made.ask(
                "POST",
                "pf/api/runtimes",
                {"name": "shared", "compute": "process", "kind": "shared"},
            )
            assert made.done(begun)["state"] == "done"
            yield made
        finally:
            made.stop()


def test_a_reader_sees_and_is_told_why_not_more(team, chromium):
    context = chromium.new_context(
        viewport={"width": 1280, "height": 800}, extra_http_headers={"X-Person": "rita"}
    )
    try:
        lab = Lab(team, context.new_page()).open()
        lab.run("pf-jupyter:show")
        panel = lab.page.locator("#pf-panel")
        item = panel.locator("[data-runtime=shared]")
        item.locator(".pf-ItemHead").click()
        stop = item.get_by_role("button", name=re.compile("^Stop: .*Contributor.*olga"))
        stop.wait_for()
        assert stop.get_attribute("aria-disabled") == "true"
        assert panel.get_by_role("button", name="Create a runtime").count() == 0
        item.get_by_text("it needs the role Contributor. Ask olga.").wait_for()
        lab.shot("reader", doc=True)
        lab.check_accessible("#pf-panel")
        # pressing it does nothing: no request, the runtime goes on
        stop.click(force=True)
        asked = team.ask("GET", "pf/api/audit?limit=50")[1]["lines"]
        assert not [line for line in asked if line["right"] == "runtime.update"]
        # a right that is given is there at once, without a reload
        team.ask("POST", "pf/api/roles", {"principal": "rita", "role": "contributor"})
        panel.get_by_role("button", name="Create a runtime").first.wait_for()
        lab.check_quiet()
    finally:
        context.close()
