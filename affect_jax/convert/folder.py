"""A converted model on disk: a folder of two files.

params.npz    every array by its path, e.g. `params/lstm_0/kernel`, `batch_stats/conv_0/mean`, float32
model.json    `model`: its name and arguments, as in config.model; `input`: modality -> `steps` and `features` of
              what it reads, and for speech the `rate` in Hz; `source`: the file that it was made from; `schema`
"""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import numpy as np

from affect_jax.config.models import make_model
from affect_jax.datasets import array_files
from affect_jax.errors import UserError
from affect_jax.runtime import files, run_folder
from affect_jax.training import checkpoint

SCHEMA = 1
_LARGEST = 20_000  # MB of weights
Variables = dict[str, Any]
"""Collections of a model's arrays: `params`, and `batch_stats` where it has running statistics."""


def write_model(
    folder: Path, model: nn.Module, variables: Variables, inputs: Mapping[str, Mapping[str, int]], source: str
) -> None:
    """Writes a model to `folder`, where `read_model` finds it.

    Args:
      folder: created if it is missing.
      model: one of affect_jax/models.
      variables: its arrays.
      inputs: modality -> `steps`, `features`, and for speech `rate` (Hz).
      source: where the arrays come from, in words.

    Raises:
      UserError: the model cannot read these inputs.
    """
    trace_variables(model, inputs)
    arguments = {
        field.name: getattr(model, field.name)
        for field in dataclasses.fields(model)
        if field.name not in ("parent", "name")
    }
    name = type(model).__module__.rpartition(".")[2]
    described = {"schema": SCHEMA, "model": {"name": name, **arguments}, "input": inputs, "source": source}
    folder.mkdir(parents=True, exist_ok=True)
    run_folder.write_arrays(folder / "params.npz", checkpoint.flatten_leaves(variables))
    files.write_json(folder / "model.json", described)


def read_model(folder: Path) -> tuple[nn.Module, Variables]:
    """Reads the model and the variables that `write_model` has written to `folder`.

    Raises:
      UserError: it is not such a folder, it is damaged, or its arrays do not fit the model.
    """
    described = describe_model(folder)
    path = folder / "params.npz"
    # JSON has no tuples, and a model with lists cannot be hashed.
    arguments = {k: tuple(v) if isinstance(v, list) else v for k, v in described["model"].items()}
    model, arrays = make_model(arguments), read_arrays(path)
    tree = trace_variables(model, described["input"])
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    expected = {jax.tree_util.keystr(at, simple=True, separator="/"): leaf.shape for at, leaf in leaves}
    for name in sorted(expected.keys() | arrays.keys()):
        fitting = f"float32 {list(expected[name])}" if name in expected else "none"
        given = f"{arrays[name].dtype} {list(arrays[name].shape)}" if name in arrays else "none"
        if given != fitting:
            raise UserError(
                f"{path} has for {name!r} {given}, but the model of {folder / 'model.json'} has {fitting}; "
                "convert the weights again with launch.convert"
            )
    return model, checkpoint.restore_like(tree, arrays, path)


def describe_model(folder: Path) -> dict[str, Any]:
    """Reads what model.json says: `model`, `input`, `source`.

    Raises:
      UserError: the file is missing, damaged or of another version.
    """
    path = folder / "model.json"
    if not path.exists():
        raise UserError(f"{path} is missing; give a folder that launch.convert has written")
    described = files.read_json(path)
    if not isinstance(described, dict) or described.get("schema") != SCHEMA or {"model", "input"} - described.keys():
        raise UserError(f"{path} is not of schema {SCHEMA}; convert the weights again with launch.convert")
    return described


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Reads the named arrays of an npz; pickled objects are refused.

    Raises:
      UserError: the file is missing, damaged, or no npz.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; give an npz file of named arrays")
    return array_files.read_arrays(path, kinds="fiub", largest_file=_LARGEST)


def trace_variables(model: nn.Module, inputs: Mapping[str, Mapping[str, int]]) -> Variables:
    """Returns the shapes of the model's variables without running it; `inputs` as in `write_model`.

    The tree is shared with others who ask for the same: not to be changed.
    """
    return _trace_sizes(model, tuple((name, size["steps"], size["features"]) for name, size in inputs.items()))


@functools.lru_cache(maxsize=16)
def _trace_sizes(model: nn.Module, sizes: tuple[tuple[str, int, int], ...]) -> Variables:
    """`trace_variables` of (modality, steps, features). Cached: what converts, writes and reads a model asks alike."""
    features = {name: jax.ShapeDtypeStruct((1, steps, width), np.float32) for name, steps, width in sizes}
    masks = {name: jax.ShapeDtypeStruct((1, steps), np.bool_) for name, steps, _ in sizes}
    return jax.eval_shape(lambda x, mask: model.init(jax.random.key(0), x, mask, train=False), features, masks)
