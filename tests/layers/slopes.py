"""Gradients against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np

STEP = 1e-6


def check_slope(function, arguments, seed=0):
    """Checks that results, weighted at random, rise along a random direction as their gradient says, in float64.

    In one program: `jax.test_util.check_grads` compiles every sum and difference of its own.

    Returns:
      The gradient by the arguments, of the weighted results.
    """
    draw = np.random.default_rng(seed)

    def draw_like(tree):
        return jax.tree.map(lambda x: draw.normal(size=x.shape), tree)

    with jax.enable_x64(True):
        arguments = jax.tree.map(lambda x: np.asarray(x, np.float64), arguments)
        weights, direction = draw_like(jax.eval_shape(function, *arguments)), draw_like(arguments)

        @jax.jit
        @jax.value_and_grad
        def differentiate(arguments):
            return sum(jax.tree.leaves(jax.tree.map(lambda w, x: jnp.sum(w * x), weights, function(*arguments))))

        def rise(step):
            return float(differentiate(jax.tree.map(lambda x, d: x + step * d, arguments, direction))[0])

        gradient, risen = jax.device_get(differentiate(arguments)[1]), rise(STEP) - rise(-STEP)
    slope = sum(jax.tree.leaves(jax.tree.map(lambda g, d: np.sum(g * d), gradient, direction)))
    np.testing.assert_allclose(slope, risen / (2 * STEP), rtol=1e-6)
    return gradient
