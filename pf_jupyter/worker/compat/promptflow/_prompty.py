"""Prompty files called from code."""

import asyncio
import contextvars
import functools

from promptflow.exceptions import UserErrorException

from pf_jupyter.worker.execution.failures import FlowFailure
from pf_jupyter.worker.execution.prompty import PromptyFile


def _public(failure):
    """Return a failure as an exception that code written for promptflow catches."""
    wrapped = "OpenAIError" in failure.codes
    name = "WrappedOpenAIError" if wrapped else failure.code
    bases = (UserErrorException,)
    if name == "UserErrorException":
        made = UserErrorException(failure.message)
    else:
        made = type(name, bases, {"__doc__": failure.message})(failure.message)
    made.hint = failure.hint
    made.__cause__ = failure.cause
    return made


def _translated(function):
    @functools.wraps(function)
    def translate(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except FlowFailure as failure:
            raise _public(failure) from failure.cause

    return translate


class Prompty:
    """A prompty file as a function: ``Prompty.load(source=path)(question="…")``.

    Parameters
    ----------
    path
        The file.
    model
        Merged into the file's ``model``.
    kwargs
        Merged into its other settings.
    """

    @_translated
    def __init__(self, path, model=None, **kwargs):
        overrides = dict(kwargs)
        if model:
            overrides["model"] = model
        self._file = PromptyFile(str(path), overrides)

    @classmethod
    def load(cls, source, **kwargs):
        """Load a prompty file."""
        if not str(source).endswith(".prompty"):
            raise UserErrorException(
                f"{source} is no prompty: its name must end with .prompty"
            )
        return cls(source, **kwargs)

    @_translated
    def __call__(self, *args, **kwargs):
        """Ask the model; inputs are keywords, none at all are those of the sample."""
        _only_keywords(args, "called")
        return self._file.ask(kwargs)

    @_translated
    def render(self, *args, **kwargs):
        """Return the prompt as text."""
        _only_keywords(args, "rendered")
        return str(self._file.prompt(kwargs))

    @_translated
    def estimate_token_count(self, *args, **kwargs):
        """Return the tokens of the prompt and those that the answer may take."""
        _only_keywords(args, "rendered")
        limit = self._file.model["parameters"].get("max_tokens") or 0
        if not isinstance(limit, int) or isinstance(limit, bool):
            raise UserErrorException("max_tokens must be a whole number")
        return _tokens(self._file.prompt(kwargs), str(self._file.model_name)) + limit


class AsyncPrompty(Prompty):
    """The same for coroutines: ``await AsyncPrompty.load(source=path)(…)``."""

    async def __call__(self, *args, **kwargs):
        """Ask the model without blocking the loop."""
        context = contextvars.copy_context()
        ask = functools.partial(context.run, super().__call__, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(None, ask)


def _only_keywords(args, verb):
    if args:
        raise UserErrorException(f"a prompty is {verb} with keyword arguments only")


def _tokens(prompt, model):
    try:
        import tiktoken
    except ImportError:
        raise UserErrorException(
            "counting tokens takes the package tiktoken, which this runtime does not "
            "have; %pfruntime install tiktoken"
        ) from None
    try:
        encoding = tiktoken.encoding_for_model(model)
    except KeyError:
        encoding = tiktoken.get_encoding("cl100k_base")
    if isinstance(prompt, str):
        return len(encoding.encode(prompt))
    # three for each message and three for the answer's beginning
    texts = [str(v) for message in prompt for v in message.values()]
    return 3 + 3 * len(prompt) + sum(len(encoding.encode(text)) for text in texts)
