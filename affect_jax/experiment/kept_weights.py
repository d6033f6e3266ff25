"""The weights that a finished run keeps: where those of a trial are, and what to do where they are gone."""

import shutil
from pathlib import Path

import flax.linen as nn

from affect_jax.encoders import pieces
from affect_jax.encoders.folder import find_folder
from affect_jax.errors import UserError
from affect_jax.experiment.results_file import FILE, Results, describe_command
from affect_jax.runtime import hosts, run_folder
from affect_jax.runtime.run_identity import RunIdentity
from affect_jax.training import checkpoint
from affect_jax.types import Params

_SHARED = "shared"
"""Folder beside the batches of trials, of submodules that all trials of a study read."""


def check_weights(folder: Path, results: Results) -> None:
    """Checks that a run has the weights of all its trials; those of classical baselines have none.

    Raises:
      UserError: some are missing; the sentence says what to do.
    """
    for study in dict.fromkeys(trial.study for trial in results.trials):
        numbers = [number for number, trial in enumerate(results.trials) if trial.study == study]
        weights = run_folder.locate_weights(folder, study)
        batches = [checkpoint.read_meta(batch) for batch in sorted(weights.glob("[0-9]*"))]
        kept = {batch["first"] + at for batch in batches if batch for at in range(batch["trials"])}
        missing = [number for at, number in enumerate(numbers) if at not in kept]
        if missing and results.trials[missing[0]].classical is None:
            raise UserError(describe_missing(folder, results, missing))


def describe_missing(folder: Path, results: Results, missing: list[int]) -> str:
    """A sentence on trials without weights, and how they are made anew."""
    if results.trials[missing[0]].classical is not None:
        return f"{folder} is a run of classical baselines, which keep no weights; name a run of networks"
    trials = f"trial {missing[0]}" if len(missing) == 1 else f"{len(missing)} trials, the first {missing[0]},"
    return (
        f"{folder} has no weights of {trials} (they were deleted from {folder / 'weights'}), and only training makes "
        f"them: delete {folder / FILE}, then give the command again: {describe_command(folder, results)}"
    )


def save_shared(folder: Path, study: str, shared: Params, identity: RunIdentity | None) -> None:
    """Keeps the submodules of which all trials of a study read one copy, so that a run needs no other files."""
    place = run_folder.locate_weights(folder, study) / _SHARED
    checkpoint.save_checkpoint(place, 0, {"params": shared}, {}, identity)


def save_tokenizer(folder: Path, study: str, model: nn.Module) -> None:
    """Keeps the tokenizer of a model of words beside its weights, so that new texts need no other files."""
    path = locate_tokenizer(folder, study, model)
    if path is not None and hosts.is_leader():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(find_folder(model.encoder.weights) / pieces.FILE, path)


def locate_tokenizer(folder: Path, study: str, model: nn.Module) -> Path | None:
    """Where `save_tokenizer` keeps it; None for a model that has none."""
    if not getattr(model, "reads_words", False) or model.encoder.weights is None:
        return None
    return run_folder.locate_weights(folder, study) / pieces.FILE


def restore_shared(folder: Path, study: str, model: nn.Module, identity: RunIdentity | None) -> Params:
    """The way back of `save_shared`; {} for a model that shares nothing.

    Raises:
      UserError: they are missing or damaged.
    """
    if not getattr(model, "shared", ()):
        return {}
    place = run_folder.locate_weights(folder, study) / _SHARED
    saved = checkpoint.restore_checkpoint(place, identity) if place.is_dir() else None
    if saved is None:
        raise UserError(
            f"{place} is missing, which holds the encoder that all trials share; restore it, or train that run again"
        )
    (leaves,) = checkpoint.split_by_prefix(saved.leaves, ("params",))
    return checkpoint.nest_leaves(leaves)
