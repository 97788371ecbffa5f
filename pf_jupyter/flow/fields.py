"""Reading the fields of a mapping that may hold anything, and saying what is wrong.

Plain Python 3.9 without dependencies: the worker carries this module into containers.
"""

from __future__ import annotations

import difflib
from typing import Any, Dict, Iterable, List, Optional, Tuple, Type

from pf_jupyter.flow.values import preview

KeyPath = Tuple[Any, ...]
"""Where something stands in the file: keys and list indexes from the top."""


class Report:
    """Receives what is wrong with a definition; this one forgets it.

    ``problem`` refuses the flow, ``warning`` does not. ``at_key`` points at the key of
    ``path`` rather than at its value.
    """

    def problem(
        self,
        code: str,
        path: KeyPath,
        message: str,
        hint: str = "",
        at_key: bool = False,
    ) -> None:
        """Take note of something that keeps the flow from running."""

    def warning(
        self,
        code: str,
        path: KeyPath,
        message: str,
        hint: str = "",
        at_key: bool = False,
    ) -> None:
        """Take note of something that looks unintended."""


def unknown_keys(
    raw: Dict[Any, Any], known: Iterable[str], path: KeyPath, report: Report
) -> None:
    """Warn about keys that look like misspelt ones; the format ignores all others."""
    missing = [key for key in known if key not in raw]
    for key in raw:
        near = nearest(key, missing, 0.75) if key not in known else None
        if near:
            report.warning(
                "unknown_key",
                (*path, key),
                f"'{key}' is not a key of the format and is ignored",
                f"did you mean '{near}'?",
                at_key=True,
            )


def nearest(word: Any, words: Iterable[str], cutoff: float = 0.6) -> Optional[str]:
    """Return the one of ``words`` that looks most like ``word``, or None."""
    if not isinstance(word, str) or len(word) > 100:
        return None
    lowered = {item.lower(): item for item in words}
    found = difflib.get_close_matches(word.lower(), lowered, 1, cutoff)
    return lowered[found[0]] if found else None


def did_you_mean(word: Any, words: Iterable[str], fallback: str = "") -> str:
    """Return a hint that names the nearest word, else ``fallback``."""
    near = nearest(word, words)
    return f"did you mean '{near}'?" if near else fallback


def describe(value: Any) -> str:
    """Name a YAML value in a sentence: ``a list``, ``the number 5``, ``nothing``."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {preview(value)}"
    if isinstance(value, str):
        return f"the text {preview(value)}"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else preview(value)


class Fields:
    """Typed access to the fields of one mapping; what does not fit is reported."""

    def __init__(
        self, raw: Dict[Any, Any], path: KeyPath, subject: str, report: Report
    ) -> None:
        self.raw = raw
        self.path = path
        self.subject = subject
        self.report = report

    def wrong(self, key: str, wanted: str, hint: str = "") -> None:
        """Report that the value of ``key`` is not what was ``wanted``."""
        self.report.problem(
            "wrong_type",
            (*self.path, key),
            f"{self.subject}: '{key}' must be {wanted}, "
            f"{describe(self.raw.get(key))} is not",
            hint,
        )

    def text(self, key: str) -> Optional[str]:
        """Return text, or None when it is absent or something else."""
        value = self.raw.get(key)
        if value is None or isinstance(value, str):
            return value
        quote = "" if isinstance(value, (dict, list)) else "put it in quotes"
        self.wrong(key, "text", quote)
        return None

    def label(self, key: str) -> str:
        """Return text that only people read: a number or a date will do as well."""
        value = self.raw.get(key)
        if isinstance(value, (dict, list)):
            self.wrong(key, "text")
            return ""
        return "" if value is None else str(value)

    def flag(self, key: str) -> Optional[bool]:
        """Return true or false, or None when it is absent or something else."""
        value = self.raw.get(key)
        if value is None or isinstance(value, bool):
            return value
        self.wrong(key, "true or false", "write true or false, without quotes")
        return None

    def choice(self, key: str, words: Tuple[str, ...]) -> Optional[str]:
        """Return one of ``words``, or None when it is absent or something else."""
        value = self.text(key)
        if value is None or value in words:
            return value
        self.report.problem(
            f"unknown_{key}",
            (*self.path, key),
            f"{self.subject}: there is no {key} '{value}'",
            did_you_mean(value, words, f"one of {', '.join(words)}"),
        )
        return None

    def mapping(self, key: str) -> Dict[str, Any]:
        """Return a mapping with text keys; null and other empty values count as one."""
        found = self._collection(key, dict, "a mapping")
        result: Dict[str, Any] = {}
        for name, value in found.items():
            if isinstance(name, str):
                result[name] = value
                continue
            self.report.problem(
                "wrong_type",
                (*self.path, key, name),
                f"{self.subject}: names in '{key}' must be text, "
                f"{describe(name)} is not",
                "put the name in quotes",
                at_key=True,
            )
        return result

    def sequence(self, key: str) -> List[Any]:
        """Return a list; null and other empty values count as an empty one."""
        found: List[Any] = self._collection(key, list, "a list")
        return found

    def _collection(self, key: str, kind: Type[Any], wanted: str) -> Any:
        value = self.raw.get(key)
        if isinstance(value, kind):
            return value
        if value is not None and value != [] and value != {}:
            self.wrong(key, wanted)
        return kind()
