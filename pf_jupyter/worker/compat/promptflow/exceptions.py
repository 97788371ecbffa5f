"""The exceptions that tools raise and catch."""

import string
from enum import Enum


class ErrorTarget(str, Enum):
    """Which part of the system an error comes from."""

    EXECUTOR = "Executor"
    BATCH = "Batch"
    CORE = "Core"
    FLOW_EXECUTOR = "FlowExecutor"
    NODE_EXECUTOR = "NodeExecutor"
    TOOL = "Tool"
    AZURE_RUN_STORAGE = "AzureRunStorage"
    RUNTIME = "Runtime"
    UNKNOWN = "Unknown"
    RUN_TRACKER = "RunTracker"
    RUN_STORAGE = "RunStorage"
    CONTROL_PLANE_SDK = "ControlPlaneSDK"
    SERVING_APP = "ServingApp"
    FLOW_INVOKER = "FlowInvoker"
    FUNCTION_PATH = "FunctionPath"


class ErrorCategory(str, Enum):
    """Whose fault an error is."""

    USER_ERROR = "UserError"
    SYSTEM_ERROR = "SystemError"
    UNKNOWN = "Unknown"


class PromptflowException(Exception):
    """Base of all errors; a tool that raises one decides the flow's error code."""

    def __init__(
        self,
        message="",
        message_format="",
        target=ErrorTarget.UNKNOWN,
        module=None,
        privacy_info=None,
        **kwargs,
    ):
        self._format = message_format
        self._parameters = kwargs
        if message:
            text = str(message)
        elif message_format:
            text = message_format.format(**self.message_parameters)
        else:
            text = type(self).__name__
        super().__init__(text)
        self._text = text
        self.target = target
        self.module = module
        self._error = kwargs.get("error")

    @property
    def message(self):
        """What happened."""
        return self._text

    @property
    def message_format(self):
        """The message with its parameters left open."""
        return self._format

    @property
    def message_parameters(self):
        """The values for `message_format`; missing ones are shown as ``<name>``."""
        names = {
            field
            for _, field, _, _ in string.Formatter().parse(self._format or "")
            if field
        }
        return {name: self._parameters.get(name, f"<{name}>") for name in names}

    @property
    def reference_code(self):
        """Where the error comes from, as text."""
        target = getattr(self.target, "value", self.target)
        return f"{target}/{self.module}" if self.module else target

    @property
    def inner_exception(self):
        """The exception behind this one, or None."""
        return self._error or self.__cause__

    @property
    def additional_info(self):
        """Nothing: the base knows no more."""
        return None

    @property
    def error_codes(self):
        """The chain of codes from the most general to the class's own."""
        chain = []
        for base in type(self).__mro__:
            if base is PromptflowException:
                break
            chain.append(_SHORT.get(base.__name__, base.__name__))
        return chain[::-1]

    def __str__(self):
        return self.message


class UserErrorException(PromptflowException):
    """The user can put it right."""


class SystemErrorException(PromptflowException):
    """The user cannot."""


class ValidationException(UserErrorException):
    """Something given does not fit."""


_SHORT = {
    "UserErrorException": "UserError",
    "SystemErrorException": "SystemError",
    "ValidationException": "ValidationError",
}
