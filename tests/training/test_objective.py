"""Losses by name: what a config may name is what the engine has."""

from affect_jax.config import losses
from affect_jax.training import objective


def test_every_kind_that_a_config_may_name_has_a_function():
    for group in ("ELEMENTWISE", "AGREEMENT", "ALIGNMENT", "STATEFUL"):
        assert tuple(getattr(objective, group)) == getattr(losses, group)
