"""The types of connections and their fields (flow-format section 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import UsageError
from ..flow.fields import did_you_mean

TOKEN = "meid_token"
"""The auth_mode that needs no key."""

STRONG_TYPE_KEYS = ("custom_type", "module", "package", "package_version")
STRONG_TYPE_PREFIX = "promptflow.connection."
"""A custom strong type is a custom connection with these extra configs."""


@dataclass(frozen=True)
class Field:
    """One value of a connection."""

    name: str
    secret: bool = False
    required: bool = False
    default: str | None = None


@dataclass(frozen=True)
class ConnectionType:
    """A type: ``name`` as YAML writes it, ``public`` the stem of its class's name.

    ``fields`` is empty for custom connections, whose keys are the user's own.
    """

    name: str
    public: str
    fields: tuple[Field, ...] = ()
    module: str = "promptflow.connections"

    @property
    def is_custom(self) -> bool:
        """Whether the keys are the user's own."""
        return self.name == "custom"

    @property
    def class_name(self) -> str:
        """Name of the class that tools see."""
        return f"{self.public}Connection"

    def field(self, name: str) -> Field | None:
        """Return the field of that name, or None."""
        return next((f for f in self.fields if f.name == name), None)


_KEY = Field("api_key", secret=True, required=True)
_BASE = Field("api_base", required=True)
_ENDPOINT = Field("endpoint", required=True)
_AUTH_MODE = Field("auth_mode", default="key")


def _safety(name: str, public: str, version: str, kind: str) -> ConnectionType:
    version_field = Field("api_version", default=version)
    kind_field = Field("api_type", default=kind)
    return ConnectionType(name, public, (_KEY, _ENDPOINT, version_field, kind_field))


_ALL = (
    ConnectionType(
        "azure_open_ai",
        "AzureOpenAI",
        (
            _BASE,
            _KEY,
            Field("api_type", default="azure"),
            Field("api_version", default="2024-02-01"),
            _AUTH_MODE,
            Field("resource_id"),
        ),
    ),
    ConnectionType(
        "open_ai", "OpenAI", (_KEY, Field("organization"), Field("base_url"))
    ),
    ConnectionType("serverless", "Serverless", (_KEY, _BASE)),
    ConnectionType(
        "cognitive_search",
        "CognitiveSearch",
        (_BASE, _KEY, Field("api_version", default="2023-11-01"), _AUTH_MODE),
    ),
    ConnectionType("serp", "Serp", (_KEY,)),
    _safety(
        "azure_content_safety", "AzureContentSafety", "2023-10-01", "Content Safety"
    ),
    _safety("form_recognizer", "FormRecognizer", "2023-07-31", "Form Recognizer"),
    ConnectionType(
        "azure_ai_services", "AzureAIServices", (_ENDPOINT, _KEY, _AUTH_MODE)
    ),
    ConnectionType(
        "qdrant", "Qdrant", (_KEY, _BASE), module="promptflow_vectordb.connections"
    ),
    ConnectionType(
        "weaviate", "Weaviate", (_KEY, _BASE), module="promptflow_vectordb.connections"
    ),
    ConnectionType(
        "bing",
        "Bing",
        (_KEY, Field("url", default="https://api.bing.microsoft.com/v7.0/search")),
    ),
    ConnectionType("custom", "Custom"),
)
TYPES: Mapping[str, ConnectionType] = {kind.name: kind for kind in _ALL}


def find_type(text: str) -> ConnectionType:
    """Return the type that a word names: ``open_ai``, ``OpenAI``, ``azure_openai``.

    Raises
    ------
    UsageError
        There is no such type.
    """
    for kind in _ALL:
        if _plain(text) in (_plain(kind.name), _plain(kind.class_name)):
            return kind
    names = list(TYPES)
    raise UsageError(
        f"there is no connection type {text!r}",
        code="unknown_connection_type",
        hint=did_you_mean(text, names, f"it is one of {', '.join(names)}"),
    )


def _plain(text: str) -> str:
    plain = text.lower().replace("_", "").replace("-", "").replace(" ", "")
    return {"azureaisearch": "cognitivesearch"}.get(plain, plain)
