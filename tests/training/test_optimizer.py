"""Adam's epsilon is a value of the config, and Keras' where a config follows Keras."""

import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.config.load import load_config
from affect_jax.errors import UserError
from affect_jax.training.optimizer import make_transform
from configs import conflictnet, fusion_iemocap, seqsew, speech_emotion
from tests import toy


def make_adam(**changes):
    optimizer = dict(name="adam", learning_rate=0.1, inverse_time_decay=0.0, weight_decay=0.0, **changes)
    (stage,), hyper = toy.stages(fit=toy.stage_config(train=("*",), optimizer=optimizer))
    return stage, hyper["fit"]


@pytest.mark.parametrize("epsilon", [None, 1e-7, 0.1])
def test_epsilon_is_that_of_the_config(epsilon):
    stage, hyper = make_adam(**({} if epsilon is None else dict(epsilon=epsilon)))
    gradient = jnp.array([1e-7, 1e-3, -2.0])  # of the first, epsilon decides
    transform = make_transform(stage, hyper)
    step, _ = transform.update(gradient, transform.init(gradient), gradient)
    expected = np.asarray(gradient) / (np.abs(np.asarray(gradient)) + (epsilon or 1e-8))
    np.testing.assert_allclose(step, expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("config", "epsilon"), [(conflictnet, 1e-7), (speech_emotion, 1e-7), (fusion_iemocap, 1e-8), (seqsew, 1e-8)]
)
def test_configs_that_follow_keras_have_its_epsilon(config, epsilon):
    stages = load_config(config.get_config()).studies[0].stages
    assert {stage.epsilon for stage in stages} == {epsilon}


def test_an_epsilon_of_nothing_is_refused():
    config = seqsew.get_config()
    config.stages.student.optimizer.epsilon = 0.0
    with pytest.raises(UserError, match="epsilon"):
        load_config(config)
