"""Whatever happens to a flow's files, loading them ends quickly and tells problems."""

import json
import os
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pf_jupyter.errors import FlowInvalid
from pf_jupyter.flow.layout import lay_out, svg, text
from pf_jupyter.flow.problems import Problem
from pf_jupyter.flow.reader import read_flow
from pf_jupyter.flow.snapshot import Loader

FLOW = b"""\
inputs:
  text: {type: string, default: "hi"}
  rows: {type: list, default: [1, 2]}
outputs:
  answer:
    type: string
    reference: ${report.output.a['b'][0]}
nodes:
- name: summarise
  type: python
  source:
    type: code
    path: summarise.py
  inputs: {text: "${inputs.text}", when: 2024-01-01}
  activate:
    when: ${inputs.text}
    is: true
- &shared
  name: report
  use_variants: true
- name: total
  type: python
  aggregation: true
  source: {type: code, path: sub/total.py}
  inputs:
    <<: {x: 1}
    all: ${report.output}
node_variants:
  report:
    default_variant_id: one
    variants:
      one:
        node:
          type: prompt
          source: {type: code, path: report.jinja2}
          inputs: {text: "${summarise.output}"}
additional_includes: [../gone]
environment_variables: {A: 1, B: [2]}
"""
SNIPPETS = [
    *(b":", b"- ", b"\t", b"\n", b"  ", b"*shared", b"&a ", b"!!x ", b"'", b'"'),
    *(b"{", b"}", b"[", b"]", b"null", b"${", b"}", b"\xff", b"\x00", b"?", b"|", b">"),
    *(
        b"---",
        b"%",
        b"#",
        b"1e999",
        b"9" * 400,
        b"<<: ",
        b"\xef\xbb\xbf",
        b"\xe2\x80\xa8",
    ),
]

COUNT = int(os.environ.get("PF_JUPYTER_MUTATIONS", "300"))
"""How many mutated flow files to read; 20,000 before a release takes some minutes."""

MOST_SECONDS = 1.0
"""Processor time that reading one flow file may take, whatever is in it."""

# hundreds of examples; a hang ends here
pytestmark = pytest.mark.timeout(120 + COUNT // 10)


def mutate(data, seed):
    rng = random.Random(seed)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) + 1)
        until = min(len(data), at + rng.choice([0, 0, 1, 3, 20]))
        piece = rng.choice(
            [b"", rng.choice(SNIPPETS), bytes([rng.randrange(256)]), data[at:until] * 3]
        )
        data = data[:at] + piece + data[until:]
    return data


def check_problems(loaded):
    for problem in [*loaded.problems, *loaded.warnings]:
        assert isinstance(problem, Problem)
        assert problem.code
        assert problem.message
        assert problem.file
        assert problem.line >= 0
        assert problem.column >= 0
    if loaded.flow is None:
        assert loaded.problems
    else:
        shown = lay_out(loaded.flow)
        assert svg(shown).startswith("<svg")
        assert isinstance(text(shown), str)
        assert loaded.flow.from_dict(loaded.flow.to_dict()) == loaded.flow
    if loaded.problems:
        with pytest.raises(FlowInvalid) as caught:
            loaded.require()
        assert caught.value.describe()


@pytest.fixture(scope="module")
def slowest(request):
    """The longest processor times so far; told at the end of a long run."""
    seconds = [0.0]
    counts = {"sound": 0, "refused": 0}
    yield seconds, counts
    if COUNT > 1000:
        reporter = request.config.pluginmanager.getplugin("terminalreporter")
        reporter.write_line(f"{counts}, the slowest took {max(seconds) * 1000:.0f} ms")


@settings(
    max_examples=COUNT,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_a_mutated_flow_file_gives_problems_and_no_exception(
    write_flow, good, slowest, seed
):
    seconds, counts = slowest
    # One is wrong already, so that every check has its say; the other can stay sound.
    folder = write_flow(mutate(FLOW if seed % 2 else good.encode(), seed))
    begin = time.process_time()
    loaded = Loader().load(folder)
    seconds[0] = max(seconds[0], time.process_time() - begin)
    counts["sound" if loaded.ok else "refused"] += 1
    check_problems(loaded)
    assert seconds[0] < MOST_SECONDS, seed


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(source=st.binary(max_size=200), template=st.binary(max_size=200))
def test_any_bytes_in_sources_give_problems_and_no_exception(
    write_flow, source, template
):
    check_problems(
        Loader().load(
            write_flow(files={"summarise.py": source, "report.jinja2": template})
        )
    )


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["python", "prompt", "code", "${a.output}", "${inputs.x}", "a"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("inputs", "outputs", "nodes", "name", "type", "source", "path"),
                    *(
                        "activate",
                        "when",
                        "is",
                        "reference",
                        "default",
                        "node_variants",
                    ),
                    *(
                        "variants",
                        "default_variant_id",
                        "node",
                        "use_variants",
                        "a",
                        "x",
                    ),
                    *("additional_includes", "environment", "enum", "aggregation"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(VALUES)
def test_any_shape_of_value_gives_problems_and_no_exception(write_flow, value):
    check_problems(Loader().load(write_flow(json.dumps(value))))


@given(st.binary(max_size=100))
def test_any_bytes_can_be_read(data):
    read = read_flow(data, "flow.dag.yaml", "flow")
    assert read.flow is not None or read.report.problems
