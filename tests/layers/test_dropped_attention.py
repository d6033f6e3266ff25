import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.layers.dropped_attention import attend

DRAW = np.random.default_rng(0)
Q, K, V = (DRAW.standard_normal((2, 2, steps, 3), np.float32) for steps in (4, 5, 5))
SEEN = np.ones((2, 1, 4, 5), bool)
SEEN[0, 0, :, 3:] = SEEN[1, 0, 2] = False  # one query sees nothing
KEEP = DRAW.random((2, 2, 4, 5)) < 0.7
OUT = DRAW.standard_normal((2, 2, 4, 3), np.float32)


def attend_plainly(q, k, v):
    logits = jnp.where(SEEN, jnp.einsum("bhtc,bhsc->bhts", q, k), -1e30)
    return jnp.einsum("bhts,bhsc->bhtc", jnp.where(KEEP, jax.nn.softmax(logits) / 0.7, 0), v)


def differentiate(fn, *qkv):
    return jax.value_and_grad(lambda *qkv: (fn(*qkv) * OUT).sum(), argnums=(0, 1, 2))(*qkv)


def test_attention_and_gradients_are_those_of_a_softmax_left_to_autodiff():
    @jax.jit
    def run(*qkv):
        ours = differentiate(lambda q, k, v: attend(q, k, v, SEEN, KEEP, np.float32(1 / 0.7)), *qkv)
        return ours, differentiate(attend_plainly, *qkv)

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), *run(Q, K, V))
