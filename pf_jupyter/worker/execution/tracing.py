"""Spans: what a node did inside, as functions under ``@trace`` and calls of models.

The spans of the flow and of its nodes are not made here: RESULT says all of them under
``nodes``, and whoever shows a trace puts them together. So a run without ``@trace`` and
without models pays nothing. Names and attributes: flow-format section 7.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from contextvars import ContextVar
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional

from pf_jupyter.worker.execution.logs import NodeLog, log_here
from pf_jupyter.worker.execution.records import Moment, moment, to_json_or_text

MAX_SPANS = 1000
"""Spans that are kept of one node; the others are counted."""
MAX_CHARACTERS = 8_000
"""Characters that the inputs of one span may take, and its output."""
_MAX_DEPTH = 20

_numbers = itertools.count(1)


class Span:
    """One call of a function inside a node.

    Parameters
    ----------
    log
        The log of the node that it belongs to.
    name
        What is shown.
    kind
        ``Function``, ``LLM``, ``Embedding``, ``Retrieval`` … (flow-format section 7).
    inputs
        Bounded already, see `bounded`.
    """

    __slots__ = (
        "began",
        "ended",
        "error",
        "inputs",
        "kind",
        "log",
        "name",
        "number",
        "output",
        "parent",
    )

    def __init__(
        self, log: NodeLog, name: str, kind: str, inputs: Mapping[str, Any]
    ) -> None:
        above = current_span.get()
        self.log = log
        self.number = next(_numbers)
        self.parent = above.number if above is not None and above.log is log else None
        self.name = name
        self.kind = kind
        self.inputs = inputs
        self.output: Any = None
        self.error: Optional[Dict[str, str]] = None
        self.began = moment()
        self.ended: Optional[Moment] = None
        if len(log.spans) < MAX_SPANS:
            log.spans.append(self)
        else:
            log.spans_dropped += 1

    def end(self, output: Any) -> None:
        """Note that the call gave ``output``."""
        self.ended = moment()
        self.output = bounded(output)

    def fail(self, error: BaseException) -> None:
        """Note that the call raised."""
        self.ended = moment()
        try:
            text = str(error)
        except Exception:  # the exception's own __str__
            text = ""
        self.error = {"type": type(error).__name__, "message": bounded(text)}

    def to_dict(self) -> Dict[str, Any]:
        """Return the SPAN of the protocol."""
        took = None
        if self.ended is not None:
            took = round((self.ended[0] - self.began[0]) * 1000, 3)
        return {
            "id": self.number,
            "parent": self.parent,
            "node": self.log.node,
            "name": self.name,
            "kind": self.kind,
            "started_at": self.began[1],
            "duration_ms": took,
            "inputs": self.inputs,
            "output": self.output,
            "error": self.error,
        }


current_span: ContextVar[Optional[Span]] = ContextVar("pf_span", default=None)
"""The innermost span of this context: its copies, in threads and tasks, know it too."""


def traced(
    function: Callable[..., Any],
    *,
    kind: str = "Function",
    name: Optional[str] = None,
    ignored: Iterable[str] = (),
) -> Callable[..., Any]:
    """Return ``function`` such that each call inside a node leaves a span.

    Coroutines, generators and async generators stay what they are. Outside of a run it
    does nothing.

    Parameters
    ----------
    function
        The function; for methods, ``self`` is not recorded.
    kind, name
        As `Span`; the name is that of the function by default.
    ignored
        Parameters that are not recorded.
    """
    shown = name or getattr(function, "__qualname__", "call").split("<locals>.")[-1]
    hidden = frozenset(["self", "cls", *ignored])

    def begin(args: Any, kwargs: Any) -> Optional[Span]:
        log = log_here()
        if log is None:
            return None
        return Span(log, shown, kind, _arguments(function, args, kwargs, hidden))

    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            span = begin(args, kwargs)
            if span is None:
                return await function(*args, **kwargs)
            token = current_span.set(span)
            try:
                value = await function(*args, **kwargs)
            except BaseException as error:
                span.fail(error)
                raise
            finally:
                current_span.reset(token)
            span.end(value)
            return value

        return coroutine
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def async_generator(*args: Any, **kwargs: Any) -> Any:
            with _Items(begin(args, kwargs)) as items:
                async for item in function(*args, **kwargs):
                    with items.paused(item):
                        yield item

        return async_generator
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generator(*args: Any, **kwargs: Any) -> Any:
            with _Items(begin(args, kwargs)) as items:
                for item in function(*args, **kwargs):
                    with items.paused(item):
                        yield item

        return generator

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        span = begin(args, kwargs)
        if span is None:
            return function(*args, **kwargs)
        token = current_span.set(span)
        try:
            value = function(*args, **kwargs)
        except BaseException as error:
            span.fail(error)
            raise
        finally:
            current_span.reset(token)
        span.end(value)
        return value

    return call


class _Items:
    """The span of a generator: it is the current one only while the generator works."""

    def __init__(self, span: Optional[Span]) -> None:
        self._span = span
        self._above: Optional[Span] = None
        self._items: List[Any] = []
        self._size = 0

    def __enter__(self) -> "_Items":
        self._enter()
        return self

    def __exit__(self, kind: Any, error: Optional[BaseException], tb: Any) -> None:
        if self._span is None:
            return
        self._leave()
        if error is None or isinstance(error, GeneratorExit):
            self._span.end(self._items)
        else:
            self._span.fail(error)

    def paused(self, item: Any) -> "_Pause":
        """Note an item, and let the reader go on outside of the span."""
        if self._span is not None and self._size < MAX_CHARACTERS:
            shown = bounded(item)
            self._size += len(shown) if isinstance(shown, str) else 64
            self._items.append(shown)
        return _Pause(self)

    # A generator may be read in another context than it began in, where a token of
    # the context variable is not valid: the value itself is put back.
    def _enter(self) -> None:
        if self._span is not None:
            self._above = current_span.get()
            current_span.set(self._span)

    def _leave(self) -> None:
        if self._span is not None:
            current_span.set(self._above)


class _Pause:
    def __init__(self, items: _Items) -> None:
        self._items = items

    def __enter__(self) -> None:
        self._items._leave()

    def __exit__(self, *_: Any) -> None:
        self._items._enter()


def spans_of(logs: Iterable[NodeLog]) -> List[Dict[str, Any]]:
    """Return the SPANs of a run, in the order in which they began.

    Parameters
    ----------
    logs
        Those of the run's nodes, and the run's own.
    """
    spans: List[Dict[str, Any]] = []
    for log in logs:
        if not log.spans and not log.model_calls:
            continue
        spans += [span.to_dict() for span in log.spans]
        spans += [_model_span(call, log) for call in log.model_calls]
        if log.spans_dropped:
            last = spans[-1]
            last["attributes"] = {
                **last.get("attributes", {}),
                "spans_not_kept": log.spans_dropped,
            }
    if len(spans) > 1:
        spans.sort(key=lambda span: str(span["started_at"]))
    return spans


def _model_span(call: Any, log: NodeLog) -> Dict[str, Any]:
    """Return the SPAN of a `ModelCall`."""
    asked = dict(call.request)
    kind = "Embedding" if call.api == "embedding" else "LLM"
    error = None
    if call.error is not None:
        name, _, text = str(call.error).partition(": ")
        error = {"type": name, "message": bounded(text)}
    attributes: Dict[str, Any] = {
        "llm.response.model": call.model,
        "llm.provider": call.provider,
        "llm.api": call.api,
    }
    if call.finish_reason:
        attributes["llm.finish_reason"] = call.finish_reason
    if call.first_token_ms is not None:
        attributes["llm.first_token_ms"] = call.first_token_ms
    if call.retries:
        attributes["llm.retries"] = call.retries
    if call.usage_estimated:
        attributes["llm.usage.estimated"] = True
    return {
        "id": next(_numbers),
        "parent": getattr(call, "parent", None),
        "node": log.node,
        "name": f"{call.provider}.{call.api}" if call.provider else str(call.api),
        "kind": kind,
        "started_at": call.started_at,
        "duration_ms": call.duration_ms,
        "inputs": bounded(asked),
        "output": bounded(call.output),
        "error": error,
        "usage": dict(call.usage),
        "attributes": attributes,
    }


def bounded(value: Any, limit: int = MAX_CHARACTERS) -> Any:
    """Return a value as plain data of about ``limit`` characters at most.

    What is left out is marked with ``…``, so that scrubbing finds a secret that was cut
    in two. However large the value is, only what is kept of it is looked at.
    """
    return _Bound(limit).take(value, 0)


class _Bound:
    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, (bool, int, float)):
            self._left -= 8
            return value
        if depth >= _MAX_DEPTH:
            return "…"
        if type(value) is dict:
            return self._dict(value, depth)
        if type(value) in (list, tuple):
            return self._list(value, depth)
        shown = to_json_or_text(value)
        if isinstance(shown, (str, list, dict)):
            return self.take(shown, depth + 1)
        return shown

    def _text(self, text: str) -> str:
        room = max(self._left, 0)
        self._left -= len(text) + 2
        if len(text) <= room:
            return text
        return f"{text[:room]}… ({len(text) - room} more characters)"

    def _dict(self, value: Mapping[Any, Any], depth: int) -> Dict[str, Any]:
        shown: Dict[str, Any] = {}
        for key, item in value.items():
            if self._left <= 0:
                shown["…"] = f"{len(value) - len(shown)} more"
                break
            self._left -= 4
            shown[self._text(str(key))] = self.take(item, depth + 1)
        return shown

    def _list(self, value: Any, depth: int) -> List[Any]:
        shown: List[Any] = []
        for item in value:
            if self._left <= 0:
                shown.append(f"… ({len(value) - len(shown)} more)")
                break
            self._left -= 2
            shown.append(self.take(item, depth + 1))
        return shown


def _arguments(
    function: Callable[..., Any], args: Any, kwargs: Any, hidden: "frozenset[str]"
) -> Dict[str, Any]:
    try:
        named = inspect.signature(function).bind(*args, **kwargs).arguments
    except (TypeError, ValueError):  # the call itself will say what is wrong
        named = {"args": list(args), **kwargs}
    bound = _Bound(MAX_CHARACTERS)
    return {k: bound.take(v, 0) for k, v in named.items() if k not in hidden}
