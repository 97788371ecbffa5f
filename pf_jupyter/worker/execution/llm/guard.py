"""Keeps what users say from becoming roles of a chat prompt.

Text such as ``system:`` on a line of its own inside a flow input is replaced by a
random word before the prompt is cut into roles, and put back into the messages
afterwards (flow-format section 2.7).
"""

from __future__ import annotations

import re
import uuid
from typing import Any, Dict, Iterable, Mapping, Tuple

ROLES = ("system", "user", "assistant", "function", "tool")
_ROLE_LINE = re.compile(
    rf"^(\s*#?\s*)({'|'.join(ROLES)})(?=\s*:\s*(?:\n|\Z))", re.IGNORECASE | re.MULTILINE
)


class GuardedText(str):
    """Text of a prompt that remembers which of its words are no roles.

    Parameters
    ----------
    text
        What everybody sees.
    guarded
        The same with random words in place of those roles.
    hidden
        What the random words stand for.
    """

    guarded: str
    hidden: Dict[str, str]

    def __new__(cls, text: str, guarded: str, hidden: Dict[str, str]) -> "GuardedText":
        """Make the text."""
        made = super().__new__(cls, text)
        made.guarded = guarded
        made.hidden = hidden
        return made


def guard(
    values: Mapping[str, Any], names: Iterable[str]
) -> Tuple[Dict[str, Any], Dict[str, str]]:
    """Return values that cannot become roles, and what was hidden in them.

    Parameters
    ----------
    values
        The variables of a prompt; they are not changed.
    names
        Those that come from outside: their texts are searched, also inside mappings.
        What an earlier prompt guarded stays guarded whatever its name.
    """
    hidden: Dict[str, str] = {}
    chosen = frozenset(names)
    guarded: Dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, GuardedText):
            hidden.update(value.hidden)
            value = value.guarded
        if name in chosen:
            value = _guarded(value, hidden)
        guarded[name] = value
    return guarded, hidden


def restore(text: str, hidden: Mapping[str, str]) -> str:
    """Put hidden words back into a text."""
    for word, original in hidden.items():
        if word in text:
            text = text.replace(word, original)
    return text


def _guarded(value: Any, hidden: Dict[str, str]) -> Any:
    if isinstance(value, str):

        def hide(match: "re.Match[str]") -> str:
            word = str(uuid.uuid4())
            hidden[word] = match.group(2)
            return match.group(1) + word

        return _ROLE_LINE.sub(hide, value) if ":" in value else value
    if isinstance(value, dict):
        return {key: _guarded(item, hidden) for key, item in value.items()}
    return value
