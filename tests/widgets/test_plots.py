"""Plots say in words what they show."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from pf_jupyter.widgets.plots import BIN_NAMES, bars, intervals, spark


def label_of(element):
    return ElementTree.fromstring(str(element)).get("aria-label")


def test_a_histogram_names_its_bins():
    shown = bars([0, 3, 9, *[0] * 8], BIN_NAMES, "times")
    assert label_of(shown) == "times: 1 ms: 3, 3 ms: 9"
    assert str(shown).count("<rect") == len(BIN_NAMES)
    assert label_of(bars([], [], "times")) == "times: nothing"


@pytest.mark.parametrize(
    "rows",
    [
        [("accuracy", 0.87, (0.85, 0.89)), ("f1 <b>", 0.5, None)],
        [("same", 1.0, (1.0, 1.0))],
        [("large", 1e9, (-1e9, 2e9))],
        [],
    ],
)
def test_intervals_stay_in_the_picture(rows):
    shown = ElementTree.fromstring(str(intervals(rows, "scores", zero=True)))
    svg = shown[0]
    width = float(svg.get("width"))
    for circle in svg.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 <= float(circle.get("cx")) <= width
    for name, *_ in rows:
        assert name in shown.get("aria-label")


def test_a_line_over_time_says_its_newest_value():
    shown = str(spark([1, 2, 4], "memory", unit=" GB", top=8))
    assert "memory, now 4 GB" in shown
    assert "now 0" in str(spark([], "memory"))
