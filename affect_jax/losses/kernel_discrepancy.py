"""Maximum mean discrepancy of two samples (Gretton et al. 2012), with the kernel of MFM (Tsai et al. 2019)."""

import jax
import jax.numpy as jnp

from affect_jax.losses import views


def mmd(a: jax.Array, b: jax.Array, where: jax.Array) -> jax.Array:
    """mean k(a, a) + mean k(b, b) - 2 mean k(a, b) over the valid steps, every pair of them, each with itself too.

    k(x, y) = exp(-||x - y||^2 / d^2). a, b: [..., d]; where: bool [...]. It is 0 or more, and 0 where no step is valid.
    The mean of x with itself makes it biased: two samples of p from one distribution have about 2 (1 - E k) / p.
    Raises ValueError where the shapes do not fit or the widths differ.
    """
    views.check_width(a, b)
    a, b, valid = views.flatten(a, b, where)
    share = valid / jnp.maximum(views.count(valid, a.dtype), 1)
    return _average(a, a, share) + _average(b, b, share) - 2 * _average(a, b, share)


def _average(x: jax.Array, y: jax.Array, share: jax.Array) -> jax.Array:
    distance = jnp.sum(jnp.square(x[:, None] - y[None]), axis=-1)
    return share @ jnp.exp(-distance / x.shape[-1] ** 2) @ share
