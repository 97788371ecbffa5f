"""1.7: other connections and values for one run; 1.3, 2.5: what tools say of themselves."""

from typing import Any

from ..case import case, nodes

ADD = "def f(x: int = 1, y: int = 2): return [x, y]"
SAY = "def f(x=None): return x"
TYPED = """from promptflow.connections import CustomConnection, OpenAIConnection
from promptflow.core import tool
@tool
def f(conn: CustomConnection, other: OpenAIConnection = None, x=0):
    return [conn.name, other.name if other else None, x]
"""
CUSTOM = {
    "one": {"type": "custom", "configs": {"a": "1"}, "secrets": {"b": "s-e-c-r-e-t-1"}},
    "two": {"type": "custom", "configs": {"a": "2"}, "secrets": {"b": "s-e-c-r-e-t-2"}},
    "oai": {"type": "open_ai", "base_url": "{server}/v1", "api_key": "sk-secret-1"},
    "other": {"type": "open_ai", "base_url": "{server}/v1", "api_key": "sk-secret-2"},
    "az": {
        "type": "azure_open_ai",
        "api_base": "{server}",
        "api_version": "2024-02-01",
        "api_key": "az-secret-1",
    },
}
CHAIN = nodes(
    """
    a a.py {x: 1}
    b b.py {x: '${a.output}'}
    c b.py {x: '${inputs.q}'}
    """,
    outputs="out=b.output third=c.output",
    inputs="q: {type: string, default: hello}",
)
CHAT = "system:\nYou are kind.\n\nuser:\n{{q}}\n"


def over(**values: Any) -> dict[str, Any]:
    """Return a run with ``overrides``, ``node_override`` or ``connections``."""
    return {"mode": "flow", "inputs": values.pop("inputs", {}), **values}


def override(name: str, *changes: dict[str, Any], differs: str = "") -> None:
    """Register a case of the chain above with each of some overrides."""
    case(
        f"override-{name}",
        "1.7-overrides",
        CHAIN,
        *(over(**change) for change in changes),
        a=ADD,
        b=SAY,
        differs=differs,
    )


override(
    "input",
    {"overrides": {"nodes.a.inputs.x": 7}},
    {"overrides": {"nodes.a.inputs.y": 8}},
    {"overrides": {"nodes.a.inputs.x": 7, "nodes.a.inputs.y": "8"}},
    {"overrides": {"nodes.c.inputs.x": [1, {"k": None}]}},
    {"overrides": {"nodes.c.inputs.x": None}},
    {"overrides": {"nodes.c.inputs.x": ""}},
    {"overrides": {"nodes.c.inputs.x": True}},
)
override(
    "input-reference",
    {"overrides": {"nodes.c.inputs.x": "${a.output}"}},
    {"overrides": {"nodes.c.inputs.x": "${a.output.[0]}"}},
    {"overrides": {"nodes.b.inputs.x": "${inputs.q}"}, "inputs": {"q": "hi"}},
)
override("input-misfit", {"overrides": {"nodes.a.inputs.x": "seven"}})
override("input-unknown", {"overrides": {"nodes.a.inputs.z": 1}})
override(
    "input-reference-unknown",
    {"overrides": {"nodes.b.inputs.x": "${nobody.output}"}},
    {"overrides": {"nodes.b.inputs.x": "${inputs.nobody}"}},
)
override("cycle", {"overrides": {"nodes.a.inputs.x": "${b.output}"}})
override("source", {"overrides": {"nodes.b.source.path": "a.py"}})
override("source-missing", {"overrides": {"nodes.b.source.path": "nothing.py"}})
override(
    "activate",
    {"overrides": {"nodes.b.activate.when": "${inputs.q}", "nodes.b.activate.is": "x"}},
    {
        "overrides": {
            "nodes.b.activate.when": "${inputs.q}",
            "nodes.b.activate.is": "hello",
        }
    },
    {"overrides": {"nodes.b.activate": {"when": "${a.output.[0]}", "is": 2}}},
)
override("activate-half", {"overrides": {"nodes.b.activate.when": "${inputs.q}"}})
override(
    "flow",
    {"overrides": {"inputs.q.default": "other"}},
    {"overrides": {"inputs.q.type": "list"}, "inputs": {"q": "[1]"}},
    {"overrides": {"outputs.out.reference": "${c.output}"}},
    {"overrides": {"outputs.more": {"type": "string", "reference": "${a.output}"}}},
    {"overrides": {"environment_variables.PF_ONE": "1"}},
)
override("node-unknown", {"overrides": {"nodes.d.inputs.x": 1}})
override("output-unknown", {"overrides": {"outputs.out.reference": "${nobody.output}"}})
override(
    "node-form",
    {"node_override": {"a.x": 7}},
    {"node_override": {"a.x": "7", "a.y": 9}},
    {"node_override": {"c.x": {"k": [1]}}},
    {"node_override": {"b.x": 5}},
    {"node_override": {"a.x": None, "a.y": ""}},
)
override("node-form-misfit", {"node_override": {"a.x": "seven"}})
override("node-form-input-unknown", {"node_override": {"a.z": 1}})
override("node-form-unknown", {"node_override": {"d.x": 1}}, differs="crash")
override("node-form-no-dot", {"node_override": {"a": 1}}, differs="crash")
override(
    "node-form-reference",
    {"node_override": {"c.x": "${a.output}"}},
    differs="override-reference",
)
VARIED = (
    nodes("a a.py {x: 1} use_variants: true", outputs="out=a.output")
    + "node_variants:\n  a:\n    default_variant_id: v\n    variants:\n"
    + "".join(
        f"      {name}: {{node: {{type: python, source: {{type: code, path: a.py}},"
        f" inputs: {{x: {value}}}}}}}\n"
        for name, value in (("v", 10), ("w", 20))
    )
)
case(
    "override-variant",
    "1.7-overrides 1.6-default-variant",
    VARIED,
    over(overrides={"nodes.a.inputs.x": 7}),
    over(overrides={"nodes.a.inputs.y": 7}),
    over(overrides={"nodes.a.inputs.y": 7}, variant="${a.w}"),
    a=ADD,
)
case(
    "override-node-form-variant",
    "1.7-overrides",
    VARIED,
    over(node_override={"a.x": 7}),
    a=ADD,
    differs="override-variant",
)


def typed(name: str, *changes: dict[str, Any], inputs: str, differs: str = "") -> None:
    """Register a case of a python node that takes connections."""
    case(
        f"override-connection-{name}",
        "1.7-overrides 5-needed",
        nodes(f"n a.py {{{inputs}}}", outputs="out=n.output"),
        *(over(**change) for change in changes),
        connections=CUSTOM,
        a=TYPED,
        differs=differs,
    )


typed(
    "python",
    {"connections": {"n": {"conn": "two"}}},
    {"connections": {"n": {"conn": "two", "other": "oai"}}},
    {"overrides": {"nodes.n.inputs.conn": "two"}},
    {"node_override": {"n.conn": "two"}},
    inputs="conn: one, other: other",
)
typed("absent", {"connections": {"n": {"other": "oai"}}}, inputs="conn: one")
typed("missing", {"connections": {"n": {"conn": "none"}}}, inputs="conn: one")
typed("class", {"connections": {"n": {"conn": "oai"}}}, inputs="conn: one")
typed("other-input", {"connections": {"n": {"x": "5"}}}, inputs="conn: one, x: 3")
typed(
    "other-input-misfit",
    {"connections": {"n": {"x": "two"}}},
    inputs="conn: one, x: 3",
    differs="all-problems",
)
typed("unknown-input", {"connections": {"n": {"z": "two"}}}, inputs="conn: one")
typed("unknown-node", {"connections": {"m": {"conn": "two"}}}, inputs="conn: one")
typed(
    "model-input",
    {"connections": {"n": {"conn": "two", "model": "m"}}},
    inputs="conn: one",
)


def model(
    name: str, *changes: dict[str, Any], connection: str = "oai", differs: str = ""
) -> None:
    """Register a case of an llm node with each of some overrides."""
    key = "deployment_name" if connection == "az" else "model"
    case(
        f"override-llm-{name}",
        "1.7-overrides 2.7-provider",
        "inputs: {q: {type: string, default: hello}}\n"
        "outputs: {out: {type: string, reference: '${l.output}'}}\nnodes:\n"
        "- name: l\n  type: llm\n  source: {type: code, path: p.jinja2}\n"
        f"  connection: {connection}\n  api: chat\n"
        f"  inputs: {{{key}: gpt-4, q: '${{inputs.q}}'}}\n",
        *(over(**change) for change in changes),
        connections=CUSTOM,
        server={"replies": [{}]},
        files={"p.jinja2": CHAT},
        differs=differs,
    )


model(
    "connection",
    {"connections": {"l": {"connection": "other"}}},
    {"connections": {"l": {"connection": "other", "model": "gpt-9"}}},
    {"connections": {"l": {"model": "gpt-9"}}},
    {"connections": {"l": {"connection": "az", "deployment_name": "mine"}}},
    {"overrides": {"nodes.l.connection": "other"}},
    {"overrides": {"nodes.l.inputs.temperature": 0.5, "nodes.l.inputs.q": "bye"}},
    {"node_override": {"l.connection": "other"}},
    {"node_override": {"l.model": "gpt-9", "l.temperature": 0.25}},
    {"node_override": {"l.connection": "az", "l.deployment_name": "mine"}},
)
model("connection-missing", {"connections": {"l": {"connection": "none"}}})
model("key-unknown", {"connections": {"l": {"q": "x"}}})
model("api", {"overrides": {"nodes.l.api": "nothing"}})

PACKAGE = """def tools():
    return {{
        "case_tools.add": {{
            "name": "add", "module": "case_tools", "function": "add",
            "type": {tool!r},
            "inputs": {{"x": {{"type": {x!r}}}, "y": {{"type": {y!r}}}}},
        }}
    }}


def add(x, y=None):
    return [x, y]
"""


def packaged(
    name: str, x: Any, y: Any, *, tool: str = "python", inputs: str, differs: str = ""
) -> None:
    """Register a case of a package's tool whose metadata writes types its own way."""
    case(
        f"package-type-{name}",
        "1.3-tool-type-case 2.8-package",
        "outputs: {out: {type: string, reference: '${n.output}'}}\nnodes:\n"
        "- name: n\n  type: python\n"
        "  source: {type: package, tool: case_tools.add}\n"
        f"  inputs: {{{inputs}}}\n",
        files={
            "case_tools.py": PACKAGE.format(x=x, y=y, tool=tool),
            "case_tools-1.0.dist-info/METADATA": (
                "Metadata-Version: 2.1\nName: case-tools\nVersion: 1.0\n"
            ),
            "case_tools-1.0.dist-info/entry_points.txt": (
                "[package_tools]\ncase = case_tools:tools\n"
            ),
        },
        differs=differs,
    )


packaged("upper", ["INT"], ["DOUBLE"], inputs="x: '11', y: '1'")
packaged("mixed", ["Int", "string"], ["Bool"], inputs="x: '11', y: 'TRUE'")
packaged("text", "List", "Object", inputs="x: '[1]', y: '{\"a\": 1}'")
packaged("misfit", ["Int"], ["string"], inputs="x: eleven")
packaged("unknown", ["Number"], ["string"], inputs="x: 3")
packaged("capital-tool", ["int"], ["string"], tool="Python", inputs="x: '3', y: 4")


STREAMING = """from promptflow.core import tool
@tool(streaming_option_parameter="stream")
def f(x: str = "a", stream: bool = False):
    def chunks():
        yield x
        yield str(stream)
    return chunks() if stream else f"{x}{stream}"
"""


def streaming(
    name: str, text: str, outputs: str, source: str = STREAMING, differs: str = ""
) -> None:
    """Register a case of a Python tool that can stream."""
    case(
        f"streaming-option-{name}",
        "2.5-llm-stream 2.6-tool-options",
        nodes(text, outputs=outputs),
        a=source,
        b="def f(x=None): return ''.join(x) if x is not None else x",
        differs=differs,
    )


streaming("output", "n a.py {stream: true}", "out=n.output")
streaming("output-default", "n a.py {}", "out=n.output")
streaming("used", "n a.py {stream: true}\nm b.py {x: '${n.output}'}", "out=m.output")
streaming(
    "both",
    "n a.py {stream: true}\nm b.py {x: '${n.output}'}",
    "out=m.output other=n.output",
)
streaming("nobody", "n a.py {stream: true}\nm b.py {}", "out=m.output")
streaming(
    "async",
    "n a.py {stream: true}",
    "out=n.output",
    STREAMING.replace("\ndef f", "\nasync def f"),
    "streaming-async",
)
streaming(
    "unknown",
    "n a.py {stream: true}",
    "out=n.output",
    STREAMING.replace('="stream"', '="strm"'),
)
streaming(
    "class",
    "n a.py {stream: true, word: w}",
    "out=n.output",
    "from promptflow.core import ToolProvider, tool\nclass A(ToolProvider):\n"
    "    def __init__(self, word: str):\n        super().__init__()\n"
    "        self.word = word\n"
    "    @tool(streaming_option_parameter='stream')\n"
    "    def f(self, stream: bool = False):\n        return f'{self.word}{stream}'\n",
)
