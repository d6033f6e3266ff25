"""Graph-MFN of MMSA; the nets of its graph are beside the parameters, or among them."""

import jax.numpy as jnp

OUTPUTS = {
    "y": "prediction",
    "efficacies": lambda outputs, ins: outputs["efficacies"].swapaxes(0, 1),
    "mem": "memory",
    **{f"h_{m}": f"latent/{n}" for m, n in zip("lav", ("text", "audio", "video"), strict=True)},
}
NO_DROPOUT = {"dropouts": ()}


def prepare(ins):
    inputs = {m: ins[m] for m in ("text", "audio", "video")}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    return jnp.abs(outputs["prediction"] - ins["target"][:, 0]).mean()
