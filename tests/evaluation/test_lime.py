import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import pairwise_distances

from affect_jax.datasets.sspnet_conflict import synthetic, voices
from affect_jax.evaluation import lime
from affect_jax.features import audio

LENGTH, SEGMENTS = 200, 10
BOUNDS = lime.compute_segment_bounds(LENGTH, SEGMENTS)


FEW = 300
"""Perturbations, where their number matters little: each number has programs of its own that draw them."""


def keys(count=3, seed=0):
    return [jax.random.key(100 * seed + number) for number in range(count)]


@pytest.fixture(scope="module")
def clip():
    """float32 [200], RMS 1."""
    x = np.random.default_rng(0).normal(size=LENGTH).astype(np.float32)
    return x / np.sqrt(np.mean(np.square(x)))


def energy(waves):
    """[B, 200] -> [B, 10] mean squares of the super-samples."""
    return jnp.mean(jnp.square(waves.reshape(-1, SEGMENTS, LENGTH // SEGMENTS)), axis=2)


def weighted(*pairs):
    """A model that is linear in which super-samples are there: what (number, weight) says of their energy."""

    def predict(waves):
        return sum(weight * energy(waves)[:, number] for number, weight in pairs)

    return predict


def test_bounds_are_equal_parts_without_gaps():
    assert list(lime.compute_segment_bounds(240_000, 10)) == list(range(0, 240_001, 24_000))
    odd = lime.compute_segment_bounds(23, 4)
    assert (odd[0], odd[-1]) == (0, 23)
    assert np.ptp(np.diff(odd)) <= 1
    for length, segments in ((100, 1), (5, 6)):
        with pytest.raises(ValueError, match="segments"):
            lime.compute_segment_bounds(length, segments)


def test_draws_are_a_key_s_own_and_begin_with_the_clip_itself():
    a, again, b = (lime.draw_perturbations(jax.random.key(seed), 2000, SEGMENTS) for seed in (0, 0, 1))
    assert a.shape == (2000, SEGMENTS)
    assert a[0].all()
    np.testing.assert_array_equal(a, again)
    assert (a != b).any()


def test_draws_are_the_same_compiled_and_operation_by_operation():
    masks = lime.draw_perturbations(jax.random.key(0), FEW, SEGMENTS)
    np.testing.assert_array_equal(masks[1:], lime._draw_masks.__wrapped__(jax.random.key(0), FEW, SEGMENTS)[1:])


def test_draws_silence_1_to_all_super_samples_with_equal_chance_and_none_of_them_more_than_another():
    masks = lime.draw_perturbations(jax.random.key(3), 20_000, SEGMENTS)[1:]
    silenced = np.bincount((~masks).sum(axis=1), minlength=SEGMENTS + 1) / len(masks)
    assert silenced[0] == 0
    np.testing.assert_allclose(silenced[1:], 1 / SEGMENTS, atol=0.01)
    np.testing.assert_allclose(masks.mean(axis=0), 0.45, atol=0.02)  # 1 - mean(1..10) / 10


def test_weights_are_those_of_the_code_of_slime():
    masks = np.concatenate([lime.draw_perturbations(jax.random.key(0), FEW, SEGMENTS), np.zeros((1, SEGMENTS), bool)])
    distance = 100 * pairwise_distances(masks.astype(float), np.ones((1, SEGMENTS)), metric="cosine").ravel()
    code = np.sqrt(np.exp(-(distance**2) / 25**2))
    np.testing.assert_allclose(lime.compute_kernel_weights(masks, "slime"), code, rtol=1e-9)
    np.testing.assert_allclose(lime.compute_kernel_weights(masks, "thesis"), code**2, rtol=1e-9)
    with pytest.raises(ValueError, match="thesis or slime"):
        lime.compute_kernel_weights(masks, "cosine")


def test_probability_is_equation_3_7_and_says_what_it_clipped():
    p, clipped = lime.compute_probability(np.array([-1.0, 0.0, 0.5, 3.0]))
    np.testing.assert_allclose(p, [0, 0.5, 0.75, 1])
    assert clipped == 0.25
    p, clipped = lime.compute_probability(np.array([-1.0, 3.0]), clip=False)
    np.testing.assert_allclose(p, [0, 2])
    assert clipped == 0
    p, _ = lime.compute_probability(np.array([[0.0, np.log(3.0)], [0.0, 0.0]]), chosen=1)
    np.testing.assert_allclose(p, [0.75, 0.5])


def test_surrogate_is_scikit_learn_s_ridge():
    rng = np.random.default_rng(1)
    masks = lime.draw_perturbations(jax.random.key(5), FEW, SEGMENTS)
    y, w = rng.normal(size=FEW), lime.compute_kernel_weights(masks)
    ours, theirs = lime.fit_surrogate(masks, y, w), Ridge(alpha=1.0).fit(masks, y, sample_weight=w)
    np.testing.assert_allclose(ours.coefficients, theirs.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(ours.intercept, theirs.intercept_, rtol=1e-6)
    np.testing.assert_allclose(ours.r2, theirs.score(masks, y, sample_weight=w), rtol=1e-6)


def test_distinct_perturbations_heard_once_equal_every_one_heard(clip):
    def predict(waves):  # not linear, and not the same for any two of the 1,024
        return jnp.tanh(jnp.cumsum(energy(waves), axis=1) @ np.linspace(-1, 1, SEGMENTS, dtype=np.float32))

    masks = lime.draw_perturbations(jax.random.key(0), FEW, SEGMENTS)
    heard = []
    evaluate = lime.make_evaluator(predict, batch=30, progress=lambda done, of: heard.append((done, of)))
    naive = jax.jit(predict)(clip * np.repeat(masks, LENGTH // SEGMENTS, axis=1))
    np.testing.assert_allclose(evaluate(clip, BOUNDS, masks), naive, atol=1e-6)
    assert heard[-1] == (len(np.unique(masks, axis=0)),) * 2
    assert heard[-1][1] < FEW


def test_padding_outside_the_bounds_is_left_alone(clip):
    def predict(waves):
        return waves.sum(axis=1)

    evaluate = lime.make_evaluator(predict, batch=4)
    nothing = np.zeros((1, SEGMENTS), bool)
    np.testing.assert_allclose(evaluate(clip, BOUNDS // 2, nothing), clip[100:].sum(), rtol=1e-5)


def test_a_linear_model_is_recovered(clip):
    truth = np.linspace(-0.2, 0.25, SEGMENTS)
    scaled = truth / np.asarray(jax.jit(energy)(clip[None, :]))[0]
    evaluate = lime.make_evaluator(weighted(*enumerate(scaled.tolist())), batch=64)
    found = lime.explain_clip(evaluate, clip, BOUNDS, keys(), kernel="slime")
    assert found.r2 > 0.999
    np.testing.assert_allclose(found.coefficients, truth / 2, atol=5e-3)  # eq. 3.7 halves; the ridge shrinks a little
    assert found.clipped == 0
    assert found.stability > 0.95
    np.testing.assert_array_equal(found.polarity[[0, 1, 8, 9]], [-1, -1, 1, 1])


@pytest.mark.parametrize("kernel", lime.KERNELS)
def test_planted_super_samples_come_first(clip, kernel):
    def predict(waves):  # saturates, so no linear surrogate fits it well
        return jnp.tanh(weighted((7, 1.5), (2, 0.9), (4, -0.6))(waves))

    found = lime.explain_clip(
        lime.make_evaluator(predict, batch=64), clip, BOUNDS, keys(), kernel=kernel, perturbations=1000
    )
    assert list(found.order[:3]) == [7, 2, 4]
    assert list(found.polarity[[7, 2, 4]]) == [1, 1, -1]
    assert 0.5 < found.r2 < 0.99
    assert (found.deviation > 0).all()


def test_the_same_keys_give_the_same_explanation(clip):
    evaluate = lime.make_evaluator(weighted((3, 0.5), (8, -0.3)), batch=64)
    a, b, other = (lime.explain_clip(evaluate, clip, BOUNDS, keys(2, seed), perturbations=FEW) for seed in (0, 0, 1))
    np.testing.assert_array_equal(a.coefficients, b.coefficients)
    assert (a.coefficients != other.coefficients).any()


def test_classes_are_explained_by_the_chosen_one(clip):
    def predict(waves):
        return jnp.stack([energy(waves)[:, 1], energy(waves)[:, 6]], axis=1)

    evaluate = lime.make_evaluator(predict, batch=64)
    first, second = (
        lime.explain_clip(evaluate, clip, BOUNDS, keys(1), perturbations=FEW, chosen=chosen) for chosen in (0, 1)
    )
    assert first.coefficients[1] > 0.05 > -0.05 > first.coefficients[6]
    np.testing.assert_allclose(first.coefficients, -second.coefficients, atol=1e-6)
    assert np.isnan(first.stability)  # one draw


def test_a_model_that_hears_nothing_is_not_explained(clip):
    evaluate = lime.make_evaluator(lambda waves: jnp.full(waves.shape[0], 0.3), batch=64)
    found = lime.explain_clip(evaluate, clip, BOUNDS, keys(), perturbations=FEW)
    assert found.r2 == 0
    assert not found.coefficients.any()
    assert np.isnan(found.stability)


def test_ranks_of_noise_are_unstable_and_equal_ranks_are_stable():
    noise = np.random.default_rng(0).normal(size=(20, SEGMENTS))
    assert abs(lime.measure_stability(noise)) < 0.2
    assert lime.measure_stability(np.tile(np.arange(SEGMENTS), (3, 1)) * np.array([[1], [2], [7]])) == pytest.approx(1)
    assert np.isnan(lime.measure_stability(np.zeros((3, SEGMENTS))))


def test_clipped_answers_are_counted_and_can_be_left_as_they_are(clip):
    evaluate = lime.make_evaluator(weighted((0, 4.0)), batch=64)
    held, free = (
        lime.explain_clip(evaluate, clip, BOUNDS, keys(1), perturbations=FEW, clip=clip_it) for clip_it in (True, False)
    )
    assert 0.3 < held.clipped < 0.6
    assert free.clipped == 0
    assert free.coefficients[0] > 2 * held.coefficients[0]


@pytest.mark.parametrize("planted", [[3], [0, 9], [5, 6, 7]])
def test_quarrels_planted_in_a_synthetic_debate_are_found(planted):
    rng = np.random.default_rng(len(planted))
    sound = synthetic.render_clip(rng, [voices.draw_voice(rng) for _ in range(3)], planted, 5, 0.03)
    x = audio.normalize_rms(audio.resample_audio(audio.Sound(sound, synthetic.RATE), 8000))

    def predict(waves):
        """From -1, no frame of 50 ms is bright and loud, to 1, all are: hears raised voices and knows no tenths."""
        frames = waves.reshape(len(waves), -1, 400)
        bright = jnp.log(jnp.mean(jnp.square(jnp.diff(frames, axis=2)), axis=2) + 1e-4)
        return 2 * jnp.mean(jax.nn.sigmoid(2 * (bright + 0.5)), axis=1) - 1

    found = lime.explain_clip(
        lime.make_evaluator(predict, batch=32),
        x,
        lime.compute_segment_bounds(len(x), SEGMENTS),
        keys(2),
        perturbations=FEW,
    )
    assert set(found.order[: len(planted)].tolist()) == set(planted)
    assert (found.polarity[planted] == 1).all()
    assert found.r2 > 0.9
