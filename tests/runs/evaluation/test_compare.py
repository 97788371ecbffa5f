"""Runs line by line: what changed, and what the scores say."""

import json
import math
from dataclasses import dataclass, field

import pytest

from pf_jupyter.runs.evaluation.columns import estimates_of
from pf_jupyter.runs.evaluation.compare import Side, compare


@dataclass
class Line:
    line_number: int
    outputs: dict | None
    status: str = "Completed"
    inputs: dict = field(default_factory=dict)
    duration_ms: float | None = None


def side(label, outputs, metrics=None, evaluations=None, numbers=None):
    lines = [
        Line(
            number,
            given,
            "Completed" if given is not None else "Failed",
            {"q": number},
            10.0 + index,
        )
        for index, (number, given) in enumerate(
            zip(numbers or range(len(outputs)), outputs, strict=True)
        )
    ]
    return Side(
        label, f"run-{label}", lambda: iter(lines), metrics or {}, {}, evaluations or {}
    )


def graded(words, metrics=None):
    lines = [Line(n, {"grade": w} if w else None) for n, w in enumerate(words)]
    return (lambda: iter(lines)), metrics or {}


def test_what_changed():
    first = side("a", [{"x": 1}, {"x": 2}, None, {"x": 4}, {"x": math.nan}])
    second = side("b", [{"x": 1}, {"x": 5}, {"x": 3}, None, {"x": math.nan}])
    found = compare([first, second])
    assert found.common == 5
    assert (found.changed, found.fixed, found.broken) == ([3], [1], [1])
    assert [change.line_number for change in found.changes] == [1, 2, 3]
    change = found.changes[0]
    assert change.outputs == [{"x": 2}, {"x": 5}]
    assert change.inputs == {"q": 1}
    assert change.scores == {"x": [2.0, 5.0]}
    assert found.counts[0] == {"lines": 5, "completed": 4, "failed": 1}
    assert found.times[0].median == 12.0
    json.dumps(found.to_dict())


def test_times():
    found = compare([side("a", [{}] * 5), side("b", [{}] * 3)])
    assert found.times[0].mean == found.times[0].median == 12
    assert found.times[1].p95 == pytest.approx(11.9)
    assert (found.common, found.changed) == (3, [0])


def test_grades_are_paired_and_take_their_metric_s_name():
    words = ["Correct"] * 6 + ["Incorrect"] * 4
    other = ["Correct"] * 8 + ["Incorrect", "Correct"]
    first = side(
        "a", [{"o": 1}] * 10, evaluations={"accuracy": graded(words, {"accuracy": 0.6})}
    )
    second = side(
        "b", [{"o": 2}] * 10, evaluations={"accuracy": graded(other, {"accuracy": 0.9})}
    )
    found = compare([first, second])
    score = found.score("accuracy")
    assert [e.value for e in score.estimates] == [0.6, 0.9]
    (change,) = score.differences
    assert (change.higher, change.lower) == (3, 0)
    assert change.p == pytest.approx(0.25)
    assert change.change == pytest.approx(0.3)
    assert found.changes[0].scores["grade"] == [1.0, 1.0]
    assert found.metrics == {}


def test_only_lines_with_both_scores_are_paired():
    first = side("a", [{"s": 1.5}, {"s": 2.5}, None])
    second = side("b", [{"s": 2.0}, None, {"s": 9.5}])
    score = compare([first, second]).score("s")
    assert score.differences[0].count == 1
    assert [e.count for e in score.estimates] == [2, 2]


def test_texts_are_no_scores_and_other_metrics_are_kept():
    first = side("a", [{"t": "5"}, {"t": "five"}], {"lines": 2})
    second = side("b", [{"t": "5"}, {"t": "six"}], {"more": 1})
    found = compare([first, second])
    assert found.scores == []
    assert found.metrics == {"lines": [2, None], "more": [None, 1]}


def test_three_runs_and_gaps_in_the_numbers():
    runs = [
        side("a", [{"s": 1}, {"s": 2}, {"s": 3}], numbers=[0, 4, 9]),
        side("b", [{"s": 2}, {"s": 3}], numbers=[4, 9]),
        side("c", [{"s": 9}, {"s": 2}, {"s": 4}], numbers=[1, 4, 9]),
    ]
    found = compare(runs)
    assert found.common == 2
    assert found.changed == [0, 1]
    assert [d.count for d in found.score("s").differences] == [2, 2]
    assert found.score("s").estimates[2].count == 3


def test_only_so_many_changes_are_kept():
    first = side("a", [{"x": n} for n in range(50)])
    second = side("b", [{"x": -n - 1} for n in range(50)])
    found = compare([first, second], shown=7)
    assert len(found.changes) == 7
    assert found.changed == [50]


def test_estimates_of_one_run():
    lines = [Line(n, {"grade": w, "text": "x"}) for n, w in enumerate(["Pass"] * 3)]
    lines.append(Line(3, None, "Failed"))
    found = estimates_of(iter(lines), {"rate": 1.0, "lines": 3, "note": "x"})
    assert list(found) == ["rate", "lines"]
    assert found["rate"].kind == "share"
    assert found["rate"].interval.high == 1.0
    assert found["lines"].interval is None
    rounded = estimates_of(
        iter([Line(n, {"s": v}) for n, v in enumerate([1.0, 2.0, 2.0])]), {"m": 1.67}
    )
    assert rounded["m"].value == pytest.approx(5 / 3)
