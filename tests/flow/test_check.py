import textwrap

import pytest

from pf_jupyter.errors import FlowInvalid
from pf_jupyter.flow.snapshot import load

HEAD = """\
inputs:
  text: {type: string}
outputs:
  answer: {type: string, reference: "${a.output}"}
nodes:
"""


def node(name, inputs="", more=""):
    return (
        f"- name: {name}\n"
        "  type: python\n"
        "  source: {type: code, path: summarise.py}\n"
        f"  inputs: {{{inputs}}}\n{textwrap.indent(more, '  ')}"
    )


def flow(*nodes, head=HEAD):
    return head + "".join(nodes)


A = node("a", "text: '${inputs.text}'")

WRONG = {
    "missing node": (
        flow(A, node("b", "x: '${aa.output}'")),
        ("NodeReferenceNotFound", 13, 15),
        "did you mean 'a'?",
    ),
    "missing node in a condition": (
        flow(A, node("b", "", "activate: {when: '${c.output}', is: 1}\n")),
        ("NodeReferenceNotFound", 14, 20),
        "",
    ),
    "an input where a node is meant": (
        flow(A, node("b", "x: '${text}'")),
        ("NodeReferenceNotFound", 13, 15),
        "did you mean '${inputs.text}'?",
    ),
    "missing input": (
        flow(A, node("b", "x: '${inputs.test}'")),
        ("InputReferenceNotFound", 13, 15),
        "did you mean 'text'?",
    ),
    "part of an input": (
        flow(A, node("b", "x: '${inputs.text.len}'")),
        ("InputReferenceNotFound", 13, 15),
        "pass '${inputs.text}' whole",
    ),
    "section": (
        flow(A, node("b", "x: '${a.output[0]}'")),
        ("UnsupportedReference", 13, 15),
        "write ${a.output.[0]}",
    ),
    "attribute without output": (
        flow(A, node("b", "x: '${a.score}'")),
        ("UnsupportedReference", 13, 15),
        "write ${a.output.score}",
    ),
    "cycle": (
        flow(
            node("a", "x: '${c.output}'"),
            node("b", "x: '${a.output}'"),
            node("c", "x: '${b.output}'"),
        ),
        ("NodeCircularDependency", 9, 15),
        "take one of these references out",
    ),
    "a node that waits for itself": (
        flow(A, node("b", "", "activate: {when: '${b.output}', is: 1}\n")),
        ("NodeCircularDependency", 14, 20),
        "take one",
    ),
    "duplicate name": (
        flow(A, node("a")),
        ("DuplicateNodeName", 10, 9),
        "rename one of them",
    ),
    "aggregation used per line": (
        flow(A, node("s", more="aggregation: true\n"), node("b", "x: '${s.output}'")),
        ("InvalidNodeReference", 18, 15),
        "aggregation: true",
    ),
    "aggregation condition": (
        flow(
            A,
            node("s", "", "aggregation: true\nactivate: {when: '${a}', is: 1}\n"),
        ),
        ("InvalidNodeReference", 15, 20),
        "flow inputs and aggregation nodes",
    ),
    "empty output": (
        flow(A, head=HEAD.replace('"${a.output}"', '""')),
        ("EmptyOutputReference", 4, 26),
        "reference: ${node.output}",
    ),
    "output without reference": (
        flow(A, head=HEAD.replace(', reference: "${a.output}"', "")),
        ("EmptyOutputReference", 4, 3),
        "reference: ${node.output}",
    ),
    "output of no node": (
        flow(A, head=HEAD.replace("${a.output}", "${b.output}")),
        ("OutputReferenceNotFound", 4, 37),
        "",
    ),
    "output of no input": (
        flow(A, head=HEAD.replace("${a.output}", "${inputs.txt}")),
        ("OutputReferenceNotFound", 4, 37),
        "did you mean 'text'?",
    ),
    "condition without is": (
        flow(node("a", "", "activate: {when: '${inputs.text}'}\n")),
        ("FlowDefinitionError", 10, 3),
        "activate: {when:",
    ),
    "empty condition": (
        flow(node("a", "", "activate:\n")),
        ("FlowDefinitionError", 10, 3),
        "activate: {when:",
    ),
    "input without type": (
        flow(A, head=HEAD.replace("{type: string}\no", "{default: x}\no")),
        ("missing_type", 2, 3),
        "type: string",
    ),
    "unknown type": (
        flow(A, head=HEAD.replace("{type: string}\no", "{type: str}\no")),
        ("unknown_type", 2, 16),
        "did you mean 'string'?",
    ),
    "misspelt type": (
        flow(A, head=HEAD.replace("{type: string, ", "{type: sting, ")),
        ("unknown_type", 4, 18),
        "did you mean 'string'?",
    ),
    "input that is no mapping": (
        flow(A, head=HEAD.replace("{type: string}\no", "string\no")),
        ("wrong_type", 2, 9),
        "below it 'type: string'",
    ),
    "inputs that are a list": (
        "inputs: [a]\nnodes: []\n",
        ("wrong_type", 1, 9),
        "",
    ),
    "a name that is a number": (
        "inputs: {5: {type: string}}\nnodes: []\n",
        ("wrong_type", 1, 10),
        "put the name in quotes",
    ),
    "no nodes": ("inputs: {}\n", ("missing_nodes", 1, 1), "add 'nodes:'"),
    "nodes that are a mapping": (
        "nodes: {a: 1}\n",
        ("wrong_type", 1, 8),
        "",
    ),
    "a node that is text": ("nodes:\n- a\n", ("wrong_type", 2, 3), ""),
    "a node without a name": (
        flow(A, "- type: python\n"),
        ("missing_name", 10, 3),
        "add 'name:'",
    ),
    "a node named by a number": (
        flow(A, node("5")),
        ("wrong_type", 10, 9),
        "put it in quotes",
    ),
    "node without a type": (
        flow(A, "- name: b\n  source: {path: summarise.py}\n"),
        ("missing_node_type", 10, 3),
        "type: python",
    ),
    "unknown node type": (
        flow(A, "- name: b\n  type: Python\n  source: {path: summarise.py}\n"),
        ("unknown_node_type", 11, 9),
        "did you mean 'python'?",
    ),
    "source that does not go with the type": (
        flow(A, "- name: b\n  type: llm\n  source: {type: package, tool: a.b}\n"),
        ("unsupported_node_kind", 12, 18),
        "type: code",
    ),
    "llm node without a connection": (
        flow(A, "- {name: b, type: llm, api: chat, source: {path: report.jinja2}}\n"),
        ("GetConnectionError", 10, 3),
        "connection: NAME",
    ),
    "api that does not exist": (
        flow(
            A,
            "- name: b\n  type: llm\n  api: chatt\n  connection: c\n"
            "  source: {path: report.jinja2}\n",
        ),
        ("APINotFound", 12, 8),
        "did you mean 'chat'?",
    ),
    "package source without a tool": (
        flow(A, "- {name: b, type: python, source: {type: package}}\n"),
        ("PackageToolNotFoundError", 10, 27),
        "package.module.function",
    ),
    "flag that is text": (
        flow(A, node("b", more="aggregation: 'true'\n")),
        ("wrong_type", 14, 16),
        "without quotes",
    ),
    "message format": (
        flow(A) + "message_format: opnai-vision\n",
        ("InvalidMessageFormatType", 10, 17),
        "did you mean 'openai-vision'?",
    ),
    "csharp": (
        flow(A) + "language: csharp\n",
        ("unsupported_flow_kind", 10, 1),
        "nodes",
    ),
    "unknown language": (
        flow(A) + "language: pyton\n",
        ("unknown_language", 10, 11),
        "did you mean 'python'?",
    ),
    "environment": (
        flow(A) + "environment: docker\n",
        ("wrong_type", 10, 14),
        "",
    ),
    "include": (
        flow(A) + "additional_includes:\n- [x]\n",
        ("wrong_type", 11, 3),
        "",
    ),
    "empty file": ("", ("empty_file", 1, 1), "nodes:"),
    "text": ("hello\n", ("not_a_mapping", 1, 1), "begin with"),
    "tab": ("nodes:\n\t- a\n", ("yaml_syntax", 2, 1), "use spaces"),
    "duplicate key": (
        flow(A) + "inputs: {}\n",
        ("duplicate_key", 10, 1),
        "take one of them out",
    ),
    "variants missing": (
        flow(A, "- name: b\n  use_variants: true\n"),
        ("InvalidFlowError", 11, 17),
        "add one",
    ),
    "default variant missing": (
        flow(A, "- name: b\n  use_variants: true\n")
        + "node_variants:\n  b:\n    default_variant_id: x\n    variants: {y: {}}\n",
        ("InvalidFlowError", 14, 25),
        "it has y",
    ),
}


def places(problems):
    return [(problem.code, problem.line, problem.column) for problem in problems]


@pytest.mark.parametrize("case", WRONG)
def test_each_mistake_is_told_with_code_place_and_way_out(write_flow, case):
    text, expected, hint = WRONG[case]
    loaded = load(write_flow(text))
    assert places(loaded.problems) == [expected]
    (problem,) = loaded.problems
    assert problem.file == "flow.dag.yaml"
    assert problem.message
    assert not problem.message.endswith(".")
    assert hint in problem.hint
    assert not loaded.ok


MANY = """\
inputs:
  text: {type: str}
  text: {type: string}
outputs:
  answer:
    type: string
  other: {type: string, reference: "${gone.output}"}
nodes:
- name: summarise
  type: python
  source: {type: code, path: ../summarise.py}
  inputs: {text: "${inputs.texts}"}
- name: report
  type: prompt
  source: {type: code, path: reprot.jinja2}
  inputs:
    text: ${sumarise.output}
- name: report
  type: python
  source: {type: code, path: broken.py}
  activate: {when: "${report.output}"}
"""


def test_all_problems_of_a_flow_come_at_once(write_flow):
    files = {"broken.py": "def f(:\n    pass\n"}
    loaded = load(write_flow(MANY, files))
    assert places(loaded.problems) == [
        ("unknown_type", 2, 16),
        ("duplicate_key", 3, 3),
        ("EmptyOutputReference", 5, 3),
        ("OutputReferenceNotFound", 7, 36),
        ("path_outside_flow", 11, 30),
        ("InputReferenceNotFound", 12, 18),
        ("InvalidSource", 15, 30),
        ("NodeReferenceNotFound", 17, 11),
        ("DuplicateNodeName", 18, 9),
        ("FlowDefinitionError", 21, 3),
        ("PythonLoadError", 1, 7),
    ]
    assert loaded.problems[-1].file == "broken.py"


def test_problems_read_as_a_person_would_say_them(write_flow):
    text = flow(A, node("report", "x: '${aa.output}'"))
    with pytest.raises(FlowInvalid) as caught:
        load(write_flow(text)).require()
    assert caught.value.describe().splitlines() == [
        "flow 'my-flow' has 1 problem",
        "  flow.dag.yaml:13:15  NodeReferenceNotFound: node 'report': ${aa.output} "
        "names no node",
        "                       hint: did you mean 'a'?",
        "nothing was run",
    ]
    assert caught.value.exit_code == 2
    assert caught.value.problems[0]["node"] == "report"


def test_a_cycle_is_told_with_its_path(write_flow):
    (problem,) = load(write_flow(WRONG["cycle"][0])).problems
    assert "a → c → b → a" in problem.message


def test_a_good_flow_has_no_problem(write_flow):
    loaded = load(write_flow())
    assert loaded.problems == []
    assert loaded.warnings == []
    loaded_flow, snapshot = loaded.require()
    assert [n.name for n in loaded_flow.nodes] == ["summarise", "report"]
    assert snapshot is loaded.snapshot


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            flow(
                A,
                node("s", more="aggregation: true\n"),
                head=HEAD.replace("${a.output}", "${s.output}"),
            ),
            ("aggregation_output", 4, 37),
        ),
        (
            flow(A, head=HEAD.replace("${a.output}", "a.output")),
            ("literal_output", 4, 37),
        ),
        (flow(A, head=HEAD.replace('"${a.output}"', "5")), ("literal_output", 4, 37)),
        (flow(A, head=HEAD.replace('"${a.output}"', "")), ("literal_output", 4, 36)),
        (flow(A) + "environment_variable: {}\n", ("unknown_key", 10, 1)),
        (flow(A.replace("inputs:", "input:")), ("unknown_key", 9, 3)),
        (
            flow(
                A, head=HEAD.replace("{type: string}\no", "{type: int, default: x}\no")
            ),
            ("InputTypeError", 2, 30),
        ),
        (
            flow(A, node("b", "", "activate: {when: '${flow.tex}', is: 1}\n")),
            ("InputReferenceNotFound", 14, 20),
        ),
    ],
    ids=[
        *("aggregation", "literal", "number", "null", "key", "node key", "default"),
        "missing input in a condition",
    ],
)
def test_what_only_looks_wrong_is_a_warning(write_flow, text, expected):
    loaded = load(write_flow(text))
    assert loaded.problems == []
    assert places(loaded.warnings) == [expected]


def test_a_reference_that_is_only_wrong_if_its_node_runs_is_left_to_the_run(
    write_flow,
):
    condition = "activate: {when: '${a.output}', is: 1}\n"
    text = flow(A, node("b", "x: '${a.score}'", condition), node("c", "x: '${b.nope}'"))
    assert load(write_flow(text)).ok


def test_output_sections_and_unknown_keys_are_fine(write_flow):
    text = flow(A, head=HEAD.replace("${a.output}", "${a.anything}"))
    assert load(write_flow(text + "tags: {a: b}\n$schema: x\nskip: 1\n")).ok


VARIANTS = """\
nodes:
- name: ask
  use_variants: true
node_variants:
  ask:
    default_variant_id: good
    variants:
      good:
        node:
          type: prompt
          source: {type: code, path: report.jinja2}
      bad:
        node:
          type: prompt
          source: {type: code, path: gone.jinja2}
          inputs: {x: "${inputs.none}"}
"""


def test_variants_are_applied_and_checked_where_they_are_written(write_flow):
    folder = write_flow(VARIANTS)
    loaded = load(folder)
    assert loaded.ok
    assert loaded.flow.nodes[0].source.path == "report.jinja2"
    assert loaded.declared.nodes[0].use_variants
    assert places(loaded.warnings) == [
        ("InvalidSource", 15, 38),
        ("InputReferenceNotFound", 16, 23),
    ]
    assert "variant 'bad'" in loaded.warnings[0].message
    chosen = load(folder, variant="${ask.bad}")
    assert places(chosen.problems) == places(loaded.warnings)
    assert chosen.flow.nodes[0].source.path == "gone.jinja2"
