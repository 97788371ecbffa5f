"""Writes the committed answers anew: python -m tests.conformance.refresh."""

from __future__ import annotations

import json

from .case import load_cases
from .oracle import SNAPSHOT, answers_for


def main() -> None:
    """Ask the published package about every case and keep what it says."""
    cases = list(load_cases().values())
    answers, source = answers_for(cases)
    if source != "oracle":
        raise SystemExit("the published package is not at hand")
    kept = {}
    for case in sorted(cases, key=lambda case: case.id):
        results = [dict(result) for result in answers[case.key()]]
        for result in results:
            if result.get("error"):
                result["error"] = {
                    k: v for k, v in result["error"].items() if k != "trace"
                }
        kept[case.key()] = results
    rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in kept.items()]
    SNAPSHOT.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
