import random
import re
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pf_jupyter.flow.drawing import MARKS, duration
from pf_jupyter.flow.geometry import INPUTS, OUTPUTS
from pf_jupyter.flow.graph import shorten, text_width
from pf_jupyter.flow.layout import lay_out, svg, text
from pf_jupyter.flow.model import Activate, Flow, FlowInput, FlowOutput, Node

SVG = "{http://www.w3.org/2000/svg}"


def build(needs, outputs=None, inputs=("text",), conditions=None):
    """Make a flow; ``@x`` among what a node needs is the flow input ``x``."""
    nodes = [
        Node(
            name,
            "python",
            inputs={
                f"i{n}": f"${{inputs.{one[1:]}}}" if one[0] == "@" else f"${{{one}}}"
                for n, one in enumerate(wanted)
            },
            activate=(conditions or {}).get(name),
        )
        for name, wanted in needs.items()
    ]
    return Flow(
        "flow",
        {name: FlowInput(name, "string") for name in inputs},
        {k: FlowOutput(k, "string", v) for k, v in (outputs or {}).items()},
        nodes,
    )


CHAIN = build({"shout": ["@text"]}, {"answer": "${shout.output}"})
DIAMOND = build(
    {
        "read": ["@text"],
        "left": ["read"],
        "right": ["read"],
        "merge": ["left", "right"],
    },
    {"answer": "${merge.output}", "echo": "${inputs.text}"},
)
FAN = build(
    {
        "split": ["@text"],
        **{f"work_{i}": ["split"] for i in range(20)},
        "join": [f"work_{i}" for i in range(20)],
    },
    {"answer": "${join.output}"},
)
CONDITIONAL = build(
    {"triage": ["@text"], "yes": [], "no": [], "reply": ["yes", "no"]},
    {"answer": "${reply.output}"},
    conditions={
        "yes": Activate("${triage.output.ok}", True),
        "no": Activate("${triage.output.ok}", False),
    },
)


def large(seed=4, count=100):
    rng = random.Random(seed)
    needs = {}
    for i in range(count):
        wanted = (
            {rng.randrange(max(0, i - 12), i) for _ in range(rng.choice([0, 1, 2]))}
            if i
            else ()
        )
        needs[f"node_{i}"] = [f"node_{j}" for j in wanted] or ["@text"]
    return build(needs, {"answer": f"${{node_{count - 1}}}"})


FLOWS = {
    "chain": CHAIN,
    "diamond": DIAMOND,
    "fan": FAN,
    "conditional": CONDITIONAL,
    "large": large(),
    "empty": Flow("empty"),
    "no ports": build({"a": [], "b": ["a"]}, inputs=()),
    "long chain": build(
        {f"step_{i}": [f"step_{i - 1}"] if i else [] for i in range(30)}
    ),
    "cycle": build({"a": ["c"], "b": ["a"], "c": ["b"], "d": ["d", "gone"]}),
    "duplicates": Flow("f", nodes=[Node("a"), Node("a", inputs={"x": "${a}"})]),
}


def overlap(one, other):
    return (
        one.x < other.x + other.width
        and other.x < one.x + one.width
        and one.y < other.y + other.height
        and other.y < one.y + one.height
    )


@pytest.mark.parametrize("name", FLOWS)
def test_boxes_lie_inside_and_apart(name):
    flow = FLOWS[name]
    geometry = lay_out(flow).geometry
    names = {box.name for box in geometry.boxes}
    ports = ({INPUTS} if flow.inputs else set()) | (
        {OUTPUTS} if flow.outputs else set()
    )
    assert names == {node.name for node in flow.nodes} | ports
    for index, box in enumerate(geometry.boxes):
        assert box.x >= 0
        assert box.y >= 0
        assert box.x + box.width <= geometry.width
        assert box.y + box.height <= geometry.height
        assert not any(overlap(box, other) for other in geometry.boxes[index + 1 :])


@pytest.mark.parametrize("name", FLOWS)
def test_lines_run_forward_from_box_to_box(name):
    geometry = lay_out(FLOWS[name]).geometry
    boxes = {box.name: box for box in geometry.boxes}
    axis = 0 if geometry.direction == "right" else 1
    for line in geometry.lines:
        along = [point[axis] for point in line.points]
        assert along == sorted(along)
        assert len(line.points) % 2 == 0
        source, target = boxes[line.source], boxes[line.target]
        if axis == 0:
            ends = (source.x + source.width, target.x)
        else:
            ends = (source.y + source.height, target.y)
        assert (along[0], along[-1]) == pytest.approx(ends)


def crossings(geometry):
    """Count pairs of lines between the same two layers that change sides."""
    segments = [
        (line.points[i], line.points[i + 1])
        for line in geometry.lines
        for i in range(0, len(line.points), 2)
    ]
    return sum(
        (a[0][1] - b[0][1]) * (a[1][1] - b[1][1]) < 0
        for i, a in enumerate(segments)
        for b in segments[i + 1 :]
        if abs(a[0][0] - b[0][0]) < 60
    )


def test_lines_do_not_cross_where_they_need_not():
    flow = build(
        {
            **{f"a{i}": ["@text"] for i in range(5)},
            **{f"b{i}": [f"a{4 - i}"] for i in range(5)},
        }
    )
    assert crossings(lay_out(flow).geometry) == 0
    assert crossings(lay_out(FAN).geometry) == 0


def test_a_chain_runs_straight_and_wide_flows_turn_down():
    chain = lay_out(CHAIN).geometry
    assert chain.direction == "right"
    assert len({box.y + box.height / 2 for box in chain.boxes}) == 1
    down = lay_out(FLOWS["long chain"]).geometry
    assert down.direction == "down"
    assert len({round(box.x + box.width / 2, 6) for box in down.boxes}) == 1


STATUSES = [*MARKS, "NotStarted", "SomethingNew", None]


def some_states(flow):
    return {
        node.name: {
            "status": STATUSES[index % len(STATUSES)],
            "duration_ms": [0.2, 2, 1500, 90_000, None][index % 5],
            "note": "ZeroDivisionError <x> & 'y'" if index % 3 else "",
        }
        for index, node in enumerate(flow.nodes)
    }


@pytest.mark.parametrize("name", FLOWS)
def test_the_svg_is_well_formed_and_needs_nothing_from_outside(name):
    flow = FLOWS[name]
    for states in (None, some_states(flow)):
        document = svg(lay_out(flow), states)
        root = ElementTree.fromstring(document)
        assert root.tag == f"{SVG}svg"
        assert root.find(f"{SVG}title").text.startswith(f"Flow {flow.name}")
        names = {e.text for e in root.iter(f"{SVG}text") if e.get("class") == "n"}
        assert {node.name for node in flow.nodes} <= names
        own = document.replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"href|src=|url\(|@import|https?:|<script", own)


def group_of(document, name):
    root = ElementTree.fromstring(document)
    return next(
        group
        for group in root.iter(f"{SVG}g")
        if any(e.text == name and e.get("class") == "n" for e in group)
    )


@pytest.mark.parametrize(
    ("status", "css", "mark"),
    [
        ("Completed", "ok", "✓ 2 ms"),
        ("Failed", "no", "✗ 2 ms"),
        ("Running", "go", "● 2 ms"),
        ("Bypassed", "by", "– 2 ms"),
        ("Canceled", "st", "■ 2 ms"),
        ("NotStarted", "un", "2 ms"),
    ],
)
def test_each_status_has_a_colour_and_a_mark(status, css, mark):
    document = svg(lay_out(CHAIN), {"shout": {"status": status, "duration_ms": 2.1}})
    group = group_of(document, "shout")
    assert group.get("class") == css
    assert f".pfg .{css}{{--a:" in document or f".pfg .{css}{{" in document
    assert mark in [element.text for element in group]
    assert status in group.find(f"{SVG}title").text
    assert (group.get("style") is not None) == (status == "Running")


def test_notes_of_failures_replace_the_kind():
    states = {"shout": {"status": "Failed", "note": "KeyError"}}
    texts = [e.text for e in group_of(svg(lay_out(CHAIN), states), "shout")]
    assert "KeyError" in texts
    assert "python" not in texts


def test_conditions_and_bypassed_lines_show():
    states = {"no": {"status": "Bypassed"}}
    root = ElementTree.fromstring(svg(lay_out(CONDITIONAL), states))
    captions = [e.text for e in root.iter(f"{SVG}text") if e.get("class") == "c"]
    assert captions == ["if ok is true", "if ok is false"]
    classes = [e.get("class") for e in root.iter(f"{SVG}path")]
    assert classes.count("e q") == 1
    assert classes.count("e q z") == 1


@settings(deadline=None, max_examples=60)
@given(st.text(min_size=1, max_size=60), st.text(max_size=20))
def test_no_name_or_note_breaks_the_picture(name, note):
    node = Node(name, "python", inputs={name: note}, activate=Activate(note, name))
    flow = Flow(name, {name: FlowInput(name, "string")}, {}, [node])
    states = {name: {"status": "Failed", "note": note, "duration_ms": 0.1}}
    root = ElementTree.fromstring(svg(lay_out(flow), states))
    assert not list(root.iter(f"{SVG}script"))
    shown = text(lay_out(flow), states)
    assert all(c.isprintable() for c in shown.replace("\n", ""))
    assert len(shown.splitlines()) <= 2


def test_text_of_a_chain_is_one_line():
    shown = lay_out(CHAIN)
    assert text(shown) == "inputs ▸ shout ▸ outputs"
    states = {"shout": {"status": "Completed", "duration_ms": 2.1}}
    assert text(shown, states) == "inputs ▸ ✓ shout 2 ms ▸ outputs"


def test_text_of_branches_is_one_line_per_node():
    states = {
        "triage": {"status": "Completed", "duration_ms": 12},
        "no": {"status": "Bypassed"},
        "reply": {"status": "Failed", "note": "KeyError: 'x'"},
    }
    assert text(lay_out(CONDITIONAL), states).splitlines() == [
        "  inputs   text",
        "✓   triage     python  12 ms  ◂ inputs",
        "·     yes      python         ◂ triage   if ok is true",
        "–     no       python         ◂ triage   if ok is false",
        "✗       reply  python         ◂ yes, no  KeyError: 'x'",
        "  outputs  answer ◂ reply",
    ]


def test_text_of_a_large_flow_is_told_by_level():
    flow = large()
    lines = text(lay_out(flow), some_states(flow), width=80).splitlines()
    assert len(lines) < 40
    assert all(len(line) <= 80 for line in lines)
    assert sum(int(line.split()[1]) for line in lines) == 100


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (0.2, "<1 ms"),
        (2.1, "2 ms"),
        (999.4, "999 ms"),
        (999.7, "1.0 s"),
        (1400, "1.4 s"),
        (59_990, "1:00"),
        (185_000, "3:05"),
        (None, ""),
    ],
)
def test_durations_are_short(milliseconds, shown):
    assert duration(milliseconds) == shown


def test_text_is_cut_to_its_room():
    assert shorten("short", 13, 200) == "short"
    cut = shorten("x" * 100, 13, 100)
    assert cut.endswith("…")
    assert text_width(cut, 13) <= 100
    assert shorten("abc", 13, 0) == "…"


def test_a_folded_node_stands_for_what_comes_after_it_alone():
    flow = build(
        {"a": ["@text"], "b": ["a"], "c": ["b"], "e": [], "d": ["a", "e"]}
        | {"f": ["c", "d"]},
        {"answer": "${c.output}"},
    )
    whole = lay_out(flow)
    shown = lay_out(flow, ["a"])
    assert set(whole.items) - set(shown.items) == {"b", "c"}
    assert shown.items["a"].detail == "python · 2 folded"
    assert shown.needs["f"] == ("a", "d")  # for c, which a stands for
    ends = {(line.source, line.target) for line in shown.geometry.lines}
    assert ("a", OUTPUTS) in ends
    assert set(lay_out(flow, ["b", "a"]).items) == set(shown.items)
    assert set(lay_out(flow, ["e", "a"]).items) == set(shown.items)
    assert set(lay_out(flow, ["nothing"]).items) == set(whole.items)


def test_the_picture_names_its_nodes_and_the_ends_of_its_lines():
    root = ElementTree.fromstring(svg(lay_out(CHAIN)))
    groups = {g.get("data-n") for g in root.iter(f"{SVG}g") if g.get("data-n")}
    assert groups == {":inputs", ":outputs", "shout"}
    ends = {(p.get("data-s"), p.get("data-t")) for p in root.iter(f"{SVG}path")}
    assert {(":inputs", "shout"), ("shout", ":outputs")} <= ends
