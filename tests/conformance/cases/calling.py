"""Flows that code of a flow loads and calls as functions."""

from ..case import case, given

INNER = """inputs:
  word: {type: string}
  n: {type: int, default: 2}
outputs:
  out: {type: string, reference: '${a.output}'}
  other: {type: string, reference: '${a.output}'}
nodes:
- name: a
  type: python
  source: {type: code, path: a.py}
  inputs: {x: '${inputs.word}', n: '${inputs.n}'}
- name: p
  type: prompt
  source: {type: code, path: p.jinja2}
  inputs: {x: '${a.output}'}
"""
TOOL = """from promptflow.core import tool
import os
import inner_helper
@tool
def a(x: str, n: int):
    print('inside', os.path.basename(os.getcwd()))
    if x == 'fail':
        raise ValueError('it failed')
    return inner_helper.up(x) * n
"""
OUTER = """inputs: {word: {type: string, default: x}}
outputs: {out: {type: object, reference: '${n.output}'}}
nodes:
- name: n
  type: python
  source: {type: code, path: n.py}
  inputs: {word: '${inputs.word}'}
"""


def calling(name: str, body: str, *runs: object, differs: str = "") -> None:
    """Register a case of a tool that calls a flow below its folder."""
    code = (
        "from pathlib import Path\nfrom promptflow.core import Flow, tool\n"
        f"@tool\ndef n(word):\n    here = Path(__file__).parent\n{body}"
    )
    case(
        f"calling-{name}",
        "2.6-nested-tool",
        OUTER,
        *runs,  # type: ignore[arg-type]
        files={
            "n.py": code,
            "inner/flow.dag.yaml": INNER,
            "inner/a.py": TOOL,
            "inner/inner_helper.py": "def up(x):\n    return x.upper()\n",
            "inner/p.jinja2": "{{x}}",
        },
        differs=differs,
    )


calling(
    "outputs",
    "    return dict(Flow.load(source=here / 'inner')(word=word))\n",
    given(),
    given(word="abc"),
    differs="called-flow-log",
)
calling(
    "file",
    "    return Flow.load(str(here / 'inner' / 'flow.dag.yaml'))(word=word, n=3)['out']\n",
    differs="called-flow-log",
)
calling(
    "twice",
    "    flow = Flow.load(here / 'inner')\n"
    "    return [flow(word=word)['out'], flow(word='b', n='1')['out']]\n",
    differs="called-flow-log",
)
calling(
    "invoke",
    "    result = Flow.load(here / 'inner').invoke({'word': word})\n"
    "    return [result.output['out'], str(result.run_info.status)]\n",
    differs="called-flow-log",
)
calling("missing-input", "    return Flow.load(here / 'inner')()\n")
calling("misfit", "    return Flow.load(here / 'inner')(word='a', n='many')\n")
calling(
    "fails",
    "    return Flow.load(here / 'inner')(word='fail')\n",
    differs="called-flow-log",
)
calling("positional", "    return Flow.load(here / 'inner')('x')\n")
calling("nowhere", "    return Flow.load(here / 'outer')(word='x')\n")
calling(
    "catches",
    "    from promptflow.exceptions import PromptflowException\n    try:\n"
    "        return Flow.load(here / 'inner')(word='fail')\n"
    "    except PromptflowException as error:\n        return type(error).__name__\n",
    differs="called-flow-log",
)
