"""Translation of one sequence into another by LSTMs: an encoder and a decoder that attends to its codes.

Letters in names of arrays are axes: B batch, S steps of the source, T steps of the target, D features, H units.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.layers.dense import Dense, uniform
from affect_jax.layers.masked_lstm import MaskedLSTM
from affect_jax.layers.masking import zero_padding
from affect_jax.layers.products import multiply_rows
from affect_jax.layers.recurrent_fusion import select_last_state
from affect_jax.layers.rounds import scan
from affect_jax.layers.wide import to_wide


def pad_features(x: jax.Array, width: int) -> jax.Array:
    """x [..., D] with zeros behind its features up to `width`."""
    return jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, width - x.shape[-1])])


class Encoder(nn.Module):
    """Codes [B, S, features], the sum of an LSTM's two directions, and the decoder's first state [B, features]."""

    features: int

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> tuple[jax.Array, jax.Array]:
        states = MaskedLSTM(self.features, bidirectional=True, name="lstm")(x, mask)
        last = select_last_state(states, mask, bidirectional=True)
        forward, backward = jnp.split(last, 2, axis=-1)
        first = nn.Dense(self.features, use_bias=False, kernel_init=uniform(self.features**-0.5), name="first")
        return sum(jnp.split(states, 2, axis=-1)), jnp.tanh(first(forward + backward))


class AttentionDecoder(nn.Module):
    """Decodes a sequence of which each step's truth is read at the next (teacher forcing).

    A step attends to the codes by its state s, c = sum over s' of softmax(v . tanh([s, code] W)) code, runs two LSTM
    cells on [truth of the step before, c], whose states added up are the next s, and says [s, c] W_o + b_o.

    Attributes:
      features: of a step that is decoded.
      keeps_state: the cells go on from their states; else from 0 at every step, so that only s is carried.
    """

    features: int
    keeps_state: bool = True

    @nn.compact
    def __call__(self, codes: jax.Array, mask: jax.Array, first: jax.Array, before: jax.Array) -> jax.Array:
        """Returns what is decoded, [B, T, features].

        Args:
          codes: [B, S, H], of the encoder.
          mask: of them, bool [B, S].
          first: state [B, H] of the encoder.
          before: truth of the step before each, [B, T, D].
        """
        units, width = codes.shape[-1], before.shape[-1]
        attention = self.param("attention", uniform((2 * units) ** -0.5), (2 * units, units))
        score_Hx1 = self.param("score", uniform(units**-0.5), (units, 1))
        init = uniform(units**-0.5)
        weights_ih, weights_hh, biases = [], [], []
        for way in ("", "_reverse"):
            weights_ih.append(self.param(f"weight_ih{way}", init, (width + units, 4 * units)))
            weights_hh.append(self.param(f"weight_hh{way}", init, (units, 4 * units)))
            biases.append(sum(self.param(f"bias_{side}{way}", init, (4 * units,)) for side in ("ih", "hh")))
        ih_KxDxG, hh_KxHxG = jnp.stack(weights_ih), jnp.stack(weights_hh)
        keys = multiply_rows(codes, attention[units:])
        gates_TxKxBxG = jnp.einsum("btd,kdg->tkbg", before, ih_KxDxG[:, :width]) + jnp.stack(biases)[None, :, None, :]

        def body(carry, gates_KxBxG):
            state, h, c = carry
            scores = to_wide(jnp.tanh((state @ attention[:units])[:, None] + keys) @ score_Hx1)[..., 0]
            weights = nn.softmax(jnp.where(mask, scores, -1e30)).astype(codes.dtype)
            context = jnp.einsum("bs,bsh->bh", weights, codes)
            gates = gates_KxBxG + jnp.einsum("bh,khg->kbg", context, ih_KxDxG[:, width:])
            if self.keeps_state:
                gates = gates + jnp.einsum("kbh,khg->kbg", h, hh_KxHxG)
            i, f, g, o = jnp.split(gates, 4, axis=-1)
            entered = nn.sigmoid(i) * jnp.tanh(g)
            c = nn.sigmoid(f) * c + entered if self.keeps_state else entered
            h = nn.sigmoid(o) * jnp.tanh(c)
            return (h.sum(axis=0), h, c), (h.sum(axis=0), context)

        zero = jnp.zeros((2, *first.shape), gates_TxKxBxG.dtype)
        _, (states, contexts) = scan(body, (first, zero, zero), gates_TxKxBxG)
        said = Dense(self.features, name="out")(jnp.concatenate([states, contexts], axis=-1))
        return said.swapaxes(0, 1)


class AttentionRegressor(nn.Module):
    """An LSTM, the mean of its states by weights softmax(tanh(dense)), a dense layer: [B, T, D] -> [B, outputs].

    Attributes:
      features: units.
      outputs: of the last layer.
      over_batch: the recurrence runs over the first axis and not over the second.
    """

    features: int
    outputs: int
    over_batch: bool = False

    @nn.compact
    def __call__(self, x: jax.Array, mask: jax.Array) -> jax.Array:
        lstm = MaskedLSTM(self.features, name="lstm")
        states = lstm(x.swapaxes(0, 1), mask.T).swapaxes(0, 1) if self.over_batch else lstm(x, mask)
        scores = to_wide(jnp.tanh(Dense(1, name="score")(states)))[..., 0]
        weights = jnp.where(mask, nn.softmax(jnp.where(mask, scores, -1e30)), 0).astype(x.dtype)
        mean = jnp.einsum("bt,bth->bh", weights, zero_padding(states, mask))
        return Dense(self.outputs, name="dense")(to_wide(mean))
