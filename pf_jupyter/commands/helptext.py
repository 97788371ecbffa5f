"""Help, made from the tree."""

from __future__ import annotations

from collections.abc import Iterable

from .parsing import usage
from .tree import Argument, Noun, Verb
from .wording import columns

_START = {"notebook": "%pf", "shell": "jupyter pf "}


def help_of_all(nouns: Iterable[Noun]) -> str:
    """Return the first page of ``jupyter pf --help``."""
    nouns = list(nouns)
    rows = [
        (
            f"  {noun.name}",
            noun.help,
        )
        for noun in nouns
    ]
    return "\n".join(
        [
            "jupyter pf NOUN VERB …      runs prompt flows in containers of your own",
            "",
            *columns(rows),
            "",
            "jupyter pf NOUN --help lists its verbs; each takes --json and --debug.",
            "Exit codes: 0 done, 1 the work failed, 2 wrong use, 3 refused, "
            "4 something needed does not answer.",
        ]
    )


def help_of_noun(noun: Noun, face: str) -> str:
    """Return the help of a noun: its verbs with their arguments."""
    start = f"{_START[face]}{noun.name}"
    if noun.sole is not None:
        return help_of_verb(noun, noun.sole, face)
    rows = [
        (f"  {' '.join([verb.name, *_places(verb)])}", verb.help)
        for verb in noun.verbs.values()
    ]
    lines = [f"{start} VERB …      {noun.help}", "", *columns(rows), ""]
    if face == "shell":
        lines.append(f"{start} VERB --help shows the options of a verb.")
        return "\n".join(lines)
    lines.append(f"Without a verb: {noun.default}.")
    for verb in noun.verbs.values():
        lines += ["", *_verb_lines(verb, f"{start} {verb.name}")]
    return "\n".join(lines)


def help_of_verb(noun: Noun, verb: Verb, face: str) -> str:
    """Return the help of one verb."""
    start = f"{_START[face]}{noun.name}"
    spelled = start if noun.sole is verb else f"{start} {verb.name}"
    lines = [*_verb_lines(verb, spelled), ""]
    lines += columns([(f"  {o.name}", o.help) for o in verb.options[-2:]])
    return "\n".join(lines)


def help_of_cell(verb: Verb) -> str:
    """Return the help of a cell magic."""
    return "\n".join(_verb_lines(verb, f"%%{verb.name}"))


def _verb_lines(verb: Verb, spelled: str) -> list[str]:
    lines = [usage(verb, spelled), f"    {verb.help}"]
    rows = [(f"    {_name(a)}", _help(a)) for a in verb.arguments]
    lines += columns(rows)
    lines += [f"    e.g. {spelled} {example}".rstrip() for example in verb.examples]
    return lines


def _name(argument: Argument) -> str:
    if not argument.is_option:
        return argument.shown
    return f"{argument.name} {argument.shown}".rstrip()


def _help(argument: Argument) -> str:
    if argument.default is None or argument.flag or argument.many:
        return argument.help
    return f"{argument.help} (default {argument.default})"


def _places(verb: Verb) -> list[str]:
    return [a.shown if a.required else f"[{a.shown}]" for a in verb.places]
