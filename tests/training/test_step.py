"""What an update asks of all its tensors at once."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.training import step


@pytest.mark.parametrize("broken", [None, 0, 7, 39])
def test_all_of_all_tensors_is_finite_or_not(broken):
    tensors = [np.zeros((2, 3), np.float32) for _ in range(40)]
    if broken is not None:
        tensors[broken][1, 2] = (np.nan, np.inf)[broken % 2]
    assert bool(jax.jit(step.are_finite)(tensors)) is (broken is None)


def test_the_answer_is_not_computed_anew_for_every_tensor():
    """Else programs grow with the square of the number of tensors, and compiling with them."""

    def update(new, old):
        is_made = step.are_finite(new)
        return [jax.lax.select(is_made, x, y) for x, y in zip(new, old, strict=True)]

    tensors = [jnp.zeros((2, 3))] * 40
    program = jax.jit(update).lower(tensors, tensors).compile().as_text()
    assert program.count(" and(") <= 2 * len(tensors)
