"""RAVEN of its authors, as published and with its nonverbal part attached."""

import jax.numpy as jnp

OUTPUTS = {"y": "prediction", "addon_raw": "shift", "shifted_words": "shifted"}
NO_DROPOUT = {"dropouts": (0.0,)}


def prepare(ins):
    inputs, masks = {"text": ins["words"]}, {"text": _mask(ins["inputLens"], ins["words"].shape[1])}
    for ours, theirs in (("audio", "covarep"), ("video", "facet")):
        x = ins[theirs]
        count, words, steps, features = x.shape
        inputs[ours] = x.reshape(count, words * steps, features)
        masks[ours] = _mask(ins[f"{theirs}Lens"], steps).reshape(count, words * steps)
    return inputs, masks


def compute_loss(outputs, ins, params):
    return jnp.square(outputs["prediction"] - ins["target"]).mean()


def read_arguments(fixture):
    """Where the nonverbal part has gradients, its graph is not cut."""
    attached = "calcAddon.weight" in fixture.kinds["grad"]
    return {**fixture.meta["args"], **({"attached": True} if attached else {})}


def _mask(lengths, steps):
    return jnp.arange(steps).reshape((1,) * lengths.ndim + (-1,)) < lengths[..., None]
