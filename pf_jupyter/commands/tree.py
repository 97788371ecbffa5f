"""What a noun, a verb and an argument are.

The tree is data: magics, command line, help, completion and tests all walk it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from argparse import Namespace

    from ..errors import PfError
    from .context import Context
    from .results import Shown


@dataclass(frozen=True)
class Argument:
    """One word that a verb takes.

    Parameters
    ----------
    name
        ``--runtime`` for an option, ``path`` for a place in the line.
    help
        One line.
    type
        Turns the text into a value; raises UsageError when it does not fit.
    choices
        The only values allowed, if any.
    complete
        What TAB offers: a key of `pf_jupyter.commands.completion.SOURCES`.
    many
        Takes all words up to the next option.
    flag
        An option without a value.
    required
        Must be given (only for places in the line).
    """

    name: str
    help: str
    type: Callable[[str], Any] = str
    default: Any = None
    choices: tuple[str, ...] = ()
    complete: str = ""
    many: bool = False
    flag: bool = False
    required: bool = False
    metavar: str = ""

    @property
    def is_option(self) -> bool:
        """Whether it is written with dashes."""
        return self.name.startswith("--")

    @property
    def destination(self) -> str:
        """Its name in the parsed namespace."""
        return self.name.lstrip("-").replace("-", "_")

    @property
    def shown(self) -> str:
        """Its value's placeholder in help lines."""
        if self.flag:
            return ""
        word = self.metavar or self.destination.upper()
        if self.choices:
            word = "|".join(self.choices)
        return f"{word} …" if self.many else word


@dataclass(frozen=True)
class Outcome:
    """What a verb gives back.

    Parameters
    ----------
    value
        What a magic returns; an object with a short repr and a rich one.
    document
        The JSON form; None when ``value`` is one already.
    text
        What the shell prints; the value's repr when None.
    brief
        What a notebook shows of ``value`` at first, when its own page would repeat
        what progress has shown already.
    failure
        The work was done as far as it went and failed: magics raise it, the shell
        prints it and leaves with its exit code.
    exit_code
        The shell's exit code of a report that says something is wrong.
    """

    value: Any = None
    document: Any = None
    text: str | None = None
    brief: Shown | None = None
    failure: PfError | None = None
    exit_code: int = 0


def plain_error(error: PfError) -> dict[str, Any]:
    """Return the JSON form of a verb that could not do its work."""
    return {"error": error.to_dict()}


@dataclass(frozen=True)
class Verb:
    """One thing that can be done with a noun.

    ``failed`` makes the JSON document when the verb raises, so that a program finds
    the same keys whether it worked or not.
    """

    name: str
    help: str
    run: Callable[[Context, Namespace], Outcome]
    arguments: tuple[Argument, ...] = ()
    examples: tuple[str, ...] = ()
    failed: Callable[[PfError], Any] = plain_error

    @property
    def places(self) -> list[Argument]:
        """Arguments without dashes, in order."""
        return [a for a in self.arguments if not a.is_option]

    @property
    def options(self) -> list[Argument]:
        """Arguments with dashes, those of every verb included."""
        return [a for a in self.arguments if a.is_option] + list(EVERYWHERE)

    def option(self, name: str) -> Argument | None:
        """Return the option of that exact name."""
        return next((a for a in self.options if a.name == name), None)


EVERYWHERE = (
    Argument("--json", "print one JSON document and nothing else", flag=True),
    Argument("--debug", "show the traceback of an error", flag=True),
)


@dataclass(frozen=True)
class Noun:
    """A thing that verbs apply to, or a single command (``sole``) such as ``demo``.

    ``default`` is the verb that runs when none is given.
    """

    name: str
    help: str
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    default: str = "list"
    sole: Verb | None = None

    @property
    def magic(self) -> str:
        """Name of its magic, without the percent sign."""
        return f"pf{self.name}"

    def all_verbs(self) -> Iterator[Verb]:
        """Yield its verbs, or its only command."""
        if self.sole is not None:
            yield self.sole
        yield from self.verbs.values()


def noun(name: str, help: str, verbs: Sequence[Verb], *, default: str = "list") -> Noun:
    """Return a noun with these verbs."""
    return Noun(name, help, {verb.name: verb for verb in verbs}, default)
