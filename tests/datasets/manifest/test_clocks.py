"""Labels per step and features with times are put together by their times; what does not fit is told."""

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import manifest
from affect_jax.datasets.manifest import clocks
from affect_jax.errors import UserError
from affect_jax.features import audio
from affect_jax.features.recordings import measure_step
from tests.datasets.manifest.conftest import RATE

ROWS = 4


def write_steps(path, times, values, name="time"):
    """A table with a column of times, and the values of one column or several beside it."""
    values = np.asarray(values)
    values = values[:, None] if values.ndim == 1 else values
    names = [name, *(f"v{i}" for i in range(values.shape[1]))]
    rows = [",".join([repr(float(t)), *(repr(float(x)) for x in row)]) for t, row in zip(times, values, strict=True)]
    path.write_text("\n".join([",".join(names), *rows, ""]))


def write_corpus(corpus, frame_times, label_times):
    """Four rows of a face (at `frame_times` of a row) and labels (at `label_times`); returns the faces."""
    faces = {}
    for n in range(ROWS):
        draw = np.random.default_rng(n)
        faces[f"i{n}"] = draw.normal(size=(len(frame_times(n)), 2)).astype(np.float32)
        write_steps(corpus.folder / f"face{n}.csv", frame_times(n), faces[f"i{n}"])
        write_steps(corpus.folder / f"labels{n}.csv", label_times(n), draw.normal(size=len(label_times(n))))
    rows = [{"id": f"i{n}", "group": f"g{n}", "label": f"labels{n}.csv", "face": f"face{n}.csv"} for n in range(ROWS)]
    corpus.write(rows)
    corpus.rows = rows
    return faces


def load(corpus, **settings):
    result, missing = manifest.inspect(corpus.settings(folds=3, layout="steps", **settings))
    return {r.id: r for part in result.splits.values() for r in part}, missing


def notes(corpus, **settings):
    lines = manifest.list_contents(corpus.settings(folds=3, layout="steps", **settings))
    return [line.removeprefix("note         ") for line in lines if line.startswith("note")]


def test_the_frame_nearest_in_time_whatever_the_rates(corpus):
    def frame_times(n):
        return np.arange(60 + n) / 30

    def label_times(n):
        return 0.02 + np.arange(15) * 0.13

    faces = write_corpus(corpus, frame_times, label_times)
    recordings, missing = load(corpus)
    assert missing.count == 0
    for n, (name, face) in enumerate(faces.items()):
        nearest = [min(range(60 + n), key=lambda k: (round(abs(k / 30 - t), 9), k)) for t in label_times(n)]
        np.testing.assert_array_equal(recordings[name].features["face"], face[nearest])
    assert "face: brought to the labels by times (4 files)" in notes(corpus)


def test_nearest_frames_equal_a_search_of_all_frames():
    for seed in range(200):
        draw = np.random.default_rng(seed)
        times = np.cumsum(draw.exponential(size=draw.integers(2, 40)).round(2) + 0.01) - draw.uniform(0, 9)
        at = np.sort(np.r_[draw.uniform(times[0] - 3, times[-1] + 3, 30), draw.choice(times, 5)])
        nearest, missing = clocks.find_frames(times, at)
        distances = np.abs(times[None, :] - at[:, None])
        np.testing.assert_allclose(distances[np.arange(35), nearest], distances.min(axis=1), atol=1e-8)
        inside = (at >= times[0]) & (at <= times[-1])
        far = max(0.75 * np.median(np.diff(times)), np.median(np.diff(at)) / 2)
        expected = distances.min(axis=1) > np.where(inside, far, max(far, 1.0)) + 1e-9
        np.testing.assert_array_equal(missing, expected)
        first, last, step, *gaps = clocks.summarize_times(times)
        count, stretch = clocks.count_missing(clocks.FrameClock(first, last, step, tuple(gaps)), at)
        assert count == missing.sum()
        assert not count or ((at > stretch[0]) & (at < stretch[1]) & missing).any()


def test_a_recording_has_a_clock_by_construction(corpus):
    lines = {}
    for n in range(ROWS):
        samples = np.random.default_rng(n).normal(size=2 * RATE) * 0.1
        soundfile.write(corpus.folder / f"talk{n}.wav", samples, RATE, subtype="FLOAT")
        lines[n] = np.arange(0.5, 2.0, 0.25)
        write_steps(corpus.folder / f"labels{n}.csv", lines[n], np.random.default_rng(n).normal(size=6))
    rows = [{"id": f"i{n}", "group": f"g{n}", "label": f"labels{n}.csv", "voice": f"talk{n}.wav"} for n in range(ROWS)]
    recordings, _ = load(corpus.write(rows))
    frames = audio.compute_mfcc(soundfile.read(corpus.folder / "talk1.wav", dtype="float32")[0], RATE)
    np.testing.assert_array_equal(recordings["i1"].features["voice"], frames[[50, 75, 100, 125, 150, 175]])


def test_the_clock_of_a_recording_does_not_drift_at_any_rate():
    for rate in (8000, 11025, 16000, 22050, 44100):
        samples = np.zeros(20 * rate, np.float32)
        samples[19 * rate] = 1.0
        loudest = int(audio.compute_mfcc(samples, rate)[:, 0].argmax())
        assert loudest * measure_step("mfcc", rate) == pytest.approx(19.0, abs=0.006)


def test_clocks_that_are_shifted_or_of_another_span_are_told(corpus):
    write_corpus(corpus, lambda n: np.arange(100) / 10 + 100 * (n == 1), lambda n: np.arange(100 + 30 * (n == 2)) / 10)
    with pytest.raises(UserError) as error:
        load(corpus)
    text = str(error.value)
    assert (
        "row 3: column 'face': its frames are at 100 to 109.9 s, but the labels 'label' at 0 to 9.9 s, 100 of 100 of"
        " them outside of the frames; correct the times of one file, or set config.corpus.clock_tolerance to 100 s"
    ) in text
    assert (
        "row 4: column 'face': its frames are at 0 to 9.9 s, but the labels 'label' at 0 to 12.9 s, 30 of 130" in text
    )
    assert "row 2" not in text
    assert "row 5" not in text


def test_what_lies_outside_is_missing_where_it_is_allowed(corpus):
    faces = write_corpus(corpus, lambda n: np.arange(100) / 10, lambda n: np.arange(100 + 30 * (n == 2)) / 10)
    with pytest.raises(UserError, match=r"row 4: column 'face' has no frames after 9.9 s, where 20 of 130 labels"):
        load(corpus, clock_tolerance=3.0)
    recordings, missing = load(corpus, clock_tolerance=3.0, nonfinite="zero")
    assert missing.count == 40
    expected = np.r_[faces["i2"], np.tile(faces["i2"][-1:], (10, 1)), np.zeros((20, 2))]
    np.testing.assert_array_equal(recordings["i2"].features["face"], expected)
    told = notes(corpus, clock_tolerance=3.0, nonfinite="zero")
    assert "face: begins or ends up to 3 s before or behind the labels (1 file)" in told
    assert "face: labels in gaps of its times, or outside of them, have missing features (1 file)" in told


def test_gaps_are_missing_and_nothing_is_made_up(corpus):
    kept = np.r_[0:40, 60:100]
    faces = write_corpus(
        corpus, lambda n: np.arange(100)[kept if n == 3 else slice(None)] / 10, lambda n: np.arange(50) / 5
    )
    with pytest.raises(UserError, match="row 5: column 'face' has no frames between 3.9 and 6 s, where 9 of 50 labels"):
        load(corpus)
    recordings, missing = load(corpus, nonfinite="zero")
    assert missing.count == 18
    assert missing.first.endswith("face3.csv column 0 at step 21 of the labels (from 0)")
    expected = np.zeros((100, 2), np.float32)
    expected[kept] = faces["i3"]
    expected[40] = faces["i3"][39]  # within half of a label's step
    np.testing.assert_array_equal(recordings["i3"].features["face"], expected[::2])
    recordings, _ = load(corpus, nonfinite="mean")
    seen = np.r_[0:21, 30:50]
    values = recordings["i3"].features["face"]
    np.testing.assert_allclose(values[21:30], np.tile(values[seen].mean(0), (9, 1)), rtol=1e-5, atol=1e-6)


def test_without_times_relative_position_as_before_and_told(corpus):
    faces = write_corpus(corpus, lambda n: np.arange(100) / 10, lambda n: np.arange(50) / 5)
    for n, row in enumerate(corpus.rows):
        np.save(corpus.folder / f"labels{n}.npy", np.linspace(-1, 1, 50))
        row["label"] = f"labels{n}.npy"
    corpus.write(corpus.rows)
    recordings, _ = load(corpus)
    places = [int((t + 0.5) / 50 * 100) for t in range(50)]
    np.testing.assert_array_equal(recordings["i0"].features["face"], faces["i0"][places])
    assert "face: brought to the labels by relative position, as the labels have no times (4 files)" in notes(corpus)
    recordings, _ = load(corpus, label_rate=5.0)
    np.testing.assert_array_equal(recordings["i0"].features["face"], faces["i0"][::2])
    for n, row in enumerate(corpus.rows):
        np.save(corpus.folder / f"face{n}.npy", faces[row["id"]])
        row |= {"face": f"face{n}.npy", "label": f"labels{n}.csv"}
    corpus.write(corpus.rows)
    assert "face: brought to the labels by relative position, as its files have no times (4 files)" in notes(corpus)
    recordings, _ = load(corpus, feature_rate=10.0)
    np.testing.assert_array_equal(recordings["i0"].features["face"], faces["i0"][::2])


def test_labels_with_start_and_end_show_their_middle(corpus):
    faces = write_corpus(corpus, lambda n: np.arange(101) / 10, lambda n: np.arange(10))
    for n in range(ROWS):
        lines = [f"{t},{t + 1},{n + t / 10}" for t in range(10)]
        (corpus.folder / f"labels{n}.csv").write_text("\n".join(["start,end,value", *lines]))
    recordings, _ = load(corpus)
    np.testing.assert_array_equal(recordings["i2"].features["face"], faces["i2"][5:100:10])


@pytest.mark.parametrize(
    ("name", "factor"), [("time", 1), ("Time (s)", 1), ("time_s", 1), ("timestamp [ms]", 1000), ("TimeStamp_ms", 1000)]
)
def test_names_of_times_with_their_unit(corpus, name, factor):
    faces = write_corpus(corpus, lambda n: np.arange(100) / 10, lambda n: np.arange(50) / 5)
    for n in range(ROWS):
        write_steps(corpus.folder / f"face{n}.csv", np.arange(100) / 10 * factor, faces[f"i{n}"], name)
    recordings, _ = load(corpus)
    np.testing.assert_array_equal(recordings["i3"].features["face"], faces["i3"][::2])


def test_segments_keep_the_clock_of_their_file(corpus):
    faces = write_corpus(corpus, lambda n: np.arange(100) / 10, lambda n: 0.04 + np.arange(45) / 5)
    rows = []
    for row in corpus.rows:
        for part, (start, end) in enumerate([(0.6, 3.2), (3.2, 9)]):
            rows.append({**row, "id": f"{row['id']}_{part}", "start": start, "end": end})
    recordings, _ = load(corpus.write(rows))
    at = 0.04 + np.arange(45) / 5
    for part, (start, end) in enumerate([(0.6, 3.2), (3.2, 9)]):
        nearest = np.rint(at[(at >= start) & (at < end)] * 10).astype(int)
        np.testing.assert_array_equal(recordings[f"i1_{part}"].features["face"], faces["i1"][nearest])


def test_times_that_do_not_increase_are_named(corpus):
    write_corpus(corpus, lambda n: np.arange(100) / 10, lambda n: np.r_[0:5, 4:9] if n == 1 else np.arange(10))
    with pytest.raises(
        UserError, match=r"row 3: label 'label': .*labels1.csv row 7 has the time 4 of the row before; write"
    ):
        load(corpus)


def test_a_delay_in_seconds_needs_one_rate(corpus):
    write_corpus(corpus, lambda n: np.arange(100) / 10, lambda n: np.arange(50) / 5 if n else np.arange(100) / 10)
    load(corpus)
    with pytest.raises(UserError, match=r"row 2: has a label every 0.1 s, but most rows every 0.2 s, so config.corpus"):
        load(corpus, annotation_delay=2.0)
