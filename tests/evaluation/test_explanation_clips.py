import numpy as np
import pytest
import soundfile

from affect_jax.evaluation.explanations import clips
from affect_jax.inference import timelines

RATE, STEPS = 800, 1600


@pytest.fixture
def write(tmp_path):
    def call(name, seconds, loudness=0.1):
        samples = loudness * np.random.default_rng(0).normal(size=round(seconds * RATE))
        soundfile.write(tmp_path / name, samples, RATE)
        return str(tmp_path / name)

    return call


def test_a_file_is_what_a_model_hears_of_it(write):
    (clip,) = clips.read_file_clips([write("short.wav", 0.5)], RATE, STEPS, pytest.fail)
    assert (clip.id, clip.length, clip.notes) == ("short", RATE // 2, ())
    assert (clip.x.dtype, clip.x.shape) == (np.float32, (STEPS,))
    assert not clip.x[clip.length :].any()
    assert np.mean(np.square(clip.x[: clip.length])) == pytest.approx(1, rel=1e-5)
    samples, _ = timelines.read_recording(write("short.wav", 0.5), RATE)
    stored = samples.astype(np.float32)
    np.testing.assert_allclose(clip.x[: clip.length], stored / np.sqrt(np.mean(stored**2)), rtol=1e-5)


def test_a_long_file_is_cut_and_says_so(write):
    (clip,) = clips.read_file_clips([write("long.wav", 3)], RATE, STEPS, pytest.fail)
    assert clip.length == STEPS
    assert clip.notes == ("only the first 2.0 of its 3.0 s are explained",)
    assert np.mean(np.square(clip.x)) == pytest.approx(1, rel=1e-5), "of what is explained, not of all"


def test_files_that_cannot_be_explained_cost_the_others_nothing(write, tmp_path):
    write("a.wav", 1)
    write("silent.wav", 1, loudness=0)
    (tmp_path / "other").mkdir()
    write("other/a.wav", 1)
    write("b.wav", 1)
    skipped = []
    files = ["nothing.wav", "a.wav", "silent.wav", "other/a.wav", "b.wav"]
    read = list(clips.read_file_clips([tmp_path / file for file in files], RATE, STEPS, skipped.append))
    assert [clip.id for clip in read] == ["a", "b"]
    missing, silent, twice = skipped
    assert "nothing.wav is not a file" in missing
    assert "silent.wav is silent throughout" in silent
    assert "other/a.wav has the name 'a' of a file before it" in twice
