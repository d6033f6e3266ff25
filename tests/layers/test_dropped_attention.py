import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.layers.dropped_attention import attend

KEYS = jax.random.split(jax.random.key(0), 5)
Q, K, V = (jax.random.normal(key, (2, 2, t, 3)) for key, t in zip(KEYS, (4, 5, 5), strict=False))
SEEN = jnp.ones((2, 1, 4, 5), bool).at[0, 0, :, 3:].set(False).at[1, 0, 2].set(False)  # one query sees nothing
KEEP = jax.random.bernoulli(KEYS[3], 0.7, (2, 2, 4, 5))
OUT = jax.random.normal(KEYS[4], (2, 2, 4, 3))


def attend_plainly(q, k, v):
    logits = jnp.where(SEEN, jnp.einsum("bhtc,bhsc->bhts", q, k), -1e30)
    return jnp.einsum("bhts,bhsc->bhtc", jnp.where(KEEP, jax.nn.softmax(logits) / 0.7, 0), v)


def differentiate(fn):
    return jax.jit(jax.value_and_grad(lambda *qkv: (fn(*qkv) * OUT).sum(), argnums=(0, 1, 2)))(Q, K, V)


def test_attention_and_gradients_are_those_of_a_softmax_left_to_autodiff():
    ours = differentiate(lambda q, k, v: attend(q, k, v, SEEN, KEEP, jnp.float32(1 / 0.7)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), ours, differentiate(attend_plainly))
