"""The timed cases are the shipped configs: same modalities, task, stages and batch."""

import importlib

import pytest

from benchmarks.cases import BATCH, BY_NAME, CASES, FUSION, OURS, PRODUCT, SIDES, SPEECH, choose, sides_of
from benchmarks.data import examples, utterances
from benchmarks.studies import GRID, ROWS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case_is_its_config(case):
    file, argument = case.config
    config = importlib.import_module(f"configs.{file}").get_config(argument)
    assert (config.model.weaker, config.model.stronger) == (case.weaker[0], case.stronger[0])
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
        assert (config.model.name, config.model.weaker, config.data.unit) == ("conflictnet", "speech", "item")
        assert case.samples == case.seconds * config.corpus.rate
    assert config.stages[case.stage].batch == max(case.batch for case in SPEECH)


def test_fusion_cases_are_the_thesis_sizes():
    many = [ROWS["rows-fusion-4"], ROWS["rows-fusion-50"]]
    for case in (*FUSION, *(rows.case for rows in many)):
        file, argument = case.config
        config = importlib.import_module(f"configs.{file}").get_config(argument)
        assert (config.model.name, config.data.unit) == ("attention_fusion", "item")
        assert config.model.modalities == tuple(case.sizes)
        assert config.model.map_steps == tuple(case.maps.get(m, (0, 0))[1] for m in case.sizes)
        assert config.model.input_dropout == (0, 0, 0)
        assert {m: config.data.steps[m] for m in case.sizes} == {m: steps for m, (steps, _) in case.sizes.items()}
        assert config.model.classes == case.classes
        assert config.studies[case.attention].override.model.attention == case.attention
        stage = config.stages[case.stage]
        assert (stage.batch, stage.dropout, stage.optimizer.learning_rate) == (case.batch, case.dropout, case.rate)
        assert stage.optimizer.name == "adam"
    for rows in many:
        assert rows.case.recordings - 1 == rows.steps * rows.case.batch
        assert not rows.single or BY_NAME[rows.single].attention == rows.case.attention
    assert choose(["fusion"], [*BY_NAME, *ROWS]) == [case.name for case in FUSION]
    assert choose(["rows"], [*BY_NAME, *ROWS]) == list(ROWS)


def test_studies_are_as_large_as_the_issue_asks():
    assert {name: case.rows for name, case in ROWS.items()} == {
        "rows-sew": 125,
        "rows-seqsew": 10,
        "rows-fusion-4": 4,
        "rows-fusion-50": 50,
    }


def test_rows_are_the_points_of_the_grid_or_seeds():
    grid, seeds = ROWS["rows-sew"], ROWS["rows-seqsew"]
    points = [grid.row(number) for number in range(grid.rows)]
    assert {point.seed for point in points} == {0}
    assert len({tuple(point.weights.items()) for point in points}) == 5**3
    assert all(set(point.weights) == set(GRID) for point in points)
    config = importlib.import_module("configs.sew").get_config(grid.case.config[1])
    assert set(GRID) < set(config.stages.fit.losses)
    assert [seeds.row(number) for number in (0, 3)] == [(0, {}), (3, {})]


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
