import json

import numpy as np
import pytest

from affect_jax.datasets import recola
from affect_jax.datasets.recola import arff_files
from affect_jax.datasets.release_files import MARKER
from affect_jax.errors import UserError


def load(folder, tmp_path, **settings):
    return recola.load({"manual_dir": str(folder), "data_dir": str(tmp_path / "data"), **settings})


def edit(path, change):
    lines = path.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line == "@data") + 1
    first += not lines[first]
    path.write_text("\n".join(change(lines, first)) + "\n")
    return path


def set_field(lines, row, column, text):
    fields = lines[row].split(",")
    fields[column] = text
    return [*lines[:row], ",".join(fields), *lines[row + 1 :]]


@pytest.mark.parametrize("target", ["arousal", "valence"])
def test_load_gives_what_the_files_say(recola_raw, tmp_path, target):
    corpus = load(recola_raw, tmp_path, target=target)
    assert (corpus.corpus, corpus.form, corpus.synthetic, corpus.draws) == ("recola", target, True, {})
    assert list(corpus.splits) == ["train", "validation", "test"]
    for part, prefix in (("train", "train"), ("validation", "dev"), ("test", "test")):
        assert [r.id for r in corpus.splits[part]] == [f"{prefix}_1", f"{prefix}_2"]
        for recording in corpus.splits[part]:
            assert recording.group == recording.id
            assert recording.steps[:2] == (f"{recording.id}@0.00", f"{recording.id}@0.04")
            assert recording.steps[-1] == f"{recording.id}@0.76"
            assert set(recording.features) == {"audio", "video_geometric", "video_appearance"}
            for modality, values in recording.features.items():
                table = arff_files.read_arff(recola_raw / f"features_{modality}" / target / f"{recording.id}.arff")
                np.testing.assert_array_equal(values, table.values[:, 1:].astype(np.float32))
            if part == "test":
                assert recording.targets == {}
            else:
                table = arff_files.read_arff(recola_raw / "ratings_gold_standard" / target / f"{recording.id}.arff")
                np.testing.assert_array_equal(recording.targets[target], table.values[:, 1].astype(np.float32))


def test_test_gold_is_read_where_it_lies(recola_copy, tmp_path):
    gold = recola_copy / "ratings_gold_standard" / "arousal" / "test_2.arff"
    arff_files.write_gold(gold, "test_2", np.arange(20) * 0.04, np.full(20, 0.25))
    test = load(recola_copy, tmp_path).splits["test"]
    assert test[0].targets == {}
    np.testing.assert_array_equal(test[1].targets["arousal"], np.full(20, 0.25, np.float32))


FEATURES = "features_video_geometric/arousal/dev_1.arff"
GOLD = "ratings_gold_standard/arousal/dev_1.arff"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (FEATURES, lambda lines, at: lines[:-1], "dev_1.arff has 19 rows, expected 20"),
        (FEATURES, lambda lines, at: [*lines[:-1], lines[-1][:5]], r"dev_1.arff line \d+ has \d cells, expected 5"),
        (FEATURES, lambda lines, at: [line for line in lines if "f3" not in line], r"cells, expected 4"),
        (
            FEATURES,
            lambda lines, at: [s for s in lines[:at] if "f3" not in s] + [s.rpartition(",")[0] for s in lines[at:]],
            "has 3 feature columns, expected 4 for video_geometric",
        ),
        (
            FEATURES,
            lambda lines, at: [line.replace("frametime", "moment") for line in lines],
            "has 0 columns of frame times",
        ),
        (
            FEATURES,
            lambda lines, at: set_field(lines, at + 3, 0, "0.13"),
            r"frame time 0.13 s after 0.08 s, expected steps of 0.04 s",
        ),
        (FEATURES, lambda lines, at: set_field(lines, at + 3, 0, "?"), "frame time nan s"),
        (
            FEATURES,
            lambda lines, at: (
                lines[:at] + [set_field(lines, i, 0, f"{0.04 * (i - at + 1):.2f}")[i] for i in range(at, at + 20)]
            ),
            "starts at 0.04 s, expected 0 s",
        ),
        (GOLD, lambda lines, at: set_field(lines, at, 2, "?"), r"dev_1.arff:\d+ has no finite gold standard"),
        (
            GOLD,
            lambda lines, at: set_field(lines, at, 0, "dev_2"),
            "holds the gold standard of 'dev_2', expected 'dev_1'",
        ),
        (GOLD, lambda lines, at: lines[:-2], "has 18 rows, expected 20"),
    ],
)
def test_damage(recola_copy, tmp_path, name, change, message):
    edit(recola_copy / name, change)
    with pytest.raises(UserError, match=message):
        load(recola_copy, tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (FEATURES, "dev_1.arff is missing .video_geometric features of 2 dev recordings for arousal"),
        (GOLD, "dev_1.arff is missing .the gold standard"),
    ],
)
def test_missing_file(recola_copy, tmp_path, name, message):
    (recola_copy / name).unlink()
    with pytest.raises(UserError, match=message):
        load(recola_copy, tmp_path)


def test_one_file_too_many(recola_copy, tmp_path):
    path = recola_copy / FEATURES
    path.with_name("dev_3.arff").write_text(path.read_text())
    with pytest.raises(UserError, match="has dev_3.arff beside the 2 dev files"):
        load(recola_copy, tmp_path)


def test_other_column_names_than_the_files_before(recola_copy, tmp_path):
    edit(recola_copy / FEATURES, lambda lines, at: [line.replace("f0 ", "g0 ") for line in lines])
    with pytest.raises(UserError, match="other columns than the files before it"):
        load(recola_copy, tmp_path)


def test_a_real_folder_must_have_the_release_s_sizes(recola_copy, tmp_path):
    (recola_copy / MARKER).unlink()
    with pytest.raises(UserError, match="train_3.arff is missing .audio features of 9 train recordings"):
        load(recola_copy, tmp_path)


def test_release_sizes_are_checked_from_the_manifest(recola_copy, tmp_path):
    manifest = json.loads((recola_copy / MARKER).read_text())
    manifest["sizes"]["columns"]["audio"] = 88
    (recola_copy / MARKER).write_text(json.dumps(manifest))
    with pytest.raises(UserError, match="has 3 feature columns, expected 88 for audio"):
        load(recola_copy, tmp_path)


def test_missing_values_are_refused_by_name_or_replaced(recola_copy, tmp_path):
    path = recola_copy / "features_audio" / "arousal" / "train_2.arff"
    edit(path, lambda lines, at: set_field(set_field(lines, at + 2, 2, "?"), at + 5, 2, "inf"))
    with pytest.raises(
        UserError, match=r"2 missing or infinite values in 1 columns, the first in .*train_2.arff column f1 at 0.08 s"
    ):
        load(recola_copy, tmp_path)
    zero, gaps = recola.inspect(
        {"manual_dir": str(recola_copy), "data_dir": str(tmp_path / "data"), "nonfinite": "zero"}
    )
    column = zero.splits["train"][1].features["audio"][:, 1]
    assert gaps.count == 2
    assert column[[2, 5]].tolist() == [0, 0]
    mean = load(recola_copy, tmp_path, nonfinite="mean").splits["train"][1].features["audio"][:, 1]
    np.testing.assert_allclose(mean[[2, 5]], np.delete(column, [2, 5]).mean(), rtol=1e-6)
    assert zero.fingerprint != load(recola_copy, tmp_path, nonfinite="mean").fingerprint


@pytest.mark.parametrize(("key", "value"), [("target", "liking"), ("form", "avec2018"), ("nonfinite", "drop")])
def test_settings_are_checked_before_anything_is_built(tmp_path, key, value):
    with pytest.raises(UserError, match=f"config.corpus.{key} is {value!r}"):
        recola.load({"data_dir": str(tmp_path), key: value})
    assert not list(tmp_path.iterdir())


def test_manual_dir_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="is not a folder; give the folder that holds features_audio/"):
        recola.load({"data_dir": str(tmp_path), "manual_dir": str(tmp_path / "nowhere")})
