"""The four forms of contextual attention: a label a step, and numbers at padded steps too."""

import jax
import jax.numpy as jnp

from affect_jax.losses.classification import cross_entropy
from affect_jax.losses.reduction import masked_mean

MODALITIES = ("text", "audio", "video")
OUTPUTS = {"y": lambda outputs, ins: jax.nn.softmax(outputs["logits"])}
OUTPUTS |= {f"gru_{m}": f"states/{m}" for m in MODALITIES} | {f"dense_{m}": f"latent/{m}" for m in MODALITIES}


def prepare(ins):
    inputs = {m: ins[m] for m in MODALITIES if m in ins}
    return inputs, dict.fromkeys(inputs, ins["mask"] > 0)


def compute_loss(outputs, ins, params):
    return masked_mean(cross_entropy(outputs["logits"], ins["label"]), jnp.asarray(ins["mask"]) > 0)
