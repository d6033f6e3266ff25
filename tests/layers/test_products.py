import jax
import numpy as np
import pytest

from affect_jax.layers.products import contract_last

X = np.arange(48, dtype=np.float32).reshape(2, 2, 4, 3)
KERNEL = np.arange(60, dtype=np.float32).reshape(4, 3, 5)


def test_last_axes_meet_the_first_of_a_kernel():
    numbers = (((2, 3), (0, 1)), ((), ()))
    contract = jax.jit(lambda x, kernel: contract_last(x, kernel, numbers))
    np.testing.assert_allclose(contract(X, KERNEL), np.tensordot(X, KERNEL, 2))


def test_other_axes_are_refused():
    with pytest.raises(ValueError, match="contracts the last axes with the first ones"):
        contract_last(X, KERNEL, (((1, 3), (0, 1)), ((), ())))
