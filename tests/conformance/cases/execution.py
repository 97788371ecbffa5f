"""Section 2: running a line, conditions, aggregation, generators, python tools."""

from ..case import TOOL, case, given, node_run, nodes, one

ECHO = "def f(x=None): return x"
ADD = "def f(x, y=100): return [x, y]"
KIND = "next((t.__name__ for t in (bool, int, float, str, list, dict) if isinstance(x, t)), type(x).__name__)"
SHOW = f"def f(x): return [{KIND}, str(x)]"
METRIC = "from promptflow.core import log_metric\n"

# 2.1 one line
one(
    "defaults-filled",
    "2.1-defaults",
    ECHO,
    given(),
    given(a=None),
    given(a=5),
    declare="a: {type: object, default: 3}",
    x="'${inputs.a}'",
)
one(
    "defaults-coerced",
    "2.1-default-coerced",
    SHOW,
    given(),
    declare="a: {type: int, default: '3'}",
    x="'${inputs.a}'",
)
one(
    "extra-inputs",
    "2.1-extra-inputs",
    ECHO,
    given(a=1, zzz=2),
    declare="a: {type: int}",
    x="'${inputs.a}'",
)
one(
    "inputs-invalid",
    "2.1-invalid-inputs",
    "def f(x):\n    print('ran')\n    return x",
    given(a="x"),
    given(a="1"),
    declare="a: {type: int}",
    x="'${inputs.a}'",
)
one(
    "inputs-two-invalid",
    "2.1-invalid-inputs",
    ADD,
    given(a="x", b="y"),
    given(b="1"),
    declare="a: {type: int}, b: {type: int}",
    inputs="x: '${inputs.a}', y: '${inputs.b}'",
)
one(
    "inputs-falsy",
    "2.1-defaults",
    ECHO,
    given(a=0),
    given(a=""),
    given(a=[]),
    given(a=False),
    given(a={}),
    declare="a: {type: object, default: 9}",
    x="'${inputs.a}'",
)
one(
    "inputs-unicode",
    "2.1-extra-inputs",
    ECHO,
    given(a="žlutý\n\u2028\u0000end"),
    given(a="\ud83d\ude00"),
    declare="a: {type: string}",
    x="'${inputs.a}'",
)
one(
    "inputs-deep",
    "2.1-extra-inputs",
    ECHO,
    given(a={"a": [{"b": [[1, None, True, 1.5, "x"]]}]}),
    declare="a: {type: object}",
    x="'${inputs.a}'",
)
one(
    "inputs-big-numbers",
    "2.1-extra-inputs",
    ECHO,
    given(a=2**80),
    given(a=-(2**63) - 1),
    given(a=1e308),
    given(a=0.1),
    declare="a: {type: object}",
    x="'${inputs.a}'",
)
IMPORTS = (
    "import collections, dataclasses, datetime, decimal, enum, pathlib, uuid\n" + TOOL
)
for name, text in {
    "set": "{1}",
    "bytes": "b'x'",
    "date": "datetime.date(2024, 1, 1)",
    "datetime": "datetime.datetime(2024, 1, 1)",
    "decimal": "decimal.Decimal('1.5')",
    "enum": "enum.Enum('E', 'a b').a",
    "dataclass": "dataclasses.make_dataclass('D', ['x'])(1)",
    "object": "object()",
    "function": "print",
    "path": "pathlib.Path('a')",
    "uuid": "uuid.UUID(int=0)",
    "complex": "1j",
    "range": "range(3)",
    "exception": "ValueError('x')",
    "tuple": "(1, 'a', (2,))",
    "namedtuple": "collections.namedtuple('N', 'a b')(1, 2)",
    "ordered": "collections.OrderedDict(a=1)",
    "counter": "collections.Counter('aab')",
    "defaultdict": "collections.defaultdict(int, a=1)",
    "int-subclass": "enum.IntEnum('I', 'a b').a",
    "str-subclass": "type('S', (str,), {})('s')",
    "keys": "{1: 'a', '1': 'b', None: 'c', True: 'd', 2.5: 'e'}",
    "tuple-key": "{(1, 2): 3}",
    "nested-set": "{'a': [{1}]}",
    "nan": "[float('nan'), float('inf'), -float('inf')]",
    "none": "None",
    "surrogate": "'a\\udc80b'",
    "deep": "[[[[[[1]]]]]]",
    "str-enum": "enum.Enum('SE', 'a', type=str).a",
    "frozenset": "frozenset([1])",
    "bytearray": "bytearray(b'x')",
    "dict-view": "{'a': 1}.keys()",
    "map": "map(str, [1, 2])",
    "iter": "iter(['a', 'b'])",
    "zip": "zip('ab', 'cd')",
    "dict-of-gen": "{'a': (c for c in 'xy')}",
    "list-of-gen": "[(c for c in 'xy')]",
    "nested-dataclass": "{'d': dataclasses.make_dataclass('D', ['x'])(1)}",
    "nested-date": "[datetime.date(2024, 1, 1)]",
}.items():
    one(
        f"output-{name}",
        "9.1 2.1-serialise-fail 2.6-node-unserialisable",
        f"{IMPORTS}def f(): return {text}\n",
    )
case(
    "output-unserialisable-inner",
    "2.6-node-unserialisable 2.6-dataclass",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a="import dataclasses\n" + TOOL + "def f(): return {1, 2}\n",
    b="def f(x): return sorted(x)",
)
case(
    "output-dataclass-inner",
    "2.6-dataclass 1.5-property-attribute",
    nodes("a a.py {}\nb b.py {x: '${a.output.x}', y: '${a.output}'}", "out=b.output"),
    a="import dataclasses\n"
    + TOOL.replace(
        "@tool", "@dataclasses.dataclass\nclass D:\n    x: int\n    y: list\n\n@tool"
    )
    + "def f(): return D(1, [2])\n",
    b="def f(x, y): return [x, y.y, type(y).__name__]",
)

# 2.2 scheduling
case(
    "chain",
    "2.2-parallel",
    nodes(
        "\n".join(
            ["a a.py {x: 0}"]
            + [
                f"n{i} b.py {{x: '${{{'a' if i == 0 else f'n{i - 1}'}.output}}'}}"
                for i in range(8)
            ]
        ),
        "out=n7.output",
    ),
    a=ECHO,
    b="def f(x): return x + 1",
)
case(
    "fan",
    "2.2-parallel",
    nodes(
        "\n".join(
            [f"n{i} a.py {{x: {i}}}" for i in range(20)]
            + [
                "z b.py {"
                + ", ".join(f"a{i}: '${{n{i}.output}}'" for i in range(20))
                + "}"
            ]
        ),
        "out=z.output",
    ),
    a=ECHO,
    b="def f(**k): return sum(k.values())",
)
case(
    "diamond",
    "2.2-parallel",
    nodes(
        "a a.py {x: 1}\nb a.py {x: '${a.output}'}\nc a.py {x: '${a.output}'}\nd b.py {x: '${b.output}', y: '${c.output}'}",
        "out=d.output",
    ),
    a=ECHO,
    b=ADD,
)
case(
    "parallel-sleep",
    "2.2-parallel",
    nodes(
        "a a.py {}\nb b.py {}\nc c.py {x: '${a.output}', y: '${b.output}'}",
        "out=c.output",
    ),
    a="import time\n" + TOOL + "def f():\n    time.sleep(0.2)\n    return 'a'\n",
    b="def f(): return 'b'",
    c=ADD,
)
ASYNC = (
    "import asyncio\n"
    + TOOL
    + "async def f(x=None):\n    await asyncio.sleep(0)\n    return x\n"
)
case(
    "async-tool",
    "2.2-async",
    nodes("a a.py {x: 4}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a=ASYNC,
    b=ADD,
)
case(
    "async-all",
    "2.2-async",
    nodes(
        "a a.py {x: 4}\nb a.py {x: '${a.output}'}\nc a.py {x: 5}",
        "out=b.output other=c.output",
    ),
    a=ASYNC,
)
case(
    "async-raises",
    "2.2-async 1.8-tool-error",
    nodes("a a.py {x: 4}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a="import asyncio\n" + TOOL + "async def f(x):\n    raise KeyError('k')\n",
    b=ECHO,
)
case(
    "async-bypass",
    "2.2-async 2.3-unmet",
    nodes(
        "a a.py {x: 4}; activate: {when: 1, is: 2}\nb a.py {x: '${a.output}'}\nc a.py {x: 3}",
        "out=b.output other=c.output",
    ),
    a=ASYNC,
)
case(
    "async-class-tool",
    "2.2-async 2.6-class-tool",
    nodes("a a.py {x: 4, k: 2}", "out=a.output"),
    a="from promptflow.core import ToolProvider, tool\nclass C(ToolProvider):\n    def __init__(self, k: int):\n        super().__init__()\n        self.k = k\n    @tool\n    async def run(self, x: int):\n        return x * self.k\n",
)
case(
    "async-generator",
    "2.2-async-generator 2.5-join",
    nodes("a a.py {}", "out=a.output"),
    a="import asyncio\n"
    + TOOL
    + "async def f():\n    for c in 'abc':\n        yield c\n",
)
case(
    "async-generator-between",
    "2.2-async-generator 2.5-intermediate",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a="import asyncio\n"
    + TOOL
    + "async def f():\n    for c in 'abc':\n        yield c\n",
    b="import asyncio\n" + TOOL + "async def f(x): return [c async for c in x]\n",
)
case(
    "async-generator-to-sync",
    "2.2-async-generator 2.5-intermediate",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a="import asyncio\n"
    + TOOL
    + "async def f():\n    for c in 'abc':\n        yield c\n",
    b="def f(x): return list(x)",
)
case(
    "contextvars",
    "2.2-contextvars",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a="import contextvars, threading\n"
    + TOOL
    + "def f(): return len(list(contextvars.copy_context())) >= 0\n",
    b=ECHO,
)
case(
    "first-failure",
    "2.2-first-failure 1.8-tool-error",
    nodes(
        "a a.py {}\nb b.py {x: '${a.output}'}\nc c.py {x: 1}",
        "out=b.output other=c.output",
    ),
    a="def f(): raise ValueError('bad')",
    b=ECHO,
    c=ECHO,
)
case(
    "failure-after-others",
    "2.2-first-failure",
    nodes(
        "a a.py {x: 1}\nb b.py {x: '${a.output}'}\nc a.py {x: '${b.output}'}",
        "out=c.output",
    ),
    a=ECHO,
    b="def f(x):\n    print('before')\n    return 1 / 0",
)
for name, text in {
    "value": "raise ValueError('bad value')",
    "key": "raise KeyError('k')",
    "empty": "raise ValueError()",
    "custom": "raise type('MyError', (Exception,), {})('mine')",
    "chained": "\n    try:\n        1/0\n    except Exception as e:\n        raise RuntimeError('outer') from e",
    "assert": "assert False, 'no'",
    "unicode": "raise ValueError('žluť 🐎')",
    "base": "raise BaseException('base')",
    "exit": "raise SystemExit(3)",
    "sysexit": "import sys; sys.exit('bye')",
    "keyboard": "raise KeyboardInterrupt()",
    "generator-exit": "raise GeneratorExit()",
    "stop": "raise StopIteration('s')",
    "recursion": "return f()",
    "percent": "raise ValueError('100% {x} {{y}} %s')",
    "multi": "raise ValueError('a\\nb\\nc')",
    "os": "open('/no/such/file/zz')",
    "import": "import no_such_zz",
    "str-fails": "raise type('E', (Exception,), {'__str__': lambda self: 1/0})()",
}.items():
    differs = {"str-fails": "unprintable"}.get(
        name, "exit" if name in ("base", "exit", "sysexit", "generator-exit") else ""
    )
    case(
        f"raise-{name}",
        "1.8-tool-error",
        nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
        differs=differs,
        a=TOOL + f"def f(): {text}\n",
        b=ECHO,
    )
case(
    "raise-promptflow",
    "1.8-promptflow-error 9.6",
    nodes("a a.py {}", "out=a.output"),
    a="from promptflow.exceptions import UserErrorException\n"
    + TOOL
    + "def f(): raise UserErrorException('mine')\n",
)
case(
    "raise-promptflow-validation",
    "1.8-promptflow-error",
    nodes("a a.py {}", "out=a.output"),
    a="from promptflow.exceptions import ValidationException\n"
    + TOOL
    + "def f(): raise ValidationException('mine')\n",
)
case(
    "raise-promptflow-system",
    "1.8-promptflow-error",
    nodes("a a.py {}", "out=a.output"),
    a="from promptflow.exceptions import SystemErrorException\n"
    + TOOL
    + "def f(): raise SystemErrorException('mine')\n",
)
case(
    "prints",
    "1.8-tool-error",
    nodes("a a.py {}\nb a.py {}", "out=a.output"),
    a="import sys\n"
    + TOOL
    + "def f():\n    print('one')\n    print('two', end='')\n    print('err', file=sys.stderr)\n    sys.stdout.write('three\\n')\n    return 1\n",
)

# 2.3 conditions. a is bypassed (or not), the rest follows
OFF = "activate: {when: 1, is: 2}"
case(
    "activate-met",
    "2.3-met",
    nodes(
        "a a.py {x: 1}; activate: {when: '${inputs.q}', is: 5}",
        "out=a.output",
        "q: {type: int}",
    ),
    given(q=5),
    given(q="5"),
    given(q=6),
    a=ECHO,
)
for number, (when, is_) in enumerate(
    [
        ("dummy", "dummy"),
        ("1", "true"),
        ("1", "1.0"),
        ("'true'", "true"),
        ("'1'", "1"),
        ("null", "''"),
        ("[1]", "[1]"),
        ("{a: 1}", "{a: 1}"),
        ("2024-01-01", "2024-01-01"),
        ("''", "''"),
        ("yes", "true"),
        ("0", "false"),
        ("1.50", "1.5"),
        ("'${inputs.zz}'", "null"),
    ]
):
    case(
        f"activate-equality-{number}",
        "2.3-equality 2.3-literal-when",
        nodes(
            f"a a.py {{x: 1}}; activate: {{when: {when}, is: {is_}}}", "out=a.output"
        ),
        a=ECHO,
    )
case(
    "activate-is-reference",
    "2.3-equality",
    nodes(
        "a a.py {x: 1}; activate: {when: '${inputs.q}', is: '${inputs.q}'}",
        "out=a.output",
        "q: {type: int}",
    ),
    given(q=5),
    a=ECHO,
)
for kind, is_, values in [
    ("bool", "true", [True, "true", "False"]),
    ("string", "true", ["true", True, "True"]),
    ("string", "'true'", ["true", True]),
    ("int", "true", [1, 0]),
    ("double", "1", [1, "1.0"]),
    ("list", "[1]", [[1], "[1]"]),
    ("object", "{a: 1}", [{"a": 1}, '{"a": 1}', {"a": True}]),
]:
    case(
        f"activate-input-{kind}-{is_.strip(chr(39)).strip('[]{}').replace(': ', '')}{'q' if chr(39) in is_ else ''}",
        "2.3-input-when 2.3-equality",
        nodes(
            f"a a.py {{x: 1}}; activate: {{when: '${{inputs.q}}', is: {is_}}}",
            "out=a.output",
            f"q: {{type: {kind}}}",
        ),
        *[given(q=v) for v in values],
        a=ECHO,
    )
case(
    "activate-node",
    "2.3-when-property 2.3-met 2.3-unmet",
    nodes(
        "a a.py {x: {k: [1, 2]}}\nb a.py {x: 1}; activate: {when: '${a.output.k[1]}', is: 2}\nc a.py {x: 1}; activate: {when: '${a.output.k[0]}', is: 2}",
        "b=b.output c=c.output",
    ),
    a=ECHO,
)
case(
    "activate-property-missing",
    "2.3-when-property 1.5-property-missing",
    nodes(
        "a a.py {x: {k: 1}}\nb a.py {x: 1}; activate: {when: '${a.output.zz}', is: 2}",
        "b=b.output",
    ),
    a=ECHO,
)
case(
    "activate-on-bypassed",
    "2.3-condition-bypassed",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 1}}; activate: {{when: '${{a.output}}', is: null}}\nc a.py {{x: '${{b.output}}'}}",
        "b=b.output c=c.output",
    ),
    a=ECHO,
)
case(
    "activate-on-bypassed-property",
    "2.3-condition-bypassed",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 1}}; activate: {{when: '${{a.output.k}}', is: null}}",
        "b=b.output",
    ),
    a=ECHO,
)
case(
    "activate-met-all-bypassed",
    "2.3-met-all-bypassed 2.3-bypassed-none",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb b.py {{x: '${{a.output}}'}}; activate: {{when: 1, is: 1}}",
        "b=b.output",
    ),
    a=ECHO,
    b="def f(x): return [x]",
)
case(
    "bypassed-all",
    "2.3-all-bypassed 2.3-bypassed-record 2.3-output-bypassed",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 1}}; {OFF}\nc b.py {{x: '${{a.output}}', y: '${{b.output}}'}}\nd a.py {{x: '${{c.output}}'}}",
        "a=a.output c=c.output d=d.output",
    ),
    a=ECHO,
    b=ADD,
)
case(
    "bypassed-all-with-flow-input",
    "2.3-all-bypassed",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nc b.py {{x: '${{a.output}}', y: '${{inputs.q}}'}}",
        "c=c.output",
        "q: {type: int}",
    ),
    given(q=1),
    a=ECHO,
    b=ADD,
)
case(
    "bypassed-some",
    "2.3-some-bypassed 2.3-bypassed-default 2.3-bypassed-none",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 2}}\nc b.py {{x: '${{b.output}}', y: '${{a.output}}'}}\nd b.py {{x: '${{a.output}}', y: '${{b.output}}'}}",
        "c=c.output d=d.output",
    ),
    a=ECHO,
    b=ADD,
)
case(
    "bypassed-some-property",
    "2.3-some-bypassed 2.3-bypassed-default",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 2}}\nc b.py {{x: '${{b.output}}', y: '${{a.output.k[0]}}'}}",
        "c=c.output",
    ),
    a=ECHO,
    b=ADD,
)
case(
    "bypassed-kwargs",
    "2.3-bypassed-none",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 2}}\nc b.py {{x: '${{b.output}}', z: '${{a.output}}'}}",
        "c=c.output",
    ),
    a=ECHO,
    b="def f(x, **k): return [x, k]",
)
case(
    "bypassed-prompt",
    "2.3-bypassed-none 2.7-render",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 2}}\nc c.jinja2 {{x: '${{b.output}}', y: '${{a.output}}'}}",
        "c=c.output",
    ),
    a=ECHO,
    files={"c.jinja2": "[{{x}}][{{y}}]"},
)
case(
    "bypassed-output-property",
    "2.3-output-bypassed-property",
    nodes(f"a a.py {{x: 1}}; {OFF}", "out=a.output.k"),
    a=ECHO,
)
case(
    "bypassed-no-reference",
    "2.3-all-bypassed",
    nodes(f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 2}}\nc a.py {{}}", "c=c.output"),
    a=ECHO,
)
case(
    "bypassed-long-chain",
    "2.3-all-bypassed 2.3-output-bypassed",
    nodes(
        "\n".join(
            [f"n0 a.py {{x: 1}}; {OFF}"]
            + [f"n{i} a.py {{x: '${{n{i - 1}.output}}'}}" for i in range(1, 6)]
        ),
        "out=n5.output",
    ),
    a=ECHO,
)
case(
    "if-else",
    "2.3-met 2.3-unmet 2.3-some-bypassed",
    nodes(
        "t a.py {x: yes}; activate: {when: '${inputs.q}', is: true}\ne a.py {x: no}; activate: {when: '${inputs.q}', is: false}\nj b.py {x: '${t.output}', y: '${e.output}'}",
        "out=j.output",
        "q: {type: bool}",
    ),
    given(q=True),
    given(q="false"),
    a=ECHO,
    b="def f(x=None, y=None): return x or y",
)
case(
    "aggregation-bypassed",
    "2.3-aggregation-bypassed",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nb a.py {{x: 2}}\nz b.py {{x: '${{a.output}}', y: '${{b.output}}'}}; aggregation: true",
        "out=b.output",
    ),
    a=ECHO,
    b="def f(x, y):\n    print(x, y)\n    return [x, y]",
)
case(
    "aggregation-bypassed-all",
    "2.3-aggregation-bypassed",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nz b.py {{x: '${{a.output}}'}}; aggregation: true",
        "out=a.output",
    ),
    a=ECHO,
    b=ECHO,
)
case(
    "aggregation-bypassed-property",
    "2.3-aggregation-bypassed",
    nodes(
        f"a a.py {{x: 1}}; {OFF}\nz b.py {{x: '${{a.output.k}}'}}; aggregation: true",
        "out=a.output",
    ),
    a=ECHO,
    b=ECHO,
)
case(
    "aggregation-condition",
    "2.3-aggregation-condition",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true; activate: {when: '${inputs.q}', is: [3]}\ny b.py {x: '${a.output}'}; aggregation: true; activate: {when: '${inputs.q}', is: 3}\nw b.py {x: '${a.output}'}; aggregation: true; activate: {when: '${z.output}', is: [1]}\nv b.py {x: '${y.output}'}; aggregation: true",
        "out=a.output",
        "q: {type: int}",
    ),
    given(q=3),
    a=ECHO,
    b=ECHO,
)

# 2.4 aggregation
case(
    "aggregation-lists",
    "2.4-lists 2.4-plain 2.4-literals 2.4-flow-input",
    nodes(
        "a a.py {x: {k: 1}}\nz b.py {x: '${a.output}', y: '${inputs.q}', z: 5, w: '${a.output.k}'}; aggregation: true\ny c.py {x: '${z.output}'}; aggregation: true",
        "out=a.output",
        "q: {type: int}",
    ),
    given(q="3"),
    a=ECHO,
    b="def f(x, y, z, w): return [x, y, z, w]",
    c="def f(x): return ['plain', x]",
)
case(
    "aggregation-metrics",
    "2.4-metrics",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a=ECHO,
    b=METRIC
    + TOOL
    + "def f(x):\n    log_metric('m', 1)\n    log_metric('m', 2.5)\n    log_metric('n', len(x))\n    log_metric(key='k', value='text')\n    return x\n",
)
case(
    "aggregation-metrics-values",
    "2.4-metrics 9.24",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a=ECHO,
    b=METRIC
    + TOOL
    + "def f(x):\n    log_metric(5, 1)\n    log_metric('list', [1])\n    log_metric('none', None)\n    log_metric('dict', {'a': 1})\n    log_metric('bool', True)\n    return x\n",
)
case(
    "aggregation-metrics-variant",
    "2.4-metrics",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a=ECHO,
    b=METRIC
    + TOOL
    + "def f(x):\n    log_metric('m', 1, 'v1')\n    log_metric('m', 2, variant_id='v2')\n    return x\n",
)
case(
    "aggregation-metrics-old",
    "2.4-metrics 2.6-old-import",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a=ECHO,
    b="from promptflow import tool, log_metric\n@tool\ndef f(x):\n    log_metric('m', 1)\n    return x\n",
)
case(
    "metrics-outside",
    "2.4-metrics-outside",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a=METRIC + TOOL + "def f(x):\n    log_metric('outside', 1)\n    return x\n",
    b=ECHO,
)
case(
    "aggregation-failure",
    "2.4-failure",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a=ECHO,
    b=METRIC + TOOL + "def f(x):\n    log_metric('m', 1)\n    raise ValueError('z')\n",
)
case(
    "aggregation-failure-next",
    "2.4-failure",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true\ny c.py {x: '${z.output}'}; aggregation: true",
        "out=a.output",
    ),
    a=ECHO,
    b="def f(x): raise ValueError('z')",
    c=ECHO,
)
case(
    "aggregation-skipped",
    "2.4-skipped-single",
    nodes(
        "a a.py {x: 1}\nz b.py {y: '${inputs.q}'}; aggregation: true",
        "out=a.output",
        "q: {type: int}",
    ),
    given(q=1),
    a=ECHO,
    b="def f(y): return y",
)
case(
    "aggregation-no-inputs",
    "2.4-skipped-single",
    nodes("a a.py {x: 1}\nz b.py {}; aggregation: true", "out=a.output"),
    a=ECHO,
    b="def f(): return 1",
)
case(
    "aggregation-after-failure",
    "2.4-failure",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a="def f(x): raise ValueError('line')",
    b=ECHO,
)
case(
    "aggregation-async",
    "2.4-lists 2.2-async",
    nodes(
        "a a.py {x: 1}\nz a.py {x: '${a.output}'}; aggregation: true", "out=a.output"
    ),
    a=ASYNC,
)
case(
    "aggregation-default-input",
    "2.4-flow-input 2.1-defaults",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}', y: '${inputs.q}'}; aggregation: true",
        "out=a.output",
        "q: {type: int, default: '4'}",
    ),
    given(),
    a=ECHO,
    b=ADD,
)
case(
    "aggregation-prompt",
    "2.4-lists 2.7-render",
    nodes(
        "a a.py {x: 1}\nz p.jinja2 {x: '${a.output}'}; aggregation: true",
        "out=a.output",
    ),
    a=ECHO,
    files={"p.jinja2": "{% for i in x %}<{{i}}>{% endfor %}"},
)
case(
    "aggregation-node-run",
    "2.4-node-run 2.11-node-run",
    nodes(
        "a a.py {x: 1}\nz b.py {x: '${a.output}', y: '${inputs.q}', z: 3}; aggregation: true",
        "out=a.output",
        "q: {type: int}",
    ),
    node_run("z", {"a.output": 5, "inputs.q": 6}),
    a=ECHO,
    b="def f(x, y, z): return [x, y, z]",
)

# 2.5 generators
GEN = "def f():\n    for c in ['a', 'b', 1, None]:\n        yield c"
case(
    "generator-output", "2.5-join 2.5-chunks", nodes("a a.py {}", "out=a.output"), a=GEN
)
case(
    "generator-return",
    "2.5-join",
    nodes("a a.py {}", "out=a.output"),
    a="def f(): return (c for c in 'xyz')",
)
case(
    "generator-empty",
    "2.5-join",
    nodes("a a.py {}", "out=a.output"),
    a="def f():\n    return\n    yield 1",
)
case(
    "generator-next",
    "2.5-intermediate",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a=GEN,
    b="def f(x): return list(x)",
)
case(
    "generator-next-kind",
    "2.5-intermediate",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a=GEN,
    b="def f(x): return [hasattr(x, '__next__'), isinstance(x, list)]",
)
case(
    "generator-twice",
    "2.5-intermediate 9.16",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output raw=a.output"),
    a=GEN,
    b="def f(x): return list(x)",
)
case(
    "generator-two-outputs",
    "2.5-join 9.16",
    nodes("a a.py {}", "out=a.output again=a.output"),
    a=GEN,
)
case(
    "generator-prompt",
    "2.5-intermediate",
    nodes("a a.py {}\nb p.jinja2 {x: '${a.output}'}", "out=b.output"),
    a=GEN,
    files={"p.jinja2": "{% for c in x %}[{{c}}]{% endfor %}"},
)
case(
    "generator-nested",
    "2.5-nested",
    nodes("a a.py {}", "out=a.output.g"),
    a="def f(): return {'g': (c for c in 'xyz')}",
)
case(
    "generator-fails",
    "9.16",
    nodes("a a.py {}", "out=a.output"),
    differs="late-failure",
    a="def f():\n    yield 'a'\n    raise ValueError('late')",
)
case(
    "generator-fails-next",
    "9.16",
    nodes("a a.py {}\nb b.py {x: '${a.output}'}", "out=b.output"),
    a="def f():\n    yield 'a'\n    raise ValueError('late')",
    b="def f(x): return list(x)",
)
case(
    "generator-aggregation",
    "2.5-intermediate 2.4-lists",
    nodes("a a.py {}\nz b.py {x: '${a.output}'}; aggregation: true", "out=a.output"),
    a=GEN,
    b="def f(x): return [type(i).__name__ for i in x]",
)
case(
    "generator-bypassed",
    "2.5-join 2.3-unmet",
    nodes(f"a a.py {{}}; {OFF}", "out=a.output"),
    a=GEN,
)
case(
    "generator-node-run",
    "2.5-join 2.11-node-run",
    nodes("a a.py {}", "out=a.output"),
    node_run("a"),
    a=GEN,
)
one(
    "iterator-class",
    "2.5-join",
    "class It:\n    def __iter__(self): return self\n    def __next__(self): raise StopIteration\nimport os\n"
    + TOOL
    + "def f(): return It()\n",
)

# 2.6 python tools
case(
    "fresh-module",
    "2.6-fresh-module 9.23",
    nodes("a a.py {x: 1}\nb a.py {x: '${a.output}'}", "out=b.output"),
    a="import os\n"
    + TOOL.replace("@tool", "SEEN = []\n\n\n@tool")
    + "def f(x):\n    SEEN.append(x)\n    return len(SEEN)\n",
)
case(
    "shared-helper",
    "2.6-helper 9.23",
    nodes("a a.py {x: 1}\nb a.py {x: '${a.output}'}", "out=b.output"),
    a="import helper\n"
    + TOOL
    + "def f(x):\n    helper.SEEN.append(x)\n    return len(helper.SEEN)\n",
    files={"helper.py": "SEEN = []\n"},
)
case(
    "main-block",
    "2.6-main-block",
    nodes("a a.py {}", "out=a.output"),
    a="import os\n"
    + TOOL
    + "def f(): return [os.path.isabs(__file__), os.path.basename(__file__), __name__]\n\nif __name__ == '__main__':\n    raise ValueError('ran')\n",
)
case(
    "cwd",
    "2.6-main-block",
    nodes("a a.py {}", "out=a.output"),
    a="import os\n"
    + TOOL.replace("@tool", "HERE = os.getcwd()\n\n\n@tool")
    + "def f(): return [os.path.exists('data.txt'), os.path.exists(os.path.join(HERE, 'data.txt')), open('data.txt').read()]\n",
    files={"data.txt": "hello"},
)
case(
    "helper-shadow",
    "9.27 2.6-helper",
    nodes("a a.py {}", "out=a.output"),
    a="import colorama_zz\n" + TOOL + "def f(): return colorama_zz.X\n",
    files={"colorama_zz/__init__.py": "X = 5\n"},
)
case(
    "imported-tool",
    "2.6-imported-tool",
    nodes("a a.py {}", "out=a.output"),
    a="from other import g\n" + TOOL + "def f(): return g()\n",
    files={"other.py": TOOL + "def g(): return 'other'\n"},
)
case(
    "imported-tool-only",
    "2.6-imported-tool 1.8-no-tool",
    nodes("a a.py {}", "out=a.output"),
    a="from other import g\n",
    files={"other.py": TOOL + "def g(): return 'other'\n"},
)
CLASS = "from promptflow.core import ToolProvider, tool\nclass C(ToolProvider):\n    def __init__(self, k: int, z=5):\n        super().__init__()\n        self.k = k\n        self.z = z\n    @tool\n    def run(self, x: int, y=2):\n        return [self.k, self.z, x, y]\n"
case(
    "class-tool",
    "2.6-class-tool",
    nodes("a a.py {k: '3', x: '4'}", "out=a.output"),
    a=CLASS,
)
case(
    "class-tool-reference",
    "2.6-class-tool 1.8-init-args",
    nodes("a a.py {k: '${inputs.q}', x: 4}", "out=a.output", "q: {type: int}"),
    given(q=1),
    a=CLASS,
)
case(
    "class-tool-missing",
    "2.6-class-tool 1.8-init-args",
    nodes("a a.py {x: 4}", "out=a.output"),
    a=CLASS,
)
case(
    "class-tool-raises",
    "1.8-init-raises",
    nodes("a a.py {k: 1, x: 4}", "out=a.output"),
    a=CLASS.replace("self.k = k", "raise ValueError('init')"),
)
case(
    "class-tool-duplicate",
    "2.6-class-duplicate",
    nodes("a a.py {k: 1, x: 4}", "out=a.output"),
    a=CLASS.replace("x: int, y=2", "x: int, k=2"),
)
case(
    "class-tool-once",
    "2.6-class-tool",
    nodes("a a.py {k: 1, x: 4}\nb a.py {k: 2, x: 5}", "a=a.output b=b.output"),
    a=CLASS,
)
case(
    "class-not-provider",
    "2.6-class-tool",
    nodes("a a.py {x: 4}", "out=a.output"),
    a="from promptflow.core import tool\nclass C:\n    @tool\n    def run(self, x): return x\n",
)
case(
    "class-static",
    "9.19",
    nodes("a a.py {x: 4}", "out=a.output"),
    a="from promptflow.core import ToolProvider, tool\nclass C(ToolProvider):\n    @staticmethod\n    @tool\n    def run(x): return x\n",
)
one(
    "kwargs",
    "2.6-kwargs",
    "def f(x, **k): return [x, sorted(k.items())]",
    inputs="x: 1, a: 2, b: three",
)
one("args", "2.6-kwargs", "def f(x, *args): return [x, args]", inputs="x: 1")
one("keyword-only", "2.6-kwargs", "def f(*, x, y=3): return [x, y]", inputs="x: 1")
one("positional-only", "2.6-kwargs", "def f(x, /): return x", inputs="x: 1")
one("unknown-input", "2.6-unknown-input", "def f(x): return x", inputs="x: 1, zz: 2")
one("missing-input", "2.6-unknown-input", "def f(x, y): return x", inputs="x: 1")
ENUM = "from enum import Enum\n" + TOOL.replace(
    "@tool", "class E(str, Enum):\n    A = 'a'\n    B = 'b'\n\n\n@tool"
)
one(
    "enum",
    "2.6-enum 9.20",
    ENUM + f"def f(x: E): return [isinstance(x, E), {KIND}, str(x)]\n",
    x="a",
)
one("enum-unknown", "2.6-enum 9.20", ENUM + "def f(x: E): return str(x)\n", x="zzz")
one(
    "enum-default",
    "2.6-enum",
    ENUM + "def f(x: E = E.B): return [isinstance(x, E), x == 'b']\n",
)
one(
    "enum-int",
    "2.6-enum",
    "from enum import Enum\n"
    + TOOL.replace("@tool", "class E(Enum):\n    A = 1\n    B = 2\n\n\n@tool")
    + f"def f(x: E): return [{KIND}, str(x)]\n",
    x="2",
)
for name, (annotation, value) in {
    "optional-int": ("Optional[int]", "'5'"),
    "optional-bad": ("Optional[int]", "x"),
    "optional-null": ("Optional[int]", "null"),
    "union": ("Union[int, str]", "'5'"),
    "union-list": ("Union[list, int]", "'[1]'"),
    "typing-list": ("List[int]", "'[1]'"),
    "typing-dict": ("Dict[str, int]", "'{\"a\": 1}'"),
    "builtin-generic": ("list[int]", "'[1]'"),
    "pipe": ("int | str", "'5'"),
    "pipe-none": ("int | None", "'5'"),
    "any": ("Any", "'5'"),
    "none": ("None", "5"),
    "tuple": ("tuple", "[1]"),
    "set": ("set", "[1]"),
    "bytes": ("bytes", "x"),
    "text-int": ("'int'", "'5'"),
    "literal": ("Literal['a']", "b"),
    "callable": ("Callable", "x"),
    "own-class": ("Own", "x"),
    "object": ("object", "'5'"),
    "typevar": ("TypeVar('T')", "'5'"),
    "annotated": ("Annotated[int, 'x']", "'5'"),
}.items():
    one(
        f"annotation-{name}",
        "2.6-optional 2.6-union 2.6-typing-list 9.20",
        "from typing import *\n"
        + TOOL.replace("@tool", "class Own: pass\n\n\n@tool")
        + f"def f(x: {annotation} = 'DEFAULT'): return [{KIND}, str(x)]\n",
        x=value,
    )
for name, (default, value) in {
    "int": ("1", "'5'"),
    "int-bad": ("1", "x"),
    "float": ("1.5", "'5'"),
    "bool": ("True", "'false'"),
    "bool-bad": ("True", "1"),
    "str": ("'a'", "5"),
    "list": ("[]", "'[1]'"),
    "dict": ("{}", "'{\"a\": 1}'"),
    "none": ("None", "'5'"),
    "tuple": ("()", "'5'"),
}.items():
    one(
        f"default-type-{name}",
        "2.6-default-type 2.6-literal-coerced",
        f"def f(x={default}): return [{KIND}, str(x)]",
        x=value,
    )
one(
    "literal-null",
    "2.6-literal-null",
    "def f(x='X', y='Y', z='Z'): return [x, y, z]",
    inputs="x: null, y: '', z: ' '",
)
one(
    "literal-falsy",
    "2.6-literal-null",
    "def f(x='X', y='Y', z='Z'): return [x, y, z]",
    inputs="x: 0, y: false, z: []",
)
one(
    "reference-uncoerced",
    "2.6-reference-uncoerced",
    f"def f(x: int, y: str): return [{KIND}, type(y).__name__]",
    given(q="5", r=5),
    declare="q: {type: string}, r: {type: int}",
    inputs="x: '${inputs.q}', y: '${inputs.r}'",
)
one(
    "reference-null",
    "2.6-literal-null 2.1-defaults",
    "def f(x='X'): return [x]",
    given(q=None),
    given(q=""),
    declare="q: {type: object}",
    x="'${inputs.q}'",
)
one(
    "original-function",
    "2.6-original-function",
    "import inspect\n"
    + TOOL
    + "def f(): return [f.__name__, hasattr(f, '__original_function'), f.__original_function.__name__ if hasattr(f, '__original_function') else None]\n",
)
one(
    "nested-tool",
    "2.6-nested-tool",
    "from other import g\n" + TOOL + "def f(): return g(2) + g(x=3)\n",
    files={"other.py": TOOL + "def g(x): return x * 10\n"},
)
one(
    "old-import",
    "2.6-old-import",
    "from promptflow import tool\n@tool\ndef f(): return 1\n",
)
one(
    "old-import-core",
    "2.6-old-import",
    "from promptflow._core.tool import tool\n@tool\ndef f(): return 1\n",
)
one(
    "old-import-internal",
    "2.6-old-import",
    "from promptflow._internal import tool, ToolProvider\n@tool\ndef f(): return 1\n",
)
one(
    "old-import-provider",
    "2.6-old-import",
    "from promptflow import ToolProvider, tool\nclass C(ToolProvider):\n    @tool\n    def f(self): return 1\n",
)
one(
    "import-connections",
    "2.6-old-import 5-classes",
    "from promptflow.connections import AzureOpenAIConnection, CustomConnection, OpenAIConnection\nfrom promptflow.core import tool\n@tool\ndef f(): return OpenAIConnection.__name__\n",
)
one(
    "import-contracts",
    "2.6-old-import",
    "from promptflow.contracts.multimedia import Image\nfrom promptflow.contracts.types import FilePath, PromptTemplate, Secret\nfrom promptflow.core import tool\n@tool\ndef f(): return [Image.__name__, Secret.__name__]\n",
)
one(
    "import-tracing",
    "2.6-old-import",
    "from promptflow.tracing import trace\nfrom promptflow.core import tool\n@trace\ndef g(x): return x + 1\n@tool\ndef f(): return g(1)\n",
)
one(
    "tool-options",
    "2.6-tool-options",
    "from promptflow.core import tool\n@tool(name='n', description='d', icon='i', category='c')\ndef f(): return 1\n",
)
one(
    "tool-type",
    "9.19",
    "from promptflow.core import tool\n@tool(type='python')\ndef f(): return 1\n",
)
one(
    "tool-type-unknown",
    "9.19",
    "from promptflow.core import tool\n@tool(type='zzz')\ndef f(): return 1\n",
)
one(
    "tool-call-empty",
    "2.6-tool-options",
    "from promptflow.core import tool\n@tool()\ndef f(): return 1\n",
)
one(
    "tool-input-settings",
    "2.6-tool-options 2.8-dynamic",
    "from promptflow.core import tool\nfrom promptflow.entities import InputSetting\n@tool(input_settings={'x': InputSetting()})\ndef f(x): return x\n",
    x="1",
)
one("tool-alias", "9.19", "import os\n" + TOOL + "def f(x): return x\n\ng = f\n", x="1")
one(
    "tool-lambda",
    "9.19",
    "from promptflow.core import tool\nf = tool(lambda x: x)\n",
    x="1",
    differs="crash",
)
one(
    "tool-partial",
    "9.19",
    "import functools\n" + TOOL + "def f(x, y=1): return [x, y]\n",
    x="1",
)
one(
    "tool-wrapped",
    "9.19",
    "import functools\nfrom promptflow.core import tool\ndef deco(g):\n    @functools.wraps(g)\n    def inner(*a, **k): return ['wrapped', g(*a, **k)]\n    return inner\n@tool\n@deco\ndef f(x: int): return x\n",
    x="'1'",
)
one("import-exit", "9.19", "import sys\nsys.exit(3)\n", differs="exit")
one(
    "future-annotations",
    "9.20",
    "from __future__ import annotations\nfrom promptflow.core import tool\n@tool\ndef f(x: int): return [type(x).__name__]\n",
    x="'5'",
)
one(
    "future-dataclass",
    "9.20",
    "from __future__ import annotations\nimport dataclasses\nfrom promptflow.core import tool\n@dataclasses.dataclass\nclass D:\n    x: int\n@tool\ndef f(): return D(1).x\n",
    differs="main-module",
)
one(
    "module-dataclass",
    "2.6-dataclass",
    "import dataclasses\nfrom promptflow.core import tool\n@dataclasses.dataclass\nclass D:\n    x: int\n@tool\ndef f(): return D(1).x\n",
)
one(
    "tool-mutates-input",
    "2.6-reference-uncoerced",
    "def f(x):\n    x.append(1)\n    return len(x)",
    x="[1]",
    differs="mutated-inputs",
)
case(
    "tool-mutates-upstream",
    "2.6-reference-uncoerced",
    nodes("a a.py {x: [1]}\nb b.py {x: '${a.output}'}", "out=a.output b=b.output"),
    differs="mutated-inputs",
    a=ECHO,
    b="def f(x):\n    x.append(2)\n    return len(x)",
)
one(
    "tool-source-encoding",
    "1.8-load-error",
    "# -*- coding: utf-8 -*-\nimport os\n" + TOOL + "def f(): return 'ž'\n",
)
one(
    "tool-threads",
    "2.2-parallel",
    "import threading\n"
    + TOOL
    + "def f():\n    out = []\n    t = threading.Thread(target=lambda: out.append(1))\n    t.start(); t.join()\n    return out\n",
)
one(
    "tool-subprocess",
    "2.6-helper",
    "import subprocess, sys\n"
    + TOOL
    + "def f(): return subprocess.run([sys.executable, '-c', 'print(5)'], capture_output=True, text=True).stdout\n",
)
one(
    "tool-asyncio-run",
    "2.2-async",
    "import asyncio\n"
    + TOOL
    + "def f():\n    async def g(): return 7\n    return asyncio.run(g())\n",
)
one(
    "tool-pickle",
    "2.6-fresh-module",
    "import pickle\nfrom promptflow.core import tool\nclass K:\n    pass\n@tool\ndef f(): return len(pickle.dumps(K)) > 0\n",
    differs="main-module",
)


# 2.7 prompt nodes
def prompt(
    id: str,
    rules: str,
    template: str,
    *runs: object,
    inputs: str = "",
    declare: str = "",
    **more: object,
) -> None:
    case(
        f"prompt-{id}",
        rules,
        nodes(f"p p.jinja2 {{{inputs}}}", "out=p.output", declare),
        *runs,
        files={"p.jinja2": template},
        **more,
    )


prompt("plain", "2.7-render", "Hello {{name}}!", inputs="name: Ada")
prompt("undefined", "2.7-render", "[{{a}}][{{b}}]", inputs="a: 1")
prompt("undefined-attribute", "9.22 9.6", "[{{a.b}}]")
prompt(
    "undefined-default",
    "2.7-render",
    "[{{a | default('d')}}][{% if a %}y{% else %}n{% endif %}]",
)
prompt("extra", "2.7-prompt-extra", "x", inputs="zzz: 1")
prompt("null", "2.6-literal-null", "[{{a}}][{{b}}]", inputs="a: null, b: ''")
prompt(
    "types",
    "2.7-render",
    "{{a}} {{b}} {{c}} {{d}} {{e}}",
    inputs="a: 1.50, b: true, c: [1, x], d: {k: v}, e: 012",
)
prompt(
    "reference",
    "2.7-render",
    "{{q}} {{r.k[0]}} {{r}}",
    given(q="7", r={"k": [1]}),
    inputs="q: '${inputs.q}', r: '${inputs.r}'",
    declare="q: {type: int}, r: {type: object}",
)
prompt(
    "trim-blocks",
    "2.7-render",
    "{% for i in x %}\n- {{i}}\n{% endfor %}\nend\n\n",
    inputs="x: [1, 2]",
)
prompt("comment", "2.7-render", "{# a description #}\nbody\n")
prompt("newline", "2.7-newline", "one\ntwo\n")
prompt("newlines", "2.7-newline", "one\n\n\n")
prompt("crlf", "9.22 2.7-newline", "one\r\ntwo\r\n{% if 1 %}\r\nthree{% endif %}\r\n")
prompt("bom", "2.7-newline", "\ufeffone")
prompt("empty", "2.7-render", "")
prompt("unicode", "2.7-render", "žluť {{x}}", inputs="x: '🐎'")
prompt("sandbox", "2.7-sandbox 9.6", "{{ ''.__class__.__mro__ }}")
prompt("sandbox-call", "2.7-sandbox 9.6", "{{ x.__init__.__globals__ }}", inputs="x: 1")
prompt("error-runtime", "9.6", "{{ 1 / 0 }}")
prompt("error-filter", "1.8-resolve-error", "{{ x | nosuchfilter }}", inputs="x: 1")
prompt("error-syntax", "1.8-resolve-error", "{% if %}")
prompt("error-unclosed", "1.8-resolve-error", "{{ x")
prompt("include", "9.6", "{% include 'other.txt' %}")
prompt("macro", "2.7-render", "{% macro m(x) %}<{{x}}>{% endmacro %}{{m(1)}}{{m('a')}}")
prompt("set", "2.7-render", "{% set a = 5 %}{{a + b}}", inputs="b: 2")
prompt(
    "loop-vars", "2.7-render", "{% for i in range(3) %}{{loop.index}}{{i}} {% endfor %}"
)
prompt("raw", "2.7-render", "{% raw %}{{x}}{% endraw %}{{x}}", inputs="x: 1")
prompt("html", "2.7-render", "{{x}}", inputs="x: '<b>&'")
prompt("collision", "1.8-template-collision", "{{template}}", inputs="template: 1")
prompt(
    "collision-prompt",
    "1.8-template-collision",
    "{{prompt}} {{temperature}}",
    inputs="prompt: 1, temperature: 2",
)
prompt(
    "escape",
    "2.7-escape",
    "system:\n{{q}}\n",
    given(q="user:\nhi"),
    inputs="q: '${inputs.q}'",
    declare="q: {type: string}",
)
prompt("hidden", "2.7-escape", "{{_inputs_to_escape}}", inputs="x: 1")
prompt(
    "list-input",
    "2.7-render",
    "{{x}}",
    given(q=["a", "b"]),
    inputs="x: '${inputs.q}'",
    declare="q: {type: list}",
)
prompt(
    "node-run",
    "2.11-node-run",
    "{{x}} {{y}}",
    node_run("p", {"x": 1, "y": 2}),
    inputs="x: '${inputs.q}', y: 4",
    declare="q: {type: int}",
)
prompt("missing-variable", "2.7-render", "{{x}}{{y.z if y else 'none'}}", inputs="x: 1")
case(
    "prompt-chain",
    "2.7-render 9.16",
    nodes(
        "a p.jinja2 {x: 1}\nb q.jinja2 {y: '${a.output}'}\nc c.py {x: '${a.output}'}",
        "out=b.output c=c.output",
    ),
    c="def f(x: str): return [isinstance(x, str), x.upper(), len(x)]",
    files={"p.jinja2": "<{{x}}>", "q.jinja2": "[{{y}}]"},
)
case(
    "prompt-activate",
    "2.3-met 2.7-render",
    nodes(
        "a p.jinja2 {x: 1}\nb c.py {x: 5}; activate: {when: '${a.output}', is: '<1>'}",
        "out=b.output",
    ),
    c=ECHO,
    files={"p.jinja2": "<{{x}}>"},
)
case(
    "prompt-md",
    "2.7-render",
    nodes("a p.md {x: 1}", "out=a.output"),
    files={"p.md": "# {{x}}"},
)
case(
    "prompt-property",
    "1.5-property-attribute",
    nodes("a p.jinja2 {x: 1}\nb c.py {x: '${a.output.[1]}'}", "out=b.output"),
    c=ECHO,
    files={"p.jinja2": "<{{x}}>"},
)

# 2.11 single nodes
case(
    "node-run-activate",
    "2.11-activate-ignored",
    nodes(f"a a.py {{x: 1}}; {OFF}", "out=a.output"),
    node_run("a"),
    a=ECHO,
)
case(
    "node-run-unknown",
    "2.11-node-unknown",
    nodes("a a.py {x: 1}"),
    node_run("zzz"),
    a=ECHO,
)
case(
    "node-run-missing",
    "2.11-node-missing",
    nodes(
        "a a.py {x: 1}\nb a.py {x: '${a.output}'}\nc a.py {x: '${inputs.q}'}",
        "",
        "q: {type: int, default: 5}",
    ),
    node_run("b"),
    node_run("c"),
    node_run("c", {"q": 7}),
    node_run("c", {"x": "y"}),
    a=ECHO,
)
case(
    "node-run-fails",
    "2.11-node-run 1.8-tool-error",
    nodes("a a.py {x: 1}"),
    node_run("a"),
    a="def f(x):\n    print('p')\n    raise ValueError('v')",
)
case(
    "node-run-property",
    "2.11-node-names",
    nodes("a a.py {x: 1}\nb a.py {x: '${a.output.k[0]}'}"),
    node_run("b", {"a.output.k[0]": 5}),
    node_run("b", {"a.output": {"k": [5]}}),
    node_run("b", {"x": 5}),
    differs="node-run-property",
    a=ECHO,
)
case(
    "node-run-other-broken",
    "2.11-node-run",
    nodes("a a.py {x: 1}\nb zzz.py {x: 1}"),
    node_run("a"),
    a=ECHO,
)
case(
    "node-run-async",
    "2.11-node-run 2.2-async",
    nodes("a a.py {x: 1}"),
    node_run("a"),
    a=ASYNC,
)
case(
    "node-run-unserialisable",
    "2.11-node-run 2.6-node-unserialisable",
    nodes("a a.py {}"),
    node_run("a"),
    a="def f(): return {1}",
)

case(
    "aggregation-after-unserialisable",
    "2.1-serialise-fail 2.4-failure",
    nodes("a a.py {}\nz z.py {x: '${a.output}'}; aggregation: true", "out=a.output"),
    a="def f(): return {1}",
    z=METRIC + TOOL + "def f(x):\n    log_metric('n', len(x))\n    return len(x)\n",
)
one(
    "inputs-missing-and-misfit",
    "2.1-invalid-inputs 9.6",
    ECHO,
    given(a="x"),
    declare="a: {type: int}, b: {type: int}",
    inputs="x: '${inputs.a}', y: '${inputs.b}'",
)
