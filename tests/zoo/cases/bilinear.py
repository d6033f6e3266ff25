"""What the fusions of block.bootstrap share: two vectors, and the mean squared error."""

import jax.numpy as jnp

OUTPUTS = {"y": "prediction"}


def prepare(ins):
    inputs = {m: ins[m] for m in ("x0", "x1")}
    return inputs, {m: jnp.ones(x.shape[:1], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    return jnp.square(outputs["prediction"].reshape(ins["target"].shape) - ins["target"]).mean()
