"""Which random changes a stage makes of a training batch, and by which keys."""

import jax
import jax.numpy as jnp

from affect_jax.config.stages import Stage
from affect_jax.data import augment
from affect_jax.data.corpus import Corpus
from affect_jax.data.streaming import Source
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.training import keys
from affect_jax.training.impulse_responses import read_impulse_responses
from affect_jax.types import Array, Batch

_OF_ITEMS = ("crop", "speed", "shift", "mixup")
"""Changes that need one label an example: a label a step would have to move with its step."""


def augment_batch(stage: Stage, strengths: dict[str, Array], batch: Batch, key: Array, updates: Array) -> Batch:
    """A training batch with the changes of `config.stages.<stage>.augment`; without any, the batch itself.

    Args:
      stage: says what is changed.
      strengths: `Hyper.augment` of the trial.
      batch: on the way to the model.
      key: the trial's root key; every change has a purpose of its own, so that none moves another's draws.
      updates: updates done in this stage.
    """
    if not stage.augment.crop and not stage.augment.changes:
        return batch
    inputs, masks = dict(batch["inputs"]), dict(batch["masks"])

    def derive(purpose: str) -> Array:
        return keys.derive_key(key, f"{stage.name}/augment/{purpose}", updates)

    def draw(purpose: str) -> Array:
        return jax.random.uniform(derive(purpose), batch["target"].shape[:1])

    for modality in stage.augment.modalities or tuple(sorted(inputs)):
        x, mask = inputs[modality], masks[modality]
        if x.ndim == 3 and "speed" in stage.augment.changes:
            x, mask = augment.change_speed(draw("speed"), x, mask, strengths["speed"])
        if x.ndim == 3 and stage.augment.crop:
            x, mask = augment.crop_steps(draw("crop"), x, mask, stage.augment.crop)
        if x.ndim == 3 and "shift" in stage.augment.changes:
            x = augment.shift_steps(draw("shift"), x, mask, strengths["shift"])
        if "reverberation" in stage.augment.changes:
            responses = jnp.asarray(read_impulse_responses(stage.augment.impulse_responses, stage.augment.rate))
            draws = draw("reverberation"), draw("impulse_response")
            x = augment.add_reverberation(*draws, x, mask, strengths["reverberation"], responses)
        if "gain" in stage.augment.changes:
            x = augment.change_gain(draw("gain"), x, strengths["gain"])
        if "noise" in stage.augment.changes:
            x = augment.add_noise(derive(f"noise/{modality}"), x, mask, strengths["noise"])
        if x.ndim == 3 and "time_width" in stage.augment.changes:
            masks_key, length = derive(f"time_width/{modality}"), mask.sum(axis=1)
            x = augment.mask_stretches(masks_key, x, length, stage.augment.time_masks, strengths["time_width"], 1)
        if x.ndim == 3 and "band_width" in stage.augment.changes:
            masks_key, length = derive(f"band_width/{modality}"), jnp.full(x.shape[:1], x.shape[2])
            x = augment.mask_stretches(masks_key, x, length, stage.augment.band_masks, strengths["band_width"], 2)
        inputs[modality], masks[modality] = x, mask
    if "modality_dropout" in stage.augment.changes:
        inputs, masks = augment.drop_modalities(
            derive("modality_dropout"), inputs, masks, strengths["modality_dropout"]
        )
    changed = Batch(**{**batch, "inputs": inputs, "masks": masks})
    if "mixup" not in stage.augment.changes:
        return changed
    return augment.mix_examples(derive("mixup"), changed, strengths["mixup"])


def check_augment(stage: Stage, corpus: Corpus | Source) -> None:
    """Compares `config.stages.<stage>.augment` with the corpus.

    Raises:
      UserError: it names a modality that is not there, changes that need one label an example, of which there are
        several, or reverberation of what is no waveform; or as `read_impulse_responses`.
    """
    for modality in set(stage.augment.modalities) - set(corpus.inputs):
        raise UserError(
            f"config.stages.{stage.name}.augment.modalities names {modality!r}"
            f"{suggest_nearest(modality, corpus.inputs)}; config.data.modalities has "
            f"{join_words(sorted(corpus.inputs))}"
        )
    made = (*(("crop",) if stage.augment.crop else ()), *stage.augment.changes)
    changes = [name for name in made if name in _OF_ITEMS]
    if changes and corpus.target.steps is not None:
        raise UserError(
            f"config.stages.{stage.name}.augment has {changes[0]!r}, which needs one label an example, but this corpus "
            "has one a step; leave it out"
        )
    if "reverberation" in stage.augment.changes:
        for modality in stage.augment.modalities or sorted(corpus.inputs):
            if corpus.inputs[modality].gain is None:
                raise UserError(
                    f"config.stages.{stage.name}.augment.reverberation is of raw speech, but {modality!r} is features; "
                    "name the waveforms in augment.modalities, or leave it out"
                )
        if not stage.augment.rate:
            raise UserError(
                f"config.stages.{stage.name}.augment.reverberation needs config.corpus.rate, at which impulse "
                "responses are read; set it"
            )
        read_impulse_responses(stage.augment.impulse_responses, stage.augment.rate)
