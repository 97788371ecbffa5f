"""Wrong flows from the shell: every problem at once, its place, exit code 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pf_jupyter.cli import main

TOOL = """\
from promptflow.core import tool

@tool
def step(text: str) -> str:
    return text
"""
GOOD = """\
inputs:
  text: {type: string, default: hi}
outputs:
  answer: {type: string, reference: "${b.output}"}
nodes:
- name: a
  type: python
  source: {type: code, path: step.py}
  inputs: {text: "${inputs.text}"}
- name: b
  type: python
  source: {type: code, path: step.py}
  inputs: {text: "${a.output}"}
"""


def change(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


# name → (flow file, the problems as (code, line, column))
WRONG: dict[str, tuple[str | bytes, list[tuple[str, int, int]]]] = {
    "a cycle": (
        change("${inputs.text}", "${b.output}"),
        [("NodeCircularDependency", 9, 18)],
    ),
    "a missing node": (
        change("${a.output}", "${c.output}"),
        [("NodeReferenceNotFound", 13, 18)],
    ),
    "a missing input": (
        change("${inputs.text}", "${inputs.txt}"),
        [("InputReferenceNotFound", 9, 18)],
    ),
    "an output of nothing": (
        change("${b.output}", "${z.output}"),
        [("OutputReferenceNotFound", 4, 37)],
    ),
    "an empty output": (change("${b.output}", ""), [("EmptyOutputReference", 4, 26)]),
    "a bad type": (change("type: string, default", "type: strng, default"), []),
    "two nodes of one name": (
        change("- name: b", "- name: a"),
        [("DuplicateNodeName", 10, 9)],
    ),
    "a duplicate key": (change("- name: a\n", "- name: a\n  name: a\n"), []),
    "a tab": (change("  type: python\n  source", "\ttype: python\n  source"), []),
    "an empty file": (b"", []),
    "a huge file": (b"# " + b"x" * 5_000_000 + b"\n" + GOOD.encode(), []),
    "a path that climbs out": (
        change(
            'path: step.py}\n  inputs: {text: "${a',
            'path: ../../x.py}\n  inputs: {text: "${a',
        ),
        [],
    ),
    "an absolute path": (
        change(
            'path: step.py}\n  inputs: {text: "${a',
            'path: /etc/passwd}\n  inputs: {text: "${a',
        ),
        [],
    ),
    "a script that is not there": (
        change(
            'path: step.py}\n  inputs: {text: "${a',
            'path: stop.py}\n  inputs: {text: "${a',
        ),
        [],
    ),
    "not a mapping": ("- 1\n- 2\n", []),
    "not YAML": ("inputs: [1, 2\nnodes: {", []),
    "not text": (b"\xff\xfe\x00inputs", []),
    "a node without a name": (change("- name: b\n  type", "- type"), []),
    "a node without a source": (
        change(
            '  source: {type: code, path: step.py}\n  inputs: {text: "${a',
            '  inputs: {text: "${a',
        ),
        [],
    ),
    "nodes that are no list": ("inputs: {}\noutputs: {}\nnodes: 3\n", []),
    "activate without is": (
        change("- name: b\n", '- name: b\n  activate: {when: "${a.output}"}\n'),
        [],
    ),
    "an unknown kind of node": (
        change("- name: b\n  type: python", "- name: b\n  type: magic"),
        [],
    ),
    "an alias bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"{chr(98 + i)}: &{chr(98 + i)} ["
            + ",".join([f"*{chr(97 + i)}"] * 10)
            + "]\n"
            for i in range(9)
        ),
        [],
    ),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def to_folder(text: str | bytes) -> Path:
        folder = tmp_path / "wrong"
        folder.mkdir()
        (folder / "step.py").write_text(TOOL)
        data = text.encode() if isinstance(text, str) else text
        (folder / "flow.dag.yaml").write_bytes(data)
        return folder

    return to_folder


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_flow_is_refused_with_its_place(
    name: str,
    write: Callable[[str | bytes], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    text, expected = WRONG[name]
    folder = write(text)
    assert main(["flow", "validate", str(folder), "--json"]) == 2
    told = capsys.readouterr()
    report = json.loads(told.out)
    assert report["ok"] is False
    assert report["problems"]
    found = [(p["code"], p["line"], p["column"]) for p in report["problems"]]
    for problem in expected:
        assert problem in found
    for problem in report["problems"]:
        assert problem["line"] >= 1
        assert problem["column"] >= 1
        assert problem["message"]

    assert main(["flow", "run", str(folder)]) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert "nothing was run" in told.err
    first = report["problems"][0]
    assert f"{first['line']}:{first['column']}" in told.err


def test_all_problems_come_at_once(
    write: Callable[[str | bytes], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    text = GOOD.replace("${a.output}", "${c.output}").replace("${b.output}", "")
    text = text.replace("default: hi}", "default: hi}\n  text: {type: int}")
    folder = write(text.replace("path: step.py", "path: gone.py", 1))
    assert main(["flow", "validate", str(folder), "--json"]) == 2
    codes = {p["code"] for p in json.loads(capsys.readouterr().out)["problems"]}
    assert codes >= {
        "duplicate_key",
        "NodeReferenceNotFound",
        "EmptyOutputReference",
        "InvalidSource",
    }
