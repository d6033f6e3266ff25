"""Losses for continuous labels."""

import jax
import jax.numpy as jnp

from affect_jax.metrics import regression


def squared_error(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """(prediction - target)^2, elementwise. Raises ValueError where the shapes differ."""
    _check_shapes(prediction, target)
    return jnp.square(prediction - target)


def absolute_error(prediction: jax.Array, target: jax.Array) -> jax.Array:
    """|prediction - target|, elementwise; the gradient at 0 is 0. Raises ValueError where the shapes differ."""
    _check_shapes(prediction, target)
    return jnp.abs(prediction - target)


def pcc_loss(prediction: jax.Array, target: jax.Array, where: jax.Array) -> jax.Array:
    """1 - Pearson's correlation over all valid entries of the batch (eqs. 2.6 and 2.7 of the thesis); in [0, 2].

    prediction, target, where: equal shapes, `where` bool. Where prediction or target has no variance (also where
    fewer than two entries are valid) the correlation counts as 0: the loss is 1 and its gradient 0. A head that starts
    with a constant output therefore learns nothing from this loss alone. Raises ValueError where the shapes differ.
    """
    return 1 - regression.pcc(regression.compute_moments(prediction, target, where))


def ccc_loss(prediction: jax.Array, target: jax.Array, where: jax.Array) -> jax.Array:
    """1 - the concordance correlation coefficient over all valid entries (eq. 2.8; Lin, 1989); in [0, 2].

    As `pcc_loss`, but a constant prediction can be learned from: the gradient of the covariance pulls it apart. The
    coefficient is undefined only where both are constant and equal; it then counts as 0, with a zero gradient.
    """
    return 1 - regression.ccc(regression.compute_moments(prediction, target, where))


def _check_shapes(prediction: jax.Array, target: jax.Array) -> None:
    if prediction.shape != target.shape:
        raise ValueError(f"prediction {prediction.shape} and target {target.shape} must have one shape")
