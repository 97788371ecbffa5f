"""The published promptflow, answering for a stopwatch; started with its interpreter.

argv: a flow folder, and ``installed`` or ``quiet``. Each line on stdin is a JSON object
of inputs; each answer is a line ``{"ms", "outputs"}``: the time of one
``PFClient().test`` in this process. ``installed`` leaves its settings as they come;
``quiet`` switches its local service and telemetry off, which is in its favour. What it
prints goes nowhere in both.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, PF_HOME_DIRECTORY=home)
        if sys.argv[2] == "quiet":
            os.environ["PF_TRACING_SKIP_LOCAL_SETUP"] = "true"
            (Path(home) / "pf.yaml").write_text("telemetry:\n  enabled: false\n")
        from promptflow.client import PFClient

        client = PFClient()
        try:
            for line in sys.stdin:
                inputs = json.loads(line)
                begin = time.perf_counter()
                outputs = client.test(flow=sys.argv[1], inputs=inputs)
                ms = (time.perf_counter() - begin) * 1000
                answers.write(json.dumps({"ms": ms, "outputs": outputs}) + "\n")
                answers.flush()
        finally:
            # As installed it has started a service of its own, for this home.
            command = [Path(sys.executable).with_name("pf"), "service", "stop"]
            subprocess.run(command, check=False)


if __name__ == "__main__":
    main()
