"""What the check of a flow found, for people and for programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from .results import Shown, problem_lines, signature
from .wording import milliseconds, plural

if TYPE_CHECKING:
    from ..workspace.api import Problem, Validation


class CheckedFlow(Shown):
    """What `flow validate` found: problems, or each node's interface."""

    def __init__(
        self,
        name: str,
        validation: Validation,
        respell: Callable[[str], str] = str,
    ) -> None:
        self.name = name
        self.validation = validation
        self._respell = respell

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.validation.ok

    @property
    def problems(self) -> list[Problem]:
        """Everything that is wrong."""
        return self._respelled(self.validation.problems)

    @property
    def warnings(self) -> list[Problem]:
        """What stops no run and may not be meant so."""
        return self._respelled(self.validation.warnings)

    @property
    def tools(self) -> dict[str, dict[str, Any]]:
        """The interface of each node's tool."""
        return self.validation.tools

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """Return ``{"ok", "problems", "warnings", "tools", "runtime", …}``."""
        return {
            "ok": self.ok,
            "problems": [problem.to_dict() for problem in self.problems],
            "warnings": [warning.to_dict() for warning in self.warnings],
            "tools": self.tools,
            "runtime": self.validation.runtime,
            "duration_ms": self.validation.duration_ms,
        }

    def text(self) -> str:
        """Return the heading and a line for each problem or tool."""
        if not self.ok:
            heading = f"{self.name} has {plural(len(self.problems), 'problem')}"
            return "\n".join(
                [heading, *problem_lines(self.problems), *self._warning_lines()]
            )
        where = (
            f"checked in {self.validation.runtime}" if self.tools else "file checked"
        )
        took = milliseconds(self.validation.duration_ms)
        lines = [f"{self.name} is fine      {where} ✓ {took}".rstrip()]
        lines += [f"  {signature(n, t)}" for n, t in self.tools.items()]
        return "\n".join([*lines, *self._warning_lines()])

    def _respelled(self, problems: Sequence[Problem]) -> list[Problem]:
        return [replace(p, hint=self._respell(p.hint)) for p in problems]

    def _warning_lines(self) -> list[str]:
        if not self.warnings:
            return []
        heading = plural(len(self.warnings), "warning")
        return [heading, *problem_lines(self.warnings)]
