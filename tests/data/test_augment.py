"""Random changes of a batch keep padding at 0 and do what their docstrings say, one draw for all modalities."""

import functools

import jax
import numpy as np

from affect_jax.data import augment

DRAW = np.random.default_rng(0)
LENGTHS = np.array([9, 6, 2, 0])
MASK = np.arange(9)[None] < LENGTHS[:, None]
X = np.where(MASK[..., None], DRAW.normal(size=(4, 9, 5)) + 3, 0).astype(np.float32)  # never 0 where valid
SHARE = np.array([0.999, 0.0, 0.5, 0.3], np.float32)
KEYS = np.stack([np.zeros(64), np.arange(64)], axis=1).astype(np.uint32)


def run(change, *arrays, **options):
    """What a change makes of the arrays, by one program; its options are constants."""
    return jax.device_get(jax.jit(functools.partial(change, **options))(*arrays))


def test_a_crop_is_a_stretch_of_the_example():
    x, mask = run(lambda *given: augment.crop_steps(*given, 4), SHARE, X, MASK)
    np.testing.assert_array_equal(mask.sum(axis=1), [4, 4, 2, 0])
    np.testing.assert_array_equal(x[0], X[0, 5:])
    np.testing.assert_array_equal(x[1], X[1, :4])
    np.testing.assert_array_equal(x[2:], X[2:, :4])
    assert augment.crop_steps(SHARE, X, MASK, 9)[0] is X


def test_a_shift_rotates_what_is_valid():
    shift = jax.jit(augment.shift_steps)
    np.testing.assert_array_equal(shift(SHARE, X, MASK, 0.0), X)
    x = np.asarray(shift(SHARE, X, MASK, 0.5))
    np.testing.assert_array_equal(x[0], np.roll(X[0], 4, axis=0))  # half of 9, rounded to the even one
    np.testing.assert_array_equal(x[1, :6], np.roll(X[1, :6], -3, axis=0))
    np.testing.assert_array_equal(x[~MASK], 0)


def test_gain_and_noise_have_their_decibels():
    change_gain = jax.jit(augment.change_gain)
    np.testing.assert_array_equal(change_gain(SHARE, X, 0.0), X)
    np.testing.assert_allclose(change_gain(np.ones(4, np.float32), X, 20.0), 10 * X, rtol=1e-6)
    x = np.ones((2, 4000, 1), np.float32)
    mask = np.arange(4000)[None] < np.array([[4000], [2000]])
    noise = run(augment.add_noise, KEYS[0], np.where(mask[..., None], x, 0), mask, 10.0)
    np.testing.assert_array_equal(noise[~mask], 0)
    for number in range(2):
        assert np.isclose(np.var(noise[number, mask[number]]), 0.1, rtol=0.15)


def test_stretches_are_masked_and_no_wider_than_asked():
    @functools.partial(jax.jit, static_argnames="axis")
    @functools.partial(jax.vmap, in_axes=(0, None, None, None))
    def mask_all(key, lengths, width, axis):
        return augment.mask_stretches(key, X, lengths, 1, width, axis)

    steps = np.asarray(mask_all(KEYS, LENGTHS, 3.0, 1)) == 0
    widths = (steps & MASK[None, ..., None]).all(axis=3).sum(axis=2)  # [keys, B]
    assert set(widths[:, 0]) == {0, 1, 2, 3}
    assert widths[:, 2].max() == 2
    for masked in steps[:, 0, :, 0]:
        where = np.flatnonzero(masked)
        assert len(where) == 0 or where[-1] - where[0] < 3
    assert not (np.asarray(mask_all(KEYS, LENGTHS, 0.0, 1)) != X[None]).any()
    bands = np.asarray(mask_all(KEYS, np.full(4, 5), 2.0, 2)) == 0
    assert set(bands[:, 0].all(axis=1).sum(axis=1)) == {0, 1, 2}


def make_batch():
    mask = np.array([True, True, True, False])
    return dict(
        inputs={"a": X, "b": X[:, 0, :2]},
        masks={"a": MASK, "b": LENGTHS > 4},
        target=np.array([1.0, 2.0, 3.0, 0.0], np.float32),
        mask=mask,
    )


def test_mixup_mixes_all_modalities_by_one_pairing():
    batch = make_batch()
    mix = jax.jit(augment.mix_examples)
    mixed = jax.tree.map(np.asarray, mix(KEYS[1], batch, 0.5))
    share, partner = mixed["share"], mixed["partner"]
    assert (share < 1).any()
    for number in np.flatnonzero(share < 1):
        other = int(partner[number]) - 1
        for name, x in batch["inputs"].items():
            expected = share[number] * x[number] + (1 - share[number]) * x[other]
            np.testing.assert_allclose(mixed["inputs"][name][number], expected, rtol=1e-5, atol=1e-6)
            has = batch["masks"][name][number] | batch["masks"][name][other]
            np.testing.assert_array_equal(mixed["masks"][name][number], has)
    alone = share == 1
    assert alone[3], "padding is mixed with nothing"
    off = mix(KEYS[1], batch, 0.0)
    for name in ("inputs", "masks"):
        jax.tree.map(np.testing.assert_array_equal, off[name], batch[name])
    np.testing.assert_array_equal(off["share"], 1)


def test_a_modality_is_dropped_at_its_rate_and_one_stays():
    batch = make_batch()
    drop = jax.jit(jax.vmap(augment.drop_modalities, in_axes=(0, None, None, None)))
    for rate, least, most in ((0.0, 1, 1), (0.3, 0.75, 0.95), (1.0, 0.4, 0.6)):
        inputs, masks = jax.device_get(drop(KEYS, batch["inputs"], batch["masks"], rate))
        has_a, has_b = masks["a"].any(axis=2), masks["b"]
        np.testing.assert_array_equal(has_a | has_b, np.broadcast_to(LENGTHS > 0, has_a.shape))
        assert has_a[:, 2].all(), "its only modality"
        assert least - 0.13 <= has_a[:, :2].mean() <= most + 0.13
        np.testing.assert_array_equal(inputs["a"][~masks["a"]], 0)
    assert np.isfinite(inputs["b"]).all()


def test_a_speed_of_one_changes_nothing_and_others_stretch():
    x, mask = run(augment.change_speed, SHARE, X, MASK, 0.0)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(mask, MASK)
    times = np.arange(400) / 400
    tone = np.sin(2 * np.pi * 40 * times)[None, :, None].astype(np.float32)
    valid = np.arange(400)[None] < 300
    tone = np.where(valid[..., None], tone, 0).astype(np.float32)
    change_speed = jax.jit(augment.change_speed)
    for share, speed in ((1.0, 1.25), (0.0, 0.8), (0.5, 1.0)):
        played, mask = jax.device_get(change_speed(np.array([share], np.float32), tone, valid, 0.25))
        length = int(mask.sum())
        assert length == min(int(np.ceil(np.float32(300 / speed) - 1e-4)), 400)
        np.testing.assert_array_equal(mask[0], np.arange(400) < length)
        np.testing.assert_array_equal(played[~mask], 0)
        inner = np.arange(length - 3)
        expected = np.sin(2 * np.pi * 40 * speed * inner / 400)
        np.testing.assert_allclose(played[0, inner, 0], expected, atol=0.06)


def test_reverberation_is_a_convolution_of_some_examples():
    waves = np.where(np.arange(60)[None, :, None] < np.array([60, 40])[:, None, None], DRAW.normal(size=(2, 60, 1)), 0)
    waves, mask = waves.astype(np.float32), np.arange(60)[None] < np.array([[60], [40]])
    responses = np.zeros((2, 9), np.float32)
    responses[0, 0] = 1.0
    responses[1] = np.exp(-np.arange(9)) * np.sqrt(1 - np.exp(-2))
    shares, first, second = np.array([0.2, 0.8], np.float32), np.zeros(2, np.float32), np.full(2, 0.9, np.float32)
    add = jax.jit(augment.add_reverberation)
    np.testing.assert_allclose(add(shares, first, waves, mask, 1.0, responses), waves, atol=1e-5)
    np.testing.assert_array_equal(add(shares, second, waves, mask, 0.0, responses), waves)
    half = np.asarray(add(shares, second, waves, mask, 0.5, responses))
    np.testing.assert_array_equal(half[1], waves[1])
    np.testing.assert_allclose(half[0, :, 0], np.convolve(waves[0, :, 0], responses[1])[:60], atol=1e-5)
    whole = np.asarray(add(shares, second, waves, mask, 1.0, responses))
    np.testing.assert_array_equal(whole[~mask], 0)


def test_noise_keeps_its_power_in_a_room():
    noise = DRAW.normal(size=(1, 40_000, 1)).astype(np.float32)
    room = (DRAW.normal(size=800) * np.exp(-np.arange(800) / 150)).astype(np.float32)
    room = (room / np.sqrt(np.square(room).sum()))[None]
    nothing = np.zeros(1, np.float32)
    wet = run(augment.add_reverberation, nothing, nothing, noise, np.ones((1, 40_000), bool), 1.0, room)
    assert np.isclose(np.square(wet).mean(), np.square(noise).mean(), rtol=0.1)
