"""A tool that calls open models behind endpoints of their own."""

import json
from enum import Enum
from typing import Dict, Optional

from promptflow._core.tool import ToolProvider, tool
from promptflow.contracts.types import PromptTemplate
from promptflow.tools._http import Refused, fetch
from promptflow.tools.common import parse_chat, template_of
from promptflow.tools.exception import (
    OpenModelLLMKeyValidationError,
    OpenModelLLMOnlineEndpointError,
    OpenModelLLMUserError,
)

from pf_jupyter.worker.execution.connections import build_connection
from pf_jupyter.worker.execution.limits import given_connections

HIDDEN_INPUT = "_inputs_to_escape"
_PREFIXES = ("connection/", "localConnection/")
_KEYS = ("endpoint_url", "endpoint_api_key", "model_family")


class ModelFamily(str, Enum):
    """Families of models, which differ in what they are sent."""

    LLAMA = "LLaMa"
    DOLLY = "Dolly"
    GPT2 = "GPT-2"
    FALCON = "Falcon"


class API(str, Enum):
    """How a prompt is meant."""

    CHAT = "chat"
    COMPLETION = "completion"


class OpenModelLLM(ToolProvider):
    """Open models; the endpoint is described by a custom connection."""

    @tool
    def call(
        self,
        prompt: PromptTemplate,
        api: API,
        endpoint_name: str,
        deployment_name: Optional[str] = None,
        temperature: Optional[float] = 1.0,
        max_new_tokens: Optional[int] = 500,
        top_p: Optional[float] = 1.0,
        model_kwargs: Optional[Dict] = {},  # noqa: B006
        **kwargs,
    ) -> str:
        """Render a prompt, send it, and return the text.

        Parameters
        ----------
        prompt
            A jinja2 template.
        api
            chat or completion.
        endpoint_name
            ``connection/NAME``: a custom connection with endpoint_url, model_family
            and the secret endpoint_api_key.
        deployment_name
            The deployment behind the endpoint.
        model_kwargs
            More parameters for the model.
        kwargs
            Variables of the template.
        """
        url, key, family = _endpoint(endpoint_name)
        kwargs.pop(HIDDEN_INPUT, None)
        text = template_of(prompt)(**kwargs)
        parameters = {
            "temperature": temperature,
            "max_new_tokens": max_new_tokens,
            "top_p": top_p,
            **(model_kwargs or {}),
        }
        is_chat = API(api) is API.CHAT
        body = _body(family, is_chat, text, parameters)
        headers = {"Authorization": f"Bearer {key}"}
        if deployment_name:
            headers["azureml-model-deployment"] = deployment_name
        try:
            answer = json.loads(fetch(url, body, headers))
            return _text(family, is_chat, answer)
        except Refused as error:
            raise OpenModelLLMOnlineEndpointError(f"{endpoint_name}: {error}") from None
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise OpenModelLLMOnlineEndpointError(
                f"the answer of {endpoint_name} is not that of a {family.value} model "
                f"({type(error).__name__})"
            ) from None


def _endpoint(endpoint_name):
    prefix = next((p for p in _PREFIXES if endpoint_name.startswith(p)), None)
    if prefix is None:
        raise OpenModelLLMUserError(
            f"'{endpoint_name}' cannot be used here: describe the endpoint in a custom "
            "connection and write connection/NAME"
        )
    name = endpoint_name[len(prefix) :]
    data = given_connections.get().get(name)
    if data is None:
        raise OpenModelLLMUserError(f"there is no connection '{name}'")
    connection = dict(build_connection(name, data))
    for key in _KEYS:
        if not connection.get(key):
            raise OpenModelLLMKeyValidationError(
                f"the connection '{name}' lacks '{key}'"
            )
    try:
        family = ModelFamily(connection["model_family"])
    except ValueError:
        raise OpenModelLLMUserError(
            f"'{connection['model_family']}' is no family; there are "
            f"{', '.join(item.value for item in ModelFamily)}"
        ) from None
    return connection["endpoint_url"], connection["endpoint_api_key"], family


def _body(family, is_chat, text, parameters):
    if family is ModelFamily.LLAMA:
        given = parse_chat(text) if is_chat else [text]
        return {"input_data": {"input_string": given, "parameters": parameters}}
    if family is ModelFamily.GPT2:
        return {"inputs": {"input_string": [text]}, "parameters": parameters}
    return {"input_data": {"input_string": [text]}, "parameters": parameters}


def _text(family, is_chat, answer):
    if family is ModelFamily.LLAMA and is_chat:
        return answer["output"]
    found = answer[0]
    return found["0"] if isinstance(found, dict) and "0" in found else found
