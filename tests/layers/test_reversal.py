import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.layers.reversal import reverse_gradient


def test_what_is_behind_learns_and_what_is_before_unlearns():
    """A discriminator's own slope stays; that of what it reads has the other sign, times the factor."""

    def loss(encoder, discriminator):
        return jnp.square(reverse_gradient(encoder * 3.0, 0.25) * discriminator)

    plain = jax.jit(jax.grad(lambda e, d: jnp.square(e * 3.0 * d), (0, 1)))(2.0, 5.0)
    value, (encoder, discriminator) = jax.jit(jax.value_and_grad(loss, (0, 1)))(2.0, 5.0)
    np.testing.assert_allclose(value, 900.0)
    np.testing.assert_allclose(encoder, -0.25 * plain[0])
    np.testing.assert_allclose(discriminator, plain[1])
