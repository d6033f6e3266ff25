import numpy as np
import pytest
from matplotlib.colors import to_hex

from affect_jax.reports import figures


@pytest.fixture
def figure():
    return figures.draw_lines(
        [figures.Line("x", np.array([1.0, 2.0]), np.array([-2.0, 3.0]))], xlabel="time", ylabel="y"
    )


def test_files_are_the_same_every_time(figure, tmp_path):
    for kind, begin in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        for name in ("a", "b"):
            figures.write_figure(figure, tmp_path / f"{name}.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes().startswith(begin)
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()


def test_thin_keeps_the_peaks():
    x = np.arange(10_000.0)
    y = np.sin(x / 500)
    y[7_123], y[2_345] = 9.0, -9.0
    y[100:400] = np.nan
    few_x, few_y = figures.thin_line(x, y, 200)
    assert len(few_x) <= 210
    assert (np.nanmax(few_y), np.nanmin(few_y)) == (9, -9)
    assert np.all(np.diff(few_x) > 0)
    assert np.isnan(few_y).any(), "a gap stays one"
    np.testing.assert_array_equal(figures.thin_line(x[:50], y[:50], 200)[1], y[:50])


def test_lines_with_gaps_bands_and_single_points():
    x = np.arange(5)
    first = figures.Line("a", x, np.array([1, 2, np.nan, 3, np.nan]), np.array([0.5, 0.5, 0.5, np.nan, 0.5]))
    drawn = figures.draw_lines([first, figures.Line("b", x, x)], xlabel="epoch", ylabel="loss")
    [panel] = drawn.axes
    lines = [line for line in panel.lines if line.get_linestyle() != "None"]
    assert [to_hex(line.get_color()).upper() for line in lines] == list(figures.COLOURS[:2])
    dots = [line.get_xdata().tolist() for line in panel.lines if line.get_linestyle() == "None"]
    assert dots == [[3], []], "a single point between gaps is seen"
    assert len(panel.collections) == 1, "one band"
    assert all(float(tick).is_integer() for tick in panel.get_xticks()), "epochs are counted"
    assert panel.get_ylabel() == "loss"


def test_a_chart_says_the_same_twice():
    line = figures.Line("x", np.array([1.0, 2.0]), np.array([-2.0, 3.0]))
    first, second = (figures.encode_figure(figures.draw_lines([line]), "svg", text=True) for _ in range(2))
    assert first == second


def test_scatter_has_a_dot_a_point():
    [panel] = figures.draw_scatter(np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.5, 5.0])).axes
    equal, dots = panel.lines
    assert list(equal.get_xdata()) == list(equal.get_ydata()) == [0.0, 2.0]
    assert len(dots.get_xdata()) == 3


def test_intervals():
    bars = [figures.Bar("a" * 80, 0.5, (0.4, 0.6), 0.7), figures.Bar("price $5$", 0.2)]
    drawn = figures.draw_intervals(bars, "accuracy", 0.3)
    [panel] = drawn.axes
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert names[0].endswith("…")
    assert names[1] == "price $5$"
    assert not panel.get_yticklabels()[1].get_parse_math(), "a name is no formula"
    marks = [(line.get_marker(), line.get_xdata()[0]) for line in panel.lines if line.get_marker() in ("o", "D")]
    assert marks == [("o", 0.5), ("D", 0.7), ("o", 0.2)]
    assert panel.get_ylim()[0] > panel.get_ylim()[1], "the first is on top"
    assert [line.get_xdata()[0] for line in panel.lines if line.get_linestyle() == "--"] == [0.3]


@pytest.mark.parametrize("name", ["costs 3 $", "$a$_{b", "$x^{$", r"\\frac$$", "情感 😀"])
def test_a_name_is_text_whatever_is_in_it(name):
    bars = [figures.Bar(name, 0.5, (0.4, 0.6), 0.7)]
    line = figures.Line(name, np.arange(3.0), np.arange(3.0))
    drawn = [
        figures.draw_intervals(bars, f"score {name}", 0.3),
        figures.draw_lines([line], xlabel="epoch", ylabel=name),
        figures.draw_matrices([(name, np.eye(2), (name, "b"))]),
    ]
    for figure in drawn:
        assert figures.encode_figure(figure, "png")
        assert f">{name}" in figures.encode_figure(figure, "svg", text=True).decode().replace("score ", "")
