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
from affect_jax.data.folds import Folds
from affect_jax.data.streaming import Source
from affect_jax.losses.alignment import canonical_correlations
from affect_jax.training import mesh, step, streamed
from affect_jax.training.epochs import Engine
from affect_jax.training.loop import assign_slots
from affect_jax.types import Array, Params


def _scatter(corpus: Corpus, index: np.ndarray, values: np.ndarray, frames: int) -> np.ndarray:
    """values [N, T, ...] or [N, ...] of examples `index` -> [F, ...] by frame, NaN where no example shows it."""
    positions = locate_frames(corpus, index)
    out = np.full((frames, *values.shape[positions.ndim :]), np.nan, np.float32)
    shown = positions >= 0
    out[positions[shown]] = values[shown]
    return out


@functools.lru_cache(maxsize=16)
def _program(model: nn.Module, output: str, engine: Engine, absent: tuple[str, ...]) -> Callable[..., Any]:
    def one(shared: Any, fold: Any, params: Params) -> Any:
        corpus, folds, examples = shared
        mean = {m: x[fold] for m, x in folds.mean.items()}
        scale = {m: x[fold] for m, x in folds.scale.items()}
        size = engine.eval_size
        return step.predict_examples(model, params, corpus, examples[fold], mean, scale, output, size, absent)[0]

    return mesh.map_over_trials(engine.mesh, engine.at_once, one)


@functools.lru_cache(maxsize=16)
def _alignment_program(model: nn.Module, terms: tuple[Term, ...], engine: Engine) -> Callable[..., Any]:
    def one(shared: Any, fold: Any, params: Params) -> Any:
        corpus, folds = shared
        mean = {m: x[fold] for m, x in folds.mean.items()}
        scale = {m: x[fold] for m, x in folds.scale.items()}
        found = {}
        for term in terms:
            (a, _, mask), (b, _, _) = (
                step.predict_examples(
                    model, params, corpus, folds.validation[fold], mean, scale, side, engine.eval_size
                )
                for side in (term.left, term.right)
            )
            found[term.name] = _top(term, a, b, mask)
        return found

    return mesh.map_over_trials(engine.mesh, engine.at_once, one)


@functools.lru_cache(maxsize=16)
def _correlation_program(terms: tuple[Term, ...], engine: Engine) -> Callable[..., Any]:
    def one(_: None, codes: dict[str, Array], mask: Array) -> dict[str, Array]:
        return {term.name: _top(term, codes[term.left], codes[term.right], mask) for term in terms}

    return mesh.map_over_trials(engine.mesh, engine.at_once, one)


def _top(term: Term, a: Array, b: Array, mask: Array) -> Array:
    k = dict(term.options).get("k", min(10, a.shape[-1], b.shape[-1]))
    return canonical_correlations(a, b, mask, k=k).sum()


def measure_alignment(
    model: nn.Module,
    params: Params,
    fold_of: np.ndarray,
    corpus: Corpus | Source,
    folds: Folds,
    terms: tuple[Term, ...],
    engine: Engine,
) -> dict[str, np.ndarray]:
    """alignment term -> float32 [R], the sum of the top k canonical correlations over the whole validation part.

    What the loss reports is of one batch, where few samples make even unrelated codes look aligned; this is not.
    """
    slots = assign_slots(range(len(fold_of)), engine)
    trials = mesh.shard_trials(engine.mesh, (fold_of[slots], jax.tree.map(lambda x: x[np.asarray(slots)], params)))
    if isinstance(corpus, Source):
        names = tuple(sorted({side for term in terms for side in (term.left, term.right)}))
        part, examples = mesh.replicate(engine.mesh, folds), np.asarray(folds.validation)
        codes = streamed.predict_outputs(model, trials[1], fold_of[slots], corpus, part, examples, names, engine)
        found = _correlation_program(terms, engine)(None, *mesh.shard_trials(engine.mesh, codes))
    else:
        shared = mesh.replicate(engine.mesh, (corpus, folds))
        found = _alignment_program(model, terms, engine)(shared, *trials)
    return {name: values[: len(fold_of)] for name, values in mesh.to_host(found).items()}


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
) -> np.ndarray:
    """float32 [R, F] (or [R, F, C] logits): each trial's prediction of every frame, NaN where no example shows it.

    Args:
      model: the model.
      params: leaves [R, ...], on the host.
      fold_of: int32 [R], the trial's fold: its standardisation, and its line of `examples`.
      corpus: the part to predict.
      folds: for the standardisation only.
      examples: int32 [K, n] example numbers a fold, -1 for padding.
      output: the model's output to take.
      engine: how to run.
      absent: modalities that are missing.
    """
    slots = assign_slots(range(len(fold_of)), engine)
    trials = mesh.shard_trials(engine.mesh, (fold_of[slots], jax.tree.map(lambda x: x[np.asarray(slots)], params)))
    if isinstance(corpus, Source):
        part = mesh.replicate(engine.mesh, folds)
        shown, _ = streamed.predict_outputs(
            model, trials[1], fold_of[slots], corpus, part, examples, (output,), engine, absent
        )
        values = shown[output]
    else:
        shared = mesh.replicate(engine.mesh, (corpus, folds, jnp.asarray(examples)))
        values = mesh.to_host(_program(model, output, engine, absent)(shared, *trials))
    frames = corpus.target.values.shape[0]
    return np.stack([_scatter(corpus, examples[fold], values[r], frames) for r, fold in enumerate(fold_of)])
