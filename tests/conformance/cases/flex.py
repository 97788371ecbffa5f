"""Section 3: flex flows and prompty files; 2.8 and 2.9: package tools and images."""

from typing import Any

from ..case import case, given, nodes

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
OPENAI = {
    "oai": {"type": "open_ai", "base_url": "{server}/v1", "api_key": "sk-secret-1"}
}


def flex(
    id: str,
    rules: str,
    code: str,
    *runs: dict[str, Any],
    yaml: str = "entry: main:f\n",
    **more: Any,
) -> None:
    more.setdefault("files", {})["main.py"] = code
    case(f"flex-{id}", rules, yaml, *runs, file="flow.flex.yaml", **more)


def made(init: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    return {"mode": "flow", "inputs": inputs, "init": init}


flex(
    "function",
    "3.1-function 3.1-output",
    "def f(a: str, b: int = 2): return a * b\n",
    given(a="x"),
    given(a="x", b=3),
    given(),
)
flex(
    "dict",
    "3.1-output",
    "def f(a: str) -> dict: return {'x': a, 'y': 1}\n",
    given(a="q"),
)
flex("unannotated", "3.1-signature", "def f(a, b=2): return [a, b]\n", given(a=1))
flex("none", "3.1-output", "def f(a: str): return None\n", given(a="q"))
flex(
    "dataclass",
    "3.1-output",
    "from dataclasses import dataclass\n@dataclass\nclass R:\n    x: str\n    y: int\n"
    "def f(a: str) -> R: return R(a, 1)\n",
    given(a="q"),
    differs="dataclass-output",
)
flex(
    "generator",
    "3.1-generator",
    "def f(a: str):\n    for c in a: yield c\n",
    given(a="xyz"),
)
flex("async", "3.1-async", "async def f(a: str): return a + '!'\n", given(a="q"))
flex("error", "3.1-error", "def f(a: str): raise ValueError('bad')\n", given(a="q"))
flex(
    "async-error",
    "3.1-error 3.1-async",
    "async def f(a: str): raise ValueError('bad')\n",
    given(a="q"),
)
flex("extra", "3.1-extra", "def f(a: str): return a\n", given(a="q", zzz=1))
flex(
    "default-yaml",
    "3.1-defaults",
    "def f(a: str = 'code'): return a\n",
    given(),
    yaml="entry: main:f\ninputs: {a: {type: string, default: yaml}}\n",
)
flex(
    "default-code",
    "3.1-defaults 9.14",
    "def f(a: str = 'code', n: int = 5): return [a, n]\n",
    given(),
    given(n="7"),
)
flex(
    "coerced",
    "9.14 3.1-signature",
    "def f(a: int, b: float, c: bool, d: list, e: dict):\n"
    "    return [type(x).__name__ for x in (a, b, c, d, e)]\n",
    given(a="1", b="2", c="true", d=[1], e={"k": 1}),
    given(a=1, b=2.5, c=True, d="[1]", e='{"k": 1}'),
    given(a="x", b=1, c=True, d=[], e={}),
)
flex(
    "ports-differ",
    "9.13",
    "def f(a: str): return a\n",
    given(a="q"),
    yaml="entry: main:f\ninputs: {b: {type: string}}\n",
)
flex(
    "sample",
    "3.1-sample",
    "def f(a: str): return a\n",
    given(),
    yaml="entry: main:f\nsample: {inputs: {a: from-sample}}\n",
)
CLASS = (
    "class C:\n    def __init__(self, k: int = 3):\n        self.k = k\n"
    "    def __call__(self, a: str): return [self.k, a]\n"
)
flex(
    "class",
    "3.1-class 3.1-init",
    CLASS,
    given(a="q"),
    made({"k": 5}, a="q"),
    made({"k": "5"}, a="q"),
    yaml="entry: main:C\n",
    differs="init-default",
)
flex(
    "class-aggregate",
    "3.1-aggregate",
    CLASS + "    def __aggregate__(self, results): return {'n': len(results)}\n",
    given(a="q"),
    yaml="entry: main:C\n",
    differs="init-default",
)
flex(
    "class-aggregate-bad",
    "3.1-aggregate",
    CLASS + "    def __aggregate__(self, a, b): return {}\n",
    given(a="q"),
    yaml="entry: main:C\n",
)
flex(
    "class-init-raises",
    "3.1-init-error",
    CLASS.replace("self.k = k", "raise ValueError('init')"),
    given(a="q"),
    yaml="entry: main:C\n",
)
flex(
    "class-no-init",
    "9.12",
    "class C:\n    def __call__(self, a: str): return a\n",
    given(a="q"),
    yaml="entry: main:C\n",
    differs="class-without-init",
)
flex(
    "class-init-missing",
    "3.1-init",
    CLASS.replace("k: int = 3", "k: int"),
    given(a="q"),
    yaml="entry: main:C\n",
)
flex("module-missing", "3.1-missing 9.12", "", given(a="q"), yaml="entry: nope:f\n")
flex("function-missing", "3.1-missing 9.12", "x = 1\n", given(a="q"))
flex("entry-bad", "9.12 3.1-missing", "x = 1\n", given(a="q"), yaml="entry: nothing\n")
flex(
    "unknown-key",
    "9.12",
    "def f(a: str): return a\n",
    given(a="q"),
    yaml="entry: main:f\nzzz: 1\n",
)
flex(
    "complex-return",
    "9.12",
    "class X: pass\ndef f(a: str) -> X: return a\n",
    given(a="q"),
)
flex(
    "environment",
    "1.2-env-scalars",
    "import os\ndef f(a: str): return os.environ.get('A')\n",
    given(a="q"),
    yaml="entry: main:f\nenvironment_variables: {A: 5}\n",
)

FRONT = (
    "---\nname: t\nmodel:\n  api: chat\n  configuration:\n    type: openai\n"
    "    model: gpt-4\n    base_url: {server}/v1\n    api_key: sk-p\n"
    "  parameters:\n    max_tokens: 10\n    temperature: 0.5\n"
    "inputs:\n  q: {type: string}\n---\n"
)
BODY = "system:\nbe kind\nuser:\n{{q}}\n"


def prompty(
    id: str,
    rules: str,
    text: str,
    *runs: dict[str, Any],
    replies: list[dict[str, Any]] | None = None,
    **more: Any,
) -> None:
    case(
        f"prompty-{id}",
        rules,
        text,
        *runs,
        file="p.prompty",
        path="p.prompty",
        connections=OPENAI,
        server={"replies": replies or [{}]},
        **more,
    )


prompty("plain", "3.2-split 3.2-call 3.2-model", FRONT + BODY, given(q="hi"))
prompty("missing", "3.2-call 9.15", FRONT + BODY, given())
prompty("extra", "3.2-call", FRONT + BODY, given(q="hi", z=1))
prompty(
    "default",
    "3.2-call",
    FRONT.replace("{type: string}", "{type: string, default: dd}") + BODY,
    given(),
)
prompty(
    "sample",
    "3.2-call",
    FRONT.replace("inputs:\n  q: {type: string}", "sample:\n  q: from-sample") + BODY,
    given(),
)
prompty(
    "connection",
    "3.2-model",
    FRONT.replace(
        "    base_url: {server}/v1\n    api_key: sk-p\n", "    connection: oai\n"
    )
    + BODY,
    given(q="hi"),
)
prompty(
    "parameters",
    "3.2-parameters 9.10",
    FRONT.replace("    temperature: 0.5\n", "    seed: 3\n    stop: [a]\n") + BODY,
    given(q="hi"),
)
prompty(
    "no-parameters",
    "9.15 3.2-parameters",
    FRONT.replace("  parameters:\n    max_tokens: 10\n    temperature: 0.5\n", "")
    + BODY,
    given(q="hi"),
    differs="crash",
)
prompty(
    "stream",
    "3.2-response 2.5-join",
    FRONT.replace("    temperature: 0.5\n", "    stream: true\n") + BODY,
    given(q="hi"),
    replies=[{"text": "a b c"}],
)
prompty(
    "response-all",
    "3.2-response 9.15",
    FRONT.replace("  api: chat\n", "  api: chat\n  response: all\n") + BODY,
    given(q="hi"),
)
JSON = FRONT.replace(
    "    temperature: 0.5\n", "    response_format: {type: json_object}\n"
)
prompty("json", "3.2-json", JSON + BODY, given(q="hi"), replies=[{"text": '{"a": 1}'}])
prompty(
    "json-outputs",
    "3.2-json",
    JSON.replace("inputs:", "outputs:\n  a: {type: string}\ninputs:") + BODY,
    given(q="hi"),
    replies=[{"text": '{"a": 1, "b": 2}'}],
)
prompty(
    "json-outputs-missing",
    "3.2-json",
    JSON.replace("inputs:", "outputs:\n  zz: {type: string}\ninputs:") + BODY,
    given(q="hi"),
    replies=[{"text": '{"a": 1}'}],
)
prompty(
    "completion",
    "3.2-model",
    FRONT.replace("api: chat", "api: completion") + "Say {{q}}",
    given(q="hi"),
)
prompty("dashes", "3.2-split", FRONT + "user:\n{{q}}\n---\nmore\n", given(q="hi"))
prompty("no-front", "3.2-split", "user:\n{{q}}\n", given(q="hi"))
prompty("escape", "3.2-roles", FRONT + BODY, given(q="a\nsystem:\nrude"))
prompty("role-bad", "3.2-roles 9.11", FRONT + "hello\nuser:\n{{q}}\n", given(q="hi"))
prompty(
    "env",
    "3.2-env-file",
    FRONT.replace("sk-p", "${env:PF_NO_SUCH_VARIABLE}") + BODY,
    given(q="hi"),
)
prompty(
    "file",
    "3.2-env-file",
    FRONT.replace("inputs:\n  q: {type: string}", "sample: ${file:s.json}") + BODY,
    given(),
    files={"s.json": '{"q": "from a file"}'},
)
prompty(
    "image",
    "3.2-images 9.15",
    FRONT.replace("string", "image") + "user:\nsee\n![image]({{q}})\n",
    given(q=f"data:image/png;base64: {PIXEL}"),
    given(q={"data:image/png;base64": PIXEL}),
)
prompty(
    "tool-calls",
    "3.2-response",
    FRONT + BODY,
    given(q="hi"),
    replies=[{"tool_calls": [{"name": "f", "arguments": "{}"}]}],
)
prompty(
    "error-400",
    "9.15 2.7-no-retry",
    FRONT + BODY,
    given(q="hi"),
    replies=[{"status": 400}],
)
prompty(
    "override",
    "3.2-override",
    FRONT + BODY,
    {
        "mode": "flow",
        "inputs": {"q": "hi"},
        "init": {"model": {"parameters": {"max_tokens": 3}}},
    },
)

# Images (2.9)
SHOW = "def f(x): return [type(x).__name__, len(x), getattr(x, '_mime_type', None)]"


def image(id: str, rules: str, *runs: dict[str, Any], **more: Any) -> None:
    more.setdefault("a", SHOW)
    case(
        f"image-{id}",
        rules,
        nodes(
            "n a.py {x: '${inputs.q}'}",
            "out=n.output",
            more.pop("declare", "q: {type: image}"),
        ),
        *runs,
        **more,
    )


DICT = {"data:image/png;base64": PIXEL}
image("dict", "2.9-image-in 2.9-image-bytes", given(q=DICT))
image("text", "2.9-image-in", given(q=PIXEL))
image("empty", "2.9-image-empty", given(q=""), given(q=None))
image(
    "list",
    "2.9-image-scan",
    given(q=[DICT]),
    declare="q: {type: list}",
    a="def f(x): return [type(i).__name__ for i in x]",
)
image(
    "object",
    "2.9-image-scan",
    given(q={"a": [DICT]}),
    declare="q: {type: object}",
    a="def f(x): return type(x['a'][0]).__name__",
)
image(
    "string",
    "2.9-image-scan",
    given(q="text"),
    declare="q: {type: string}",
    a="def f(x): return type(x).__name__",
)
image(
    "path",
    "2.9-image-in",
    given(q={"data:image/png;path": "p.png"}),
    files={"p.png": __import__("base64").b64decode(PIXEL)},
)
image("path-missing", "2.9-image-in", given(q={"data:image/png;path": "none.png"}))
case(
    "image-vision",
    "2.9-vision 1.2-message-format",
    "message_format: openai-vision\n"
    + nodes("n a.py {x: '${inputs.q}'}", "out=n.output", "q: {type: list}"),
    given(
        q=[
            {"type": "text", "text": "hi"},
            {
                "type": "image_url",
                "image_url": {"url": f"data:image/png;base64,{PIXEL}"},
            },
        ]
    ),
    a="def f(x): return [type(i).__name__ for i in x]",
)
case(
    "image-prompt",
    "2.7-prompt-image",
    nodes("p p.jinja2 {q: '${inputs.q}'}", "out=p.output", "q: {type: image}"),
    given(q=DICT),
    files={"p.jinja2": "see\n![image]({{q}})\n"},
)
case(
    "image-out",
    "2.9-image-out",
    nodes("n a.py {x: '${inputs.q}'}", "out=n.output", "q: {type: image}"),
    given(q=DICT),
    a="def f(x): return 'same' if x else x",
)

# Assistants and package tools (2.8)
case(
    "package-unknown",
    "2.8-package 1.8-package-tool",
    "outputs: {}\nnodes:\n- name: n\n  type: python\n  source: {type: package, tool: no.such.tool}\n  inputs: {}\n",
)
case(
    "package-assistant",
    "2.8-assistant 9.26",
    nodes("n a.py {d: assistant.yaml}", "out=n.output"),
    a="from promptflow.contracts.types import AssistantDefinition\nfrom promptflow.core import tool\n@tool\ndef f(d: AssistantDefinition): return [d.model, d.instructions, len(d.tools)]\n",
    files={
        "assistant.yaml": "model: m\ninstructions: i\ntools:\n- type: code_interpreter\n"
    },
    differs="assistant-record",
)
case(
    "package-custom-llm",
    "2.7-custom-llm 2.8-package",
    "outputs: {}\nnodes:\n- name: n\n  type: custom_llm\n  source: {type: package_with_prompt, tool: no.such.tool, path: p.jinja2}\n  inputs: {}\n",
    files={"p.jinja2": "hi"},
)
