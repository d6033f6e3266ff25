"""What a trial answers when modalities are missing: every mask and imputation of one trial as one traced function."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from affect_jax.data import moddrop
from affect_jax.data.corpus import Corpus, take_batch
from affect_jax.evaluation import imputation
from affect_jax.reports.missing import neighbours
from affect_jax.training import mesh, step
from affect_jax.training.loop import Engine
from affect_jax.types import Array, Params

ZEROS, MEAN = "zeros", "mean"


class Plan(NamedTuple):
    """What is asked of every trial.

    Attributes:
      masks: M combinations of modalities that are present; the last one has all.
      counts: K of K nearest neighbours.
      metrics: of imputation.METRICS.
    """

    masks: tuple[tuple[str, ...], ...]
    counts: tuple[int, ...]
    metrics: tuple[str, ...]

    @property
    def imputations(self) -> tuple[str, ...]:
        """Names of what stands in for missing vectors, in order: zeros at the input, training mean, neighbours."""
        return (ZEROS, MEAN, *(neighbours(k, metric) for metric in self.metrics for k in self.counts))

    def by_neighbours(self, imputation: int) -> bool:
        """Whether an imputation seeks neighbours, and so needs a known vector."""
        return imputation > 1

    def known(self, vectors: tuple[tuple[str, ...], ...], mask: int) -> tuple[bool, ...]:
        """Which of the model's vectors do not change under a mask: those of present modalities alone."""
        return tuple(set(vector) <= set(self.masks[mask]) for vector in vectors)


def _answer_examples(
    model: nn.Module,
    params: Params,
    corpus: Corpus,
    index: Array,
    mean: dict[str, Array],
    scale: dict[str, Array],
    size: int,
    plan: Plan,
    mask: Array | int,
) -> tuple[Array, Array, Array]:
    """Logits [n, C], vectors before pooling [n, P, D] and whether an example has all modalities, bool [n]."""

    def one(chunk: Array) -> tuple[Array, Array, Array]:
        batch = moddrop.apply_moddrop(take_batch(corpus, chunk, mean, scale), jnp.full(chunk.shape, mask), plan.masks)
        outputs = model.apply(step.split_variables(params), batch["inputs"], batch["masks"], train=False)
        has = [batch["masks"][m].any(axis=-1) for m in plan.masks[-1]]
        return outputs["logits"], outputs["pooled"], jnp.stack(has).all(axis=0)

    parts = jax.lax.map(one, step.cut_batches(index, size))
    return tuple(x.reshape(-1, *x.shape[2:])[: index.shape[0]] for x in parts)


@functools.lru_cache(maxsize=16)
def compile_masked_answers(model: nn.Module, engine: Engine, plan: Plan) -> Callable[..., Any]:
    """Jitted `fn(shared, fold, params)` over trials -> logits float32 [R, M, I, n, C], NaN where an imputation cannot be.

    `shared` is (development corpus, its folds, test corpus, test examples int32 [K, n]); `fold` int32 [R]; `params` has
    leaves [R, ...]. R is a multiple of what the mesh runs at once.
    """

    def one(shared: Any, fold: Array, params: Params) -> Array:
        development, folds, test, examples = shared
        of_fold = {m: x[fold] for m, x in folds.mean.items()}, {m: x[fold] for m, x in folds.scale.items()}
        size, whole = engine.eval_size, len(plan.masks) - 1
        ask = functools.partial(_answer_examples, model, params)
        _, training, usable = ask(development, folds.train[fold], *of_fold, size, plan, whole)
        logits_MxQxC, pooled_MxQxPxD, _ = jax.lax.map(
            lambda mask: ask(test, examples[fold], *of_fold, size, plan, mask), jnp.arange(whole + 1)
        )
        found = []
        for mask, zeros_QxC in enumerate(logits_MxQxC):
            known = plan.known(model.vectors, mask)
            if all(known):
                imputed = [zeros_QxC] * (len(plan.imputations) - 1)
            else:
                filled = _impute_all(pooled_MxQxPxD[whole], training, usable, known, plan)
                imputed = _classify_imputed(model, params, filled, zeros_QxC)
            found.append(jnp.stack([zeros_QxC, *imputed]))
        return jnp.stack(found)

    return mesh.map_over_trials(engine.mesh, engine.at_once, one)


def _impute_all(
    pooled_QxPxD: Array, training_NxPxD: Array, usable_N: Array, known: tuple[bool, ...], plan: Plan
) -> list[Array]:
    """The vectors of every imputation but the zeros; NaN for neighbours where no vector is known to seek them by."""
    found = [imputation.impute_mean(pooled_QxPxD, training_NxPxD, usable_N, known)]
    for metric in plan.metrics:
        if any(known):
            found += imputation.impute_neighbours(pooled_QxPxD, training_NxPxD, usable_N, known, plan.counts, metric)
        else:
            found += [jnp.full_like(pooled_QxPxD, jnp.nan)] * len(plan.counts)
    return found


def _classify_imputed(model: nn.Module, params: Params, filled: list[Array], like_QxC: Array) -> list[Array]:
    """Logits of each, by one call of the model."""
    together = jnp.concatenate(filled)
    logits = model.apply(step.split_variables(params), together, method="classify")
    return list(logits.reshape(len(filled), *like_QxC.shape))
