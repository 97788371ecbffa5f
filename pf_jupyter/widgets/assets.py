"""What panels send to the browser: one module and one style sheet, made of files.

The files below ``front/`` are ordinary modules that import each other, so that an
editor, node and other front ends can use them as they are. A widget has one module
only: here they are put into one, in the order in which they need each other.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

MAIN = "panel.js"
_IMPORT = re.compile(r'^import \{[^}]*\} from "\./([a-z_]+\.js)";\n', re.M)
_EXPORT = re.compile(r"^export (?!default)", re.M)
_COMMENT = re.compile(r"/\*.*?\*/\n?", re.S)


def source(name: str) -> str:
    """Return the text of a file below ``front/``."""
    return files(__package__).joinpath("front", name).read_text(encoding="utf-8")


@cache
def module() -> str:
    """Return the module that draws every panel."""
    order: list[str] = []
    _collect(MAIN, order)
    parts = [_EXPORT.sub("", _IMPORT.sub("", source(name))) for name in order]
    return "\n".join(parts)


@cache
def style() -> str:
    """Return the style sheet, without what only readers of its source need."""
    return _COMMENT.sub("", source("panel.css"))


def _collect(name: str, order: list[str]) -> None:
    for needed in _IMPORT.findall(source(name)):
        if needed not in order:
            _collect(needed, order)
    order.append(name)
