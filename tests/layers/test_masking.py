import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.errors import UserError
from affect_jax.layers.masking import select_modality


def test_padding_reads_as_zero_with_zero_gradient():
    x, mask = jnp.array([[1.0, 2.0], [jnp.nan, jnp.inf]]), jnp.array([True, False])
    np.testing.assert_array_equal(select_modality({"a": x}, {"a": mask}, "a"), [[1, 2], [0, 0]])
    grad = jax.grad(lambda x: jnp.sum(select_modality({"a": x}, {"a": mask}, "a") ** 2))(x)
    np.testing.assert_array_equal(grad, [[2, 4], [0, 0]])


def test_a_missing_modality_is_named():
    with pytest.raises(UserError, match=r"'c' but the batch has a, b"):
        select_modality({"b": jnp.ones(1), "a": jnp.ones(1)}, {}, "c")
