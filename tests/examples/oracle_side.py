"""Runs example flows with the published promptflow; started with its interpreter.

stdin: JSON list of {"flow": folder, "inputs": {…}}. The last line of stdout: a JSON
list of {"outputs", "metrics"}. Folders are copied first, since the package writes into
them; its service and telemetry are switched off, in a home of its own.
"""

import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import ClassVar


def create_connection(client, file):
    """Create what a connection.yaml describes, its ``${env:NAME}`` filled in.

    The package wants a keyring, which few machines have that run tests.
    """
    import keyring
    from keyring.backend import KeyringBackend

    class Memory(KeyringBackend):
        priority = 9
        kept: ClassVar[dict] = {}

        def get_password(self, service, username):
            return self.kept.get((service, username))

        def set_password(self, service, username, password):
            self.kept[service, username] = password

    keyring.set_keyring(Memory())
    from promptflow._sdk._load_functions import load_connection

    text = file.read_text(encoding="utf-8")
    filled = re.sub(r"\$\{env:(\w+)\}", lambda found: os.environ[found[1]], text)
    file.write_text(filled, encoding="utf-8")
    client.connections.create_or_update(load_connection(str(file)))


def answer(client, flow, inputs):
    if (flow / "connection.yaml").exists():
        create_connection(client, flow / "connection.yaml")
    client.flows.test(flow=str(flow), inputs=inputs, dump_test_result=True)
    detail = flow / ".promptflow" / "flow.detail.json"
    run = json.loads(detail.read_text(encoding="utf-8"))["flow_runs"][0]
    return {"outputs": run["output"], "metrics": run["metrics"] or {}}


def main():
    requests = json.load(sys.stdin)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(
            HOME=home, PF_HOME_DIRECTORY=home, PF_TRACING_SKIP_LOCAL_SETUP="true"
        )
        (Path(home) / "pf.yaml").write_text("telemetry:\n  enabled: false\n")
        from promptflow.client import PFClient

        client = PFClient()
        answers = []
        for number, request in enumerate(requests):
            source = Path(request["flow"])
            flow = Path(home) / str(number) / source.name
            shutil.copytree(
                source,
                flow,
                ignore=shutil.ignore_patterns(".promptflow", "__pycache__"),
            )
            answers.append(answer(client, flow, request["inputs"]))
        sys.stdout.write("\n" + json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
