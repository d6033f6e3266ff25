"""A part of one class is told, and the command that trains on a corpus."""

import numpy as np

from affect_jax.datasets.next_command import suggest_command
from affect_jax.datasets.recordings import Fold, Recording, Recordings
from affect_jax.datasets.single_class import describe_single_classes


def make(labels, *, folds=None, features=None, corpus="manifest", names=("calm", "tense")):
    """A corpus whose splits, or only split, have these labels."""
    features = features or {"face": np.zeros((2, 3), np.float32)}
    splits = {
        split: [
            Recording(f"{split}{n}", f"g{n}", (f"{split}{n}",), features, {"mood": np.array([label], np.float32)})
            for n, label in enumerate(of_split)
        ]
        for split, of_split in labels.items()
    }
    return Recordings(corpus, "mood", False, splits, {}, folds or {}, "f" * 64, names)


def test_a_split_of_one_class_is_told():
    corpus = make({"train": (0, 1), "validation": (0, 1), "test": (1, 1, 1)})
    (told,) = describe_single_classes(corpus, "mood")
    assert "to score there is one class alone in the test split ('tense')" in told
    assert describe_single_classes(make({"train": (0, 1), "test": (0, 1)}), "mood") == []
    assert describe_single_classes(make({"train": (0, 1), "test": (1,)}, names=()), "mood") == []
    assert describe_single_classes(make({"train": (0, 1), "test": (1,)}), "other") == []


def test_folds_of_one_class_are_told_together():
    folds = {f"f{n}": Fold((f"train{(n + 1) % 6}",), (f"train{n}",)) for n in range(6)}
    selected, scored = describe_single_classes(make({"train": (0, 1, 0, 1, 0, 1)}, folds=folds), "mood")
    assert "to select by there is one class alone in fold f0 ('tense'), fold f1 ('calm')" in selected
    assert "and 2 more of 6" in scored


def test_the_next_command_fits_the_files():
    sound = {"voice": np.zeros(8, np.int16)}
    both = {"voice": np.zeros((2, 3), np.float32), "face": np.zeros((2, 3), np.float32)}
    settings = {"manifest": "a file.csv", "modalities": ("voice", "face")}
    labels = {"train": (0, 1)}
    assert "configs/speech_emotion.py" in suggest_command(make(labels, features=sound), {})
    assert "configs/rank.py " in suggest_command(make(labels), settings)
    command = suggest_command(make(labels, features=both), settings)
    assert command == (
        "python -m launch.main --config=configs/fusion.py '--config.corpus.manifest=a file.csv' "
        "--config.corpus.modalities=voice,face"
    )
    sequence = make(labels)
    sequence.splits["train"][0] = sequence.splits["train"][0]._replace(steps=("a", "b"))
    assert "configs/rank.py:manifest,sequence" in suggest_command(sequence, {})
    assert suggest_command(make(labels, corpus="laughter"), {}) == ""
    assert "configs/sew.py" in suggest_command(make(labels, corpus="recola"), {"manual_dir": "x"})
