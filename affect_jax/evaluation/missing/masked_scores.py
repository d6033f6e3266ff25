"""Scores of every trial of a study under every mask, computed as the run computed its own."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from affect_jax.config.schema import Study
from affect_jax.data import corpus as corpora
from affect_jax.errors import UserError
from affect_jax.evaluation.missing.checked_run import CheckedRun, LoadedCorpus, TestedStudy
from affect_jax.evaluation.missing.masked_answers import Plan, compile_masked_answers
from affect_jax.evaluation.missing.missing_file import METRICS
from affect_jax.experiment import results
from affect_jax.experiment.results_file import TrialResult
from affect_jax.runtime import run_folder, run_identity
from affect_jax.training import checkpoint, loop, mesh

UNKNOWN = (
    "no vector before pooling is known: each needs a modality that is missing, so there is nothing to seek "
    "neighbours by"
)

Scores = dict[tuple[int, int], dict[str, float | None]]
"""(mask, imputation) -> metric -> score of one trial; impossible imputations are not in it."""


class Weights(NamedTuple):
    """The parameters of a batch of trials.

    Attributes:
      first: the number of its first trial within the study.
      params: leaves [R, ...].
    """

    first: int
    params: Any

    @property
    def count(self) -> int:
        return len(jax.tree.leaves(self.params)[0])


def check_neighbour_counts(loaded: LoadedCorpus, study: TestedStudy, counts: Sequence[int]) -> None:
    """Checks that every fold has as many possible neighbours as are asked for.

    A neighbour must have what is known, to be found by, and what is imputed, to be averaged: all modalities.

    Raises:
      UserError: a fold has fewer.
    """
    train = np.asarray(loaded.folds.train)
    is_whole = find_present(loaded.development.corpus, study.modalities, train).all(-1)
    usable = is_whole.sum(axis=1)
    fold, least = loaded.fold_names[int(usable.argmin())], int(usable.min())
    if max(counts) <= least:
        return
    names, examples = ", ".join(study.modalities), int((train[usable.argmin()] >= 0).sum())
    if not least:
        raise UserError(
            f"none of the {examples} examples that fold {fold!r} trains on has all of {names}, so nothing can be "
            f"imputed in study {study.spec.name!r}; choose another with --study"
        )
    raise UserError(
        f"--k has {max(counts)} neighbours but a fold trains on {least} examples that have all of {names}, as a "
        f"neighbour must ({fold!r}, of {examples}); give at most {least}, as in --k={least}"
    )


def choose_neighbour_counts(
    loaded: LoadedCorpus, studies: Sequence[TestedStudy], counts: Sequence[int]
) -> tuple[int, ...]:
    """Those of some counts that every fold has neighbours for; where that is none, as many as it has."""
    train = np.asarray(loaded.folds.train)
    least = min(
        int(find_present(loaded.development.corpus, study.modalities, train).all(-1).sum(axis=1).min())
        for study in studies
    )
    return tuple(count for count in counts if count <= least) or (max(least, 1),)


def find_present(corpus: corpora.Corpus, modalities: Sequence[str], examples: np.ndarray) -> np.ndarray:
    """bool [..., M]: which modalities the examples int32 [...] have; none for the padding -1."""
    has = np.stack([np.asarray(corpus.inputs[m].length) > 0 for m in modalities], axis=-1)
    return has[examples] & (examples >= 0)[..., None]


def score_study(
    checked: CheckedRun,
    loaded: LoadedCorpus,
    study: TestedStudy,
    counts: Sequence[int],
    metrics: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Scores every trial of a study on its test split under every mask and imputation.

    The device holds the distances of a fold's test examples to its training examples, N_test x N_train floats for each
    set of known vectors and each metric, for as many trials as run at once.

    Args:
      checked: the run.
      loaded: its corpus.
      study: the study.
      counts: K of K nearest neighbours.
      metrics: distances, of affect_jax.evaluation.imputation.METRICS.
      progress: receives how many trials are done, and how many there are.

    Returns:
      The study's entry in missing.json (docs/missing.md).

    Raises:
      UserError: weights are missing or damaged, or there are too few training examples.
    """
    check_neighbour_counts(loaded, study, counts)
    spec, plan = study.spec, Plan(study.masks, tuple(counts), tuple(metrics))
    trials = [trial for trial in checked.results.trials if trial.study == spec.name]
    batches = read_weights(checked, loaded, study.spec, study.model)
    fold_of = np.array([loaded.fold_names.index(trial.fold) for trial in trials], np.int32)
    engine = loaded.engine
    answer = compile_masked_answers(study.model, engine, plan)
    shared = share_corpus(loaded)
    # At least two trials a device, as the run's own evaluation has it.
    at_once = engine.mesh.size * max(engine.at_once, 2)
    scores: list[Scores] = []
    for batch in batches:
        for begin in range(0, batch.count, at_once):
            numbers = list(range(begin, min(begin + at_once, batch.count)))
            slots = np.array(loop.assign_slots(numbers, engine))  # empty slots repeat a trial
            picked = fold_of[batch.first + slots], jax.tree.map(lambda x, s=slots: x[s], batch.params)
            logits = mesh.to_host(answer(shared, *mesh.shard_trials(engine.mesh, picked)))
            for place, number in enumerate(numbers):
                fold = fold_of[batch.first + number]
                scores.append(_score_trial(checked.results.task, loaded, study, plan, fold, logits[place]))
            progress(len(scores), len(trials))
    lacking = _count_lacking(loaded, study)
    return {**_describe_study(study, plan, trials, scores), "lacking": lacking}


def _count_lacking(loaded: LoadedCorpus, study: TestedStudy) -> dict[str, int]:
    """Letter -> how many test examples lack the modality, of those that do."""
    examples = np.unique(loaded.examples[loaded.examples >= 0])
    counts = (~find_present(loaded.test.corpus, study.modalities, examples)).sum(0).tolist()
    return {letter: count for letter, count in zip(study.letters, counts, strict=True) if count}


def share_corpus(loaded: LoadedCorpus) -> tuple[Any, ...]:
    """What all trials read, on every device once; a cross-validated corpus is its own test split."""
    device_mesh = loaded.engine.mesh
    development = mesh.replicate(device_mesh, loaded.development.corpus)
    is_shared = loaded.test is loaded.development
    test = development if is_shared else mesh.replicate(device_mesh, loaded.test.corpus)
    folds, examples = mesh.replicate(device_mesh, (loaded.folds, loaded.examples))
    return development, folds, test, examples


def read_weights(checked: CheckedRun, loaded: LoadedCorpus, spec: Study, model: nn.Module) -> list[Weights]:
    """The parameters of all trials of a study, which `checked_run.check_run` has found there."""
    shapes = loop.trace_shapes(model, loaded.development.corpus, loaded.folds)[0]
    identity = run_identity.read_identity(checked.folder)
    folders = sorted(run_folder.locate_weights(checked.folder, spec.name).glob("[0-9]*"))
    return [_read_batch(path, identity, shapes) for path in folders]


def _read_batch(path: Path, identity: run_identity.RunIdentity | None, shapes: Any) -> Weights:
    restored = checkpoint.restore_checkpoint(path, identity)
    if restored is None:
        raise UserError(f"{path} has no weights; train that run again with launch.main")
    leaves, meta = restored
    params = checkpoint.split_by_prefix(leaves, ("params",))[0]
    return Weights(meta["first"], checkpoint.restore_like(shapes, params, path))


def _score_trial(
    task: str, loaded: LoadedCorpus, study: TestedStudy, plan: Plan, fold: int, logits_MxIxQxC: np.ndarray
) -> Scores:
    examples = loaded.examples[fold]
    frames = corpora.locate_frames(loaded.test.corpus, examples)
    target, recording = loaded.test.target[frames], loaded.test.recording[frames]
    present_QxM = find_present(loaded.test.corpus, study.modalities, examples)
    is_complete = present_QxM[examples >= 0].all()
    logits_MxIxQxC = choose_answers(plan, study.model.vectors, present_QxM, logits_MxIxQxC)
    scores: Scores = {}
    for mask, of_mask in enumerate(logits_MxIxQxC):
        known = plan.find_known(study.model.vectors, mask)
        for number, logits in enumerate(of_mask):
            if all(known) and number and is_complete:
                scores[mask, number] = scores[mask, 0]
            elif any(known) or not plan.needs_known_vector(number):
                of_trial = results.score_trial(task, logits, target, recording, examples >= 0)
                scores[mask, number] = {metric: of_trial[metric] for metric in METRICS}
    return scores


def choose_answers(
    plan: Plan, vectors: tuple[tuple[str, ...], ...], present_QxM: np.ndarray, logits_MxIxQxC: np.ndarray
) -> np.ndarray:
    """The answers by what each example really has under a mask: one without video is asked for text alone under 'T+V'.

    An example of which nothing is left keeps the answer to zeros, whatever the imputation, and so does one without a
    known vector where neighbours are asked for.

    Args:
      plan: what every trial is asked.
      vectors: the model's, as the modalities that each is made of.
      present_QxM: bool, which modalities the examples have, in the order of the last mask.
      logits_MxIxQxC: answers as if each example had all modalities of a mask.

    Returns:
      Logits of the same shape.
    """
    every = plan.masks[-1]
    number_of = {frozenset(mask): number for number, mask in enumerate(plan.masks)}
    own = [frozenset(m for m, has in zip(every, row, strict=True) if has) for row in present_QxM]
    chosen = logits_MxIxQxC.copy()
    for number, mask in enumerate(plan.masks):
        for query, has in enumerate(own):
            left = number_of.get(has & set(mask))
            if left == number:
                continue
            for imputation in range(1, len(plan.imputations)):
                is_known = left is not None and any(plan.find_known(vectors, left))
                is_possible = left is not None and (is_known or not plan.needs_known_vector(imputation))
                source = (left, imputation) if is_possible else (number, 0)
                chosen[number, imputation, query] = logits_MxIxQxC[*source, query]
    return chosen


def _describe_study(
    study: TestedStudy, plan: Plan, trials: Sequence[TrialResult], scores: Sequence[Scores]
) -> dict[str, Any]:
    """The study's entry in missing.json."""
    masks = {}
    for number, mask in enumerate(plan.masks):
        imputations = {
            name: _summarize_scores([of_trial[number, i] for of_trial in scores]) if (number, i) in scores[0] else None
            for i, name in enumerate(plan.imputations)
        }
        masks[study.name_mask(mask)] = {
            "present": list(mask),
            "scores": imputations,
            **({} if any(plan.find_known(study.model.vectors, number)) else {"reason": UNKNOWN}),
        }
    return {
        "attention": study.model.attention,
        "model": dict(study.spec.model),
        "modalities": list(study.modalities),
        "letters": list(study.letters),
        "moddrop": [list(combination) for combination in study.moddrop],
        "vectors": [list(vector) for vector in study.model.vectors],
        "trials": [{"fold": trial.fold, "seed": trial.seed} for trial in trials],
        "masks": masks,
    }


def _summarize_scores(of_trials: Sequence[dict[str, float | None]]) -> dict[str, dict[str, Any]]:
    """Metric -> every trial's value, and `results.summarize_values` of them."""
    summaries = {}
    for metric in METRICS:
        values = [scores[metric] for scores in of_trials]
        mean, deviation, count = results.summarize_values(values)
        summaries[metric] = {"values": values, "mean": mean, "std": deviation, "n": count}
    return summaries
