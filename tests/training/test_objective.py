"""Losses by name: what a config may name is what the engine has."""

import inspect

import numpy as np
import pytest

from affect_jax.config import losses
from affect_jax.training import objective

GROUPS = ("ELEMENTWISE", "AGREEMENT", "ALIGNMENT", "DISTRIBUTION", "STATEFUL")


def test_every_kind_that_a_config_may_name_has_a_function():
    for group in GROUPS:
        assert tuple(getattr(objective, group)) == getattr(losses, group)


@pytest.mark.parametrize("kind", losses.KINDS)
def test_options_that_a_config_may_set_are_those_of_the_function(kind):
    groups = (getattr(objective, group) for group in GROUPS)
    function = {name: of_group[name] for of_group in groups for name in of_group}[kind]
    parameters = inspect.signature(function[1] if kind in losses.STATEFUL else function).parameters.values()
    options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
    assert tuple(options) == tuple(losses.OPTIONS.get(kind, ()))
    assert [name for name, default in options.items() if default is inspect.Parameter.empty] in ([], ["k"])


def test_a_translation_of_an_items_sequence_counts_the_steps_that_it_has():
    losses_of = {"t": dict(kind="mse", prediction="translation/face", target="inputs/face", weight=1.0)}
    face = np.zeros((2, 3, 2), np.float32)
    masks = {"face": np.array([[True, True, False], [True, True, True]])}
    batch = dict(inputs={"face": face}, masks=masks, target=np.zeros(2), mask=np.array([True, False]))
    said = np.broadcast_to(np.array([1.0, 3.0, 100.0])[None, :, None], face.shape)
    value = objective.total_loss(losses.parse_losses(losses_of), {"t": 1.0}, {"translation/face": said}, batch, {})
    assert value.total == 5
