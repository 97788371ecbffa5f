"""The published promptflow running batches for a stopwatch, in its own interpreter.

Each line on stdin is a JSON object {"flow", "data", "mapping"}; each answer is a line
{"seconds", "lines", "peak"}: the time of one ``PFClient().run``, the lines that it
wrote, and the largest proportional set size of its processes in megabytes. Its local
service and telemetry are off, which is in its favour.
"""

import json
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from peak import Peak


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    with tempfile.TemporaryDirectory() as home:
        os.environ.update(HOME=home, PF_HOME_DIRECTORY=home)
        os.environ["PF_TRACING_SKIP_LOCAL_SETUP"] = "true"
        (Path(home) / "pf.yaml").write_text("telemetry:\n  enabled: false\n")
        from promptflow.client import PFClient

        client = PFClient()
        for line in sys.stdin:
            asked = json.loads(line)
            with Peak(os.getpid()) as peak:
                begin = time.perf_counter()
                run = client.run(
                    flow=asked["flow"],
                    data=asked["data"],
                    column_mapping=asked["mapping"],
                )
                seconds = time.perf_counter() - begin
            rows = Path(run._output_path) / "flow_outputs" / "output.jsonl"
            answer = {
                "seconds": seconds,
                "lines": len(rows.read_text(encoding="utf-8").splitlines()),
                "peak": peak.megabytes,
            }
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    main()
