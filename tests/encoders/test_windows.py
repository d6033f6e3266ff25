"""Long recordings in windows: their steps are the recording's, each computed with enough around it."""

import functools

import jax
import numpy as np
import pytest

from affect_jax.encoders import extract, families, speech, windows
from tests.compiled import list_compiled
from tests.encoders import proof

SAMPLES = np.random.default_rng(0).normal(size=9_013).astype(np.float32)
LOUDER = SAMPLES * np.linspace(0.2, 4, len(SAMPLES), dtype=np.float32) + 0.5
"""Of which every window has other moments than the whole."""
WINDOW, CONTEXT = 3_000, 800
"""Of most tests: each length of a window has a program of its own."""


@pytest.fixture(scope="module")
def extractor():
    return extract.Extractor(proof.build("wav2vec2_large"), "last", False, None, None, "")


@functools.cache
def make_program(model):
    return jax.jit(model.apply)


def encode_alone(encoder, samples):
    """The encoder's outputs of a recording in one piece, [T, D] each."""
    outputs = make_program(encoder.model)(encoder.variables, samples[None], np.ones((1, len(samples)), bool))
    return jax.tree.map(lambda x: np.asarray(x)[0], outputs)


@pytest.fixture(scope="module")
def whole(extractor):
    return encode_alone(extractor.encoder, SAMPLES).last


def extract_in_windows(extractor, window, context, samples=SAMPLES):
    """Window and context in samples."""
    seconds = (window / speech.RATE, context / speech.RATE)
    return extract.extract_windows(extractor, extractor.encoder.variables, samples, *seconds)


def test_windows_have_the_steps_of_the_whole(extractor, whole):
    assert len(whole) == speech.count_steps(extractor.encoder.model.sizes, len(SAMPLES))
    for window, context in ((WINDOW, CONTEXT), (20_000, 400)):
        assert extract_in_windows(extractor, window, context).shape == whole.shape
    np.testing.assert_allclose(extract_in_windows(extractor, 20_000, 400), whole, atol=1e-5)


def test_a_step_in_the_middle_of_its_window_hears_what_it_hears_in_the_whole(extractor, whole):
    """Each step against all: nearest is the same step of the whole, since only what is attended to differs."""
    ours = extract_in_windows(extractor, WINDOW, CONTEXT)
    centred = whole - whole.mean(axis=0)
    error = np.sqrt(np.square(ours - whole).mean()) / np.sqrt(np.square(centred).mean())
    assert error < 0.1, error


def test_what_is_kept_of_a_window_is_what_the_encoder_makes_of_that_stretch(extractor):
    hop = 20  # samples
    read, context = WINDOW // hop, CONTEXT // hop  # steps
    encoder, first, kept = extractor.encoder, read - context, read - 2 * context  # of the second window
    behind = families.count_shortest(encoder.model.sizes) - hop
    piece = SAMPLES[(first - context) * hop : (first - context + read) * hop + behind]
    alone, _ = extract._encode(encoder.model, "last", encoder.variables, piece[None], np.ones((1, len(piece)), bool))
    ours = extract_in_windows(extractor, read * hop, context * hop)
    np.testing.assert_allclose(ours[first : first + kept], np.asarray(alone)[0, context : context + kept], atol=1e-5)


@pytest.mark.parametrize("samples", [401, 4_000, 4_001, 4_019, 60_017])
def test_windows_keep_every_step_once(extractor, samples):
    sizes = extractor.encoder.model.sizes
    plan = windows.plan_windows(sizes, samples, 4_000, 400)
    kept = np.concatenate([np.arange(one.first, one.last) for one in plan.windows])
    np.testing.assert_array_equal(kept, np.arange(speech.count_steps(sizes, samples)))
    for number, one in enumerate(plan.windows):
        assert one.first - one.start == (20 if number else 0)
        assert one.last - one.start <= speech.count_steps(sizes, plan.size)
        assert number == len(plan.windows) - 1 or one.begin + plan.size <= samples


def test_moments_over_time_are_those_of_the_whole(monkeypatch):
    """Without attention, windows are then equal to the whole, as what else they hear is near."""
    encoder = proof.build("wav2vec2_base")
    monkeypatch.setattr(windows, "_CHUNK", 500)
    found = windows.measure_moments(encoder.model.sizes, encoder.variables, LOUDER)
    conv = windows.StridedConvolution(6, 10, 5, False)
    params = encoder.variables["params"]["feature_extractor"]["conv_layers_0"]["conv"]
    first = np.asarray(jax.jit(conv.apply)({"params": params}, LOUDER[None, :, None]), np.float64)[0]
    np.testing.assert_allclose(found.mean[0], first.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.variance[0], first.var(axis=0), rtol=1e-5)
    assert windows.measure_moments(proof.build("wav2vec2_large").model.sizes, {}, LOUDER) is None

    extractor = extract.Extractor(encoder, "0", False, None, None, "")  # what the first layer of attention reads
    whole = encode_alone(encoder, LOUDER).states[0]
    np.testing.assert_allclose(extract_in_windows(extractor, 3_000, 400, LOUDER), whole, atol=1e-5)


def test_long_recordings_go_by_windows(extractor, monkeypatch):
    monkeypatch.setattr(extract, "LONGEST", WINDOW / speech.RATE)
    monkeypatch.setattr(extract, "CONTEXT", CONTEXT / speech.RATE)
    ((number, found),) = extract.extract_sounds(extractor, [len(SAMPLES)], lambda _: SAMPLES)
    assert number == 0
    np.testing.assert_array_equal(found, extract_in_windows(extractor, WINDOW, CONTEXT))


def test_recordings_of_other_lengths_need_no_other_program(extractor):
    """A piece that is cut on a device is a program for every length."""

    def extract_all(lengths):
        extract_in_windows(extractor, WINDOW, CONTEXT, SAMPLES[: lengths[-1]])
        return list(extract.extract_sounds(extractor, lengths, lambda number: SAMPLES[: lengths[number]]))

    extract_all((2_000, 3_100, 7_000))
    with list_compiled() as compiled:
        found = extract_all((2_345, 3_210, 7_531))
    assert not compiled
    assert all(features.base is None for _, features in found), "a view, which keeps the whole batch"
