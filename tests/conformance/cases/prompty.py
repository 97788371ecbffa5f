"""Section 3.2 again: settings, parameters, answers and inputs of prompty files."""

from ..case import given
from .flex import BODY, FRONT, JSON, PIXEL, prompty

CONFIGURATION = (
    "    type: openai\n    model: gpt-4\n    base_url: {server}/v1\n    api_key: sk-p\n"
)
PARAMETERS = "    max_tokens: 10\n    temperature: 0.5\n"
INPUTS = "inputs:\n  q: {type: string}\n"
TOOL = (
    "    tools:\n    - type: function\n      function:\n        name: f\n"
    "        parameters: {type: object, properties: {}}\n"
)


def front(old: str, new: str) -> str:
    assert old in FRONT
    return FRONT.replace(old, new)


# Settings
prompty(
    "azure",
    "3.2-model",
    front(
        CONFIGURATION,
        "    type: azure_openai\n    azure_deployment: dep\n"
        "    azure_endpoint: {server}\n    api_key: sk-a\n    api_version: 2024-02-01\n",
    )
    + BODY,
    given(q="hi"),
)
prompty(
    "connection-and-keys",
    "3.2-model",
    front("    api_key: sk-p\n", "    api_key: sk-p\n    connection: oai\n") + BODY,
    given(q="hi"),
)
prompty(
    "connection-missing",
    "3.2-model",
    front("    base_url: {server}/v1\n    api_key: sk-p\n", "    connection: nowhere\n")
    + BODY,
    given(q="hi"),
)
prompty(
    "type-unknown",
    "3.2-model",
    front("type: openai", "type: other") + BODY,
    given(q="h"),
    differs="all-problems",
)
prompty(
    "parameters-empty",
    "3.2-parameters 9.10",
    front("  parameters:\n" + PARAMETERS, "  parameters: {}\n") + BODY,
    given(q="hi"),
)
prompty("api-default", "3.2-model", front("  api: chat\n", "") + BODY, given(q="hi"))
prompty("dashes-more", "3.2-split", "#\n\n" + FRONT + BODY, given(q="hi"))
prompty("crlf", "3.2-split", (FRONT + BODY).replace("\n", "\r\n"), given(q="hi"))

# Parameters
prompty(
    "tools",
    "3.2-parameters",
    front(PARAMETERS, TOOL) + BODY,
    given(q="hi"),
    replies=[{"tool_calls": [{"name": "f", "arguments": "{}"}]}],
)
prompty(
    "tools-choice",
    "3.2-parameters",
    front(PARAMETERS, TOOL + "    tool_choice: none\n") + BODY,
    given(q="hi"),
)
prompty(
    "tools-empty",
    "3.2-parameters",
    front(PARAMETERS, "    tools: []\n") + BODY,
    given(q="hi"),
)
prompty(
    "n-two",
    "3.2-response",
    front(PARAMETERS, "    n: 2\n") + BODY,
    given(q="hi"),
)

# Answers
prompty(
    "json-stream",
    "3.2-json",
    JSON.replace("    max_tokens: 10\n", "    stream: true\n") + BODY,
    given(q="hi"),
    replies=[{"text": '{"a": 1}'}],
)
prompty("json-broken", "3.2-json", JSON + BODY, given(q="hi"), replies=[{"text": "{"}])
prompty(
    "error-401",
    "9.15 2.7-no-retry",
    FRONT + BODY,
    given(q="hi"),
    replies=[{"status": 401}],
)
prompty(
    "error-retried",
    "2.7-retry",
    FRONT + BODY,
    given(q="hi"),
    replies=[{"status": 429, "headers": {"Retry-After": "0"}}, {"text": "ok"}],
)

# Inputs
prompty(
    "input-int",
    "3.2-call",
    front("{type: string}", "{type: int}") + BODY,
    given(q="5"),
    given(q="x"),
)
prompty(
    "input-list",
    "3.2-call",
    front("{type: string}", "{type: list}") + BODY,
    given(q=["a", "b"]),
    given(q='["a"]'),
)
prompty(
    "input-object",
    "3.2-call 3.2-roles",
    front("{type: string}", "{type: object}") + "user:\n{{q.k}}\n",
    given(q={"k": "v\nsystem:\nrude"}),
    differs="role-in-mapping",
)
prompty(
    "sample-and-inputs",
    "3.2-call",
    front(INPUTS, INPUTS + "sample:\n  q: from-sample\n") + BODY,
    given(),
    given(q="given"),
)
prompty(
    "history", "3.2-roles", FRONT + "system:\na\nassistant:\nb\n" + BODY, given(q="c")
)
prompty(
    "image-only",
    "3.2-images",
    front("string", "image") + "user:\n![image]({{q}})\n",
    given(q=f"data:image/png;base64: {PIXEL}"),
)
prompty(
    "image-path",
    "3.2-images",
    front("string", "image") + "user:\nsee\n![image]({{q}})\n",
    given(q="data:image/png;path: p.png"),
    files={"p.png": __import__("base64").b64decode(PIXEL)},
)
prompty("template-broken", "9.15", FRONT + "user:\n{{q\n", given(q="hi"))
prompty("template-undefined", "9.15", FRONT + "user:\n{{z}}{{q}}\n", given(q="hi"))
prompty("template-raises", "9.15", FRONT + "user:\n{{z.y}}\n", given(q="hi"))
