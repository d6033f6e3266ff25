"""Asks every trial of a study under every mask, and scores its answers as the run did."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from affect_jax.data import corpus as corpora
from affect_jax.errors import UserError
from affect_jax.evaluation.missing.checked_run import CheckedRun, LoadedCorpus, TestedStudy
from affect_jax.evaluation.missing.masked_answers import Plan, compile_masked_answers
from affect_jax.experiment import results
from affect_jax.runtime import run_folder
from affect_jax.training import checkpoint, loop, mesh

METRICS = ("accuracy", "uar")
UNKNOWN = (
    "no vector before pooling is known: each needs a modality that is missing, so there is nothing to seek "
    "neighbours by"
)


def check_neighbour_counts(loaded: LoadedCorpus, counts: Sequence[int]) -> None:
    """Raises UserError for more neighbours than the smallest training part has."""
    least = int((np.asarray(loaded.folds.train) >= 0).sum(axis=1).min())
    if max(counts) > least:
        raise UserError(f"--k has {max(counts)} neighbours but a fold trains on {least} examples; give at most {least}")


def score_study(
    checked: CheckedRun,
    loaded: LoadedCorpus,
    subject: TestedStudy,
    counts: Sequence[int],
    metrics: Sequence[str],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> dict[str, Any]:
    """What every trial of a study scores on its test part under every mask and imputation.

    The device holds the distances of a fold's test to its training examples, N_test x N_train floats for each set of
    known vectors and each metric, for as many trials as run at once.

    Args:
      checked: the run.
      loaded: its corpus.
      subject: the study.
      counts: K of K nearest neighbours.
      metrics: distances, of affect_jax.evaluation.imputation.METRICS.
      progress: is told how many trials of how many are done.

    Returns:
      The study's entry of missing.json (docs/missing.md).

    Raises:
      UserError: weights that are missing or damaged, or too few training examples.
    """
    check_neighbour_counts(loaded, counts)
    spec, plan = subject.spec, Plan(subject.masks, tuple(counts), tuple(metrics))
    trials = [trial for trial in checked.results["trials"] if trial["study"] == spec.name]
    waves = _read_weights(
        checked.folder, spec.name, loop.trace_shapes(spec.model, loaded.development.corpus, loaded.folds)[0]
    )
    kept = sum(len(jax.tree.leaves(params)[0]) for _, params in waves)
    if kept != len(trials):
        raise UserError(
            f"{checked.folder} has weights of {kept} trials of study {spec.name!r} and results of {len(trials)}; "
            "train that run again with launch.main"
        )
    fold_of = np.array([loaded.fold_names.index(trial["fold"]) for trial in trials], np.int32)
    engine, ask = loaded.engine, compile_masked_answers(spec.model, loaded.engine, plan)
    development = mesh.replicate(engine.mesh, loaded.development.corpus)
    test = development if loaded.test is loaded.development else mesh.replicate(engine.mesh, loaded.test.corpus)
    rest = mesh.replicate(engine.mesh, (loaded.folds, loaded.examples))
    shared = development, rest[0], test, rest[1]
    scores: list[dict[tuple[int, int], dict[str, float]]] = []
    at_once = engine.mesh.size * max(engine.at_once, 2)
    for first, params in waves:
        count = len(jax.tree.leaves(params)[0])
        for begin in range(0, count, at_once):
            some = list(range(begin, min(begin + at_once, count)))
            slots = np.array(loop.assign_slots(some, engine))
            picked = fold_of[first + slots], jax.tree.map(lambda x, s=slots: x[s], params)
            logits = mesh.to_host(ask(shared, *mesh.shard_trials(engine.mesh, picked)))
            for at, trial in enumerate(some):
                scores.append(
                    _score_trial(checked.results["task"], loaded, plan, subject, fold_of[first + trial], logits[at])
                )
            progress(len(scores), len(trials))
    return _describe_study(subject, plan, trials, scores)


def _read_weights(folder: Path, name: str, shapes: Any) -> list[tuple[int, Any]]:
    """(number within the study of the first trial, parameters with leaves [R, ...]) of every wave of a study."""
    found = []
    where = run_folder.locate_weights(folder, name)
    for wave in sorted(where.glob("[0-9]*")):
        restored = checkpoint.restore_checkpoint(wave)
        if restored is None:
            raise UserError(f"{wave} has no weights; train that run again with launch.main")
        params = checkpoint.split_by_prefix(restored[0], ("params",))[0]
        found.append((restored[1]["first"], checkpoint.restore_like(shapes, params, wave)))
    return found


def _score_trial(
    task: str, loaded: LoadedCorpus, plan: Plan, subject: TestedStudy, fold: int, logits_MxIxQxC: np.ndarray
) -> dict[tuple[int, int], dict[str, float]]:
    """(mask, imputation) -> scores of one trial; nothing for imputations that cannot be."""
    examples = loaded.examples[fold]
    frames = corpora.locate_frames(loaded.test.corpus, examples)
    target, recording = loaded.test.target[frames], loaded.test.recording[frames]
    found: dict[tuple[int, int], dict[str, float]] = {}
    for mask, of_mask in enumerate(logits_MxIxQxC):
        known = plan.known(subject.spec.model.vectors, mask)
        for number, logits in enumerate(of_mask):
            if all(known) and number:
                found[mask, number] = found[mask, 0]
            elif any(known) or not plan.by_neighbours(number):
                shown = np.where((examples >= 0)[:, None], logits, np.nan)
                scored = results.score_trial(task, shown, target, recording)
                found[mask, number] = {metric: scored[metric] for metric in METRICS}
    return found


def _describe_study(
    subject: TestedStudy, plan: Plan, trials: Sequence[dict[str, Any]], scores: Sequence[dict[tuple[int, int], Any]]
) -> dict[str, Any]:
    spec = subject.spec
    masks = {}
    for number, mask in enumerate(plan.masks):
        known = any(plan.known(spec.model.vectors, number))
        variants = {
            name: _summarize_scores([of_trial[number, i] for of_trial in scores]) if (number, i) in scores[0] else None
            for i, name in enumerate(plan.imputations)
        }
        masks[subject.label(mask)] = {
            "present": list(mask),
            "scores": variants,
            **({} if known else {"reason": UNKNOWN}),
        }
    return {
        "attention": spec.model.attention,
        "model": spec.model_config,
        "modalities": list(subject.modalities),
        "letters": list(subject.letters),
        "moddrop": [list(some) for some in subject.moddrop],
        "vectors": [list(vector) for vector in spec.model.vectors],
        "trials": [{"fold": trial["fold"], "seed": trial["seed"]} for trial in trials],
        "masks": masks,
    }


def _summarize_scores(of_trials: Sequence[dict[str, float | None]]) -> dict[str, dict[str, Any]]:
    """Metric -> every trial's value, their mean and sample standard deviation (None for one trial)."""
    found = {}
    for metric in METRICS:
        values = [scores[metric] for scores in of_trials]
        there = [value for value in values if value is not None]
        found[metric] = {
            "values": values,
            "mean": round(statistics.fmean(there), 6) if there else None,
            "std": round(statistics.stdev(there), 6) if len(there) > 1 else None,
            "n": len(there),
        }
    return found
