"""Versions, rehearsals and updates as text and as HTML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..runtimes.version_words import age, changes_text, named
from .api import short_digest
from .pages import duration, escaped, page

_VALUE = 200
_VERDICTS = {
    "equal": ("✓", "equal"),
    "differs": ("✗", "differs"),
    "varies": ("~", "varies by itself"),
    "not_compared": ("·", "not compared"),
}
_COUNTED = {
    "differs": "differ",
    "varies": "vary by themselves",
    "not_compared": "not compared",
}
_TONES = {"equal": "ok", "differs": "no", "varies": "st", "not_compared": "un"}


def check_text(check: Mapping[str, Any]) -> str:
    """Return what a check found, in one line."""
    when = f"looked up {age(check['checked_at'])} ago"
    problem = check.get("problem")
    if check.get("withdrawn"):
        return withdrawn_text(check)
    if problem:
        return f"could not be looked up: {problem['message']} ({when})"
    if check["newer"]:
        return str(check["notice"])
    newest = named(check["running"])
    return f"{newest} is the newest · {check['source']} · {when}"


def withdrawn_text(check: Mapping[str, Any]) -> str:
    """Return why the version that runs is not to be used, and the way out."""
    told = check["withdrawn"]
    line = f"{named(check['running'])} is withdrawn: {told['reason']}"
    line += f". {check['notice']}" if check["notice"] else ""
    return f"{line} · {told['hint']}"


def check_html(check: Mapping[str, Any]) -> str:
    """Return a check as HTML."""
    tone = "go" if check["newer"] else "st" if check.get("problem") else "ok"
    tone = "st" if check.get("withdrawn") and tone == "ok" else tone
    mark = {"go": "↑", "st": "?", "ok": "✓"}[tone]
    rows = []
    for word, version in (("running", check["running"]), ("newest", check["latest"])):
        if version:
            digest = short_digest(str(version.get("digest") or ""))
            words = [f"{named(version)} @ {digest}" if digest else named(version)]
            words.append(
                f"{age(version['created_at'])} old" if version.get("created_at") else ""
            )
            size = version.get("size")
            words.append(f"{size / 1024**2:.0f} MB to fetch" if size else "")
            rows.append((word, " · ".join(filter(None, words))))
    if check["newer"]:
        rows.append(("packages", changes_text(check.get("packages"))))
        notes = str((check["latest"] or {}).get("notes") or "")
        rows += [("notes", notes)] if notes else []
    rows.append(("asked", f"{check['source']}, {age(check['checked_at'])} ago"))
    return page(
        [
            f'<div class="h"><span class="chip {tone}">{mark}</span>'
            f"<span>{escaped(check_text(check))}</span></div>",
            _list(rows),
        ]
    )


def rehearsal_line(told: Mapping[str, Any]) -> str:
    """Return what a rehearsal came to, in one line."""
    counts, times = told["counts"], told["times"]
    total = sum(counts.values())
    words = [
        f"{named(told['before'])} → {named(told['after'])}",
        f"{counts['equal']} of {total} outputs equal"
        if total
        else "no recorded runs to repeat",
    ]
    words += [f"{counts[key]} {word}" for key, word in _COUNTED.items() if counts[key]]
    if times.get("start_ms") is not None:
        words.append(f"start {times['start_ms'] / 1000:.1f} s")
    if times.get("median_after_ms") is not None:
        words.append(
            f"a run {duration(times['median_after_ms'])} "
            f"(was {duration(times['median_before_ms'])})"
        )
    words.append("nothing of yours was stopped")
    return " · ".join(words)


def rehearsal_text(told: Mapping[str, Any]) -> str:
    """Return a rehearsal for terminals."""
    lines = [rehearsal_line(told), changes_text(told["packages"])]
    lines += [
        f"{one['name']}: {one['message']}"
        for one in told["checks"]
        if one["status"] != "pass"
    ]
    for run in told["runs"]:
        mark, word = _VERDICTS[run["verdict"]]
        if run["verdict"] == "equal" and not run["reason"]:
            continue
        why = f": {run['reason']}" if run["reason"] else ""
        lines.append(f"{mark} {run['run_id']} {word}{why}")
        if run["verdict"] == "differs":
            lines += [f"    {line}" for line in _difference(run)]
    taken = sorted({name for run in told["runs"] for name in run["from_record"]})
    if taken:
        lines.append(f"not run, answered from the records: {', '.join(taken)}")
    return "\n".join(lines)


def rehearsal_html(told: Mapping[str, Any]) -> str:
    """Return a rehearsal as HTML."""
    tone, mark = ("ok", "✓") if told["passed"] else ("no", "✗")
    head = (
        f'<div class="h"><span class="chip {tone}">{mark} rehearsal</span>'
        f"<span>{escaped(rehearsal_line(told))}</span></div>"
    )
    rows = [("packages", changes_text(told["packages"]))]
    taken = sorted({name for run in told["runs"] for name in run["from_record"]})
    if taken:
        rows.append(("not run", f"{', '.join(taken)}: answered from the records"))
    parts = [head, _list(rows)]
    parts += [_run_html(run) for run in told["runs"] if run["verdict"] == "differs"]
    others = [run for run in told["runs"] if run["verdict"] != "differs"]
    if others:
        cells = "".join(
            f'<tr><td><span class="chip {_TONES[run["verdict"]]}">'
            f"{' '.join(_VERDICTS[run['verdict']])}</span></td>"
            f"<td>{escaped(run['run_id'])}</td>"
            f'<td class="v">{escaped(run["reason"])}</td></tr>'
            for run in others
        )
        parts.append(
            f"<details><summary>{len(others)} other runs</summary>"
            f"<table><tbody>{cells}</tbody></table></details>"
        )
    return page(parts)


def update_line(told: Mapping[str, Any]) -> str:
    """Return what an update did, in one line."""
    if not told["moved"]:
        return f"{told['runtime']} stays on {named(told['before'])}"
    words = [f"{named(told['before'])} → {named(told['after'])}, ready"]
    if told["built"]:
        words.append(f"built and published as {told['built']}")
    if told["layers"]:
        words.append(f"{len(told['layers'])} layers on top")
    if told["going_on"]:
        count = told["going_on"]
        words.append(f"{count} run{'' if count == 1 else 's'} still in the one before")
    words.append(f"back: %pfruntime rollback {told['runtime']}")
    return " · ".join(words)


def update_html(told: Mapping[str, Any]) -> str:
    """Return an update as HTML."""
    tone, mark = ("ok", "✓") if told["moved"] else ("st", "·")
    word = "rolled back" if told["verb"] == "rollback" else "updated"
    head = (
        f'<div class="h"><span class="chip {tone}">{mark} '
        f"{word if told['moved'] else 'nothing done'}</span>"
        f"<span>{escaped(update_line(told))}</span></div>"
    )
    parts = [head, _list([("packages", changes_text(told["packages"]))])]
    if told.get("rehearsal"):
        parts.append(rehearsal_html(told["rehearsal"]))
    return page(parts)


def notice_html(record: Mapping[str, Any]) -> str:
    """Return the notice at the top of a runtime's details; empty without one."""
    update, check = record.get("update"), record.get("version_check")
    if check and check.get("withdrawn"):
        told, where = check["withdrawn"], record.get("environment") or {}
        words = f"{named(where)} is withdrawn: {told['reason']} · {told['hint']}"
        return f'<div class="x nt">! {escaped(words)}</div>'
    if update:
        return f'<div class="x nt">↑ {escaped(update["notice"])}</div>'
    if check and check.get("problem"):
        words = f"newer versions could not be looked up: {check['problem']['message']}"
        return f'<div class="mu">{escaped(words)}</div>'
    return ""


def _run_html(run: Mapping[str, Any]) -> str:
    lines = "\n".join(_difference(run))
    return (
        f'<div class="x"><b>{escaped(run["run_id"])}</b>: {escaped(run["reason"])}'
        f"<pre>{escaped(lines)}</pre></div>"
    )


def _difference(run: Mapping[str, Any]) -> list[str]:
    lines = [f"inputs  {_short(run['inputs'])}"]
    parts = run.get("parts_at")
    if parts:
        lines.append(
            f"they part at node {parts['node']}, given {_short(parts['inputs'])}"
        )
        lines.append(f"before  {_side(parts['before'])}")
        lines.append(f"after   {_side(parts['after'])}")
    else:
        lines.append(f"before  {_side(run['before'])}")
        lines.append(f"after   {_side(run['after'])}")
    return lines


def _side(side: Mapping[str, Any]) -> str:
    error = side.get("error")
    if error:
        return f"{side['status']}: {error.get('message') or error.get('code')}"[:_VALUE]
    value = side["output"] if "output" in side else side.get("outputs")
    return _short(value) if side["status"] == "Completed" else str(side["status"])


def _short(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, default=str)
    except (TypeError, ValueError):
        text = repr(value)
    return text if len(text) <= _VALUE else text[: _VALUE - 1] + "…"


def _list(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(
        f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>"
        for name, value in rows
        if value
    )
    return f"<dl>{cells}</dl>" if cells else ""
