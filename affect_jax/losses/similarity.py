"""Distances between the distributions of two codes, and their overlap: no step is compared with its own counterpart.

All take a [..., d], b [..., d] and where bool [...], treat every valid step as a sample, and return a scalar to
minimise. Without a valid step: 0, with zero gradients. Shapes that do not fit: ValueError.
"""

import jax
import jax.numpy as jnp

from affect_jax.losses import views


def cmd(a: jax.Array, b: jax.Array, where: jax.Array, *, moments: int = 5) -> jax.Array:
    """Central moment discrepancy (Zellinger et al., 2017, eq. 5): of means and of central moments 2 to `moments`.

    Each is the length of a difference of vectors [d]; there are no factors for the range of the codes, as in MISA's
    public code. Where two moments are equal the slope is infinite; the gradient there is 0.
    """
    views.check_width(a, b)
    a, b, valid = views.flatten(a, b, where)
    n = jnp.maximum(views.count(valid, a.dtype), 1)
    (a, mean_a), (b, mean_b) = views.centre(a, valid), views.centre(b, valid)
    total = _measure_length(mean_a - mean_b)
    for power in range(2, moments + 1):
        total += _measure_length((jnp.sum(a**power, axis=0) - jnp.sum(b**power, axis=0)) / n)
    return total


def mmd(a: jax.Array, b: jax.Array, where: jax.Array, *, bandwidth: float = 1.0) -> jax.Array:
    """Maximum mean discrepancy, squared and biased (Gretton et al., 2012, eq. 5), with a Gaussian kernel.

    mean of k(a, a') + mean of k(b, b') - 2 mean of k(a, b), k(x, y) = exp(-|x - y|^2 / (2 bandwidth^2 d)).
    """
    views.check_width(a, b)
    a, b, valid = views.flatten(a, b, where)
    pairs = valid[:, None] & valid[None, :]
    n = jnp.maximum(jnp.sum(pairs, dtype=a.dtype), 1)

    def average(x: jax.Array, y: jax.Array) -> jax.Array:
        # Of differences, not of norms and products, which cancel.
        distance = jnp.square(x[:, None, :] - y[None, :, :]).mean(axis=-1)
        return jnp.where(pairs, jnp.exp(-distance / (2 * bandwidth**2)), 0).sum() / n

    return average(a, a) + average(b, b) - 2 * average(a, b)


def difference(a: jax.Array, b: jax.Array, where: jax.Array) -> jax.Array:
    """How far two codes are from orthogonal (Bousmalis et al., 2016, eq. 5): the mean square of the d x d' products.

    Codes are centred, and samples have unit length, which is taken without its gradient, as in MISA's public code.
    """
    a, b, valid = views.flatten(a, b, where)
    a, b = (_scale(views.centre(x, valid)[0]) for x in (a, b))
    return jnp.square(jnp.matmul(a.T, b, precision=jax.lax.Precision.HIGHEST)).mean()


def _scale(x: jax.Array) -> jax.Array:
    length = jnp.sqrt(jax.lax.stop_gradient(jnp.square(x).sum(axis=1, keepdims=True)))
    return x / (length + 1e-6)


def _measure_length(x: jax.Array) -> jax.Array:
    square = jnp.square(x).sum()
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
