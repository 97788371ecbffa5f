"""Writes what conformance was found: rules covered, equal, different, why."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

from .differences import ALLOWED, EVERYWHERE
from .rules import RULES
from .verdict import Verdict


def summarise(verdicts: dict[str, Verdict], source: str) -> dict[str, Any]:
    """Return the report as JSON data."""
    by_rule: dict[str, list[str]] = defaultdict(list)
    by_difference: dict[str, list[str]] = defaultdict(list)
    for name, verdict in verdicts.items():
        for rule in verdict.case.rules:
            by_rule[rule].append(name)
        for difference in sorted(verdict.used):
            by_difference[difference].append(name)
    different = {n: v.explain() for n, v in verdicts.items() if not v.equal}
    return {
        "answers": source,
        "cases": len(verdicts),
        "runs": sum(len(v.case.runs) for v in verdicts.values()),
        "equal": len(verdicts) - len(different),
        "different": different,
        "allowed": {name: sorted(ids) for name, ids in sorted(by_difference.items())},
        "rules": len(RULES),
        "covered": {rule: len(by_rule[rule]) for rule in RULES if rule in by_rule},
        "uncovered": [rule for rule in RULES if rule not in by_rule],
    }


def as_markdown(summary: dict[str, Any]) -> str:
    """Return the report for reading."""
    reasons = {**{name: reason for name, (_, reason) in ALLOWED.items()}, **EVERYWHERE}
    lines = [
        "# Conformance with promptflow 1.18.5",
        "",
        f"{summary['cases']} cases, {summary['runs']} runs:"
        f" {summary['equal']} cases equal, {len(summary['different'])} different.",
        f"{len(summary['covered'])} of {summary['rules']} rules are named by a case.",
        f"Their answers come from the {summary['answers']}.",
        "",
        "## Wanted differences",
        "",
        "| id | cases | reason |",
        "|---|---|---|",
    ]
    for name, cases in summary["allowed"].items():
        lines.append(f"| {name} | {len(cases)} | {reasons[name]} |")
    lines += ["", "## Different", ""]
    for name, text in summary["different"].items():
        first, *rest = text.splitlines() or [""]
        lines.append(f"- **{name}**: {first[:300]}")
        lines += [f"  - {line[:300]}" for line in rest]
    lines += ["", "## Rules no case names", ""]
    lines += [f"- `{rule}` {RULES[rule]}" for rule in summary["uncovered"]]
    lines += ["", "## Rules covered", "", "| rule | cases | |", "|---|---|---|"]
    lines += [
        f"| `{rule}` | {count} | {RULES[rule]} |"
        for rule, count in summary["covered"].items()
    ]
    return "\n".join(lines) + "\n"


def write(verdicts: dict[str, Verdict], source: str, folder: Path) -> dict[str, Any]:
    """Write conformance.json and conformance.md into ``folder``."""
    summary = summarise(verdicts, source)
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=1, ensure_ascii=False)
    (folder / "conformance.json").write_text(text, encoding="utf-8")
    (folder / "conformance.md").write_text(as_markdown(summary), encoding="utf-8")
    return summary
