"""Long recordings in windows: their steps are the recording's, each computed with enough around it."""

import numpy as np
import pytest

from affect_jax.encoders import extract, families, speech
from tests.encoders import proof

SAMPLES = np.random.default_rng(0).normal(size=9_013).astype(np.float32)


@pytest.fixture(scope="module")
def extractor():
    return extract.Extractor(proof.build("wav2vec2_large"), "last", False, None, None, "")


@pytest.fixture(scope="module")
def whole(extractor):
    mask = np.ones((1, len(SAMPLES)), bool)
    return np.asarray(extractor.encoder.model.apply(extractor.encoder.variables, SAMPLES[None], mask).last[0])


def extract_in_windows(extractor, window, context, samples=SAMPLES):
    return extract.extract_windows(extractor, extractor.encoder.variables, samples, window, context)


def test_windows_have_the_steps_of_the_whole(extractor, whole):
    assert len(whole) == speech.count_steps(extractor.encoder.model.sizes, len(SAMPLES))
    for window, context in ((2_000, 400), (20_000, 400)):
        assert extract_in_windows(extractor, window, context).shape == whole.shape
    np.testing.assert_allclose(extract_in_windows(extractor, 20_000, 400), whole, atol=1e-5)


def test_a_step_in_the_middle_of_its_window_hears_what_it_hears_in_the_whole(extractor, whole):
    """Each step against all: nearest is the same step of the whole, since only what is attended to differs."""
    ours = extract_in_windows(extractor, 3_000, 800)
    centred = whole - whole.mean(axis=0)
    error = np.sqrt(np.square(ours - whole).mean()) / np.sqrt(np.square(centred).mean())
    assert error < 0.1, error


def test_what_is_kept_of_a_window_is_what_the_encoder_makes_of_that_stretch(extractor):
    hop, read, context = 20, 150, 40  # samples, steps, steps
    encoder, kept = extractor.encoder, read - 2 * context
    behind = families.count_shortest(encoder.model.sizes) - hop
    piece = SAMPLES[(kept - context) * hop : (kept - context + read) * hop + behind]  # the second window
    alone = encoder.model.apply(encoder.variables, piece[None], np.ones((1, len(piece)), bool)).last[0]
    ours = extract_in_windows(extractor, read * hop, context * hop)
    np.testing.assert_allclose(ours[kept : 2 * kept], alone[context : context + kept], atol=1e-5)


def test_long_recordings_go_by_windows(extractor, monkeypatch):
    monkeypatch.setattr(extract, "LONGEST", 0.1)
    monkeypatch.setattr(extract, "CONTEXT", 0.02)
    ((number, found),) = extract.extract_sounds(extractor, [len(SAMPLES)], lambda _: SAMPLES)
    assert number == 0
    np.testing.assert_array_equal(found, extract_in_windows(extractor, 1_600, 320))
