"""The folds of a corpus with classical models -> a run folder like that of a network, with the study `baseline`.

Hyper-parameters are chosen on a fold's validation part alone. In a cross-validation the final model is then fitted on
everything but the test part, as those who publish such folds do; where the release has a validation part, on the
training part alone, as a network is, unless `refit` asks for both (what table 3.1 marks with a star). Validation scores
are always those of a model that has not seen the validation part.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax import metrics
from affect_jax.baselines import NAMES, descriptors, functionals, learners, neighbours
from affect_jax.data.folds import FoldMembers
from affect_jax.data.normalize import compute_moments
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.experiment import results
from affect_jax.runtime import run_folder

STUDY = "baseline"


class Plan(NamedTuple):
    """What to run.

    Attributes:
      task: one of metrics.TASKS.
      target: name of the target.
      methods: of `NAMES`.
      seeds: of random_subset; the others have nothing random.
      iterations: its random subsets.
      refit: fit finally on the training and validation part together; None where the corpus is cross-validated.
    """

    task: str
    target: str
    methods: tuple[str, ...]
    seeds: int = 1
    iterations: int = 10_000
    refit: bool | None = None


class _Clips(NamedTuple):
    """All labelled clips, N, and where they are."""

    recordings: list[Recording]
    y: np.ndarray  # float32 [N]
    groups: np.ndarray  # str [N]
    number: dict[str, int]  # recording id -> its place


class _Fold(NamedTuple):
    """One fold as places of clips."""

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def check_plan(plan: Plan) -> None:
    """Refuses a plan that cannot be run.

    Raises:
      UserError: an unknown method or task, openSMILE missing, or too few seeds or iterations.
    """
    for method in plan.methods:
        if method not in NAMES:
            raise UserError(
                f"--methods names {method!r}{suggest_nearest(method, NAMES)}; choose from {', '.join(NAMES)}"
            )
    if plan.task not in metrics.TASKS:
        raise UserError(
            f"config.task is {plan.task!r}{suggest_nearest(plan.task, metrics.TASKS)}; choose {metrics.TASKS}"
        )
    for name, least in (("seeds", 1), ("iterations", 1)):
        if getattr(plan, name) < least:
            raise UserError(f"--{name} is {getattr(plan, name)}; give {least} or more")
    if not plan.methods:
        raise UserError(f"no method is left to run; name some with --methods, of {', '.join(NAMES)}")
    if "is13" in plan.methods:
        functionals.make_extractor()


def make_tables(
    plan: Plan, recordings: Sequence[Recording], rate: int, cache: Path, progress: Callable[[str, int, int], None]
) -> dict[str, descriptors.Table]:
    """Method -> the descriptors [N, D] that it learns from.

    random_subset chooses among openSMILE's functionals, or among MFCC statistics where openSMILE is not installed.

    Raises:
      UserError: as `descriptors`.
    """
    found: dict[str, descriptors.Table] = {}
    methods = set(plan.methods)
    by_smile = "is13" in methods or ("random_subset" in methods and functionals.is_opensmile_installed())
    if {"mfcc_statistics", "both"} & methods or ("random_subset" in methods and not by_smile):
        found["mfcc_statistics"] = descriptors.compute_speech_table(
            recordings, rate, descriptors.make_mfcc_extractor(), cache, progress
        )
    if {"action_units", "both"} & methods:
        found["action_units"] = descriptors.make_action_unit_table(recordings)
    if "both" in methods:
        found["both"] = descriptors.join_tables(NAMES["both"], [found["mfcc_statistics"], found["action_units"]])
    if by_smile:
        found["is13"] = descriptors.compute_speech_table(
            recordings, rate, functionals.make_extractor(), cache, progress
        )
    if "random_subset" in methods:
        found["random_subset"] = found["is13" if by_smile else "mfcc_statistics"]
    return {method: found[method] for method in plan.methods}


def fit_folds(
    plan: Plan,
    recordings: Recordings,
    splits: Sequence[FoldMembers],
    rate: int,
    cache: Path,
    workdir: Path,
    *,
    name: str,
    config_arg: str,
    progress: Callable[[str, int, int], None] = lambda name, done, of: None,
) -> dict[str, Any]:
    """Fits every method on every fold and writes predictions.npz, kept_features.json and results.json.

    Args:
      plan: what to run.
      recordings: one label a recording.
      splits: its folds, of `parts.splits`.
      rate: of the speech, Hz.
      cache: folder of what is computed of the speech.
      workdir: the run folder, which is there.
      name: of the run.
      config_arg: for the record.
      progress: is told what is done: a name, how much of it, and of how much.

    Returns:
      What results.json holds.

    Raises:
      UserError: labels or features that do not fit the plan, or no validation part where something is to be chosen.
    """
    check_plan(plan)
    clips, folds = _clips(plan, recordings), []
    everywhere = [clips.number[r.id] for r in recordings.splits.get("test", ()) if r.id in clips.number]
    for split in splits:
        sides = [[clips.number[i] for i in side] for side in (split.train, split.validation, split.test)]
        folds.append(_Fold(split.name, *(np.array(side, int) for side in (*sides[:2], sides[2] or everywhere))))
    classes = 0 if plan.task in learners.REGRESSIONS else _classes(plan, clips, recordings)
    refit = bool(recordings.folds) if plan.refit is None else plan.refit
    trials, predictions, kept = [], {"validation": [], "test": []}, {}
    for method, table in make_tables(plan, clips.recordings, rate, cache, progress).items():
        for fold in folds:
            for seed in range(plan.seeds if method == "random_subset" else 1):
                trial, said, columns = _trial(plan, method, table, clips, fold, seed, classes, refit, progress)
                trials.append(trial)
                for split, values in said.items():
                    predictions[split].append(values)
                if columns:
                    kept[f"{fold.name}/{seed}"] = columns
    arrays = {f"{STUDY}/trial": np.arange(len(trials))}
    baseline = {}
    for split, values in predictions.items():
        stacked = np.stack(values)
        shown = ~np.isnan(stacked.reshape(len(trials), len(clips.y), -1)).all((0, 2))
        if not shown.any():
            continue
        arrays[f"{STUDY}/{split}/prediction"] = stacked[:, shown]
        arrays[f"{STUDY}/{split}/target"] = clips.y[shown]
        arrays[f"{STUDY}/{split}/id"] = np.array([r.steps[0] for r in clips.recordings])[shown]
        arrays[f"{STUDY}/{split}/group"] = clips.groups[shown]
        baseline[split] = results.score_baselines(plan.task, clips.y, shown)
    found = {
        "schema": run_folder.SCHEMA,
        "name": name,
        "config_arg": config_arg,
        "task": plan.task,
        "monitor": {"metric": _metric(plan.task), "goal": "max"},
        "corpus": {
            "name": recordings.corpus,
            "variant": recordings.form,
            "synthetic": recordings.synthetic,
            "fingerprint": recordings.fingerprint,
            "counts": _counts(plan, recordings),
            **({"labels": list(recordings.labels)} if recordings.labels else {}),
        },
        "trials": trials,
        "variants": results.summarize_variants(trials, ("validation", "test")),
        "selected": [],
        "baselines": baseline,
        "provenance": _provenance(plan),
    }
    run_folder.write_arrays(workdir / "predictions.npz", arrays)
    if kept:
        run_folder.write_json(workdir / "kept_features.json", kept)
    run_folder.write_json(workdir / "results.json", found)
    return found


def _clips(plan: Plan, recordings: Recordings) -> _Clips:
    every = [r for part in ("train", "validation", "test") for r in recordings.splits.get(part, ())]
    several = [r for r in every if len(r.steps) != 1]
    if several:
        raise UserError(
            f"recording {several[0].id} has {len(several[0].steps)} labels, expected one: these baselines are of whole "
            "clips; use a config whose config.data.unit is 'item'"
        )
    labelled = [r for r in every if plan.target in r.targets]
    there = {r.id for r in labelled}
    bare = [r.id for part in ("train", "validation") for r in recordings.splits.get(part, ()) if r.id not in there]
    if bare or not labelled:
        raise UserError(
            f"recording {(bare or [every[0].id])[0]} has no target {plan.target!r}; correct config.data.target"
        )
    return _Clips(
        labelled,
        np.array([r.targets[plan.target][0] for r in labelled], np.float32),
        np.array([r.group for r in labelled]),
        {r.id: n for n, r in enumerate(labelled)},
    )


def _classes(plan: Plan, clips: _Clips, recordings: Recordings) -> int:
    if (clips.y < 0).any() or (clips.y != np.rint(clips.y)).any():
        wrong = clips.y[(clips.y < 0) | (clips.y != np.rint(clips.y))][0]
        raise UserError(f"target {plan.target!r} has the value {wrong:g}, which is no class; correct config.task")
    return 2 if plan.task == "binary" else max(len(recordings.labels), int(clips.y.max()) + 1)


def _metric(task: str) -> str:
    return "pcc" if task in learners.REGRESSIONS else "uar"


def _trial(
    plan: Plan,
    method: str,
    table: descriptors.Table,
    clips: _Clips,
    fold: _Fold,
    seed: int,
    classes: int,
    refit: bool,
    progress: Callable[[str, int, int], None],
) -> tuple[dict[str, Any], dict[str, np.ndarray], list[str]]:
    """One entry of results.json's trials, split -> its predictions [N] or [N, C], and the columns that were kept."""
    learner = {"is13": learners.SVM, "random_subset": learners.KNN}.get(method, learners.LINEAR)
    choices = learner.choices(plan.task)
    if len(choices) > 1 and not fold.validation.size:
        raise UserError(f"fold {fold.name!r} has no validation part to choose hyper-parameters on; give it one")
    if classes and len(np.unique(clips.y[fold.train])) < 2:
        raise UserError(f"fold {fold.name!r} trains on clips of one class only; take more clips or other folds")
    x, columns, chosen = table.values, [], {}
    if method == "random_subset":
        part = x[fold.train]
        mean, scale = compute_moments(part)
        selection = neighbours.select_features(
            (part - mean[None, :]) / scale[None, :],
            clips.y[fold.train],
            clips.groups[fold.train],
            classes=classes,
            iterations=plan.iterations,
            seed=seed,
            progress=lambda done, of: progress(f"{NAMES[method]}, {fold.name}, seed {seed}", done, of),
        )
        x, columns = x[:, selection.kept], [table.columns[c] for c in selection.kept]
        chosen = {"significant": selection.significant}

    def fitted(hyper: Mapping[str, float], places: np.ndarray) -> learners.Fitted:
        return learners.fit_learner(learner, plan.task, classes, hyper, x[places], clips.y[places])

    def spread(places: np.ndarray, predict: learners.Fitted) -> np.ndarray:
        shape = (len(clips.y), classes) if plan.task == "multiclass" else (len(clips.y),)
        values = np.full(shape, np.nan, np.float32)
        if places.size:
            values[places] = predict(x[places])
        return values

    tried = []
    for hyper in choices:
        predict = fitted(hyper, fold.train)
        validation = spread(fold.validation, predict)
        tried.append((_score(plan, learner, validation, clips), hyper, predict, validation))
        progress(f"{NAMES[method]}, {fold.name}", len(tried), len(choices))
    best = max(tried, key=lambda one: one[0][_metric(plan.task)])  # of equals the simplest
    score, hyper, predict, validation = best
    if refit:
        predict = fitted(hyper, np.concatenate([fold.train, fold.validation]))
    test = spread(fold.test, predict)
    trial = {
        "study": STUDY,
        "variant": NAMES[method],
        "fold": fold.name,
        "seed": seed,
        "hyper": hyper,
        "finite": True,
        "features": table.name,
        "columns": len(columns) or len(table.columns),
        **chosen,
        "fitted_on": "train+validation" if refit else "train",
        "tried": [{"hyper": h, "score": s[_metric(plan.task)]} for s, h, _, _ in tried],
        "validation": score if fold.validation.size else None,
        "test": _score(plan, learner, test, clips) if fold.test.size else None,
    }
    return trial, {"validation": validation, "test": test}, columns


def _score(plan: Plan, learner: learners.Learner, values: np.ndarray, clips: _Clips) -> dict[str, float | None]:
    found = results.score_trial(plan.task, values, clips.y, np.zeros(len(clips.y), int))
    found = {name: value for name, value in found.items() if not name.endswith("_per_recording")}
    if "log_loss" in found and not learner.probabilities:
        found["log_loss"] = None
    return found


def _counts(plan: Plan, recordings: Recordings) -> dict[str, Any]:
    counts = {}
    for split, members in recordings.splits.items():
        counts[split] = {"recordings": len(members), "steps": len(members)}
        labels = [float(r.targets[plan.target][0]) for r in members if plan.target in r.targets]
        if plan.task not in learners.REGRESSIONS and labels:
            values, sizes = np.unique(labels, return_counts=True)
            counts[split]["classes"] = {str(int(v)): int(n) for v, n in zip(values, sizes, strict=True)}
    return counts


def _provenance(plan: Plan) -> dict[str, Any]:
    found = run_folder.describe_provenance(" ".join(sys.argv))
    if {"is13", "random_subset"} & set(plan.methods) and functionals.is_opensmile_installed():
        found["packages"] |= {"opensmile": functionals.make_extractor().version}
    return found
