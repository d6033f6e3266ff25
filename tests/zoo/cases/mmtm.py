"""A module of MMTM. Features have channels first and any axes behind; ours are steps of channels."""

import jax.numpy as jnp


def to_steps(x):
    """[B, C, ...] -> [B, T, C]."""
    return x.reshape(*x.shape[:2], -1).swapaxes(1, 2)


OUTPUTS = {
    "visual": lambda outputs, ins: outputs["fused/visual"].swapaxes(1, 2),
    "skeleton": lambda outputs, ins: outputs["fused/skeleton"].swapaxes(1, 2),
}


def prepare(ins):
    inputs = {m: to_steps(ins[m]) for m in ("visual", "skeleton")}
    return inputs, {m: jnp.ones(x.shape[:2], bool) for m, x in inputs.items()}


def compute_loss(outputs, ins, params):
    return sum(
        jnp.square(outputs[f"fused/{m}"] - to_steps(ins[f"target_{m[0]}"])).mean() for m in ("visual", "skeleton")
    )
