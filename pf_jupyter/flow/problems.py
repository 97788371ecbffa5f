"""What is wrong with a flow, with the place to look at."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a flow.

    Parameters
    ----------
    code
        The public class name where the format has one (``NodeReferenceNotFound``),
        lower_snake otherwise (``yaml_syntax``).
    message
        What is wrong, one sentence, without a trailing period.
    file
        POSIX path relative to the flow's folder.
    line, column
        Counted from 1; 0 when the place is not known.
    hint
        What to do about it; empty when there is nothing to say.
    node
        The node concerned; empty when there is none.
    """

    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    hint: str = ""
    node: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return all fields for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        text = f"{place}  {self.code}: {self.message}"
        return f"{text}  ({self.hint})" if self.hint else text
