import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.masking import select_modality


def test_padding_reads_as_zero_with_zero_gradient():
    x, mask = np.array([[1, 2], [np.nan, np.inf]], np.float32), np.array([True, False])

    @jax.jit
    @functools.partial(jax.grad, has_aux=True)
    def run(x):
        selected = select_modality({"a": x}, {"a": mask}, "a")
        return jnp.sum(selected**2), selected

    grad, selected = run(x)
    np.testing.assert_array_equal(selected, [[1, 2], [0, 0]])
    np.testing.assert_array_equal(grad, [[2, 4], [0, 0]])


def test_a_missing_modality_is_named():
    with pytest.raises(UserError, match=r"'c' but the batch has a, b"):
        select_modality({"b": np.ones(1), "a": np.ones(1)}, {}, "c")
