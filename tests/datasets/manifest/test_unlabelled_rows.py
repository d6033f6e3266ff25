"""Rows without a label train where they are asked for, and nowhere else."""

import csv

import numpy as np
import pytest

from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.data import splits
from affect_jax.datasets import manifest
from affect_jax.errors import UserError
from configs import base, zoo
from tests import own, small


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return own.write(tmp_path_factory.mktemp("own"), columns=own.FEATURES)


def empty(path, name, splits=("train",), count=3, drop=()):
    """The manifest as another file, with the mood of some rows left out."""
    rows = list(csv.DictReader(path.read_text().splitlines()))
    for row in [row for row in rows if row["split"] in splits][:count]:
        row["label:mood"] = ""
    kept = [column for column in rows[0] if column not in drop]
    with path.with_name(name).open("w", newline="") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path.with_name(name)


def settings(path, **corpus):
    return dict(manifest=str(path), data_dir=str(path.parent / "data"), target="mood", unlabelled="train") | corpus


def test_they_are_read_and_batches_say_who_has_a_label(path):
    asked = settings(empty(path, "some.csv"))
    recordings = manifest.load(asked)
    train = recordings.splits["train"]
    assert [bool(r.targets) for r in train] == [False] * 3 + [True] * (len(train) - 3)
    assert "3 of 12 rows have no label, and train without one" in str(manifest.describe(asked).remarks)
    config = own.use(zoo.get_config("colearning,manifest,crossmodal_transfer"), path)
    data = small.load_config(config).data
    split = splits.build_split([*train, *recordings.splits["validation"]], data)
    batch = corpora.take_batch(
        split.corpus, np.array([2, 3, -1]), *[{m: np.zeros(1) + n for m in own.FEATURES} for n in (0, 1)]
    )
    assert batch["mask"].tolist() == [True, True, False]
    assert batch["labelled"].tolist() == [False, True, False]
    assert np.isfinite(batch["target"]).all()
    members = splits.make_folds(recordings, None)
    folds = folding.build_folds(split.corpus, split.index, members, splits.choose_standardized(data))
    assert set(np.asarray(folds.train[0]).tolist()) >= set(range(len(train)))
    whole = splits.build_split(manifest.load(settings(path)).splits["train"], data)
    assert not whole.corpus.target.partial


def test_a_teacher_teaches_of_what_has_no_label(path, tmp_path):
    """Albanie's transfer from start to end: the run counts all rows, and says of how many it knows the label."""
    config = own.use(zoo.get_config("colearning,manifest,crossmodal_transfer"), empty(path, "run.csv"), target="mood")
    config.corpus.unlabelled = "train"
    config.study.update(seeds=1)
    with config.unlocked():
        config.search = base.search()
        for stage in ("teachers", "fit"):
            config.studies.crossmodal_transfer.stages[stage].epochs = 1
        config.studies.crossmodal_transfer.model.widths = (4,)
    results = small.run(config, tmp_path / "run")
    assert results.corpus.counts["train"].recordings == 8
    assert sum(results.corpus.counts["train"].classes.values()) == 5
    assert all(np.isfinite(trial.test["uar"]) for trial in results.trials)


@pytest.mark.parametrize(
    ("changes", "corpus", "message"),
    [
        ({}, dict(unlabelled="refuse"), "has no label 'mood'; fill the cell or delete the row"),
        (dict(splits=("validation",), count=1), {}, "has no label 'mood'; fill the cell or delete the row"),
        (dict(drop=("split",)), {}, "needs a column 'split' with train and validation"),
        ({}, dict(layout="group"), "which only the layout 'item' allows"),
    ],
)
def test_where_they_cannot_be(changes, corpus, message, path):
    with pytest.raises(UserError, match=message):
        manifest.load(settings(empty(path, "bad.csv", **changes), **corpus))
