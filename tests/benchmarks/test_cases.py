"""The timed cases are the shipped configs: same modalities, task, stages and batch."""

import importlib

import pytest

from benchmarks.cases import BATCH, CASES, SPEECH, choose, examples


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


def test_cases_are_chosen_by_name_or_by_what_stands_before_a_dash():
    names = [case.name for case in CASES]
    assert choose(["sew", "seqsew-mosi"], names) == ["sew", "seqsew-mosi-1", "seqsew-mosi-2"]
    with pytest.raises(ValueError, match="'seq' is none of sew"):
        choose(["seq"], names)
