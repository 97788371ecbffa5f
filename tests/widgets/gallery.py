"""Many panels on one page of a real browser, each as its kernel shows it now.

Nothing answers: what is asked for is kept. One page costs once what each page costs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pf_jupyter.widgets.assets import module, style

from .stage import PAGE

SHOW = """([source, views]) => {
  window.told = [];
  window.passed = [];
  const place = document.getElementById("place");
  const url = URL.createObjectURL(new Blob([source], {type: "text/javascript"}));
  // what asks a question is answered with no, so that the walk goes on
  const open = HTMLDialogElement.prototype.showModal;
  HTMLDialogElement.prototype.showModal = function () {
    window.told.push(["asked", window.here]);
    open.call(this);
    this.close();
  };
  document.addEventListener("focusin", (event) => {
    window.here = event.target;
    window.passed.push(event.target);
  });
  return import(url).then(({default: panel}) => {
    for (const [name, html] of Object.entries(views)) {
      const el = document.createElement("section");
      el.dataset.view = name;
      el.setAttribute("aria-label", name);
      place.append(el);
      const model = {
        get: () => html, on: () => {}, off: () => {},
        send: (content) => window.told.push([content.do, window.here, content.args]),
      };
      panel.render({model, el});
    }
    // else the browser goes back to the first field that has to be filled in
    for (const form of place.querySelectorAll("form")) form.noValidate = true;
    window.told.length = 0;
  });
}"""
# Go before the first stop of a view; return how many there may be.
BEGIN = """(view) => {
  for (const folded of view.querySelectorAll("details")) folded.open = true;
  view.tabIndex = -1;
  view.focus();
  window.passed = [];
  const stops = "button, input, select, textarea, summary, a[href], [tabindex='0']";
  return [...view.querySelectorAll(stops)].filter(
    (one) => one.tabIndex >= 0 && !one.disabled && one.checkVisibility()
  ).length;
}"""
# Press all buttons that were reached: Enter and Space click those that are buttons.
PRESS = """() => {
  for (const one of [...new Set(window.passed)]) {
    if (one.nodeName !== "BUTTON" || one.role === "tab") continue;
    one.focus();
    one.click();
  }
}"""
# What somebody without a mouse should get to in a view, and has not.
LEFT_OUT = """(view) => {
  const passed = new Set(window.passed);
  const every = "button, input, select, textarea, summary, a[href], [tabindex='0']";
  return [...view.querySelectorAll(every)]
    .filter((one) => !one.disabled && one.tabIndex >= 0 && one.checkVisibility())
    .filter((one) => !passed.has(one))
    .map((one) => one.outerHTML.slice(0, 160));
}"""
# Buttons that were pressed and said nothing, or said something though they are off.
SILENT = """(view) => {
  const said = new Map();
  for (const [what, element] of window.told) {
    said.set(element, [...(said.get(element) ?? []), what]);
  }
  const passed = new Set(window.passed);
  return [...view.querySelectorAll("[data-do]:not(form), [type=submit]")]
    .filter((one) => passed.has(one) && one.role !== "tab")
    .filter((one) => {
      const off = one.getAttribute("aria-disabled") === "true";
      const confirms = one.hasAttribute("data-confirm");
      const wanted = one.dataset.do ?? one.closest("form").dataset.do;
      const told = said.get(one) ?? [];
      return off ? told.length : !told.includes(confirms ? "asked" : wanted);
    })
    .map((one) => one.outerHTML.slice(0, 160));
}"""
# Where one is must be seen.
UNSEEN = """(view) => {
  const unseen = [];
  for (const one of new Set(window.passed)) {
    if (!view.contains(one) || one.closest("svg")) continue;
    one.focus({focusVisible: true});
    const outline = getComputedStyle(one).outlineStyle;
    if (outline === "none") unseen.push(one.outerHTML.slice(0, 160));
  }
  return unseen;
}"""


class Gallery:
    """A page with panels below each other.

    Parameters
    ----------
    page
        A page of a browser.
    views
        HTML of the panels by name.
    """

    def __init__(self, page: Any, views: Mapping[str, str]) -> None:
        self.page, self.views = page, dict(views)
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_content(PAGE % style())
        page.evaluate(SHOW, [module(), self.views])

    def view(self, name: str) -> Any:
        """Return the locator of one."""
        return self.page.locator(f"[data-view={json.dumps(name)}]")

    def theme(self, name: str) -> None:
        """Show ``light`` or ``dark``."""
        light = json.dumps(name == "light")
        script = f"document.body.setAttribute('data-jp-theme-light', '{light}')"
        self.page.evaluate(script)

    def serious(self, rules: list[str]) -> list[str]:
        """Return what axe-core finds that is serious, in all views at once."""
        from axe_playwright_python.sync_playwright import Axe

        options = {"runOnly": rules, "resultTypes": ["violations"]}
        found = Axe().run(self.page, ".pf-panel", options).response["violations"]
        return [
            f"{item['id']}: {node['target']}: {node['html'][:160]}"
            for item in found
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]

    def too_wide(self, width: int) -> list[str]:
        """Return the views that stick out of a page of that width."""
        self.page.set_viewport_size({"width": width, "height": 900})
        return self.page.evaluate(  # type: ignore[no-any-return]
            "() => [...document.querySelectorAll('[data-view]')]"
            ".filter((view) => view.scrollWidth > view.clientWidth)"
            ".map((view) => `${view.dataset.view}: ${view.scrollWidth} pixels`)"
        )

    def walk(self, name: str, page: int) -> list[str]:
        """Go through a view with the keyboard alone, and press whatever can be.

        Parameters
        ----------
        name
            Of the view.
        page
            Which page of its tabs is to be open: gone to with the arrow keys.

        Returns
        -------
        list
            What is wrong.
        """
        view = self.view(name).element_handle()
        keys = self.page.keyboard
        self.page.evaluate("() => { window.told = []; window.passed = []; }")
        for tabs in view.query_selector_all("[role=tablist]"):
            if tabs.is_visible():
                tabs.query_selector("[aria-selected=true]").focus()
                for _ in range(page):
                    keys.press("ArrowRight")
        for _ in range(view.evaluate(BEGIN)):
            keys.press("Tab")
        view.evaluate(PRESS)
        return [
            f"{name}: {what}: {html}"
            for what, script in (
                ("not reached", LEFT_OUT),
                ("does nothing", SILENT),
                ("focus is not seen", UNSEEN),
            )
            for html in view.evaluate(script)
        ]
