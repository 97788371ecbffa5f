"""Section 3.1 again: what a flex flow's file may say, and what may be its entry."""

from ..case import given
from .flex import CLASS, flex, made

PLAIN = "def f(a: str): return a\n"
TWO = "def f(a: str, b: str = 'z'): return [a, b]\n"
RESULT = (
    "from dataclasses import dataclass\n@dataclass\nclass R:\n    x: str\n    y: int\n"
    "def f(a: str) -> R: return R(a, 1)\n"
)

# The file's keys
for key in ("name: n", "id: n", "nodes: []", "message_format: basic"):
    flex(
        f"key-{key.partition(':')[0]}",
        "9.12",
        PLAIN,
        given(a="q"),
        yaml=f"{key}\nentry: main:f\n",
    )
flex(
    "keys-known",
    "9.12",
    PLAIN,
    given(a="q"),
    yaml="$schema: x\ntags: {a: b}\ndescription: d\ndisplay_name: e\nentry: main:f\n"
    "language: python\nenvironment: {python_requirements_txt: r.txt}\n",
    files={"r.txt": ""},
)
for name, ports in {
    "extra": "{a: {type: string, foo: 1, enum: [x]}}",
    "no-type": "{a: {default: x}}",
    "bad-type": "{a: {type: image}}",
    "null": "",
    "empty": "{}",
}.items():
    flex(
        f"inputs-{name}",
        "9.12 9.13",
        PLAIN,
        given(a="q"),
        yaml=f"entry: main:f\ninputs: {ports}\n",
    )
flex(
    "inputs-some",
    "9.13",
    TWO,
    given(a="q"),
    yaml="entry: main:f\ninputs: {a: {type: string}}\n",
)
flex(
    "inputs-types",
    "3.1-defaults 9.14",
    TWO,
    given(a="5", b="6"),
    yaml="entry: main:f\ninputs: {a: {type: int}, b: {type: double}}\n",
)
flex(
    "inputs-default-lost",
    "3.1-defaults",
    TWO,
    given(a="5"),
    yaml="entry: main:f\ninputs: {a: {type: string}, b: {type: string}}\n",
)
flex(
    "inputs-default-empty",
    "3.1-defaults",
    TWO,
    given(a="5"),
    given(),
    yaml="entry: main:f\ninputs: {a: {type: string, default: ''},"
    " b: {type: string, default: ''}}\n",
)
flex("inputs-text", "9.14", TWO, given(a=5, b=None), given(a=None))
flex(
    "outputs-plain",
    "9.13",
    PLAIN,
    given(a="q"),
    yaml="entry: main:f\noutputs: {output: {type: string}}\n",
)
flex(
    "outputs-fields",
    "9.13",
    RESULT,
    given(a="q"),
    yaml="entry: main:f\noutputs: {x: {type: string}, y: {type: int}}\n",
    differs="dataclass-output",
)
flex(
    "outputs-some",
    "9.13",
    RESULT,
    given(a="q"),
    yaml="entry: main:f\noutputs: {x: {type: string}}\n",
)

# Init and sample
flex(
    "init-of-function",
    "9.13 3.1-init",
    PLAIN,
    given(a="q"),
    yaml="entry: main:f\ninit: {k: {type: int}}\n",
)
flex(
    "init-declared",
    "3.1-init 9.14",
    CLASS,
    given(a="q"),
    made({"k": 7}, a="q"),
    made({"k": "7", "zz": 1}, a="q"),
    yaml="entry: main:C\ninit: {k: {type: int, default: 9}}\n",
)
flex(
    "init-other",
    "9.13 3.1-init",
    CLASS,
    given(a="q"),
    yaml="entry: main:C\ninit: {z: {type: int, default: 9}}\n",
)
flex(
    "sample-init",
    "3.1-sample 3.1-init",
    CLASS,
    given(),
    given(a="b"),
    made({"k": 7}),
    yaml="entry: main:C\nsample: {init: {k: 4}, inputs: {a: sam}}\n",
)
flex(
    "sample-key",
    "3.1-sample 9.12",
    CLASS,
    given(),
    yaml="entry: main:C\nsample: {zz: {k: 4}}\n",
)
flex(
    "sample-json",
    "3.1-sample",
    PLAIN,
    given(),
    yaml="entry: main:f\nsample: {inputs: '${file:s.json}'}\n",
    files={"s.json": '{"a": "from file"}'},
)
flex(
    "sample-yaml",
    "3.1-sample",
    CLASS,
    given(),
    yaml="entry: main:C\nsample: '${file:s.yaml}'\n",
    files={"s.yaml": "inputs: {a: yes}\ninit: {k: 8}\n"},
)
flex(
    "sample-missing",
    "3.1-sample",
    PLAIN,
    given(),
    yaml="entry: main:f\nsample: '${file:s.yaml}'\n",
)

# Entries
flex(
    "entry-dotted",
    "3.1-function",
    "x = 1\n",
    given(a="q"),
    yaml="entry: pkg.mod:g\n",
    files={"pkg/mod.py": "def g(a: str): return a\n"},
)
for name, entry in {"spaces": "'main: f'", "two": "'main:f:g'"}.items():
    flex(f"entry-{name}", "9.12", PLAIN, given(a="q"), yaml=f"entry: {entry}\n")
for name, entry in {"null": "", "number": "5"}.items():
    flex(
        f"entry-{name}",
        "9.12",
        PLAIN,
        given(a="q"),
        yaml=f"entry: {entry}\n",
        differs="crash",
    )
for name, code in {
    "variable": "f = 5\n",
    "lambda": "f = lambda a: a\n",
    "partial": "import functools\ndef g(a, b): return [a, b]\n"
    "f = functools.partial(g, b=1)\n",
    "instance": "class X:\n    def __init__(self): pass\n"
    "    def __call__(self, a: str): return a\nf = X()\n",
    "class-uncallable": "class f:\n    def __init__(self): pass\n",
    "imported": "from os.path import basename as g\ndef f(a: str): return g(a)\n",
    "future": "from __future__ import annotations\ndef f(a: str): return a\n",
    "optional": "from typing import Optional\ndef f(a: Optional[str]): return a\n",
    "list-of": "from typing import List\ndef f(a: List[str]): return a\n",
    "enum": "from enum import Enum\nclass E(Enum):\n    X = 'x'\n"
    "def f(a: E): return [a, type(a).__name__]\n",
    "kwargs": "def f(a: str, **more): return [a, more]\n",
    "helper": "from helper import twice\ndef f(a: str): return twice(a)\n",
    "async-generator": "async def f(a: str):\n    for c in a: yield c\n",
    "dict-stream": "def f(a: str): return {'t': (c for c in a), 'n': 1}\n",
    "set": "def f(a: str): return {1}\n",
    "tuple": "def f(a: str): return (1, a)\n",
    "late-failure": "def f(a: str):\n    yield a\n    raise ValueError('late')\n",
}.items():
    flex(
        f"entry-{name}",
        "3.1-function 3.1-signature",
        code,
        given(a="q", z=1),
        files={"helper.py": "def twice(x): return x * 2\n"},
    )
