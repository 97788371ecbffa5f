"""Each view there is: who can use it, with what, on which page, in which colours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pf_jupyter.widgets import open_panel
from pf_jupyter.workspace.local import connect

from .everything import Everything
from .gallery import Gallery
from .stage import browser, browser_path

pytestmark = pytest.mark.browser
WIDTHS = (320, 768, 1920)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]
SHOTS = Path(
    os.environ.get("PF_UI_SHOTS", Path(__file__).parents[2] / "build" / "screenshots")
)


@pytest.fixture(scope="module")
def chromium():
    if browser_path() is None:
        reason = "no Chromium: apt-get install chromium, or set PF_CHROMIUM"
        if os.environ.get("PF_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with browser() as found:
        yield found


def panels(real):
    """Return every view that there is, by name."""
    runtime = real.runtimes.get("small")
    run = runtime.run("conditional")
    people = [{"name": f"n{i}", "truth": f"Hello, n{i}!"} for i in range(5)]
    mapping = {"name": "${data.name}"}
    batch = runtime.batch("hello", people, mapping=mapping)
    again = runtime.batch("hello", people, mapping=mapping)
    truth = {"groundtruth": "${run.inputs.truth}"}
    runtime.evaluate(batch, "accuracy", mapping=truth)
    flow = open_panel(real, "flow", flow="conditional", runtime="small")
    assert flow.settle()
    flow.act("run")
    assert flow.settle()
    flow.act("node", node="triage")
    connections = open_panel(real, "connections")
    connections.act("add")
    return {
        "everything": Everything(real),
        "flow": flow,
        "flows": open_panel(real, "flow"),
        "run": open_panel(real, "run", run=run.run_id),
        "batch": open_panel(real, "run", run=batch.run_id),
        "comparison": open_panel(real, "compare", runs=[batch, again]),
        "chat": open_panel(real, "chat", flow="chat-with-history", runtime="small"),
        "error": open_panel(real, "run", run="no-such-run"),
        "runtimes": open_panel(real, "runtimes"),
        "runtime": open_panel(real, "runtime", runtime="small"),
        **{f"wizard {at}": panel for at, panel in enumerate(wizards(real))},
        **batch_wizards(real, people),
        "evaluation wizard": open_panel(real, "evaluation", run=batch),
        "environments": open_panel(real, "environments"),
        "environment": open_panel(real, "environments", environment="default"),
        "connections": open_panel(real, "connections"),
        "connection": connections,
        "roles": open_panel(real, "roles"),
        "runs": open_panel(real, "runs"),
        "doctor": open_panel(real, "doctor"),
    }


def wizards(real):
    """The wizard of runtimes at each of its steps."""
    for steps in range(5):
        panel = open_panel(real, "runtimes", add=True)
        assert panel.settle()
        panel.act("choose_place", compute="process")
        for _ in range(steps):
            panel.act("next", name="another", memory="2")
        assert panel.step == steps
        yield panel


def batch_wizards(real, people):
    """The wizard of batches at each of its steps, and what it started."""
    found = {}
    for steps in range(6):
        panel = open_panel(real, "batch", flow="hello", data=people, runtime="small")
        assert panel.settle()
        for _ in range(min(steps, 2)):
            panel.act("next")
        if steps == 2:
            panel.act("place", at="+")
        if steps > 2:
            panel.act("next")
            judge = next(str(i.path) for i in panel.judges() if i.name == "accuracy")
            panel.act("choose_judge", judge=judge)
        if steps > 3:
            panel.act("next", **{f"map:{judge}:groundtruth": "${run.inputs.truth}"})
        assert panel.step == min(steps, 4)
        if steps == 5:
            panel.act("start")
        found[f"batch wizard {steps}"] = panel
    return found


@pytest.fixture(scope="module")
def gallery(chromium, tmp_path_factory):
    """All of them on one page."""
    workspace = connect(tmp_path_factory.mktemp("home"))
    runtime = workspace.runtimes.create("small", compute="process")
    try:
        shown = panels(workspace)
        for name, panel in shown.items():
            assert panel.settle(), name
        opened = chromium.new_page(viewport={"width": 1280, "height": 900})
        opened.set_default_timeout(60_000)
        yield Gallery(opened, {name: panel.html for name, panel in shown.items()})
        opened.close()
    finally:
        runtime.delete()
        workspace.close()


def test_each_view_is_accessible_in_both_themes(gallery):
    gallery.page.set_viewport_size({"width": 1280, "height": 900})
    found = [f"light: {one}" for one in gallery.serious(WCAG)]
    gallery.theme("dark")
    found += [f"dark: {one}" for one in gallery.serious(["color-contrast"])]
    gallery.theme("light")
    assert not found, "\n".join(found)
    assert gallery.errors == []


def test_each_view_fits_narrow_and_wide_pages_in_both_themes(gallery):
    SHOTS.mkdir(parents=True, exist_ok=True)
    found = []
    for width in WIDTHS:
        found += [f"of {width}: {one}" for one in gallery.too_wide(width)]
        for theme in ("light", "dark"):
            gallery.theme(theme)
            file = SHOTS / f"panels-{theme}-{width}.png"
            gallery.page.screenshot(path=file, full_page=True, animations="disabled")
    gallery.theme("light")
    assert not found, "\n".join(found)


def test_each_control_is_reached_and_pressed_by_keyboard_alone(gallery):
    gallery.page.set_viewport_size({"width": 1280, "height": 900})
    found = []
    for name in gallery.views:
        pages = gallery.view(name).evaluate(
            "(view) => Math.max(1, ...[...view.querySelectorAll('[role=tablist]')]"
            ".map((tabs) => tabs.children.length))"
        )
        for page_number in range(pages):
            found += gallery.walk(name, page_number)
    assert not found, "\n".join(found)
    assert gallery.errors == []
