"""Kernels of a server ask it, each with a token of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

API = "pf/api/"


class Kernel:
    """A kernel that a server started, as a front end talks to it."""

    def __init__(self, server):
        self.server = server
        status, _, made = server.ask("POST", "api/kernels", {"name": "python3"})
        assert status == 201, made
        self.id = made["id"]
        file = server.folder / "runtime" / f"kernel-{self.id}.json"
        self.client = BlockingKernelClient(connection_file=str(file))
        self.client.load_connection_file()
        # no heartbeat: a busy machine may miss beats of a kernel that is well
        self.client.start_channels(hb=False)
        self.client.wait_for_ready(timeout=240)

    def run(self, code):
        """Return all that a cell shows, as text."""
        shown = []

        def hook(message):
            content = message["content"]
            data = content.get("data") or {}
            shown.append(content.get("text") or data.get("text/plain") or "")
            shown.extend(content.get("traceback") or [])

        self.client.execute_interactive(code, output_hook=hook, timeout=240)
        return "".join(shown)

    def end(self):
        self.client.stop_channels()
        self.server.ask("DELETE", f"api/kernels/{self.id}")


@pytest.fixture(scope="module")
def kernel(server):
    made = Kernel(server)
    made.run("import pf_jupyter as pf; ws = pf.connect()")
    made.run("%load_ext pf_jupyter")
    yield made
    made.end()


def test_it_works_with_the_server_and_holds_no_engine_itself(server, kernel):
    assert server.url in kernel.run("ws")
    assert "Hello, Ana!" in kernel.run(
        "ws.runtimes.get('demo').run('hello', name='Ana').outputs"
    )
    used = kernel.run(
        "import sys; print([m for m in sys.modules if m in "
        "('docker', 'pf_jupyter.engines.docker', 'jupyter_server', 'pydantic')])"
    )
    assert used.strip() == "[]"


def test_magics_do_what_they_do_without_a_server(kernel):
    assert "demo" in kernel.run("%pfruntime list")
    assert "is in use" in kernel.run("%pfruntime use demo")
    node = (
        "%%pfnode shout\nfrom promptflow.core import tool\n@tool\n"
        "def shout(text: str) -> str:\n    return text.upper() + '!'\n"
    )
    assert "checked in demo" in kernel.run(node)
    assert "HELLO!" in kernel.run("%pfflow run shout text=hello")
    wrong = kernel.run("%pfruntime show dmeo")
    assert "there is no runtime 'dmeo'" in wrong
    assert "did you mean 'demo'?" in wrong


def test_the_command_line_in_a_kernel_asks_the_server_too(kernel):
    code = (
        "import subprocess, sys; print(subprocess.run([sys.executable, '-m', "
        "'pf_jupyter.cli', 'doctor'], capture_output=True, text=True).stdout)"
    )
    assert "what follows is seen from there" in kernel.run(code)


def test_its_token_is_good_for_our_routes_and_no_others(server, kernel):
    token = kernel.run("import os; print(os.environ['PF_JUPYTER_TOKEN'])").strip()
    assert server.ask("GET", API + "runtimes", token=token)[0] == 200
    for path in ("api/contents", "api/kernels", "api/sessions"):
        assert server.ask("GET", path, token=token)[0] == 403
    status, _, said = server.ask("GET", API + "tokens", token=token)
    assert (status, said["kind"]) == (403, "Refused")
    _, _, found = server.ask("GET", API + "tokens")
    assert [item["kernel"] for item in found["tokens"]] == [kernel.id]
    assert token not in str(found)
    files = (server.home / "server" / "tokens").iterdir()
    assert not any(token in file.read_text() for file in files)


def test_a_token_ends_with_its_kernel_or_when_it_is_taken_back(server):
    ended, taken = Kernel(server), Kernel(server)
    show = "import os; print(os.environ['PF_JUPYTER_TOKEN'])"
    tokens = [kernel.run(show).strip() for kernel in (ended, taken)]
    assert len(set(tokens)) == 2
    ended.end()
    assert server.ask("GET", API + "status", token=tokens[0])[0] == 403
    assert server.ask("GET", API + "status", token=tokens[1])[0] == 200
    _, _, found = server.ask("GET", API + "tokens")
    (key,) = [t["id"] for t in found["tokens"] if t["kernel"] == taken.id]
    assert server.ask("DELETE", f"{API}tokens/{key}")[0] == 204
    assert server.ask("GET", API + "status", token=tokens[1])[0] == 403
    assert server.ask("DELETE", f"{API}tokens/{key}")[0] == 404
    taken.end()


def test_a_server_that_is_gone_is_told_in_one_line(tmp_path):
    code = (
        "import pf_jupyter as pf; ws = pf.connect(); again = pf.connect(); "
        "print(type(ws).__name__, ws is again)"
    )
    environment = {
        **os.environ,
        "PF_JUPYTER_SERVER": "http://127.0.0.1:9/",
        "PF_JUPYTER_TOKEN": "pfk_x",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    assert done.stdout.split() == ["LocalWorkspace", "True"]
    (line,) = done.stderr.splitlines()
    assert line.startswith("pf_jupyter works in this process alone: ")
    assert "127.0.0.1:9" in line
