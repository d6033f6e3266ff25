"""What a trial predicts when modalities are missing: every mask and imputation of one trial as one traced function."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from affect_jax.data import moddrop
from affect_jax.data.corpus import Corpus, take_batch
from affect_jax.evaluation import imputation
from affect_jax.evaluation.missing.missing_file import name_neighbours
from affect_jax.training import batching, mesh, step
from affect_jax.training.loop import Engine
from affect_jax.types import Array, Params

ZEROS, MEAN = "zeros", "mean"


class Plan(NamedTuple):
    """What every trial is asked.

    Attributes:
      masks: M combinations of modalities that are present; the last one has all.
      counts: K of K nearest neighbours.
      metrics: one or more of imputation.METRICS.
    """

    masks: tuple[tuple[str, ...], ...]
    counts: tuple[int, ...]
    metrics: tuple[str, ...]

    @property
    def imputations(self) -> tuple[str, ...]:
        """Names of what replaces missing vectors, in order: zeros at the input, training mean, neighbours."""
        return (ZEROS, MEAN, *(name_neighbours(k, metric) for metric in self.metrics for k in self.counts))

    def needs_known_vector(self, imputation: int) -> bool:
        """Whether an imputation seeks neighbours, which needs at least one known vector."""
        return imputation > 1

    def find_known(self, vectors: tuple[tuple[str, ...], ...], mask: int) -> tuple[bool, ...]:
        """For each of the model's vectors, whether all its modalities are present under a mask."""
        return tuple(set(vector) <= set(self.masks[mask]) for vector in vectors)


class _Examples(NamedTuple):
    """Examples of a corpus, standardised by a fold's moments.

    Attributes:
      corpus: where they are.
      index: int32 [n].
      mean: modality -> [D].
      scale: modality -> [D].
      size: how many the model reads at once.
    """

    corpus: Corpus
    index: Array
    mean: dict[str, Array]
    scale: dict[str, Array]
    size: int


class _Answers(NamedTuple):
    """What a model makes of n examples.

    Attributes:
      logits: float32 [n, C].
      pooled: float32 [n, P, D], the vectors before pooling.
      is_whole: bool [n], whether an example has all modalities.
    """

    logits: Array
    pooled: Array
    is_whole: Array


def _answer_examples(model: nn.Module, params: Params, examples: _Examples, plan: Plan, mask: Array | int) -> _Answers:
    """The model's answers to examples of which only the modalities of a mask are present."""

    def answer_batch(chunk: Array) -> _Answers:
        batch = take_batch(examples.corpus, chunk, examples.mean, examples.scale)
        batch = moddrop.apply_moddrop(batch, jnp.full(chunk.shape, mask), plan.masks)
        outputs = model.apply(step.split_variables(params), batch["inputs"], batch["masks"], train=False)
        is_present = [batch["masks"][m].any(axis=-1) for m in plan.masks[-1]]
        return _Answers(outputs["logits"], outputs["pooled"], jnp.stack(is_present).all(axis=0))

    answers = jax.lax.map(answer_batch, batching.cut_batches(examples.index, examples.size))
    # The last batch is padded.
    return jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[: examples.index.shape[0]], answers)


@functools.lru_cache(maxsize=16)
def compile_masked_answers(model: nn.Module, engine: Engine, plan: Plan) -> Callable[..., Any]:
    """Compiles `fn(shared, fold, params)` over trials -> logits float32 [R, M, I, n, C], NaN where impossible.

    `shared` is (development corpus, its folds, test corpus, test examples int32 [K, n]); `fold` is int32 [R]; `params`
    has leaves [R, ...]. R is a multiple of what the mesh runs at once.
    """

    def answer_trial(shared: Any, fold: Array, params: Params) -> Array:
        development, folds, test, test_examples = shared
        mean, scale = ({m: x[fold] for m, x in of.items()} for of in (folds.mean, folds.scale))
        whole = len(plan.masks) - 1
        ask = functools.partial(_answer_examples, model, params)
        training = ask(_Examples(development, folds.train[fold], mean, scale, engine.eval_size), plan, whole)
        tested = _Examples(test, test_examples[fold], mean, scale, engine.eval_size)
        by_mask = jax.lax.map(lambda mask: ask(tested, plan, mask), jnp.arange(whole + 1))
        answers = []
        for mask, zeros_QxC in enumerate(by_mask.logits):
            known = plan.find_known(model.vectors, mask)
            if all(known):  # nothing is missing, so every imputation gives the same
                imputed = [zeros_QxC] * (len(plan.imputations) - 1)
            else:
                # Known vectors do not depend on the missing modalities, so those of the whole examples will do.
                vectors = _impute_all(by_mask.pooled[whole], training, known, plan)
                imputed = _classify_imputed(model, params, vectors, zeros_QxC)
            answers.append(jnp.stack([zeros_QxC, *imputed]))
        return jnp.stack(answers)

    return mesh.map_over_trials(engine.mesh, engine.at_once, answer_trial)


def _impute_all(pooled_QxPxD: Array, training: _Answers, known: tuple[bool, ...], plan: Plan) -> list[Array]:
    """The vectors of every imputation but the zeros; NaN for neighbours where no vector is known to seek them by."""
    vectors = [imputation.impute_mean(pooled_QxPxD, training.pooled, training.is_whole, known)]
    for metric in plan.metrics:
        if any(known):
            vectors += imputation.impute_neighbours(
                pooled_QxPxD, training.pooled, training.is_whole, known, plan.counts, metric
            )
        else:
            vectors += [jnp.full_like(pooled_QxPxD, jnp.nan)] * len(plan.counts)
    return vectors


def _classify_imputed(model: nn.Module, params: Params, vectors: list[Array], like_QxC: Array) -> list[Array]:
    """The logits of each imputation, by one call of the model for all."""
    logits = model.apply(step.split_variables(params), jnp.concatenate(vectors), method="classify")
    return list(logits.reshape(len(vectors), *like_QxC.shape))
