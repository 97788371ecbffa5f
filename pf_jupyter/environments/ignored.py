"""What a .dockerignore leaves out of a context, by Docker's own rules."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

IGNORE_FILE = ".dockerignore"


class Ignored:
    """The patterns of a .dockerignore; the last one that fits decides.

    Parameters
    ----------
    lines
        Of the file.
    """

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self._rules: list[tuple[re.Pattern[str], bool]] = []
        for line in lines:
            text = line.strip()
            if not text or text.startswith("#"):
                continue
            keep = text.startswith("!")
            text = text.lstrip("!").strip().replace("\\", "/")
            parts = [part for part in text.split("/") if part not in ("", ".")]
            if parts:
                self._rules.append((_pattern("/".join(parts)), keep))
        self.has_exceptions = any(keep for _, keep in self._rules)

    def __call__(self, name: str) -> bool:
        """Tell whether a path, POSIX and below the context, is left out."""
        ignored = False
        parts = name.split("/")
        above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        for pattern, keep in self._rules:
            if any(pattern.fullmatch(one) for one in above):
                ignored = not keep
        return ignored


def read_ignored(folder: Path) -> Ignored:
    """Return what the .dockerignore of a folder says; nothing without one."""
    try:
        text = (folder / IGNORE_FILE).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return Ignored()
    return Ignored(text.splitlines())


def _pattern(text: str) -> re.Pattern[str]:
    found, at = "", 0
    while at < len(text):
        char = text[at]
        if text.startswith("**/", at):
            found, at = found + "(?:[^/]+/)*", at + 3
        elif text.startswith("**", at):
            found, at = found + ".*", at + 2
        elif char == "*":
            found, at = found + "[^/]*", at + 1
        elif char == "?":
            found, at = found + "[^/]", at + 1
        elif char == "[" and (end := text.find("]", at + 2)) > 0:
            inside = text[at + 1 : end].replace("\\", "\\\\")
            found, at = found + f"[{inside}]", end + 1
        else:
            found, at = found + re.escape(char), at + 1
    return re.compile(found, re.DOTALL)
