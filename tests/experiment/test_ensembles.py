"""Ensembles of seeds and their calibration, from made-up predictions."""

import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.experiment import calibrations, chosen_trial, ensembles, predictions_file
from tests.run_results import make_corpus, make_results, make_trial, write_unsealed

CLIPS, SEEDS = 40, 3


@pytest.fixture
def make_run(tmp_path):
    """make_run(task) -> (folder, results, arrays): two folds of three seeds, and a variant of one seed."""

    def make(task, draws=None):
        random, rows, said = np.random.default_rng(0), [], []
        target = random.integers(0, 2 if task == "binary" else 3, CLIPS).astype(np.float32)
        for variant, seeds in (("net", SEEDS), ("lone", 1)):
            for fold in (0, 1):
                for seed in range(seeds):
                    scores = {"accuracy": 0.5 + seed / 10, "ccc": 0.5}
                    where = dict(variant=variant, fold=f"fold_{fold}", seed=seed)
                    rows.append(make_trial(**where, validation=scores, test=None))
                    values = random.normal(size=(CLIPS, 3)) + 2 * np.eye(3)[target.astype(int)]
                    values = 1 / (1 + np.exp(-values[:, 1])) if task == "binary" else values
                    values = values[:, 1] if task == "regression" else values
                    said.append(
                        np.where((np.arange(CLIPS) % 2 == fold).reshape(-1, *[1] * (values.ndim - 1)), values, np.nan)
                    )
        asked = np.stack([np.arange(CLIPS) % 2 == int(row.fold[-1]) for row in rows])
        prediction = np.stack(said).astype(np.float32)
        ids = np.array([f"c{i}" for i in range(CLIPS)])
        steps = {"prediction": prediction, "asked": asked, "target": target, "id": ids, "group": ids}
        arrays = {"net/trial": np.arange(len(rows))} | {f"net/validation/{name}": x for name, x in steps.items()}
        results = make_results(*rows, metric="accuracy", task=task, corpus=make_corpus())
        write_unsealed(tmp_path, results)
        np.savez(tmp_path / "predictions.npz", **arrays)
        return tmp_path, results, arrays

    return make


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_an_ensemble_averages_its_seeds_fold_by_fold(make_run, task):
    folder, results, arrays = make_run(task)
    known = ensembles.list_ensembles(results)
    assert [(one.variant, one.fold, one.members) for one in known] == [
        ("net", "fold_0", (0, 1, 2)),
        ("net", "fold_1", (3, 4, 5)),
    ]
    said = arrays["net/validation/prediction"][3:6, 1::2].astype(np.float64)
    if task == "multiclass":
        said = np.exp(said) / np.exp(said).sum(-1, keepdims=True)
    predictions = predictions_file.read_predictions(folder, "net", "validation")
    together = ensembles.average_members(task, predictions, (3, 4, 5))
    averaged = together.prediction[0]
    assert together.asked.tolist() == [[False, True] * (CLIPS // 2)]
    joined = ensembles.append_ensembles(task, predictions, {8: (0, 1, 2), 9: (3, 4, 5)})
    assert joined.trial.tolist() == list(range(10))
    np.testing.assert_array_equal(joined.prediction[9], averaged)
    assert np.isnan(averaged[0::2]).all()
    mine = np.exp(averaged[1::2]) if task == "multiclass" else averaged[1::2]
    np.testing.assert_allclose(mine, said.mean(0), rtol=1e-5)

    whole, members = ensembles.add_ensembles(folder, results)
    assert members == {8: (0, 1, 2), 9: (3, 4, 5)}
    assert whole.trials[: len(results.trials)] == results.trials
    added = whole.trials[len(results.trials) :]
    assert {(t.variant, t.seed, t.test) for t in added} == {("net ensemble", ensembles.SEED, None)}
    target = arrays["net/validation/target"][1::2]
    if task == "regression":
        x, y = said.mean(0), target
        ccc = 2 * np.cov(x, y, bias=True)[0, 1] / (x.var() + y.var() + (x.mean() - y.mean()) ** 2)
        assert added[1].validation["ccc"] == pytest.approx(ccc, abs=1e-5)
    else:
        answer = said.mean(0) >= 0.5 if task == "binary" else said.mean(0).argmax(-1)
        assert added[1].validation["accuracy"] == pytest.approx((answer == target).mean(), abs=1e-6)
    (summary,) = (
        [s for s in whole.variants if s.metric == "ccc"]
        if task == "regression"
        else [s for s in whole.variants if s.metric == "accuracy"]
    )
    assert (summary.variant, summary.n, set(summary.folds)) == ("net ensemble", 2, {"fold_0", "fold_1"})


def test_a_run_without_predictions_has_no_ensembles(make_run):
    folder, results, _ = make_run("binary")
    (folder / "predictions.npz").unlink()
    assert ensembles.add_ensembles(folder, results) == (results, {})
    assert calibrations.calibrate_trials(folder, results, (0,)) is None


def test_the_chosen_trial_has_its_ensemble(make_run):
    folder, _, _ = make_run("binary")
    assert chosen_trial.choose_members(chosen_trial.choose_trial(folder, "net")) == (0, 1, 2)
    with pytest.raises(UserError, match="'lone' has one seed of fold fold_0, and an ensemble takes two or more"):
        chosen_trial.choose_members(chosen_trial.choose_trial(folder, "lone"))


def test_a_calibration_is_of_the_trials_own_validation(make_run):
    folder, results, arrays = make_run("multiclass")
    fitted = calibrations.calibrate_trials(folder, results, (4,))
    own = arrays["net/validation/prediction"][4, 1::2], arrays["net/validation/target"][1::2]
    again = calibrations.fit_calibration("multiclass", *own)
    assert (fitted.temperature, fitted.answers) == (pytest.approx(again.temperature, rel=1e-5), again.answers)
    assert fitted.thresholds == pytest.approx(again.thresholds, rel=1e-4)
    assert fitted.answers == CLIPS // 2
    assert fitted.thresholds["0.8"] <= fitted.thresholds["0.9"] <= fitted.thresholds["0.95"]
    together = calibrations.calibrate_trials(folder, results, (3, 4, 5))
    assert together.temperature < fitted.temperature  # averages are less sure than their members
    numbers = calibrations.fit_calibration("regression", np.zeros(9), np.arange(9.0))
    assert (numbers.temperature, numbers.thresholds) == (None, {"0.8": 7.0, "0.9": 8.0, "0.95": None})
    assert calibrations.fit_calibration("binary", np.array([np.nan]), np.array([1.0])) is None
