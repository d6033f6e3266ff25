"""Multiplicative combination: an oracle in numpy, from the formula."""

import jax
import jax.numpy as jnp

from affect_jax.losses import candidates


def evaluate(ins, arguments):
    count = arguments["components"]
    logits = jnp.stack([ins[f"logits{i}"] for i in range(count)], axis=1)
    factors = dict(beta=arguments["beta"], alpha=arguments["alpha"])
    losses = candidates.multiplicative(logits, ins["label"], **factors, margin=arguments["margin"])
    combined = candidates.combine(logits, **factors)
    outputs = {f"weight{i}": w for i, w in enumerate(candidates.weigh(logits, **factors).swapaxes(0, 1))}
    # The oracle's mask is 0 at a true class that has won; elsewhere it meets no label.
    is_true = jax.nn.one_hot(ins["label"], logits.shape[-1], dtype=bool)
    mask = jnp.where(is_true & (losses == 0)[:, None], 0.0, 1.0)
    return losses.mean(), outputs | dict(combined=combined, prediction=combined.argmax(axis=1), mask=mask)
