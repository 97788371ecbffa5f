"""The OpenAPI document, made from the table of routes and the models."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from .. import __version__
from ..workspace.remote_routes import OPERATION_HEADER, PREFIX
from . import models
from .content import BINARY, LINES
from .handlers import PfHandler
from .verb import VERBS, Verb

_REFERENCE = "#/components/schemas/{model}"
_ERRORS = {
    "400": "The body is no JSON",
    "403": "Nobody known asks, or the right is missing",
    "404": "There is no such thing",
    "409": "It is not in a state that allows this, or exists already",
    "422": "What is asked does not fit",
    "503": "Something that is needed does not answer",
}

_EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "event": {"type": "string"},
        "data": {"description": "JSON"},
    },
}
_BYTES = {BINARY: {"schema": {"type": "string", "format": "binary"}}}
_LINES = {LINES: {"schema": {"type": "string"}}}


class DocumentHandler(PfHandler):
    """Gives the document to whoever may ask."""

    async def get(self, **path: str) -> None:
        """Answer with the document, the server's base URL in it."""
        del path
        whole = {**document(), "servers": [{"url": self.base_url}]}
        self.finish(json.dumps(whole))


@cache
def document() -> dict[str, Any]:
    """Return the document without the place of a server."""
    used: list[tuple[type[BaseModel], Any]] = [
        (models.ErrorAnswer, "serialization"),
        (models.OperationAnswer, "serialization"),
    ]
    for verb in VERBS.values():
        if verb.body is not None:
            used.append((verb.body, "validation"))
        if verb.answer is not None:
            used.append((verb.answer, "serialization"))
    references, schemas = models_json_schema(
        list(dict.fromkeys(used)), ref_template=_REFERENCE
    )
    paths: dict[str, dict[str, Any]] = {}
    for verb in VERBS.values():
        route = verb.route
        line = paths.setdefault(f"/{PREFIX}/{route.path}", {})
        line[route.method.lower()] = _operation(verb, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "pf_jupyter",
            "version": __version__,
            "description": "Runtimes, flows and runs behind a Jupyter server.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "token …: Jupyter's own, or a kernel's",
                }
            },
        },
        "security": [{"token": []}],
    }


def _operation(verb: Verb, references: Any) -> dict[str, Any]:
    route = verb.route
    described: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.noun],
        "parameters": _parameters(verb),
        "responses": _responses(verb, references),
    }
    if verb.takes_bytes:
        described["requestBody"] = {"required": False, "content": _BYTES}
    if verb.body is not None:
        schema = references[verb.body, "validation"]
        required = any(field.is_required() for field in verb.body.model_fields.values())
        described["requestBody"] = {
            "required": required,
            "content": {"application/json": {"schema": schema}},
        }
    return described


def _parameters(verb: Verb) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _path_schema(name)}
        for name in verb.route.parameters
    ]
    if verb.query is not None:
        schema = verb.query.model_json_schema()
        found += [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "schema": _without_null(part),
            }
            for name, part in schema["properties"].items()
        ]
    if verb.route.kind == "long":
        found.append(
            {
                "name": OPERATION_HEADER,
                "in": "header",
                "required": False,
                "description": "The operation's id; asking twice is asking once.",
                "schema": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
            }
        )
    if verb.route.name in ("operations.events", "runs.events"):
        found.append(
            {
                "name": "Last-Event-ID",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "pattern": "^[0-9]{1,15}$"},
            }
        )
    return found


def _path_schema(name: str) -> dict[str, Any]:
    patterns = {"digest": "^[0-9a-f]{64}$", "number": "^[0-9]{1,15}$"}
    pattern = {"pattern": patterns[name]} if name in patterns else {}
    return {"type": "string", **pattern}


def _without_null(part: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a query's value, which cannot be null."""
    kinds = [kind for kind in part.get("anyOf", ()) if kind.get("type") != "null"]
    if len(kinds) == 1:
        rest = {key: value for key, value in part.items() if key != "anyOf"}
        return {**rest, **kinds[0]}
    return part


def _responses(verb: Verb, references: Any) -> dict[str, Any]:
    route = verb.route
    error = references[models.ErrorAnswer, "serialization"]
    answer: dict[str, Any] = {"description": route.summary}
    if route.kind == "long":
        schema = references[models.OperationAnswer, "serialization"]
        answer["content"] = {"application/json": {"schema": schema}}
    elif route.kind == "stream":
        answer["content"] = {"text/event-stream": {"schema": _EVENT}}
    elif route.kind == "file":
        answer["content"] = _BYTES | _LINES
    elif verb.answer is not None:
        schema = references[verb.answer, "serialization"]
        answer["content"] = {"application/json": {"schema": schema}}
    if route.kind == "long" or route.location is not None:
        answer["headers"] = {"Location": {"schema": {"type": "string"}}}
    return {
        str(route.status): answer,
        **{
            status: {
                "description": words,
                "content": {"application/json": {"schema": error}},
            }
            for status, words in _ERRORS.items()
        },
    }
