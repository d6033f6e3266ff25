import numpy as np
import pytest

from affect_jax.datasets import recola
from affect_jax.errors import UserError
from tests.datasets.recola.native_files import BEHAVIOUR, FRAMES, features, put, ratings, write


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "RECOLA")
    return tmp_path / "RECOLA"


def load(folder, tmp_path, **settings):
    return recola.load({"manual_dir": str(folder), "data_dir": str(tmp_path / "data"), "form": "native", **settings})


def test_gold_is_the_mean_over_annotators_on_common_frames(folder, tmp_path):
    corpus = load(folder, tmp_path)
    assert (corpus.form, corpus.synthetic) == ("arousal_native", False)
    assert {part: [r.id for r in found] for part, found in corpus.splits.items()} == {
        "train": ["P16", "P17"],
        "validation": ["P19"],
        "test": ["P65"],
    }
    second = corpus.splits["train"][1]
    assert (len(second.steps), second.steps[0], second.steps[-1]) == (48, "P17@0.04", "P17@1.92")
    assert {m: v.shape for m, v in second.features.items()} == {"audio": (48, 4), "video": (48, 3)}
    np.testing.assert_allclose(second.features["audio"], features(1, 4)[1:-1], rtol=1e-6)
    np.testing.assert_allclose(second.targets["arousal"], ratings(1).mean(axis=1)[1:-1], rtol=1e-6, atol=1e-7)
    assert corpus.splits["test"][0].targets == {}


def test_a_shipped_gold_standard_goes_before_the_mean(folder, tmp_path):
    rows = "".join(f"{0.04 * i:.2f},{i / 100}\n" for i in range(FRAMES))
    put(folder / BEHAVIOUR / "gold_standard" / "arousal" / "P16.csv", "time,gold standard\n" + rows)
    gold = load(folder, tmp_path).splits["train"][0].targets["arousal"]
    np.testing.assert_allclose(gold, np.arange(1, 49) / 100, rtol=1e-6)


def damage(folder, name, old, new):
    path = folder / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("partition.csv", "participant,part", "who,where", "starts with 'who,where', expected 'participant,part'"),
        ("partition.csv", "P17,train", "P17,training", "row 3 has part 'training', expected train, validation or test"),
        ("partition.csv", "P17,train", "P16,dev", "row 3 names P16 a second time"),
        ("partition.csv", "P17,train", "P18,train", r"P18.arff is missing .audio features of participant P18"),
        (f"{BEHAVIOUR}/arousal/P16.csv", "time;", "when;", "expected one column 'time' beside the columns of ratings"),
        (f"{BEHAVIOUR}/arousal/P16.csv", "0.08;", "0.09;", r"P16.csv:4 has frame time 0.09 s after 0.04 s"),
        (f"{BEHAVIOUR}/arousal/P16.csv", "0.08;", "0.08;nan;", "row 4 has 8 columns, expected 7"),
        (f"{BEHAVIOUR}/arousal/P16.csv", "0.08;-", "0.08;x", r"row 4 column 2 is 'x.*', not a number"),
        ("RECOLA-Video-features/P16.arff", "frametime", "f", "has 0 columns of frame times"),
        ("RECOLA-Video-features/P19.arff", "a1", "b1", "other columns than the files before it"),
    ],
)
def test_damage(folder, tmp_path, name, old, new, message):
    if old == "0.08;-":  # the first rating may have no sign
        damage(folder, name, "0.08;", "0.08;-")
    damage(folder, name, old, new)
    with pytest.raises(UserError, match=message):
        load(folder, tmp_path)


def test_no_partition(folder, tmp_path):
    (folder / "partition.csv").unlink()
    with pytest.raises(UserError, match="RECOLA's own release has no partition; write one"):
        load(folder, tmp_path)


def test_missing_annotation(folder, tmp_path):
    (folder / BEHAVIOUR / "arousal" / "P16.csv").unlink()
    with pytest.raises(UserError, match="P16.csv is missing .arousal annotation of participant P16"):
        load(folder, tmp_path)


def test_missing_ratings_are_not_averaged_away(folder, tmp_path):
    path = folder / BEHAVIOUR / "arousal" / "P16.csv"
    lines = path.read_text().splitlines()
    lines[5] = lines[5].rpartition(";")[0] + ";nan"
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"P16.csv:6 has a rating that is not finite"):
        load(folder, tmp_path)


def test_files_of_other_times(folder, tmp_path):
    path = folder / "RECOLA-Video-features" / "P16.arff"
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-40]) + "\n")
    with pytest.raises(
        UserError, match="the files of participant P16 cover different times .audio 0.04-1.92 s, video 0.04-0.32 s"
    ):
        load(folder, tmp_path)


def test_files_that_are_shorter_than_those_of_others(folder, tmp_path):
    path = folder / BEHAVIOUR / "arousal" / "P17.csv"
    path.write_text("\n".join(path.read_text().splitlines()[:-3]) + "\n")
    with pytest.raises(
        UserError, match="target file of participant P16 has 0-1.96 s, that of P17 0-1.84 s; copy the shorter one again"
    ):
        load(folder, tmp_path)


def test_synthetic_has_avec_form_only(recola_raw, tmp_path):
    with pytest.raises(UserError, match="exists in AVEC's form only"):
        load(recola_raw, tmp_path)
