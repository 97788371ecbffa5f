"""What the built-in tools raise."""

import functools

from promptflow.exceptions import (
    SystemErrorException,
    UserErrorException,
    ValidationException,
)

from pf_jupyter.worker.execution.failures import FlowFailure


class WrappedOpenAIError(UserErrorException):
    """The model's service refused; the last code is the service's own class."""

    @property
    def error_codes(self):
        """The chain of codes, the service's class last."""
        failure = getattr(self, "pf_failure", None)
        return list(failure.codes) if failure else ["UserError", "OpenAIError"]


class ExceedMaxRetryTimes(WrappedOpenAIError):
    """The service refused once too often."""


class ToolValidationError(UserErrorException):
    """A tool was given something that it cannot use."""


class LLMError(UserErrorException):
    """A model could not be called."""


class JinjaTemplateError(ToolValidationError):
    """A template cannot be read or rendered."""


class ChatAPIInvalidRole(ToolValidationError):
    """A chat prompt does not begin with a role."""


class ChatAPIFunctionRoleInvalidFormat(ToolValidationError):
    """What stands below ``function:`` is not in its form."""


class ChatAPIToolRoleInvalidFormat(ToolValidationError):
    """What stands below ``tool:`` is not in its form."""


class ChatAPIInvalidFunctions(ToolValidationError):
    """``functions`` or ``function_call`` is not in its form."""


class ChatAPIInvalidTools(ToolValidationError):
    """``tools`` or ``tool_choice`` is not in its form."""


class FunctionCallNotSupportedInStreamMode(ToolValidationError):
    """Functions were given for an answer that is streamed."""


class InvalidConnectionType(ToolValidationError):
    """A connection of that class cannot be used."""


class SerpAPISystemError(SystemErrorException):
    """The search service failed."""


class SerpAPIUserError(UserErrorException):
    """The search service refused."""


class OpenModelLLMOnlineEndpointError(UserErrorException):
    """An endpoint refused."""


class OpenModelLLMUserError(UserErrorException):
    """An endpoint cannot be used as it is described."""


class OpenModelLLMKeyValidationError(ToolValidationError):
    """A connection lacks a key that an endpoint needs."""


class AzureContentSafetyInputValueError(UserErrorException):
    """A category or its sensitivity does not exist."""


class AzureContentSafetySystemError(SystemErrorException):
    """The content safety service failed."""


class ListDeploymentsError(UserErrorException):
    """Deployments cannot be listed."""


class ParseConnectionError(ListDeploymentsError):
    """A connection does not tell its resource."""


_KINDS = {
    kind.__name__: kind
    for kind in (
        LLMError,
        JinjaTemplateError,
        ChatAPIInvalidRole,
        ChatAPIFunctionRoleInvalidFormat,
        ChatAPIToolRoleInvalidFormat,
        ChatAPIInvalidFunctions,
        ChatAPIInvalidTools,
        FunctionCallNotSupportedInStreamMode,
        InvalidConnectionType,
    )
}


def raising_public(function):
    """Have a function raise the classes of this module."""

    @functools.wraps(function)
    def call(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except FlowFailure as failure:
            kind = _KINDS.get(failure.code)
            if kind is None:
                known = "OpenAIError" in failure.codes
                kind = WrappedOpenAIError if known else ValidationException
            error = kind(failure.message)
            error.pf_failure = failure
            raise error from failure.cause

    return call
