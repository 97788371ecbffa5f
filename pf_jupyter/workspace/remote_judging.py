"""Estimates, verdicts and comparisons as JSON and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..runs.evaluation.sequential import Verdict
    from ..runs.evaluation.statistics import Estimate, Interval
    from .evaluation_api import RunComparison


def comparison_to_json(found: RunComparison) -> dict[str, Any]:
    """Return a comparison with its looks."""
    return {**found.to_dict(), "text": found.text(), "html": found.html()}


def comparison_from_json(document: Mapping[str, Any]) -> RunComparison:
    """Undo `comparison_to_json`."""
    from ..runs.evaluation import compare
    from ..runs.evaluation.statistics import Difference
    from .evaluation import LocalComparison

    scores = [
        compare.Score(
            score["name"],
            [one and estimate_from_json(one) for one in score["estimates"]],
            [
                one and Difference(**{**one, "interval": _interval(one["interval"])})
                for one in score["differences"]
            ],
        )
        for score in document["scores"]
    ]
    known = compare.Comparison.__dataclass_fields__
    values = {key: value for key, value in document.items() if key in known}
    values["scores"] = scores
    values["changes"] = [compare.Change(**one) for one in document["changes"]]
    values["times"] = [one and compare.Times(**one) for one in document["times"]]
    return LocalComparison(compare.Comparison(**values))


def estimate_from_json(document: Mapping[str, Any]) -> Estimate:
    """Return an estimate that was written with its `to_dict`."""
    from ..runs.evaluation.statistics import Estimate

    keys = ("value", "count", "kind")
    interval = _interval(document["interval"])
    return Estimate(interval=interval, **{key: document[key] for key in keys})


def verdict_from_json(document: Mapping[str, Any]) -> Verdict:
    """Return a verdict that was written with its `to_dict`."""
    from ..runs.evaluation.sequential import Verdict

    keys = ("result", "seen", "total", "change", "error")
    interval = _interval(document["interval"])
    assert interval is not None
    return Verdict(interval=interval, **{key: document[key] for key in keys})


def _interval(document: Mapping[str, Any] | None) -> Interval | None:
    from ..runs.evaluation.statistics import Interval

    return None if document is None else Interval(**document)
