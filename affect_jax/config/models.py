"""`config.model` -> a module. A model is a file of `affect_jax/models`; its arguments are the fields of its `Model`."""

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from affect_jax import models
from affect_jax.errors import UserError, suggest_nearest


def make_model(config: Mapping[str, Any]) -> nn.Module:
    """The module that `config` (name and arguments) describes.

    Raises:
      UserError: no such model, or an argument that it does not take.
    """
    arguments = {key: value for key, value in config.items() if key != "name"}
    name = config["name"]
    names = sorted(module.name for module in pkgutil.iter_modules(models.__path__))
    module = importlib.import_module(f"affect_jax.models.{name}") if name in names else None
    if not hasattr(module, "Model"):
        raise UserError(f"config.model.name is {name!r}{suggest_nearest(str(name), names)}; choose one of {names}")
    known = [field for field in module.Model.__dataclass_fields__ if field not in ("parent", "name")]
    for argument in arguments:
        if argument not in known:
            raise UserError(f"model {name!r} takes no {argument!r}{suggest_nearest(argument, known)}; it takes {known}")
    return module.Model(**arguments)
