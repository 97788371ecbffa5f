"""Line magics, made from the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..commands.catalogue import MAGICS
from ..commands.helptext import help_of_noun, help_of_verb
from ..commands.parsing import parse, split_line
from ..commands.results import Message
from ..widgets import NOUN_PANELS, open_panel
from .errors import shown_as_lines

if TYPE_CHECKING:
    from ..commands.tree import Noun, Outcome
    from .session import Session


def line_magics(session: Session) -> dict[str, Callable[[str], Any]]:
    """Return a function for each noun."""
    return {name: _line_magic(session, noun) for name, noun in MAGICS.items()}


def _line_magic(session: Session, noun: Noun) -> Callable[[str], Any]:
    def magic(line: str) -> Any:
        line, hidden = take_semicolon(line)
        context = session.context()
        with shown_as_lines(session, context, debug="--debug" in line.split()):
            words = split_line(line)
            if not words and session.in_notebook and noun.name in NOUN_PANELS:
                return open_panel(context.workspace, NOUN_PANELS[noun.name])
            request = parse(context, noun, words)
            if request.help or request.verb is None:
                verb = request.verb
                return Message(
                    help_of_noun(noun, "notebook")
                    if verb is None
                    else help_of_verb(noun, verb, "notebook")
                )
            outcome = request.verb.run(context, request.arguments)
            value = value_of(session, outcome, request.arguments.json)
            return None if hidden else value

    magic.__name__ = magic.__qualname__ = noun.magic
    magic.__doc__ = help_of_noun(noun, "notebook")
    return without_expansion(magic)


def without_expansion(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep ``$`` and ``{}`` as typed: references and JSON are full of them."""
    from IPython.core.magic import no_var_expand

    kept: Callable[..., Any] = no_var_expand(function)
    return kept


def take_semicolon(line: str) -> tuple[str, bool]:
    """Return the line without a ``;`` at its end, and whether there was one."""
    stripped = line.rstrip()
    if stripped.endswith(";"):
        return stripped[:-1], True
    return line, False


def value_of(session: Session, outcome: Outcome, as_json: bool) -> Any:
    """Return what a magic gives back, or raise what failed."""
    if outcome.failure is not None:
        raise outcome.failure
    if as_json and outcome.document is not None:
        return outcome.document
    if outcome.brief is not None:
        session.show_briefly(outcome.value, outcome.brief)
    return outcome.value
