"""An LSTM that reads a code at its first step and its own state afterwards: MFM's decoder (Tsai et al. 2019)."""

from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import uniform
from affect_jax.layers.step_products import Notes, make_notes, multiply
from affect_jax.layers.wide import wide_product, wide_type


class StateDecoder(nn.Module):
    """Code [B, H] -> states [B, T, H] of as many steps as `clock` [B, T] has. Parameters as in `MaskedLSTM`."""

    @nn.compact
    def __call__(self, code_BxH: jax.Array, clock_BxT: jax.Array) -> jax.Array:
        units = code_BxH.shape[-1]
        init = uniform(units**-0.5)
        weight_ih = self.param("weight_ih", init, (units, 4 * units))
        weight_hh = self.param("weight_hh", init, (units, 4 * units))
        bias = self.param("bias_ih", init, (4 * units,)) + self.param("bias_hh", init, (4 * units,))

        both = weight_ih + weight_hh  # what it reads next is its own state, so both matrices meet it
        steps_TxBx1 = clock_BxT.T[..., None]

        def step(state: tuple[jax.Array, jax.Array], note: Notes) -> tuple[Any, jax.Array]:
            gates, c = state
            i, f, g, o = jnp.split(gates, 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            h = jax.nn.sigmoid(o) * jnp.tanh(c)
            return (multiply(h, both, note) + bias[None, :], c), h

        first = wide_product(code_BxH, weight_ih) + bias[None, :]
        zeros_BxH = jnp.zeros_like(code_BxH, wide_type(code_BxH.dtype))
        _, states_TxBxH = jax.lax.scan(step, (first, zeros_BxH), make_notes(both, steps_TxBx1))
        return states_TxBxH.swapaxes(0, 1).astype(code_BxH.dtype)
