import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.layers import rounds
from affect_jax.layers.gru import gru
from affect_jax.layers.lstm import lstm_scan

UNITS, BATCH = 5, 3


def recurrences(steps):
    draw = np.random.default_rng(steps)

    def some(*shape):
        return draw.normal(size=shape)

    weights = some(2, 4, 3 * UNITS), some(2, UNITS, 3 * UNITS), some(2, 3 * UNITS), some(2, UNITS)
    mask = draw.random((steps, 2, BATCH)) < 0.7
    yield lambda x, *weights: gru(x, *weights, mask_TxKxB=mask), (some(BATCH, steps, 4), *weights)
    yield lambda *both: lstm_scan(*both, "sigmoid"), (some(steps, BATCH, 4 * UNITS), some(UNITS, 4 * UNITS))


@pytest.mark.parametrize("steps", [1, 4, 6])
def test_several_steps_a_round_as_on_an_accelerator_give_the_same(steps, monkeypatch):
    assert rounds.count_steps_per_round() == 1

    def graded(run, arguments):
        def loss(*arguments):
            states = run(*arguments)
            return jnp.sum(jnp.sin(states)), states

        # Without a gradient it takes another path.
        return jax.value_and_grad(loss, argnums=range(len(arguments)), has_aux=True)(*arguments), run(*arguments)

    runs, arguments = zip(*recurrences(steps), strict=True)

    def compute():  # anew each time, as programs are kept by what they compute
        return jax.device_get(jax.jit(lambda arguments: list(map(graded, runs, arguments)))(arguments))

    with jax.enable_x64(True):
        one = compute()
        monkeypatch.setattr(rounds, "count_steps_per_round", lambda: 4)
        several = compute()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), one, several)
