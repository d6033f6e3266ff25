"""Turns become shares of frames: who overlaps whom, and what counts once."""

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.features.turns import Turn, check_overlap, count_voices, measure_overlap


def test_frames_hold_how_much_of_them_is_spoken_and_by_two():
    # Frame t is the 10 ms around t * 10 ms: the first speaker has frames 0 to 2 and half of 3, the second from 1.5 on.
    turns = [Turn(-1.0, 0.030, 7), Turn(0.015, 0.045, 2), Turn(0.015, 0.020, 2), Turn(0.055, 9.0, 7)]
    voices = count_voices(turns, 8)
    assert voices.dtype == np.float32
    np.testing.assert_allclose(voices[:, 0], [1, 1, 1, 1, 1, 0, 1, 1])
    np.testing.assert_allclose(voices[:, 1], [0, 0, 1, 0.5, 0, 0, 0, 0], atol=1e-6)
    assert measure_overlap(voices) == pytest.approx(1.5 / 7)


def test_turns_of_one_speaker_never_overlap():
    assert measure_overlap(count_voices([Turn(0, 1, 3), Turn(0.5, 2, 3)], 150)) == 0
    assert measure_overlap(count_voices([], 5)) == 0


def test_a_corpus_without_two_speakers_is_refused():
    check_overlap([0.0, 0.1], "x")
    with pytest.raises(UserError, match="in none of the 2 training clips of x two people speak at once"):
        check_overlap([0.0, 0.0], "x")
