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
    return figures.explanation(
        x, RATE, SEGMENTS, COEFFICIENTS, title="a clip  truth 0.43", deviation=np.full(4, 0.02), top=2
    )


def test_spectrogram_has_a_tone_at_its_frequency_and_time():
    t = np.arange(2000) / RATE
    x = np.where(t < 1, np.sin(2 * np.pi * 250 * t), 0)
    times, frequencies, decibels = figures.log_spectrogram(x, RATE)
    assert decibels.shape == (len(times), len(frequencies)) == (200, 17)
    np.testing.assert_allclose(frequencies[decibels[20:80].argmax(axis=1)], 250)
    assert decibels.max() == 0
    np.testing.assert_allclose(decibels[times > 1.05], -80)


def test_spectrogram_of_silence_is_finite():
    assert np.isfinite(figures.log_spectrogram(np.zeros(50), RATE)[2]).all()


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
            figures.write(figure, tmp_path / f"{name}.{kind}")
        assert (tmp_path / f"a.{kind}").read_bytes().startswith(begin)
        assert (tmp_path / f"a.{kind}").read_bytes() == (tmp_path / f"b.{kind}").read_bytes()
    with pytest.raises(UserError, match="choose png or svg"):
        figures.write(figure, tmp_path / "a.jpg")
