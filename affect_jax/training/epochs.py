"""How the trials of a stage go through an epoch: with the corpus on the device whole, or streamed."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import flax.linen as nn
import jax
import numpy as np

from affect_jax.config.stages import Stage
from affect_jax.data.corpus import Corpus
from affect_jax.data.folds import Folds
from affect_jax.data.packing import Packing
from affect_jax.errors import UserError
from affect_jax.training import mesh, step
from affect_jax.training.state import TrialState
from affect_jax.training.trials import Trial, TrialArrays
from affect_jax.types import Array, Params


class Engine(NamedTuple):
    """How a study runs; nothing here changes its numbers beyond float rounding.

    Attributes:
      mesh: devices, axes `replica` and `data`.
      at_once: trials of one `vmap` on a device.
      eval_size: examples of a validation or test batch.
      checkpoint_seconds: least time between two checkpoints; 0 saves every epoch, and every chunk of one that is
        streamed.
      stream_megabytes: of batches on a device at a time, where the corpus is streamed; there are two such chunks.
    """

    mesh: jax.sharding.Mesh
    at_once: int
    eval_size: int
    checkpoint_seconds: float
    stream_megabytes: float = 64.0


Between = Callable[[TrialState, Any, int], None]
"""Is told, inside an epoch: the state, what its batches so far have made, and how many they are."""


class Epochs(Protocol):
    """Runs epochs of trials that lie in slots over the mesh.

    Attributes:
      packing: how training examples share lines, as in `step.batch_of`.
    """

    packing: Packing | None

    def place(
        self, trials: Sequence[Trial], epoch: int, batch: int = 0, made: dict[str, np.ndarray] | None = None
    ) -> None:
        """These trials, one a slot, go on after so many epochs, and batches of the next one.

        Args:
          trials: one a slot.
          epoch: epochs that are done.
          batch: batches of the next one that are done ...
          made: ... and what they made, named leaves of a checkpoint.

        Raises:
          UserError: they were streamed and now are not, or are another model's.
        """

    def run(
        self, arrays: TrialArrays, frozen: Params, state: TrialState, live: np.ndarray, between: Between
    ) -> tuple[TrialState, dict[str, Array]]:
        """One epoch.

        Args:
          arrays: the slots' trials, over the mesh.
          frozen: their parameters that stand still.
          state: theirs; its memory is used again.
          live: bool [S], on the host.
          between: see `Between`.

        Returns:
          The state, and the log of `step.finish`.
        """

    def close(self) -> None:
        """Ends what runs beside."""


@functools.lru_cache(maxsize=16)
def _program(model: nn.Module, stage: Stage, task: str, engine: Engine, packing: Packing | None) -> Callable[..., Any]:
    """One epoch of every trial. Kept, so that the waves of a study and its packed sizes share what is compiled."""

    def trial_epoch(shared: tuple[Corpus, Folds], trial: TrialArrays, frozen: Params, state: TrialState) -> Any:
        return step.run_epoch(model, stage, task, engine.eval_size, packing, *shared, trial, frozen, state)

    return mesh.map_over_trials(engine.mesh, engine.at_once, trial_epoch, donate=3)


class Resident:
    """Epochs of a corpus that lies on every device: one program each."""

    def __init__(
        self,
        model: nn.Module,
        stage: Stage,
        task: str,
        engine: Engine,
        packing: Packing | None,
        shared: tuple[Corpus, Folds],
    ):
        self.packing, self._shared = packing, shared
        self._program = _program(model, stage, task, engine, packing)

    def place(
        self, trials: Sequence[Trial], epoch: int, batch: int = 0, made: dict[str, np.ndarray] | None = None
    ) -> None:
        """There is nothing to prepare."""
        if batch:
            raise UserError(
                f"the run was stopped after batch {batch} of epoch {epoch + 1}, and only a streamed corpus can go on "
                "in the middle of an epoch; set config.engine.stream to True"
            )

    def run(
        self, arrays: TrialArrays, frozen: Params, state: TrialState, live: np.ndarray, between: Between
    ) -> tuple[TrialState, dict[str, Array]]:
        """One epoch."""
        return self._program(self._shared, arrays, frozen, state)

    def close(self) -> None:
        """Nothing runs beside."""
