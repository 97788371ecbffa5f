"""What tools import: the decorator, metrics, class tools, model configurations."""

from dataclasses import dataclass, field

from promptflow._core.metric_logger import log_metric
from promptflow._core.tool import ToolProvider, tool
from promptflow.connections import *  # noqa: F403
from promptflow.exceptions import UserErrorException

__version__ = "1.18.5"
__all__ = [
    "AsyncFlow",  # noqa: F405
    "AsyncPrompty",  # noqa: F405
    "AzureOpenAIModelConfiguration",
    "Flow",  # noqa: F405
    "ModelConfiguration",
    "OpenAIModelConfiguration",
    "Prompty",  # noqa: F405
    "ToolProvider",
    "__version__",
    "log_metric",
    "tool",
]


def __getattr__(name):
    """Load what asks models only when it is asked for: its imports are slow."""
    if name in ("AsyncFlow", "Flow"):
        import promptflow._flow

        return getattr(promptflow._flow, name)
    if name not in ("AsyncPrompty", "Prompty"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import promptflow._prompty

    return getattr(promptflow._prompty, name)


class InvalidConnectionError(UserErrorException):
    """A connection and settings of one were given together."""


class ModelConfiguration:
    """Base of model configurations."""

    def _check(self, *settings):
        if self.connection and any(settings):
            raise InvalidConnectionError(
                "give a connection, or the settings of one, and not both"
            )


@dataclass
class AzureOpenAIModelConfiguration(ModelConfiguration):
    """A deployment of Azure OpenAI."""

    azure_deployment: str
    azure_endpoint: str = None
    api_version: str = None
    api_key: str = field(default=None, repr=False)
    connection: str = None

    def __post_init__(self):
        self._check(self.azure_endpoint, self.api_key, self.api_version)

    @classmethod
    def from_connection(cls, connection, azure_deployment):
        """Make one from a connection object."""
        return cls(
            azure_deployment=azure_deployment,
            azure_endpoint=connection.api_base,
            api_version=connection.api_version,
            api_key=connection.api_key,
        )


@dataclass
class OpenAIModelConfiguration(ModelConfiguration):
    """A model of OpenAI, or of a server that speaks its protocol."""

    model: str
    base_url: str = None
    api_key: str = field(default=None, repr=False)
    organization: str = None
    connection: str = None

    def __post_init__(self):
        self._check(self.base_url, self.api_key, self.organization)

    @classmethod
    def from_connection(cls, connection, model):
        """Make one from a connection object."""
        return cls(
            model=model,
            base_url=connection.base_url,
            api_key=connection.api_key,
            organization=connection.organization,
        )
