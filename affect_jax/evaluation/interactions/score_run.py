"""Scores a finished run with and without the interactions of its modalities, study by study."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import flax.linen as nn
import jax
import numpy as np

from affect_jax.config.load import read_experiment
from affect_jax.config.models import make_model
from affect_jax.config.schema import Study
from affect_jax.data import corpus as corpora
from affect_jax.errors import UserError, format_count, join_words, suggest_nearest
from affect_jax.evaluation.interactions.outcome_file import Outcome, Projected
from affect_jax.evaluation.interactions.projected_answers import Crossing, compile_projected_answers
from affect_jax.evaluation.interactions.projection import list_subsets, project
from affect_jax.evaluation.missing import masked_scores
from affect_jax.evaluation.missing.checked_run import CheckedRun, LoadedCorpus, load_corpus
from affect_jax.experiment import kept_weights, results
from affect_jax.experiment.results_file import Scores, read_results
from affect_jax.runtime.progress import Work
from affect_jax.training import loop, mesh

MOST_CALLS = 2**24
"""Answers of one block, at most: 4,096 examples of two modalities, 256 of three."""
BLOCKS = {2: 256, 3: 48, 4: 16}
"""Modalities -> examples of a block, where none are named."""


class AskedStudy(NamedTuple):
    """A study whose models read several modalities."""

    spec: Study
    model: nn.Module
    parts: tuple[tuple[str, ...], ...]

    @property
    def modalities(self) -> tuple[str, ...]:
        """What is crossed."""
        return tuple(names[0] for names in self.parts)


def score_run(run: Path, names: Sequence[str] = (), block: int | None = None) -> dict[str, Outcome]:
    """Scores every trial of the studies `names`, or of all that read two to four modalities.

    Args:
      run: a finished run folder.
      names: of studies.
      block: examples that are crossed with each other; by default BLOCKS.

    Returns:
      Study -> its block's size and a `Projected` of each trial.

    Raises:
      UserError: the run cannot be asked, or the block is too large.
    """
    checked, studies = _check_run(run, names)
    with Work() as work:
        loaded = load_corpus(checked)
        kind = "synthetic " if checked.results.corpus.synthetic else ""
        work.say(f"{kind}corpus {checked.results.corpus.name}: {', '.join(study.spec.name for study in studies)}")
        outcome = {}
        for study in studies:
            size = _choose_block(study, loaded, block)
            calls = size ** (len(study.parts) - 1)
            work.say(f"{study.spec.name}: each example meets {calls:,} others in blocks of {size}")

            def show(done: int, total: int, name: str = study.spec.name) -> None:
                work.progress(name, done, total)

            outcome[study.spec.name] = Outcome(size, tuple(_score_study(checked, loaded, study, size, show)))
    return outcome


def _check_run(folder: Path, names: Sequence[str]) -> tuple[CheckedRun, tuple[AskedStudy, ...]]:
    read = read_results(folder)
    if any(trial.classical for trial in read.trials):
        raise UserError(f"{folder} is not a run of networks; name a run of several modalities")
    experiment = read_experiment(folder)
    if experiment.data.unit not in ("item", "frame"):
        raise UserError(
            f"{folder} has labels a step (unit {experiment.data.unit!r}), and modalities of other recordings cannot be "
            "crossed step by step; name a run whose examples are items or frames"
        )
    if not all(trial.test for trial in read.trials):
        raise UserError(f"{folder} has no test scores, because its test split has no labels; there is nothing to score")
    studies = {spec.name: _ask_study(spec, experiment.data.modalities) for spec in experiment.studies}
    several = {name: study for name, study in studies.items() if 2 <= len(study.parts) <= max(BLOCKS)}
    for name in names:
        if name not in studies:
            raise UserError(
                f"--study={name!r}{suggest_nearest(name, studies)} is not in {folder}; it has "
                f"{join_words(sorted(studies))}"
            )
        if name not in several:
            count = format_count(len(studies[name].parts), "modality", "modalities")
            raise UserError(
                f"--study={name!r} answers from {count}, and interactions are those of 2 to "
                f"{max(BLOCKS)}; {folder} has {join_words(sorted(several))}"
            )
    if not several:
        raise UserError(f"{folder} has no model of 2 to {max(BLOCKS)} modalities, so nothing can interact")
    checked = CheckedRun(folder, read, experiment, ())
    kept_weights.check_weights(folder, read)
    return checked, tuple(study for name, study in several.items() if name in (names or several))


def _ask_study(spec: Study, available: Sequence[str]) -> AskedStudy:
    """Inputs that a model has beside its modalities, such as prosody, belong to one of them; of co-learning that which
    is deployed is asked."""
    model = make_model(spec.model)
    beside = {getattr(model, "audio", ""): getattr(model, "prosody", "")}
    modalities = tuple(getattr(model, "modalities", ()))[: 1 if getattr(model, "deploys_first", False) else None]
    parts = tuple((m, *([beside[m]] if beside.get(m) in available else [])) for m in modalities if m in available)
    return AskedStudy(spec, model, parts)


def _choose_block(study: AskedStudy, loaded: LoadedCorpus, block: int | None) -> int:
    longest = loaded.examples.shape[1]
    size = min(block or BLOCKS[len(study.parts)], longest)
    if size ** len(study.parts) > MOST_CALLS:
        raise UserError(
            f"--block={size} makes {size ** len(study.parts):,} answers of {len(study.parts)} modalities, more than "
            f"{MOST_CALLS:,}; give at most {int(MOST_CALLS ** (1 / len(study.parts)) + 1e-9)}"
        )
    return size


def _score_study(
    checked: CheckedRun, loaded: LoadedCorpus, study: AskedStudy, size: int, progress: Callable[[int, int], None]
) -> list[Projected]:
    trials = [trial for trial in checked.results.trials if trial.study == study.spec.name]
    fold_of = np.array([loaded.fold_names.index(trial.fold) for trial in trials], np.int32)
    engine, count = loaded.engine, len(study.parts)
    answer = compile_projected_answers(
        study.model, engine, Crossing(study.parts, study.spec.stages[-1].prediction, size)
    )
    blocks = _cut_blocks(loaded.examples, size)
    _, folds, test, _ = masked_scores.share_corpus(loaded)
    shared = folds, test, mesh.replicate(engine.mesh, blocks)
    scored: list[Projected] = []
    at_once = engine.mesh.size * max(engine.at_once, 2)
    for batch in masked_scores.read_weights(checked, loaded, study.spec, study.model):
        for begin in range(0, batch.count, at_once):
            numbers = list(range(begin, min(begin + at_once, batch.count)))
            slots = np.array(loop.assign_slots(numbers, engine))  # empty slots repeat a trial
            picked = fold_of[batch.first + slots], jax.tree.map(lambda x, s=slots: x[s], batch.params)
            means = mesh.to_host(answer(shared, *mesh.shard_trials(engine.mesh, picked)))
            for place, number in enumerate(numbers):
                trial = trials[batch.first + number]
                answers = _project_orders(means[place], count)
                if trial.affine:  # a projection of mapped numbers is the mapped projection
                    answers = [trial.affine.scale * values + trial.affine.offset for values in answers]
                scores = _score_orders(checked.results.task, loaded, blocks[fold_of[batch.first + number]], answers)
                scored.append(Projected(trial.variant, trial.fold, trial.seed, *scores))
            progress(len(scored), len(trials))
    return scored


def _cut_blocks(examples: np.ndarray, size: int) -> np.ndarray:
    """int32 [K, n], -1 for padding -> [K, Q, size]. Examples are dealt out, so that a block has many groups."""
    folds, longest = examples.shape
    count = -(-longest // size)
    padded = np.full((folds, count * size), -1, np.int32)
    padded[:, :longest] = examples
    return np.ascontiguousarray(padded.reshape(folds, size, count).transpose(0, 2, 1))


def _project_orders(means: np.ndarray, modalities: int) -> list[np.ndarray]:
    """Means [Q, S, N, ...] -> the projection [Q * N, ...] of each order."""
    by_subset = dict(zip(list_subsets(modalities), np.moveaxis(means, 1, 0), strict=True))
    return [project(by_subset, modalities, order).reshape(-1, *means.shape[3:]) for order in range(1, modalities + 1)]


def _score_orders(
    task: str, loaded: LoadedCorpus, blocks: np.ndarray, answers: Sequence[np.ndarray]
) -> tuple[tuple[Scores, ...], tuple[float | None, ...]]:
    examples = blocks.reshape(-1)
    is_there = examples >= 0
    frames = corpora.locate_frames(loaded.test.corpus, examples[is_there])
    target, recording = loaded.test.target[frames], loaded.test.recording[frames]
    kept = [values[is_there].astype(np.float32) for values in answers]
    scores = tuple(results.score_trial(task, values, target, recording) for values in kept)
    if kept[-1].ndim == 1:
        return scores, (None,) * len(kept)
    classes = [values.argmax(axis=-1) for values in kept]
    return scores, tuple(float((chosen != classes[-1]).mean()) for chosen in classes)
