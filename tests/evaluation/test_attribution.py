import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.evaluation import attribution, lime

LENGTH, SEGMENTS = 60, 6
BOUNDS = lime.compute_segment_bounds(LENGTH, SEGMENTS)
WEIGHTS = np.array([0.5, -0.3, 0.0, 0.2, 0.0, 0.1], np.float32)


@pytest.fixture(scope="module")
def clip():
    return np.random.default_rng(2).normal(size=LENGTH).astype(np.float32)


@jax.jit
def energies(waves):
    return jnp.mean(jnp.square(waves.reshape(-1, SEGMENTS, LENGTH // SEGMENTS)), axis=2)


def additive(waves):
    return energies(waves) @ WEIGHTS + 0.1


def curved(waves):
    return jnp.tanh(2 * energies(waves) @ WEIGHTS) + 0.1 * jnp.sin(3 * waves).mean(axis=1)


def test_occlusion_is_exact_for_an_additive_model(clip):
    found = attribution.measure_occlusion(lime.make_evaluator(additive, batch=8), clip, BOUNDS)
    np.testing.assert_allclose(found, WEIGHTS * np.asarray(energies(clip))[0], atol=1e-6)


def test_integrated_gradients_add_up_and_the_error_falls_with_the_steps(clip):
    errors = []
    for steps in (2, 40):
        found = attribution.make_integrator(curved, steps=steps, batch=8)(clip, None)
        assert found.attribution.shape == (LENGTH,)
        np.testing.assert_allclose(
            found.difference, np.subtract(*np.asarray(jax.jit(curved)(np.stack([clip, 0 * clip])))), atol=1e-6
        )
        np.testing.assert_allclose(found.attribution.sum() - found.difference, found.error, atol=1e-9)
        errors.append(abs(found.error))
    assert errors[1] < 1e-3
    assert errors[1] < errors[0] / 50


def test_integrated_gradients_of_an_additive_model_are_its_parts(clip):
    seen = []
    integrate = attribution.make_integrator(
        additive, steps=5, batch=4, progress=lambda done, of: seen.append((done, of))
    )
    parts = attribution.sum_per_segment(integrate(clip, None).attribution, BOUNDS)
    np.testing.assert_allclose(parts, WEIGHTS * np.asarray(energies(clip))[0], atol=1e-6)
    assert seen == [(4, 7), (7, 7)]  # 5 points and the two ends


def test_per_segment_leaves_out_the_padding():
    np.testing.assert_allclose(attribution.sum_per_segment(np.arange(8.0), np.array([0, 3, 6])), [3, 12])


def test_classes_are_explained_in_probability_of_the_chosen_one(clip):
    def predict(waves):
        return jnp.stack([additive(waves), -additive(waves)], axis=1)

    integrate = attribution.make_integrator(predict, steps=16, batch=8)
    first, second = (integrate(clip, chosen) for chosen in (0, 1))
    np.testing.assert_allclose(first.attribution, -second.attribution, atol=1e-6)
    assert abs(first.error) < 1e-3
    evaluate = lime.make_evaluator(predict, batch=8)
    parts = attribution.measure_occlusion(evaluate, clip, BOUNDS, chosen=0)
    np.testing.assert_allclose(parts, -attribution.measure_occlusion(evaluate, clip, BOUNDS, chosen=1), atol=1e-6)
    assert parts[0] > 0 > parts[1]


def test_a_gradient_that_is_not_finite_at_silence_does_no_harm(clip):
    def predict(waves):
        return jnp.sqrt(jnp.mean(jnp.square(waves), axis=1))

    found = attribution.make_integrator(predict, steps=8, batch=4)(clip, None)
    assert np.isfinite(found.attribution).all()
    assert abs(found.error) < 1e-5


def test_agreement():
    a = np.array([3.0, -2.0, 1.0, 0.5, 0.1])
    assert attribution.measure_agreement(a, 2 * a) == {"spearman": pytest.approx(1), "top3": 1.0}
    assert attribution.measure_agreement(a, -a) == {"spearman": pytest.approx(-1), "top3": 1.0}
    other = attribution.measure_agreement(a, np.array([3.0, 0.0, 0.1, 2.0, 2.5]))
    assert other["top3"] == pytest.approx(1 / 3)
    assert np.isnan(attribution.measure_agreement(a, np.zeros(5))["spearman"])
