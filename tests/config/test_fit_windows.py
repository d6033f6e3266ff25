"""How long the windows of one's own long sequences are, and what is told of them."""

import pytest

from affect_jax.config.fit_windows import choose_window, fit_windows
from affect_jax.errors import UserError

LONG, SHORT = [1000, 1800, 1400], [30, 200, 80]


def fit(steps, rate=0.0, unit="recording", **data):
    return fit_windows({"unit": unit, **data}, steps, rate)


def test_long_recordings_are_cut_and_short_ones_are_whole():
    data, told = fit(LONG, 10.0)
    assert (data["window"], data["hop"]) == (100, 50)
    assert told.startswith(
        "3 recordings of 1,000 to 1,800 steps are trained in windows of 100 steps (10 s at 10 Hz), every 50; "
    )
    assert told.endswith("0 trains on whole recordings")
    for steps, unit in ((SHORT, "recording"), (LONG, "frame"), (LONG, "item")):
        data, told = fit(steps, unit=unit)
        assert (data["window"], data["hop"], told) == (None, None, "")


@pytest.mark.parametrize(("rate", "window"), [(0, 100), (1, 100), (10, 100), (12.5, 124), (25, 200), (100, 200)])
def test_a_window_shows_ten_seconds_within_limits(rate, window):
    assert choose_window(rate) == window


def test_what_was_asked_for_stands():
    assert fit(LONG, window=0)[0]["window"] == 0
    data, told = fit(SHORT, window=40)
    assert (data["window"], data["hop"]) == (40, 20)
    assert "windows of 40 steps, every 20" in told
    assert "0 trains" not in told
    data, told = fit(LONG, 25.0, window_seconds=4.0, hop_seconds=1.0)
    assert (data["window"], data["hop"], data["window_seconds"], data["hop_seconds"]) == (100, 25, None, None)
    assert fit_windows(data, LONG, 25.0) == (data, told)
    assert fit(LONG, 25.0, window_seconds=0.0)[0]["window"] == 0


@pytest.mark.parametrize(
    ("data", "rate", "message"),
    [
        (dict(window_seconds=4.0), 0.0, "window_seconds is 4, but no file .* set config.data.window in steps"),
        (dict(window_seconds=4.0, unit="item"), 25.0, "learns from items, which have no windows"),
        (dict(window_seconds=4.0, window=90), 25.0, "window is 90 steps .* which are 100 steps; set one"),
    ],
)
def test_what_cannot_be_is_said(data, rate, message):
    with pytest.raises(UserError, match=message):
        fit(LONG, rate, **data)
