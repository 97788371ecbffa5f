"""TAB in magics: what the tree offers at the cursor."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from ..commands.catalogue import MAGICS
from ..commands.completion import complete, complete_arguments
from .cell_magics import CELL_VERBS
from .session import Session

PATIENCE_SECONDS = 1.0

_LINE = re.compile(r"^\s*(?:[\w.\[\]'\" ,]+=\s*)?%(pf\w+)[ \t]+(.*)$")
_CELL = re.compile(r"^%%(pf\w+)[ \t]+(.*)$")


def candidates(session: Session, full_text: str, line: int, column: int) -> list[str]:
    """Return the whole words that may stand at the cursor of a cell.

    Parameters
    ----------
    full_text
        The cell.
    line, column
        Where the cursor is, counted from 0.
    """
    lines = full_text.split("\n")
    before = lines[line][:column]
    in_cell_magic = lines[0].startswith("%%")
    if in_cell_magic and line > 0:
        return []
    match = (_CELL if in_cell_magic else _LINE).match(before)
    if match is None:
        return []
    words = _words(match[2])
    context = session.context()
    if in_cell_magic:
        verb = CELL_VERBS.get(match[1])
        if verb is None:
            return []
        return complete_arguments(context, verb, words[:-1], words[-1])
    noun = MAGICS.get(match[1])
    return complete(context, noun, words) if noun is not None else []


def make_matcher(session: Session) -> Any:
    """Return a matcher for IPython's completer."""
    from IPython.core import completer

    make: Any = completer.context_matcher

    def pf_jupyter_matcher(context: completer.CompletionContext) -> Mapping[str, Any]:
        found = _in_time(
            lambda: candidates(
                session,
                context.full_text,
                context.cursor_line,
                context.cursor_position,
            )
        )
        fragment = _words(context.text_until_cursor)[-1]
        # IPython replaces its own token, which may be only the end of our word.
        token = context.token if fragment.endswith(context.token) else fragment
        skip = len(fragment) - len(token)
        return {
            "completions": [completer.SimpleCompletion(word[skip:]) for word in found],
            "suppress": bool(found),
            "matched_fragment": token,
            "ordered": True,
        }

    return make(priority=200, identifier="pf_jupyter")(pf_jupyter_matcher)


def _words(text: str) -> list[str]:
    """Split at blanks, keeping what is at the cursor as the last word."""
    return re.split(r"[ \t]+", text) if text else [""]


def _in_time(call: Any) -> Sequence[str]:
    """Return the call's answer, or nothing when it takes longer than people wait."""
    answer: list[str] = []

    def work() -> None:
        try:
            answer.extend(call())
        except Exception:
            # A key press must never end in an error page, whatever is broken.
            answer.clear()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE_SECONDS)
    return list(answer)
