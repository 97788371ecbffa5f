"""Random valid flows: shape of the graph, types, conditions, defaults, variants.

Every flow is made from a seed alone, so that a difference can be asked for again. The
tools are few and total: they accept anything and say what they were given.
"""

from __future__ import annotations

import json
import random
from typing import Any

from .case import TOOL, Case

SOURCES = {
    "echo.py": TOOL + "def echo(x=None): return x\n",
    "pair.py": TOOL
    + "def pair(a='A', b='B', **rest): return [a, b, sorted(rest.items())]\n",
    "wrap.py": TOOL + "def wrap(x=None): return {'v': x, 'l': [x, 1], 'n': None}\n",
    "typed.py": TOOL
    + "def typed(x: int = 7, y: str = 'y', z: bool = True, w: list = None):\n"
    "    return [x, y, z, w]\n",
    "text.py": TOOL + "def text(x=None): return str(x)\n",
    "chunks.py": TOOL + "def chunks(x=None):\n    yield 'a'\n    yield str(x)\n",
    "later.py": "import asyncio\n"
    + TOOL
    + "async def later(x=None):\n    await asyncio.sleep(0)\n    return x\n",
    "fails.py": TOOL + "def fails(x=None):\n    raise ValueError(str(x))\n",
    "total.py": "from promptflow.core import log_metric\n"
    + TOOL
    + "def total(x=None, y=None):\n"
    "    log_metric('n', len(x) if isinstance(x, list) else -1)\n"
    "    return [x, y]\n",
    "prompt.jinja2": "x={{x}} y={{y}}{% if z %} z{% endif %}\n",
}
KINDS = ("int", "double", "bool", "string", "list", "object")
LITERALS: tuple[Any, ...] = (
    None, "", 0, 1, -3, 1.5, True, False, "text", "5", "true", " ", [], [1, "a"],
    {"k": 1}, "[1]", "${", "$x", "null", "ž",
)  # fmt: skip
GOOD: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, "5", 2.9, True, -7),
    "double": (0.5, "1.5", 2, "1e3"),
    "bool": (True, False, "true", "FALSE"),
    "string": ("", "a", 5, None, [1], True),
    "list": ([], [1, 2], '["a"]'),
    "object": ({}, {"k": 1}, "x", 3, '{"k": [1]}', None),
}
BAD: dict[str, Any] = {"int": "x", "double": [], "bool": 1, "list": "{}"}


class _Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.inputs: dict[str, dict[str, Any]] = {}
        self.nodes: list[dict[str, Any]] = []
        self.variants: dict[str, Any] = {}
        self.broken = False

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def make(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        for i in range(self.random.randint(0, 4)):
            kind = self.random.choice(KINDS)
            self.inputs[f"i{i}"] = {"type": kind}
            if self.chance(0.4):
                self.inputs[f"i{i}"]["default"] = self.random.choice(GOOD[kind])
        for i in range(self.random.randint(1, 7)):
            self.nodes.append(self.node(f"n{i}", aggregation=False))
        normal = len(self.nodes)
        if self.chance(0.3):
            for i in range(self.random.randint(1, 2)):
                self.nodes.append(self.node(f"z{i}", aggregation=True))
        outputs = {}
        for i in range(self.random.randint(0, 3)):
            outputs[f"o{i}"] = {"type": "string", "reference": self.output(normal)}
        for node in list(self.nodes):
            if self.chance(0.12):
                self.vary(node)
        order = list(self.nodes)
        if self.chance(0.3):
            self.random.shuffle(order)
        flow: dict[str, Any] = {
            "inputs": self.inputs,
            "outputs": outputs,
            "nodes": order,
        }
        if self.variants:
            flow["node_variants"] = self.variants
        runs = [
            {"mode": "flow", "inputs": self.values()}
            for _ in range(self.random.randint(1, 2))
        ]
        return flow, runs

    def node(self, name: str, *, aggregation: bool) -> dict[str, Any]:
        if aggregation:
            file = self.random.choice(["total.py", "echo.py", "pair.py"])
            if any(n.get("source", {}).get("path") == file for n in self.nodes):
                file = "pair.py"  # two nodes that log one metric are a race
        else:
            file = self.random.choices(
                [name for name in SOURCES if name != "total.py"],
                weights=[6, 5, 4, 3, 3, 0.5, 1.5, 0.3, 3],
            )[0]
            if file == "fails.py" and self.broken:
                file = "echo.py"
        names = {
            "pair.py": ["a", "b", "c"],
            "typed.py": ["x", "y", "z", "w"],
            "prompt.jinja2": ["x", "y", "z"],
            "total.py": ["x", "y"],
        }.get(file, ["x"])
        given = {}
        for parameter in names:
            if self.chance(0.85):
                typed = file == "typed.py"
                given[parameter] = self.value(parameter if typed else "", aggregation)
        node: dict[str, Any] = {
            "name": name,
            "type": "prompt" if file == "prompt.jinja2" else "python",
            "source": {"type": "code", "path": file},
            "inputs": given,
        }
        if aggregation:
            node["aggregation"] = True
        elif self.chance(0.3):
            node["activate"] = self.condition()
        return node

    def value(self, typed: str, aggregation: bool) -> Any:
        choices = ["literal", "input", "node"]
        kind = self.random.choices(choices, weights=[3, 3, 5 + 3 * aggregation])[0]
        if kind == "input" and self.inputs:
            prefix = "flow" if self.chance(0.1) else "inputs"
            return f"${{{prefix}.{self.random.choice(list(self.inputs))}}}"
        if kind == "node" and self.nodes:
            return self.reference(self.nodes)
        fitting = {
            "x": (1, "5", True, None, ""),
            "y": ("a", 5, 1.5, None, True),
            "z": (True, "false", None),
            "w": ([1], "[2]", None),
        }
        return self.random.choice(fitting.get(typed, LITERALS))

    def reference(self, among: list[dict[str, Any]]) -> str:
        node = self.random.choice(among)
        if node["source"]["path"] == "wrap.py" and self.chance(0.6):
            tail = self.random.choice(["v", "l[0]", "l[1]", "n", "['v']", "l"])
            return f"${{{node['name']}.output.{tail}}}"
        # two things that fail are a race, so a flow holds one kind of them at most
        raises = any(n.get("source", {}).get("path") == "fails.py" for n in self.nodes)
        if not raises and self.chance(0.03):
            self.broken = True
            return f"${{{node['name']}.output.nothing}}"
        return f"${{{node['name']}{'' if self.chance(0.1) else '.output'}}}"

    def condition(self) -> dict[str, Any]:
        when: Any
        if self.inputs and self.chance(0.6):
            name = self.random.choice(list(self.inputs))
            kind = self.inputs[name]["type"]
            when, is_ = f"${{inputs.{name}}}", self.random.choice(GOOD[kind])
        elif self.nodes and self.chance(0.8):
            when, is_ = self.reference(self.nodes), self.random.choice(LITERALS)
        else:
            when, is_ = self.random.choice(LITERALS), self.random.choice(LITERALS)
        return {"when": when, "is": is_}

    def output(self, normal: int) -> str:
        if self.inputs and self.chance(0.15):
            return f"${{inputs.{self.random.choice(list(self.inputs))}}}"
        return self.reference(self.nodes[:normal])

    def vary(self, node: dict[str, Any]) -> None:
        inner = {key: value for key, value in node.items() if key != "name"}
        other = {
            "type": "python",
            "source": {"type": "code", "path": "echo.py"},
            "inputs": {"x": "other"},
        }
        self.variants[node["name"]] = {
            "default_variant_id": self.random.choice(["one", "two"]),
            "variants": {"one": {"node": inner}, "two": {"node": other}},
        }
        if node.get("aggregation"):
            other["aggregation"] = True
        place = self.nodes.index(node)
        self.nodes[place] = {"name": node["name"], "use_variants": True}

    def values(self) -> dict[str, Any]:
        values = {}
        for name, declared in self.inputs.items():
            if "default" in declared and self.chance(0.5):
                continue
            kind = declared["type"]
            if kind in BAD and self.chance(0.04):
                values[name] = BAD[kind]
            else:
                values[name] = self.random.choice(GOOD[kind])
        return values


def random_case(seed: int) -> Case:
    """Return the flow that belongs to ``seed``."""
    maker = _Maker(seed)
    flow, runs = maker.make()
    text = json.dumps(flow, ensure_ascii=False, indent=1)
    used = {name: text_ for name, text_ in SOURCES.items() if name in text}
    return Case(
        id=f"random-{seed}",
        rules=(),
        files={"flow.dag.yaml": text, **used},
        runs=tuple(runs),
    )
