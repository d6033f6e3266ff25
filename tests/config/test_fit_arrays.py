"""Every config that takes one's own corpus takes padded arrays, whose labels decide the task."""

import dataclasses
import re

import numpy as np
import pytest

from affect_jax.config.load import load_config, resolve_document
from affect_jax.config.stages import METRICS
from affect_jax.datasets import arrays
from affect_jax.errors import UserError
from affect_jax.experiment.results import score_trial
from configs import conflictnet, fusion, rank, seqsew, sew, zoo
from tests.datasets.arrays import files

ALONE = {"text", "audio", "vision"}
CASES = [
    (rank, "arrays", {}, ("sentiment_regression", "item", "item", ALONE)),
    (rank, "arrays", dict(target="classification_labels"), ("multiclass", "item", "item", ALONE)),
    (rank, "arrays,sequence", {}, ("sentiment_regression", "recording", "group", ALONE)),
    (fusion, "trimodal,arrays", {}, ("sentiment_regression", "item", "item", {"intra", "cross"})),
    (fusion, "", dict(target="annotations"), ("multiclass", "item", "item", {"intra", "cross"})),
    (sew, "", dict(pair="vision+text"), ("sentiment_regression", "frame", "group", None)),
    (seqsew, "", dict(pair="audio+text"), ("sentiment_regression", "recording", "group", None)),
]


@pytest.fixture(scope="module")
def twin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays") / "twin"
    arrays.synthesize(folder, videos=25, clips=4, steps=4)
    return folder


def fit(config, argument, path, **corpus):
    raw = config.get_config(argument) if argument else config.get_config()
    raw.corpus.update(name="arrays", path=path and str(path), **corpus)
    return load_config(raw)


@pytest.mark.parametrize(
    ("config", "argument", "corpus", "expected"), CASES, ids=lambda x: getattr(x, "__name__", None)
)
def test_every_config_fits_arrays(config, argument, corpus, expected, twin):
    experiment = fit(config, argument, twin, **corpus)
    task, unit, layout, studies = expected
    assert (experiment.task, experiment.data.unit, experiment.corpus.settings["layout"]) == (task, unit, layout)
    assert studies is None or {study.name for study in experiment.studies} == studies
    assert experiment.data.target == corpus.get("target", "regression_labels")
    assert not experiment.corpus.synthetic  # a path was given; the folder's marker says what it holds
    again = resolve_document(experiment.document)
    assert again == dataclasses.replace(experiment, remarks=again.remarks)
    assert any("vision in" in remark for remark in experiment.remarks)
    if unit == "item":
        assert dict(experiment.data.steps) == dict.fromkeys(experiment.data.modalities, 4)


def test_a_sentiment_is_learned_by_its_absolute_error_and_scored_like_peers_do(twin):
    experiment = fit(fusion, "trimodal,arrays", twin)
    stage = experiment.document["stages"]["fit"]
    assert (stage["losses"]["prediction"]["kind"], stage["monitor"]["metric"]) == ("mae", "mae")
    scores = score_trial(experiment.task, np.array([1.0, -1, 0]), np.array([2.0, -1, 0]), np.arange(3))
    assert set(METRICS[experiment.task]) <= scores.keys()


def test_numbers_of_another_range_are_a_plain_regression(tmp_path):
    splits = files.make()
    for fields in splits.values():
        fields["labels"] = fields["labels"] + 4  # as POM: 1 to 7
    assert fit(rank, "arrays", files.write(tmp_path / "pom.pkl", splits)).task == "regression"


def test_without_files_the_twin_is_used_and_small(tmp_path):
    experiment = fit(fusion, "trimodal,arrays", None, data_dir=str(tmp_path))
    assert experiment.corpus.synthetic
    assert experiment.trials.seeds == 2
    assert arrays.load(experiment.corpus.settings).synthetic
    assert fit(seqsew, "", None, data_dir=str(tmp_path), pair="vision+text").corpus.settings["nonfinite"] == "zero"


def test_methods_that_cannot_take_the_arrays_are_left_out_and_told(tmp_path, twin):
    every = {study.name for study in fit(zoo, "fusion,arrays", twin, target="classification_labels").studies}
    assert {"mfn", "mulmix"} < every
    assert {study.name for study in fit(zoo, "fusion,arrays", twin).studies} == every - {"multiplicative", "mulmix"}
    splits = files.make()
    for fields in splits.values():
        fields["audio"] = np.repeat(fields["audio"], 2, axis=1)
    path = files.write(tmp_path / "unaligned.pkl", splits)
    unaligned = fit(zoo, "fusion,arrays", path)
    there = {study.name for study in unaligned.studies}
    assert "mult" in there
    assert not there & {"mfn", "mmuu_sa", "raven", "multiplicative"}
    told = next(remark for remark in unaligned.remarks if "step by step" in remark)
    assert re.match(r"left out: .*mfn.*; they read all modalities step by step, and steps differ \(.*audio", told)
    assert any(
        "mulmix, multiplicative; they combine classes, and the label is a number" in r for r in unaligned.remarks
    )
    # Asked for by its name it is not left out, and says what it needs when it meets the batch.
    assert [study.name for study in fit(zoo, "fusion,arrays,mfn", path).studies] == ["mfn"]


def test_raw_speech_is_not_in_arrays(twin):
    with pytest.raises(UserError, match=r"hears raw speech, but of the modalities text, audio, vision none"):
        fit(conflictnet, "", twin)
