"""How the trials of a stage go through an epoch: with a resident corpus, or with one that is streamed."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from affect_jax.data.folds import FoldedCorpus
from affect_jax.errors import UserError
from affect_jax.training import mesh, step
from affect_jax.training.engine import Engine
from affect_jax.training.state import TrialState
from affect_jax.training.trials import Trial, TrialArrays
from affect_jax.types import Array, Params

SaveOrStop = Callable[[TrialState, Any, int], None]
"""Called inside an epoch with the state, a `step.BatchLog` of its batches so far, and how many they are."""


class Epochs(Protocol):
    """Runs epochs of trials that lie in slots over the mesh."""

    def place(
        self, trials: Sequence[Trial], epoch: int, batch: int = 0, batch_log: dict[str, np.ndarray] | None = None
    ) -> None:
        """Prepares to run these trials from a given epoch and batch.

        Args:
          trials: one a slot.
          epoch: epochs that are done.
          batch: batches of the next one that are done ...
          batch_log: ... and what they logged, as named leaves of a checkpoint.

        Raises:
          UserError: the trials were streamed and now are not, or are of another model.
        """

    def run(
        self, arrays: TrialArrays, frozen: Params, state: TrialState, live: np.ndarray, save_or_stop: SaveOrStop
    ) -> tuple[TrialState, dict[str, Array]]:
        """Runs one epoch.

        Args:
          arrays: the slots' trials, over the mesh.
          frozen: their submodules that are not trained.
          state: theirs; donated, so the caller must not use it again.
          live: bool [S], on the host.
          save_or_stop: see `SaveOrStop`.

        Returns:
          The state, and the log of `step.finish_epoch`.
        """

    def close(self) -> None:
        """Ends the threads, if there are any."""


@functools.lru_cache(maxsize=16)
def _epoch_program(plan: step.StagePlan, devices: jax.sharding.Mesh, at_once: int) -> Callable[..., Any]:
    """One epoch of every trial. Cached, so that all batches of trials of a study share what is compiled."""

    def run_epoch(data: FoldedCorpus, trial: TrialArrays, frozen: Params, state: TrialState) -> Any:
        return step.run_epoch(plan, data, trial, {**frozen, **data.shared}, state)

    # Argument 3 is the state: without donation a study would hold it twice.
    return mesh.map_over_trials(devices, at_once, run_epoch, donate=3)


class ResidentEpochs:
    """Epochs of a corpus that lies on every device: one call of a program each."""

    def __init__(self, plan: step.StagePlan, data: FoldedCorpus, engine: Engine):
        self._data = data
        self._program = _epoch_program(plan, *engine.program_key)

    def place(
        self, trials: Sequence[Trial], epoch: int, batch: int = 0, batch_log: dict[str, np.ndarray] | None = None
    ) -> None:
        """Has nothing to prepare."""
        if batch:
            raise UserError(
                f"the run was stopped after batch {batch} of epoch {epoch + 1}, and only a streamed corpus can go on "
                "in the middle of an epoch; set config.engine.stream to True"
            )

    def run(
        self, arrays: TrialArrays, frozen: Params, state: TrialState, live: np.ndarray, save_or_stop: SaveOrStop
    ) -> tuple[TrialState, dict[str, Array]]:
        """Runs one epoch; it cannot be interrupted."""
        return self._program(self._data, arrays, frozen, state)

    def close(self) -> None:
        """Has nothing to end."""
