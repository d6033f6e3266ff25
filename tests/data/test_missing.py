"""Items that lack a modality: zeros and an all-False mask in a batch, and no say in the statistics."""

from types import SimpleNamespace

import jax
import numpy as np
import pytest

from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.data import moddrop, splits
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import UserError
from tests.data.batches import take_batch, take_on_device

LENGTHS = {"r0": 3, "r1": 0, "r2": 2, "r3": 0}  # frames of the face; r1 and r3 have none


def recordings():
    draw = np.random.default_rng(0)
    made = []
    for name, frames in LENGTHS.items():
        features = {"voice": draw.integers(-99, 99, 6).astype(np.int16)}
        if frames:
            features["face"] = draw.normal(5, 2, (frames, 2)).astype(np.float32)
        if name == "r2":
            del features["voice"]
        made.append(Recording(name, name, (name,), features, {"y": np.float32([1])}))
    return made


def build(made):
    return corpora.build_corpus(made, modalities=("face", "voice"), target="y", unit="item")


def test_a_missing_modality_is_zeros_under_a_false_mask():
    made = recordings()
    batch = take_batch(build(made)[0], [3, 0, 2, 1, -1])
    np.testing.assert_array_equal(batch["masks"]["face"].sum(1), [0, 3, 2, 0, 0])
    np.testing.assert_array_equal(batch["masks"]["voice"].sum(1), [6, 6, 0, 6, 0])
    np.testing.assert_array_equal(batch["inputs"]["face"][1], made[0].features["face"])
    for modality, lacking in (("face", [0, 3, 4]), ("voice", [2, 4])):
        np.testing.assert_array_equal(batch["inputs"][modality][lacking], 0)
    np.testing.assert_array_equal(batch["mask"], [True, True, True, True, False])
    power = np.mean(np.square(batch["inputs"]["voice"][[0, 1, 3], :, 0]), axis=1)
    np.testing.assert_allclose(power, 1, rtol=1e-5)


def test_whole_items_are_the_same_beside_others_that_lack_something():
    made = recordings()
    alone, among = build([made[0]])[0], build(made)[0]
    one, other = take_batch(alone, [0]), take_batch(among, [0])
    for modality in ("face", "voice"):
        np.testing.assert_array_equal(one["inputs"][modality][0], other["inputs"][modality][0])


def test_statistics_are_over_what_is_there():
    made = recordings()
    corpus, index = build(made)
    found = folding.build_folds(
        corpus, index, [folding.FoldMembers("f", ("r0", "r1"), ("r2",))], {"face": True, "voice": True}
    )
    np.testing.assert_allclose(found.mean["face"][0], made[0].features["face"].mean(0), rtol=1e-5)
    np.testing.assert_allclose(found.scale["face"][0], made[0].features["face"].std(0), rtol=1e-5)


def test_what_cannot_be_left_out():
    made = recordings()
    corpus, index = build(made)
    standardize = {"face": True, "voice": True}
    with pytest.raises(UserError, match="fold 'f' has no training recording with the modality 'face'; leave it out"):
        folding.build_folds(corpus, index, [folding.FoldMembers("f", ("r1",), ("r0",))], standardize)
    with pytest.raises(UserError, match="fold 'f' has no training recording with the modality 'voice'"):
        folding.build_folds(corpus, index, [folding.FoldMembers("f", ("r2",), ("r0",))], standardize)
    with pytest.raises(UserError, match="recording r1 has no modality 'face'"):
        build([made[1], made[3]])
    with pytest.raises(UserError, match=r"recording r1 has no modality 'face'.*only items may lack one"):
        corpora.build_corpus(made, modalities=("face",), target="y", unit="recording")
    empty = made[0]._replace(features={**made[0].features, "face": np.zeros((0, 2), np.float32)})
    with pytest.raises(UserError, match="recording r0 has no frames of 'face'"):
        build([empty, made[2]])


@jax.jit
def take_and_drop(corpus, index, folds):
    """Batches of the examples: as they are, by Moddrop without a face, and with the face removed."""
    whole = take_on_device(corpus, index, *folds.select_moments(0))
    combined = moddrop.apply_moddrop(whole, np.array([1, 1]), (("face", "voice"), ("voice",)))
    return whole, combined, moddrop.remove_modalities(whole, ("face",))


@pytest.mark.parametrize("standardize", [True, False, ("face",), ("voice",), ()])
def test_zeros_stand_behind_standardisation_whichever_modalities_are_standardised(standardize):
    """An own gap, an example that Moddrop takes a modality from, and one that a test removes it from: all are zeros, so
    the training mean of what is standardised, and zeros of its own units where nothing is."""
    made = [
        r._replace(features={**r.features, "voice": np.random.default_rng(1).normal(7, 3, (4, 1)).astype(np.float32)})
        for r in recordings()
    ]
    corpus, index = build(made)
    data = SimpleNamespace(modalities=("face", "voice"), standardize=standardize)
    chosen = splits.choose_standardized(data)
    assert set(chosen.values()) <= {True, False}
    folds = folding.build_folds(corpus, index, [folding.FoldMembers("f", ("r0", "r1"), ("r2",))], chosen)
    whole, combined, removed = jax.device_get(take_and_drop(corpus, np.array([0, 1]), folds))
    for batch, lacking in ((whole, [1]), (combined, [0, 1]), (removed, [0, 1])):
        np.testing.assert_array_equal(batch["inputs"]["face"][lacking], 0)
        assert not batch["masks"]["face"][lacking].any()
    face = whole["inputs"]["face"][0]
    expected = made[0].features["face"]
    if chosen["face"]:
        expected = (expected - expected.mean(0)) / expected.std(0)
    np.testing.assert_allclose(face, expected, atol=1e-5)
