"""What explains a model takes its weights as arguments of what is compiled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen as nn

from affect_jax.evaluation import attribution, lime
from affect_jax.evaluation.explanations.clips import Clip
from affect_jax.evaluation.explanations.explainer import Explainer
from affect_jax.evaluation.explanations.settings import Settings
from affect_jax.inference import deployment
from affect_jax.inference.speech_models import SpeechModel

STEPS, SEGMENTS = 1000, 4
FEW = Settings(segments=SEGMENTS, perturbations=8, seeds=1, steps=4, batch=4)


class Wide(nn.Module):
    """A number of a waveform, by 50,000 weights."""

    @nn.compact
    def deploy(self, inputs, masks):
        heard = nn.tanh(nn.Dense(50, name="heard")(inputs["speech"][..., 0]))
        return nn.Dense(1, name="head")(heard)[..., 0]


@pytest.fixture
def model():
    inputs, draw = {"speech": np.zeros((1, STEPS, 1), np.float32)}, np.random.default_rng(1)
    shapes = jax.eval_shape(lambda: Wide().init(jax.random.key(0), inputs, {}, method="deploy"))["params"]
    params = jax.tree.map(lambda leaf: draw.normal(size=leaf.shape).astype(np.float32) / len(leaf) ** 0.5, shapes)
    unscaled = deployment.Input(np.zeros(1, np.float32), np.ones(1, np.float32), STEPS)
    deployed = deployment.Deployed(Wide(), params, {"speech": unscaled}, item=True, trial=None, trained={})
    return SpeechModel(deployed, 100, "signed_regression", (), "conflict", {"model": "wide"}, "wide")


@pytest.fixture
def programs(monkeypatch):
    """What is compiled, as text."""
    texts, jit = [], lime.map_over_devices

    def map_over_devices(function):
        run = jit(function)
        return lambda *arguments: texts.append(run.lower(*arguments).as_text()) or run(*arguments)

    monkeypatch.setattr(lime, "map_over_devices", map_over_devices)
    return texts


def test_weights_are_arguments_and_the_values_those_of_constants(model, programs):
    x = np.random.default_rng(0).normal(size=STEPS).astype(np.float32)
    entry = Explainer(model, FEW).explain(Clip("one", x, STEPS))
    explained = len(programs)
    assert explained > 2
    assert max(map(len, programs)) < 50_000  # 50,000 weights as constants are 400,000 digits

    def predict(waves):
        return deployment.predict_deployed(model.deployed, waves[..., None], jnp.ones(waves.shape, bool))

    bounds = lime.compute_segment_bounds(STEPS, SEGMENTS)
    evaluate = lime.make_evaluator(predict, batch=FEW.batch)
    surrogate = lime.explain_clip(evaluate, x, bounds, [jax.random.key(0)], perturbations=8)
    integrate = attribution.make_integrator(predict, steps=FEW.steps, batch=1)
    gradients = attribution.sum_per_segment(integrate(x).attribution, bounds)
    assert min(map(len, programs[explained:])) > 400_000
    np.testing.assert_allclose(entry["lime"], surrogate.coefficients, atol=1e-6)
    np.testing.assert_allclose(entry["occlusion"], attribution.measure_occlusion(evaluate, x, bounds), atol=1e-6)
    np.testing.assert_allclose(entry["integrated_gradients"], gradients, atol=1e-6)
