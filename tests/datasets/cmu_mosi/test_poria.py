import csv
import json

import numpy as np
import pytest

from affect_jax.datasets import cmu_mosi
from affect_jax.datasets.cmu_mosi import poria_release
from affect_jax.datasets.cmu_mosi.classes import round_half_away
from affect_jax.datasets.release_files import MARKER, read_rows
from affect_jax.errors import UserError
from affect_jax.metrics.sentiment import round_half_even


def load(folder, tmp_path, **settings):
    return cmu_mosi.load({"manual_dir": str(folder), "data_dir": str(tmp_path / "data"), **settings})


def rewrite(path, change):
    rows = read_rows(path)
    change(rows)
    with path.open("w", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)


@pytest.fixture(scope="module")
def release(shared_data, tmp_path_factory):
    folder = shared_data / "cmu_mosi"
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    return folder, tmp_path_factory.mktemp("mosi")


def test_ids_are_split_from_the_right():
    assert poria_release.split_id("Bfr499ggo-0_12") == ("Bfr499ggo-0", 12)
    assert poria_release.split_id("_dI--eQ6qVU_3") == ("_dI--eQ6qVU", 3)
    assert poria_release.split_id("6_0THN4chvY_1") == ("6_0THN4chvY", 1)
    for bad in ("abc", "_1", "abc_", "abc_x", "abc_-1"):
        with pytest.raises(ValueError, match="VIDEO_NUMBER|invalid literal"):
            poria_release.split_id(bad)


def test_load_gives_what_the_files_say(mosi_raw, tmp_path):
    corpus = load(mosi_raw, tmp_path, labels="sentiment")
    assert (corpus.corpus, corpus.form, corpus.synthetic) == ("cmu_mosi", "poria", True)
    assert {split: len(members) for split, members in corpus.splits.items()} == {"train": 7, "test": 3}
    scores = {row[0]: row[1:] for row in read_rows(mosi_raw / "mosi_labels.csv")}
    names = [row[0] for row in read_rows(mosi_raw / "transcripts.csv")]
    seen = 0
    for part, videos in corpus.splits.items():
        rows_of = {names[int(row[0])]: i for i, row in enumerate(read_rows(mosi_raw / f"text_{part}.csv"))}
        for modality in ("text", "audio", "video"):
            table = np.array(read_rows(mosi_raw / modality / f"{modality}_{part}0.csv"), np.float64)
            for video in videos:
                rows = [rows_of[step] for step in video.steps]
                np.testing.assert_array_equal(video.features[modality], table[rows, :-1].astype(np.float32))
        for video in videos:
            assert video.group == video.id
            assert video.steps == tuple(f"{video.id}_{t}" for t in range(1, len(video.steps) + 1))
            expected = [float(scores[step][1]) for step in video.steps]
            np.testing.assert_array_equal(video.targets["sentiment"], np.array(expected, np.float32))
            seen += len(video.steps)
    assert seen == len(names)


def test_rows_are_not_in_time_order_in_the_files(mosi_raw):
    """The trap that the reader is for: reading the rows as they come would give another order."""
    names = [row[0] for row in read_rows(mosi_raw / "transcripts.csv")]
    assert names == sorted(names)
    index = [int(row[0]) for row in read_rows(mosi_raw / "text_train.csv")]
    labels = [float(row[-1]) for row in read_rows(mosi_raw / "text" / "text_train0.csv")]
    assert labels == sorted(labels, reverse=True)
    assert index != sorted(index)


def test_the_three_labels(mosi_raw, tmp_path):
    result = {}
    for labels in ("binary", "class7", "sentiment"):
        corpus = load(mosi_raw, tmp_path, labels=labels)
        assert set(corpus.splits["train"][0].targets) == {labels}
        result[labels] = np.concatenate([v.targets[labels] for v in corpus.splits["train"]])
    assert np.array_equal(result["binary"], result["sentiment"] >= 0)
    assert set(result["class7"]) <= set(range(7))
    assert np.abs(result["class7"] - 3 - result["sentiment"]).max() <= 0.5 + 1e-6
    with pytest.raises(UserError, match="labels is 'binry'"):
        load(mosi_raw, tmp_path, labels="binry")


def test_a_half_has_the_class_away_from_zero_in_labels_and_the_even_one_in_accuracy_7():
    halves = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5])
    assert round_half_away(halves).tolist() == [-3, -2, -1, 1, 2, 3]
    assert np.asarray(round_half_even(halves, 3)).tolist() == [-2, -2, 0, 0, 2, 2]
    others = np.linspace(-2.87, 2.93, 30)  # no halves
    np.testing.assert_array_equal(round_half_away(others), np.asarray(round_half_even(others, 3)))


def test_scores_are_optional(mosi_copy, tmp_path):
    (mosi_copy / "mosi_labels.csv").unlink()
    assert load(mosi_copy, tmp_path).splits["train"][0].targets["binary"].dtype == np.float32
    with pytest.raises(UserError, match="labels is 'class7', but the release has no mosi_labels.csv"):
        load(mosi_copy, tmp_path, labels="class7")


def test_the_repository_s_own_folder_is_found_inside(mosi_raw, tmp_path):
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository" / "data").symlink_to(mosi_raw)
    assert poria_release.find_files(tmp_path / "repository")["transcripts.csv"].parent.name == "data"


def set_label(rows):
    rows[0][-1] = "0" if rows[0][-1] == "1" else "1"


def swap(rows):
    rows[0], rows[1] = rows[1], rows[0]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("audio/audio_train0.csv", set_label, r"audio_train0.csv row 1 has label 0, but transcripts.csv has 1"),
        ("text_train.csv", swap, r"text_train.csv row 1 has other text features than text/text_train0.csv"),
        (
            "video/video_test0.csv",
            lambda rows: rows.pop(),
            r"rows, but text_test.csv has \d+; one of them is cut short",
        ),
        ("video/video_test0.csv", lambda rows: rows[2].pop(), "video_test0.csv row 3 has 4 columns, expected 5"),
        ("audio/audio_test0.csv", lambda rows: rows[3].__setitem__(1, "x"), "row 4 column 2 is 'x', not a number"),
        (
            "text_test.csv",
            lambda rows: rows[0].__setitem__(0, "99999"),
            "row 1 starts with '99999', expected an entry of",
        ),
        (
            "text_test.csv",
            lambda rows: rows[1].__setitem__(0, rows[0][0]),
            r"row 2 names entry \d+ of transcripts.csv, which .*text_test.csv row 1 has too",
        ),
        ("transcripts.csv", lambda rows: rows.insert(4, rows.pop(5)), r"row 6 \(.*\) comes after .*, expected ids in"),
        (
            "transcripts.csv",
            lambda rows: rows[4].__setitem__(0, f"a_{9**12}"),
            "row 5 has utterance id 'a_282429536481'",
        ),
        ("transcripts.csv", lambda rows: rows[4].__setitem__(0, "abc"), "row 5 has utterance id 'abc', expected"),
        ("transcripts.csv", lambda rows: rows[4].__setitem__(3, "2"), r"row 5 \(.*label 2\)"),
        (
            "transcripts.csv",
            lambda rows: rows[4].__setitem__(0, rows[3][0]),
            r"row 5 \(.*expected a new utterance",
        ),
        ("mosi_labels.csv", lambda rows: rows[1].__setitem__(2, "-9"), "row 2 has sentiment -9"),
        ("mosi_labels.csv", lambda rows: rows.pop(), "lacks utterance"),
        (
            "mosi_labels.csv",
            lambda rows: rows[0].__setitem__(2, "score"),
            "has no column 'sentiment'; its columns are utt_id",
        ),
    ],
)
def test_damage(mosi_copy, tmp_path, name, change, message):
    rewrite(mosi_copy / name, change)
    with pytest.raises(UserError, match=message):
        load(mosi_copy, tmp_path)


@pytest.mark.parametrize("name", poria_release.FILES)
def test_missing_file(mosi_copy, tmp_path, name):
    (mosi_copy / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load(mosi_copy, tmp_path)


def test_counts_are_checked_against_the_manifest(mosi_copy, tmp_path):
    manifest = json.loads((mosi_copy / MARKER).read_text())
    manifest["sizes"]["utterances"]["test"] += 1
    (mosi_copy / MARKER).write_text(json.dumps(manifest))
    with pytest.raises(
        UserError, match=r"the test split in .* has 3 videos, \d+ utterances and \d+ of label 1, expected 3"
    ):
        load(mosi_copy, tmp_path)


def test_a_real_folder_must_have_the_release_s_sizes(mosi_copy, tmp_path):
    (mosi_copy / MARKER).unlink()
    with pytest.raises(UserError, match="columns, expected 101"):
        load(mosi_copy, tmp_path)


def test_missing_values_are_refused_by_name_or_replaced(mosi_copy, tmp_path):
    rewrite(mosi_copy / "audio" / "audio_train0.csv", lambda rows: rows[5].__setitem__(2, "nan"))
    names = [row[0] for row in read_rows(mosi_copy / "transcripts.csv")]
    step = names[int(read_rows(mosi_copy / "text_train.csv")[5][0])]
    with pytest.raises(UserError, match=rf"1 missing .* in .*audio_train0.csv column 3 row 6 \({step}\)"):
        load(mosi_copy, tmp_path)
    video = next(v for v in load(mosi_copy, tmp_path, nonfinite="zero").splits["train"] if step in v.steps)
    assert video.features["audio"][video.steps.index(step), 2] == 0


def test_the_release(release):
    folder, data = release
    corpus = cmu_mosi.load({"manual_dir": str(folder), "data_dir": str(data)})
    assert not corpus.synthetic
    videos = {split: len(members) for split, members in corpus.splits.items()}
    steps = {split: sum(len(v.steps) for v in members) for split, members in corpus.splits.items()}
    assert videos == {"train": 62, "test": 31}
    assert steps == {"train": 1447, "test": 752}
    for result in corpus.splits.values():
        for video in result:
            assert video.steps == tuple(f"{video.id}_{t}" for t in range(1, len(video.steps) + 1))
            assert {m: v.shape[1] for m, v in video.features.items()} == {"text": 100, "audio": 73, "video": 100}
    test = np.concatenate([v.targets["binary"] for v in corpus.splits["test"]])
    assert (test.sum(), len(test)) == (467, 752)
    assert round(100 * max(test.mean(), 1 - test.mean()), 1) == 62.1
    # One utterance by hand: its row in text_test0.csv is the 470th, its label negative.
    first = corpus.splits["test"][0]
    assert first.steps[1] == "03bSnISJMiM_2"
    row = read_rows(folder / "text" / "text_test0.csv")[469]
    np.testing.assert_array_equal(first.features["text"][1], np.array(row[:-1], np.float32))
    assert first.targets["binary"][1] == float(row[-1]) == 0


def test_the_release_s_scores(release):
    folder, data = release
    sentiment = cmu_mosi.load({"manual_dir": str(folder), "data_dir": str(data), "labels": "sentiment"})
    assert sentiment.splits["test"][0].targets["sentiment"][:3].tolist() == pytest.approx([2.4, -0.8, -1.0])
    class7 = cmu_mosi.load({"manual_dir": str(folder), "data_dir": str(data), "labels": "class7"})
    values = np.concatenate([v.targets["class7"] for part in class7.splits.values() for v in part])
    assert np.bincount(values.astype(int)).tolist() == [82, 383, 422, 368, 396, 461, 87]
    # Halves are away from zero in every row, which numpy's rounding, and so accuracy_7, is not.
    exact = np.concatenate([v.targets["sentiment"] for part in sentiment.splits.values() for v in part])
    np.testing.assert_array_equal(values - 3, round_half_away(exact))
    assert (values - 3 != np.asarray(round_half_even(exact, 3))).sum() == 39
