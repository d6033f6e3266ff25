"""Encoders in bfloat16 (`--features="voice=clip:bfloat16:DIR"`): near their float32, and padding reaches nothing."""

import dataclasses

import numpy as np
import pytest

from affect_jax.encoders import extract, images
from affect_jax.errors import UserError
from affect_jax.extraction import sources
from tests.encoders import proof


def make_extractors(name, layer="last", prepares=None):
    whole = extract.Extractor(proof.build(name), layer, False, None, prepares, "id")
    return whole, extract._round_weights(whole)


def measure_difference(one, other):
    """The root mean square of the difference as a share of that of the first."""
    return float(np.sqrt(np.square(one - other).mean() / np.square(one).mean()))


@pytest.mark.parametrize("name", ["wav2vec2_base", "wavlm_large"])
def test_features_of_sound_are_near_those_of_float32(name):
    whole, rounded = make_extractors(name, "mean")
    draw = np.random.default_rng(0)
    clips = [draw.normal(size=4000 + 900 * number).astype(np.float32) for number in range(2)]
    lengths = [len(clip) for clip in clips]
    expected = dict(extract.extract_sounds(whole, lengths, lambda number: clips[number]))
    features = dict(extract.extract_sounds(rounded, lengths, lambda number: clips[number]))
    beside_another = dict(extract.extract_sounds(rounded, lengths[:1] * 2, lambda _: clips[0]))[0]
    for number, values in expected.items():
        assert features[number].dtype == np.float32
        assert features[number].shape == values.shape
        assert 1e-5 < measure_difference(values, features[number]) < 0.03
    assert measure_difference(beside_another, features[0]) < 0.01


@pytest.mark.parametrize("name", ["clip_images", "resnet_bottleneck"])
def test_features_of_pictures_are_near_those_of_float32(name):
    size = proof.read_case(name)[0]["in"]["images"].shape[1]
    whole, rounded = make_extractors(name, prepares=dataclasses.replace(images.TORCHVISION, shortest=size, crop=size))
    pictures = list(np.random.default_rng(0).integers(0, 256, (2, size, size, 3), np.uint8))
    expected, features = (extract.encode_pictures(one, pictures) for one in (whole, rounded))
    assert features.dtype == np.float32
    assert 1e-5 < measure_difference(expected, features) < 0.03


def test_another_precision_is_another_extractor():
    whole, rounded = make_extractors("wav2vec2_base")
    assert whole.identity != rounded.identity
    for name in ("bfloat16:mfcc", "bfloat16:", "bfloat16:glove:x.txt", "bfloat16:bfloat16:DIR"):
        with pytest.raises(UserError, match="but only encoders compute in bfloat16; name one, such as"):
            sources.load_source(name)
        assert sources.is_extractor(name)
