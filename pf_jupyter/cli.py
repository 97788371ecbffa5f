"""The command ``jupyter pf``.

Nothing heavy is imported before a verb needs it: help must come at once.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from .errors import InternalError, PfError, UsageError

if TYPE_CHECKING:
    from .commands.context import Context
    from .commands.parsing import Request
    from .commands.tree import Outcome, Verb

INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code.

    Parameters
    ----------
    argv
        The words after ``jupyter pf``; the process's own when None.

    Returns
    -------
    int
        0 done, 1 the work failed, 2 wrong use, 3 refused, 4 a needed thing does not
        answer, 130 interrupted.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    _keep_going_on_odd_characters()
    try:
        code = _main(words)
        sys.stdout.flush()
    except KeyboardInterrupt:
        # The work is done and reported; only the tidying up was cut short.
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone (`| head`); Python would complain again at exit.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _main(words: list[str]) -> int:
    from .commands.catalogue import NOUNS
    from .commands.helptext import help_of_all

    if not words or words[0] in ("--help", "-h", "help"):
        _say(help_of_all(NOUNS.values()))
        return 0
    if words[0] in ("--version", "version"):
        from . import __version__

        _say(__version__)
        return 0
    if words[0] == "server":
        from .server.team import main as serve

        return serve(words[1:])
    return _Command(words).run()


class _Command:
    """One command line, its context and its way of printing."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._json = "--json" in words
        self._debug = "--debug" in words
        self._verb: Verb | None = None
        self._context = self._make_context()

    def run(self) -> int:
        try:
            return self._run()
        except KeyboardInterrupt:
            return self._fail(_stopped(), INTERRUPTED)
        except PfError as error:
            if error.code == "canceled":
                return self._fail(error, INTERRUPTED)
            return self._fail(error, error.exit_code)
        except BrokenPipeError:
            raise
        except Exception as error:
            wrapped = InternalError(f"{type(error).__name__}: {error}")
            return self._fail(wrapped, wrapped.exit_code)
        finally:
            if self._context._workspace is not None:
                self._context._workspace.close()

    def _make_context(self) -> Context:
        from .commands.context import Context
        from .commands.terminal import TerminalProgress

        stream = sys.stderr
        follows = self._words[:2] == ["runtime", "logs"] and "--follow" in self._words
        talks = self._words[:2] == ["flow", "chat"]
        if (self._words[0] == "demo" or follows or talks) and not self._json:
            # What happens is what these were asked for.
            stream = sys.stdout
        return Context(
            face="shell",
            progress=TerminalProgress(stream),
            interactive=_is_terminal(sys.stdin) and _is_terminal(sys.stdout),
        )

    def _run(self) -> int:
        from .commands.catalogue import NOUNS
        from .commands.parsing import parse, unknown

        name, *rest = self._words
        if name in ("--json", "--debug"):
            self._words = [*rest, name]
            return self._run()
        noun = NOUNS.get(name)
        if noun is None:
            raise unknown(
                f"jupyter pf has no '{name}'",
                "unknown_noun",
                name,
                NOUNS,
                "jupyter pf --help lists them all",
            )
        self._verb = _verb_of(noun, rest)
        request = parse(self._context, noun, rest)
        if request.help:
            self._help(request)
            return 0
        assert request.verb is not None
        self._verb = request.verb
        return self._show(request.verb.run(self._context, request.arguments))

    def _help(self, request: Request) -> None:
        from .commands.helptext import help_of_noun, help_of_verb

        if request.verb is None:
            _say(help_of_noun(request.noun, "shell"))
        else:
            _say(help_of_verb(request.noun, request.verb, "shell"))

    def _show(self, outcome: Outcome) -> int:
        if self._json:
            _print_json(outcome.value if outcome.document is None else outcome.document)
        elif outcome.failure is None:
            text = repr(outcome.value) if outcome.text is None else outcome.text
            if text:
                _say(text)
        if outcome.failure is None:
            return outcome.exit_code
        if outcome.failure.code == "canceled":
            self._complain(outcome.failure)
            return INTERRUPTED
        self._complain(outcome.failure)
        return outcome.failure.exit_code

    def _fail(self, error: PfError, code: int) -> int:
        error.hint = self._context.respell(error.hint)
        if self._json:
            from .commands.tree import plain_error

            failed = self._verb.failed if self._verb is not None else plain_error
            _print_json(failed(error))
        if self._debug and not isinstance(error, UsageError):
            import traceback

            traceback.print_exc()
        self._complain(error)
        return code

    def _complain(self, error: PfError) -> None:
        from .commands.failures import describe

        _say(self._context.respell(describe(error)), sys.stderr)


def _verb_of(noun: Any, words: Sequence[str]) -> Verb | None:
    """Return the verb that is meant, so that even a wrong line fails in its form."""
    verb: Verb | None = noun.sole
    if verb is None and words:
        verb = noun.verbs.get(words[0])
    return verb


def _stopped() -> PfError:
    return PfError("stopped by you", code="canceled", hint="run it again")


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def _keep_going_on_odd_characters() -> None:
    """Write what a console cannot show as an escape instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            with contextlib.suppress(ValueError, OSError):
                reconfigure(errors="backslashreplace")


def _say(text: str, stream: TextIO | None = None) -> None:
    from .commands.terminal import speaks_unicode
    from .commands.wording import to_ascii

    stream = stream or sys.stdout
    stream.write((text if speaks_unicode(stream) else to_ascii(text)) + "\n")
    stream.flush()


def _print_json(document: Any) -> None:
    encoding = (getattr(sys.stdout, "encoding", None) or "ascii").lower()
    text = json.dumps(
        _finite(document),
        ensure_ascii=not encoding.startswith("utf"),
        indent=2,
        default=str,
    )
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _finite(value: Any) -> Any:
    """Return the value without NaN and infinities, which JSON has no words for."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


if __name__ == "__main__":
    sys.exit(main())
