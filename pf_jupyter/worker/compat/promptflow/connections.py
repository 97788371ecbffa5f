"""Connections as tools see them: attributes, ``dict(connection)``, no secret shown."""

import os

from promptflow.constants import ConnectionAuthMode, ConnectionDefaultApiVersion
from promptflow.exceptions import UserErrorException

__all__ = [
    "AzureAIServicesConnection",
    "AzureContentSafetyConnection",
    "AzureOpenAIConnection",
    "BingConnection",
    "CognitiveSearchConnection",
    "CustomConnection",
    "CustomStrongTypeConnection",
    "FormRecognizerConnection",
    "OpenAIConnection",
    "QdrantConnection",
    "SerpConnection",
    "ServerlessConnection",
    "WeaviateConnection",
]

_HIDDEN = "*****"


class _Field:
    """A config or a secret that is read and set as an attribute."""

    def __init__(self, store):
        self._store = store
        self._name = ""

    def __set_name__(self, owner, name):
        self._name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return getattr(instance, self._store).get(self._name)

    def __set__(self, instance, value):
        getattr(instance, self._store)[self._name] = value


class _Connection:
    """Base: configs and secrets by key."""

    TYPE = "_not_set"

    def __init__(self, name=None, module=None, configs=None, secrets=None, **kwargs):
        self.name = name
        self.configs = configs or {}
        self.secrets = secrets or {}
        self.type = self.TYPE
        self.class_name = f"{self.TYPE}Connection"
        self.module = module or "promptflow.connections"
        self.expiry_time = kwargs.get("expiry_time")
        self.created_date = kwargs.get("created_date")
        self.last_modified_date = kwargs.get("last_modified_date")

    def keys(self):
        """Return the names of all configs and secrets."""
        return [*self.configs, *self.secrets]

    def __getitem__(self, key):
        for store in (self.secrets, self.configs):
            if key in store:
                return store[key]
        raise KeyError(f"connection {self.name!r} has no key {key!r}")

    def __repr__(self):
        shown = {**self.configs, **dict.fromkeys(self.secrets, _HIDDEN)}
        fields = ", ".join(f"{key}={value!r}" for key, value in shown.items())
        return f"{type(self).__name__}(name={self.name!r}, {fields})"

    __str__ = __repr__


class AzureOpenAIConnection(_Connection):
    """Azure OpenAI."""

    TYPE = "AzureOpenAI"
    api_base = _Field("configs")
    api_type = _Field("configs")
    api_version = _Field("configs")
    auth_mode = _Field("configs")
    resource_id = _Field("configs")
    api_key = _Field("secrets")

    def __init__(
        self,
        api_base,
        api_key=None,
        api_type="azure",
        api_version=ConnectionDefaultApiVersion.AZURE_OPEN_AI,
        auth_mode=ConnectionAuthMode.KEY,
        resource_id=None,
        **kwargs,
    ):
        configs = {
            "api_base": api_base,
            "api_type": api_type,
            "api_version": api_version,
            "auth_mode": auth_mode,
            "resource_id": resource_id,
        }
        super().__init__(
            configs=configs, secrets=_key_unless_token(api_key, auth_mode), **kwargs
        )

    @classmethod
    def from_env(cls, name=None):
        """Make one from the variables that the openai package reads for Azure."""
        base, key = _environment("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY")
        version = os.environ.get("OPENAI_API_VERSION")
        extra = {"api_version": version} if version else {}
        return cls(api_base=base, api_key=key, name=name, **extra)


class OpenAIConnection(_Connection):
    """OpenAI, or a server that speaks its protocol."""

    TYPE = "OpenAI"
    organization = _Field("configs")
    base_url = _Field("configs")
    api_key = _Field("secrets")

    def __init__(self, api_key, organization=None, base_url=None, **kwargs):
        base_url = None if base_url in ("", "_") else base_url
        configs = {"organization": organization, "base_url": base_url}
        super().__init__(configs=configs, secrets={"api_key": api_key}, **kwargs)

    @classmethod
    def from_env(cls, name=None):
        """Make one from OPENAI_API_KEY, OPENAI_ORG_ID and OPENAI_BASE_URL."""
        (key,) = _environment("OPENAI_API_KEY")
        return cls(
            api_key=key,
            organization=os.environ.get("OPENAI_ORG_ID"),
            base_url=os.environ.get("OPENAI_BASE_URL"),
            name=name,
        )


class ServerlessConnection(_Connection):
    """A model behind a serverless endpoint."""

    TYPE = "Serverless"
    api_base = _Field("configs")
    api_key = _Field("secrets")

    def __init__(self, api_key, api_base, **kwargs):
        super().__init__(
            configs={"api_base": api_base}, secrets={"api_key": api_key}, **kwargs
        )


class SerpConnection(_Connection):
    """SerpAPI."""

    TYPE = "Serp"
    api_key = _Field("secrets")

    def __init__(self, api_key, **kwargs):
        super().__init__(secrets={"api_key": api_key}, **kwargs)


class BingConnection(_Connection):
    """Bing search."""

    TYPE = "Bing"
    url = _Field("configs")
    api_key = _Field("secrets")

    def __init__(
        self, api_key, url="https://api.bing.microsoft.com/v7.0/search", **kwargs
    ):
        super().__init__(configs={"url": url}, secrets={"api_key": api_key}, **kwargs)


class QdrantConnection(_Connection):
    """Qdrant."""

    TYPE = "Qdrant"
    api_base = _Field("configs")
    api_key = _Field("secrets")

    def __init__(self, api_key, api_base, **kwargs):
        super().__init__(
            configs={"api_base": api_base}, secrets={"api_key": api_key}, **kwargs
        )


class WeaviateConnection(QdrantConnection):
    """Weaviate."""

    TYPE = "Weaviate"


class CognitiveSearchConnection(_Connection):
    """Azure AI Search."""

    TYPE = "CognitiveSearch"
    api_base = _Field("configs")
    api_version = _Field("configs")
    auth_mode = _Field("configs")
    api_key = _Field("secrets")

    def __init__(
        self,
        api_base,
        api_key=None,
        api_version=ConnectionDefaultApiVersion.COGNITIVE_SEARCH,
        auth_mode=ConnectionAuthMode.KEY,
        **kwargs,
    ):
        configs = {
            "api_base": api_base,
            "api_version": api_version,
            "auth_mode": auth_mode,
        }
        super().__init__(
            configs=configs, secrets=_key_unless_token(api_key, auth_mode), **kwargs
        )


class AzureAIServicesConnection(_Connection):
    """Azure AI services."""

    TYPE = "AzureAIServices"
    endpoint = _Field("configs")
    auth_mode = _Field("configs")
    api_key = _Field("secrets")

    def __init__(
        self, endpoint, api_key=None, auth_mode=ConnectionAuthMode.KEY, **kwargs
    ):
        super().__init__(
            configs={"endpoint": endpoint, "auth_mode": auth_mode},
            secrets=_key_unless_token(api_key, auth_mode),
            **kwargs,
        )


class AzureContentSafetyConnection(_Connection):
    """Azure AI Content Safety."""

    TYPE = "AzureContentSafety"
    endpoint = _Field("configs")
    api_version = _Field("configs")
    api_type = _Field("configs")
    api_key = _Field("secrets")

    def __init__(
        self,
        api_key,
        endpoint,
        api_version=ConnectionDefaultApiVersion.AZURE_CONTENT_SAFETY,
        api_type="Content Safety",
        **kwargs,
    ):
        configs = {
            "endpoint": endpoint,
            "api_version": api_version,
            "api_type": api_type,
        }
        super().__init__(configs=configs, secrets={"api_key": api_key}, **kwargs)


class FormRecognizerConnection(AzureContentSafetyConnection):
    """Azure Form Recognizer."""

    TYPE = "FormRecognizer"

    def __init__(
        self,
        api_key,
        endpoint,
        api_version=ConnectionDefaultApiVersion.FORM_RECOGNIZER,
        api_type="Form Recognizer",
        **kwargs,
    ):
        super().__init__(api_key, endpoint, api_version, api_type, **kwargs)


class CustomConnection(_Connection):
    """Any configs and secrets, also reachable as attributes."""

    TYPE = "Custom"

    def __init__(self, secrets=None, configs=None, **kwargs):
        super().__init__(secrets=secrets, configs=configs, **kwargs)

    def __getattr__(self, name):
        for store in ("secrets", "configs"):
            values = self.__dict__.get(store) or {}
            if name in values:
                return values[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def is_secret(self, item):
        """Tell whether ``item`` is one of the secrets."""
        return item in self.secrets


class CustomStrongTypeConnection(_Connection):
    """Base of connection classes with annotations; those marked Secret are secrets."""

    TYPE = "CustomStrongType"

    def __init__(self, secrets=None, configs=None, **kwargs):
        super().__init__(secrets=secrets, configs=configs, **kwargs)
        self.module = kwargs.get("module") or type(self).__module__
        self.custom_type = kwargs.get("custom_type") or type(self).__name__

    def __getattribute__(self, name):
        # A class attribute is the default of a field, and must not hide its value.
        cls = super().__getattribute__("__class__")
        if name in getattr(cls, "__annotations__", {}):
            for store in ("secrets", "configs"):
                values = super().__getattribute__("__dict__").get(store) or {}
                if name in values:
                    return values[name]
        return super().__getattribute__(name)

    def __setattr__(self, name, value):
        annotation = getattr(type(self), "__annotations__", {}).get(name)
        if annotation is None:
            super().__setattr__(name, value)
        else:
            secret = getattr(annotation, "__name__", annotation) == "Secret"
            (self.secrets if secret else self.configs)[name] = value


def _key_unless_token(api_key, auth_mode):
    return {"api_key": api_key} if auth_mode == ConnectionAuthMode.KEY else {}


def _environment(*names):
    missing = [name for name in names if not os.environ.get(name)]
    if missing:
        raise UserErrorException(
            f"these environment variables are not set: {', '.join(missing)}"
        )
    return [os.environ[name] for name in names]
