"""A panel in a real browser without Jupyter: our module, and a model as anywidget's.

The page has nothing else on it: what is measured and looked at is ours. What is
clicked goes to the panel in this process, what the panel sends goes to the page.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pf_jupyter.widgets.assets import module, style

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAGE = """<!doctype html><html lang="en"><head><title>stage</title>
<style>%s</style><style>body{margin:0;padding:16px;background:var(--b)}
[data-jp-theme-light="false"]
{--b:#111;--jp-layout-color1:#111;--jp-ui-font-color0:#fff}
[data-jp-theme-light="true"]
{--b:#fff;--jp-layout-color1:#fff;--jp-ui-font-color0:#000}
</style></head><body data-jp-theme-light="true"><main id="place"></main></body>"""
MODEL = """(source) => {
  const handlers = {};
  const state = {html: ""};
  const fire = (name, ...args) =>
    (handlers[name] ?? []).slice().forEach((h) => h(...args));
  window.model = {
    get: (name) => state[name],
    on: (name, handler) => (handlers[name] ??= []).push(handler),
    off: (name, handler) => {
      handlers[name] = (handlers[name] ?? []).filter((h) => h !== handler);
    },
    send: (content) => window.toKernel(JSON.stringify(content)),
  };
  window.fromKernel = (messages) => {
    for (const message of messages) {
      if ("html" in message) {
        state.html = message.html;
        fire("change:html");
      } else fire("msg:custom", message);
    }
  };
  return import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))
    .then((m) => { window.pf = m; });
}"""


class Stage:
    """A page with one panel on it."""

    def __init__(self, page: Any, panel: Any) -> None:
        self.page, self.panel = page, panel
        self.outbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.errors: list[str] = []
        self.raw: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.set_content(PAGE % style())
        page.expose_function("toKernel", self._told)
        page.evaluate(MODEL, module())
        panel.observe(lambda change: self.outbox.put({"html": change["new"]}), "html")
        panel.send = self.outbox.put
        self.outbox.put({"html": panel.html})
        self.pump()
        page.evaluate(
            "() => { window.end = window.pf.default.render("
            "{model: window.model, el: document.getElementById('place')}); }"
        )

    @property
    def told(self) -> list[str]:
        """What the page has asked for, in its order."""
        return [json.loads(content)["do"] for content in self.raw]

    def _told(self, content: str) -> None:
        self.raw.append(content)
        self.panel._handle_custom_msg(json.loads(content), [])

    def pump(self) -> None:
        """Give the page what the panel has sent since the last time."""
        messages = []
        while not self.outbox.empty():
            messages.append(self.outbox.get())
        if messages:
            self.page.evaluate("(messages) => window.fromKernel(messages)", messages)

    def until(self, condition: Callable[[], Any]) -> None:
        """Pass messages on until something is so."""
        for _ in range(3000):
            self.panel.flush()
            self.pump()
            if condition():
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"never so; errors of the page: {self.errors}")

    def settle(self) -> None:
        """Wait until the panel has no work and the page shows its last view."""
        self.panel.settle()
        self.until(lambda: not any(self.panel._works.values()))
        self.page.evaluate("() => new Promise((r) => requestAnimationFrame(() => r()))")

    def theme(self, name: str) -> None:
        light = json.dumps(name == "light")
        script = f"document.body.setAttribute('data-jp-theme-light', '{light}')"
        self.page.evaluate(script)


def browser_path() -> str | None:
    """Return a Chromium of this machine, None without one."""
    given = os.environ.get("PF_CHROMIUM")
    found = [given] if given else [shutil.which(name) for name in CHROMIUM]
    return next((path for path in found if path), None)


@contextmanager
def browser() -> Iterator[Any]:
    """Yield a real browser."""
    from playwright.sync_api import sync_playwright

    path = browser_path()
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        try:
            yield found
        finally:
            found.close()
