"""Names that tool packages import from here."""

from promptflow._core.metric_logger import log_metric
from promptflow._core.tool import ToolInvoker, ToolProvider, tool
from promptflow._core.tools_manager import (
    register_apis,
    register_builtins,
    register_connections,
)

__all__ = [
    "ToolInvoker",
    "ToolProvider",
    "log_metric",
    "register_apis",
    "register_builtins",
    "register_connections",
    "tool",
]
