"""Predictions of every trial of a trained study over one split, frame by frame, on the host."""

import functools
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.losses import Term
from affect_jax.data.corpus import Corpus, locate_frames
from affect_jax.data.folds import FoldedCorpus, Folds
from affect_jax.data.streaming import Source
from affect_jax.losses.alignment import canonical_correlations
from affect_jax.training import mesh, step, streamed
from affect_jax.training.engine import Engine, assign_slots
from affect_jax.training.initial import arrange_rows
from affect_jax.training.trials import pick_trials
from affect_jax.types import Array, Params


def _scatter_to_frames(corpus: Corpus | Source, index: np.ndarray, values: np.ndarray) -> np.ndarray:
    """values [N, T, ...] or [N, ...] of examples `index` -> [F, ...] by frame, NaN where no example shows it."""
    positions = locate_frames(corpus, index)
    frames = np.full((corpus.target.values.shape[0], *values.shape[positions.ndim :]), np.nan, np.float32)
    is_frame = positions >= 0
    frames[positions[is_frame]] = values[is_frame]
    return frames


@functools.lru_cache(maxsize=16)
def _predict_program(plan: step.PredictionPlan, devices: jax.sharding.Mesh, at_once: int) -> Callable[..., Any]:
    def predict(shared: tuple[FoldedCorpus, Array], fold: Array, params: Params) -> Array:
        data, examples = shared
        moments = data.folds.select_moments(fold)
        predictions = step.predict_examples(plan, {**params, **data.shared}, data.corpus, examples[fold], moments)
        return predictions.outputs[plan.outputs[0]]

    return mesh.map_over_trials(devices, at_once, predict)


@functools.lru_cache(maxsize=16)
def _alignment_program(
    model: nn.Module, terms: tuple[Term, ...], eval_size: int, devices: jax.sharding.Mesh, at_once: int
) -> Callable[..., Any]:
    def measure(data: FoldedCorpus, fold: Array, params: Params) -> dict[str, Array]:
        examples, moments = data.folds.validation[fold], data.folds.select_moments(fold)

        def predict(output: str) -> step.Predictions:
            plan = step.PredictionPlan(model, (output,), eval_size)
            return step.predict_examples(plan, params, data.corpus, examples, moments)

        correlations = {}
        for term in terms:
            left, right = predict(term.left), predict(term.right)
            codes = left.outputs[term.left], right.outputs[term.right]
            correlations[term.name] = _sum_correlations(term, *codes, left.mask)
        return correlations

    return mesh.map_over_trials(devices, at_once, measure)


@functools.lru_cache(maxsize=16)
def _correlation_program(terms: tuple[Term, ...], devices: jax.sharding.Mesh, at_once: int) -> Callable[..., Any]:
    def measure(_: None, codes: dict[str, Array], mask: Array) -> dict[str, Array]:
        return {term.name: _sum_correlations(term, codes[term.left], codes[term.right], mask) for term in terms}

    return mesh.map_over_trials(devices, at_once, measure)


def _sum_correlations(term: Term, a: Array, b: Array, mask: Array) -> Array:
    """The sum of the top correlations of two codes, with the rank and the ridge of the loss.

    Alignments without them are measured by ten correlations, as the thesis' deep CCA has, with the ridge's default.
    """
    options = {"k": min(10, a.shape[-1], b.shape[-1]), **dict(term.options)}
    settings = {name: options[name] for name in ("k", "ridge", "ridge_mode") if name in options}
    return canonical_correlations(a, b, mask, **settings).sum()


def measure_alignment(
    model: nn.Module,
    params: Params,
    fold_of: np.ndarray,
    corpus: Corpus | Source,
    folds: Folds,
    terms: tuple[Term, ...],
    engine: Engine,
) -> dict[str, np.ndarray]:
    """alignment term -> float32 [R], the sum of the top k canonical correlations over the whole validation split.

    The loss reports them of one batch, where few samples make even unrelated codes look aligned; here there are more.
    Rank and ridge are those of the loss.
    """
    slots = assign_slots(range(len(fold_of)), engine)
    fold, slot_params = mesh.shard_trials(engine.mesh, (fold_of[slots], pick_trials(params, slots)))
    if isinstance(corpus, Source):
        names = tuple(sorted({output for term in terms for output in (term.left, term.right)}))
        plan = step.PredictionPlan(model, names, engine.eval_size)
        data = FoldedCorpus(corpus, mesh.replicate(engine.mesh, folds))
        codes = streamed.predict_outputs(plan, slot_params, fold_of[slots], data, np.asarray(folds.validation), engine)
        values = _correlation_program(terms, *engine.program_key)(None, *mesh.shard_trials(engine.mesh, codes))
    else:
        data = mesh.replicate(engine.mesh, FoldedCorpus(corpus, folds))
        values = _alignment_program(model, terms, engine.eval_size, *engine.program_key)(data, fold, slot_params)
    return {name: values[: len(fold_of)] for name, values in mesh.to_host(values).items()}


def predict_split(
    model: nn.Module,
    params: Params,
    fold_of: np.ndarray,
    corpus: Corpus | Source,
    folds: Folds,
    examples: np.ndarray,
    output: str,
    engine: Engine,
    absent: tuple[str, ...] = (),
    once: Params | None = None,
) -> np.ndarray:
    """float32 [R, F] (or [R, F, C] logits): each trial's prediction of every frame, NaN where no example shows it.

    Args:
      model: the model.
      params: leaves [R, ...], on the host.
      fold_of: int32 [R], the trial's fold: its standardisation, and its row of `examples`.
      corpus: of the split to predict.
      folds: for the standardisation only.
      examples: int32 [K, n] example numbers a fold, -1 for padding.
      output: the model's output to take.
      engine: how to run.
      absent: modalities that are missing.
      once: submodules of which all trials read one copy, no trial axis.
    """
    buckets = ()
    if not isinstance(corpus, Source):  # a streamed one is predicted in chunks of one shape
        examples, buckets = arrange_rows(model, corpus, examples, engine)
    slots = assign_slots(range(len(fold_of)), engine)
    plan = step.PredictionPlan(model, (output,), engine.eval_size, absent, buckets)
    fold, slot_params = mesh.shard_trials(engine.mesh, (fold_of[slots], pick_trials(params, slots)))
    if isinstance(corpus, Source):
        data = FoldedCorpus(corpus, *mesh.replicate(engine.mesh, (folds, once or {})))
        values = streamed.predict_outputs(plan, slot_params, fold_of[slots], data, examples, engine)[0][output]
    else:
        shared = mesh.replicate(engine.mesh, (FoldedCorpus(corpus, folds, once or {}), jnp.asarray(examples)))
        values = mesh.to_host(_predict_program(plan, *engine.program_key)(shared, fold, slot_params))
    return np.stack([_scatter_to_frames(corpus, examples[k], values[r]) for r, k in enumerate(fold_of)])
