"""Recorded runs repeated in two places: what counts as the same, and what is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pf_jupyter.runs.rehearsal import Rehearsing, bounded, counts, median_ms
from pf_jupyter.runs.replay import NotRepeatable, Replayer, Side, Tape

ASK = """
inputs:
  word: {type: string}
outputs:
  out: {type: string, reference: "${tell.output}"}
nodes:
- name: make
  type: python
  source: {type: code, path: make.py}
  inputs: {word: "${inputs.word}"}
- name: ask
  type: python
  source: {type: code, path: ask.py}
  inputs: {text: "${make.output}"}
- name: tell
  type: python
  source: {type: code, path: tell.py}
  inputs: {text: "${ask.output}"}
"""
CODE = {
    "make": "word: str:\nreturn word + '?'",
    "ask": "text: str:\nimport random\nreturn str(random.random())",
    "tell": "text: str:\nreturn 'it said ' + text",
}


@pytest.fixture
def asking(write_flow: Any) -> Path:
    made: Path = write_flow(ASK, **CODE)
    return made


def with_model(record: Any, node: str) -> Any:
    """Return a record in which a model answered in a node."""
    span = {"id": 1, "kind": "LLM", "name": "chat", "node": node, "parent": None}
    return replace(record, document={**record.document, "trace": [span]})


def rehearsing(ground: Any) -> Rehearsing:
    def channel() -> Any:
        return ground.core.executor.ready(ground.id)[1]

    return Rehearsing(Replayer(ground.store), channel, channel)


def test_a_run_that_gives_the_same_is_equal(ground: Any, asking: Path) -> None:
    (asking / "ask.py").write_text(
        (asking / "ask.py").read_text().replace("random.random()", "len(text)")
    )
    record = ground.run(asking, inputs={"word": "x"})
    found = rehearsing(ground).repeat(record)
    assert (found.verdict, found.reason, found.from_record) == ("equal", "", ())
    assert found.after is not None
    assert found.after.outputs == {"out": "it said 2"}
    told = found.told()
    assert told["recorded"]["outputs"] == told["after"]["outputs"]
    assert counts([found])["equal"] == 1
    assert median_ms([found], "after") > 0
    # nothing of it is recorded: only the run itself is there
    newest = ground.store.runs(limit=1)[0]
    assert newest.run_id == record.run_id


def test_what_is_different_each_time_varies(ground: Any, asking: Path) -> None:
    found = rehearsing(ground).repeat(ground.run(asking, inputs={"word": "x"}))
    assert found.verdict == "varies"
    assert "each time" in found.reason


def test_what_a_model_said_is_taken_from_the_record(ground: Any, asking: Path) -> None:
    record = with_model(ground.run(asking, inputs={"word": "x"}), "ask")
    said = record.document["nodes"]["ask"]["output"]
    found = rehearsing(ground).repeat(record)
    assert found.verdict == "equal"
    assert found.from_record == ("ask",)
    assert found.before is not None
    assert found.before.outputs == {"out": f"it said {said}"}
    assert set(found.before.asked) == {"ask"}


def test_a_flow_that_has_changed_is_compared_with_itself(
    ground: Any, asking: Path
) -> None:
    record = with_model(ground.run(asking, inputs={"word": "x"}), "ask")
    text = (asking / "tell.py").read_text()
    (asking / "tell.py").write_text(text.replace("it said", "they said"))
    found = rehearsing(ground).repeat(record)
    assert found.verdict == "equal"
    assert "has changed since" in found.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"flow_path": "/nowhere/flow"}, "is gone"),
        ({"mode": "from_node"}, "a part of a flow"),
        ({"status": "Canceled"}, "it was Canceled"),
        ({"inputs": {}}, "word"),
    ],
)
def test_what_cannot_be_repeated_says_why(
    ground: Any, asking: Path, change: dict[str, Any], reason: str
) -> None:
    record = replace(ground.run(asking, inputs={"word": "x"}), **change)
    found = rehearsing(ground).repeat(record)
    assert found.verdict == "not_compared"
    assert reason in found.reason


def test_a_failure_that_is_new_in_both_is_no_comparison(
    ground: Any, asking: Path
) -> None:
    record = ground.run(asking, inputs={"word": "x"})
    (asking / "make.py").write_text(
        (asking / "make.py").read_text().replace("return word", "raise OSError(word)")
    )
    found = rehearsing(ground).repeat(record)
    assert found.verdict == "not_compared"
    assert "fails in both now" in found.reason


class Script(Replayer):
    """Gives the sides that a test wrote, in their order."""

    def __init__(self, *sides: Side) -> None:
        self._sides = list(sides)

    def tape(self, record: Any) -> Tape:
        if record is None:
            raise NotRepeatable("no")
        return Tape(record, None, None, {}, {}, None)  # type: ignore[arg-type]

    def play(self, tape: Tape, channel: Any, run_id: str) -> Side:
        return self._sides.pop(0)


def side(status: str = "Completed", asked: str = "", **outputs: Any) -> Side:
    nodes = {
        name: {"status": status, "output": value, "inputs": {"n": name}}
        for name, value in outputs.items()
    }
    error = None if status == "Completed" else {"code": "E", "message": "broke"}
    digests = {"llm": asked} if asked else {}
    return Side(status, dict(outputs), error, nodes, 1.0, digests)


@pytest.mark.parametrize(
    ("sides", "verdict", "node", "reason"),
    [
        ([side(a=1), side(a=1)], "equal", None, ""),
        ([side(a=1), side(a=2), side(a=1)], "differs", "a", "outputs differ at node a"),
        ([side(a=1), side(a=2), side(a=3)], "varies", None, "each time"),
        # the clock in b changes by itself, what a gives does not
        ([side(a=1, b=5), side(a=2, b=6), side(a=1, b=7)], "differs", "a", "node a"),
        ([side(a=1), side("Failed", a=1), side(a=1)], "differs", "a", "broke"),
        (
            [side(asked="1", a=1), side(asked="2", a=1), side(asked="1", a=1)],
            "differs",
            None,
            "asks a model something else",
        ),
        ([side(a=True), side(a=1), side(a=True)], "differs", "a", ""),
        ([side(a=float("nan")), side(a=float("nan"))], "equal", None, ""),
    ],
)
def test_verdicts(
    ground: Any,
    asking: Path,
    sides: list[Side],
    verdict: str,
    node: str | None,
    reason: str,
) -> None:
    record = ground.run(asking, inputs={"word": "x"})
    script = Script(*sides)
    found = Rehearsing(script, lambda: None, lambda: None).repeat(record)  # type: ignore[arg-type,return-value]
    assert found.verdict == verdict
    assert (found.parts_at or {}).get("node") == node
    assert reason in found.reason


def test_what_is_too_long_is_shown_from_its_beginning() -> None:
    assert bounded({"a": 1}) == {"a": 1}
    text = bounded("x" * 10_000)
    assert text.startswith('"xxx')
    assert "more characters" in text
