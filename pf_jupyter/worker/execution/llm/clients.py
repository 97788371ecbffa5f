"""Clients of model services, made from connections.

Making one costs tens of milliseconds, most of it for what has no secret in it: the
library itself and the trusted certificates. That part is made in the process that
executors are forked from, a key is added where a node runs.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Dict, Tuple

from pf_jupyter.worker.execution.failures import FlowFailure, text_of, way_to_add
from pf_jupyter.worker.execution.llm.options import AZURE, OPENAI

PROVIDERS = {
    "AzureOpenAIConnection": AZURE,
    "OpenAIConnection": OPENAI,
    "ServerlessConnection": OPENAI,
}
"""Which provider a connection's class stands for (flow-format section 2.7)."""

_NETWORK_VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
_AZURE_SCOPE = "https://cognitiveservices.azure.com/.default"
_KEPT = 32
_ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "x"},
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}
_transports: Dict[Tuple[Any, ...], Any] = {}
_clients: Dict[Tuple[Any, ...], Any] = {}


def import_openai(folder: str = "") -> Any:
    """Import the library past the flow's folder, whose files may be called alike.

    Raises
    ------
    FlowFailure
        PythonLoadError with the command that installs it.
    """
    module = sys.modules.get("openai")
    if module is not None and hasattr(module, "AzureOpenAI"):
        return module
    path = list(sys.path)
    sys.path[:] = [entry for entry in path if entry != (folder or os.getcwd())]
    try:
        import openai
    except ImportError as error:
        raise FlowFailure(
            "PythonLoadError",
            "the node calls a model and needs the package openai, which this "
            f"environment lacks ({text_of(error)})",
            hint=way_to_add("openai"),
        ) from None
    finally:
        sys.path[:] = path
    return openai


def warm_up(folder: str = "") -> None:
    """Import and make all that has no secret in it; raises as `import_openai`."""
    openai = import_openai(folder)
    try:
        _rehearse(openai, _transport(openai))
    except Exception:
        # Only time is lost; what is really wrong shows when a node calls a model.
        pass


def _rehearse(openai: Any, transport: Any) -> None:
    """Have the library make on its way all that it makes with its first call.

    The answer comes from a stand-in; nothing leaves this process.
    """
    base = next(c for c in type(transport).__mro__ if c.__module__.startswith("httpx"))
    http: Any = importlib.import_module(base.__module__.partition(".")[0])

    def answer(request: Any) -> Any:
        return http.Response(200, json=_ANSWER)

    with http.Client(transport=http.MockTransport(answer)) as client:
        sample = openai.OpenAI(
            api_key="none", base_url="http://localhost", http_client=client
        )
        asked = [{"role": "user", "content": "x"}]
        sample.chat.completions.create(model="m", messages=asked).model_dump()
        _ = sample.completions


def client_for(connection: Any) -> Any:
    """Return the client for a connection object.

    Raises
    ------
    FlowFailure
        InvalidConnectionType for a class that stands for no provider,
        PythonLoadError when a package is missing.
    """
    kind = type(connection).__name__
    if kind not in PROVIDERS:
        raise FlowFailure(
            "InvalidConnectionType",
            f"connections of type {kind} cannot be used with models",
            hint="use an OpenAI, an Azure OpenAI or a serverless connection",
        )
    openai = import_openai()
    key = (kind, _network(), tuple(sorted(_plain(connection).items())))
    found = _clients.get(key)
    if found is None:
        while len(_clients) >= _KEPT:
            del _clients[next(iter(_clients))]
        found = _clients[key] = _made(openai, kind, connection)
    return found


def _made(openai: Any, kind: str, connection: Any) -> Any:
    shared = {"max_retries": 0, "http_client": _transport(openai)}
    if kind == "AzureOpenAIConnection":
        if connection.auth_mode == "meid_token":
            shared["azure_ad_token_provider"] = _token_provider()
        else:
            shared["api_key"] = connection.api_key
        return openai.AzureOpenAI(
            azure_endpoint=connection.api_base,
            api_version=connection.api_version,
            **shared,
        )
    if kind == "ServerlessConnection":
        base = str(connection.api_base or "").rstrip("/")
        base = base if base.endswith("/v1") else base + "/v1"
        return openai.OpenAI(api_key=connection.api_key, base_url=base, **shared)
    return openai.OpenAI(
        api_key=connection.api_key,
        organization=connection.organization,
        base_url=connection.base_url or None,
        **shared,
    )


def _transport(openai: Any) -> Any:
    """Return the HTTP client that all of a process share; it holds no secret."""
    key = _network()
    found = _transports.get(key)
    if found is None:
        # Made before a fork it has no open connection, so that children may use it.
        found = _transports[key] = openai.DefaultHttpxClient()
    return found


def _network() -> Tuple[Any, ...]:
    return tuple(os.environ.get(name) for name in _NETWORK_VARIABLES)


def _plain(connection: Any) -> Dict[str, str]:
    return {str(key): str(connection[key]) for key in connection.keys()}  # noqa: SIM118


def _token_provider() -> Any:
    try:
        identity: Any = importlib.import_module("azure.identity")
    except ImportError as error:
        raise FlowFailure(
            "PythonLoadError",
            "the connection signs in with Microsoft Entra and needs the package "
            f"azure-identity, which this environment lacks ({text_of(error)})",
            hint=f"{way_to_add('azure-identity')}; or give the connection a key",
        ) from None
    return identity.get_bearer_token_provider(
        identity.DefaultAzureCredential(), _AZURE_SCOPE
    )
