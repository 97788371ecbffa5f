"""What went wrong in a flow, in the words of the format, with the user's own frames.

Codes and chains: flow-format sections 1.8, 2 and 9 items 4 to 6.
"""

from __future__ import annotations

import linecache
import os
import traceback
from types import TracebackType
from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from pf_jupyter.errors import PfError
from pf_jupyter.worker.scrubbing import NONE, Secrets

_USER = ("UserError",)
_VALIDATION = (*_USER, "ValidationError")
_REQUEST = (*_VALIDATION, "InvalidFlowRequest")
_TOOL = (*_USER, "ToolValidationError")
_PARSING = (*_TOOL, "PythonParsingError")
_REFERENCE = (*_USER, "NodeReferenceError")
_SYSTEM = ("SystemError",)

_PARENTS: Dict[str, Tuple[str, ...]] = {
    "APINotFound": _VALIDATION,
    "BadFunctionInterface": _PARSING,
    "ChatAPIFunctionRoleInvalidFormat": _TOOL,
    "ChatAPIInvalidFunctions": _TOOL,
    "ChatAPIInvalidRole": _TOOL,
    "ChatAPIInvalidTools": _TOOL,
    "ChatAPIToolRoleInvalidFormat": _TOOL,
    "DuplicateNodeName": _REQUEST,
    "DuplicateToolMappingError": _VALIDATION,
    "EmptyOutputReference": _REQUEST,
    "FailedToImportModule": _USER,
    "FlowOutputUnserializable": _USER,
    "ConnectionNotFoundError": (*_USER, "SDKError"),
    "FunctionCallNotSupportedInStreamMode": _TOOL,
    "GetConnectionError": (*_VALIDATION, "InvalidRequest"),
    "InputNotFound": _REQUEST,
    "InputNotFoundFromAncestorNodeOutput": _SYSTEM,
    "InputReferenceNotFound": _REQUEST,
    "InputTypeMismatch": _VALIDATION,
    "InvalidConnectionType": _REQUEST,
    "InvalidCustomLLMTool": _VALIDATION,
    "InvalidNodeReference": _REQUEST,
    "InvalidReferenceProperty": _REFERENCE,
    "InvalidSource": _VALIDATION,
    "JinjaTemplateError": _TOOL,
    "LLMError": _USER,
    "LineExecutionTimeoutError": _USER,
    "LoadMultimediaDataError": _USER,
    "MissingRequiredInputs": _VALIDATION,
    "MultipleToolsDefined": _PARSING,
    "NoNodeExecutedError": _SYSTEM,
    "NoToolDefined": _PARSING,
    "NodeInputValidationError": _REQUEST,
    "NodeReferenceNotFound": _REQUEST,
    "NotImplementedError": _SYSTEM,
    "OutputReferenceNotFound": _REQUEST,
    "PackageToolNotFoundError": _VALIDATION,
    "PythonLoadError": _PARSING,
    "SingleNodeValidationError": _USER,
    "TemplateAssertionError": _SYSTEM,
    "TemplateSyntaxError": _SYSTEM,
    "ToolCanceledError": _USER,
    "ToolExecutionError": _USER,
    "ToolLoadError": _USER,
    "UnsupportedReference": _REFERENCE,
}

DISTRIBUTIONS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "Crypto": "pycryptodome",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "docx": "python-docx",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "PyMuPDF",
    "git": "GitPython",
    "github": "PyGithub",
    "googleapiclient": "google-api-python-client",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "lxml_html_clean": "lxml-html-clean",
    "magic": "python-magic",
    "nacl": "PyNaCl",
    "OpenGL": "PyOpenGL",
    "OpenSSL": "pyOpenSSL",
    "PIL": "pillow",
    "pptx": "python-pptx",
    "psycopg2": "psycopg2-binary",
    "serial": "pyserial",
    "serpapi": "google-search-results",
    "sentence_transformers": "sentence-transformers",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "slugify": "python-slugify",
    "socks": "PySocks",
    "telegram": "python-telegram-bot",
    "usb": "pyusb",
    "websocket": "websocket-client",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}
"""Top-level import names whose distribution is called otherwise."""


class FlowFailure(PfError):
    """A flow, or a node of it, cannot go on.

    Parameters
    ----------
    code
        Public class name of the condition, ``ToolExecutionError`` for instance.
    message
        What happened, one sentence.
    hint
        What to do about it.
    node
        Name of the node it happened in, or None.
    cause
        The user's exception behind it; its frames are reported.
    codes
        The public chain; derived from ``code`` when not given.
    file, line
        Where in the flow's files the trouble is, when that is not in the frames.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        node: Optional[str] = None,
        cause: Optional[BaseException] = None,
        codes: Optional[Sequence[str]] = None,
        file: str = "",
        line: Optional[int] = None,
    ) -> None:
        super().__init__(message, code=code, hint=hint)
        self.node = node
        self.cause = cause
        self.codes = list(codes) if codes is not None else chain_of(code)
        self.file = file
        self.line = line


def chain_of(code: str) -> List[str]:
    """Return the public chain of error codes that ends with ``code``."""
    if code == "UserErrorException":
        return list(_USER)
    return [*_PARENTS.get(code, _SYSTEM), code]


def load_failed(inner: FlowFailure) -> FlowFailure:
    """Wrap a failure to load a node's tool the way the format does.

    The message names the node and the inner class, the codes stay the inner ones
    (flow-format section 1.8).
    """
    detail = f"({inner.code}) {inner.message}"
    if inner.code in ("TemplateSyntaxError", "TemplateAssertionError"):
        detail = f"Jinja parsing failed at line {inner.line}: {detail}"
    return FlowFailure(
        "ResolveToolError",
        f"Tool load failed in '{inner.node}': {detail}",
        hint=inner.hint,
        node=inner.node,
        cause=inner.cause,
        codes=inner.codes,
        file=inner.file,
        line=inner.line,
    )


def tool_failed(node: str, error: BaseException, hint: str = "") -> FlowFailure:
    """Return what a tool's exception means for the flow.

    An exception of the promptflow family keeps its class and text, every other one is
    a ToolExecutionError (flow-format section 1.8).
    """
    if isinstance(error, FlowFailure):
        error.node = error.node or node
        return error
    known = getattr(error, "pf_failure", None)  # raised by a built-in tool
    if isinstance(known, FlowFailure):
        known.node = known.node or node
        return known
    if is_public(error):
        return FlowFailure(
            type(error).__name__,
            text_of(error),
            hint=hint or hint_for(error),
            node=node,
            cause=error,
            codes=public_codes(error),
        )
    return FlowFailure(
        "ToolExecutionError",
        f"Execution failure in '{node}': ({type(error).__name__}) {text_of(error)}",
        hint=hint or hint_for(error),
        node=node,
        cause=error,
    )


def is_public(error: BaseException) -> bool:
    """Tell whether an exception derives from promptflow's own base, real or ours."""
    return any(
        base.__name__ == "PromptflowException"
        and base.__module__.startswith("promptflow")
        for base in type(error).__mro__
    )


def public_codes(error: BaseException) -> List[str]:
    """Return the chain of an exception of the promptflow family.

    The three bases carry short names: UserError, SystemError, ValidationError.
    """
    codes: List[str] = []
    for base in type(error).__mro__:
        if base.__name__ == "PromptflowException":
            break
        codes.append(_SHORT.get(base.__name__, base.__name__))
    return codes[::-1] or ["PromptflowException"]


_SHORT = {
    "UserErrorException": "UserError",
    "SystemErrorException": "SystemError",
    "ValidationException": "ValidationError",
}


def text_of(error: BaseException) -> str:
    """Return ``str(error)``, or a stand-in when the exception cannot say."""
    try:
        return str(error)
    except Exception:  # the user's own __str__ may be broken
        return f"<{type(error).__name__} without a readable text>"


def way_to_add(package: str) -> str:
    """Return what a user can do about a package that the environment lacks.

    Parameters
    ----------
    package
        The name of the distribution.
    """
    return f"%pfruntime install {package}"


def hint_for(error: BaseException) -> str:
    """Return the way out of well-known exceptions, empty for others."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        top = error.name.split(".")[0]
        if top == "promptflow":
            return way_to_add("promptflow")
        return way_to_add(DISTRIBUTIONS.get(top, top))
    return ""


def describe(error: BaseException, folder: str, secrets: Secrets = NONE) -> Any:
    """Return an exception as the ERROR of the protocol.

    Parameters
    ----------
    error
        A `FlowFailure`, an error of :mod:`pf_jupyter`, or anything else.
    folder
        The flow's folder; frames of files inside it are the user's own.
    secrets
        Texts that must not appear in the result.
    """
    cause = getattr(error, "cause", None)
    frames = list(user_frames(cause, folder)) if cause is not None else []
    file, line = getattr(error, "file", ""), getattr(error, "line", None)
    if file and not frames:
        frames = [{"file": file, "line": line, "name": ""}]
    described: Dict[str, Any] = {
        "code": getattr(error, "code", type(error).__name__),
        "codes": list(getattr(error, "codes", ())) or chain_of(type(error).__name__),
        "message": text_of(error),
        "hint": getattr(error, "hint", "") or _place(frames),
        "node": getattr(error, "node", None),
        "traceback": user_traceback(cause, folder) if cause is not None else "",
        "frames": frames,
    }
    if cause is not None:
        described["exception"] = {
            "type": type(cause).__name__,
            "message": text_of(cause),
        }
    connection = getattr(error, "connection", None)
    if connection is not None:
        described["connection"] = connection
    return secrets.scrub_error(described)


def _place(frames: Sequence[Dict[str, Any]]) -> str:
    """Point at the user's own innermost line, for errors that have no better hint."""
    if not frames or not frames[-1]["line"]:
        return ""
    return f"look at {frames[-1]['file']}, line {frames[-1]['line']}"


def user_frames(error: BaseException, folder: str) -> Iterator[Dict[str, Any]]:
    """Yield the frames of an exception that lie in the flow's own files.

    File names are relative to the folder. A syntax error ends with its own place.
    """
    inside = os.path.join(folder, "")
    for path, line, name in _walk(error.__traceback__):
        if path.startswith(inside):
            yield {"file": path[len(inside) :], "line": line, "name": name}
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(inside):
        path = str(error.filename)[len(inside) :]
        yield {"file": path, "line": error.lineno, "name": ""}


def user_traceback(error: BaseException, folder: str) -> str:
    """Format an exception and its causes with the user's own frames only."""
    parts: List[str] = []
    seen = set()
    current: Optional[BaseException] = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        parts.append(_format_one(current, folder))
        if current.__cause__ is not None:
            parts.append(_CAUSE)
            current = current.__cause__
        elif current.__context__ is not None and not current.__suppress_context__:
            parts.append(_CONTEXT)
            current = current.__context__
        else:
            current = None
    return "".join(reversed(parts))


_CAUSE = "\nThe above exception was the direct cause of the following exception:\n\n"
_CONTEXT = "\nDuring handling of the above exception, another exception occurred:\n\n"


def _format_one(error: BaseException, folder: str) -> str:
    inside = os.path.join(folder, "")
    lines: List[str] = []
    for path, line, name in _walk(error.__traceback__):
        if path.startswith(inside):
            lines.append(f'  File "{path[len(inside) :]}", line {line}, in {name}\n')
            source = linecache.getline(path, line).strip()
            if source:
                lines.append(f"    {source}\n")
    if lines:
        lines.insert(0, "Traceback (most recent call last):\n")
    only = "".join(traceback.format_exception_only(type(error), error))
    return "".join(lines) + only.replace(inside, "")


def _walk(tb: Optional[TracebackType]) -> Iterator[Tuple[str, int, str]]:
    while tb is not None:
        code = tb.tb_frame.f_code
        yield code.co_filename, tb.tb_lineno or 0, code.co_name
        tb = tb.tb_next
