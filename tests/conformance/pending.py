"""Cases that wait for a part of pf_jupyter that is not built yet."""

from __future__ import annotations

from .case import Case

WAITING = {
    "llm-": "llm nodes",
    "connection-": "connections sent with a run",
    "flex-": "flex flows",
    "file-kind-by-content": "flex flows",
    "prompty-": "prompty files",
    "batch-": "batch runs",
    "mapping-": "batch runs",
    "package-": "package tools",
    "node-prompt-package": "package tools",
    "image-": "images",
}


OPEN = {
    "extra-inputs": "an undeclared input is passed along, not refused",
    "activate-equality-13": "a condition's unknown flow input is no load error",
    "activate-input-unknown": "a condition's unknown flow input is no load error",
    "tool-lambda": "a lambda is no tool",
    "prompt-error-": "a template that cannot be parsed keeps jinja's class",
    "prompt-node-run": "a literal is not replaced in a node run",
    "node-run-basic": "node runs: literals, merged properties, unknown inputs",
    "message-format-empty": "an empty message_format is the default",
    "output-number-reference": "a number as an output's reference is a literal",
    "output-null-reference": "a null reference is a literal",
    "chat-flow": "the history of a chat flow is empty by default",
    "variants-unknown": "a variant without ${} is refused",
    "variants-unused": "a variant of a node that does not use them has no effect",
    "script-raises": "a script that raises before it defines a tool",
    "script-import-missing": "a script that raises before it defines a tool",
    "script-outside": "a script outside of the flow's folder",
}
"""Cases whose answers differ and are not decided yet, by the beginning of their id."""


def reason(case: Case) -> str:
    """Return what the case waits for, or "" when it must be equal now."""
    for prefix, part in WAITING.items():
        if case.id.startswith(prefix):
            return f"{part} are not built yet"
    for prefix, finding in OPEN.items():
        if case.id.startswith(prefix):
            return finding
    return ""
