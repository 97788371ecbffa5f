"""What is known of each call of a model: who made it, what it took, what it cost.

The calls of a node are kept with the node's log and shown in its NODE under
``model``; whoever wants to hear of each of them, to draw spans say, listens.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional

from pf_jupyter.worker.execution.logs import current_log
from pf_jupyter.worker.execution.records import now_text
from pf_jupyter.worker.execution.tracing import current_span

_CHARS_PER_TOKEN = 4


@dataclass
class ModelCall:
    """One call of a model.

    Parameters
    ----------
    node
        Name of the node that made it; None outside of nodes.
    provider, api
        ``OpenAI`` or ``AzureOpenAI``; ``chat``, ``completion`` or ``embedding``.
    model
        What was asked for, then what the service says it was.
    request
        The options, and ``messages``, ``prompt`` or ``input``.
    started_at, ended_at
        UTC, ISO 8601.
    duration_ms, first_token_ms
        From the first attempt to the end, and to the first piece of text.
    retries
        How many attempts failed before.
    usage
        ``prompt_tokens``, ``completion_tokens``, ``total_tokens``.
    usage_estimated
        Whether the service gave none, so that they are counted from the characters.
    output
        The text or the message.
    finish_reason
        Why the model stopped.
    error
        What went wrong, in a sentence, or None.
    parent
        Number of the span in which it was made, or None.
    """

    node: Optional[str]
    provider: str
    api: str
    model: str
    request: Dict[str, Any] = field(default_factory=dict)
    stream: bool = False
    started_at: str = ""
    ended_at: Optional[str] = None
    duration_ms: Optional[float] = None
    first_token_ms: Optional[float] = None
    retries: int = 0
    usage: Dict[str, int] = field(default_factory=dict)
    usage_estimated: bool = False
    output: Any = None
    finish_reason: Optional[str] = None
    error: Optional[str] = None
    parent: Optional[int] = None

    def to_dict(self) -> Dict[str, Any]:
        """Return all of it as plain data."""
        return asdict(self)


Listener = Callable[[ModelCall], None]
_listeners: List[Listener] = []


def on_model_call(listener: Listener) -> Callable[[], None]:
    """Have ``listener`` called with every call when it has ended.

    It is called in the thread of the call, and must not raise.

    Returns
    -------
    callable
        Ends it.
    """
    _listeners.append(listener)

    def remove() -> None:
        if listener in _listeners:
            _listeners.remove(listener)

    return remove


class Recording:
    """Measures one call and files it; `end` or `fail` finishes it, once."""

    def __init__(
        self, provider: str, api: str, model: str, request: Mapping[str, Any]
    ) -> None:
        log, above = current_log.get(), current_span.get()
        self._clock = time.perf_counter()
        self._ended = False
        self.call = ModelCall(
            node=getattr(log, "node", None),
            provider=provider,
            api=api,
            model=str(model),
            request=dict(request),
            stream=bool(request.get("stream")),
            started_at=now_text(),
            parent=above.number if above is not None and above.log is log else None,
        )
        if log is not None:
            log.model_calls.append(self.call)

    def first_token(self) -> None:
        """Note that text arrived, unless it did before."""
        if self.call.first_token_ms is None:
            self.call.first_token_ms = self._elapsed()

    def answered(self, answer: Any) -> None:
        """Note model, usage and the reason of the end from an answer or a chunk."""
        model = getattr(answer, "model", None)
        if model:
            self.call.model = str(model)
        usage = getattr(answer, "usage", None)
        if usage is not None:
            for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
                count = getattr(usage, name, None)
                if isinstance(count, int):
                    self.call.usage[name] = count
        for choice in (getattr(answer, "choices", None) or ())[:1]:
            reason = getattr(choice, "finish_reason", None)
            if reason:
                self.call.finish_reason = str(reason)

    def end(self, output: Any) -> None:
        """Note that the call gave ``output``."""
        self.call.output = output
        if not self.call.usage:
            self._estimate(output)
        self._finish()

    def fail(self, error: BaseException, text: str) -> None:
        """Note that the call failed."""
        self.call.error = f"{type(error).__name__}: {text}"
        self._finish()

    def _finish(self) -> None:
        if self._ended:
            return
        self._ended = True
        self.call.ended_at = now_text()
        self.call.duration_ms = self._elapsed()
        for listener in list(_listeners):
            listener(self.call)

    def _elapsed(self) -> float:
        return round((time.perf_counter() - self._clock) * 1000, 3)

    def _estimate(self, output: Any) -> None:
        asked = self.call.request
        given = asked.get("messages") or asked.get("prompt") or asked.get("input")
        prompt, completion = _tokens(given), _tokens(output)
        if self.call.api == "embedding":
            completion = 0
        self.call.usage = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
        self.call.usage_estimated = True


def summary(calls: List[ModelCall]) -> Dict[str, Any]:
    """Return what a NODE tells of its calls: the last model, all tokens.

    Where there were several models, also the tokens of each.
    """
    total = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    models: Dict[str, Dict[str, int]] = {}
    for call in calls:
        part = models.setdefault(call.model, {})
        for name, count in call.usage.items():
            total[name] = total.get(name, 0) + count
            part[name] = part.get(name, 0) + count
    firsts = [call.first_token_ms for call in calls if call.first_token_ms is not None]
    return {
        "name": calls[-1].model,
        "provider": calls[-1].provider,
        "api": calls[-1].api,
        "calls": len(calls),
        "retries": sum(call.retries for call in calls),
        "usage": total,
        **({"usages": models} if len(models) > 1 else {}),
        "usage_estimated": any(call.usage_estimated for call in calls),
        "first_token_ms": firsts[0] if firsts else None,
        "duration_ms": round(sum(call.duration_ms or 0.0 for call in calls), 3),
        "finish_reason": calls[-1].finish_reason,
    }


def _tokens(value: Any) -> int:
    return -(-_characters(value) // _CHARS_PER_TOKEN)


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return 0 if value.startswith("data:") else len(value)
    if isinstance(value, dict):
        return sum(_characters(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return sum(_characters(item) for item in value)
    return 0
