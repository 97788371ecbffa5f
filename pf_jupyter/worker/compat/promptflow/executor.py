"""The executor of the real package; a runtime runs flows without it."""

from promptflow._unavailable import unavailable

FlowExecutor = unavailable("promptflow.executor.FlowExecutor", "promptflow-core")
FlowValidator = unavailable("promptflow.executor.FlowValidator", "promptflow-core")
