"""`launch.interactions` on a finished run, from its folder to the table."""

import csv
import sys

import jax
import numpy as np
import pytest
from absl import flags

from affect_jax.config.load import read_experiment
from affect_jax.data import splits
from affect_jax.errors import UserError
from affect_jax.evaluation.interactions import outcome_file, score_run
from affect_jax.experiment.results_file import read_results
from affect_jax.training import loop
from launch import interactions as launcher
from tests import fusion_run, small


@pytest.fixture(scope="module", autouse=True)
def corpus():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(splits, "load_recordings", lambda config, **_: fusion_run.corpus())
        yield


def give_large_weights(*study, **options):
    """In place of `loop.fit_study`: weights so large that interactions change answers."""
    fitted = small.give_drawn_weights(*study, **options)
    return fitted._replace(params=jax.tree.map(lambda leaf: 3 * leaf, fitted.params))


@pytest.fixture(scope="module")
def run(tmp_path_factory, corpus):
    """A run of two models; two folds, three seeds."""
    folder = tmp_path_factory.mktemp("runs") / "fusion"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "fit_study", give_large_weights)
        small.run(fusion_run.config("cross", "intra A"), folder, "configs/fusion.py:all,ravdess")
    return folder


@pytest.fixture
def main(monkeypatch):
    def call(*arguments):
        values = flags.FlagValues()
        launcher.define_flags(values)
        argv = ["interactions", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        rest = values(argv)
        monkeypatch.setattr(launcher, "FLAGS", values)
        launcher.main(rest)

    return call


def test_the_whole_model_scores_what_the_run_says_and_the_table_what_is_lost(run, main, capsys):
    main(f"--run={run}", "--block=8")  # 12 clips of two actors: two blocks, the second one padded
    printed = capsys.readouterr().out
    assert "How much of the score is interaction? synthetic corpus ravdess" in printed
    with open(run / "interactions" / "interactions.csv", newline="") as file:
        [line] = csv.DictReader(line for line in file if not line.startswith("# "))
    trials = [trial for trial in read_results(run).trials if trial.study == "cross"]
    assert float(line["whole"]) == pytest.approx(np.mean([trial.test["uar"] for trial in trials]), abs=1e-5)
    assert float(line["difference"]) == pytest.approx(float(line["whole"]) - float(line["projected"]), abs=1e-5)
    assert (line["model"], line["order"], line["n"], line["block"]) == ("cross", "1", "6", "8")
    assert 0 < float(line["changed"]) < 1


def test_what_was_asked_before_is_read_again_and_not_after_another_training(run, main, capsys, monkeypatch):
    main(f"--run={run}", "--block=8", "--study=cross")
    asked = capsys.readouterr()
    monkeypatch.setattr(score_run, "score_run", None)  # asks nothing
    main(f"--run={run}", "--block=8", "--study=cross")
    assert capsys.readouterr().out == asked.out
    (outcome,) = outcome_file.read_outcome(run, ["cross"], 8).values()
    assert outcome.block == 8
    assert len(outcome.trials) == 6
    assert outcome_file.read_outcome(run, ["cross"], 9) is None


def test_of_co_learning_the_deployed_modality_alone_is_asked(run):
    [spec] = [study for study in read_experiment(run).studies if study.name == "cross"]
    taught = spec._replace(model=dict(name="multiview", modalities=("face", "voice")))
    assert score_run._ask_study(taught, ("face", "voice")).parts == (("face",),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--study=cros"], "--study='cros'.*'cross'.*is not in"),
        (["--study=intra A"], "answers from 1 modality, and interactions are those of 2 to 4"),
    ],
)
def test_what_cannot_interact_is_told(run, main, arguments, message):
    with pytest.raises(UserError, match=message):
        main(f"--run={run}", *arguments)
