"""Rows that are stretches of long files: as if the files had been cut and the pieces listed."""

import collections

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import feature_frames, manifest
from affect_jax.datasets.manifest import start_end
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.errors import UserError
from affect_jax.features import recordings, sound_files
from affect_jax.features.segments import WHOLE, Segment
from tests.datasets.manifest.conftest import RATE, write_csv

TALKS, TURNS, SECONDS = 3, 4, 2.0
FACE_RATE = 25


def write_talks(folder):
    """Three recordings of 2 s with a table of features each (25 frames a second); what is in them."""
    contents = {}
    for number in range(TALKS):
        draw = np.random.default_rng(number)
        samples = draw.integers(-9000, 9000, int(SECONDS * RATE)).astype(np.int16)
        face = draw.normal(size=(int(SECONDS * FACE_RATE), 3)).astype(np.float32)
        soundfile.write(folder / f"talk{number}.wav", samples, RATE, subtype="PCM_16")
        write_csv(folder / f"talk{number}.csv", face, times=True)
        contents[number] = samples, face
    return contents


def list_rows(**more):
    """Twelve turns of .3 to .5 s; every second talk's last turn goes to its end."""
    rows = []
    for number in range(TALKS):
        for turn in range(TURNS):
            start, end = 0.48 * turn + 0.04, 0.48 * turn + 0.4
            end = "" if turn == TURNS - 1 and number % 2 else f"{end:.2f}"
            row = {"id": f"t{number}_{turn}", "group": f"g{number}", "label": ("calm", "loud")[turn % 2]}
            files = {"voice": f"talk{number}.wav", "face": f"talk{number}.csv"}
            rows.append({**row, "start": f"{start:.2f}", "end": end, **files, **more})
    return rows


def cut_files(folder, rows, contents):
    """The same rows as files of their own."""
    pieces = []
    for row in rows:
        number = int(row["id"][1])
        samples, face = contents[number]
        start, end = float(row["start"]), float(row["end"] or SECONDS)
        soundfile.write(folder / f"{row['id']}.wav", samples[round(start * RATE) : round(end * RATE)], RATE, "PCM_16")
        write_csv(folder / f"{row['id']}.csv", face[round(start * FACE_RATE) : round(end * FACE_RATE)], times=True)
        kept = {name: row[name] for name in ("id", "group", "label")}
        pieces.append({**kept, "voice": f"{row['id']}.wav", "face": f"{row['id']}.csv"})
    return pieces


def load(corpus, rows, **settings):
    corpus.write(rows)
    result = manifest.load(corpus.settings(folds=3, **settings))
    return {r.id: r for part in result.splits.values() for r in part}, result.fingerprint


@pytest.mark.parametrize("sound", ["waveform", "mfcc"])
def test_segments_equal_files_that_were_cut(corpus, sound):
    contents = write_talks(corpus.folder)
    rows = list_rows()
    cut, of_files = load(corpus, cut_files(corpus.folder, rows, contents), sound=sound)
    order = np.random.default_rng(1).permutation(len(rows))
    shuffled, _ = load(corpus, [rows[n] for n in order], sound=sound)
    segments, of_segments = load(corpus, rows, sound=sound)
    assert of_segments == of_files
    assert list(shuffled) == [rows[n]["id"] for n in order]
    for name, recording in segments.items():
        for modality, values in recording.features.items():
            np.testing.assert_array_equal(values, cut[name].features[modality])
            np.testing.assert_array_equal(values, shuffled[name].features[modality])


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff"])
def test_segments_equal_cut_files_at_any_rate(tmp_path, suffix):
    for seed in range(8):
        draw = np.random.default_rng(seed)
        rate = int(draw.choice([8000, 11025, 16000, 44100]))
        samples = draw.integers(-9000, 9000, (rate, int(draw.integers(1, 3)))).astype(np.int16)
        start, end = np.sort(draw.uniform(0, 1, 2)).round(3) + [0.0, 0.07]
        soundfile.write(tmp_path / f"long.{suffix}", samples, rate, subtype="PCM_16")
        soundfile.write(
            tmp_path / f"cut.{suffix}", samples[round(start * rate) : round(end * rate)], rate, subtype="PCM_16"
        )
        for sound in ("waveform", "mfcc"):
            segment = Segment(float(start), float(end))
            of_segment, seconds = recordings.compute_features(tmp_path / f"long.{suffix}", sound, RATE, segment)
            of_file, length = recordings.compute_features(tmp_path / f"cut.{suffix}", sound, RATE)
            assert seconds == length
            np.testing.assert_array_equal(of_segment.values, of_file.values)


def test_a_long_file_is_read_once_however_many_rows_use_it(corpus, monkeypatch):
    write_talks(corpus.folder)
    rows = list_rows()
    corpus.write([rows[n] for n in np.random.default_rng(0).permutation(len(rows))])
    read = collections.Counter()

    def count(function):
        return lambda path, *rest, **more: read.update([str(path)[-9:]]) or function(path, *rest, **more)

    monkeypatch.setattr(sound_files, "decode_audio", count(sound_files.decode_audio))
    monkeypatch.setattr(feature_frames, "read_features", count(feature_frames.read_features))
    settings = corpus.settings(folds=3)
    manifest.describe(settings)
    files = [f"talk{n}.{kind}" for n in range(TALKS) for kind in ("wav", "csv")]
    assert read == dict.fromkeys(files, 1)
    manifest.load(settings)  # of the recordings' features, which were kept; tables are read again, once each
    assert read == {name: 1 if name.endswith("wav") else 2 for name in files}
    manifest.load(settings)
    assert read.total() == 9
    # Nothing is kept by now, and another row means another corpus: each file is read once for all its rows.
    corpus.write([*rows, {**rows[0], "id": "new", "start": "1.5", "end": "2"}])
    manifest.load(settings)
    assert read["talk1.wav"] == 2
    assert read["talk1.csv"] == 3


def test_a_row_of_another_segment_means_another_corpus(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    before, _ = load(corpus, rows, modalities=("face",))
    rows[0]["end"] = "0:00.32"
    after, _ = load(corpus, rows, modalities=("face",))
    assert len(before["t0_0"].features["face"]) == 9
    np.testing.assert_array_equal(after["t0_0"].features["face"], before["t0_0"].features["face"][:7])


@pytest.mark.parametrize(
    ("start", "end", "segment"),
    [
        ("", "", WHOLE),
        ("NA", "?", WHOLE),
        ("1.5", "", Segment(1.5, None)),
        ("", "2,25", Segment(0.0, 2.25)),
        ("1:02.5", "01:01:02,250", Segment(62.5, 3662.25)),
        ("90:00", "0 days 01:30:01", Segment(5400.0, 5401.0)),
        ("0", "3", Segment(0.0, 3.0)),
    ],
)
def test_times_as_people_write_them(start, end, segment):
    problems = Problems("own.csv")
    others = [(3, {"start": "1", "end": "2"})]
    segments = start_end.read_segments([(2, {"start": start, "end": end}), *others], problems)
    assert not len(problems)
    assert segments.get(2, WHOLE) == segment
    assert segments[3] == Segment(1.0, 2.0)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("1", "1", "row 2: ends at 1 s, not after its start at 1 s; correct start or end"),
        ("3", "2.5", "row 2: ends at 2.5 s, not after its start at 3 s"),
        ("soon", "2", "row 2: column 'start': 'soon' is no time; write seconds"),
        ("1:75", "200", "row 2: column 'start': '1:75' is no time"),
        ("00:00:01:12", "2", "row 2: column 'start': '00:00:01:12' is no time"),
        ("-1", "2", "row 2: column 'start': '-1' is no time in a file; write seconds from its beginning"),
        ("1", "inf", "row 2: column 'end': 'inf' is no time in a file"),
        ("1,234", "2", "row 2: column 'start': '1,234' may mean 1.234 or 1234"),
    ],
)
def test_what_is_no_stretch(start, end, message):
    problems = Problems("own.csv")
    assert not start_end.read_segments([(2, {"start": start, "end": end})], problems)
    with pytest.raises(UserError) as error:
        problems.raise_if_any()
    assert message in str(error.value)


def test_any_cells_are_stretches_or_problems():
    draw = np.random.default_rng(0)
    for _ in range(2000):
        texts = ["".join(draw.choice(list("0123456789.,:- dayse+in"), draw.integers(0, 9))) for _ in range(6)]
        problems = Problems("own.csv")
        rows = [(n, {"start": texts[2 * n], "end": texts[2 * n + 1]}) for n in range(3)]
        segments = start_end.read_segments(rows, problems)
        assert all(0 <= s.start < (np.inf if s.end is None else s.end) for s in segments.values())
        # What is neither is a whole file: its cells say nothing, or that it begins at 0.
        for number, cells in rows if not len(problems) else ():
            if number not in segments:
                assert all(is_missing(cell) or float(cell.replace(",", ".")) == 0 for cell in cells.values())


def test_stretches_that_the_files_do_not_have(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    np.save(corpus.folder / "frames.npy", np.ones((50, 3), np.float32))
    soundfile.write(corpus.folder / "still.wav", np.r_[np.sin(np.arange(RATE)), np.zeros(RATE)], RATE)
    rows[0] |= {"end": "2000"}
    rows[1] |= {"start": "2.05"}
    rows[1] |= {"end": ""}
    rows[2] |= {"end": rows[2]["start"][:-1] + "9"}
    rows[3] |= {"face": "frames.npy"}
    rows[4] |= {"voice": "still.wav", "start": "1.2", "end": "1.6"}
    rows[5] |= {"start": "0.521", "end": "0.559"}
    rows[6] |= {"voice": "none.wav"}
    rows[7] |= {"voice": "none.wav"}
    corpus.write(rows)
    with pytest.raises(UserError) as error:
        manifest.describe(corpus.settings(folds=3))
    text = str(error.value).replace(f"{corpus.folder}/", "")
    assert "row 2: column 'voice': talk0.wav has 2 s, so the end at 2000 s lies outside of it; correct it" in text
    assert "row 2: column 'face': talk0.csv has 2 s, so the end at 2000 s lies outside of it" in text
    assert "row 3: column 'voice': talk0.wav has 2 s, so the start at 2.05 s lies outside of it" in text
    assert "row 5: column 'face': frames.npy has no times, so that start and end cannot be found in it; give" in text
    assert "or set config.corpus.feature_rate to its frames a second" in text
    assert "row 6: column 'voice': still.wav from 1.2 to 1.6 s is silent throughout" in text
    assert "row 7: column 'face': talk1.csv from 0.521 to 0.559 s has no time in it" in text
    assert text.count("none.wav") == 1


def test_too_short_for_a_frame(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    rows[2] |= {"start": "1.00", "end": "1.02"}
    corpus.write(rows)
    with pytest.raises(UserError, match=r"row 4: column 'voice': .*talk0.wav from 1 to 1.02 s: MFCC need at least 25"):
        manifest.describe(corpus.settings(folds=3, modalities=("voice",)))


def test_ends_that_were_rounded_up_are_read_to_the_end_and_told(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    rows[3] |= {"end": "2.05"}
    loaded, _ = load(corpus, rows, sound="waveform")
    assert len(loaded["t0_3"].features["voice"]) == round((2 - 1.48) * RATE)
    lines = manifest.list_contents(corpus.settings(folds=3, sound="waveform"))
    told = "ends that lie at most 0.1 s behind the end of the file are read to its end (1 file)"
    assert f"note         voice: {told}" in lines
    assert any(line.startswith("voice        12 segments of 3 recordings at 8000 Hz (3 files)") for line in lines)


def test_arrays_have_the_rate_that_is_set(corpus):
    contents = write_talks(corpus.folder)
    for number, (_, face) in contents.items():
        np.save(corpus.folder / f"talk{number}.npy", face)
    rows = list_rows()
    of_tables, _ = load(corpus, rows, modalities=("face",))
    for row in rows:
        row["face"] = row["face"].replace(".csv", ".npy")
    of_arrays, _ = load(corpus, rows, modalities=("face",), feature_rate=FACE_RATE)
    for name, recording in of_tables.items():
        np.testing.assert_array_equal(recording.features["face"], of_arrays[name].features["face"])


def test_a_vector_is_that_of_the_whole_row(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    for row in rows:
        np.save(corpus.folder / f"{row['id']}.npy", np.full(4, float(len(row["id"]) + int(row["id"][-1]))))
        row["text"] = f"{row['id']}.npy"
    loaded, _ = load(corpus, rows, modalities=("face", "text"))
    assert loaded["t1_2"].features["text"].tolist() == [[6.0] * 4]
    lines = manifest.list_contents(corpus.settings(folds=3, modalities=("face", "text")))
    assert "note         text: single frames without a time are taken whole (12 files)" in lines


def test_rows_of_one_recording_are_one_group(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    for row in rows:
        del row["group"]
    loaded, _ = load(corpus, rows)
    assert [loaded[name].group for name in ("t0_0", "t0_3", "t1_0")] == ["talk0.wav", "talk0.wav", "talk1.wav"]
    lines = manifest.list_contents(corpus.settings(folds=3))
    assert "note         corpus.csv: no column 'group': rows of one recording are one group (3 groups)" in lines
    assert any("12 items of 3 groups, 4 items each" in line for line in lines)
    for row in rows:
        row["split"] = "test" if row["id"] == "t2_3" else "train"
    corpus.write(rows)
    with pytest.raises(UserError, match="row 13: group 'talk2.wav' is in split 'test' here and in 'train' in row 10"):
        manifest.describe(corpus.settings())


def test_stretches_of_two_groups_may_touch_but_not_be_the_same(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    for number, row in enumerate(rows):
        row |= {"group": f"speaker{number % 4}", "label": ("calm", "loud")[number // 4 % 2]}
    manifest.describe(corpus.write(rows).settings(folds=3))
    rows[1] |= {"start": "0.24", "end": "0.60"}  # .16 of .36 s
    manifest.describe(corpus.write(rows).settings(folds=3))
    rows[1] |= {"start": "0.20", "end": "0.60"}  # .2 of .36 s
    with pytest.raises(UserError, match=r"row 3: voice .*talk0.wav: its stretch is mostly that of row 2 \(0.04 to"):
        manifest.describe(corpus.write(rows).settings(folds=3))
    rows[1] |= {"group": "speaker0"}
    lines = manifest.list_contents(corpus.write(rows).settings(folds=3))
    told = "rows that share more than half of a stretch with another row of their group: 1"
    assert f"note         corpus.csv: {told}" in lines
    assert "note         corpus.csv: files whose segments are in several groups: 6" in lines


def test_steps_of_a_dialog_that_are_not_in_its_order_are_told(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    told = "groups whose rows, and so steps, are not in the order of their starts: 1"
    for order, is_told in ((rows, False), ([rows[1], rows[0], *rows[2:]], True)):
        lines = manifest.list_contents(corpus.write(order).settings(folds=3, layout="group"))
        assert (f"note         corpus.csv: {told}" in lines) is is_told


def test_overlaps_equal_comparing_every_pair():
    from affect_jax.datasets.manifest.csv_table import Row
    from affect_jax.datasets.manifest.segments import _find_overlaps

    draw = np.random.default_rng(0)
    for _ in range(50):
        starts = draw.uniform(0, 9, 12).round(1)
        spans = {n: (a, a + b) for n, (a, b) in enumerate(zip(starts, draw.uniform(0.2, 4, 12).round(1), strict=True))}
        rows = [Row(n, str(n), "", str(n % 3), {}, {}) for n in spans]
        later = {pair[1].number for pair in _find_overlaps(rows, spans)}
        expected = set()
        order = sorted(spans, key=lambda n: (spans[n][0], n))
        for at, second in enumerate(order):
            for first in order[:at]:
                (a, b), (c, d) = spans[first], spans[second]
                if min(b, d) - c > 0.5 * min(b - a, d - c) + 1e-6:
                    expected.add(second)
        assert later == expected


def test_labels_per_step_are_cut_by_their_times(corpus):
    write_talks(corpus.folder)
    rows = list_rows()
    for number in range(TALKS):
        lines = [f"{t / 10},{number + t / 100}" for t in range(20)]
        (corpus.folder / f"labels{number}.csv").write_text("\n".join(["time,value", *lines]))
        np.save(corpus.folder / f"labels{number}.npy", [number + t / 100 for t in range(20)])
    for row in rows:
        row["label"] = f"labels{row['id'][1]}.csv"
    settings = {"layout": "steps", "modalities": ("face",)}
    loaded, _ = load(corpus, rows, **settings)
    np.testing.assert_allclose(loaded["t1_1"].targets["label"], [1.06, 1.07, 1.08], rtol=1e-6)
    np.testing.assert_allclose(loaded["t1_3"].targets["label"], [1.15, 1.16, 1.17, 1.18, 1.19], rtol=1e-6)
    for row in rows:
        row["label"] = row["label"].replace("csv", "npy")
    with pytest.raises(UserError, match=r"labels0.npy has no times.*, or set config.corpus.label_rate to its labels"):
        load(corpus, rows, **settings)
    of_arrays, _ = load(corpus, rows, label_rate=10, **settings)
    np.testing.assert_array_equal(of_arrays["t1_1"].targets["label"], loaded["t1_1"].targets["label"])


def test_parts_for_several_machines_are_whole_files(corpus, monkeypatch):
    write_talks(corpus.folder)
    rows = list_rows()
    rows[5] |= {"end": "99"}
    corpus.write(rows)
    read, decode = [], sound_files.decode_audio
    monkeypatch.setattr(sound_files, "decode_audio", lambda path: read.append(path.name) or decode(path))
    settings = corpus.settings(folds=3, modalities=("voice",))
    assert "2 of 3 recordings are in" in manifest.compute_shard(settings, 1, 2)
    with pytest.raises(UserError, match=r"row 7: .*talk1.wav has 2 s, so the end at 99 s lies outside of it"):
        manifest.compute_shard(settings, 2, 2)
    assert sorted(read) == ["talk0.wav", "talk1.wav", "talk2.wav"]
    manifest.load(corpus.write(list_rows()).settings(folds=3, modalities=("voice",)))
    assert read[3:] == ["talk1.wav"]  # for the row that was corrected
