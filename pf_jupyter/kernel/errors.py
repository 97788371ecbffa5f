"""Our errors in a notebook: two lines instead of a page of traceback.

The error is raised all the same, so that the cell counts as failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..commands.failures import describe
from ..errors import InternalError, PfError, RunCanceled

if TYPE_CHECKING:
    from ..commands.context import Context
    from .session import Session

_RED, _BOLD, _END = "\x1b[31m", "\x1b[1m", "\x1b[0m"


@contextmanager
def shown_as_lines(
    session: Session, context: Context, *, debug: bool
) -> Iterator[None]:
    """Let errors of ours show as their lines; the traceback only with ``--debug``."""
    try:
        yield
    except PfError as error:
        if not debug:
            places = session.cells.places() if context.runs_cells else {}
            _show_lines(session, error, places)
        raise
    except KeyboardInterrupt:
        stopped = RunCanceled("stopped by you")
        _show_lines(session, stopped)
        raise stopped from None
    except Exception as error:
        if debug:
            raise
        internal = InternalError(f"{type(error).__name__}: {error}")
        _show_lines(session, internal)
        raise internal from error


def _show_lines(
    session: Session, error: PfError, places: Mapping[str, str] | None = None
) -> None:
    """Have IPython show this error's lines; it asks the error itself for them."""
    first, *rest = describe(error, places).splitlines()
    # Front ends put errors on a red ground, where red letters cannot be read.
    style = _BOLD if session.in_notebook else _BOLD + _RED
    lines = [f"{style}{first}{_END}", *rest]
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
