"""Features of recordings: computed once, kept until they are used, by this process or by workers."""

import os
import signal

import numpy as np
import pytest
import soundfile

from affect_jax.errors import UserError
from affect_jax.features import audio, recording_workers, recordings, sound_files
from tests.features.sounds import RATE, tone


@pytest.fixture
def talk(tmp_path):
    soundfile.write(tmp_path / "talk.wav", tone(440), RATE, subtype="PCM_16")
    return tmp_path / "talk.wav"


@pytest.mark.parametrize(("sound", "width"), [("mfcc", 120), ("waveform", 0)])
def test_what_was_computed_is_kept_until_the_recording_changes(talk, tmp_path, monkeypatch, sound, width):
    folder = tmp_path / "kept"
    expected = recordings.compute_features(talk, sound, RATE)[0].values
    kept = recordings.find_kept(folder, talk, sound, RATE)
    measured = recordings.measure_recording(talk, sound, RATE, folder)
    assert measured == [(len(expected), width, RATE, 1.0, ())]
    with monkeypatch.context() as patch:
        patch.setattr(recordings, "compute_features", pytest.fail)
        assert recordings.measure_recording(talk, sound, RATE, folder) == measured
        features = recordings.read_recording(talk, sound, RATE, folder)
    np.testing.assert_array_equal(features.values, expected)
    assert features.values.dtype == expected.dtype
    assert [path.name for path in folder.iterdir()] == [kept.name]
    kept.write_bytes(kept.read_bytes()[:-9])  # as no write of ours leaves it
    np.testing.assert_array_equal(recordings.read_recording(talk, sound, RATE, folder).values, expected)
    soundfile.write(talk, tone(300, 0.5), RATE, subtype="PCM_16")
    assert recordings.find_kept(folder, talk, sound, RATE) != kept
    assert len(recordings.read_recording(talk, sound, RATE, folder).values) < len(expected)


def test_remarks_are_the_same_words_for_all_files(tmp_path):
    for name, factor in (("a.wav", 20000.0), ("b.wav", 30000.0)):
        soundfile.write(tmp_path / name, factor * tone(440), RATE, subtype="FLOAT")
        assert sound_files.decode_audio(tmp_path / name).remarks[0].endswith(f"(they reach {factor * 0.3:.0f})")
        features, _ = recordings.compute_features(tmp_path / name, "waveform", RATE)
        assert features.remarks == ("16-bit numbers in a file of floats, divided by 32768",)


def test_workers_measure_what_this_process_would(talk, tmp_path):
    (tmp_path / "text.wav").write_text("no sound")
    with recording_workers.start_workers(1) as measure:
        assert measure(talk, "mfcc", RATE, tmp_path) == recordings.measure_recording(talk, "mfcc", RATE, None)
        np.testing.assert_array_equal(
            recordings.read_recording(talk, "mfcc", RATE, tmp_path).values,
            audio.compute_mfcc(sound_files.read_audio(talk, rate=RATE), RATE),
        )
        with pytest.raises(UserError, match=r"text\.wav cannot be read as audio"):
            measure(tmp_path / "text.wav", "mfcc", RATE, tmp_path)


def test_a_worker_that_dies_costs_one_file(talk, tmp_path, monkeypatch):
    workers, start = [], recording_workers._start_worker

    def start_and_note():
        workers.append(start())
        return workers[-1]

    monkeypatch.setattr(recording_workers, "_start_worker", start_and_note)
    with recording_workers.start_workers(1) as measure:
        os.kill(workers[0].pid, signal.SIGKILL)
        with pytest.raises(UserError, match=r"talk\.wav made the program that decodes it end \(status -9\)"):
            measure(talk, "waveform", RATE, tmp_path)
        assert measure(talk, "waveform", RATE, tmp_path)[0].frames == RATE
    assert [worker.poll() for worker in workers] == [-9, 0]
