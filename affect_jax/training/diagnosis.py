"""Which tensor was the first that was not finite: one update done again, of a trial that stands still because of it."""

import functools
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.stages import Stage
from affect_jax.data import streaming
from affect_jax.data.corpus import Corpus
from affect_jax.data.folds import Folds
from affect_jax.data.packing import Packing
from affect_jax.data.streaming import Source
from affect_jax.training import step
from affect_jax.training.checkpoint import leaves_by_path
from affect_jax.training.state import TrialState
from affect_jax.training.trials import TrialArrays
from affect_jax.types import Array, Params


@functools.lru_cache(maxsize=16)
def _program(model: nn.Module, stage: Stage, packing: Packing | None) -> Callable[..., Any]:
    def again(
        shared: tuple[Corpus, Folds], trial: TrialArrays, frozen: Params, state: TrialState, index: Array
    ) -> OrderedDict[str, Array]:
        """Name -> whether all of it is finite, in the order in which an update makes them."""
        corpus, folds = shared
        batch = step.take_training_batch(stage, packing, corpus, folds, trial.fold, index)
        key = jax.random.key(trial.seed)
        (_, (terms, _, statistics, outputs)), grads = step.compute_gradients(
            model, stage, trial, frozen, state, batch, key
        )
        # A model may name its prediction first, but makes it last.
        outputs = sorted(outputs.items(), key=lambda item: item[0].partition("/")[0] in ("prediction", "logits"))
        made: list[tuple[str, dict[str, Any]]] = [
            ("input ", batch["inputs"]),
            ("", {"target": batch["target"]}),
            ("parameter ", leaves_by_path({**frozen, **state.params})),
            ("output ", dict(outputs)),
            ("loss ", terms),
            ("", leaves_by_path(statistics)),
            ("gradient of ", leaves_by_path(grads)),
            ("updated parameter ", leaves_by_path(step.apply_update(stage, trial, state, grads)[0])),
        ]
        return OrderedDict((kind + name, jnp.isfinite(x).all()) for kind, some in made for name, x in some.items())

    return jax.jit(again)


@functools.lru_cache(maxsize=16)
def _line_program(stage: Stage) -> Callable[..., Array]:
    def line(folds: Folds, trial: TrialArrays, state: TrialState) -> Array:
        """int32 [B], the line of `order_of` whose update was not made."""
        order = step.order_epoch(stage, folds, trial, state.epoch - 1)
        # Every epoch makes as many updates as it has batches with an example, and those without come last.
        return order[state.updates - (state.epoch - 1) * (order >= 0).any(1).sum()]

    return jax.jit(line)


def first_not_finite(
    model: nn.Module,
    stage: Stage,
    packing: Packing | None,
    shared: tuple[Corpus | Source, Folds],
    trial: TrialArrays,
    frozen: Params,
    state: TrialState,
) -> str:
    """Where a trial lost its way, e.g. `not finite in epoch 3, update 41: gradient of student/kernel`.

    Args:
      model: the model.
      stage: the stage.
      packing: as the trial was trained with.
      shared: corpus and folds.
      trial: the trial, no trial axis.
      frozen: its parameters that stand still.
      state: its state after the epoch in which `finite` became False: of before the update that was not made.
    """
    corpus, folds = shared
    index = _line_program(stage)(folds, trial, state)
    if isinstance(corpus, Source):
        whole, lines = corpus, np.asarray(index)[None]
        room = streaming.measure_room(whole, np.asarray(folds.train), lines.size)
        corpus, (index,) = streaming.make_chunk(whole, lines, 1, max(len(stage.moddrop), 1), room)
    sound = _program(model, stage, packing)((corpus, folds), trial, frozen, state, index)
    wrong = [name for name, good in sound.items() if not good]
    found = wrong[0] if wrong else "a tensor that is finite when the update is done again alone"
    return f"not finite in epoch {int(state.epoch)}, update {int(state.updates) + 1}: {found}"
