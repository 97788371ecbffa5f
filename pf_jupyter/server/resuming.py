"""Begins long work, and goes on with what a server that is gone had begun."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import PfError
from .journal import Entry
from .log import log
from .operations import Operation
from .served import Served
from .verb import VERBS, Ask, Verb, guarded


def begin(verb: Verb, ask: Ask, key: str) -> tuple[Operation, bool]:
    """Begin a long verb; return its operation, and whether it is new."""
    name = getattr(ask.body, "name", None) or getattr(ask.body, "runtime", None)
    target = " ".join(ask.path.values()) or str(name or "")
    kept = ask.body.model_dump(mode="json") if verb.keeps_body else None
    entry = Entry(
        key, verb.route.name, target, ask.principal, dict(ask.path), body=kept
    )
    return _begin(ask, entry, lambda: verb.function(ask))


def resume(served: Served) -> list[Operation]:
    """Go on with everything that servers that are gone had begun, and tidy up."""
    served.calls.submit(served.files.sweep)
    return [_resumed(served, entry) for entry in served.journal.left()]


def _resumed(served: Served, entry: Entry) -> Operation:
    ask = Ask(served, entry.principal, entry.path)
    verb = VERBS.get(entry.verb)

    def work() -> Any:
        if verb is None or verb.resume is None:
            raise _lost(entry)
        if verb.keeps_body and verb.body is not None:
            ask.body = verb.body.model_validate(entry.body)
        return verb.resume(ask, entry.run_id)

    log.info("goes on with %s %s", entry.verb, entry.target)
    operation, _ = _begin(ask, entry, work)
    operation.run_id = entry.run_id
    return operation


def _begin(ask: Ask, entry: Entry, work: Callable[[], Any]) -> tuple[Operation, bool]:
    operation = Operation(entry.id, entry.verb, entry.target, entry.principal)
    ask.operation = operation

    def answered() -> Any:
        result = guarded(work)
        return None if result is None else result.model_dump(mode="json")

    return ask.served.operations.begin(operation, answered, entry)


def _lost(entry: Entry) -> PfError:
    return PfError(
        f"the server was ended while {entry.verb} was going on",
        code="server_restarted",
        hint="try it again",
    )
