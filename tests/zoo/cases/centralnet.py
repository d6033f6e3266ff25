"""CentralNet of MFAS' code."""

import jax.numpy as jnp

from affect_jax.losses import classification
from tests.zoo.cases.cen import to_rows

NAMES = ("audio", "image")
OUTPUTS = {"central": "logits", **{m: f"logits/{m}" for m in NAMES}}
OUTPUTS |= {f"{m}_gp{i}": f"feature/{m}/{i}" for m in NAMES for i in range(1, 6)}


def compute_part(outputs, ins, name):
    return classification.cross_entropy(outputs[OUTPUTS[name]], ins["label"]).mean()


OUTPUTS |= {
    "loss_audio": lambda outputs, ins: compute_part(outputs, ins, "audio"),
    "loss_image": lambda outputs, ins: compute_part(outputs, ins, "image"),
    "loss_central": lambda outputs, ins: compute_part(outputs, ins, "central"),
}


def prepare(ins):
    inputs = {m: to_rows(ins[m]) for m in NAMES}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    return sum(compute_part(outputs, ins, name) for name in (*NAMES, "central"))
