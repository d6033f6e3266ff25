"""Batches of trials: as many of a study's trials as fit the memory at once."""

from collections.abc import Sequence

import flax.linen as nn
import jax

from affect_jax.errors import UserError
from affect_jax.experiment.context import Run
from affect_jax.training import loop, mesh
from affect_jax.training.trials import Trial


def split_into_batches(run: Run, model: nn.Module, trials: Sequence[Trial]) -> list[Sequence[Trial]]:
    """Cuts trials into batches whose training state fits `config.engine.trial_batch_gigabytes`."""
    params = loop.trace_shapes(model, run.development.corpus, run.folds)[0]
    # Parameters, their best, gradients and up to two moments of the optimizer, 4 bytes each.
    trial_bytes = 5 * 4 * sum(x.size for submodule in params.values() for x in jax.tree.leaves(submodule))
    fitting = max(int(run.experiment.engine.trial_batch_gigabytes * 1e9 / trial_bytes), 1)
    replicas = mesh.count_replicas(run.engine.mesh)
    size = max(fitting // replicas, 1) * replicas
    return [trials[i : i + size] for i in range(0, len(trials), size)]


def split_into_brackets(run: Run, model: nn.Module, trials: Sequence[Trial]) -> list[Sequence[Trial]]:
    """The same for successive halving, which must see all points of a variant and fold together.

    Raises:
      UserError: these are more than fit.
    """
    most = len(split_into_batches(run, model, trials)[0])
    brackets: dict[tuple[str, int], list[Trial]] = {}
    for trial in trials:
        brackets.setdefault((trial.variant, trial.fold), []).append(trial)
    batches: list[list[Trial]] = [[]]
    for bracket in brackets.values():
        if len(bracket) > most:
            raise UserError(
                f"config.search.halving compares {len(bracket)} trials of a variant and fold, and {most} fit "
                f"config.engine.trial_batch_gigabytes={run.experiment.engine.trial_batch_gigabytes:g}; raise it, or "
                "lower config.search.random or config.search.seeds"
            )
        if len(batches[-1]) + len(bracket) > most:
            batches.append([])
        batches[-1] += bracket
    return batches
