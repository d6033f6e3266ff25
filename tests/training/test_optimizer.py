"""Optimizers, schedules and averages by hand; Adam's epsilon is the config's, and Keras' where that follows Keras."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from affect_jax.config.hyper import OPTIMIZERS
from affect_jax.config.load import load_config
from affect_jax.errors import UserError
from affect_jax.training.averaging import follow_average, select_weights
from affect_jax.training.optimizer import clip_gradients, make_transform, schedule_rate
from affect_jax.training.state import create_state
from affect_jax.training.trials import TrialArrays
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


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_starts_from_zeros(name):
    """As `init_states` has them, which runs no optimizer."""
    momentum = dict(momentum=0.7) if "momentum" in OPTIMIZERS[name] else {}
    optimizer = dict(name=name, learning_rate=0.1, inverse_time_decay=0.0, weight_decay=0.5, **momentum)
    (stage,), hyper = toy.stages(fit=toy.stage_config(train=("*",), optimizer=optimizer))
    state = make_transform(stage, hyper["fit"]).init({"a": jnp.ones(2), "b": jnp.ones((1, 3))})
    assert jax.tree.leaves(state)
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(state))


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


def test_decay_of_adamw_is_decoupled():
    """Loshchilov & Hutter (2019), algorithm 2: the first direction is the gradient's sign, and the decay beside it."""
    optimizer = dict(name="adamw", learning_rate=0.1, inverse_time_decay=0.0, weight_decay=0.5)
    (stage,), hyper = toy.stages(fit=toy.stage_config(train=("*",), optimizer=optimizer))
    weights, gradient = jnp.array([4.0, -2.0]), jnp.array([1e-3, 100.0])
    transform = make_transform(stage, hyper["fit"])
    step, _ = transform.update(gradient, transform.init(weights), weights)
    np.testing.assert_allclose(step, np.sign(gradient) + 0.5 * np.asarray(weights), atol=1e-4)


def test_gradients_are_clipped_by_the_norm_of_all():
    gradients = {"a": jnp.array([3.0]), "b": jnp.array([4.0])}
    clipped = clip_gradients(gradients, 1.0)
    np.testing.assert_allclose([clipped["a"][0], clipped["b"][0]], [0.6, 0.8], rtol=1e-6)
    assert clip_gradients(gradients, 6.0) == gradients


@pytest.mark.parametrize(("schedule", "first", "last"), [("cosine", 1 / 20, 0.0), ("one_cycle", 1 / 25, 4e-6)])
def test_a_schedule_rises_to_1_and_falls(schedule, first, last):
    rates = np.array([schedule_rate(schedule, 0.2, jnp.array(n), 100) for n in range(100)])
    np.testing.assert_allclose(rates[[0, 20, -1]], [first, 1.0, last], atol=1e-6)
    assert (np.diff(rates[:20]) > 0).all()
    assert (np.diff(rates[20:]) < 0).all()


def test_averages_of_the_weights():
    """By hand: an exponential average that forgets its start, and the mean from an epoch on."""
    moves = [1.0, 5.0, 3.0, 7.0]
    for keep, expected in (("ema", None), ("swa", 5.0)):
        config = toy.stage_config(train=("*",), keep=keep, average_decay=0.5, average_start=1)
        (stage,), hyper = toy.stages(fit=config)
        trial = TrialArrays(0, 0, hyper)
        average = {"weights": {"w": jnp.zeros(1)}, "count": jnp.array(0)}
        state = create_state({}, {}, (), {}).replace(average=average)
        mean = 0.0
        for number, value in enumerate(moves):
            state = state.replace(epoch=jnp.array(int(number > 0)))
            state = state.replace(average=follow_average(stage, trial, state, {"w": jnp.array([value])}))
            decay = min(0.5, (1 + number) / (10 + number))
            mean = decay * mean + (1 - decay) * value
        np.testing.assert_allclose(select_weights(state)["w"], [expected or mean], rtol=1e-5)
