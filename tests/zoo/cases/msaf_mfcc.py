"""MSAF's network for MFCC; theirs has coefficients first."""

import jax.numpy as jnp

from affect_jax.losses import classification

OUTPUTS = {"y": "logits", "features": "fused"}


def prepare(ins):
    x = ins["x"].swapaxes(1, 2)
    return {"mfcc": x}, {"mfcc": jnp.ones(x.shape[:2], bool)}


def compute_loss(outputs, ins, params):
    return classification.cross_entropy(outputs["logits"], ins["label"]).mean()
