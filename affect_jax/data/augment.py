"""Random changes of a batch, as functions of a key: pure, on the device, and blind to padding.

Each is of one modality x [B, T, D] with its mask [B, T], whose valid steps come first, or of a whole batch. What is
masked stays 0, and an example draws the same numbers whatever stands beside it. `share` [B] in [0, 1) says where in an
example: one draw serves all modalities, so that what happened at one time stays together.

Speed: Ko et al. (Interspeech 2015). Reverberation: Ko et al. (ICASSP 2017). SpecAugment: Park et al. (Interspeech
2019). Mixup: Zhang et al. (ICLR 2018). Modality dropout: Neverova et al. (2016).
Letters in names of arrays are axes: B batch, T steps, D features, M modalities.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from affect_jax.layers.masking import zero_padding
from affect_jax.types import Array, Batch


def crop_steps(share_B: Array, x: Array, mask: Array, steps: int) -> tuple[Array, Array]:
    """Cuts `steps` steps from a random start, [B, steps, D]; an example that is shorter stays whole."""
    if x.shape[1] <= steps:
        return x, mask
    spare_B = jnp.maximum(mask.sum(axis=1) - steps, 0)
    start_B = jnp.floor(share_B * (spare_B + 1)).astype(jnp.int32)
    x = jax.vmap(lambda one, at: jax.lax.dynamic_slice_in_dim(one, at, steps))(x, start_B)
    mask = jax.vmap(lambda one, at: jax.lax.dynamic_slice_in_dim(one, at, steps))(mask, start_B)
    return x, mask


def shift_steps(share_B: Array, x: Array, mask: Array, most: Array) -> Array:
    """Rotates the valid steps by up to `most` of their number, either way."""
    length_B = jnp.maximum(mask.sum(axis=1), 1)
    by_B = jnp.round((2 * share_B - 1) * most * length_B).astype(jnp.int32)
    at_BxT = jnp.arange(x.shape[1])[None, :] - by_B[:, None]
    at_BxT = jnp.where(mask, at_BxT % length_B[:, None], 0)
    return zero_padding(jnp.take_along_axis(x, at_BxT[..., None], axis=1), mask)


def change_speed(share_B: Array, x: Array, mask: Array, most: Array) -> tuple[Array, Array]:
    """Plays each example faster or slower by up to `most`, in equal steps of the logarithm: 1 / (1 + most) to 1 + most.

    What is between two steps is on the line between them, so pitch and formants move along, and what is near half of a
    waveform's rate is dampened. What becomes longer than the batch is cut. At a speed of 1 nothing changes.
    """
    speed_B = jnp.exp((2 * share_B - 1) * jnp.log1p(most))
    length_B = mask.sum(axis=1)
    new_B = jnp.minimum(jnp.ceil(length_B / speed_B), x.shape[1]).astype(jnp.int32)
    new_BxT = jnp.arange(x.shape[1])[None, :] < new_B[:, None]
    at_BxT = jnp.minimum(jnp.arange(x.shape[1])[None, :] * speed_B[:, None], jnp.maximum(length_B - 1, 0)[:, None])
    before_BxT = jnp.floor(at_BxT).astype(jnp.int32)
    rest_BxT = (at_BxT - before_BxT).astype(x.dtype)[..., None]
    after_BxT = jnp.minimum(before_BxT + 1, jnp.maximum(length_B - 1, 0)[:, None])
    left, right = (jnp.take_along_axis(x, at[..., None], axis=1) for at in (before_BxT, after_BxT))
    return zero_padding((1 - rest_BxT) * left + rest_BxT * right, new_BxT), new_BxT


def add_reverberation(share_B: Array, pick_B: Array, x: Array, mask: Array, rate: Array, responses_KxL: Array) -> Array:
    """Convolves waveforms x [B, T, 1] with impulse responses, at this rate: of those whose share is below it.

    Args:
      share_B: in [0, 1).
      pick_B: in [0, 1): which response an example gets.
      x: waveforms; the tail behind an example's end is cut.
      mask: [B, T].
      rate: share of the examples that are changed.
      responses_KxL: impulse responses, the direct sound at 0.
    """
    responses_BxL = responses_KxL[jnp.floor(pick_B * responses_KxL.shape[0]).astype(jnp.int32)]
    size = x.shape[1] + responses_KxL.shape[1] - 1
    spectra = jnp.fft.rfft(x[..., 0], size) * jnp.fft.rfft(responses_BxL, size)
    wet = jnp.fft.irfft(spectra, size)[:, : x.shape[1], None].astype(x.dtype)
    return jnp.where((share_B < rate)[:, None, None], zero_padding(wet, mask), x)


def change_gain(share_B: Array, x: Array, decibels: Array) -> Array:
    """Multiplies each example by up to so many decibels, either way; x [B, ...]."""
    gain_B = 10 ** ((2 * share_B - 1) * decibels / 20)
    return x * gain_B.reshape((-1,) + (1,) * (x.ndim - 1)).astype(x.dtype)


def add_noise(key: Array, x: Array, mask: Array, decibels: Array) -> Array:
    """Adds white noise whose power is so many decibels below that of each example's valid entries; x [B, ..., D]."""
    axes = tuple(range(1, x.ndim))
    entries_B = jnp.maximum(mask.reshape(len(mask), -1).sum(axis=1), 1) * x.shape[-1]
    power_B = jnp.sum(jnp.square(x), axis=axes) / entries_B  # padding is 0
    size_B = jnp.sqrt(power_B * 10 ** (-decibels / 10)).reshape((-1,) + (1,) * (x.ndim - 1))
    return zero_padding(x + size_B * jax.random.normal(key, x.shape, x.dtype), mask)


def mask_stretches(key: Array, x: Array, length_B: Array, count: int, width: Array, axis: int) -> Array:
    """Sets `count` stretches along an axis (1: steps, 2: features) to 0, of up to `width` each (SpecAugment).

    Width and start are drawn evenly: whole numbers of 0 to `width`, and where it fits into the `length_B` first places.
    """
    draws_BxKx2 = jax.random.uniform(key, (x.shape[0], count, 2))
    width_BxK = jnp.minimum(jnp.floor(draws_BxKx2[..., 0] * (width + 1)), length_B[:, None])
    start_BxK = jnp.floor(draws_BxKx2[..., 1] * (length_B[:, None] - width_BxK + 1))
    place = jnp.arange(x.shape[axis])[None, None, :]
    inside_BxP = ((place >= start_BxK[..., None]) & (place < (start_BxK + width_BxK)[..., None])).any(axis=1)
    return jnp.where(jnp.expand_dims(inside_BxP, 3 - axis), jnp.zeros((), x.dtype), x)


def mix_examples(key: Array, batch: Batch, alpha: Array) -> Batch:
    """Mixes each example with another of the batch (mixup): inputs and masks of all modalities, by one pairing.

    The weight of an example itself is drawn of Beta(alpha, alpha); alpha 0 mixes nothing, and so is what has no partner
    with a label. The batch gets `partner`, the other's target, and `share`, the weight of its own [B].
    """
    order_key, share_key = jax.random.split(key)
    order_B = jax.random.permutation(order_key, batch["target"].shape[0])
    drawn_B = jax.random.beta(share_key, *[jnp.maximum(alpha, 1e-3)] * 2, order_B.shape)
    labelled_B = batch.get("labelled", batch["mask"])
    has_partner_B = labelled_B & labelled_B[order_B] & (alpha > 0)
    share_B = jnp.where(has_partner_B, drawn_B, 1.0)
    inputs, masks = {}, {}
    for modality, x in batch["inputs"].items():
        share = share_B.reshape((-1,) + (1,) * (x.ndim - 1))
        inputs[modality] = share * x + (1 - share) * x[order_B]
        mask = batch["masks"][modality]
        masks[modality] = mask | (mask[order_B] & has_partner_B.reshape((-1,) + (1,) * (mask.ndim - 1)))
    return Batch(**{**batch, "inputs": inputs, "masks": masks}, partner=batch["target"][order_B], share=share_B)


def drop_modalities(
    key: Array, inputs: Mapping[str, Array], masks: Mapping[str, Array], rate: Array
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Takes each modality of an example away at this rate; one that it has, drawn evenly, always stays."""
    names = sorted(inputs)
    has_BxM = jnp.stack([masks[m].reshape(len(masks[m]), -1).any(axis=1) for m in names], axis=1)
    draw_BxM = jax.random.uniform(key, has_BxM.shape)
    stays_BxM = jnp.arange(len(names))[None, :] == jnp.where(has_BxM, draw_BxM, -1.0).argmax(axis=1)[:, None]
    keeps_BxM = (draw_BxM >= rate) | stays_BxM
    kept = {}
    for number, modality in enumerate(names):
        mask = masks[modality]
        kept[modality] = mask & keeps_BxM[:, number].reshape((-1,) + (1,) * (mask.ndim - 1))
    return {m: zero_padding(inputs[m], kept[m]) for m in names}, kept
