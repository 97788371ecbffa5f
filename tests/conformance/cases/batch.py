"""Section 4: column mapping and batch runs."""

from typing import Any

from ..case import TOOL, case, nodes

ECHO = "def f(x=None): return x"


def mapping(
    id: str, rules: str, mapped: dict[str, Any], sources: dict[str, Any]
) -> None:
    """Apply a column mapping to rows; nothing runs."""
    run = {"mode": "mapping", "sources": sources, "column_mapping": mapped}
    case(f"mapping-{id}", rules, "nodes: []\n", run)


ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]
mapping("plain", "4.2-source", {"x": "${data.a}", "y": "${data.b}"}, {"data": ROWS})
mapping(
    "constants",
    "4.2-constants",
    {"x": "${data.a}", "y": 5, "z": "text", "n": None, "l": [1]},
    {"data": ROWS},
)
mapping("partial-text", "4.2-constants", {"x": "a ${data.a} b"}, {"data": ROWS})
mapping("dollar", "4.2-constants 9.25", {"x": "$data.a"}, {"data": ROWS})
mapping("unknown-column", "4.2-not-found", {"x": "${data.zz}"}, {"data": ROWS})
mapping(
    "unknown-two", "4.2-not-found", {"x": "${data.zz}", "y": "${q.a}"}, {"data": ROWS}
)
mapping("nested", "4.2-source 4.2-not-found", {"x": "${data.a.b}"}, {"data": ROWS})
mapping(
    "dotted-column", "4.2-prefix", {"x": "${data.a.b}"}, {"data": [{"a.b": 1, "a": 2}]}
)
mapping(
    "dotted-source",
    "4.2-prefix",
    {"x": "${run.outputs.o}", "y": "${run.inputs.a}"},
    {"run.outputs": [{"o": 1}], "run.inputs": [{"a": 2}]},
)
mapping(
    "line-number-key",
    "4.2-line-number-key",
    {"x": "${data.a}", "line_number": "${data.b}"},
    {"data": ROWS},
)
mapping(
    "join",
    "4.2-join",
    {"x": "${data.a}", "y": "${run.outputs.o}"},
    {
        "data": ROWS,
        "run.outputs": [
            {"line_number": 1, "o": "one"},
            {"line_number": 0, "o": "zero"},
        ],
    },
)
mapping(
    "join-missing",
    "4.2-join",
    {"x": "${data.a}", "y": "${run.outputs.o}"},
    {"data": ROWS, "run.outputs": [{"line_number": 1, "o": "one"}]},
)
mapping(
    "join-lengths",
    "4.2-join",
    {"x": "${data.a}", "y": "${other.o}"},
    {"data": ROWS, "other": [{"o": 1}]},
)
mapping("empty-source", "4.2-join", {"x": "${data.a}"}, {"data": []})


def batch(
    id: str,
    rules: str,
    flow: str,
    data: str,
    mapped: dict[str, Any] | None = None,
    name: str = "data.jsonl",
    more: dict[str, Any] | None = None,
    **sources: Any,
) -> None:
    """Run a flow over rows."""
    run = {"mode": "batch", "data": name, "column_mapping": mapped, **(more or {})}
    files = {name: data, **sources.pop("files", {})}
    case(f"batch-{id}", rules, flow, run, files=files, **sources)


FLOW = nodes("n a.py {x: '${inputs.a}'}", "out=n.output", "a: {type: int}")
TEXT = FLOW.replace("type: int", "type: string")
batch(
    "plain", "4.3-lines 4.2-implicit 4.4-output", FLOW, '{"a": 1}\n{"a": "2"}\n', a=ECHO
)
batch(
    "fails",
    "4.3-lines 4.3-status 4.4-output",
    FLOW,
    '{"a": 1}\n{"a": 0}\n{"a": 3}\n',
    a="def f(x): return 1 // x",
)
batch(
    "csv",
    "4.1-formats 4.1-csv-text",
    TEXT,
    "a,b\n1,x\n,y\n01,z\n",
    name="data.csv",
    a=ECHO,
)
batch("tsv", "4.1-formats", TEXT, "a\tb\n1\tx\n", name="data.tsv", a=ECHO)
batch("json", "4.1-formats", FLOW, '[{"a": 1}, {"a": 2}]', name="data.json", a=ECHO)
batch("empty", "4.1-empty", FLOW, "", a=ECHO)
batch("broken", "9.25 4.1-formats", FLOW, '{"a": 1\n', a=ECHO)
batch(
    "missing-cells",
    "4.1-missing-cells",
    FLOW.replace("int", "object"),
    '{"a": 1}\n{"b": 2}\n',
    a="def f(x): return str(x)",
)
batch(
    "default-not-taken",
    "4.2-default-not-implicit",
    FLOW.replace("type: int", "type: int, default: 9"),
    '{"a": 1}\n',
    {"zz": "${data.a}"},
    a=ECHO,
)
batch("all-constants", "4.2-all-constants", FLOW, '{"a": 1}\n', {"a": 5}, a=ECHO)
batch("unknown-column", "4.2-not-found", FLOW, '{"b": 1}\n', a=ECHO)
batch(
    "no-inputs",
    "1.8-batch-no-inputs 9.25",
    nodes("n a.py {x: 1}", "out=n.output"),
    '{"a": 1}\n',
    a=ECHO,
)
batch(
    "chat-history",
    "9.25",
    nodes(
        "n a.py {x: '${inputs.q}'}",
        "out=n.output",
        "q: {type: string, is_chat_input: true}, chat_history: {type: list}",
    ),
    '{"q": "a"}\n',
    a=ECHO,
)
batch(
    "line-number",
    "9.25 4.4-output",
    FLOW,
    '{"a": 1, "line_number": 5}\n{"a": 2, "line_number": 3}\n',
    a=ECHO,
)
METRIC = "from promptflow.core import log_metric\n" + TOOL
batch(
    "aggregation",
    "4.3-aggregation 2.4-lists 2.4-flow-input",
    nodes(
        "n a.py {x: '${inputs.a}'}\n"
        "z z.py {x: '${n.output}', y: '${inputs.a}'}; aggregation: true",
        "out=n.output",
        "a: {type: int}",
    ),
    '{"a": 1}\n{"a": 0}\n{"a": 4}\n',
    a="def f(x): return 4 // x",
    z=METRIC + "def f(x, y):\n    log_metric('n', len(x))\n    return [x, y]\n",
)
batch(
    "aggregation-all-fail",
    "9.24 4.3-aggregation",
    nodes(
        "n a.py {x: '${inputs.a}'}\nz z.py {x: '${n.output}'}; aggregation: true",
        "out=n.output",
        "a: {type: int}",
    ),
    '{"a": 1}\n',
    a="def f(x): raise ValueError('no')",
    z=METRIC + "def f(x):\n    log_metric('n', len(x))\n    return x\n",
)
batch(
    "timeout",
    "4.3-timeout 2.2-line-timeout",
    FLOW,
    '{"a": 1}\n{"a": 5}\n',
    more={"environment_variables": {"PF_LINE_TIMEOUT_SEC": "3"}},
    a="import time\n"
    + TOOL
    + "def f(x):\n    time.sleep(0 if x == 1 else 30)\n    return x\n",
)
batch(
    "evaluation",
    "4.4-eval",
    nodes("n a.py {x: '${inputs.a}'}", "out=n.output", "a: {type: object}"),
    '{"a": 1}\n{"a": 2}\n',
    {"a": "${run.outputs.out}"},
    more={"previous": {"data": "data.jsonl"}, "data": None},
    a=ECHO,
)
batch(
    "environment",
    "4.4-env",
    FLOW + "environment_variables: {A: yaml}\n",
    '{"a": 1}\n',
    more={"environment_variables": {"A": "run"}},
    a="import os\n" + TOOL + "def f(x): return os.environ['A']\n",
)
