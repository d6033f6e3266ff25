"""Modalities whose steps are those of one clock: words, mostly."""

from collections.abc import Mapping, Sequence

import jax

from affect_jax.errors import UserError
from affect_jax.layers.modalities import read_sequence


def read_aligned(
    model: str, inputs: Mapping[str, jax.Array], masks: Mapping[str, jax.Array], modalities: Sequence[str]
) -> tuple[dict[str, jax.Array], jax.Array]:
    """Modality -> x [B, T, D], 0 where its own mask is False, and the mask [B, T] of steps that any modality has.

    Vectors are sequences of one step.

    Raises:
      UserError: the batch lacks a modality, or they differ in steps.
    """
    pairs = {m: read_sequence(inputs, masks, m) for m in modalities}
    check_steps(model, {m: x.shape[1] for m, (x, _) in pairs.items()})
    joint = None
    for _, mask in pairs.values():
        joint = mask if joint is None else joint | mask
    return {m: x for m, (x, _) in pairs.items()}, joint


def check_steps(model: str, steps: Mapping[str, int]) -> None:
    """Checks that modalities share their steps.

    Raises:
      UserError: they do not.
    """
    counts = list(steps.values())
    if any(count != counts[0] for count in counts):
        said = ", ".join(f"{m!r} {count}" for m, count in steps.items())
        raise UserError(
            f"model {model!r} reads modalities step by step, such as words with what was heard and seen in each, but "
            f"their steps differ: {said}; give an aligned corpus, such as CMU-MOSI's aligned_50.pkl by "
            "config.corpus.name=arrays, or choose a method that takes any steps"
        )
