"""What is wrong in files of arrays is said in one true sentence."""

import pickle

import numpy as np
import pytest

from affect_jax.datasets import arrays
from affect_jax.errors import UserError
from tests.datasets.arrays import files


def spoil(**changes):
    """A change of fields: split__field=value, or None to take the field away."""

    def change(splits):
        for place, value in changes.items():
            split, name = place.split("__")
            if value is None:
                del splits[split][name]
            else:
                splits[split][name] = value(splits[split]) if callable(value) else value
        return splits

    return change


def of_all(name, value):
    return spoil(**{f"{split}__{name}": value for split in files.COUNTS})


FAULTS = [
    (lambda s: dict(valid=s["valid"], test=s["test"]), r"has the splits test, validation but no 'train', so there is"),
    (lambda s: dict(train=s["train"]), r"has the split 'train' only; add 'test'"),
    (
        spoil(train__audio=lambda f: f["audio"][:7]),
        r"train/audio \[7, 5, 2\] has 7 items, but there are 8 labels; both",
    ),
    (
        spoil(valid__audio=lambda f: f["audio"].transpose(1, 0, 2)),
        r"valid/audio \[5, 4, 2\] lies on its side: axis 1 has the 4 items, expected axis 0; transpose it",
    ),
    (
        of_all("vision", lambda f: f["vision"].transpose(0, 2, 1)),
        r"train/vision \[8, 4, 5\] lies on its side: the other modalities have 5 steps in axis 1, this one has as many",
    ),
    (spoil(test__vision=None), r"has the modality 'vision' in the split 'train' but not in 'test'; all splits need it"),
    (
        spoil(test__text=lambda f: f["text"][..., :2]),
        r"test/text \[4, 5, 2\] has 2 columns of 'text', but .* has 3; all",
    ),
    (
        of_all("labels", None),
        r"has no labels: none of its arrays \(text, audio, vision\) is called labels, y or the like",
    ),
    (spoil(valid__labels=None), r"has no labels: none|has no label 'labels' in the split 'validation'"),
    (
        spoil(train__labels=np.full(8, np.nan)),
        r"has no finite label 'labels' at item 0 \(from 0\) of the split 'train'",
    ),
    (
        of_all("labels", lambda f: np.zeros(len(f["text"]))),
        r"has the same label 'labels' for every item; there is nothing",
    ),
    (
        of_all("labels", lambda f: f["text"]),
        r"is of the shape \[8, 5, 3\], expected \[items\] or \[items, a few labels\]",
    ),
    (of_all("labels", lambda f: f["text"] + 1j), r"is neither numbers nor text|is not a whole pickle"),
    (
        spoil(train__audio_lengths=[6] * 8),
        r"train/audio_lengths have 6 at item 0 \(from 0\), but its array has 5 steps; correct the lengths, or leave",
    ),
    (spoil(train__audio_lengths=[-1] * 8), r"train/audio_lengths have -1 at item 0"),
    (spoil(train__audio_lengths=[1.5] * 8), r"train/audio_lengths have 1.5 at item 0"),
    (spoil(train__audio_lengths=[1] * 7), r"train/audio_lengths are 7, expected one for each of 8 items"),
    (spoil(train__audio_lengths=["x"] * 8), r"train/audio_lengths are not numbers; expected 8 lengths of 0 to 5 steps"),
    (
        spoil(train__id=lambda f: [*f["id"][:7], f["id"][0]]),
        r"has the id 'video0\$_\$0' twice, at item 0 \(train\) and item 7 \(train\), counted from 0 through all spl",
    ),
    (
        spoil(test__id=lambda f: ["video0$_$0", *f["id"][1:]]),
        r"'video0\$_\$0' twice, at item 0 \(train\) and item 12 \(test\)",
    ),
    (spoil(train__id=lambda f: f["id"][:5]), r"train/id \[5\] has 5 entries, but there are 8 labels"),
    (spoil(train__id=[{}] * 8), r"train/id \[8\] has entries that are neither text nor a few texts"),
    (
        spoil(train__audio=lambda f: [*f["audio"][:7], f["audio"][7][:, :1]]),
        r"train/audio \[8\] has arrays of several widths: item 7 \(from 0\) has 1 columns, most others have 2",
    ),
    (spoil(train__audio=lambda f: [*f["audio"][:7], "x"]), r"train/audio \[8\] has entries that are no arrays"),
    (lambda s: {**s, "val": s["valid"]}, r"has 'text' of the split 'validation' at 'val/text', and .* at 'valid/text'"),
    (lambda s: 3, r"has no arrays in it; expected splits, and modalities and labels in each"),
    (
        lambda s: {k: {"id": f["id"], "labels": f["labels"]} for k, f in s.items()},
        r"has no modality \[items, steps, col",
    ),
    (
        lambda s: {"a": {"b": {"c": {"d": {"e": {"f": s}}}}}},
        r"has dicts in dicts deeper than 4, as at 'a/b/c/d/e'",
    ),
]


@pytest.mark.parametrize(("change", "message"), FAULTS)
def test_a_fault_is_one_sentence(tmp_path, change, message):
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(change(files.make())))
    with pytest.raises(UserError, match=message) as caught:
        arrays.describe({"path": str(path)})
    assert "\n" not in str(caught.value)
    assert "a.pkl" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            dict(path="nothing.pkl"),
            r"config.corpus.path is 'nothing.pkl', where no such file is; expected a file that ends",
        ),
        (dict(path="*.zip"), "where no such file is"),
        (
            dict(modalities=("audoi",)),
            r"'audoi' was asked for, which is no array of it \(did you mean 'audio'\?\); .* has text, aud",
        ),
        (
            dict(modalities=("raw_text",)),
            r"'raw_text' was asked for, which is text, not features; .* has text, audio, vision",
        ),
        (
            dict(target="label"),
            r"config.corpus.target is 'label' \(did you mean 'labels'\?\); .* has the labels labels",
        ),
        (dict(folds=20), r"has 4 groups|folds"),
        (dict(layout="steps"), r"config.corpus.layout is 'steps'; choose item, group"),
        (dict(paht="x"), r"config.corpus.paht is not a setting \(did you mean 'path'\?\)"),
    ],
)
def test_a_wrong_setting_is_told_what_there_is(tmp_path, settings, message):
    splits = files.make({"train": 8, "test": 4})
    splits["train"]["raw_text"] = ["words"] * 8
    path = files.write(tmp_path / "a.pkl", splits)
    with pytest.raises(UserError, match=message):
        arrays.describe({"path": path, **settings})


def test_files_of_another_kind(tmp_path):
    for name, content in (("a.csv", b"1,2\n"), ("a.wav", b"RIFF"), ("a.pt", b"PK")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=r"is no file of arrays; expected a file that ends in \.pkl, .*\.npz, \.h5"):
            arrays.describe({"path": str(tmp_path / name)})
    for name, content in (("a.pkl", b"1,2\n"), ("b.pkl", b""), ("a.npz", b"1,2\n"), ("a.h5", b"1,2\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match="is not a whole"):
            arrays.describe({"path": str(tmp_path / name)})
    np.savez(tmp_path / "c.npz", text=np.array([{}]), labels=np.arange(3.0))
    with pytest.raises(UserError, match=r"c\.npz has no modality .* it has labels, text"):
        arrays.describe({"path": str(tmp_path / "c.npz")})


def test_several_corpora_in_a_folder(tmp_path):
    files.write(tmp_path / "aligned_50.pkl", files.make())
    files.write(tmp_path / "unaligned_50.pkl", files.make())
    with pytest.raises(
        UserError, match=r"and .*aligned_50.pkl has it at 'train/text'; name one corpus in config.corpus.pa"
    ):
        arrays.describe({"path": str(tmp_path)})
