"""Takes the secrets of a run out of everything that it says.

A secret is hidden as it is, and in the forms in which it commonly appears in other
text: inside JSON, a repr, an address, base64, line by line. One that is shorter than
`SHORTEST` characters is not hidden: it would be found everywhere by accident.
"""

from __future__ import annotations

import json
import re
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Pattern,
    Sequence,
    Set,
)

MASK = "*****"
SHORTEST = 4
_LINE_LENGTH = 16
_CUT = "…"
_KEPT_FACTS = frozenset(["event", "node", "time", "stream", "output", "status"])
_KEPT_ERROR = frozenset(["code", "codes", "node", "frames", "connection"])
_TIMES = ["started_at", "ended_at", "duration_ms"]
# bytes in base64 hold any four letters sooner or later: stars would break them
_KEPT_RESULT = frozenset([*_TIMES, "status", "pid", "hostname", "artifacts"])
_NAMED = frozenset(["aggregation_inputs", "inputs", "logs", "metrics", "outputs"])

Text = Any
"""``str`` or ``bytes``, the same throughout one scrubber."""


class Secrets:
    """The secrets of one run; false when there are none.

    Parameters
    ----------
    values
        The secrets themselves.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        found: Set[str] = set()
        for value in values:
            found.update(_forms(value))
        self.texts: Sequence[str] = sorted(found, key=len, reverse=True)
        self._pattern = _pattern(self.texts) if found else None

    def __bool__(self) -> bool:
        return self._pattern is not None

    def __repr__(self) -> str:
        return f"<{len(self.texts)} texts to hide>"

    def scrub(self, text: str) -> str:
        """Return ``text`` with stars for each secret."""
        if self._pattern is None:
            return text
        text = self._pattern.sub(MASK, text)
        return self._scrub_cut(text) if _CUT in text else text

    def scrub_value(self, value: Any) -> Any:
        """Return JSON data with stars for each secret in its texts and keys."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, dict):
            return {
                self.scrub(key) if isinstance(key, str) else key: self.scrub_value(item)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.scrub_value(item) for item in value]
        return value

    def scrub_error(self, error: Any) -> Any:
        """Return an ERROR of the protocol without secrets."""
        if self._pattern is None:
            return error
        return self._scrub_facts(error, _KEPT_ERROR)

    def scrub_result(self, result: Dict[str, Any]) -> Dict[str, Any]:
        """Return a RESULT of the protocol without secrets; names stay."""
        if self._pattern is None:
            return result
        shown: Dict[str, Any] = self._scrub_facts(
            result, _KEPT_RESULT | {"nodes", "error"}
        )
        shown["error"] = self.scrub_error(result.get("error"))
        shown["nodes"] = {
            name: self.scrub_node(node)
            for name, node in (result.get("nodes") or {}).items()
        }
        return shown

    def scrub_node(self, node: Dict[str, Any]) -> Dict[str, Any]:
        """Return a NODE of the protocol without secrets."""
        shown: Dict[str, Any] = self._scrub_facts(node, _KEPT_RESULT | {"error"})
        shown["error"] = self.scrub_error(node.get("error"))
        return shown

    def scrub_event(self, event: Dict[str, Any]) -> Dict[str, Any]:
        """Return an event of the protocol without secrets."""
        special = {"error", "node_result"}
        shown: Dict[str, Any] = self._scrub_facts(event, _KEPT_FACTS | special)
        if "error" in event:
            shown["error"] = self.scrub_error(event["error"])
        if "node_result" in event:
            shown["node_result"] = self.scrub_node(event["node_result"])
        return shown

    def emitting(self, emit: Callable[[Dict[str, Any]], None]) -> Callable[..., None]:
        """Return what sends events without secrets; ``emit`` itself without any."""
        if self._pattern is None:
            return emit
        return lambda event: emit(self.scrub_event(event))

    def stream(self) -> "Optional[StreamScrubber]":
        """Return a scrubber for text that comes in pieces, None without secrets."""
        if self._pattern is None:
            return None
        return StreamScrubber(self.texts, self._pattern, MASK)

    def byte_stream(self) -> "Optional[StreamScrubber]":
        """Return the same for bytes."""
        if self._pattern is None:
            return None
        texts = [text.encode("utf-8", "surrogatepass") for text in self.texts]
        return StreamScrubber(texts, _pattern(texts), MASK.encode())

    def _scrub_facts(self, facts: Any, kept: Iterable[str]) -> Any:
        if not isinstance(facts, dict):
            return self.scrub_value(facts)
        return {
            key: item if key in kept else self._fact(key, item)
            for key, item in facts.items()
        }

    def _fact(self, key: str, value: Any) -> Any:
        if key in _NAMED and isinstance(value, dict):
            # these keys are names of the protocol or of the flow
            return {name: self.scrub_value(item) for name, item in value.items()}
        return self.scrub_value(value)

    def _scrub_cut(self, text: str) -> str:
        """Hide the beginning of a secret that a preview cut off."""
        pieces = text.split(_CUT)
        for number, piece in enumerate(pieces[:-1]):
            held = _held(piece, self.texts)
            if held >= SHORTEST:
                pieces[number] = piece[: len(piece) - held] + MASK
        return _CUT.join(pieces)


class StreamScrubber:
    """Scrubs text that comes in pieces, also where a secret lies across a border.

    What may be the beginning of a secret is held back until it is known.
    """

    def __init__(
        self, texts: Sequence[Text], pattern: Pattern[Any], mask: Text
    ) -> None:
        self._texts = texts
        self._pattern = pattern
        self._mask = mask
        self._carry = mask[:0]

    def feed(self, text: Text) -> Text:
        """Take a piece; return what can be shown by now."""
        text = self._carry + text
        start = len(text) - _held(text, self._texts)
        if start < len(text):
            for match in self._pattern.finditer(text):
                if match.start() < start < match.end():
                    start = match.start()
        self._carry = text[start:]
        return self._pattern.sub(self._mask, text[:start])

    def finish(self) -> Text:
        """Return what was held back: nothing follows any more."""
        rest, self._carry = self._carry, self._carry[:0]
        return self._pattern.sub(self._mask, rest)


NONE = Secrets()


def secrets_of(connections: Optional[Mapping[str, Any]]) -> Secrets:
    """Return the secrets in connections, given in execution form."""
    if not connections:
        return NONE
    values: List[str] = []
    for data in connections.values():
        fields = data.get("value") or {}
        for key in data.get("secret_keys") or ():
            if isinstance(fields.get(key), str):
                values.append(fields[key])
    return Secrets(values)


def _pattern(texts: Sequence[Text]) -> Pattern[Any]:
    bar: Any = b"|" if texts and isinstance(texts[0], bytes) else "|"
    return re.compile(bar.join(map(re.escape, texts)))


def _held(text: Text, texts: Sequence[Text]) -> int:
    """Return the length of the longest end of ``text`` that begins a secret."""
    longest = 0
    for secret in texts:
        for size in range(min(len(secret) - 1, len(text)), longest, -1):
            if text.endswith(secret[:size]):
                longest = size
                break
    return longest


def _forms(secret: str) -> Set[str]:
    """Return the forms in which a secret may appear in text."""
    import base64
    from urllib.parse import quote, quote_plus

    if len(secret) < SHORTEST:
        return set()
    forms = {secret, secret.strip(), repr(secret)[1:-1]}
    forms.add(json.dumps(secret)[1:-1])
    forms.add(json.dumps(secret, ensure_ascii=False)[1:-1])
    raw = secret.encode("utf-8", "surrogatepass")
    forms.update((quote(raw, safe=""), quote(raw), quote_plus(raw)))
    if len(secret) >= 2 * SHORTEST:
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            forms.add(encode(raw).decode("ascii").rstrip("="))
    lines = [line.strip() for line in secret.splitlines()]
    if len(lines) > 1:
        forms.update(line for line in lines if len(line) >= _LINE_LENGTH)
    return {form for form in forms if len(form) >= SHORTEST}
