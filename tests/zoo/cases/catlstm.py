"""CAT-LSTM: numbers of a form in PyTorch, written after the authors' code."""

import jax
import jax.numpy as jnp

from affect_jax.losses.classification import cross_entropy
from affect_jax.losses.reduction import masked_mean

MODALITIES = ("audio", "video", "text")
OUTPUTS = {
    "logits": "logits",
    "gru": "states",
    "last": "fused",
    "loss_ce": lambda outputs, ins: compute_cross_entropy(outputs, ins),
}


def prepare(ins):
    given = {m: ins[m] for m in MODALITIES if m in ins}
    if len(given) < len(MODALITIES):  # one modality, whatever it is called
        rest = [x for name, x in ins.items() if jnp.ndim(x) == 3]
        given = {"input": rest[0]}
    return given, {m: jnp.asarray(ins["mask"]) > 0 for m in given}


def compute_cross_entropy(outputs, ins):
    return masked_mean(cross_entropy(outputs["logits"], ins["label"]), jnp.asarray(ins["mask"]) > 0)


def compute_loss(outputs, ins, params):
    squares = [jnp.sum(jnp.square(p)) / 2 for p in jax.tree.leaves(params)]
    return compute_cross_entropy(outputs, ins) + 1e-5 * sum(squares) / len(squares)
