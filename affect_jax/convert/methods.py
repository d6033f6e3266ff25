"""The methods of `convert/zoo`, found by their names: their authors' weights to our models, and back.

A file of `convert/zoo` has

    MODEL        the name of our model
    KEYS         some arrays that every state dict of the method has
    ARGUMENTS    arguments of the authors' constructor that leave no trace in the arrays, with the authors' defaults
    read_sizes   arrays -> the arguments that they tell
    make_model   all arguments -> our model
    list_names   our model -> `torch_names.Names`
    list_inputs  all arguments -> modality -> `steps` and `features` of what the model reads

Arguments have the authors' names, so that what a paper's repository passes can be passed here. Lists and tuples are
equal. An attribute FRAMEWORK = "keras" says that the names are Keras', not PyTorch's. TWIN is a method whose arrays
have the same names and shapes, so that its weights cannot be told from these.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import flax.linen as nn
import numpy as np

from affect_jax.convert import torch_names, zoo
from affect_jax.convert.folder import Variables, trace_variables
from affect_jax.errors import UserError, join_words, suggest_nearest


def list_methods() -> tuple[str, ...]:
    """Names of all methods, sorted."""
    return tuple(sorted(module.name for module in pkgutil.iter_modules(zoo.__path__)))


def find_method(name: str) -> ModuleType:
    """The file of `convert/zoo` of this name.

    Raises:
      UserError: there is none.
    """
    names = list_methods()
    if name not in names:
        raise UserError(f"there is no method {name!r}{suggest_nearest(name, names)}; choose one of {join_words(names)}")
    return importlib.import_module(f"affect_jax.convert.zoo.{name}")


def import_weights(
    name: str, arrays: Mapping[str, np.ndarray], arguments: Mapping[str, Any]
) -> tuple[nn.Module, Variables, dict[str, dict[str, int]]]:
    """Makes our model from the weights of the authors' one.

    Args:
      name: of the method.
      arrays: the authors' state dict, or Keras weights, by name.
      arguments: of the authors' constructor, those that leave no trace in the arrays; others are compared with them.

    Returns:
      The model, its variables in float32, and what it reads, as `folder.write_model` takes it.

    Raises:
      UserError: weights of another method or size, an unknown argument, or one that the arrays contradict.
    """
    method = find_method(name)
    _check_keys(name, method, arrays)
    sizes = method.read_sizes(arrays)
    merged = merge_arguments(name, sizes, arguments)
    model, inputs = method.make_model(merged), method.list_inputs(merged)
    expected = trace_variables(model, inputs)
    return model, torch_names.read_weights(method.list_names(model), arrays, expected, name), inputs


def export_weights(name: str, model: nn.Module, variables: Variables) -> dict[str, np.ndarray]:
    """The authors' state dict of our model.

    Raises:
      UserError: the authors' code has no layers for it.
    """
    return torch_names.write_weights(find_method(name).list_names(model), variables)


def merge_arguments(name: str, sizes: Mapping[str, Any], arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments of a method: the defaults, those that the arrays tell, and those that are given.

    Raises:
      UserError: one is unknown, or differs from what the arrays tell.
    """
    defaults = find_method(name).ARGUMENTS
    known = (*defaults, *sizes)
    for argument, value in arguments.items():
        if argument not in known:
            raise UserError(
                f"{name} takes no argument {argument!r}{suggest_nearest(argument, known)}; it takes "
                f"{join_words(sorted(known))}"
            )
        if argument in sizes and _as_plain(value) != _as_plain(sizes[argument]):
            raise UserError(
                f"argument {argument!r} of {name} is {value!r}, but the arrays are of {_as_plain(sizes[argument])!r}; "
                "make them agree, or leave it out"
            )
    return {**defaults, **arguments, **sizes}


def _as_plain(value: Any) -> Any:
    """Tuples and arrays as lists, to be compared."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return {key: _as_plain(one) for key, one in value.items()}
    return [_as_plain(one) for one in value] if isinstance(value, list | tuple) else value


def _check_keys(name: str, method: ModuleType, arrays: Mapping[str, np.ndarray]) -> None:
    for key in method.KEYS:
        if key not in arrays:
            others = [
                other for other in list_methods() if other != name and set(find_method(other).KEYS) <= set(arrays)
            ]
            looks = (
                f"they look like those of {' or '.join(map(repr, others))}" if others else "give its whole state dict"
            )
            raise UserError(f"there is no array {key!r}, so these are not weights of {name}; {looks}")
