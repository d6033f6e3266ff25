"""An annotation delay in seconds becomes one in steps."""

import pytest

from affect_jax.config.fit_delay import fit_delay
from affect_jax.errors import UserError


def test_a_delay_in_seconds_is_one_in_steps():
    data, told = fit_delay({"delay": 0, "unit": "recording"}, 2.8, (100, 90), 25.0)
    assert data == {"delay": 70, "unit": "recording"}
    assert told == "labels are learned 70 steps (2.8 s at 25 Hz) earlier, and scored at their own times"
    assert fit_delay(data, 2.8, (100, 90), 25.0)[0] == data, "what fits comes back equal"
    assert fit_delay({"delay": 3}, 0.0, (9,), 0.0) == ({"delay": 3}, "")


@pytest.mark.parametrize(
    ("delay", "steps", "rate", "message"),
    [
        (0, (100,), 0.0, "is 2 s, but there are no labels per step with times"),
        (7, (100,), 10.0, "config.data.delay is 7 steps and config.corpus.annotation_delay is 2 s, which are 20 steps"),
        (0, (100, 20), 10.0, "20 steps at 10 Hz, but the shortest sequence has 20 steps"),
    ],
)
def test_delays_that_cannot_be(delay, steps, rate, message):
    with pytest.raises(UserError, match=message):
        fit_delay({"delay": delay}, 2.0, steps, rate)
