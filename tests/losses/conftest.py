import jax
import numpy as np
import pytest


@pytest.fixture
def check_slopes():
    """check(f, *arrays): f(*arrays) -> (value, gradients) agrees with central differences, in float64.

    Along three random directions. `f` is called as it is, so that one compiled program serves all of it.
    """

    def check(f, *arrays, rtol=1e-5, atol=1e-7):
        rng = np.random.default_rng(0)
        with jax.enable_x64(True):
            _, gradients = f(*arrays)
            for _ in range(3):
                steps = [1e-5 * rng.normal(size=x.shape) for x in arrays]
                ahead, _ = f(*(x + step for x, step in zip(arrays, steps, strict=True)))
                behind, _ = f(*(x - step for x, step in zip(arrays, steps, strict=True)))
                slope = sum(np.vdot(g, step) for g, step in zip(gradients, steps, strict=True)) / 1e-5
                np.testing.assert_allclose(slope, (float(ahead) - float(behind)) / 2e-5, rtol=rtol, atol=atol)

    return check
