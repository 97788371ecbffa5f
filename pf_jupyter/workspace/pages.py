"""Runs and runtimes as HTML: self-contained, escaped, at home on light and dark pages.

What is shown is bounded; the object holds all of it.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..flow.flex import entry_name
from ..flow.model import Flow
from .api import NodeResult, Picture, short_digest
from .pictures import pictures
from .traces import tokens_text

if TYPE_CHECKING:
    from .result import LocalRunResult

_MARKS = {
    "Completed": "✓",
    "Failed": "✗",
    "Canceled": "■",
    "Interrupted": "■",
    "Running": "▸",
    "Bypassed": "↷",
    "NotStarted": "·",
}
_TONES = {
    "Completed": "ok",
    "ready": "ok",
    "Failed": "no",
    "failed": "no",
    "Canceled": "st",
    "Interrupted": "st",
    "Running": "go",
    "busy": "go",
    "creating": "go",
    "starting": "go",
    "stopping": "go",
}
# what HTML cannot hold is shown as a replacement character
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_VALUE_LIMIT = 20_000
_PREVIEW_LIMIT = 200
_LINE_LIMIT = 80
_LOG_LIMIT = 4_000

# Jupyter's and VS Code's own colours where there are some, ours where there are not.
_STYLE = """
.pfr{--f:#1f2328;--m:#6e7781;--l:#d0d7de;--t:rgba(128,128,128,.09);
--fg:var(--jp-ui-font-color1,var(--vscode-foreground,var(--f)));
--mu:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,var(--m)));
--ln:var(--jp-border-color2,var(--vscode-panel-border,var(--l)));
--ok:#2e9e4f;--no:#e0443e;--go:#2f81f7;--st:#c9820a;
--mono:var(--jp-code-font-family,ui-monospace,SFMono-Regular,Menlo,Consolas,monospace);
color:var(--fg);font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);
max-width:1000px}
@media(prefers-color-scheme:dark){.pfr{--f:#e6edf3;--m:#9da7b3;--l:#3d444d}}
.pfr *{box-sizing:border-box}
.pfr .h{display:flex;flex-wrap:wrap;gap:2px 14px;align-items:baseline;margin:2px 0 6px}
.pfr .chip{font-weight:600;color:var(--a);white-space:nowrap}
.pfr .mu{color:var(--mu)}
.pfr .ok{--a:var(--ok)}.pfr .no{--a:var(--no)}.pfr .go{--a:var(--go)}
.pfr .st{--a:var(--st)}.pfr .un{--a:var(--mu)}
.pfr .g{overflow-x:auto;margin:0 0 8px}
.pfr .g svg{display:block;max-width:100%;height:auto}
.pfr .x{border-left:3px solid var(--no);background:var(--t);padding:7px 12px;
margin:0 0 8px;border-radius:0 4px 4px 0}
.pfr .x b{color:var(--no)}
.pfr .nt{border-left-color:var(--go)}
.pfr dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:4px 16px;
margin:0 0 8px}
.pfr dt{color:var(--mu);margin:0;padding:3px 0;font-weight:400}
.pfr dd{margin:0;min-width:0}
.pfr pre{font:12.5px/1.5 var(--mono);margin:0;padding:3px 8px;white-space:pre-wrap;
overflow-wrap:anywhere;background:var(--t);border:0;border-radius:4px;color:inherit;
max-height:24em;overflow:auto}
.pfr .x pre{background:none;padding:4px 0 0}
.pfr dd img{display:block;max-width:min(100%,420px);max-height:320px;margin:4px 0 0}
.pfr details{margin:0 0 4px}
.pfr summary{cursor:pointer;color:var(--mu)}
.pfr table{border-collapse:collapse;width:100%;margin:4px 0 0;font-size:12.5px}
.pfr th,.pfr td{text-align:left;vertical-align:top;padding:4px 18px 4px 0;border:0;
border-top:1px solid var(--ln);background:none}
.pfr tr{background:none!important}
.pfr th{color:var(--mu);font-weight:400;border-top:0}
.pfr td.r,.pfr th.r{text-align:right;white-space:nowrap;
font-variant-numeric:tabular-nums}
.pfr td.v{width:100%;overflow-wrap:anywhere}
.pfr td.v code{font:12px/1.5 var(--mono);background:none;color:inherit;padding:0}
""".replace("\n", "")


def picture_of(
    flow: Flow,
    states: Mapping[str, Mapping[str, Any]],
    folded: Collection[str] = (),
) -> Picture:
    """Return a flow's picture in both forms, its nodes coloured by their states."""
    from ..flow.layout import lay_out, svg, text

    shown = lay_out(flow, folded)
    return Picture(svg=svg(shown, states), text=text(shown, states))


def result_html(result: LocalRunResult) -> str:
    """Return a run as HTML: its picture, outputs, error and nodes."""
    parts = [_head(result)]
    flow = result.flow
    if flow is not None and result.record.mode != "node":
        states: dict[str, dict[str, Any]] = {
            name: {
                "status": node.status,
                "duration_ms": node.duration_ms,
                "note": f"from run {node.cached_run_id}" if node.cached_run_id else "",
            }
            for name, node in result.nodes.items()
        }
        if flow.kind != "dag":
            own = {"status": result.status, "duration_ms": result.duration_ms}
            states = {entry_name(flow): own}
        parts.append(f'<div class="g">{picture_of(flow, states).svg}</div>')
    if result.error:
        parts.append(_error(result.error))
    kept = frozenset((result.record.document or {}).get("artifacts") or ())
    parts.append(_values(_outputs(result), kept))
    if result.metrics:
        metrics = {f"metric {name}": v for name, v in result.metrics.items()}
        parts.append(_values(metrics))
    if result.nodes:
        parts.append(_nodes(result))
        parts.append(_trace(result))
    return page(parts)


def runtime_html(record: Mapping[str, Any]) -> str:
    """Return a runtime as HTML.

    Parameters
    ----------
    record
        What `Runtime.to_dict` returns.
    """
    state = str(record["state"])
    tone = _TONES.get(state, "un")
    head = [
        f'<span class="chip {tone}">● {escaped(state)}</span>',
        f"<b>{escaped(record['name'])}</b>",
    ]
    if record.get("phase") and record.get("elapsed") is not None:
        phase = f"{record['phase']}, {record['elapsed']:.0f} s"
        head.append(f'<span class="mu">{escaped(phase)}</span>')
    from .update_page import notice_html

    parts = [notice_html(record), f'<div class="h">{"".join(head)}</div>']
    if record.get("error"):
        parts.append(_error(record["error"]))
    rows = "".join(
        f"<dt>{escaped(name)}</dt><dd>{escaped(value)}</dd>"
        for name, value in _facts(record)
        if value
    )
    parts.append(f"<dl>{rows}</dl>")
    return page(parts)


def page(parts: Iterable[str]) -> str:
    """Return parts as one self-contained page."""
    body = "".join(part for part in parts if part)
    return f'<div class="pfr"><style>{_STYLE}</style>{body}</div>'


def _head(result: LocalRunResult) -> str:
    mark = _MARKS.get(result.status, "·")
    tone = _TONES.get(result.status, "un")
    title = result.record.flow
    if result.record.node:
        word = "node" if result.record.mode == "node" else "from"
        title += f" · {word} {result.record.node}"
    if result.record.variant:
        title += f" · {result.record.variant}"
    environment = result.environment
    place = [result.runtime]
    if environment.digest:
        digest = short_digest(environment.digest)
        place.append(f"{environment.name}:{environment.version} @ {digest}")
    return (
        '<div class="h">'
        f'<span class="chip {tone}">{mark} {escaped(result.status)}</span>'
        f"<b>{escaped(title)}</b>"
        f"<span>{duration(result.duration_ms)}</span>"
        f'<span class="mu">{escaped(" · ".join(place))}</span>'
        f'<span class="mu">{escaped(result.run_id)}</span></div>'
    )


def _error(error: Mapping[str, Any]) -> str:
    node = f" in node {escaped(error['node'])}" if error.get("node") else ""
    lines = [
        f"<b>{escaped(error.get('code') or 'error')}</b>{node}: "
        f"{escaped(error.get('message') or '')}"
    ]
    if error.get("traceback"):
        lines.append(
            f"<pre>{escaped(str(error['traceback']).strip(), _LOG_LIMIT)}</pre>"
        )
    if error.get("hint"):
        lines.append(f'<div class="mu">hint: {escaped(error["hint"])}</div>')
    return f'<div class="x">{"".join(lines)}</div>'


def _outputs(result: LocalRunResult) -> Mapping[str, Any]:
    alone = result.record.mode == "node"
    if alone and result.record.node and result.record.node in result.nodes:
        node = result.nodes[result.record.node]
        return {"output": node.output} if node.status == "Completed" else {}
    return result.outputs or {}


def _values(values: Mapping[str, Any], files: Collection[str] = ()) -> str:
    rows = "".join(
        f"<dt>{escaped(name)}</dt>"
        f"<dd><pre>{escaped(_written(value), _VALUE_LIMIT)}</pre>"
        f"{pictures(value, files) if files else ''}</dd>"
        for name, value in values.items()
    )
    return f"<dl>{rows}</dl>" if rows else ""


def _nodes(result: LocalRunResult) -> str:
    failed = result.status != "Completed"
    rows = "".join(_row(node) for node in result.nodes.values())
    count = len(result.nodes)
    return (
        f"<details{' open' if failed else ''}>"
        f"<summary>{count} node{'' if count == 1 else 's'}</summary>"
        '<table><thead><tr><th>node</th><th>status</th><th class="r">time</th>'
        f"<th>output</th></tr></thead><tbody>{rows}</tbody></table></details>"
    )


def _trace(result: LocalRunResult) -> str:
    trace = result.trace
    tokens = tokens_text(trace.tokens)
    words = f"trace · {len(trace)} spans" + (f" · {tokens}" if tokens else "")
    return f"<details><summary>{escaped(words)}</summary>{trace.html()}</details>"


def _row(node: NodeResult) -> str:
    tone = _TONES.get(node.status, "un")
    mark = _MARKS.get(node.status, "·")
    if node.error and node.status == "Failed":
        shown = f"{node.error.get('code')}: {node.error.get('message')}"
    elif node.status == "Completed":
        shown = " ".join(_written(node.output).split())
    else:
        shown = ""
    source = node.cached_run_id
    note = f'<div class="mu">from run {escaped(source)}</div>' if source else ""
    inner = note
    if shown:
        inner += f"<code>{escaped(shown, _PREVIEW_LIMIT)}</code>"
    for stream in ("stdout", "stderr"):
        written = node.logs.get(stream)
        if written:
            text = escaped(str(written)[-_LOG_LIMIT:].strip("\n"))
            inner += f"<details><summary>{stream}</summary><pre>{text}</pre></details>"
    return (
        f'<tr><td>{escaped(node.name)}</td><td><span class="chip {tone}">{mark} '
        f'{escaped(node.status)}</span></td><td class="r">{duration(node.duration_ms)}'
        f'</td><td class="v">{inner}</td></tr>'
    )


def _facts(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    environment = record.get("environment")
    limits = record.get("limits") or {}
    bounds = []
    if limits.get("cpus"):
        bounds.append(f"{limits['cpus']:g} CPU")
    if limits.get("memory"):
        bounds.append(f"{limits['memory'] / 1024**3:.3g} GB")
    if limits.get("pids"):
        bounds.append(f"{limits['pids']} processes")
    where = str(record.get("engine") or "")
    if not record.get("isolated", True):
        where += ", a process of this machine: does not isolate"
    container = str(record.get("container_id") or "")[:12]
    return [
        ("where", where),
        (
            "environment",
            f"{environment['name']}:{environment['version']} @ "
            f"{short_digest(environment['digest'])}"
            if environment
            else "",
        ),
        ("python", str(record.get("python") or "")),
        ("container", container),
        ("limits", ", ".join(bounds)),
        ("network", "none" if record.get("network") == "none" else ""),
        (
            "file system",
            "writable, as root; a capture keeps what is installed in it"
            if record.get("profile") == "writable"
            else "",
        ),
        ("kind", str(record.get("kind") or "")),
        ("owner", str(record.get("owner") or "")),
        ("started", str(record.get("started_at") or "")[:19].replace("T", " ")),
    ]


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    try:
        short = json.dumps(value, ensure_ascii=False, default=str)
        if len(short) <= _LINE_LIMIT:
            return short
        return json.dumps(value, ensure_ascii=False, indent=2, default=str)
    except (TypeError, ValueError, RecursionError):
        return repr(value)


def escaped(value: Any, limit: int = 0) -> str:
    """Return a value as escaped text, at most ``limit`` characters of it."""
    text = str(value)
    if limit and len(text) > limit:
        text = f"{text[:limit]}… ({len(text) - limit} more characters)"
    # what HTML cannot hold is shown as a replacement character
    text = "".join(
        c if c in "\n\t" or " " <= c < "\ud800" or c > "\udfff" else "�" for c in text
    )
    return html.escape(text)


def duration(milliseconds: float | None) -> str:
    """Return a time for people: ``0.4 ms``, ``2.1 s``; empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.3g} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"
