"""Missing modalities in a batch, and the four combinations of Moddrop."""

import jax
import numpy as np

from affect_jax.data import moddrop
from tests import toy

PRESENT = (("a", "b"), ("a",), ("b",))


def batch():
    mask = np.arange(4)[None, :] < np.array([3, 2, 4])[:, None]
    inputs = {"a": np.float32(mask[..., None]), "b": np.float32(2 * mask[..., None])}
    return dict(inputs=inputs, masks={"a": mask, "b": mask}, target=np.zeros(3, np.float32), mask=np.ones(3, bool))


@jax.jit
def apply(batch, ways):
    return moddrop.apply_moddrop(batch, ways, PRESENT)


def test_every_example_appears_once_in_every_combination():
    split = jax.jit(lambda examples: moddrop.split_combination(moddrop.expand_examples(examples, 3), 3))
    example, way = jax.device_get(split(np.array([4, 7, -1])))
    assert example.tolist() == [4, 4, 4, 7, 7, 7, -1, -1, -1]
    assert way[:6].tolist() == [0, 1, 2, 0, 1, 2]


def test_an_example_keeps_the_modalities_of_its_combination_alone():
    found = jax.device_get(apply(batch(), np.array([0, 1, 2])))
    for modality in ("a", "b"):
        for at, names in enumerate(PRESENT):
            there = modality in names
            expected = batch()["masks"][modality][at] & there
            np.testing.assert_array_equal(found["masks"][modality][at], expected)
            np.testing.assert_array_equal(found["inputs"][modality][at] != 0, expected[:, None])


def test_an_absent_modality_is_that_of_a_combination_without_it():
    remove = jax.jit(lambda batch: moddrop.remove_modalities(batch, ("b",)))
    one, other = remove(batch()), apply(batch(), np.array([1, 1, 1]))
    toy.trees_equal(one["inputs"], other["inputs"])
    toy.trees_equal(one["masks"], other["masks"])
    toy.trees_equal(moddrop.remove_modalities(batch(), ()), batch())
