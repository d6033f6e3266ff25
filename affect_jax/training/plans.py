"""What is static about training a stage, and about predicting: compiled programs are cached by it."""

from typing import NamedTuple

import flax.linen as nn

from affect_jax.config.stages import Stage
from affect_jax.data.buckets import Bucket
from affect_jax.data.packing import Packing


class StagePlan(NamedTuple):
    """Everything static about training one stage. Hashable: compiled programs are cached by it.

    Attributes:
      model: the module.
      stage: what is trained, with which losses.
      task: one of `metrics.TASKS`.
      eval_size: examples of a validation batch.
      packing: how training examples share the sequences of a batch; None for one example a sequence.
      updates: of each fold, in an epoch; () where no schedule asks.
    """

    model: nn.Module
    stage: Stage
    task: str
    eval_size: int
    packing: Packing | None = None
    updates: tuple[int, ...] = ()


class PredictionPlan(NamedTuple):
    """Everything static about predicting. Hashable: compiled programs are cached by it.

    Attributes:
      model: the module.
      outputs: names of the outputs to take.
      size: examples of a batch.
      absent: modalities that are missing.
      buckets: of the examples; () where all are padded to the longest.
    """

    model: nn.Module
    outputs: tuple[str, ...]
    size: int
    absent: tuple[str, ...] = ()
    buckets: tuple[Bucket, ...] = ()
