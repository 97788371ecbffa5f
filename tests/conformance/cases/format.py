"""Section 1: the flow file, its values, types, nodes and references."""

from ..case import TOOL, case, given, node_run, nodes, one

ECHO = "def f(x=None): return x"
# the kind of a value without telling subclasses apart (the original's YAML numbers are)
KIND = "next((t.__name__ for t in (bool, int, float, str, list, dict) if isinstance(x, t)), type(x).__name__)"
SHOW = f"def f(x): return [{KIND}, str(x)]"
HELLO = nodes("n a.py {x: 1}", "out=n.output")

# 1.1 files and parsing
case("file-yml", "1.1-names", HELLO, file="flow.dag.yml", a=ECHO)
case("file-none", "1.1-names", HELLO, file="other.yaml", a=ECHO)
case("file-two", "1.1-two-files", HELLO, a=ECHO, files={"flow.dag.yml": HELLO})
case(
    "file-flex-and-dag",
    "1.1-two-files",
    HELLO,
    a=ECHO,
    files={"flow.flex.yaml": "entry: a:f\n"},
)
case("file-direct", "1.1-direct-file", HELLO, file="x.yaml", path="x.yaml", a=ECHO)
case("file-direct-text", "1.1-direct-file", HELLO, file="x.txt", path="x.txt", a=ECHO)
case(
    "file-kind-by-content",
    "1.1-kind-by-content",
    "entry: main:f\n",
    given(x="a"),
    files={"main.py": "def f(x: str): return x + '!'\n"},
)
for number, text in enumerate(
    ["yes", "no", "on", "off", "true", "True", "TRUE", "false", "~", "null", "''"]
):
    one(
        f"yaml-word-{number}",
        "1.1-yaml12-words",
        SHOW.replace("x)", "x='-')", 1),
        x=text,
    )
for number, text in enumerate(
    ["012", "0o14", "0x1F", "1e3", "1.5", ".5", "1:30", "1_000", "+3", ".inf", "-0"]
):
    one(f"yaml-number-{number}", "1.1-yaml12-numbers", SHOW, x=text)
one("yaml-date", "1.1-yaml12-dates", SHOW, x="2024-01-01")
one(
    "yaml-datetime",
    "1.1-yaml12-dates",
    "def f(x): return x.isoformat()",
    x="2024-01-01T10:20:30",
    differs="timestamp-class",
)
one("yaml-collection", "1.1-yaml12-words", SHOW, x="[1, {a: yes, 2: b}, null]")
one(
    "yaml-types-inside",
    "1.1-yaml12-numbers",
    f"def f(x): return [{KIND} for x in x]",
    x="[1, 1.5, true, null, a, [1], {a: 1}]",
)
one("yaml-multiline", "1.1-yaml12-words", ECHO, inputs='x: "a\\nb", ')
one(
    "yaml-duplicate-key",
    "1.1-duplicate-keys",
    "def f(x): return x",
    inputs="x: 1, x: 2",
)
case("yaml-broken", "1.1-duplicate-keys", "inputs: {\nnodes: ]\n")
case("yaml-empty-file", "1.2-empty-sections", "")
case("yaml-a-list", "1.2-empty-sections", "- 1\n- 2\n", differs="crash")
case(
    "yaml-anchors",
    "1.1-yaml12-words",
    "x-shared: &s {x: 7}\noutputs: {out: {type: string, reference: '${n.output}'}}\n"
    "nodes:\n- name: n\n  type: python\n  source: {type: code, path: a.py}\n  inputs: *s\n",
    a=ECHO,
)
case(
    "unknown-keys",
    "1.1-unknown-keys 1.4-comment",
    "$schema: x\ndescription: y\ntags: {a: b}\ndisplay: 1\nwhatever: [1]\n"
    + HELLO.replace(
        "type: python\n", "type: python\n  skip: {a: 1}\n  zap: 3\n  comment: hello\n"
    ),
    a=ECHO,
)
case(
    "unicode", "1.1-names", nodes("n a.py {x: 'žluťoučký 🐎'}", "out=n.output"), a=ECHO
)
case(
    "unicode-names",
    "1.1-names",
    nodes("uzel_ž a.py {x: 1}", "výstup=uzel_ž.output"),
    a=ECHO,
)
case("flow-name", "1.2-name", "name: Some Other\nid: xyz\n" + HELLO, a=ECHO)
case("crlf-flow", "1.1-names", HELLO.replace("\n", "\r\n"), a=ECHO)
case("bom-flow", "1.1-names", "\ufeff" + HELLO, a=ECHO)
case("tabs-in-flow", "1.1-duplicate-keys", HELLO.replace("  type", "\ttype"), a=ECHO)

# 1.2 top-level keys
case("sections-null", "1.2-empty-sections", "inputs:\noutputs:\nnodes: []\n")
case("nodes-empty", "1.2-empty-sections 9.3", "nodes: []\n")
case("nodes-missing", "9.3", "inputs: {}\noutputs: {}\n", differs="crash")
case("nodes-null", "9.3", "inputs: {}\noutputs: {}\nnodes:\n", differs="crash")
case(
    "environment-ignored",
    "1.2-environment-ignored",
    HELLO + "environment: {python_requirements_txt: nothing.txt, image: none/such}\n",
    a=ECHO,
)
ENV = (
    "import os\n"
    + TOOL
    + "def f(names): return {n: os.environ.get(n) for n in names}\n"
)
case(
    "env-values",
    "1.2-env-scalars 1.2-env-json 9.7",
    nodes("n a.py {names: [A, B, C, D, E, F, G, H, I]}", "out=n.output")
    + "environment_variables: {A: text, B: 1, C: true, D: 1.50, E: null, F: [1, a],"
    " G: {a: [1, null]}, H: '', I: 2024-01-01}\n",
    a=ENV,
)
case(
    "env-values-plain",
    "1.2-env-scalars 1.2-env-json 9.7",
    nodes("n a.py {names: [A, B, C, D, E, F, G, H]}", "out=n.output")
    + "environment_variables: {A: text, B: 1, C: true, D: 1.50, E: null, F: [1, a],"
    " G: {a: [1, null]}, H: ''}\n",
    a=ENV,
)
case(
    "env-overwrites",
    "4.4-env",
    nodes("n a.py {names: [A, HOME_X]}", "out=n.output")
    + "environment_variables: {A: from-yaml, HOME_X: y}\n",
    {"mode": "flow", "inputs": {}, "environment_variables": {"A": "from-run"}},
    a=ENV,
)
case(
    "env-import-time",
    "1.2-env-scalars",
    nodes("n a.py {}", "out=n.output") + "environment_variables: {A: early}\n",
    a="import os\nfrom promptflow.core import tool\nV = os.environ.get('A')\n@tool\ndef f(): return V\n",
)
case("language-python", "1.2-language", "language: python\n" + HELLO, a=ECHO)
for name in ("basic", "BASIC", "openai-vision", "OpenAI-Vision", "other", "''"):
    case(
        f"message-format-{name.strip(chr(39)) or 'empty'}",
        "1.2-message-format",
        f"message_format: {name}\n" + HELLO,
        a=ECHO,
    )
case("message-format-null", "1.2-message-format", "message_format:\n" + HELLO, a=ECHO)
one(
    "input-no-type",
    "1.2-input-type-required",
    ECHO,
    given(a=1),
    declare="a: {default: 1}",
    x="'${inputs.a}'",
    differs="crash",
)
one(
    "input-null",
    "1.2-input-type-required",
    ECHO,
    given(a=1),
    declare="a: ",
    x="'${inputs.a}'",
    differs="crash",
)
case(
    "output-no-type",
    "1.2-output-type-free",
    HELLO.replace("type: string, ", ""),
    differs="crash",
    a=ECHO,
)
one(
    "default-null-required",
    "1.2-default-none 9.6",
    ECHO,
    given(),
    given(a=None),
    given(a=3),
    declare="a: {type: int, default: null}",
    x="'${inputs.a}'",
)
for number, (kind, value) in enumerate(
    [
        ("string", "''"),
        ("bool", "false"),
        ("list", "[]"),
        ("object", "{}"),
        ("int", "0"),
        ("double", "0"),
        ("string", "0"),
        ("int", "'7'"),
        ("bool", "'True'"),
        ("list", "'[1]'"),
        ("string", "[1]"),
        ("string", "true"),
        ("string", "1.50"),
        ("double", "1"),
        ("object", "'{\"a\": 1}'"),
        ("int", "x"),
        ("bool", "1"),
        ("list", "a"),
        ("string", "2024-01-01"),
        ("int", "1.9"),
    ]
):
    one(
        f"default-{number}-{kind}",
        "1.2-default-falsy 2.1-default-coerced",
        SHOW,
        given(),
        declare=f"a: {{type: {kind}, default: {value}}}",
        x="'${inputs.a}'",
    )
case(
    "output-types",
    "1.2-output-type-free 1.2-output-fields",
    "inputs: {}\noutputs:\n"
    "  a: {type: int, reference: '${n.output}'}\n"
    "  b: {type: list, reference: '${n.output}', description: d}\n"
    "  c: {type: bool, reference: '${n.output}', evaluation_only: true}\n"
    "  d: {type: string, reference: '${n.output}', is_chat_output: true}\n"
    "  e: {type: object, reference: '${inputs.q}'}\n"
    "nodes:\n- {name: n, type: python, source: {type: code, path: a.py}, inputs: {x: text}}\n".replace(
        "inputs: {}\n", "inputs: {}\n", 1
    ),
    a=ECHO,
)
case(
    "output-of-input",
    "1.2-output-type-free 1.5-whole-string",
    nodes(
        "n a.py {x: 1}",
        "a=inputs.q b=flow.q c=n d=n.output",
        "q: {type: int, default: '5'}",
    ),
    given(),
    given(q="8"),
    a=ECHO,
)
case(
    "output-literal",
    "1.5-whole-string 1.8-output-not-found",
    HELLO.replace("${n.output}", "plain text"),
    a=ECHO,
)
case(
    "output-null-reference",
    "1.8-output-empty",
    HELLO.replace("'${n.output}'", ""),
    a=ECHO,
)
case(
    "output-number-reference",
    "1.5-whole-string",
    HELLO.replace("'${n.output}'", "5"),
    a=ECHO,
)
CHAT = (
    "inputs:\n  question: {type: string, is_chat_input: true}\n"
    "  chat_history: {type: list}\n"
    "outputs:\n  answer: {type: string, reference: '${n.output}', is_chat_output: true}\n"
    "nodes:\n- name: n\n  type: python\n  source: {type: code, path: a.py}\n"
    "  inputs: {q: '${inputs.question}', h: '${inputs.chat_history}'}\n"
)
TURN = [{"inputs": {"question": "a"}, "outputs": {"answer": "b"}}]
case(
    "chat-flow",
    "1.2-chat-flags 2.10-history 2.10-history-default",
    CHAT,
    given(question="hi"),
    given(question="hi", chat_history=TURN),
    given(question="hi", chat_history="[]"),
    given(),
    a="def f(q, h): return [q, h]",
)
case(
    "chat-flow-history-flag-false",
    "1.2-chat-flags 2.10-history-default",
    CHAT.replace("type: list", "type: list, is_chat_history: false"),
    given(question="hi"),
    a="def f(q, h): return [q, h]",
)
case(
    "chat-flow-other-history",
    "1.2-chat-flags 2.10-history-default",
    CHAT.replace(
        "chat_history: {type: list", "past: {type: list, is_chat_history: true"
    ).replace("inputs.chat_history", "inputs.past"),
    given(question="hi"),
    a="def f(q, h): return [q, h]",
)
case(
    "chat-flow-generator",
    "1.2-chat-flags 2.5-join",
    CHAT,
    given(question="a b c"),
    a="def f(q, h):\n    for word in q.split(): yield word",
)
case(
    "legacy-tools",
    "1.2-legacy-tools",
    "inputs: {}\noutputs: {out: {type: string, reference: '${n.output}'}}\n"
    "nodes:\n- {name: n, type: python, tool: t, inputs: {x: 4}}\n"
    "tools:\n- {name: t, type: python, inputs: {x: {type: [int]}}, source: a.py, function: f}\n",
    differs="legacy-tools",
    a=ECHO,
)

# 1.3 types
VALUES = {
    "int": ["11", 1.9, True, "1.5", "x", None, [], " 7 ", "1_000", 10**30, ""],
    "double": ["1.5", 2, True, "nan", "inf", "x", None, "1e3", ""],
    "bool": [True, "true", "FALSE", 1, 0, "yes", None, "", "tRuE"],
    "string": [4.5, None, {"a": 1}, [1], True, "", "text", "é"],
    "list": [[1], "[1, 2]", "x", "{}", "5", None, {"a": 1}, "", "null"],
    "object": [{"a": 1}, '{"a": 1}', "x", [1], 5, None, "", "5", "null"],
    "prompt_template": ["t", 1],
    "file_path": ["a.txt", 1],
    "secret": ["s", 1],
}
for kind, values in VALUES.items():
    fine = (
        "1.3-other-types"
        if kind in ("prompt_template", "file_path", "secret")
        else f"1.3-{kind}"
    )
    extra = " 1.3-parse-error" if kind == "list" else ""
    one(
        f"type-{kind}",
        f"{fine} 1.3-type-error 2.1-invalid-inputs{extra}",
        SHOW,
        *[given(a=value) for value in values],
        declare=f"a: {{type: {kind}}}",
        x="'${inputs.a}'",
    )
for kind in ("chat", "Int", "str", "any", "OpenAIConnection"):
    one(
        f"type-unknown-{kind}",
        "1.3-unknown-type",
        ECHO,
        given(a=1),
        declare=f"a: {{type: {kind}}}",
        x="'${inputs.a}'",
        differs="crash",
    )
case(
    "output-type-unknown",
    "1.3-unknown-type",
    HELLO.replace("string", "text"),
    differs="crash",
    a=ECHO,
)

# 1.4 nodes
case(
    "node-no-type",
    "1.4-type-missing 9.5",
    HELLO.replace("  type: python\n", ""),
    differs="crash",
    a=ECHO,
)
case(
    "node-type-unknown",
    "1.4-type-unknown",
    HELLO.replace("type: python", "type: perl"),
    differs="crash",
    a=ECHO,
)
case(
    "node-no-source",
    "1.4-source-missing 9.5",
    HELLO.replace("  source: {type: code, path: a.py}\n", ""),
    differs="more-precise",
    a=ECHO,
)
case(
    "node-source-default",
    "1.4-source-default",
    HELLO.replace("type: code, ", ""),
    a=ECHO,
)
case(
    "node-source-unknown",
    "1.4-pairs",
    HELLO.replace("type: code", "type: web"),
    differs="crash",
    a=ECHO,
)
case(
    "node-prompt-package",
    "1.4-pairs",
    HELLO.replace("type: python", "type: prompt").replace(
        "type: code, path", "type: package, tool"
    ),
    differs="more-precise",
    a=ECHO,
)
case(
    "node-module",
    "1.4-module",
    HELLO.replace("type: python\n", "type: python\n  module: no_such_module_here\n"),
    a=ECHO,
)
case(
    "node-module-fine",
    "1.4-module",
    HELLO.replace("type: python\n", "type: python\n  module: json\n"),
    a=ECHO,
)
case(
    "node-no-name",
    "1.8-duplicate-node",
    HELLO.replace("- name: n\n  type", "- type"),
    differs="crash",
    a=ECHO,
)
case("node-no-inputs", "1.4-comment", HELLO.replace("  inputs: {x: 1}\n", ""), a=ECHO)
case(
    "node-inputs-null",
    "1.4-comment",
    HELLO.replace("  inputs: {x: 1}\n", "  inputs:\n"),
    a=ECHO,
)
one(
    "node-nested-literal",
    "1.4-nested-literal",
    ECHO,
    given(),
    declare="q: {type: int, default: 1}",
    x="['${inputs.q}', {a: '${inputs.q}'}]",
)
case(
    "node-reduce",
    "1.4-reduce 2.4-lists",
    nodes("a a.py {x: 3}\nb b.py {x: '${a.output}'}; reduce: true", "out=a.output"),
    a=ECHO,
    b="def f(x): return x",
)
case("node-cache", "2.8-no-cache", HELLO + "  enable_cache: true\n", a=ECHO)
case(
    "node-name-inputs",
    "1.5-flow-prefix 1.8-input-not-found",
    nodes("inputs a.py {x: 1}\nm b.py {x: '${inputs.output}'}", "out=m.output"),
    a=ECHO,
    b=ECHO,
)
case(
    "node-name-dots",
    "1.5-node-default 1.8-node-not-found",
    nodes("a.b a.py {x: 1}\nm b.py {x: '${a.b.output}'}", "out=m.output"),
    a=ECHO,
    b=ECHO,
)

# 1.5 references: producer p, consumer c
DATA = "def f(): return {'a': {'b': [1, {'c d': 2}]}, 'x-y': 3, 'x': {'y': 4}, '1': 'one', 'a b': 5, 'k.l': 6, 'list': [10, 20], 'none': None, 'a\\'q': 8, 'items': 9}"


def reference(
    name: str, rules: str, text: str, source: str = DATA, **more: object
) -> None:
    """A value used both as a node input and as a flow output."""
    quoted = text.replace("'", "''")
    flow = (
        "inputs: {q: {type: int, default: 1}, q.r: {type: int, default: 2}}\n"
        "outputs: {out: {type: string, reference: '${c.output}'}}\n"
        "nodes:\n- {name: p, type: python, source: {type: code, path: a.py}}\n"
        f"- {{name: c, type: python, source: {{type: code, path: b.py}}, inputs: {{x: '{quoted}'}}}}\n"
    )
    case(f"ref-{name}", rules, flow, a=source, b=SHOW, **more)
    direct = (
        "inputs: {q: {type: int, default: 1}, q.r: {type: int, default: 2}}\n"
        f"outputs: {{out: {{type: string, reference: '{quoted}'}}}}\n"
        "nodes:\n- {name: p, type: python, source: {type: code, path: a.py}}\n"
    )
    case(f"ref-out-{name}", rules + " 9.2", direct, a=source, **more)


reference("whole", "1.5-node-default", "${p}")
reference("output", "1.5-node-default", "${p.output}")
reference("section", "1.5-section 9.2", "${p.result}")
reference("section-property", "1.5-section 9.2", "${p.result.x}")
reference("section-empty", "1.5-section", "${p.}")
reference("trim", "1.5-no-trim", " ${p.output}")
reference("trim-inside", "1.5-no-trim 1.8-node-not-found", "${ p.output }")
reference("inside-text", "1.5-whole-string", "a ${p.output} b")
reference("two", "1.5-whole-string 1.8-node-not-found", "${p.output} ${p.output}")
reference("empty", "9.21", "${}")
reference("open", "1.5-whole-string", "${p.output")
reference("dollar", "1.5-whole-string", "$p")
reference("input", "1.5-flow-prefix", "${inputs.q}")
reference("flow", "1.5-flow-prefix", "${flow.q}")
reference("input-dots", "1.5-input-dots", "${inputs.q.r}")
reference("input-property", "1.5-input-dots 1.8-input-not-found", "${inputs.q.s}")
reference("input-only", "1.8-input-not-found", "${inputs}")
reference("input-bracket", "1.8-input-not-found", "${inputs['q']}")
reference("index-after-output", "1.5-index-after-output", "${p.output['x-y']}")
reference("word", "1.5-property-word", "${p.output.x.y}")
reference("word-nested", "1.5-property-word 1.5-index", "${p.output.a.b[0]}")
reference("quoted", "1.5-property-quoted", "${p.output.['x-y']}")
reference(
    "quoted-after-word", "1.5-property-quoted 1.5-index", "${p.output.a['b'][1]['c d']}"
)
reference("quoted-dot", "1.5-property-quoted", "${p.output.['k.l']}")
reference("double", "1.5-property-double", '${p.output.["x"]}')
reference(
    "double-blank", "1.5-property-double 1.5-property-missing", '${p.output.["a b"]}'
)
reference("hyphen", "1.5-property-hyphen", "${p.output.x-y}")
reference("word-digit", "1.5-property-word", "${p.output.1}")
reference("index-digit-key", "1.5-index 1.5-property-missing", "${p.output.[1]}")
reference("index-list", "1.5-index", "${p.output.list[1]}")
reference(
    "index-negative",
    "1.5-property-negative 1.5-property-missing",
    "${p.output.list[-1]}",
)
reference("index-range", "1.5-property-missing", "${p.output.list[7]}")
reference("list-word", "1.5-property-missing", "${p.output.list.0}")
reference("missing", "1.5-property-missing", "${p.output.nope}")
reference("none-word", "1.5-property-missing", "${p.output.none.x}")
reference("none-index", "1.5-property-typeerror", "${p.output.none.x[0]}")
reference(
    "none-bracket",
    "1.5-property-typeerror",
    "${p.output.none[0]}",
)
reference("items", "1.5-property-word", "${p.output.items}")
reference("odd-characters", "1.5-property-word", "${p.output.x. !y}")
reference("spaces", "1.5-property-word", "${p.output.list [1]}")
reference("unclosed", "1.5-property-word", "${p.output.list[1}")
reference("quote-in-quote", "1.5-property-quoted", "${p.output.['a'q']}")
reference(
    "object-attribute",
    "1.5-property-attribute",
    "${p.output.real}",
    "def f(): return 3",
)
reference("text-index", "1.5-index", "${p.output.[1]}", "def f(): return 'abc'")
reference(
    "text-method", "1.5-property-attribute", "${p.output.zzz}", "def f(): return 'abc'"
)
reference(
    "dataclass",
    "1.5-property-attribute 2.6-dataclass",
    "${p.output.x.y}",
    "from dataclasses import dataclass\nfrom promptflow.core import tool\n@dataclass\nclass D:\n    x: object\n@tool\ndef f(): return D({'y': 5})\n",
)
reference("unknown-node", "1.8-node-not-found 1.8-output-not-found", "${zzz.output}")
reference("unknown-input", "1.8-input-not-found 1.8-output-not-found", "${inputs.zzz}")

# 1.6 variants
VARIANTS = (
    "inputs: {x: {type: int, default: 1}}\n"
    "outputs: {out: {type: string, reference: '${n.output}'}}\n"
    "nodes:\n- {name: n, use_variants: true}\n"
    "- {name: m, use_variants: true}\n"
    "node_variants:\n"
    "  n:\n    default_variant_id: v1\n    variants:\n"
    "      v0: {node: {type: python, source: {type: code, path: a.py}, inputs: {x: '${inputs.x}', y: zero}}}\n"
    "      v1: {node: {type: python, source: {type: code, path: a.py}, inputs: {x: '${m.output}', y: one}}}\n"
    "      v2: {node: {type: prompt, source: {type: code, path: p.jinja2}, inputs: {x: 5}}}\n"
    "  m:\n    default_variant_id: k\n    variants:\n"
    "      k: {node: {type: python, source: {type: code, path: a.py}, inputs: {x: 8, y: k}}}\n"
    "      l: {node: {type: python, source: {type: code, path: a.py}, inputs: {x: 9, y: l}}}\n"
)
PAIR = "def f(x, y): return [x, y]"


def variant(name: str) -> dict[str, object]:
    return {"mode": "flow", "inputs": {}, "variant": name}


case(
    "variants",
    "1.6-default-variant 1.6-chosen",
    VARIANTS,
    given(),
    variant("${n.v0}"),
    variant("${n.v2}"),
    variant("${m.l}"),
    variant("${n.v1}"),
    a=PAIR,
    files={"p.jinja2": "x is {{x}}"},
)
case(
    "variants-unknown",
    "1.6-chosen-unknown",
    VARIANTS,
    variant("${n.nope}"),
    variant("${zzz.v0}"),
    variant("n.v0"),
    variant("nonsense"),
    a=PAIR,
    files={"p.jinja2": "x is {{x}}"},
)
case(
    "variants-default-unknown",
    "9.4",
    VARIANTS.replace("default_variant_id: v1", "default_variant_id: v9"),
    a=PAIR,
)
case(
    "variants-default-missing",
    "9.4",
    VARIANTS.replace("    default_variant_id: v1\n", ""),
    a=PAIR,
)
case("variants-no-entry", "9.4", "nodes:\n- {name: n, use_variants: true}\n", a=PAIR)
case("variants-no-entry-node-kept", "9.4", HELLO + "  use_variants: true\n", a=ECHO)
case(
    "variants-unused",
    "1.6-unused",
    HELLO
    + "node_variants:\n  n: {default_variant_id: v, variants: {v: {node: {type: python, source: {type: code, path: zzz.py}}}}}\n",
    given(),
    variant("${n.v}"),
    a=ECHO,
)
case(
    "variants-no-merge",
    "1.6-no-merge",
    HELLO.replace("  type: python\n", "  type: python\n  use_variants: true\n")
    + "node_variants:\n  n: {default_variant_id: v, variants: {v: {node: {type: python, source: {type: code, path: a.py}}}}}\n",
    a=ECHO,
)
case(
    "variants-activate",
    "1.6-no-merge 2.3-unmet",
    HELLO.replace(
        "  type: python\n",
        "  type: python\n  use_variants: true\n  activate: {when: a, is: b}\n",
    )
    + "node_variants:\n  n: {default_variant_id: v, variants: {v: {node: {type: python, source: {type: code, path: a.py}, inputs: {x: kept}}}}}\n",
    a=ECHO,
)
case(
    "variants-node-run",
    "1.6-chosen 2.11-node-run",
    VARIANTS,
    {"mode": "node", "node": "n", "inputs": {"x": 4}, "variant": "${n.v0}"},
    {"mode": "node", "node": "m", "inputs": {}},
    a=PAIR,
)

# 1.7 additional includes (paths are relative to the flow's folder)
INCLUDE = nodes("n a.py {}", "out=n.output")
READ = "from helper import VALUE\nfrom promptflow.core import tool\n@tool\ndef f(): return VALUE\n"
case(
    "includes-file",
    "1.7-includes",
    INCLUDE + "additional_includes: [../shared/helper.py]\n",
    path="flow",
    file="flow/flow.dag.yaml",
    files={"flow/a.py": READ, "shared/helper.py": "VALUE = 'shared'\n"},
)
case(
    "includes-folder",
    "1.7-includes",
    INCLUDE + "additional_includes:\n- ../shared\n",
    path="flow",
    file="flow/flow.dag.yaml",
    files={
        "flow/a.py": READ.replace("from helper", "from shared.helper"),
        "shared/helper.py": "VALUE = 'shared'\n",
        "shared/__init__.py": "",
    },
)
case(
    "includes-overwrite",
    "1.7-includes",
    INCLUDE + "additional_includes:\n- ../shared/helper.py\n",
    path="flow",
    file="flow/flow.dag.yaml",
    files={
        "flow/a.py": READ,
        "flow/helper.py": "VALUE = 'own'\n",
        "shared/helper.py": "VALUE = 'shared'\n",
    },
)
case(
    "includes-tool",
    "1.7-includes",
    INCLUDE + "additional_includes:\n- ../shared/a.py\n",
    path="flow",
    file="flow/flow.dag.yaml",
    files={"shared/a.py": TOOL + "def f(): return 'tool'\n"},
)
case(
    "includes-missing",
    "1.7-includes-missing",
    INCLUDE + "additional_includes: [../nothing.py]\n",
    path="flow",
    file="flow/flow.dag.yaml",
    files={"flow/a.py": READ, "flow/helper.py": "VALUE = 1\n"},
)
case(
    "includes-zip",
    "1.7-includes-zip",
    INCLUDE + "additional_includes: [../shared.zip]\n",
    path="flow",
    file="flow/flow.dag.yaml",
    files={
        "flow/a.py": "import zipfile\nfrom promptflow.core import tool\n@tool\ndef f(): return sorted(n for n in zipfile.ZipFile('shared.zip').namelist() if not n.endswith('/'))\n",
        "shared/helper.py": "VALUE = 'shared'\n",
    },
)
case(
    "includes-null",
    "1.7-includes",
    INCLUDE + "additional_includes:\n",
    a="def f(): return 1",
)

# 1.8 loading order and errors
case(
    "order-tool-before-duplicate",
    "1.8-order 1.8-duplicate-node",
    nodes("n a.py {x: 1}\nn zzz.py {x: 1}", "out=n.output"),
    a=ECHO,
)
case(
    "duplicate-node",
    "1.8-duplicate-node",
    nodes("n a.py {x: 1}\nn b.py {x: 1}", "out=n.output"),
    a=ECHO,
    b=ECHO,
)
case(
    "cycle",
    "1.8-cycle",
    nodes(
        "z a.py {x: '${y.output}'}\ny b.py {x: '${z.output}'}\nw c.py {x: 1}",
        "out=z.output",
    ),
    a=ECHO,
    b=ECHO,
    c=ECHO,
)
case(
    "cycle-self",
    "1.8-cycle",
    nodes("z a.py {x: '${z.output}'}", "out=z.output"),
    a=ECHO,
)
case(
    "cycle-activate",
    "1.8-cycle",
    nodes(
        "z a.py {x: 1}; activate: {when: '${y.output}', is: 1}\ny b.py {x: '${z.output}'}",
        "out=z.output",
    ),
    a=ECHO,
    b=ECHO,
)
case(
    "activate-node-unknown",
    "1.8-node-not-found",
    nodes("z a.py {x: 1}; activate: {when: '${y.output}', is: 1}"),
    a=ECHO,
)
case(
    "activate-input-unknown",
    "1.8-activate-input-unchecked",
    nodes("z a.py {x: 1}; activate: {when: '${inputs.y}', is: 1}"),
    given(),
    given(y=1),
    a=ECHO,
)
case(
    "normal-uses-aggregation",
    "1.8-normal-to-aggregation",
    nodes("a a.py {x: 1}; aggregation: true\nb b.py {x: '${a.output}'}"),
    a=ECHO,
    b=ECHO,
)
case(
    "normal-activate-aggregation",
    "1.8-normal-to-aggregation",
    nodes(
        "a a.py {x: 1}; aggregation: true\nb b.py {x: 1}; activate: {when: '${a.output}', is: 1}"
    ),
    a=ECHO,
    b=ECHO,
)
case(
    "aggregation-activate-normal",
    "1.8-aggregation-activate",
    nodes(
        "a a.py {x: 1}\nb b.py {x: 1}; aggregation: true; activate: {when: '${a.output}', is: 1}"
    ),
    a=ECHO,
    b=ECHO,
)
case("output-empty", "1.8-output-empty", HELLO.replace("${n.output}", ""), a=ECHO)
case(
    "output-missing-reference",
    "1.8-output-empty",
    HELLO.replace(", reference: '${n.output}'", ""),
    a=ECHO,
)
case(
    "output-aggregation",
    "1.8-output-aggregation",
    nodes(
        "a a.py {x: 1}\nb b.py {x: '${a.output}'}; aggregation: true",
        "out=b.output other=a.output",
    ),
    a=ECHO,
    b=ECHO,
)
for name, text in {
    "no-when": "{is: 1}",
    "no-is": "{when: 1}",
    "empty": "{}",
    "null": "",
    "extra": "{when: 1, is: 1, then: 3}",
    "is-null": "{when: 1, is: null}",
    "when-null": "{when: null, is: null}",
    "text": "yes",
}.items():
    case(
        f"activate-{name}",
        "1.8-activate-incomplete 9.21",
        nodes(f"z a.py {{x: 1}}; activate: {text}", "out=z.output"),
        differs="crash" if name == "null" else "",
        a=ECHO,
    )
case("script-missing", "1.8-invalid-source 9.5", nodes("n zzz.py {x: 1}"))
case("script-null", "1.8-invalid-source 9.5", HELLO.replace(", path: a.py", ""))
case(
    "script-folder",
    "1.8-invalid-source",
    HELLO.replace("path: a.py", "path: sub"),
    files={"sub/x.py": ""},
)
case(
    "template-missing",
    "1.8-invalid-source 1.8-resolve-error 9.5",
    nodes("n zzz.jinja2 {x: 1}"),
)
case(
    "template-null",
    "1.8-invalid-source 9.5",
    nodes("n zzz.jinja2 {x: 1}").replace(", path: zzz.jinja2", ""),
)
case("script-no-tool", "1.8-no-tool 9.5", HELLO, a="import os\ndef f(x): return x\n")
case(
    "script-many-tools",
    "1.8-many-tools 9.5",
    HELLO,
    a=ECHO + "\n\n\n@tool\ndef g(x): return x",
)
case(
    "script-raises",
    "1.8-load-error 9.5",
    HELLO,
    a="import os\nraise ValueError('at import')\n",
)
case("script-syntax", "1.8-load-error 9.5", HELLO, a="import os\ndef f(:\n")
case("script-import-missing", "1.8-load-error", HELLO, a="import no_such_module_zz\n")
case(
    "script-in-folder",
    "2.6-helper",
    HELLO.replace("a.py", "sub/a.py"),
    files={"sub/a.py": TOOL + ECHO + "\n"},
)
case(
    "script-outside",
    "1.8-invalid-source",
    nodes("n ../a.py {x: 1}", "out=n.output"),
    differs="outside-flow",
    path="flow",
    file="flow/flow.dag.yaml",
    files={"a.py": TOOL + ECHO + "\n"},
)
case(
    "package-missing",
    "1.8-package-tool",
    HELLO.replace("type: code, path: a.py", "type: package, tool: none.such.tool"),
    a=ECHO,
)
for number, (kind, value) in enumerate(
    [
        ("int", "x"),
        ("int", "1.5"),
        ("int", "'1.5'"),
        ("float", "x"),
        ("bool", "1"),
        ("bool", "yes"),
        ("list", "x"),
        ("list", "5"),
        ("list", "{a: 1}"),
        ("dict", "x"),
        ("dict", "[1]"),
        ("str", "5"),
        ("str", "[1]"),
        ("str", "true"),
        ("int", "true"),
        ("int", "'5'"),
        ("float", "'5'"),
        ("bool", "'True'"),
        ("list", "'[1]'"),
        ("dict", "'{\"a\": 1}'"),
        ("float", "1"),
        ("str", "2024-01-01"),
        ("object", "5"),
        ("int", "null"),
        ("int", "''"),
        ("str", "''"),
        ("list", "''"),
        ("bool", "''"),
    ]
):
    one(
        f"literal-{number}-{kind}",
        "1.8-literal-misfit 2.6-literal-coerced 9.5",
        SHOW.replace("x)", f"x: {kind})", 1),
        x=value,
    )
case(
    "literal-before-topology",
    "1.8-order 9.5",
    nodes("n a.py {x: zzz}\nn b.py {x: 1}"),
    differs="all-problems",
    a="def f(x: int): return x",
    b=ECHO,
)
case(
    "topology-after-prompt",
    "1.8-order 9.5",
    nodes("n a.py {x: '${zzz.output}'}\nm p.jinja2 {}"),
    a=ECHO,
)
case(
    "file-order",
    "1.8-file-order",
    nodes(
        "c c.py {x: '${b.output}'}\nb b.py {x: '${a.output}'}\na a.py {x: 1}",
        "out=c.output",
    ),
    a=ECHO,
    b="def f(x): return x + 1",
    c="def f(x): return x * 10",
)
case(
    "node-run-basic",
    "2.11-node-run 2.11-node-names",
    nodes(
        "a a.py {x: 1}\nb b.py {x: '${a.output}', y: '${a.output.k}', z: '${inputs.q}', w: 4}",
        "out=b.output",
        "q: {type: int}",
    ),
    node_run("b", {"a.output": {"k": 1}, "a.output.k": 2, "inputs.q": "3"}),
    node_run("b", {"x": {"k": 5}, "y": 6, "z": 7}),
    node_run("b", {"a.output": {"k": 1}, "a.output.k": 2}),
    node_run("b", {"a.output": {"k": 1}, "a.output.k": {"k": 3}, "inputs.q": "x"}),
    node_run("b", {}),
    node_run("zzz", {}),
    node_run("a", {}),
    node_run("a", {"x": 9}),
    node_run("a", {"unknown": 9}),
    a=ECHO,
    b="def f(x, y, z, w): return [x, y, z, w]",
    differs="node-run-merge",
)
