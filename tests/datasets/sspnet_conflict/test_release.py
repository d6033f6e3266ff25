import csv
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from affect_jax.datasets import sspnet_conflict
from affect_jax.datasets.release_files import MARKER, read_rows
from affect_jax.datasets.sspnet_conflict import release
from affect_jax.errors import UserError

RATE = 48000


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """Two debates to train on (6 and 2 clips), one each to validate and to test on."""
    folder = tmp_path_factory.mktemp("raw") / "sspnet_conflict"
    sspnet_conflict.synthesize(folder, train=8, validation=2, test=2, seconds=2)
    return folder


@pytest.fixture
def copy(raw, tmp_path):
    return shutil.copytree(raw, tmp_path / "sspnet_conflict")


def load(folder, tmp_path, **settings):
    return sspnet_conflict.load({"manual_dir": str(folder), "data_dir": str(tmp_path / "data"), **settings})


def rewrite(path, change, delimiter=","):
    rows = read_rows(path)
    change(rows)
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


def names(folder):
    return [row[0] for row in read_rows(folder / "conflictlevel.csv")[1:]]


def wav(folder, number):
    return folder / "audiodata" / f"{names(folder)[number]}.wav"


def into_folders(folder):
    for name, part in read_rows(folder / "partition.csv")[1:]:
        (folder / "audiodata" / part).mkdir(exist_ok=True)
        (folder / "audiodata" / f"{name}.wav").rename(folder / "audiodata" / part / f"{name}.wav")
    (folder / "partition.csv").unlink()


def test_load_gives_what_the_files_say(raw, tmp_path):
    corpus = load(raw, tmp_path)
    assert (corpus.corpus, corpus.form, corpus.synthetic) == ("sspnet_conflict", "speech", True)
    assert (corpus.draws, corpus.folds) == ({}, {})
    assert list(corpus.splits) == ["train", "validation", "test"]
    levels = {name: float(value) for name, value in read_rows(raw / "conflictlevel.csv")[1:]}
    clips = [clip for part in corpus.splits.values() for clip in part]
    assert [clip.id for clip in clips] == list(levels)
    for clip in clips:
        assert clip.group == clip.id[:8]
        assert clip.steps == (clip.id,)
        speech, target = clip.features["speech"], clip.targets["conflict"]
        assert (speech.dtype, speech.shape) == (np.int16, (16000,))
        assert (target.dtype, target.tolist()) == (np.float32, [np.float32(levels[clip.id] / 10)])
        # Resampled: of the original, its low frequencies.
        original = soundfile.read(raw / "audiodata" / f"{clip.id}.wav", dtype="float64")[0]
        low = np.fft.rfft(original)[:6000] / 6
        result = np.fft.rfft(speech / 32768)[:6000]
        assert np.linalg.norm(result - low) < 0.02 * np.linalg.norm(low)


def test_the_rate_is_a_setting(raw, tmp_path):
    for rate in (16000, 11025):
        clip = load(raw, tmp_path, rate=rate).splits["test"][0]
        assert len(clip.features["speech"]) == 2 * rate
    with pytest.raises(UserError, match="config.corpus.rate is 8; set it to 1000 to 192000"):
        load(raw, tmp_path, rate=8)


def test_an_unusual_rate_and_partition_are_built_without_a_word(raw, tmp_path):
    """In a process of its own: what libraries log there goes to standard error as a user sees it."""
    settings = {
        "manual_dir": str(raw),
        "data_dir": str(tmp_path),
        "rate": 7350,
        "partition": str(raw / "partition.csv"),
    }
    code = f"from affect_jax.datasets import sspnet_conflict as s; s.load({settings}); s.load({settings})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_folders_of_parts_give_the_same_corpus(raw, copy, tmp_path):
    into_folders(copy)
    assert load(copy, tmp_path).fingerprint == load(raw, tmp_path).fingerprint
    shutil.move(next((copy / "audiodata" / "val").glob("*.wav")), copy / "audiodata")
    with pytest.raises(UserError, match=r"audiodata puts 1 clip into no split, the first is \d\d-"):
        load(copy, tmp_path)


def test_other_heads_delimiters_and_names_are_read(raw, copy, tmp_path):
    def write_real_release(rows):
        rows[0] = ["Clip", "NAME", "VALUE"]
        rows[1:] = [["x", f"{name}.wav", f" {value}"] for name, value in rows[1:]]

    rewrite(copy / "conflictlevel.csv", write_real_release, delimiter=";")
    (copy / "conflictlevel.csv").write_bytes(b"\xef\xbb\xbf" + (copy / "conflictlevel.csv").read_bytes())
    rewrite(copy / "partition.csv", lambda rows: rows.__setitem__(0, ["name", "Split"]))
    text = (copy / "partition.csv").read_text().replace(",val", ",devel")
    (copy / "partition.csv").unlink()
    (copy / "is13.csv").write_text(text)
    (copy / "audiodata" / f"._{wav(raw, 0).name}").write_bytes(b"left by macOS")
    assert load(copy, tmp_path).fingerprint == load(raw, tmp_path).fingerprint


def test_a_partition_from_elsewhere(raw, tmp_path):
    """Its corpus lies beside the other one's, and is made again when the csv changes."""
    path = tmp_path / "mine.csv"
    rows = read_rows(raw / "partition.csv")
    both = {"val": "test", "test": "val"}  # equally many, as the sizes are checked
    folder = shutil.copytree(raw, tmp_path / "raw")
    marker = json.loads((folder / MARKER).read_text())
    high = marker["sizes"]["high"]
    high["validation"], high["test"] = high["test"], high["validation"]
    (folder / MARKER).write_text(json.dumps(marker))
    path.write_text("".join(f"{name},{both.get(part, part)}\n" for name, part in rows))
    swapped = load(folder, tmp_path, partition=str(path))
    usual = load(raw, tmp_path)
    assert [c.id for c in swapped.splits["test"]] == [c.id for c in usual.splits["validation"]]
    path.write_text("".join(f"{name},{part}\n" for name, part in rows[:-1]))
    with pytest.raises(UserError, match=r"mine\.csv puts 1 clip into no split"):
        load(folder, tmp_path, partition=str(path))
    with pytest.raises(UserError, match=r"config.corpus.partition /nowhere.csv is not a file; give a csv"):
        load(raw, tmp_path, partition="/nowhere.csv")


def cell(row, column, value):
    return lambda rows: rows[row].__setitem__(column, value)


def twice(rows):
    rows.append(rows[1])
    rows.append(rows[2])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "conflictlevel.csv",
            cell(3, 1, "10.5"),
            r"has 1 level other than a number in -10..10, .* row 4 \(.*: '10.5'\)",
        ),
        ("conflictlevel.csv", cell(3, 1, "high"), r"row 4 \(05-01-05_8_10: 'high'\)"),
        ("conflictlevel.csv", cell(3, 1, "nan"), r"row 4 \(05-01-05_8_10: 'nan'\)"),
        ("conflictlevel.csv", cell(3, 1, ""), r"row 4 \(05-01-05_8_10: ''\)"),
        ("conflictlevel.csv", twice, r"has 2 names a second time, the first in row 14 \(05-01-05_0_2, as in row 2\)"),
        ("conflictlevel.csv", lambda rows: rows.pop(), r"has 1 sound file without a label in .*05-01-26_4_6\.wav"),
        (
            "conflictlevel.csv",
            lambda rows: rows.append(["05-01-26_400_402", "1"]),
            r"has 1 label without a file in .*audiodata, the first of 05-01-26_400_402; copy",
        ),
        ("conflictlevel.csv", cell(0, 1, "Level"), "starts with 'Name,Level', expected one column 'Value'"),
        ("conflictlevel.csv", lambda rows: rows.__delitem__(slice(1, None)), "has a header but no rows"),
        ("conflictlevel.csv", lambda rows: rows[5].pop(), "row 6 has 1 columns, expected 2"),
        (
            "partition.csv",
            cell(2, 1, "training"),
            r"has 1 split other than train, val or test, .* row 3 \(.*'training'",
        ),
        ("partition.csv", cell(2, 0, "05-01-05_7_9"), r"names 1 clip that conflictlevel.csv does not have, .* row 3"),
        ("partition.csv", twice, "has 2 names a second time, the first in row 14"),
        ("partition.csv", lambda rows: rows.pop(), r"partition.csv puts 1 clip into no split, the first is 05-01-26"),
        (
            "partition.csv",
            cell(1, 1, "test"),
            r"partition.csv splits 1 debate, the first is 05-01-05: it is in train \(5 clips\) and test \(1 clip\)",
        ),
        ("partition.csv", cell(0, 1, "part"), "starts with 'Name,part', expected one column 'split'"),
    ],
)
def test_damaged_tables(copy, tmp_path, name, change, message):
    rewrite(copy / name, change)
    with pytest.raises(UserError, match=message) as caught:
        load(copy, tmp_path)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_that_has_no_debate(copy, tmp_path):
    wav(copy, 0).rename(copy / "audiodata" / "clip1.wav")
    for name in ("conflictlevel.csv", "partition.csv"):
        rewrite(copy / name, cell(1, 0, "clip1"))
    with pytest.raises(UserError, match=r"conflictlevel\.csv names the clip 'clip1', expected yy-mm-dd_start_end"):
        load(copy, tmp_path)


def test_missing_things(copy, tmp_path):
    (copy / "partition.csv").unlink()
    with pytest.raises(UserError, match=r"has no partition, expected one csv with the columns Name and split, or the"):
        load(copy, tmp_path)
    for name in ("one.csv", "two.csv"):
        (copy / name).write_text('"Name","split"\n')
    with pytest.raises(UserError, match=r"has 2 partitions \(one.csv, two.csv\), expected one csv"):
        load(copy, tmp_path)
    (copy / "conflictlevel.csv").unlink()
    with pytest.raises(UserError, match=r"conflictlevel\.csv is missing"):
        load(copy, tmp_path)


def test_no_sound_at_all(copy, tmp_path):
    for path in (copy / "audiodata").iterdir():
        path.unlink()
    with pytest.raises(UserError, match="audiodata has no wav files; copy them there"):
        load(copy, tmp_path)
    (copy / "audiodata").rmdir()
    with pytest.raises(UserError, match="audiodata is not a folder; give config.corpus.manual_dir the folder with"):
        load(copy, tmp_path)


def test_a_clip_in_two_folders(copy, tmp_path):
    into_folders(copy)
    path = next((copy / "audiodata" / "test").glob("*.wav"))
    shutil.copy(path, copy / "audiodata" / "train")
    with pytest.raises(UserError, match=r"audiodata has 1 clip twice, the first as .*/test/.* and .*/train/"):
        load(copy, tmp_path)


def test_counts_are_checked(raw, copy, tmp_path):
    marker = json.loads((copy / MARKER).read_text())
    marker["sizes"]["high"]["train"] += 1
    (copy / MARKER).write_text(json.dumps(marker))
    with pytest.raises(
        UserError, match=r"puts 8 clips into train, 4 of low and 4 of high level \(0 or more\), expected 8, 3 and 5;"
    ):
        load(copy, tmp_path)
    marker["sizes"]["clips"] = 5
    (copy / MARKER).write_text(json.dumps(marker))
    with pytest.raises(UserError, match="are not what the generator writes"):
        load(copy, tmp_path)
    (copy / MARKER).unlink()
    with pytest.raises(UserError, match=r"puts 8 clips into train, .* expected 793, 471 and 322"):
        load(copy, tmp_path)


def test_the_release_s_sizes():
    assert sum(release.RELEASE.clips.values()) == 1430
    low = {part: release.RELEASE.clips[part] - release.RELEASE.high[part] for part in release.SPLITS}
    assert low == {"train": 471, "validation": 127, "test": 226}


def test_a_folder_as_large_as_the_release_is_taken(tmp_path):
    """The sound files are empty: this is about tables and names."""
    (tmp_path / "audiodata").mkdir()
    levels, parts = ["Name,Value"], ["Name,split"]
    for number, part in enumerate(release.SPLITS):
        for k in range(release.RELEASE.clips[part]):
            name = f"0{6 + number}-{1 + k // 100:02d}-{1 + k // 10 % 10:02d}_{30 * k}_{30 * k + 30}"
            (tmp_path / "audiodata" / f"{name}.wav").touch()
            levels.append(f"{name},{0.0 if k < release.RELEASE.high[part] else -0.001}")
            parts.append(f"{name},{part}")
    (tmp_path / "conflictlevel.csv").write_text("\n".join(levels))
    (tmp_path / "partition.csv").write_text("\n".join(parts))
    result = release.read_clips(tmp_path, None, release.RELEASE)
    assert {part: len(clips) for part, clips in result.items()} == release.RELEASE.clips
    assert result["train"][0].debate == "06-01-01"


def test_only_a_synthetic_corpus_knows_where_its_conflict_is(copy, tmp_path):
    settings = {"manual_dir": str(copy), "data_dir": str(tmp_path / "data")}
    assert sspnet_conflict.read_planted(settings).keys() == set(names(copy))
    (copy / "planted.csv").unlink()
    with pytest.raises(UserError, match=r"has no planted.csv: only a synthetic corpus knows"):
        sspnet_conflict.read_planted(settings)


def silence(path):
    soundfile.write(path, np.zeros(2 * RATE, np.int16), RATE)


def nan(path):
    x = soundfile.read(path, dtype="float32")[0]
    x[RATE] = np.nan
    soundfile.write(path, x, RATE, subtype="FLOAT")


def short(path):
    soundfile.write(path, soundfile.read(path)[0][:RATE], RATE)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"<html>404</html>"), "cannot be read as audio"),
        (lambda path: path.write_bytes(b""), r"is empty \(0 bytes\)"),
        (lambda path: soundfile.write(path, np.zeros(0, np.int16), RATE), r"has no samples \(zero length\)"),
        (lambda path: path.write_bytes(path.read_bytes()[:100000]), "is cut short: 92044 bytes"),
        (silence, r"is silent throughout \(its root mean square is 0\)"),
        (nan, r"has 1 NaN or infinite samples, the first at 1\.000 s"),
        (short, r"is 1\.00 s long, expected 2 s; copy it again"),
    ],
)
def test_damaged_sound(copy, tmp_path, damage, message):
    first, last = wav(copy, 2), wav(copy, -1)
    damage(first)
    with pytest.raises(UserError, match=rf"^\S*{first.name} {message}"):
        load(copy, tmp_path)
    damage(last)
    with pytest.raises(UserError, match=rf"^2 clips cannot be used, the first: \S*{first.name} {message}"):
        load(copy, tmp_path)


def test_a_part_without_a_single_clip_that_can_be_used(copy, tmp_path):
    for number in range(8):
        silence(wav(copy, number))
    with pytest.raises(UserError, match="8 clips cannot be used"):
        load(copy, tmp_path)


def test_clipped_clips_are_noted_or_refused(copy, tmp_path):
    settings = {"manual_dir": str(copy), "data_dir": str(tmp_path / "data")}
    assert sspnet_conflict.list_remarks(settings) == ()
    path = wav(copy, 4)
    x = soundfile.read(path)[0]
    soundfile.write(path, np.clip(20 * x / np.abs(x).max(), -1, 1), RATE)
    (remark,) = sspnet_conflict.list_remarks(settings)
    assert remark.startswith(f"1 clip with more than 1 % of the samples at full scale, the first is {path} (")
    assert len(load(copy, tmp_path).splits["train"]) == 8
    with pytest.raises(UserError, match=r"1 clip with more than 1 % .* leave them out, or set config.corpus.clipped"):
        load(copy, tmp_path, clipped="refuse")
    with pytest.raises(UserError, match="config.corpus.clipped is 'refus'"):
        load(copy, tmp_path, clipped="refus")
