"""The timed cases are the shipped configs: same modalities, task, stages and batch."""

import importlib

import jax
import numpy as np
import pytest

from affect_jax.config.load import load_config
from affect_jax.config.stages import PRECISIONS as stage_precisions
from affect_jax.reports.thesis import TABLES
from benchmarks import ahead, jax_side
from benchmarks.cases import (
    BATCH,
    BY_NAME,
    CASES,
    FUSION,
    OURS,
    PRECISIONS,
    PRODUCT,
    SIDES,
    SPEECH,
    choose,
    in_precision,
    sides_of,
)
from benchmarks.data import examples, utterances
from benchmarks.studies import FEW, GRID, MODELS, STUDIES, TRIALS_EACH, table_4_1


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_is_its_config(case):
    file, argument = case.config
    config = importlib.import_module(f"configs.{file}").get_config(argument)
    assert (config.model.weaker, *config.model.stronger) == (case.weaker[0], case.stronger[0])
    assert config.task == case.task
    assert config.stages[case.stage].batch == BATCH
    if config.data.unit == "window":
        assert config.data.window == case.frames


def test_both_sides_get_the_same_examples():
    case = next(case for case in CASES if case.ragged)
    first, second = examples(case), examples(case)
    assert len(first) == case.recordings
    assert max(len(e.target) for e in first) == case.frames
    assert len({len(e.target) for e in first}) > 1
    for one, other in zip(first, second, strict=True):
        assert {m: x.shape[1] for m, x in one.features.items()} == dict([case.weaker, case.stronger])
        assert all((one.features[m] == other.features[m]).all() for m in one.features)
        assert set(one.target) <= {0.0, 1.0}


def test_speech_cases_are_conflictnet():
    for case in SPEECH:
        file, argument = case.config
        config = importlib.import_module(f"configs.{file}").get_config(argument)
        assert (config.model.name, config.model.modality, config.data.unit) == ("conflictnet", "speech", "item")
        assert case.samples == case.seconds * config.corpus.rate
    assert config.stages[case.stage].batch == max(case.batch for case in SPEECH)


def test_fusion_cases_are_the_thesis_sizes():
    many = [trials.on(there) for name, trials in STUDIES.items() if "fusion" in name for there in (False, True)]
    for case in (*FUSION, *(trials.case for trials in many)):
        file, argument = case.config
        config = importlib.import_module(f"configs.{file}").get_config(argument)
        assert (config.model.name, config.data.unit) == ("attention_fusion", "item")
        assert config.model.modalities == tuple(case.sizes)
        assert config.model.map_steps == tuple(case.maps.get(m, (0, 0))[1] for m in case.sizes)
        assert (config.model.input_dropout, config.model.fidelity) == ((), "thesis")  # which drops no features
        assert {m: config.data.steps[m] for m in case.sizes} == {m: steps for m, (steps, _) in case.sizes.items()}
        assert config.model.classes == case.classes
        assert config.studies[case.attention].model.attention == case.attention
        stage = config.stages[case.stage]
        assert (stage.batch, stage.dropout, stage.optimizer.learning_rate) == (case.batch, case.dropout, case.rate)
        assert stage.optimizer.name == "adam"
    for trials in many:
        assert trials.case.recordings - 1 == trials.steps * trials.case.batch
        assert not trials.single or BY_NAME[trials.single].attention == trials.case.attention
    assert choose(["fusion"], [*BY_NAME, *STUDIES]) == [case.name for case in FUSION]
    assert choose(["trials"], [*BY_NAME, *STUDIES]) == list(STUDIES)


def test_studies_are_as_large_as_the_issue_asks():
    assert {name: case.trials for name, case in STUDIES.items()} == {
        "trials-sew": 125,
        "trials-seqsew": 10,
        "trials-fusion-4": 4,
        "trials-fusion-1": 1,
        "trials-fusion-8": 8,
        "trials-fusion-50": 50,
    }
    assert set(FEW) < set(STUDIES)


def test_on_an_accelerator_a_study_whose_step_is_shown_has_longer_epochs_and_one_process():
    for trials in STUDIES.values():
        there = trials.on(True)
        assert trials.on(False) is trials
        assert (there is trials) == (not trials.steps)
        if trials.steps:
            assert (there.steps, there.sides, there.trials) == (8, (OURS,), trials.trials)
            assert BY_NAME[there.single].train


def test_the_whole_table_is_extrapolated_by_an_arithmetic_that_stands_there():
    assert (MODELS, TRIALS_EACH) == (len(TABLES["4.1"].rows), 5 * 10)
    config = importlib.import_module("configs.fusion").get_config("all,iemocap")
    assert (config.stages.fit.batch, config.stages.fit.epochs) == (BATCH, 100)
    # 950 trials x 188 steps x 1 ms are 178.6 s.
    said = table_4_1(0.001)
    assert "19 models x 50 trials x 188 steps" in said
    assert "x 1.00 ms a trial's step" in said
    assert "3.0 minutes an epoch, 1.0 hours for 20 epochs of every trial, 5.0 for the 100" in said


def test_training_steps_are_timed_in_bfloat16_and_predictions_are_not():
    assert PRECISIONS == stage_precisions
    timed = [name for name, case in BY_NAME.items() if in_precision(case, "bfloat16")]
    assert [name for name in BY_NAME if name not in timed] == [name for name in BY_NAME if "prediction" in name]
    assert all(in_precision(case, "float32") for case in BY_NAME.values())


def test_trials_are_the_points_of_the_grid_or_seeds():
    grid, seeds = STUDIES["trials-sew"], STUDIES["trials-seqsew"]
    points = [grid.trial(number) for number in range(grid.trials)]
    assert {point.seed for point in points} == {0}
    assert len({tuple(point.weights.items()) for point in points}) == 5**3
    assert all(set(point.weights) == set(GRID) for point in points)
    config = importlib.import_module("configs.sew").get_config(grid.case.config[1])
    assert set(GRID) < set(config.stages.fit.losses)
    assert [seeds.trial(number) for number in (0, 3)] == [(0, {}), (3, {})]


def test_sides_that_are_timed_unasked():
    assert sides_of(PRODUCT) == (OURS, "pytorch")
    assert sides_of(BY_NAME["sew"]) == tuple(SIDES)
    for name, case in BY_NAME.items():
        assert sides_of(case)[:2] == (OURS, "pytorch")
        assert not ("prediction" in name and any("fused" in side for side in sides_of(case)))


def test_both_sides_get_the_same_utterances():
    case = FUSION[0]._replace(recordings=9, sizes={"text": (4, 3), "audio": (2, 5)})
    first, second = utterances(case), utterances(case)
    assert {m: x.shape for m, x in first.features.items()} == {"text": (9, 4, 3), "audio": (9, 2, 5)}
    assert all((first.features[m] == second.features[m]).all() for m in first.features)
    assert (first.target == second.target).all()
    assert set(first.target) <= set(range(7))


def test_cases_are_chosen_by_name_or_by_what_stands_before_a_dash():
    names = [case.name for case in CASES]
    assert choose(["sew", "seqsew-mosi"], names) == ["sew", "seqsew-mosi-1", "seqsew-mosi-2"]
    with pytest.raises(ValueError, match="'seq' is none of sew"):
        choose(["seq"], names)


def test_what_is_timed_has_the_sizes_and_the_schedule_of_the_release():
    jax_side = pytest.importorskip("benchmarks.jax_side")
    for case in (case for case in CASES if case.config[0] == "seqsew"):
        published = jax_side.load_published(*case.config)
        (study,) = (study for study in published.studies if study.name == "teachers")
        small = load_config(importlib.import_module("configs.seqsew").get_config(case.config[1]))
        assert small.remarks  # what a small corpus is trained with is something else
        assert not published.remarks
        assert (study.model["latent"], small.studies[0].model["latent"]) == (100, 16)
        assert case.stage in [stage.name for stage in study.stages]
        assert study.hyper[case.stage].learning_rate == (1e-4 if case.task == "binary" else 1e-5)
    (sew,) = (s for s in jax_side.load_published("sew", "arousal,geo+audio").studies if s.name == "teachers")
    assert sew.hyper["fit"].learning_rate == 1e-3
    assert set(GRID) | {"prediction"} == set(sew.hyper["fit"].loss_weights)


def test_a_case_takes_a_step_here_and_is_lowered_for_a_gpu():
    """What `make bench`, `benchmarks.turns` and `benchmarks.ahead` do first, at the smallest case."""
    case = BY_NAME["sew"]
    steps = jax_side.Steps(case)
    assert np.isfinite(steps.run(1))
    assert steps.products == steps.count() > 0
    assert "stablehlo.while" in ahead.lower(case, "float32", 2, jax.devices()[0]).as_text()
