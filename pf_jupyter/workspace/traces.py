"""A run's trace to look at: a tree with a timeline, as text and as HTML.

The HTML is self-contained, escaped, and at home on light and dark pages.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from typing import Any

from ..runs.traces import TraceSpan

_MARKS = {"Completed": "✓", "Failed": "✗", "Canceled": "■", "Bypassed": "↷"}
_UNSPEAKABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_BAR_CHARACTERS = 24
_VALUE_CHARACTERS = 4_000
_SHOWN_SPANS = 500

_STYLE = """
.pft{--f:#1f2328;--m:#6e7781;--l:#d0d7de;--t:rgba(128,128,128,.09);
--fg:var(--jp-ui-font-color1,var(--vscode-foreground,var(--f)));
--mu:var(--jp-ui-font-color2,var(--vscode-descriptionForeground,var(--m)));
--ln:var(--jp-border-color2,var(--vscode-panel-border,var(--l)));
--mono:var(--jp-code-font-family,ui-monospace,SFMono-Regular,Menlo,Consolas,monospace);
color:var(--fg);font:13px/1.5 var(--jp-ui-font-family,system-ui,sans-serif);
max-width:1000px}
@media(prefers-color-scheme:dark){.pft{--f:#e6edf3;--m:#9da7b3;--l:#3d444d}}
.pft .mu{color:var(--mu)}
.pft details.s{margin:0;border-top:1px solid var(--ln)}
.pft details.s>summary{display:grid;align-items:center;cursor:pointer;gap:0 12px;
grid-template-columns:minmax(12em,2fr) 5.5em 6.5em minmax(8em,3fr);padding:2px 0;
list-style:none;color:inherit}
.pft details.s>summary::-webkit-details-marker{display:none}
.pft details.s>summary:hover{background:var(--t)}
.pft .n{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.pft .n i{font-style:normal;color:var(--mu);font-size:11.5px;margin-left:.5em}
.pft .r{text-align:right;font-variant-numeric:tabular-nums;color:var(--mu);
white-space:nowrap}
.pft .b{position:relative;height:10px;background:var(--t);border-radius:3px}
.pft .b span{position:absolute;top:0;bottom:0;min-width:2px;border-radius:3px;
background:var(--c)}
.pft .Flow{--c:#6e7781}.pft .Node{--c:#2f81f7}.pft .Function{--c:#8250df}
.pft .LLM,.pft .Embedding{--c:#2e9e4f}.pft .other{--c:#c9820a}
.pft .Failed{--c:#e0443e}.pft .Failed .n b{color:#e0443e}
.pft .n b{font-weight:600;color:var(--c)}
.pft dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:3px 14px;
margin:2px 0 8px 1.2em}
.pft dt{color:var(--mu);font-weight:400;margin:0}.pft dd{margin:0;min-width:0}
.pft pre{font:12px/1.5 var(--mono);margin:0;padding:2px 8px;white-space:pre-wrap;
overflow-wrap:anywhere;background:var(--t);border:0;border-radius:4px;color:inherit;
max-height:18em;overflow:auto}
""".replace("\n", "")


class Trace:
    """The trace of one run.

    Attributes
    ----------
    root
        The flow's span; the others are below it.
    run_id
        Of the run.
    """

    def __init__(self, root: TraceSpan, run_id: str) -> None:
        self.root = root
        self.run_id = run_id

    @property
    def spans(self) -> list[TraceSpan]:
        """All spans, each before those inside it."""
        return list(self.root.walk())

    @property
    def tokens(self) -> dict[str, int]:
        """The tokens of all calls of models; empty when there were none."""
        return self.root.tokens

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"run_id", "tokens", "root": {…, "children": […]}}``."""
        return {
            "run_id": self.run_id,
            "tokens": self.tokens,
            "root": self.root.to_dict(),
        }

    def text(self) -> str:
        """Return the tree with a timeline, for terminals."""
        rows = list(_rows(self.root))
        hidden = len(rows) - _SHOWN_SPANS
        rows = rows[:_SHOWN_SPANS]
        names = [f"{branch}{_title(span)}" for branch, span in rows]
        width = max(map(len, names))
        times = [duration(span.duration_ms) for _, span in rows]
        time_width = max(map(len, times))
        scale = _Scale(self.root)
        lines = []
        for name, time, (_, span) in zip(names, times, rows, strict=True):
            facts = _facts(span)
            lines.append(
                f"{name:<{width}}  {time:>{time_width}}  {scale.text(span)}  {facts}"
            )
        if hidden > 0:
            lines.append(f"… {hidden} more")
        return "\n".join(line.rstrip() for line in lines)

    def html(self) -> str:
        """Return the tree with a timeline, for notebooks."""
        scale = _Scale(self.root)
        spans = list(_rows(self.root))
        rows = [_row(span, branch, scale) for branch, span in spans[:_SHOWN_SPANS]]
        if len(spans) > _SHOWN_SPANS:
            more = len(spans) - _SHOWN_SPANS
            rows.append(f'<div class="mu">… {more} more</div>')
        return f'<div class="pft"><style>{_STYLE}</style>{"".join(rows)}</div>'

    def __len__(self) -> int:
        return len(self.spans)

    def __repr__(self) -> str:
        return self.text()

    def _repr_mimebundle_(self, **_options: Any) -> dict[str, str]:
        return {"text/plain": self.text(), "text/html": self.html()}


def duration(milliseconds: float | None) -> str:
    """Return a time for people: ``0.4 ms``, ``2.1 s``; empty for None."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.3g} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.1f} min"


def tokens_text(tokens: dict[str, int]) -> str:
    """Return ``120 + 30 tokens``, or the total alone; empty when there are none."""
    asked, answered = tokens.get("prompt_tokens"), tokens.get("completion_tokens")
    if asked and answered:
        return f"{asked} + {answered} tokens"
    total = tokens.get("total_tokens") or asked or answered
    return f"{total} tokens" if total else ""


class _Scale:
    """Where in the run's time a span lies."""

    def __init__(self, root: TraceSpan) -> None:
        starts = [span.began for span in root.walk() if span.began is not None]
        ends = [
            span.began + (span.duration_ms or 0) / 1000
            for span in root.walk()
            if span.began is not None
        ]
        self._start = min(starts, default=0.0)
        self._length = max(max(ends, default=0.0) - self._start, 1e-9)

    def place(self, span: TraceSpan) -> tuple[float, float] | None:
        """Return the beginning and the width, both as shares of the whole."""
        if span.began is None or (span.cached_run_id and not span.duration_ms):
            return None
        left = (span.began - self._start) / self._length
        width = (span.duration_ms or 0.0) / 1000 / self._length
        left = min(max(left, 0.0), 1.0)
        return left, min(width, 1.0 - left)

    def text(self, span: TraceSpan) -> str:
        place = self.place(span)
        if place is None:
            return " " * _BAR_CHARACTERS
        left = min(round(place[0] * _BAR_CHARACTERS), _BAR_CHARACTERS - 1)
        length = max(1, round(place[1] * _BAR_CHARACTERS))
        length = min(length, _BAR_CHARACTERS - left)
        rest = _BAR_CHARACTERS - left - length
        return "·" * left + "━" * length + "·" * rest


def _rows(root: TraceSpan) -> Iterator[tuple[str, TraceSpan]]:
    """Yield each span with the branch of the tree before it."""
    yield "", root
    yield from _below(root, "")


def _below(span: TraceSpan, indent: str) -> Iterator[tuple[str, TraceSpan]]:
    for child in span.children:
        last = child is span.children[-1]
        yield indent + ("└─ " if last else "├─ "), child
        yield from _below(child, indent + ("   " if last else "│  "))


def _title(span: TraceSpan) -> str:
    mark = _MARKS.get(span.status, "·")
    return _speakable(f"{mark} {span.name}")


def _facts(span: TraceSpan) -> str:
    words = []
    if span.kind not in ("Flow", "Node", "Function"):
        model = span.attributes.get("llm.response.model")
        words.append(f"{span.kind} {model}" if model else span.kind)
    tokens = tokens_text(span.tokens)
    if tokens:
        words.append(tokens)
    first = span.attributes.get("llm.first_token_ms")
    if first is not None:
        words.append(f"first token {duration(float(first))}")
    if span.cached_run_id:
        words.append(f"from run {span.cached_run_id}")
    if span.status not in ("Completed", "Failed"):
        words.append(span.status)
    if span.error:
        words.append(f"{span.error['type']}: {span.error['message']}"[:120])
    return _speakable(" · ".join(words))


def _row(span: TraceSpan, branch: str, scale: _Scale) -> str:
    kinds = ("Flow", "Node", "Function", "LLM", "Embedding")
    tone = span.kind if span.kind in kinds else "other"
    if span.status == "Failed":
        tone += " Failed"
    place = scale.place(span)
    bar = ""
    if place is not None:
        left, width = (round(share * 100, 2) for share in place)
        bar = f'<span style="left:{left}%;width:{width}%"></span>'
    indent = len(branch) // 3 * 1.1
    note = _facts(span) if span.kind not in ("Flow", "Node") else ""
    if span.cached_run_id:
        note = f"from run {span.cached_run_id}"
    mark = _MARKS.get(span.status, "·")
    return (
        f'<details class="s {tone}"><summary>'
        f'<span class="n" style="padding-left:{indent:.1f}em" '
        f'title="{_text(span.name)}"><b>{mark}</b> '
        f"{_text(span.name)}<i>{_text(note)}</i></span>"
        f'<span class="r">{duration(span.duration_ms)}</span>'
        f'<span class="r">{_text(_total(span))}</span>'
        f'<span class="b">{bar}</span></summary>{_values(span)}</details>'
    )


def _total(span: TraceSpan) -> str:
    total = span.tokens.get("total_tokens")
    return f"{total} tokens" if total else ""


def _values(span: TraceSpan) -> str:
    rows = [("inputs", span.inputs), ("output", span.output)]
    if span.error:
        rows.append(("error", f"{span.error['type']}: {span.error['message']}"))
    rows += [(name, value) for name, value in span.attributes.items()]
    body = "".join(
        f"<dt>{_text(name)}</dt><dd><pre>{_text(_written(value))}</pre></dd>"
        for name, value in rows
        if value is not None
    )
    return f"<dl>{body}</dl>" if body else ""


def _written(value: Any) -> str:
    if isinstance(value, str):
        text = value
    else:
        try:
            text = json.dumps(value, ensure_ascii=False, indent=1, default=str)
        except (TypeError, ValueError, RecursionError):
            text = repr(value)
    if len(text) > _VALUE_CHARACTERS:
        more = len(text) - _VALUE_CHARACTERS
        text = f"{text[:_VALUE_CHARACTERS]}… ({more} more characters)"
    return text


def _speakable(text: str) -> str:
    return _UNSPEAKABLE.sub("�", text).replace("\n", " ")


def _text(value: Any) -> str:
    return html.escape(_UNSPEAKABLE.sub("�", str(value)))
