"""The folds of a corpus with classical models -> a run folder like that of a network, with the study `baseline`.

Hyper-parameters are chosen on a fold's validation split alone. The final model is fitted on the training split alone,
as a network is, and, unless `refit` is off, once more on the training and validation splits together, as those who
publish such figures often do (table 3.1 marks that with a star): a variant of its own, whose name ends in ', refitted'.
The validation scores of both are those of the model that has not seen the validation split.
"""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affect_jax.baselines import descriptors, functionals, learners
from affect_jax.baselines.clips import Clips, Fold, collect_clips, count_classes, index_folds, mark_clips
from affect_jax.baselines.fit_trial import FittedTrial, Progress, Setting, choose_metric, fit_trial
from affect_jax.baselines.methods import NAMES, OF_FUNCTIONALS, OF_STEPS, REFITTED, STUDY
from affect_jax.baselines.plan import Plan, check_plan
from affect_jax.baselines.steps import make_step_table
from affect_jax.data.folds import FoldMembers
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.experiment import predictions_file, results
from affect_jax.experiment.results_file import (
    CorpusRecord,
    Monitor,
    Provenance,
    Results,
    SplitCount,
    write_results,
)
from affect_jax.runtime import run_folder
from affect_jax.runtime.files import write_json

SPLITS = ("validation", "test")
STEPS = "features of single steps"


def make_tables(
    plan: Plan, recordings: Sequence[Recording], rate: int, cache: Path, progress: Progress
) -> list[tuple[str, descriptors.Table]]:
    """Methods and the descriptors [N, D] that each learns from; with `plan.alone` a method has several.

    The methods on openSMILE's functionals, but is13, take MFCC statistics where openSMILE is not installed.

    Raises:
      UserError: as those of `descriptors`.
    """
    tables: dict[str, descriptors.Table] = {}
    methods = set(plan.methods)
    of_functionals = set(OF_FUNCTIONALS) & methods
    with_opensmile = "is13" in methods or (bool(of_functionals) and functionals.is_opensmile_installed())
    if {"mfcc_statistics", "both"} & methods or (of_functionals and not with_opensmile):
        extractor = descriptors.make_mfcc_extractor()
        tables["mfcc_statistics"] = descriptors.compute_speech_table(recordings, rate, extractor, cache, progress)
    if {"action_units", "both"} & methods:
        tables["action_units"] = descriptors.make_action_unit_table(recordings)
    if "both" in methods:
        tables["both"] = descriptors.join_tables(NAMES["both"], [tables["mfcc_statistics"], tables["action_units"]])
    if with_opensmile:
        extractor = functionals.make_extractor()
        tables["is13"] = descriptors.compute_speech_table(recordings, rate, extractor, cache, progress)
    tables |= dict.fromkeys(of_functionals - {"is13"}, tables.get("is13" if with_opensmile else "mfcc_statistics"))
    if of_steps := set(OF_STEPS) & methods:
        tables |= dict.fromkeys(of_steps, make_step_table(recordings, STEPS))
    made = [(method, tables[method]) for method in plan.methods]
    if plan.alone:
        modalities = {name: make_step_table(recordings, STEPS, (name,)) for name in recordings[0].features}
        made += [(method, table) for method in plan.methods if method in OF_STEPS for table in modalities.values()]
    if plan.within:
        units = [_name_unit(recording, plan.within) for recording in recordings]
        made = [(method, descriptors.standardize_table(table, units, plan.within)) for method, table in made]
    return made


def _name_unit(recording: Recording, within: str) -> str:
    """Whose level is taken out: the group, or the recording that a step is of."""
    return recording.group if within == "group" else recording.id.rpartition("/")[0] or recording.id


def fit_folds(
    plan: Plan,
    recordings: Recordings,
    members: Sequence[FoldMembers],
    rate: int,
    cache: Path,
    workdir: Path,
    *,
    name: str,
    config_arg: str,
    progress: Progress = lambda name, done, total: None,
) -> Results:
    """Fits every method on every fold and writes predictions.npz, kept_features.json and results.json.

    Args:
      plan: what to fit.
      recordings: with one label each.
      members: their folds, as of `splits.make_folds`.
      rate: of the speech, Hz.
      cache: folder of what is computed from the speech.
      workdir: the run folder, which exists.
      name: of the run.
      config_arg: for the record.
      progress: receives what is done, how much of it, and of how much.

    Returns:
      What results.json holds.

    Raises:
      UserError: labels or features do not fit the plan, or there is no validation split to choose on.
    """
    check_plan(plan)
    clips = collect_clips(plan, recordings)
    folds = index_folds(clips, recordings, members)
    classes = 0 if plan.task in learners.REGRESSIONS else count_classes(plan, clips, recordings)
    setting = Setting(plan, clips, classes)
    trials, selected_columns = [], {}
    for method, table in make_tables(plan, clips.recordings, rate, cache, progress):
        for fold in folds:
            for seed in range(plan.seeds if method == "random_subset" else 1):
                trials += fit_trial(setting, method, table, fold, seed, progress)
                if trials[-1].selected_columns:
                    selected_columns[f"{fold.name}/{seed}"] = list(trials[-1].selected_columns)
    trials.sort(key=lambda trial: trial.result.variant.endswith(REFITTED))  # what compares with networks first
    predictions = {split: np.stack([trial.predictions[split] for trial in trials]) for split in SPLITS}
    asked = {split: _mark_asked(split, trials, folds, len(clips.y)) for split in SPLITS}
    corpus = _describe_corpus(plan, recordings, members)
    finished = _collect_results(setting, corpus, trials, asked, name, config_arg)
    steps = dict.fromkeys(SPLITS, _describe_steps(clips))
    arrays = predictions_file.collect_predictions(STUDY, range(len(trials)), predictions, asked, steps)
    run_folder.write_arrays(workdir / predictions_file.FILE, arrays)
    if selected_columns:
        write_json(workdir / "kept_features.json", selected_columns)
    write_results(workdir, finished)
    return finished


def _mark_asked(split: str, trials: Sequence[FittedTrial], folds: Sequence[Fold], clips: int) -> np.ndarray:
    """bool [R, N]: the clips of a split that each trial was asked for."""
    of_fold = {fold.name: mark_clips(getattr(fold, split), clips) for fold in folds}
    return np.stack([of_fold[trial.result.fold] for trial in trials])


def _describe_steps(clips: Clips) -> predictions_file.Steps:
    return predictions_file.Steps(clips.y, np.array([r.steps[0] for r in clips.recordings]), clips.groups)


def _collect_results(
    setting: Setting,
    corpus: CorpusRecord,
    trials: Sequence[FittedTrial],
    asked: dict[str, np.ndarray],
    name: str,
    config_arg: str,
) -> Results:
    plan, clips = setting.plan, setting.clips
    entries = tuple(trial.result for trial in trials)
    constant = {}
    for split, of_trials in asked.items():
        if of_trials.any():
            constant[split] = results.score_baselines(plan.task, clips.y, of_trials.any(0))
    return Results(
        name=name,
        config_arg=config_arg,
        task=plan.task,
        monitor=Monitor(choose_metric(plan.task), "max"),
        corpus=corpus,
        trials=entries,
        variants=results.summarize_variants(entries),
        selected=(),
        baselines=constant,
        provenance=_describe_provenance(setting),
    )


def _describe_corpus(plan: Plan, recordings: Recordings, members: Sequence[FoldMembers]) -> CorpusRecord:
    return CorpusRecord(
        name=recordings.corpus,
        form=recordings.form,
        synthetic=recordings.synthetic,
        fingerprint=recordings.fingerprint,
        counts=_count_clips(plan, recordings),
        labels=tuple(recordings.labels),
        folds=results.describe_folds(recordings, members),
    )


def _count_clips(plan: Plan, recordings: Recordings) -> dict[str, SplitCount]:
    counts = {}
    for split, members in recordings.splits.items():
        labels = [float(r.targets[plan.target][0]) for r in members if plan.target in r.targets]
        classes = {}
        if plan.task not in learners.REGRESSIONS and labels:
            values, sizes = np.unique(labels, return_counts=True)
            classes = {str(int(v)): int(n) for v, n in zip(values, sizes, strict=True)}
        counts[split] = SplitCount(len(members), len(members), classes)
    return counts


def _describe_provenance(setting: Setting) -> Provenance:
    plan, provenance = setting.plan, run_folder.describe_provenance(shlex.join(sys.argv))
    if set(OF_FUNCTIONALS) & set(plan.methods) and functionals.is_opensmile_installed():
        provenance["packages"] |= {"opensmile": functionals.make_extractor().version}
    details = {"methods": list(plan.methods), "iterations": plan.iterations, "refit": plan.refit}
    return Provenance(**provenance, details=details)
