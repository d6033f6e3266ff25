"""Missing modalities in a batch, and the four combinations of Moddrop."""

import jax.numpy as jnp
import numpy as np

from affect_jax.data import moddrop
from tests import toy

PRESENT = (("a", "b"), ("a",), ("b",))


def batch():
    lengths = jnp.array([3, 2, 4])
    mask = jnp.arange(4)[None, :] < lengths[:, None]
    inputs = {"a": jnp.where(mask[..., None], 1.0, 0.0), "b": jnp.where(mask[..., None], 2.0, 0.0)}
    return dict(inputs=inputs, masks={"a": mask, "b": mask}, target=jnp.zeros(3), mask=jnp.ones(3, bool))


def test_every_example_appears_once_in_every_combination():
    expanded = moddrop.expand_examples(jnp.array([4, 7, -1]), 3)
    example, way = moddrop.split_combination(expanded, 3)
    assert example.tolist() == [4, 4, 4, 7, 7, 7, -1, -1, -1]
    assert way[:6].tolist() == [0, 1, 2, 0, 1, 2]


def test_an_example_keeps_the_modalities_of_its_combination_alone():
    found = moddrop.apply_moddrop(batch(), jnp.array([0, 1, 2]), PRESENT)
    for modality in ("a", "b"):
        for at, names in enumerate(PRESENT):
            there = modality in names
            expected = batch()["masks"][modality][at] & there
            np.testing.assert_array_equal(found["masks"][modality][at], expected)
            np.testing.assert_array_equal(found["inputs"][modality][at] != 0, expected[:, None])


def test_an_absent_modality_is_that_of_a_combination_without_it():
    one, other = (
        moddrop.remove_modalities(batch(), ("b",)),
        moddrop.apply_moddrop(batch(), jnp.array([1, 1, 1]), PRESENT),
    )
    toy.trees_equal(one["inputs"], other["inputs"])
    toy.trees_equal(one["masks"], other["masks"])
    toy.trees_equal(moddrop.remove_modalities(batch(), ()), batch())
