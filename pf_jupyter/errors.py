"""Every error that pf_jupyter raises on purpose.

    PfError                     code, message, hint; exit_code for the shell
    ├── UsageError              2  the user's words do not fit (verb, option, value)
    │   └── Invalid             2  something written has problems, all in .problems
    │       ├── FlowInvalid           a flow
    │       └── EnvironmentInvalid    the definition of an environment
    ├── NotFound                1  a runtime, run, flow, environment … does not exist
    ├── AlreadyExists           1  creating what is there already
    ├── IllegalState            1  the thing is not in a state that allows this
    ├── Refused                 3  the caller lacks a right
    ├── Unreachable             4  an engine, a registry, a server does not answer
    ├── RuntimeFailed           1  a runtime failed; .phase and .log say where
    ├── EnvironmentFailed       1  one was not built or published; .phase and .log
    ├── RunFailed               1  a flow failed; .node and .result say where
    │   ├── RunCanceled         1  somebody stopped it
    │   └── RunTimedOut         1  it took longer than its limit
    └── InternalError           1  our own defect; the hint asks for a report

The module is plain Python 3.9 without dependencies: the worker carries it into
containers. A ``code`` is stable, lower_snake for our own conditions and the public
class name (``ToolExecutionError``) for those of the prompt flow format.
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional


class PfError(Exception):
    """Base of all errors that are meant for a user's eyes.

    Parameters
    ----------
    message
        What happened, one sentence, without a trailing period.
    code
        Stable identifier; defaults to the class's own.
    hint
        What to do about it, one sentence; empty when there is nothing to say.
    details
        Further JSON-serialisable facts for programs (never secrets).
    """

    code = "error"
    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        code: Optional[str] = None,
        hint: str = "",
        details: Optional[Dict[str, Any]] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or {}
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        return self.message

    def describe(self) -> str:
        """Return the two lines that every face prints: what happened, what to do."""
        first = f"{self.code}: {self.message}"
        return f"{first}\nhint: {self.hint}" if self.hint else first

    def to_dict(self) -> Dict[str, Any]:
        """Return ``{"code", "message", "hint", **details}`` for JSON output."""
        return {
            **self.details,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
        }


class UsageError(PfError):
    """The user's words do not fit: an unknown verb, a bad option, a wrong value."""

    code = "usage"
    exit_code = 2


class Invalid(UsageError):
    """Something that was written has problems, and nothing was done with it.

    Parameters
    ----------
    problems
        Dictionaries ``{"code", "message", "file", "line", "column", "hint"}``, every
        problem that was found; line and column count from 1.
    """

    code = "invalid"
    ending = "nothing was done"

    def __init__(self, message: str, *, problems: List[Dict[str, Any]]) -> None:
        super().__init__(message, details={"problems": problems})
        self.problems = problems

    def describe(self) -> str:
        """Return the heading and one line for each problem."""
        places = [
            f"{p['file']}:{p['line']}:{p['column']}" if p.get("line") else p["file"]
            for p in self.problems
        ]
        width = max((len(place) for place in places), default=0)
        lines = [self.message]
        for place, problem in zip(places, self.problems):
            lines.append(f"  {place:<{width}}  {problem['code']}: {problem['message']}")
            if problem.get("hint"):
                lines.append(f"  {'':<{width}}  hint: {problem['hint']}")
        lines.append(self.ending)
        return "\n".join(lines)


class FlowInvalid(Invalid):
    """A flow has problems and was not run."""

    code = "flow_invalid"
    ending = "nothing was run"


class EnvironmentInvalid(Invalid):
    """The definition of an environment has problems and was not used."""

    code = "environment_invalid"
    ending = "nothing was built or installed"


class NotFound(PfError):
    """Something that was named does not exist."""

    code = "not_found"


class AlreadyExists(PfError):
    """Something of that name exists already."""

    code = "already_exists"


class IllegalState(PfError):
    """The thing is not in a state that allows what was asked."""

    code = "illegal_state"


class Refused(PfError):
    """The caller lacks a right."""

    code = "refused"
    exit_code = 3


class Unreachable(PfError):
    """Something that is needed does not answer."""

    code = "unreachable"
    exit_code = 4


class RuntimeFailed(PfError):
    """A runtime failed.

    Parameters
    ----------
    phase
        Phase of its life in which it failed: check, pull, build, create, start,
        handshake, or run.
    log
        The last lines that the failing phase wrote.
    """

    code = "runtime_failed"

    def __init__(
        self,
        message: str,
        *,
        phase: str,
        log: str = "",
        code: Optional[str] = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint, details={"phase": phase})
        self.phase = phase
        self.log = log


class EnvironmentFailed(PfError):
    """An environment could not be built, published, fetched or read.

    Parameters
    ----------
    phase
        What was being done: check, context, base, build, contract, push, pull, export,
        import.
    log
        The last lines that the failing phase wrote.
    """

    code = "environment_failed"

    def __init__(
        self,
        message: str,
        *,
        phase: str,
        log: str = "",
        code: Optional[str] = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint, details={"phase": phase})
        self.phase = phase
        self.log = log


class RunFailed(PfError):
    """A flow failed.

    Parameters
    ----------
    node
        The node that failed, or None when the flow failed outside of nodes.
    result
        The run's result as far as it got, or None when it did not begin.
    """

    code = "run_failed"

    def __init__(
        self,
        message: str,
        *,
        node: Optional[str] = None,
        result: Any = None,
        code: Optional[str] = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, code=code, hint=hint, details={"node": node})
        self.node = node
        self.result = result


class RunCanceled(RunFailed):
    """The run was stopped by somebody."""

    code = "canceled"


class RunTimedOut(RunFailed):
    """The run took longer than its limit and was ended."""

    code = "LineExecutionTimeoutError"


class InternalError(PfError):
    """A defect of ours."""

    code = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            hint="a defect of pf_jupyter; --debug shows the traceback to report",
        )
