"""A trial as a function of batches: its weights are handed to the compiled program, and are no part of it."""

import functools

import jax
import numpy as np

from affect_jax.inference import deployment, predictor, timelines
from tests.inference import toys


def test_weights_are_arguments_of_the_program_of_one_trial_and_of_several():
    members = [toys.deployed(toys.Item(), seed, item=True, task="multiclass", x=(4, 5)) for seed in range(2)]
    together = jax.tree.map(lambda *leaves: np.stack(leaves), *(member.params for member in members))
    ensemble = members[0]._replace(params=together, members=(0, 1))
    features, mask = np.random.default_rng(0).normal(size=(3, 5, 4)).astype(np.float32), np.ones((3, 5), bool)
    for model in (members[0], ensemble):
        wrapped = predictor.wrap_deployed(model)
        expected = jax.jit(functools.partial(deployment.predict_deployed, model))(features, mask)
        np.testing.assert_allclose(wrapped.call(features, mask), expected, rtol=1e-5)
        silenced = jax.tree.map(np.zeros_like, model.params)
        assert np.ptp(wrapped.call.func(silenced, features, mask)) == 0, "the same program, other weights"
    disagreement = jax.jit(functools.partial(deployment.measure_disagreement, ensemble))(features, mask)
    np.testing.assert_allclose(wrapped.disagree(features, mask), disagreement, atol=1e-6)
    assert np.min(disagreement) > 0


def test_windows_are_predicted_over_all_devices():
    model = toys.deployed(toys.Item(), item=True, task="multiclass", rate=100, x=(1, 50))
    cut = timelines.plan_windows(100, 50, None, None)
    x = np.random.default_rng(0).normal(size=(cut.batch, 50, 1)).astype(np.float32)
    mask = np.arange(50)[None] < np.arange(1, cut.batch + 1)[:, None] * 50 // cut.batch
    said = timelines.compile_model(model)(x, mask)
    on_one = jax.jit(functools.partial(deployment.predict_deployed, model))(x, mask)
    np.testing.assert_allclose(said, on_one, rtol=1e-5, atol=1e-5)
