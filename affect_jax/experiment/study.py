"""One study of a run: searched, trained, predicted and scored."""

import itertools
import math
import shutil
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import flax.linen as nn
import numpy as np

from affect_jax.config.hyper import flatten_hyper, flatten_paths, replace_hyper
from affect_jax.config.models import make_model
from affect_jax.config.parse import list_seeds
from affect_jax.config.schema import Study
from affect_jax.config.stages import Stage, list_own_metrics
from affect_jax.data import splits
from affect_jax.datasets.input_form import encode_form
from affect_jax.errors import UserError
from affect_jax.experiment import batches, kept_weights, labels_map, results
from affect_jax.experiment.context import Run
from affect_jax.experiment.results_file import AffineRecord, Results, Scores, SearchedPoint, Selection, TrialResult
from affect_jax.runtime import hosts, run_folder, run_identity
from affect_jax.runtime.files import read_json, write_json
from affect_jax.training import checkpoint, loop, objective, predictor
from affect_jax.training.trials import Trial, plan_trials
from affect_jax.types import Params

_SAME = 5e-3
"""Relative difference of scores that other devices may make; a class may just change sides."""


class StudyResult(NamedTuple):
    """What a study adds to a run.

    Attributes:
      trials: one for each trial.
      selections: what the search chose.
      searched: all points that it tried.
      predictions: split -> float32 [R, F], or [R, F, C] logits, NaN where a trial predicts nothing.
    """

    trials: list[TrialResult]
    selections: list[Selection]
    searched: list[SearchedPoint]
    predictions: dict[str, np.ndarray]


def run_study(run: Run, study: Study) -> StudyResult:
    """Searches, trains, predicts and scores one study; what the run folder already has of it is reused."""
    model = make_model(study.model)
    choices, selections, searched = _search(run, study, model)
    trials = [
        trial._replace(hyper=replace_hyper(trial.hyper, choices.get((trial.variant, trial.fold), {})))
        for trial in plan_final_trials(run, study)
    ]
    # Batch by batch, and saved as it comes: a study of many trials may not fit the memory, and a kill loses one batch.
    outcomes: list[TrialResult] = []
    predictions: dict[str, list[np.ndarray]] = {}
    for number, batch in enumerate(batches.split_into_batches(run, model, trials)):
        fitted = _fit(run, study, model, run_folder.name_fit(study.name, "final", number), batch)
        _save_weights(run, study, number, fitted, batch, first=len(outcomes))
        kept_weights.save_tokenizer(run.workdir, study.name, model)
        of_folds = [trial.fold for trial in batch]
        predicted, maps = _predict(run, study, model, fitted.params, of_folds, once=fitted.shared)
        for split, values in predicted.items():
            predictions.setdefault(split, []).append(values)
        alignment = _measure_alignment(run, study, model, fitted, batch)
        for at, trial in enumerate(batch):
            outcomes.append(
                TrialResult(
                    study=study.name,
                    variant=trial.variant,
                    fold=run.fold_names[trial.fold],
                    seed=trial.seed,
                    hyper=flatten_hyper(trial.hyper),
                    validation=_score_split(run, "validation", predicted, at, run.fold_names[trial.fold]),
                    test=_score_split(run, "test", predicted, at, run.fold_names[trial.fold]),
                    best_epoch={stage: int(epochs[at]) for stage, epochs in fitted.best_epoch.items()},
                    epochs={stage: int(epochs[at]) for stage, epochs in fitted.epochs.items()},
                    finite=bool(fitted.finite[at]),
                    stopped=fitted.stopped.get(at),
                    held_out_cca={name: results.round_score(values[at]) for name, values in alignment.items()},
                    affine=maps.get(at),
                )
            )
    joined = {split: np.concatenate(values) for split, values in predictions.items()}
    return StudyResult(outcomes, selections, searched, joined)


def plan_final_trials(run: Run, study: Study) -> list[Trial]:
    """Every variant x fold x seed, before a search has chosen anything."""
    seeds = list_seeds(run.experiment.trials.seeds)
    return plan_trials(study.variants, [{}], study.hyper, len(run.fold_names), seeds)


def plan_search_trials(run: Run, study: Study) -> list[Trial]:
    """The search's first round: every point for every variant that leaves some of it open, x fold x seed."""
    if len(study.points) == 1:  # nothing to choose from
        return []
    searched = {name: fixed for name, fixed in study.variants.items() if set(study.points[0]) - set(fixed)}
    seeds = list_seeds(run.experiment.search.seeds)
    return plan_trials(searched, study.points, study.hyper, len(run.fold_names), seeds)


def _plan_next_round(run: Run, study: Study, candidates: Sequence[results.Candidate], number: int) -> list[Trial]:
    """The trials of a later round, each variant and fold at points of its own: its validation alone proposes them."""
    # Here, as it imports scikit-learn's forests and scipy's statistics, seconds that no other run should wait for.
    from affect_jax.experiment.proposals import propose_points

    search, sign = run.experiment.search, study.stages[-1].sign
    ranges = {path: values for path, values in flatten_paths(search.ranges).items() if path in study.points[0]}
    trials = []
    for variant, fold in dict.fromkeys((candidate.variant, candidate.fold) for candidate in candidates):
        fixed = study.variants[variant]
        own = {path: values for path, values in ranges.items() if path not in fixed}
        scores: dict[tuple[tuple[str, float], ...], list[float]] = {}
        for candidate in candidates:
            if (candidate.variant, candidate.fold) == (variant, fold):
                point = tuple((path, candidate.hyper[path]) for path in sorted(own))
                scores.setdefault(point, []).append(sign * candidate.score)
        points = propose_points(
            own,
            tuple(map(dict, scores)),
            [statistics.fmean(values) for values in scores.values()],
            search.random,
            seed=search.draw + 1000 * number,
        )
        planned = plan_trials({variant: fixed}, points, study.hyper, fold + 1, list_seeds(search.seeds))
        trials += [trial for trial in planned if trial.fold == fold]
    return trials


def _fit(
    run: Run, study: Study, model: nn.Module, name: str, trials: Sequence[Trial], halving_rate: int = 0
) -> loop.Fitted:
    fitted = loop.fit_study(
        model,
        study.stages,
        run.experiment.task,
        run.development.corpus,
        run.folds,
        trials,
        engine=run.engine,
        folder=run.workdir / "checkpoints" / name,
        identity=run.identity,
        listener=_make_listener(run, name, trials, {stage.name: stage for stage in study.stages}),
        halving_rate=halving_rate,
    )
    for number, why in sorted(fitted.stopped.items()):
        trial = trials[number]
        where = f"{name}, {trial.variant}, fold {run.fold_names[trial.fold]}, seed {trial.seed}"
        run.display.say(f"note: {where} stopped and keeps its weights until then: {why}")
    return fitted


def _make_listener(run: Run, name: str, trials: Sequence[Trial], stages: Mapping[str, Stage]) -> loop.Listener:
    """Writes metrics.jsonl and TensorBoard events, and shows the epoch; in the first process."""
    if not hosts.is_leader():
        return loop.Listener(lambda _: None, lambda *_: None, run.stop)

    def write_epoch(progress: loop.Progress) -> None:
        lines = []
        for at, number in enumerate(progress.trials):
            trial = trials[number]
            values = {key: float(column[at]) for key, column in progress.log.items()}
            lines.append(
                {
                    "fit": name,
                    "stage": progress.stage,
                    "epoch": progress.epoch,
                    "trial": number,
                    "variant": trial.variant,
                    "fold": run.fold_names[trial.fold],
                    "seed": trial.seed,
                    **{key: value if np.isfinite(value) else None for key, value in values.items()},
                }
            )
        run_folder.append_metrics(run.workdir, lines)
        for key, column in progress.log.items():
            run.board.add_scalar(f"{name}/{progress.stage}/{key}", float(np.mean(column)), progress.epoch)
        run.display.epoch(
            f"{name} {progress.stage}",
            progress.epoch,
            progress.epochs,
            live=progress.live,
            of=progress.of,
            metric=stages[progress.stage].metric,
            best=stages[progress.stage].sign * progress.best,
        )

    def rewind(stage: str, epoch: int) -> None:
        if epoch:
            run.display.say(f"{name} {stage}: goes on after epoch {epoch}")
        run_folder.rewind_metrics(run.workdir, name, stage, epoch)
        run.display.begin(f"{name} {stage}")

    return loop.Listener(write_epoch, rewind, run.stop)


def _search(
    run: Run, study: Study, model: nn.Module
) -> tuple[dict[tuple[str, int], dict[str, float]], list[Selection], list[SearchedPoint]]:
    """Trains all points and picks, for each variant and fold, the point with the best validation score.

    Returns:
      (variant, fold) -> path -> value of the axes, what results.json says of it, and of all points.
    """
    searched = study.points[0]  # all have the same paths
    open_axes = {name: [path for path in searched if path not in fixed] for name, fixed in study.variants.items()}
    trials = plan_search_trials(run, study)
    # Validation alone decides, fold by fold; the test split is not even loaded into `fit_study`.
    if not trials:  # a single point is set without a search
        folds = range(len(run.fold_names))
        single = {name: {path: searched[path] for path in paths} for name, paths in open_axes.items()}
        return {(name, fold): values for name, values in single.items() for fold in folds}, [], []
    candidates, numbers = [], itertools.count()
    for number in range(run.experiment.search.rounds):
        planned = _plan_next_round(run, study, candidates, number) if number else trials
        split = batches.split_into_brackets if run.experiment.search.halving else batches.split_into_batches
        for batch in split(run, model, planned):
            scores = _fit_search(run, study, model, run_folder.name_fit(study.name, "search", next(numbers)), batch)
            candidates += [
                results.Candidate(trial.variant, trial.fold, flatten_hyper(trial.hyper), score)
                for trial, score in zip(batch, scores, strict=True)
            ]
    choices = results.select_points(candidates, study.stages[-1].sign)
    values = {key: {path: choice.hyper[path] for path in open_axes[key[0]]} for key, choice in choices.items()}
    selections = [
        Selection(
            study=study.name,
            variant=variant,
            fold=run.fold_names[fold],
            hyper=values[variant, fold],
            score=results.round_score(choice.score),
            candidates=choice.candidates,
        )
        for (variant, fold), choice in choices.items()
    ]
    searched = [
        SearchedPoint(
            study=study.name,
            variant=one.variant,
            fold=run.fold_names[one.fold],
            hyper={path: one.hyper[path] for path in open_axes[one.variant]},
            score=results.round_score(one.score),
        )
        for one in candidates
    ]
    return values, selections, searched


def _fit_search(run: Run, study: Study, model: nn.Module, name: str, trials: Sequence[Trial]) -> list[float]:
    """Validation scores of a batch of searched trials, kept in the run folder once they are known."""
    folder, worst = run.workdir / "checkpoints" / name, -study.stages[-1].sign * math.inf
    summary = folder / "scores.json"
    if summary.exists():
        saved = read_json(summary)
        run_identity.check_origin(run.identity, saved["identity"], summary)
        return [worst if score is None else score for score in saved["scores"]]
    fitted = _fit(run, study, model, name, trials, run.experiment.search.halving or 0)
    scores = [float(x) for x in fitted.score]
    if hosts.is_leader():
        # JSON has no infinity, the score of a trial that never had a finite one.
        finite = [score if math.isfinite(score) else None for score in scores]
        write_json(summary, {"identity": run.identity._asdict(), "scores": finite})
        for stage in study.stages:  # only the scores of a search are wanted
            shutil.rmtree(folder / stage.name)
    return scores


def repredict_study(run: Run, study: Study, finished: Results, numbers: Sequence[int]) -> dict[str, np.ndarray]:
    """What a finished study's kept weights predict, as `StudyResult.predictions`.

    Args:
      run: open.
      study: of it.
      finished: its results, whose scores the predictions must have.
      numbers: the study's trials among all, in their order.

    Raises:
      UserError: weights are damaged, or they do not give the scores of the results.
    """
    model = make_model(study.model)
    predictions: dict[str, list[np.ndarray]] = {}
    folder = run_folder.locate_weights(run.workdir, study.name)
    for batch in sorted(folder.glob("[0-9]*")):
        leaves, meta = checkpoint.restore_checkpoint(batch, run.identity)
        (params,) = checkpoint.split_by_prefix(leaves, ("params",))
        trials = [finished.trials[number] for number in numbers[meta["first"] :][: meta["trials"]]]
        folds = [run.fold_names.index(trial.fold) for trial in trials]
        once = kept_weights.restore_shared(run.workdir, study.name, model, run.identity)
        # A run of an earlier version has no maps, and scores of what its models give.
        how = dict(once=once, is_mapped=any(trial.affine for trial in trials))
        predicted, _ = _predict(run, study, model, checkpoint.nest_leaves(params), folds, **how)
        for split, values in predicted.items():
            predictions.setdefault(split, []).append(values)
        for at, trial in enumerate(trials):
            _check_scores(run, _score_split(run, "validation", predicted, at, trial.fold), trial)
    return {split: np.concatenate(values) for split, values in predictions.items()}


def _check_scores(run: Run, scores: Scores | None, trial: TrialResult) -> None:
    """Refuses weights that do not give what results.json says of them."""
    for metric, expected in (trial.validation or {}).items():
        score = (scores or {}).get(metric)
        if expected is not None and (score is None or abs(score - expected) > _SAME * max(1.0, abs(expected))):
            raise UserError(
                f"{run.workdir / 'weights'} gives {metric} {score} on validation, variant {trial.variant!r}, fold "
                f"{trial.fold}, seed {trial.seed}, but results.json has {expected}; restore the folder's own weights"
            )


def _predict(
    run: Run,
    study: Study,
    model: nn.Module,
    params: Params,
    folds: Sequence[int],
    *,
    once: Params,
    is_mapped: bool | None = None,
) -> tuple[dict[str, np.ndarray], dict[int, AffineRecord]]:
    """split -> float32 [R, F] predictions (or [R, F, C] logits), back on the gold standard's own clock; and the map of
    each trial whose predictions were mapped to the labels.

    Args:
      run: open.
      study: of it.
      model: of the study.
      params: leaves [R, ...].
      folds: R of them.
      once: submodules of which all trials read one copy.
      is_mapped: whether they are mapped to the labels; None for as the config says.
    """
    fold_of = np.array(folds, np.int32)
    data, output = run.experiment.data, study.stages[-1].prediction
    examples = {"validation": np.asarray(run.folds.validation)}
    if run.test:
        examples["test"] = run.test_examples
    predictions = {}
    for name, numbers in examples.items():
        split = run.split(name)
        values = predictor.predict_split(
            model, params, fold_of, split.corpus, run.folds, numbers, output=output, engine=run.engine, once=once
        )
        if data.delay:
            values = np.stack([splits.restore_delayed_predictions(v, split, data.delay) for v in values])
        predictions[name] = values
    maps = {}
    if is_mapped if is_mapped is not None else labels_map.asks_for_map(run, study):
        maps = labels_map.map_to_labels(run, predictions, folds)
    if data.rescale == "authors":
        splits.rescale_predictions(predictions, run.development, run.folds, fold_of)
    if data.postprocess:
        splits.postprocess_predictions(predictions, {name: run.split(name) for name in predictions})
    return predictions, maps


def _save_weights(
    run: Run, study: Study, number: int, fitted: loop.Fitted, trials: Sequence[Trial], *, first: int
) -> None:
    """Each trial's weights with the standardisation of its fold, and how the features were made: all that a prediction
    needs."""
    fold_of = np.array([trial.fold for trial in trials])
    moments = {
        kind: {m: np.asarray(x)[fold_of] for m, x in getattr(run.folds, kind).items()} for kind in ("mean", "scale")
    }
    steps = {m: stream.steps for m, stream in run.development.corpus.inputs.items()}
    data = run.experiment.data
    meta = {"first": first, "trials": len(trials), "model": dict(study.model), "steps": steps, "unit": data.unit}
    if run.inputs is not None:
        meta["inputs"] = encode_form(run.inputs)
    folder = run_folder.locate_weights(run.workdir, study.name)
    if fitted.shared and not number:  # once for all batches of trials
        kept_weights.save_shared(run.workdir, study.name, fitted.shared, run.identity)
    checkpoint.save_checkpoint(folder / f"{number:03d}", 0, {"params": fitted.params, **moments}, meta, run.identity)


def _measure_alignment(
    run: Run, study: Study, model: nn.Module, fitted: loop.Fitted, trials: Sequence[Trial]
) -> dict[str, np.ndarray]:
    """Alignment loss -> float32 [R], correlation of the two codes on validation."""
    terms = objective.select_alignments(study.stages[-1].terms)
    if not terms:
        return {}
    fold_of = np.array([trial.fold for trial in trials], np.int32)
    corpus = run.development.corpus
    return predictor.measure_alignment(model, fitted.params, fold_of, corpus, run.folds, terms, engine=run.engine)


def _score_split(run: Run, name: str, predictions: dict[str, np.ndarray], trial: int, fold: str) -> Scores | None:
    """Scores of one trial of a fold; None where there is no such split, or it has no labels."""
    if name not in predictions:
        return None
    split = run.split(name)
    if name == "test" and not split.index.labelled.all():
        return None
    values, asked = predictions[name][trial], run.mark_asked(name, fold)
    own = list_own_metrics(stage for study in run.experiment.studies for stage in study.stages)
    return results.score_trial(run.experiment.task, values, split.target, split.recording, asked, own=own)
