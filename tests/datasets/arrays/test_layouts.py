"""The layouts in which peers ship CMU-MOSI, CMU-MOSEI, CH-SIMS, POM, MMMO and IEMOCAP, each read as what it is."""

import pickle

import h5py
import numpy as np
import pytest

from affect_jax.datasets import arrays, cmu_mosi, prepare_corpus
from affect_jax.errors import UserError
from tests.datasets import fuzzing
from tests.datasets.arrays import files


@pytest.fixture(autouse=True)
def _in_memory(monkeypatch):
    fuzzing.patch_builds(monkeypatch)


def load(path, tmp_path, **settings):
    return arrays.load({"path": str(path), "data_dir": str(tmp_path / "data"), **settings})


def find(recordings, split, item):
    return recordings.splits[split][item]


def cut(values):
    """The rows of [T, D] between rows of zeros at its ends."""
    at = np.flatnonzero(values.any(axis=1))
    return values[at[0] : at[-1] + 1]


@pytest.mark.parametrize("front", [False, True])
@pytest.mark.parametrize("name", ["a.pkl", "a.npz", "a.h5"])
def test_one_file_of_splits(tmp_path, name, front):
    splits = files.make(front=front)
    recordings = load(files.write(tmp_path / name, splits), tmp_path)
    assert {split: len(members) for split, members in recordings.splits.items()} == dict(train=8, validation=4, test=4)
    assert (recordings.corpus, recordings.form, recordings.synthetic) == ("arrays", "labels", False)
    for own, theirs in (("train", "train"), ("validation", "valid"), ("test", "test")):
        for item, recording in enumerate(recordings.splits[own]):
            assert recording.id == splits[theirs]["id"][item]
            assert recording.group == recording.id.split("$_$")[0]
            np.testing.assert_array_equal(recording.targets["labels"], splits[theirs]["labels"][item, 0])
            for modality in files.WIDTHS:
                np.testing.assert_array_equal(recording.features[modality], cut(splits[theirs][modality][item]))


def test_the_same_corpus_in_any_form_is_the_same(tmp_path):
    splits = files.make()
    paths = [files.write(tmp_path / name, splits) for name in ("a.pkl", "a.npz", "a.h5")]
    np.savez(tmp_path / "b.npz", **files.flatten(splits, sign="_"))
    paths.append(tmp_path / "b.npz")
    for folder, suffix in (("npz", ".npz"), ("pkl", ".pkl")):  # a file a split
        (tmp_path / folder).mkdir()
        for split, fields in splits.items():
            path = tmp_path / folder / f"mosi_{split}{suffix}"
            np.savez(path, **fields) if suffix == ".npz" else path.write_bytes(pickle.dumps(fields, 2))
        paths += [tmp_path / folder, tmp_path / folder / f"mosi_*{suffix}"]
    (tmp_path / "each").mkdir()  # as MFN ships MMMO: a file for a modality of a split
    for split, fields in splits.items():
        for name, values in fields.items():
            (tmp_path / "each" / f"{name}_{split}.p").write_bytes(pickle.dumps(values, 2))
    paths.append(tmp_path / "each")
    (tmp_path / "nested.pkl").write_bytes(pickle.dumps({b"mosi": {k.encode(): v for k, v in splits.items()}}, 4))
    paths.append(tmp_path / "nested.pkl")
    assert len({load(path, tmp_path).fingerprint for path in paths}) == 1


def test_modalities_side_by_side_as_mfn_ships_mosi(tmp_path):
    splits = files.make()
    for split, fields in splits.items():
        joined = np.concatenate([fields[m] for m in files.WIDTHS], axis=2)
        for name, values in (("X", joined), ("y", fields["labels"][:, 0, 0])):
            with h5py.File(tmp_path / f"{name}_{split}.h5", "w") as file:
                file["data"] = values
    with pytest.raises(UserError, match=r"side by side in 'X' \[8, 5, 9\], and config.corpus.widths are not set; say"):
        load(tmp_path, tmp_path)
    with pytest.raises(UserError, match="config.corpus.widths add up to 8; .* so that they add up to 9"):
        load(tmp_path, tmp_path, widths=("text:3", "audio:5"))
    for wrong in ("text", "text:0", "text:-1", "text:x"):
        with pytest.raises(UserError, match="expected a modality and its number of columns"):
            load(tmp_path, tmp_path, widths=(wrong,))
    recordings = load(tmp_path, tmp_path, widths=("text:3", "audio:2", "vision:4"))
    assert recordings.form == "y"
    np.testing.assert_array_equal(find(recordings, "test", 1).features["vision"], cut(splits["test"]["vision"][1]))
    assert find(recordings, "test", 1).group == "test_1"  # no ids


def test_lists_of_utterances_as_misa_ships_them(tmp_path):
    rng = np.random.default_rng(0)
    raw = {
        split: [
            (
                (np.arange(t), rng.normal(size=(t, 4)), rng.normal(size=(t, 2)), ["word"] * t),
                np.array([[rng.normal()]], np.float32),
                f"{split}vid-{n // 2}[{n}]",
            )
            for n, t in enumerate(rng.integers(1, 6, size=6).tolist())
        ]
        for split in ("train", "dev", "test")
    }
    (tmp_path / "one.pkl").write_bytes(pickle.dumps(raw, 4))
    (tmp_path / "each").mkdir()
    for split, utterances in raw.items():
        (tmp_path / "each" / f"{split}.pkl").write_bytes(pickle.dumps(utterances, 4))
    one, each = (load(tmp_path / place, tmp_path) for place in ("one.pkl", "each"))
    assert one.fingerprint == each.fingerprint
    assert [*find(one, "train", 3).features] == ["visual", "acoustic"]
    assert find(one, "validation", 3).group == "devvid-1"
    np.testing.assert_array_equal(find(one, "test", 2).features["visual"], np.float32(raw["test"][2][0][1]))
    assert find(one, "test", 2).targets["label"] == raw["test"][2][1][0]
    remarks = " ".join(arrays.list_remarks({"path": str(tmp_path / "one.pkl")}))
    assert "not read: words (text, not features)" in remarks
    # With word vectors there is a modality 'text'.
    vectors = {k: [((rng.normal(size=(len(u[0][0]), 3)), *u[0][1:3]), *u[1:]) for u in x] for k, x in raw.items()}
    (tmp_path / "vectors.pkl").write_bytes(pickle.dumps(vectors, 4))
    assert [*find(load(tmp_path / "vectors.pkl", tmp_path), "train", 0).features] == ["text", "visual", "acoustic"]
    (tmp_path / "dicts.pkl").write_bytes(
        pickle.dumps({k: [dict(visual=u[0][1], label=float(u[1][0, 0]), id=u[2]) for u in x] for k, x in raw.items()})
    )
    assert [*find(load(tmp_path / "dicts.pkl", tmp_path), "train", 0).features] == ["visual"]


def test_tables_of_labels(tmp_path):
    splits = files.make()
    for split, fields in splits.items():
        count = len(fields["id"])
        fields["labels"] = np.eye(2, dtype=int)[(np.arange(4 * count) // 3 % 2).reshape(count, 4)]  # as MulT's IEMOCAP
        fields["traits"] = np.zeros(count)
        del splits[split]["id"]
    path = files.write(tmp_path / "iemocap_data.pkl", splits)
    description = arrays.describe({"path": path})
    assert [*description.labels] == ["neutral", "happy", "sad", "angry"]
    recordings = load(path, tmp_path, target="sad")
    assert recordings.labels == ("no", "yes")
    np.testing.assert_array_equal(
        [r.targets["sad"][0] for r in recordings.splits["train"]], splits["train"]["labels"][:, 2, 1]
    )
    assert "in the order of MulT" in " ".join(arrays.list_remarks({"path": path, "target": "sad"}))
    for shape in ((-1, 3), (-1, 1, 3), (-1, 3, 1)):  # as MOSEI and POM: several numbers an item
        for fields in splits.values():
            fields["labels"] = np.random.default_rng(0).normal(size=(len(fields["text"]), 3)).reshape(shape)
        description = arrays.describe({"path": files.write(tmp_path / "pom.pkl", splits)})
        assert [(label.name, label.kind) for label in description.labels.values()] == [
            (f"labels_{k}", "number") for k in range(3)
        ]
    np.testing.assert_allclose(
        find(load(tmp_path / "pom.pkl", tmp_path, target="labels_2"), "test", 3).targets["labels_2"][0],
        splits["test"]["labels"].reshape(-1, 3)[3, 2],
        rtol=1e-6,
    )


def test_names_in_paths(tmp_path):
    splits = files.make()
    for fields in splits.values():
        fields["Open Face/2"] = fields.pop("vision")
        fields["2d-pose"] = fields["text"]
        fields["labels"] = {letter: fields["labels"] + k for k, letter in enumerate("MTAV")}
        fields["annotations"] = ["x"] * 3
    description = arrays.describe({"path": files.write(tmp_path / "a.pkl", splits)})
    assert [*description.modalities] == ["text", "audio", "Open_Face_2", "array_2d_pose"]
    assert [*description.labels] == [f"labels_{letter}" for letter in "MTAV"]
    assert "left out: annotations has another number of items than labels_M" in " ".join(description.remarks)
    (tmp_path / "emotions").mkdir()  # as MFN ships IEMOCAP
    for split, fields in files.make().items():
        for name, values in (("text_{}_emb", fields["text"]), ("y_{}_happy", fields["labels"])):
            (tmp_path / "emotions" / f"{name.format(split)}.p").write_bytes(pickle.dumps(values, 2))
    description = arrays.describe({"path": str(tmp_path / "emotions")})
    assert ([*description.modalities], [*description.labels]) == (["text_emb"], ["y_happy"])


def test_ids_that_name_videos(tmp_path):
    def groups(ids):
        splits = files.make()
        at = 0
        for fields in splits.values():
            fields["id"] = ids[at : at + len(fields["labels"])]
            at += len(fields["labels"])
        path = files.write(tmp_path / "a.pkl", splits)
        recordings = load(path, tmp_path)
        return [r.group for members in recordings.splits.values() for r in members]

    assert groups([f"a_b-{n // 4}_{n}" for n in range(16)]) == [f"a_b-{n // 4}" for n in range(16)]
    assert groups([(f"v{n // 4}", f"{n}.5", f"{n + 1}.0") for n in range(16)]) == [f"v{n // 4}" for n in range(16)]
    assert groups([[f"v{n // 4}".encode(), b"%d" % n, b"x"] for n in range(16)])[5] == "v1"
    assert groups(np.array([[[f"v{n // 4}", f"{n}", "x"]] for n in range(16)]))[5] == "v1"
    assert groups([f"Ses0{1 + n // 4}F_impro0{n % 2}_M{n:03d}" for n in range(16)])[5] == "Ses02"
    assert groups([f"video_{n:04d}" for n in range(16)])[5] == "video_0005"  # videos, not clips of one video
    assert groups([*range(16)])[5] == "5"


def test_a_group_may_have_a_field_of_its_own_and_folds_keep_it_whole(tmp_path):
    fields = files.make({"train": 24})["train"]
    fields["id"] = [f"x{n}" for n in range(24)]
    fields["speaker"] = [f"s{n // 4}" for n in range(24)]
    path = files.write(tmp_path / "a.npz", {"all": fields})
    recordings = load(path, tmp_path, folds=3)
    assert [*recordings.splits] == ["train"]
    assert [*recordings.folds] == ["fold_1", "fold_2", "fold_3"]
    for fold in recordings.folds.values():
        group_of = {r.id: r.group for r in recordings.splits["train"]}
        held_out = {group_of[name] for name in (*fold.validation, *fold.test)}
        assert not held_out & {group_of[name] for name in fold.select_training_ids([*group_of])}
    no_validation = files.make({"train": 12, "test": 4})
    recordings = load(files.write(tmp_path / "b.npz", no_validation), tmp_path, folds=3)
    assert ([*recordings.splits], [*recordings.draws]) == (["train", "test"], ["draw_1", "draw_2", "draw_3"])


def test_a_video_in_two_splits_is_told_not_moved(tmp_path):
    splits = files.make(clips=2)
    splits["test"]["id"][0] = "video0$_$7"
    path = files.write(tmp_path / "a.pkl", splits)
    assert find(load(path, tmp_path), "test", 0).group == "video0"
    assert "1 groups have items in several splits, such as 'video0' in train and test" in " ".join(
        arrays.list_remarks({"path": path})
    )
    recordings = load(path, tmp_path, layout="group")
    assert find(recordings, "train", 0).steps == ("video0$_$0", "video0$_$1")
    assert {"video0@train", "video0@test"} <= {r.id for members in recordings.splits.values() for r in members}


def test_lengths_and_zeros_say_what_is_padding(tmp_path):
    splits = files.make()
    train = splits["train"]
    train["audio"][0] = [[0, 0], [1, 1], [0, 0], [2, 2], [0, 0]]  # a row of zeros between others is a step
    train["text"][0], train["vision"][0] = 0, 0
    train["text"][0, 0:2] = 1
    aligned = find(load(files.write(tmp_path / "a.pkl", splits), tmp_path), "train", 0)
    np.testing.assert_array_equal(aligned.features["audio"], [[0, 0], [1, 1], [0, 0], [2, 2]])  # from text's first step
    assert len(aligned.features["text"]) == 4
    assert "vision" not in aligned.features  # all zeros: missing
    for fields in splits.values():
        fields["audio_lengths"] = np.full(len(fields["id"]), 4)
        fields["audio_lengths"][0] = 5
    by_length = find(load(files.write(tmp_path / "b.pkl", splits), tmp_path), "train", 0)
    assert (len(by_length.features["audio"]), len(by_length.features["text"])) == (5, 2)
    whole = find(load(tmp_path / "a.pkl", tmp_path, padding="none"), "train", 0)
    assert {m: len(x) for m, x in whole.features.items()} == dict.fromkeys(files.WIDTHS, 5)
    in_front = files.make(front=True)
    for fields in in_front.values():
        fields["vision_lengths"] = [int(x.any(axis=1).sum()) for x in fields["vision"]]
    item = find(load(files.write(tmp_path / "c.pkl", in_front), tmp_path), "train", 2)
    np.testing.assert_array_equal(item.features["vision"], cut(in_front["train"]["vision"][2]))


def test_utterance_vectors_and_a_lone_modality(tmp_path):
    splits = {split: dict(text=fields["text"][:, 0], y=fields["labels"]) for split, fields in files.make().items()}
    recordings = load(files.write(tmp_path / "a.npz", splits), tmp_path)
    np.testing.assert_array_equal(find(recordings, "test", 0).features["text"], splits["test"]["text"][:1])


def test_values_that_are_not_finite(tmp_path):
    splits = files.make()
    splits["valid"]["audio"][1, 1, 0] = -np.inf
    splits["train"]["vision"][0, 0] = np.nan, np.inf, 0, 1
    path = files.write(tmp_path / "a.pkl", splits)
    recordings, missing = arrays.inspect({"path": path})
    assert (missing.count, missing.columns) == (3, 3)
    assert find(recordings, "validation", 1).features["audio"][1, 0] == 0
    remarks = " ".join(arrays.list_remarks({"path": path}))
    assert "audio has 1 NaN or infinite values, the first in valid/audio item 1 step 1 column 0 (from 0)" in remarks
    with pytest.raises(UserError, match=r"has 1 NaN or infinite values of 'audio', .*nonfinite to 'zero' or 'mean'"):
        arrays.describe({"path": path, "nonfinite": "refuse"})
    mean = find(load(path, tmp_path, nonfinite="mean"), "validation", 1).features["audio"]
    others = np.delete(mean[:, 0], 1)
    np.testing.assert_allclose(mean[1, 0], others.mean(), rtol=1e-5)


def test_groups_of_items_are_sequences(tmp_path):
    splits = files.make()
    splits["train"]["vision"][0] = 0
    path = files.write(tmp_path / "a.pkl", splits)
    recording = find(load(path, tmp_path, layout="group"), "train", 0)
    assert recording.steps == ("video0$_$0", "video0$_$1")
    first = cut(splits["train"]["text"][1])
    np.testing.assert_allclose(recording.features["text"][1], [*first.mean(0), *first.std(0)], atol=1e-6)
    np.testing.assert_array_equal(recording.features["vision"][0], np.zeros(8))
    column = arrays.describe({"path": path, "layout": "group"}).modalities["text"]
    assert (column.width, column.longest) == (6, 2)


def test_features_of_another_corpus_come_back_to_the_last_bit(tmp_path):
    """CMU-MOSI's utterances (of the twin) in MMSA's layout are the recordings that the corpus itself gives."""
    cmu_mosi.synthesize(tmp_path / "mosi", train_videos=7, test_videos=2, text=3, audio=2, video=2)
    corpus = cmu_mosi.load({"manual_dir": str(tmp_path / "mosi"), "data_dir": str(tmp_path / "data")})
    content = {}
    for split, videos in corpus.splits.items():
        content[split] = {
            m: np.concatenate([v.features[m] for v in videos])[:, None] for m in ("text", "audio", "video")
        }
        content[split]["id"] = ["$_$".join(step.rsplit("_", 1)) for v in videos for step in v.steps]
        content[split]["labels"] = np.concatenate([v.targets["binary"] for v in videos])[:, None, None]
    path = files.write(tmp_path / "mosi.pkl", content)
    mine = load(path, tmp_path, layout="group", classes=True, folds=3)
    assert mine.labels == ("0", "1")
    for split, videos in corpus.splits.items():
        for ours, theirs in zip(mine.splits[split], videos, strict=True):
            assert (ours.id, ours.group) == (theirs.id, theirs.group)
            np.testing.assert_array_equal(ours.targets["labels"], theirs.targets["binary"])
            for modality, values in theirs.features.items():
                np.testing.assert_array_equal(ours.features[modality], values)


@pytest.mark.parametrize("form", ["pickle", "npz", "h5"])
def test_the_twin_is_prepared_in_every_form(tmp_path, form):
    said = prepare_corpus.write_synthetic("arrays", str(tmp_path / "twin"), {"form": form})
    assert said.endswith(f"read it with --path={tmp_path / 'twin'}")
    settings = {"path": str(tmp_path / "twin"), "data_dir": str(tmp_path / "data")}
    lines = list(prepare_corpus.prepare_corpus("arrays", settings))
    text = "\n".join(lines)
    assert "180 items of 30 groups" in lines[0]
    assert "corpus       arrays regression_labels (synthetic: made by a generator, not by people)" in lines
    assert "missing      3 values in 1 columns, replaced by zero, the first in" in text
    assert "note         30 groups of items: their ids are VIDEO$_$CLIP" in lines
    # The same corpus in every form: the fingerprint says so.
    default = arrays.load({"data_dir": str(tmp_path / "data")})
    assert f"fingerprint  {default.fingerprint}" in lines
    assert default.synthetic
