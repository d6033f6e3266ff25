import re
from xml.etree import ElementTree

import numpy as np
import pytest

from affect_jax.reports import svg

HOSTILE = '"><script>alert(1)</script>&'


def parsed(text):
    return ElementTree.fromstring(text)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.03, 0.07), (12, 480), (1e-9, 2e-9), (-5e6, 3e6)])
def test_ticks_are_round_and_inside(low, high):
    found = svg.ticks(low, high)
    assert 2 <= len(found) <= 7
    assert all(low - 1e-9 * abs(low) <= value <= high + 1e-9 * abs(high) for value in found)
    steps = np.diff(found)
    np.testing.assert_allclose(steps, steps[0])
    assert round(steps[0] / 10 ** np.floor(np.log10(steps[0] * 1.0001)), 6) in (1, 2, 5)
    assert svg.ticks(0.9, 3.1, least=1) == [1, 2, 3]


def test_limits():
    assert svg.limits(np.array([0.0, np.nan]), np.array([2.0, np.inf]), margin=0.5) == (-1, 3)
    low, high = svg.limits(np.array([3.0]))
    assert low < 3 < high
    assert svg.limits(np.array([np.nan])) == (0, 1)


def test_thin_keeps_the_peaks():
    x = np.arange(10_000.0)
    y = np.sin(x / 500)
    y[7_123], y[2_345] = 9.0, -9.0
    y[100:400] = np.nan
    few_x, few_y = svg.thin(x, y, 200)
    assert len(few_x) <= 210
    assert (np.nanmax(few_y), np.nanmin(few_y)) == (9, -9)
    assert np.all(np.diff(few_x) > 0)
    assert np.isnan(few_y).any(), "a gap stays one"
    np.testing.assert_array_equal(svg.thin(x[:50], y[:50], 200)[1], y[:50])


def test_lines_with_gaps_bands_and_single_points():
    x = np.arange(5.0)
    first = svg.Line("a", x, np.array([1, 2, np.nan, 3, np.nan]), np.array([0.5, 0.5, 0.5, np.nan, 0.5]))
    drawn = [first, svg.Line(HOSTILE, x, x)]
    root = parsed(svg.lines(drawn, x_label="epoch", y_label="loss", said=f"of {HOSTILE}", whole=True))
    assert root.get("role") == "img"
    assert root.get("aria-label") == f"of {HOSTILE}"
    groups = root.findall("g")
    assert [group.get("class") for group in groups] == ["c0", "c1"]
    assert groups[1].find("title").text == HOSTILE
    line = groups[0].findall("path")[-1].get("d")
    assert line.count("M") == 2, "a gap cuts the line"
    assert line.endswith("h0"), "a single point is seen by its round cap"
    assert [path.get("class") for path in groups[0].findall("path")] == ["band", "line"]
    numbers = [float(v) for v in re.findall(r"-?\d+\.\d", svg.lines(drawn, x_label="", y_label="y", said=""))]
    assert all(0 <= value <= 460 for value in numbers)
    assert [text.text for text in root.findall("text")][:5] == ["0", "1", "2", "3", "4"]


def test_a_chart_says_the_same_twice_and_knows_a_minus():
    line = svg.Line("a", np.array([1.0]), np.array([-2.0]))
    text = svg.lines([line], x_label="x", y_label="y", said="")
    assert text == svg.lines([line], x_label="x", y_label="y", said="")
    assert "−2" in text


def test_scatter_has_a_dot_a_point():
    root = parsed(svg.scatter(np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.5, 5.0]), said="x"))
    dots = next(path for path in root.findall("path") if path.get("class") == "dots c0")
    assert dots.get("d").count("h0") == 3


def test_intervals():
    bars = [svg.Bar("a" * 80, 0.5, (0.4, 0.6), 0.7), svg.Bar("b", 0.2)]
    root = parsed(svg.intervals(bars, label="accuracy", said="scores", constant=0.3))
    assert len(root.findall(".//circle")) == 2
    classes = [path.get("class") for path in root.iter("path")]
    assert (classes.count("line"), classes.count("printed"), classes.count("constant")) == (1, 1, 1)
    assert any(text.text.endswith("…") for text in root.iter("text"))
    assert "aaaa: 0.5 [0.4, 0.6]" in next(title.text for title in root.iter("title") if "aaa" in title.text)
    across = {c.get("cy"): float(c.get("cx")) for c in root.iter("circle")}
    assert across["22.0"] > across["46.0"], "larger is further right"
