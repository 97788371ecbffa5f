"""The published executor, answering for a stopwatch; started with its interpreter.

Each line on stdin is a JSON object ``{"flow", "inputs"}``; each answer is a line
``{"ms", "outputs"}``: the time of one ``FlowExecutor.exec_line`` in this process, its
executor made beforehand, its settings as they come. What it logs goes nowhere.
"""

import json
import os
import sys
import time
from pathlib import Path


def main():
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    try:
        from promptflow.executor import FlowExecutor
    except Exception as error:
        answers.write(json.dumps({"error": repr(error)}) + "\n")
        return

    made = {}
    for line in sys.stdin:
        asked = json.loads(line)
        flow = Path(asked["flow"])
        if flow not in made:
            made[flow] = FlowExecutor.create(flow, {}, working_dir=flow.parent)
        executor = made[flow]
        begin = time.perf_counter()
        result = executor.exec_line(asked["inputs"])
        ms = (time.perf_counter() - begin) * 1000
        answers.write(json.dumps({"ms": ms, "outputs": result.output}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
