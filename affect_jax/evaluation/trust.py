"""How far the answers of a finished run can be trusted: calibrated on each trial's validation split, tested on test.

A trial's temperature, map and thresholds are fitted on its own validation answers; its test answers are then measured
as they are and calibrated. Of a cross-validation the folds of one seed are joined first, so that errors of calibration,
which few answers exaggerate, are of all answers together; figures are means over seeds, or over trials of one test
part.
"""

from typing import NamedTuple

import numpy as np

from affect_jax.evaluation import over_groups, read
from affect_jax.evaluation.decision import Contrast, contrast_scores, correct_family
from affect_jax.evaluation.design import Design, derive_design
from affect_jax.evaluation.read import Run, Source
from affect_jax.evaluation.significance import LEAST_UNITS, Interval, bootstrap_groups
from affect_jax.experiment.calibrations import Calibration, fit_calibration
from affect_jax.experiment.predictions_file import Predictions
from affect_jax.experiment.results_file import TrialResult
from affect_jax.metrics import calibration, conformal, selective
from affect_jax.metrics.calibration import Reliability

COVERAGE = 0.9
"""Of the sets and intervals of a report."""
SURE = 0.8
"""The share of answers, the surest ones, whose error a report has."""


class Tested(NamedTuple):
    """The S joined rows of test answers over the N steps that all of them answer.

    Attributes:
      raw: float64 [S, N, C] probabilities, or [S, N] numbers.
      mended: the same at the temperature, or mapped by scale and offset.
      isotonic: the probabilities on isotonic curves; of numbers the same as `mended`.
      covered: bool [S, N], whether the set or interval holds the truth.
      size: float64 [S, N], classes in the set, or the interval's width.
      target: float64 [N]; classes are whole numbers.
      group: [N].
    """

    raw: np.ndarray
    mended: np.ndarray
    isotonic: np.ndarray
    covered: np.ndarray
    size: np.ndarray
    target: np.ndarray
    group: np.ndarray


class Trust(NamedTuple):
    """How far one variant can be trusted.

    Attributes:
      run: where it is from.
      source: which variant.
      design: of its trials.
      fitted: a calibration a trial; isotonic curves were fitted beside it.
      maps: an affine map a trial; () of classes.
      tested: its test answers.
      scores: name -> float64 [S], see `measure_classes` and `measure_numbers`.
      contrast: calibrated minus as answered, by the rule of all comparisons: the log loss of classes, the RMSE of
        numbers, a value a trial.
      intervals: name -> of a score over other groups; without those that few groups leave open.
    """

    run: Run
    source: Source
    design: Design
    fitted: tuple[Calibration, ...]
    maps: tuple[calibration.AffineMap, ...]
    tested: Tested
    scores: dict[str, np.ndarray]
    contrast: Contrast
    intervals: dict[str, Interval]

    @property
    def is_of_classes(self) -> bool:
        return self.run.results.task in read.TASKS_OF_CLASSES


def assess_run(run: Run) -> list[Trust]:
    """Every variant, and every ensemble, that has labelled test answers and validation answers to be calibrated on.

    The contrasts of a run are one family of Holm's correction.
    """
    known = [one for source in read.list_variants(run) if (one := _assess(run, source)) is not None]
    contrasts = correct_family([one.contrast for one in known])
    return [one._replace(contrast=contrast) for one, contrast in zip(known, contrasts, strict=True)]


def _assess(run: Run, source: Source) -> Trust | None:
    task, matched = run.results.task, read.match_trials(run, source)
    keys, numbers = sorted(matched), [matched[key] for key in sorted(matched)]
    trials = [run.results.trials[number] for number in numbers]
    # Labels of a test split may be kept back, and what was fitted on validation, too, would test itself.
    if not all(trial.test and trial.validation for trial in trials) or any(_knows_validation(t) for t in trials):
        return None
    both = [read.read_predictions(run, source.study, split) for split in ("validation", "test")]
    chosen = [one and one.select_trials(numbers) for one in both]
    if any(one is None for one in chosen):
        return None
    validation, test = chosen
    fitted = [_fit(task, validation, row) for row in range(len(numbers))]
    if None in fitted:
        return None
    design = derive_design(keys, "test", run.results.corpus)
    is_of_classes = task in read.TASKS_OF_CLASSES
    calibrations, maps = tuple(one for one, _ in fitted), tuple(one for _, one in fitted if one is not None)
    curves = [_fit_curves(task, validation, row) for row in range(len(numbers))] if is_of_classes else []
    mended = (
        _mend_classes(task, test, calibrations, curves) if is_of_classes else _mend_numbers(test, calibrations, maps)
    )
    joined = over_groups.join_folds(test._replace(prediction=mended), numbers, design)
    if joined is None:
        return None
    split = _split_classes if is_of_classes else _split_numbers
    tested = split(joined)
    if not len(tested.target):
        return None
    scores = (measure_classes if is_of_classes else measure_numbers)(tested)
    error = _log_loss if is_of_classes else _root_error
    alone = [split(_take_row(test, mended, row)) for row in range(len(keys))]
    before, after = (np.array([error(of_trial, name) for of_trial in alone]) for name in ("raw", "mended"))
    contrast = contrast_scores(after, before, design, _bound_change(tested, is_of_classes))
    return Trust(
        run=run,
        source=source,
        design=design,
        fitted=calibrations,
        maps=maps,
        tested=tested,
        scores=scores,
        contrast=contrast,
        intervals=_bound(tested, is_of_classes),
    )


def _knows_validation(trial: TrialResult) -> bool:
    return trial.classical is not None and trial.classical.fitted_on != "train"


def _fit(task: str, validation: Predictions, row: int) -> tuple[Calibration, calibration.AffineMap | None] | None:
    """What a trial's validation answers give; None where it has none."""
    asked = validation.is_known[row]
    prediction, target = validation.prediction[row, asked], validation.target[asked]
    fitted = fit_calibration(task, prediction, target)
    if fitted is None or task in read.TASKS_OF_CLASSES:
        return fitted and (fitted, None)
    is_finite = np.isfinite(prediction) & np.isfinite(target)
    return fitted, calibration.fit_affine(prediction[is_finite], target[is_finite])


def _fit_curves(task: str, validation: Predictions, row: int) -> calibration.Curves:
    """The isotonic curves of a trial's validation answers, of which it has some."""
    asked = validation.is_known[row]
    shares, target = (
        calibration.compute_probabilities(task, validation.prediction[row, asked]),
        validation.target[asked],
    )
    is_finite = np.isfinite(shares).all(-1) & np.isfinite(target)
    return calibration.fit_isotonic(shares[is_finite], target[is_finite].astype(int))


def _mend_classes(
    task: str, test: Predictions, fitted: tuple[Calibration, ...], curves: list[calibration.Curves]
) -> np.ndarray:
    """[R, F, 4 C]: probabilities as they are, at the temperature, on isotonic curves, and 1 of classes in the set."""
    raw = calibration.compute_probabilities(task, test.prediction)
    tempered = np.stack([calibration.apply_temperature(x, of.temperature) for x, of in zip(raw, fitted, strict=True)])
    limits = [_find_limit(of, 1.0) for of in fitted]
    sets = [conformal.choose_sets(x, limit) for x, limit in zip(tempered, limits, strict=True)]
    curved = np.stack([calibration.apply_isotonic(x, of) for x, of in zip(raw, curves, strict=True)])
    known = [np.where(np.isnan(raw), np.nan, values) for values in (tempered, curved)]
    return np.concatenate([raw, *known, np.stack(sets)], -1)


def _mend_numbers(
    test: Predictions, fitted: tuple[Calibration, ...], maps: tuple[calibration.AffineMap, ...]
) -> np.ndarray:
    """[R, F, 3]: numbers as they are, mapped, and half the width of the interval."""
    raw = test.prediction.astype(np.float64)
    mapped = np.stack([of.apply(x) for x, of in zip(raw, maps, strict=True)])
    half = np.stack([np.full(x.shape, _find_limit(of, np.inf)) for x, of in zip(raw, fitted, strict=True)])
    return np.stack([raw, mapped, half], -1)


def _find_limit(fitted: Calibration, of_all: float) -> float:
    """The threshold of `COVERAGE`; `of_all`, which leaves nothing out, where too few answers allow no promise."""
    limit = fitted.thresholds[f"{COVERAGE:g}"]
    return of_all if limit is None else limit


def _take_row(test: Predictions, mended: np.ndarray, row: int) -> Predictions:
    """One trial's own answers."""
    asked = test.is_known[row]
    return test._replace(prediction=mended[[row]], asked=asked[None]).select_steps(asked)


def _choose_steps(joined: Predictions) -> np.ndarray:
    """bool [F]: steps that have a label and that all rows answer."""
    is_answered = np.isfinite(joined.prediction[..., 0]).all(0)
    return np.isfinite(joined.target) & joined.is_known.all(0) & is_answered


def _split_classes(joined: Predictions) -> Tested:
    chosen = joined.select_steps(_choose_steps(joined))
    raw, mended, isotonic, sets = np.split(chosen.prediction, 4, axis=-1)
    target = chosen.target.astype(int)
    covered = sets[:, np.arange(len(target)), target] > 0.5
    answers = dict(raw=raw, mended=mended, isotonic=isotonic)
    return Tested(**answers, covered=covered, size=sets.sum(-1), target=target, group=chosen.group)


def _split_numbers(joined: Predictions) -> Tested:
    chosen = joined.select_steps(_choose_steps(joined))
    raw, mended, half = np.moveaxis(chosen.prediction, -1, 0)
    target = chosen.target.astype(np.float64)
    answers = dict(raw=raw, mended=mended, isotonic=mended)
    return Tested(**answers, covered=np.abs(raw - target) <= half, size=2 * half, target=target, group=chosen.group)


def measure_classes(tested: Tested) -> dict[str, np.ndarray]:
    """[S] each: accuracy; ece, brier and log_loss, as answered, ('… mended') calibrated and ('… isotonic'); aurc, the
    area under risk against coverage of the calibrated answers, and risk, their error at `SURE`; coverage and size of
    the sets.
    """
    rows: list[dict[str, float]] = []
    for raw, mended, isotonic, covered, size in zip(*tested[:5], strict=True):
        wrong, doubt = (mended.argmax(-1) != tested.target).astype(float), 1 - calibration.find_largest(mended)
        row = {"accuracy": 1 - wrong.mean()}
        for name, shares in (("", raw), (" mended", mended), (" isotonic", isotonic)):
            bins = calibration.bin_confidences(shares, tested.target)
            row[f"ece{name}"] = float(calibration.expected_calibration_error(bins))
            row[f"brier{name}"] = calibration.brier_score(shares, tested.target)
            row[f"log_loss{name}"] = calibration.negative_log_likelihood(shares, tested.target)
        row |= {"aurc": selective.area_under_risk(doubt, wrong), "risk": selective.risk_at(SURE, doubt, wrong)}
        rows.append(row | {"coverage": covered.mean(), "size": size.mean()})
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def measure_numbers(tested: Tested) -> dict[str, np.ndarray]:
    """[S] each: rmse, as answered and ('rmse mended') mapped; coverage and size, the width, of the intervals."""
    errors = {"rmse": tested.raw, "rmse mended": tested.mended}
    values = {name: np.sqrt(np.square(x - tested.target).mean(-1)) for name, x in errors.items()}
    return values | {"coverage": tested.covered.mean(-1), "size": tested.size.mean(-1)}


def sum_reliability(tested: Tested, name: str) -> Reliability:
    """The bins of all rows' answers together, of `raw` or `mended` probabilities."""
    bins = [calibration.bin_confidences(shares, tested.target) for shares in getattr(tested, name)]
    return Reliability(*(np.sum(values, axis=0) for values in zip(*bins, strict=True)))


def trace_risks(tested: Tested) -> np.ndarray:
    """float64 [N]: the error at every coverage of the calibrated classes, the mean of all rows."""
    rows = [
        selective.trace_risk(1 - calibration.find_largest(shares), (shares.argmax(-1) != tested.target).astype(float))
        for shares in tested.mended
    ]
    return np.mean(rows, axis=0)


def _log_loss(tested: Tested, name: str) -> float:
    return calibration.negative_log_likelihood(getattr(tested, name)[0], tested.target)


def _root_error(tested: Tested, name: str) -> float:
    return float(np.sqrt(np.square(getattr(tested, name)[0] - tested.target).mean()))


def _sum_by_group(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """float64 [S, N, ...] -> [S, G, ...], summed within groups."""
    order = np.argsort(group, kind="stable")
    _, starts = np.unique(group[order], return_index=True)
    return np.add.reduceat(values[:, order], starts, axis=1, dtype=np.float64)


def _bound(tested: Tested, is_of_classes: bool) -> dict[str, Interval]:
    """Over other groups: the coverage, and the calibrated ECE of classes; {} of fewer than `LEAST_UNITS` groups."""
    if len(np.unique(tested.group)) < LEAST_UNITS:
        return {}
    ones = np.ones(tested.covered.shape)
    counts = _sum_by_group(np.stack([tested.covered, ones], -1), tested.group)
    intervals = {"coverage": bootstrap_groups(counts, None, _score_mean)}
    if is_of_classes:
        gaps = np.stack([_place_gaps(shares, tested.target) for shares in tested.mended])
        intervals["ece mended"] = bootstrap_groups(_sum_by_group(gaps, tested.group), None, _score_gaps)
    return intervals


def _score_mean(sums: np.ndarray) -> np.ndarray:
    return sums[..., 0] / sums[..., 1]


def _score_root(sums: np.ndarray) -> np.ndarray:
    return np.sqrt(_score_mean(sums))


def _place_gaps(probabilities: np.ndarray, target: np.ndarray) -> np.ndarray:
    """float64 [N, B + 1]: each answer's confidence less whether it is right, in its bin, and 1: all that the ECE of a
    draw of groups needs, a third of the bins' three numbers."""
    placed = calibration.place_confidences(probabilities, target)
    return np.concatenate([placed.confidence - placed.right, np.ones((len(target), 1))], -1)


def _score_gaps(sums: np.ndarray) -> np.ndarray:
    """ECE [...] of `_place_gaps` summed [..., B + 1]; see `calibration.expected_calibration_error`."""
    return np.abs(sums[..., :-1]).sum(-1) / np.maximum(sums[..., -1], 1)


def _bound_change(tested: Tested, is_of_classes: bool) -> Interval | None:
    """Of the change of log loss or RMSE by calibration over other groups; None of fewer than `LEAST_UNITS`."""
    if len(np.unique(tested.group)) < LEAST_UNITS:
        return None

    def list_errors(values: np.ndarray) -> np.ndarray:
        if not is_of_classes:
            return np.square(values - tested.target)
        of_truth = values[:, np.arange(len(tested.target)), tested.target]
        return -np.log(np.maximum(of_truth, np.finfo(np.float32).tiny))

    ones = np.ones(tested.covered.shape)
    sums = [_sum_by_group(np.stack([list_errors(x), ones], -1), tested.group) for x in (tested.mended, tested.raw)]
    return bootstrap_groups(*sums, _score_mean if is_of_classes else _score_root)
