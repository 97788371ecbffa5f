"""Turns a line into a verb and its arguments, or into one error that helps.

argparse does the parsing, its parsers made from the tree; the errors are ours.
"""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from ..errors import PfError, UsageError
from .context import Context
from .tree import Argument, Noun, Verb
from .wording import listed, nearest


@dataclass(frozen=True)
class Request:
    """A line, understood. ``help`` means: show help of ``verb`` (or of the noun)."""

    noun: Noun
    verb: Verb | None
    arguments: argparse.Namespace
    help: bool = False


def split_line(line: str) -> list[str]:
    """Split a magic's line into words, as a shell would.

    Raises
    ------
    UsageError
        A quote is not closed.
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if os.name == "nt":
        # Paths are written with backslashes there.
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError:
        raise UsageError(
            "a quote is opened and not closed",
            code="bad_quotes",
            hint="write text='it is so' or text=\"it's so\"",
        ) from None


def parse(context: Context, noun: Noun, words: Sequence[str]) -> Request:
    """Understand the words that follow a noun.

    Raises
    ------
    UsageError
        Codes unknown_verb, unknown_option, unknown_value, missing_argument,
        missing_value, unexpected_argument, bad_value.
    """
    rest = list(words)
    if rest and rest[0] in ("--help", "-h", "help"):
        return Request(noun, None, argparse.Namespace(), help=True)
    verb = _take_verb(context, noun, rest)
    if "--help" in rest or "-h" in rest:
        return Request(noun, verb, argparse.Namespace(), help=True)
    spelled = context.spell(noun.name, "" if noun.sole else verb.name)
    return Request(noun, verb, parse_arguments(context, verb, rest, spelled))


def parse_arguments(
    context: Context, verb: Verb, words: Sequence[str], spelled: str
) -> argparse.Namespace:
    """Return the values of a verb's arguments; ``spelled`` names it in errors."""
    parser = _Parser(verb, spelled)
    words = [_replace_variable(context, word) for word in words]
    _check_options(verb, words, spelled)
    given, extra = parser.parse_known_intermixed_args(words)
    extra = [word for word in extra if word != "--"]
    if extra:
        raise UsageError(
            f"{spelled} does not take '{extra[0]}'",
            code="unexpected_argument",
            hint=_usage_hint(verb, spelled),
        )
    for argument in verb.places:
        if argument.required and getattr(given, argument.destination) in (None, []):
            raise UsageError(
                f"{spelled} needs {argument.shown}: {argument.help}",
                code="missing_argument",
                hint=_usage_hint(verb, spelled),
            )
    return given


def usage(verb: Verb, spelled: str) -> str:
    """Return one line: ``%pfruntime create NAME [--environment ENV] …``."""
    words = [spelled]
    for argument in verb.places:
        words.append(argument.shown if argument.required else f"[{argument.shown}]")
    for argument in verb.arguments:
        if argument.is_option:
            words.append(f"[{f'{argument.name} {argument.shown}'.rstrip()}]")
    return " ".join(words)


def _take_verb(context: Context, noun: Noun, rest: list[str]) -> Verb:
    if noun.sole is not None:
        return noun.sole
    if not rest or rest[0].startswith("-"):
        return noun.verbs[noun.default]
    name = rest.pop(0)
    verb = noun.verbs.get(name)
    if verb is None:
        raise unknown(
            f"{context.spell(noun.name)} has no verb '{name}'",
            "unknown_verb",
            name,
            noun.verbs,
            f"{context.help_of(noun.name)} lists them all",
        )
    return verb


def unknown(
    message: str, code: str, word: str, known: Iterable[str], otherwise: str
) -> UsageError:
    """Return the error for a word that is not known, with the nearest that is."""
    close = nearest(word, known)
    hint = f"did you mean '{close}'?   {otherwise}" if close else otherwise
    return UsageError(message, code=code, hint=hint)


def _usage_hint(verb: Verb, spelled: str) -> str:
    if verb.examples:
        return f"for example: {spelled} {verb.examples[0]}".rstrip()
    return f"write: {usage(verb, spelled)}"


def _check_options(verb: Verb, words: Sequence[str], spelled: str) -> None:
    """Refuse unknown options first: argparse would take their values for places."""
    known = [option.name for option in verb.options]
    for word in words:
        if word == "--":
            return
        name = word.split("=", 1)[0]
        if not name.startswith("--") or name in known:
            continue
        choices = listed(known[:-2]) if len(known) > 2 else ""
        raise unknown(
            f"{spelled} has no option '{name}'",
            "unknown_option",
            name,
            known,
            f"it takes {choices}" if choices else "it takes --json and --debug",
        )


def _replace_variable(context: Context, word: str) -> str:
    """Let ``$name`` and ``{name}`` stand for a variable, by its name or its id.

    Only whole words are replaced: ``${node.output}`` and JSON stay what they are.
    Values of inputs (``text=$page``) are replaced where their type is kept.
    """
    name = ""
    if word.startswith("$"):
        name = word[1:]
    elif word.startswith("{") and word.endswith("}"):
        name = word[1:-1]
    if not name.isidentifier() or name not in context.variables:
        return word
    value = context.variables[name]
    if isinstance(value, os.PathLike):
        return str(value)  # a path has a name, too, and it is not meant
    for attribute in ("run_id", "name"):
        if isinstance(getattr(value, attribute, None), str):
            return str(getattr(value, attribute))
    # A DataFrame, say, is no word; the verb takes the variable itself.
    return str(value) if isinstance(value, str | int | float) else word


class _Parser(argparse.ArgumentParser):
    """argparse for one verb, raising our errors."""

    def __init__(self, verb: Verb, spelled: str) -> None:
        super().__init__(prog=spelled, add_help=False, allow_abbrev=False)
        self._spelled = spelled
        for argument in verb.places:
            self._add_place(argument)
        for argument in verb.options:
            self._add_option(argument)

    def error(self, message: str) -> NoReturn:
        option, _, what = message.removeprefix("argument ").partition(": ")
        if "expected" in what:
            message = f"{self._spelled}: {option} needs a value"
        raise UsageError(message, code="missing_value")

    def _add_place(self, argument: Argument) -> None:
        self.add_argument(
            argument.destination,
            nargs="*" if argument.many else "?",
            default=[] if argument.many else argument.default,
            type=self._converter(argument),
        )

    def _add_option(self, argument: Argument) -> None:
        if argument.flag:
            self.add_argument(argument.name, action="store_true")
        elif argument.many:
            self.add_argument(
                argument.name,
                nargs="+",
                action="extend",
                default=[],
                type=self._converter(argument),
            )
        else:
            self.add_argument(
                argument.name,
                default=argument.default,
                type=self._converter(argument),
            )

    def _converter(self, argument: Argument) -> Any:
        shown = argument.name if argument.is_option else argument.shown

        def convert(text: str) -> Any:
            if argument.choices and text not in argument.choices:
                raise unknown(
                    f"{self._spelled}: {shown} cannot be '{text}'",
                    "unknown_value",
                    text,
                    argument.choices,
                    f"it is {listed(argument.choices)}",
                )
            try:
                return argument.type(text)
            except PfError:
                raise
            except ValueError as error:
                raise UsageError(
                    f"{self._spelled}: {shown} cannot be '{text}': {error}",
                    code="bad_value",
                    hint=f"{shown} is: {argument.help}",
                ) from None

        return convert
