"""Losses by name: what a config may name is what the engine has."""

import inspect

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
