"""The published promptflow, answering for a stopwatch; started with its interpreter.

argv: a flow folder. Each line on stdin is a JSON object of inputs; each answer is a
line ``{"ms", "outputs"}``: the time of one ``PFClient().test`` in this process. Its
local service, telemetry and printing are switched off, which is in its favour.
"""

import contextlib
import json
import os
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
        os.environ.update(
            HOME=home, PF_HOME_DIRECTORY=home, PF_TRACING_SKIP_LOCAL_SETUP="true"
        )
        (Path(home) / "pf.yaml").write_text("telemetry:\n  enabled: false\n")
        from promptflow.client import PFClient

        client = PFClient()
        for line in sys.stdin:
            inputs = json.loads(line)
            with contextlib.redirect_stdout(None):
                begin = time.perf_counter()
                outputs = client.test(flow=sys.argv[1], inputs=inputs)
                ms = (time.perf_counter() - begin) * 1000
            answers.write(json.dumps({"ms": ms, "outputs": outputs}) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
