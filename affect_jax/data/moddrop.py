"""Missing modalities: a batch that lacks some of them, and Moddrop, which trains on such batches.

Moddrop (Neverova et al. 2016; thesis 4.4.1): every training example appears once in each of several combinations of
modalities. An example of an epoch is then example * C + combination, so shuffling, batches and steps stay as they are.
"""

from collections.abc import Sequence

import jax.numpy as jnp

from affect_jax.types import Array, Batch


def remove_modalities(batch: Batch, names: Sequence[str]) -> Batch:
    """Returns the batch with the modalities `names` missing: zeros and all-False masks."""
    inputs = {m: jnp.zeros_like(x) if m in names else x for m, x in batch["inputs"].items()}
    masks = {m: jnp.zeros_like(x) if m in names else x for m, x in batch["masks"].items()}
    return Batch(**{**batch, "inputs": inputs, "masks": masks})


def expand_examples(index: Array, combinations: int) -> Array:
    """int32 [n] examples, -1 for padding -> [n * C], each example in every combination."""
    every_NxC = index[:, None] * combinations + jnp.arange(combinations)[None, :]
    return jnp.where(index[:, None] < 0, -1, every_NxC).reshape(-1)


def split_combination(index: Array, combinations: int) -> tuple[Array, Array]:
    """The inverse of `expand_examples`: (examples, -1 for padding; combinations), int32 [n] each."""
    return jnp.where(index < 0, -1, index // combinations), index % combinations


def apply_moddrop(batch: Batch, combination: Array, present: Sequence[Sequence[str]]) -> Batch:
    """Returns the batch whose example b has the modalities `present[combination[b]]` and no others."""
    inputs, masks = dict(batch["inputs"]), dict(batch["masks"])
    for modality in inputs:
        # A table to gather from, so that one program serves all combinations.
        has_C = jnp.array([modality in names for names in present])
        masks[modality] = masks[modality] & has_C[combination][:, None]
        inputs[modality] = jnp.where(masks[modality][..., None], inputs[modality], 0.0)
    return Batch(**{**batch, "inputs": inputs, "masks": masks})
