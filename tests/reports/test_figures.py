import numpy as np
import pytest
from matplotlib.colors import to_hex

from affect_jax.errors import UserError
from affect_jax.reports import figures

RATE = 1000
SEGMENTS = [(0.0, 0.5), (0.5, 1.0), (1.0, 1.5), (1.5, 2.0)]
COEFFICIENTS = np.array([0.3, -0.2, 0.1, -0.01])


@pytest.fixture
def figure():
    x = np.random.default_rng(0).normal(size=2000).astype(np.float32)
    return figures.draw_explanation(
        x, RATE, SEGMENTS, COEFFICIENTS, title="a clip  truth 0.43", deviation=np.full(4, 0.02), top=2
    )


def test_spectrogram_has_a_tone_at_its_frequency_and_time():
    t = np.arange(2000) / RATE
    x = np.where(t < 1, np.sin(2 * np.pi * 250 * t), 0)
    times, frequencies, decibels = figures.compute_log_spectrogram(x, RATE)
    assert decibels.shape == (len(times), len(frequencies)) == (200, 17)
    np.testing.assert_allclose(frequencies[decibels[20:80].argmax(axis=1)], 250)
    assert decibels.max() == 0
    np.testing.assert_allclose(decibels[times > 1.05], -80)


def test_spectrogram_of_silence_is_finite():
    assert np.isfinite(figures.compute_log_spectrogram(np.zeros(50), RATE)[2]).all()


def test_bars_say_the_polarity_by_colour_and_hatch(figure):
    bars = figure.axes[1].patches[:4]
    assert [bar.get_height() for bar in bars] == pytest.approx(list(COEFFICIENTS))
    colours = [to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert colours == [figures.FOR, figures.AGAINST, figures.FOR, figures.AGAINST]
    assert [bool(bar.get_hatch()) for bar in bars] == [False, True, False, True]


def test_the_most_relevant_are_ranked_and_the_negative_are_marked(figure):
    above = figure.axes[0]
    assert [(text.get_text(), text.get_position()[0]) for text in above.texts] == [("1", 0.25), ("2", 0.75)]
    marked = {round(patch.get_x(), 3) for patch in above.patches}
    assert marked == {0.0, 0.5, 1.5}  # the third is neither among the two most relevant nor negative
    assert above.get_title() == "a clip  truth 0.43"
    assert figure.axes[1].get_xlim() == (0, 2)


def test_files_are_the_same_every_time(figure, tmp_path):
    for kind, begin in (("png", b"\x89PNG"), ("svg", b"<?xml")):
        for name in ("a", "b"):
            figures.write_figure(figure, tmp_path / f"{name}.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes().startswith(begin)
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    with pytest.raises(UserError, match="choose png or svg"):
        figures.write_figure(figure, tmp_path / "a.jpg")


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
    x = np.arange(5.0)
    first = figures.Line(x, np.array([1, 2, np.nan, 3, np.nan]), np.array([0.5, 0.5, 0.5, np.nan, 0.5]))
    drawn = figures.draw_lines([first, figures.Line(x, x)], x_label="epoch", y_label="loss", whole=True)
    [panel] = drawn.axes
    lines = [line for line in panel.lines if line.get_linestyle() != "None"]
    assert [to_hex(line.get_color()).upper() for line in lines] == list(figures.COLOURS[:2])
    dots = [line.get_xdata().tolist() for line in panel.lines if line.get_linestyle() == "None"]
    assert dots == [[3.0], []], "a single point between gaps is seen"
    assert len(panel.collections) == 1, "one band"
    assert all(float(tick).is_integer() for tick in panel.get_xticks()), "epochs are counted"
    assert panel.get_ylabel() == "loss"


def test_a_chart_says_the_same_twice():
    line = figures.Line(np.array([1.0, 2.0]), np.array([-2.0, 3.0]))
    first, second = (
        figures.encode_figure(figures.draw_lines([line], x_label="x", y_label="y"), "svg", text=True) for _ in range(2)
    )
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
    assert names[1] == r"price \$5\$", "a name is no formula"
    marks = [(line.get_marker(), line.get_xdata()[0]) for line in panel.lines if line.get_marker() in ("o", "D")]
    assert marks == [("o", 0.5), ("D", 0.7), ("o", 0.2)]
    assert panel.get_ylim()[0] > panel.get_ylim()[1], "the first is on top"
    assert [line.get_xdata()[0] for line in panel.lines if line.get_linestyle() == "--"] == [0.3]


def test_names_are_no_formulas():
    labels = ("$x", "b", r"$\frac$")
    drawn = figures.draw_matrices([("a $\\broken$ name", np.eye(3), labels)])
    assert [text.get_text() for text in drawn.axes[0].get_yticklabels()] == [r"\$x", "b", r"\$\frac\$"]
    line = figures.Line(np.arange(3.0), np.arange(3.0))
    assert figures.encode_figure(figures.draw_lines([line], x_label="x", y_label=r"$\broken$"), "svg", text=True)
