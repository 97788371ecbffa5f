"""Where a prompty file ends its settings and begins its prompt.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
"""

from __future__ import annotations

import re

_DASHES = re.compile(r"(?<!-)-{3,}\n")


def split_prompty(text: str) -> tuple[str, str, int] | None:
    """Cut a prompty file into its YAML and its prompt.

    The YAML ends at the last line of dashes, even at one within the prompt
    (flow-format section 3.2).

    Returns
    -------
    tuple or None
        YAML, prompt, and the number of lines before the YAML; None when the file does
        not have both parts.
    """
    lines = list(_DASHES.finditer(text))
    if len(lines) < 2:
        return None
    first, last = lines[0], lines[-1]
    front = text[first.end() : last.start()]
    return front, text[last.end() :], text.count("\n", 0, first.end())
