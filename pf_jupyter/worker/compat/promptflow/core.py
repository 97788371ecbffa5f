"""What tools import: the decorator, metrics, class tools, model configurations."""

from dataclasses import dataclass, field

from promptflow._core.metric_logger import log_metric
from promptflow._core.tool import ToolProvider, tool
from promptflow._unavailable import unavailable
from promptflow.connections import *  # noqa: F403

__version__ = "1.18.5"
__all__ = [
    "AsyncFlow",
    "AsyncPrompty",
    "AzureOpenAIModelConfiguration",
    "Flow",
    "ModelConfiguration",
    "OpenAIModelConfiguration",
    "Prompty",
    "ToolProvider",
    "__version__",
    "log_metric",
    "tool",
]

Flow = unavailable("promptflow.core.Flow", "promptflow-core")
AsyncFlow = unavailable("promptflow.core.AsyncFlow", "promptflow-core")
Prompty = unavailable("promptflow.core.Prompty", "promptflow-core")
AsyncPrompty = unavailable("promptflow.core.AsyncPrompty", "promptflow-core")


class ModelConfiguration:
    """Base of model configurations."""


@dataclass
class AzureOpenAIModelConfiguration(ModelConfiguration):
    """A deployment of Azure OpenAI."""

    azure_deployment: str
    azure_endpoint: str = None
    api_version: str = None
    api_key: str = field(default=None, repr=False)
    connection: str = None


@dataclass
class OpenAIModelConfiguration(ModelConfiguration):
    """A model of OpenAI, or of a server that speaks its protocol."""

    model: str
    base_url: str = None
    api_key: str = field(default=None, repr=False)
    organization: str = None
    connection: str = None
