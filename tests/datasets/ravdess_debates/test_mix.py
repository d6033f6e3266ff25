import numpy as np
import pytest

from affect_jax.datasets.ravdess.release import Clip
from affect_jax.datasets.ravdess_debates import mix
from affect_jax.datasets.ravdess_debates.debate_plan import Turn, Utterance

RATE = 8000


def tone(rng, before, speech, after, level=0.1):
    whole = 1e-4 * rng.normal(size=before + speech + after)
    whole[before : before + speech] += level * np.sin(np.arange(speech))
    return whole


@pytest.mark.parametrize("level", [0.9, 0.01])
def test_spoken_is_found_without_the_silence(level):
    rng = np.random.default_rng(0)
    start, stop = mix.find_speech(tone(rng, 5000, 12000, 7000, level), RATE)
    assert abs(start - 5000) <= 3 * 80
    assert abs(stop - 17000) <= 3 * 80


def test_spoken_of_a_whole_and_of_a_tiny_recording():
    assert mix.find_speech(np.sin(np.arange(8000.0)), RATE) == (0, 8000)
    start, stop = mix.find_speech(np.array([0.5, 0.1]), RATE)
    assert (start, stop) == (0, 2)


def test_mix_is_the_sum_with_speech_at_its_turn():
    rng = np.random.default_rng(0)
    recordings = [tone(rng, 4000, 8000, 4000), tone(rng, 2000, 10000, 2000, 0.2)]
    turns = [
        Turn(Utterance(Clip(1, 1, 1, 1, 1), 4000, 12000), 1000),  # its first silence reaches beyond the clip's start
        Turn(Utterance(Clip(1, 1, 1, 1, 2), 2000, 12000), 7000),  # as does the other's last silence beyond its end
    ]
    mixed = mix.mix_turns(turns, recordings, 17000, RATE)
    assert mixed.dtype == np.int16
    assert mixed.shape == (17000,)
    expected = np.zeros(17000)
    expected[:13000] += recordings[0][3000:]
    expected[5000:] += recordings[1][:12000]
    expected *= 0.9 / np.abs(expected).max()
    # But for the fades of 20 ms, which lie in the silence.
    np.testing.assert_allclose(mixed / 32768, expected, atol=0.003)
    assert np.abs(mixed).max() == pytest.approx(0.9 * 32768, abs=1)


def test_levels_beside_each_other_are_kept():
    rng = np.random.default_rng(0)
    quiet, loud = tone(rng, 500, 4000, 500, 0.01), tone(rng, 500, 4000, 500, 0.3)
    turns = [Turn(Utterance(Clip(1, 1, 1, 1, a), 500, 4500), at) for a, at in ((1, 1000), (2, 6000))]
    mixed = mix.mix_turns(turns, [quiet, loud], 11000, RATE) / 32768
    assert mixed[6000:10000].std() / mixed[1000:5000].std() == pytest.approx(30, rel=0.02)
