"""One hop of attention from modality to modality, as MHA and AMH take it (Yoon et al. 2019, 2020).

Letters in names of arrays are axes: B batch, T steps, H units of the target, C size of the context.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from affect_jax.errors import UserError
from affect_jax.layers.dense import Dense
from affect_jax.layers.wide import to_wide

# Finite, so that a clip without a single valid step gives a finite softmax with finite gradients; exp() of it is 0.
_MASKED = -1e30


class Hop(nn.Module):
    """Attends over the states of one modality, with a query that a dense layer forms from the context.

        q = c W + b        a_t = softmax over valid t of h_t . q        result = sum over t of a_t h_t

    Parameters: `query` {kernel [C, H], bias [H]}.
    """

    @nn.compact
    def __call__(
        self, context_BxC: jax.Array, states_BxTxH: jax.Array, mask_BxT: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Returns the weighted mean of the states [B, H] and the weights [B, T].

        Weights are 0 at padded steps and sum to 1. Where no step is valid, all weights and the mean are 0.
        """
        query_BxH = Dense(states_BxTxH.shape[-1], name="query")(context_BxC)
        scores_BxT = jnp.einsum("bth,bh->bt", states_BxTxH, query_BxH)
        weights_BxT = jax.nn.softmax(jnp.where(mask_BxT, to_wide(scores_BxT), _MASKED), axis=-1)
        # Without a valid step the softmax is even over padding, so it must be masked once more.
        weights_BxT = jnp.where(mask_BxT, weights_BxT, 0)
        return jnp.einsum("bt,bth->bh", weights_BxT.astype(states_BxTxH.dtype), states_BxTxH), weights_BxT


def check_hops(model: str, hops: int) -> None:
    """Checks the number of hops.

    Raises:
      UserError: there is no hop at all.
    """
    if hops < 1:
        raise UserError(f"model {model!r} has {hops} hops; give 1 or more, or choose model 'mdre'")
