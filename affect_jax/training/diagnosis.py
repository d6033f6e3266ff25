"""Finds the first tensor that was not finite: repeats the one update after which a trial stands still."""

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.stages import Stage
from affect_jax.data import streaming
from affect_jax.data.buckets import Bucket
from affect_jax.data.folds import FoldedCorpus, Folds
from affect_jax.data.streaming import Source
from affect_jax.training import batching, step, turns
from affect_jax.training.checkpoint import name_leaves
from affect_jax.training.state import TrialState
from affect_jax.training.trials import TrialArrays
from affect_jax.types import Array, Params


def _check_tensors(inputs: turns.UpdateInputs) -> OrderedDict[str, Array]:
    """Of one update: name of a tensor -> whether all of it is finite."""
    plan, trial, frozen, state, batch, _ = inputs
    loss = step.compute_gradients(*inputs)
    # A model may name its prediction first, but computes it last.
    outputs = sorted(
        loss.forward.outputs.items(), key=lambda item: item[0].partition("/")[0] in ("prediction", "logits")
    )
    tensors: list[tuple[str, dict[str, Any]]] = [
        ("input ", batch["inputs"]),
        ("", {"target": batch["target"]}),
        ("parameter ", name_leaves({**frozen, **state.params})),
        ("output ", dict(outputs)),
        ("loss ", loss.forward.terms),
        ("", name_leaves(loss.forward.statistics)),
        ("gradient of ", name_leaves(loss.params)),
        ("updated parameter ", name_leaves(step.apply_update(plan, trial, state, loss.params)[0])),
    ]
    return OrderedDict((kind + name, jnp.isfinite(x).all()) for kind, group in tensors for name, x in group.items())


@functools.lru_cache(maxsize=16)
def _finite_program(plan: step.StagePlan, bucket: Bucket | None, size: int | None) -> Callable[..., Any]:
    def check_update(
        data: FoldedCorpus, trial: TrialArrays, frozen: Params, state: TrialState, index: Array
    ) -> OrderedDict[str, Array]:
        """Name of a tensor -> whether all of it is finite, in the order in which an update computes them."""
        batch = step.take_training_batch(plan, data, trial.fold, index[:size], bucket)
        inputs = turns.UpdateInputs(plan, trial, frozen, state, batch, jax.random.key(trial.seed))
        if not plan.stage.turns:
            return _check_tensors(inputs)
        is_finite = OrderedDict()
        for place, turn in enumerate(turns.list_cycle(plan.stage)):
            of_turn = turns.enter_turn(inputs._replace(state=state), turn, place)
            is_finite |= {f"turn {place + 1}, {turn.name}: {k}": good for k, good in _check_tensors(of_turn).items()}
            state = turns.merge_turn(state, turn, step.make_update(*of_turn, weight=None)[0])
        return is_finite

    return jax.jit(check_update)


@functools.lru_cache(maxsize=16)
def _batch_program(stage: Stage) -> Callable[..., Array]:
    def find_batch(folds: Folds, trial: TrialArrays, state: TrialState) -> tuple[Array, Array]:
        """int32 [B], the row of `order_epoch` whose update was not made, and its number."""
        order = batching.order_epoch(stage, folds, trial, state.epoch - 1)
        # Every epoch makes as many updates as it has batches with an example.
        updates = jnp.cumsum((order >= 0).any(1))
        number = jnp.argmax(updates > state.updates - (state.epoch - 1) * updates[-1])
        return order[number], number

    return jax.jit(find_batch)


def find_first_not_finite(
    plan: step.StagePlan, data: FoldedCorpus, trial: TrialArrays, frozen: Params, state: TrialState
) -> str:
    """Says where a trial diverged, e.g. `not finite in epoch 3, update 41: gradient of student/kernel`.

    Args:
      plan: the trial was trained with.
      data: corpus and folds.
      trial: the trial, no trial axis.
      frozen: its submodules that the stage does not train.
      state: its state after the epoch in which `finite` became False, which is that before the update that was not
        made.
    """
    index, number = _batch_program(plan.stage)(data.folds, trial, state)
    buckets = data.folds.train_buckets
    place, size = batching.list_batches(plan.stage, buckets)[int(number)] if buckets else (0, None)
    bucket = buckets[place] if buckets else None
    if isinstance(data.corpus, Source):
        source, batches = data.corpus, np.asarray(index)[None]
        capacity = streaming.measure_capacity(source, np.asarray(data.folds.train), batches.size)
        corpus, (index,) = streaming.make_chunk(source, batches, 1, max(len(plan.stage.moddrop), 1), capacity)
        data = FoldedCorpus(corpus, data.folds)
    is_finite = _finite_program(plan, bucket, size)(data, trial, frozen, state, index)
    # Repeated alone, the update may round differently and survive.
    broken = [name for name, good in is_finite.items() if not good]
    tensor = broken[0] if broken else "a tensor that is finite when the update is repeated alone"
    return f"not finite in epoch {int(state.epoch)}, update {int(state.updates) + 1}: {tensor}"
