"""Keys for programs that draw much draw what jax.random draws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from affect_jax.training import compact_random

DRAWS = {
    "a uniform number": lambda key: jax.random.uniform(key),
    "normal numbers": lambda key: jax.random.normal(key, (3, 5)),
    "truncated normal numbers": lambda key: nn.initializers.lecun_normal()(key, (4, 3)),
    "an orthogonal matrix": lambda key: nn.initializers.orthogonal()(key, (4, 4)),
    "whole numbers": lambda key: jax.random.randint(key, (8,), 0, 100),
    "an order": lambda key: jax.random.permutation(key, 9),
    "bytes": lambda key: jax.random.bits(key, (7,), "uint8"),
    "keys": lambda key: jax.random.key_data(jax.random.split(key, (2, 3))),
    "a purpose": lambda key: jax.random.key_data(jax.random.fold_in(key, 2**32 - 1)),
}


@pytest.mark.parametrize("name", DRAWS)
def test_every_draw_is_jax_s_to_the_bit(name):
    draw = DRAWS[name]
    one, other = jax.jit(lambda key: (draw(key), draw(compact_random.make_compact(key))))(jax.random.key(3))
    np.testing.assert_array_equal(one, other)


def test_seeds_of_trials_under_vmap_too():
    def draw(seed):
        key = jax.random.key(seed)
        return [jax.random.uniform(k, (4,)) for k in (key, compact_random.make_compact(key))]

    one, other = jax.jit(jax.vmap(draw))(jnp.array([0, 1, 2**31 - 1]))
    np.testing.assert_array_equal(one, other)
    assert len(np.unique(one)) == 12


def test_keys_of_another_generator_stay_as_they_are():
    key = jax.random.key(3, impl="rbg")
    assert compact_random.make_compact(key) is key
    assert compact_random.make_compact(jax.random.key(3)).dtype != jax.random.key(3).dtype
