"""LSTMs that share what was fused a step before, against a loop written from the equations."""

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.layers.hybrid import Gates, run_hybrid
from affect_jax.layers.step_products import make_notes, multiply


def test_states_are_those_of_a_loop_and_steps_that_are_not_valid_change_nothing():
    draw = np.random.default_rng(0)
    steps, units, fused = 4, {"a": 2, "b": 3}, 5
    gates = {
        m: Gates(
            *(draw.normal(size=size).astype(np.float32) for size in ((2, steps, 4 * h), (h, 4 * h), (fused, 4 * h)))
        )
        for m, h in units.items()
    }
    mask = np.arange(steps) < np.array([4, 2])[:, None]
    joint = draw.normal(size=(5, fused)).astype(np.float32)

    def run(gates):
        def fuse(states, note):
            return jnp.tanh(multiply(jnp.concatenate(states, axis=-1), joint, note))

        return run_hybrid(gates, mask, fuse, make_notes(joint, mask.T[..., None]))

    state = jax.device_get(jax.jit(run)(gates))
    for example, length in enumerate(mask.sum(1)):
        h, c = ({m: np.zeros(size) for m, size in units.items()} for _ in range(2))
        z = np.zeros(fused)
        for t in range(length):
            for m, (x, by_state, by_fused) in gates.items():
                i, f, g, o = np.split(x[example, t] + h[m] @ by_state + z @ by_fused, 4)
                c[m] = c[m] / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
                h[m] = np.tanh(c[m]) / (1 + np.exp(-o))
            z = np.tanh(np.concatenate(list(h.values())) @ joint)
        for m in units:
            np.testing.assert_allclose(state.h[m][example], h[m], atol=1e-5)
        np.testing.assert_allclose(state.z[example], z, atol=1e-5)
