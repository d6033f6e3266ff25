"""What a trial says where each modality comes from an example of its own, averaged: one traced function a trial.

Of N examples and M modalities a model is asked N^M times. A split of more examples is cut into blocks of N, and the
projection is exact within each block.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from affect_jax.data.corpus import take_batch
from affect_jax.evaluation.interactions.projection import list_subsets
from affect_jax.training import mesh, step
from affect_jax.training.loop import Engine
from affect_jax.types import Array, Batch, Params


class Crossing(NamedTuple):
    """What is crossed with what.

    Attributes:
      parts: for each of M modalities, the inputs that come from its example: itself, and what belongs to it.
      output: the model's output that is scored.
      block: examples that are crossed with each other.
    """

    parts: tuple[tuple[str, ...], ...]
    output: str
    block: int


@functools.lru_cache(maxsize=16)
def compile_projected_answers(model: nn.Module, engine: Engine, crossing: Crossing) -> Callable[..., Any]:
    """Compiles `fn(shared, fold, params)` over trials -> float32 [R, Q, S, N, ...].

    The Q blocks have N examples each, the last one padded; S are the sets of `list_subsets`: the mean answer where an
    example keeps these modalities. `shared` is (folds, test corpus, blocks int32 [K, Q, N], -1 for padding); `fold` is
    int32 [R]; `params` has leaves [R, ...].
    """

    def answer_trial(shared: Any, fold: Array, params: Params) -> Array:
        folds, test, blocks = shared
        mean, scale = ({m: x[fold] for m, x in of.items()} for of in (folds.mean, folds.scale))

        def answer_block(block: Array) -> Array:
            batch = take_batch(test, block, mean, scale)
            return _average_answers(model, params, batch, block >= 0, crossing, engine.eval_size)

        return jax.lax.map(answer_block, blocks[fold])

    return mesh.map_over_trials(engine.mesh, engine.at_once, answer_trial)


def _average_answers(
    model: nn.Module, params: Params, batch: Batch, is_valid: Array, crossing: Crossing, size: int
) -> Array:
    """Mean answers [S, N, ...] of one block, in `ceil(N^M / size)` calls of the model."""
    count, modalities = crossing.block, len(crossing.parts)
    total = count**modalities
    subsets = list_subsets(modalities)

    def ask(chosen_BxM: Array) -> Array:
        inputs, masks = dict(batch["inputs"]), dict(batch["masks"])
        for column, names in enumerate(crossing.parts):
            for name in names:
                inputs[name] = inputs[name][chosen_BxM[:, column]]
                masks[name] = masks[name][chosen_BxM[:, column]]
        read = {name for names in crossing.parts for name in names}
        inputs, masks = ({m: x for m, x in tree.items() if m in read} for tree in (inputs, masks))
        return model.apply(step.split_variables(params), inputs, masks, train=False)[crossing.output]

    def add_answers(sums: Array, first: Array) -> tuple[Array, None]:
        number = first + jnp.arange(size)
        chosen_BxM = (number[:, None] // count ** jnp.arange(modalities)[None, :]) % count
        answers = ask(chosen_BxM)
        is_counted = (number < total) & is_valid[chosen_BxM].all(axis=1)
        added = []
        for subset in subsets:
            keeper = chosen_BxM[:, subset[0]] if subset else jnp.zeros_like(number)
            is_kept = is_counted
            for column in subset[1:]:
                is_kept = is_kept & (chosen_BxM[:, column] == keeper)
            weight = is_kept.astype(answers.dtype).reshape(-1, *[1] * (answers.ndim - 1))
            added.append(jnp.zeros(sums.shape[1:], sums.dtype).at[keeper].add(weight * answers))
        return sums + jnp.stack(added), None

    shape = jax.eval_shape(ask, jnp.zeros((size, modalities), jnp.int32)).shape[1:]
    sums = jnp.zeros((len(subsets), count, *shape), jnp.float32)
    sums, _ = jax.lax.scan(add_answers, sums, jnp.arange(0, total, size))
    valid = is_valid.sum().astype(jnp.float32)
    means = [x / valid ** (modalities - len(subset)) for subset, x in zip(subsets, sums, strict=True)]
    # The mean over everything is one number; every example has it.
    means[0] = jnp.broadcast_to(means[0][:1], means[0].shape)
    return jnp.stack(means)
