"""A real JupyterLab, and one page of a real browser that shows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

ROOT = Path(__file__).parents[2]
BUNDLE = ROOT / "pf_jupyter" / "labextension"
SHOTS = Path(os.environ.get("PF_UI_SHOTS", ROOT / "build" / "screenshots"))
TOKEN = "a-token-of-jupyter"
BASE = "/user/ann/"
PATIENCE = float(os.environ.get("PF_UI_PATIENCE", "90"))
"""Seconds that a condition is waited for: machines that run tests are busy."""

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--disable-dev-shm-usage", "--force-device-scale-factor=1"),
)
OURS = ("labextensions/pf-jupyter", "blob:")
"""In what a script complains of: our bundle, and modules that widgets bring along.
JupyterLab's own complaints are its own."""

THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Return the first true value of a condition."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"in {seconds:.0f} s: {what}"
        time.sleep(0.05)


def browser_path() -> str | None:
    """Return a Chromium of this machine, None without one."""
    given = os.environ.get("PF_CHROMIUM")
    found = [given] if given else [shutil.which(name) for name in CHROMIUM]
    return next((path for path in found if path), None)


class LabServer:
    """One ``jupyter lab`` under a base URL, with our extension and nobody's settings.

    Parameters
    ----------
    folder
        For all that it writes.
    docker_host
        The engine that it uses; None for none at all.
    settings
        Added to its command line.
    """

    def __init__(
        self, folder: Path, docker_host: str | None = None, settings: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.root = folder / "root"
        self.root.mkdir(parents=True)
        self.docker_host = docker_host
        self.settings = list(settings)
        self.headers: dict[str, str] = {}
        self.variables: dict[str, str] = {}
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{BASE}"

    def environment(self) -> dict[str, str]:
        """Return the environment of the server and of commands beside it."""
        share = self.folder / "share"
        extensions = share / "labextensions"
        extensions.mkdir(parents=True, exist_ok=True)
        if BUNDLE.is_dir() and not (extensions / "pf-jupyter").exists():
            # as an installation has it, whether the package is installed or not
            shutil.copytree(BUNDLE, extensions / "pf-jupyter")
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        environment = {
            **os.environ,
            "PYTHONPATH": path.rstrip(os.pathsep),
            "PF_JUPYTER_HOME": str(self.home),
            "DOCKER_HOST": self.docker_host or "unix:///nowhere/docker.sock",
            "JUPYTER_PATH": str(share),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            "JUPYTERLAB_SETTINGS_DIR": str(self.folder / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self.folder / "workspaces"),
            "IPYTHONDIR": str(self.folder / "ipython"),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        }
        for name in [n for n in environment if n.startswith("PF_JUPYTER_SERVER")]:
            del environment[name]
        environment.pop("PF_JUPYTER_TOKEN", None)
        return {**environment, **self.variables}

    def start(self) -> LabServer:
        # its news would lie over what is looked at
        self.setting("@jupyterlab/apputils-extension", "notification").update(
            {"fetchNews": "false", "checkForUpdates": False}
        )
        self._write_settings()
        command = [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            *("--ServerApp.jpserver_extensions=pf_jupyter=True",),
            *("--ServerApp.jpserver_extensions=notebook=False",),
            *("--ServerApp.jpserver_extensions=jupyter_lsp=False",),
            f"--ServerApp.base_url={BASE}",
            f"--ServerApp.port={self.port}",
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.root}",
            "--LabApp.expose_app_in_browser=True",
            *self.settings,
        ]
        if not any("dentity" in word for word in self.settings):
            command.append(f"--IdentityProvider.token={TOKEN}")
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment(), stdout=log, stderr=log, cwd=self.root
            )
        wait_for(self._is_up, "the server is up", 200)
        return self

    def setting(self, package: str, plugin: str) -> dict[str, Any]:
        """Return a plugin's settings, to be changed before the start."""
        self._settings = getattr(self, "_settings", {})
        return self._settings.setdefault(f"{package}/{plugin}.jupyterlab-settings", {})

    def _write_settings(self) -> None:
        for name, values in self._settings.items():
            file = self.folder / "settings" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        file = self.folder / "runtime" / f"jpserver-{self.process.pid}.json"
        try:
            self.port = json.loads(file.read_text())["port"]
        except (OSError, ValueError):
            return False
        try:
            return self.ask("GET", "pf/api/status")[0] == 200
        except OSError:
            return False

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        """Return status and document of one request with Jupyter's token."""
        import http.client

        every = {"Authorization": f"token {TOKEN}", **self.headers, **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            every["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=200)
        try:
            connection.request(method, BASE + path, data, every)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        try:
            return response.status, json.loads(content) if content else None
        except ValueError:
            return response.status, content

    def done(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        """Return an operation (the answer to a POST of long work) once it has ended."""

        def ended() -> Any:
            found = self.ask("GET", f"pf/api/operations/{operation['id']}")[1]
            return found if found["state"] != "running" else None

        found: dict[str, Any] = wait_for(ended, f"operation {operation} ends", 600)
        return found

    def log(self) -> str:
        try:
            return (self.folder / "server.log").read_text(errors="replace")
        except OSError:
            return ""

    def stop(self) -> None:
        """End the server, and all runtimes that were made with it."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._remove_runtimes()

    def _remove_runtimes(self) -> None:
        code = (
            "from pf_jupyter.workspace.local import LocalWorkspace as W\n"
            "import pathlib, sys\n"
            "w = W(pathlib.Path(sys.argv[1]))\n"
            "for r in w.runtimes.list(): r.delete()\n"
            "w.close()"
        )
        subprocess.run(
            [sys.executable, "-c", code, str(self.home)],
            env=self.environment(),
            timeout=120,
            check=False,
        )


class Lab:
    """JupyterLab in one page of a browser, the way a person has it before them.

    Parameters
    ----------
    server
        The server behind it.
    page
        A playwright page of a context of its own.

    Attributes
    ----------
    page, server
        As given; ``page`` is for all that is not here.
    complaints
        What scripts of ours, and their modules, reported as errors.
    refused
        Answers of 400 and above: ``(status, URL)``.
    """

    def __init__(self, server: LabServer, page: Any) -> None:
        self.server = server
        self.page = page
        self.complaints: list[str] = []
        self.refused: list[tuple[int, str]] = []
        page.set_default_timeout(PATIENCE * 1000)
        page.on("pageerror", self._failed)
        page.on("console", self._console)
        page.on("response", self._response)

    # the whole of it

    def open(self, path: str = "lab") -> Lab:
        """Load JupyterLab and wait until it has restored itself."""
        mark = "&" if "?" in path else "?"
        self.page.goto(f"{self.server.url}{path}{mark}token={TOKEN}")
        self.page.wait_for_function("() => window.jupyterapp !== undefined")
        self.page.evaluate("() => window.jupyterapp.restored.then(() => null)")
        return self

    def reset(self) -> None:
        """Close what is open, end kernels and forget complaints; panels stay."""
        self.page.keyboard.press("Escape")
        self.page.evaluate(
            """async () => {
                const app = window.jupyterapp;
                document.querySelectorAll('.jp-Dialog .jp-mod-reject')
                    .forEach(button => button.click());
                for (const widget of Array.from(app.shell.widgets('main'))) {
                    if (widget.context) { widget.context.model.dirty = false; }
                    widget.dispose();
                }
                app.shell.collapseLeft();
                await app.serviceManager.sessions.shutdownAll();
            }"""
        )
        self.size(1280, 800)
        self.complaints.clear()
        self.refused.clear()

    def run(self, command: str, args: Any = None, *, wait: bool = True) -> None:
        """Execute a command of JupyterLab by its id.

        One that opens a dialog is over when that is closed: do not wait for it.
        """
        self.page.evaluate(
            "([id, args, wait]) => {"
            " const done = window.jupyterapp.commands.execute(id, args);"
            " return wait ? done.then(() => null) : null; }",
            [command, args or {}, wait],
        )

    def theme(self, name: str) -> None:
        """Show ``light`` or ``dark``."""
        self.run("apputils:change-theme", {"theme": THEMES[name]})
        self.page.wait_for_function(
            "light => document.body.dataset.jpThemeLight === light",
            arg="true" if name == "light" else "false",
        )

    def size(self, width: int, height: int = 800) -> None:
        """Make the window that many pixels wide and high."""
        self.page.set_viewport_size({"width": width, "height": height})

    # notebooks

    def notebook(
        self, *cells: str, name: str | None = None, metadata: Any = None
    ) -> str:
        """Write a notebook, open it, wait for its kernel; return its name."""
        made = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={
                "kernelspec": {"name": "python3", "display_name": "Python 3"},
                **(metadata or {}),
            },
        )
        name = name or f"n-{uuid.uuid4().hex[:8]}.ipynb"
        nbformat.write(made, self.server.root / name)
        self.document(name)
        self.idle()
        return name

    def document(self, path: str, factory: str | None = None) -> None:
        """Open a file of the server's root folder."""
        args = {"path": path} | ({"factory": factory} if factory else {})
        self.run("docmanager:open", args)

    def idle(self) -> None:
        """Wait until the kernel of the notebook in front has nothing to do."""
        self.page.wait_for_function(
            """() => {
                const panel = window.jupyterapp.shell.currentWidget;
                const session = panel && panel.sessionContext;
                return session && session.isReady && session.session &&
                    session.session.kernel && session.session.kernel.status === 'idle';
            }"""
        )

    def run_all(self) -> None:
        """Run all cells of the notebook in front and wait for the last one."""
        self.run("notebook:run-all-cells")

    def output(self, cell: int = -1) -> Any:
        """Return the locator of a cell's outputs in the notebook in front."""
        found = self.page.locator(
            ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .jp-OutputArea"
        )
        return found.last if cell == -1 else found.nth(cell)

    def settled(self, locator: Any) -> None:
        """Wait until something on the page stops moving and changing its size."""
        before: list[Any] = [None]

        def same() -> bool:
            box = locator.bounding_box()
            self.page.wait_for_timeout(60)
            now, before[0] = (box == before[0] and box is not None), box
            return now

        wait_for(same, "it stands still")

    # looking

    def shot(self, name: str, of: Any = None, *, doc: bool = False) -> Path:
        """Keep a picture of the page, or of one locator, as an artefact.

        Parameters
        ----------
        name
            File name without its ending.
        of
            A locator; None for the whole window.
        doc
            Also shown in the documentation: ``PF_UI_DOCS=1`` writes it there.
        """
        SHOTS.mkdir(parents=True, exist_ok=True)
        file = SHOTS / f"{name}.png"
        (of or self.page).screenshot(path=file, animations="disabled")
        if doc and os.environ.get("PF_UI_DOCS") == "1":
            place = ROOT / "docs" / "images"
            place.mkdir(exist_ok=True)
            shutil.copyfile(file, place / file.name)
        return file

    def check_accessible(self, selector: str) -> None:
        """Fail when axe-core finds something serious in what a selector shows."""
        from axe_playwright_python.sync_playwright import Axe

        assert self.page.locator(selector).count(), f"there is no {selector}"
        found = Axe().run(self.page, context=selector).response["violations"]
        serious = [
            f"{item['id']}: {item['help']}: {node['html'][:200]}"
            for item in found
            if item["impact"] in ("serious", "critical")
            for node in item["nodes"]
        ]
        assert not serious, "\n".join(serious)

    def check_quiet(self) -> None:
        """Fail when a script of ours failed, or a request was answered with 500."""
        assert not self.complaints, self.complaints
        broken = [url for status, url in self.refused if status >= 500]
        assert not [url for url in broken if "/pf/" in url], broken

    def _failed(self, error: Any) -> None:
        told = f"{error}\n{getattr(error, 'stack', '')}"
        if any(mark in told for mark in OURS):
            self.complaints.append(told)

    def _console(self, message: Any) -> None:
        # a request that was refused is told by its URL, in `refused`
        if message.type == "error" and "Failed to load resource" not in message.text:
            told = f"{message.text}\n{message.location}"
            if any(mark in told for mark in OURS):
                self.complaints.append(told)

    def _response(self, response: Any) -> None:
        if response.status >= 400:
            self.refused.append((response.status, response.url))


@contextmanager
def browser() -> Iterator[Any]:
    """Give a browser without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        opened = driver.chromium.launch(
            executable_path=browser_path(), args=list(FLAGS), headless=True
        )
        try:
            yield opened
        finally:
            opened.close()
