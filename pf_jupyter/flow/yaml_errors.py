"""Saying in plain words, with line and column, why text is not YAML."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from pf_jupyter.flow.problems import Problem

_TOKEN = re.compile(r"\('(<.*?>)',\)")
_HINTS = {
    "mapping values are not allowed": "check the indentation, and put text that holds "
    "': ' in quotes",
    "could not find expected ':'": "every key needs a colon and a space after it",
    "expected <block end>": "check the indentation of this line",
    "while scanning a quoted scalar": "a quote is opened and never closed",
    "while parsing a flow": "a bracket is opened and never closed, or a comma lacks",
    "cannot start any token": "put the text in quotes",
}


def decode(data: bytes, file: str) -> str | Problem:
    """Return the text of a file, its line ends made one, or why it has none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # the byte order mark is no part of error.start's count
        body = data.removeprefix(b"\xef\xbb\xbf")
        before = body[: error.start].decode("utf-8", "replace")
        return Problem(
            "not_utf8",
            f"byte {body[error.start]:#04x} is not UTF-8",
            file,
            *_place_after(before),
            "save the file with the encoding UTF-8",
        )
    return text.replace("\r\n", "\n").replace("\r", "\n")


def explain(
    error: YAMLError, text: str, file: str, fallback: tuple[int, int]
) -> Problem:
    """Turn what ruamel raised into a problem.

    Parameters
    ----------
    error
        The error.
    text
        What was read.
    file
        Its name.
    fallback
        Line and column for an error that has none.
    """
    if isinstance(error, ReaderError):
        position = int(error.position)
        return Problem(
            "yaml_syntax",
            f"the character U+{ord(text[position]):04X} may not stand in YAML",
            file,
            *_place_after(text[:position]),
            "take it out, or write it as an escape inside double quotes",
        )
    message, context, place = str(error), "", fallback
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else fallback
        message = str(error.problem or "this is not YAML").strip()
        context = str(error.context or "").strip()
    message = _TOKEN.sub(r"\1", message)
    if message.startswith("expected '<document start>'"):
        message, context = "this stands outside of the mapping before it", ""
        return Problem(
            "yaml_syntax", message, file, *place, "check the indentation of this line"
        )
    if _is_indenting_tab(text, place):
        return Problem(
            "yaml_syntax", "a tab cannot indent YAML", file, *place, "use spaces"
        )
    full = f"{message}, {context}" if context else message
    hint = next((hint for part, hint in _HINTS.items() if part in full), "")
    return Problem("yaml_syntax", full, file, *place, hint)


def _is_indenting_tab(text: str, place: tuple[int, int]) -> bool:
    lines = text.split("\n")
    if place[0] > len(lines):
        return False
    line = lines[place[0] - 1]
    indent = line[: len(line) - len(line.lstrip())]
    return "\t" in indent and place[1] <= len(indent) + 1


def _place_after(text: str) -> tuple[int, int]:
    line_start = text.rfind("\n") + 1
    return text.count("\n") + 1, len(text) - line_start + 1
