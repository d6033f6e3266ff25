"""The heads and losses of MTUT; beta and lambda of the losses come with the file's arguments."""

import itertools

import jax.numpy as jnp
import numpy as np

from affect_jax.losses.classification import cross_entropy
from affect_jax.losses.semantics import correlate_positions, ssa

MODALITIES = ("rgb", "depth", "flow")


def read_arguments(fixture):
    arguments = fixture.meta["args"]
    config = arguments["train_cfg"]
    fixture.kinds["in"] |= {"beta": np.float32(config["beta"]), "lambda": np.float32(config["lambda_"])}
    return arguments


def prepare(ins):
    names = [m for i, m in enumerate(MODALITIES) if f"x{i}" in ins]
    inputs = {m: jnp.moveaxis(jnp.asarray(ins[f"x{i}"]), 1, -1) for i, m in enumerate(names)}
    return inputs, {m: jnp.ones(x.shape[:-1], bool) for m, x in inputs.items()}


def compute_errors(outputs, ins):
    label = jnp.asarray(ins["label"])
    return {m: cross_entropy(outputs[f"logits/{m}"], label) for m in MODALITIES if f"logits/{m}" in outputs}


def compute_alignment(outputs, ins):
    errors = compute_errors(outputs, ins)
    where = jnp.ones(ins["label"].shape, bool)
    pairs = itertools.combinations(errors, 2)
    options = {"beta": ins["beta"]}
    return ins["lambda"] * sum(
        ssa(outputs[f"map/{m}"], outputs[f"map/{n}"], where, errors[m], errors[n], **options) for m, n in pairs
    )


def compute_cross_entropy(outputs, ins):
    return sum(error.mean() for error in compute_errors(outputs, ins).values())


def compute_loss(outputs, ins, params):
    return compute_cross_entropy(outputs, ins) + compute_alignment(outputs, ins)


def _average(i):
    return lambda outputs, ins: jnp.moveaxis(outputs[f"scores/{MODALITIES[i]}"].mean(axis=(2, 3)), 1, 2)


def _correlate(i):
    return lambda outputs, ins: correlate_positions(outputs[f"map/{MODALITIES[i]}"])


OUTPUTS = {
    "loss_ce": compute_cross_entropy,
    "loss_ssa": compute_alignment,
    "ce_per_example": lambda outputs, ins: jnp.stack(list(compute_errors(outputs, ins).values())),
    **{f"logits{i}": _average(i) for i in range(3)},
    **{f"corr{i}": _correlate(i) for i in range(3)},
}
