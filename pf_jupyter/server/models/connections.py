"""Connections."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, JsonValue, SecretStr

from .base import Answer, Asked, Name


class ConnectionFields(Asked):
    """What a connection is made of.

    ``source`` is the public form, ``settings`` wins over it, ``typed`` answers what was
    asked for. Nothing of it is ever given back in clear.
    """

    source: dict[str, JsonValue] = Field({}, json_schema_extra={"writeOnly": True})
    settings: dict[str, JsonValue] = Field({}, json_schema_extra={"writeOnly": True})
    typed: dict[str, SecretStr] | None = None


class CreateConnection(ConnectionFields):
    """A connection to remember."""

    name: Name | None = None
    scope: Literal["personal", "workspace"] = "personal"


class UpdateConnection(ConnectionFields):
    """What changes of a connection; the rest stays."""

    scope: Literal["personal", "workspace"] | None = None


class ConnectionAnswer(Answer):
    """A connection; secrets are shown as ``*****``."""

    name: str
    type: str
    custom_type: str | None
    module: str
    configs: dict[str, str]
    secrets: dict[str, str]
    scope: str
    owner: str
    created_at: str
    changed_at: str


class ConnectionsAnswer(Answer):
    """All connections by name."""

    connections: list[ConnectionAnswer]
