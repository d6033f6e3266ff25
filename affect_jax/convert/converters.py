"""Which models can be converted, from what and to what, and what the command `launch.convert` does.

Another model is one more file in this folder and one more entry of `CONVERTERS`; a method of the zoo is a file of
`zoo`, found by its name (`methods`).
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import numpy as np

from affect_jax.convert.conflictnet import export_keras_conflictnet, import_keras_conflictnet
from affect_jax.convert.folder import Variables, describe_model, read_model, write_model
from affect_jax.convert.fusion import export_torch_fusion, import_torch_fusion, list_fusion_inputs
from affect_jax.convert.methods import export_weights, find_method, import_weights
from affect_jax.convert.state_dict_files import read_state_dict, write_state_dict
from affect_jax.errors import UserError, join_words


class Speech(NamedTuple):
    """What a converted model of speech heard in its training.

    Attributes:
      rate: sampling rate, Hz.
      seconds: length of a clip.
    """

    rate: int = 8000
    seconds: float = 30.0


_SPEECH = Speech()


class Imported(NamedTuple):
    """A model that was made from another program's weights.

    Attributes:
      model: the module.
      variables: its arrays.
      inputs: modality -> `steps`, `features` and, of speech, `rate` of what it reads, for `write_model`.
      words: its properties, to be printed.
    """

    model: nn.Module
    variables: Variables
    inputs: dict[str, dict[str, int]]
    words: list[str]


class Converter(NamedTuple):
    """What converts one model.

    Attributes:
      reads: direction, e.g. 'from_keras' -> a function of arrays and of options by name.
      writes: direction, e.g. 'to_keras' -> a function of the model and its variables that returns arrays.
      model: the name of our model; '' where it is the converter's.
    """

    reads: Mapping[str, Callable[..., Imported]]
    writes: Mapping[str, Callable[[Any, Variables], dict[str, np.ndarray]]]
    model: str = ""

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of all directions."""
        return (*self.reads, *self.writes)


def _import_conflictnet(
    arrays: Mapping[str, np.ndarray],
    *,
    recurrent_activation: str = "hard_sigmoid",
    average_pool: int | None = None,
    global_average: bool = False,
    speech: Speech = _SPEECH,
) -> Imported:
    options = dict(average_pool=average_pool, global_average=global_average)
    model, variables = import_keras_conflictnet(arrays, recurrent_activation=recurrent_activation, **options)
    words = [
        f"average pool {model.average_pool or 'none'}",
        f"attention {'yes' if model.attention else 'no'}",
        f"global average {'yes' if model.global_average else 'no'}",
        f"gates {model.recurrent_activation}",
        f"{model.classes} classes" if model.classes else "regression",
    ]
    size = {"steps": round(speech.rate * speech.seconds), "features": 1, "rate": speech.rate}
    return Imported(model, variables, {model.modality: size}, words)


def _import_fusion(arrays: Mapping[str, np.ndarray], *, attention: str, heads: int = 6) -> Imported:
    model, variables = import_torch_fusion(arrays, attention=attention, heads=heads)
    inputs = list_fusion_inputs(model, variables)
    reads = [f"{name} [{size['steps']}, {size['features']}]" for name, size in inputs.items()]
    words = [f"attention {model.attention}", *reads, f"{model.heads} heads", f"{model.classes} classes"]
    return Imported(model, variables, inputs, words)


CONVERTERS = {
    "attention_fusion": Converter(reads={"from_torch": _import_fusion}, writes={"to_torch": export_torch_fusion}),
    "conflictnet": Converter(reads={"from_keras": _import_conflictnet}, writes={"to_keras": export_keras_conflictnet}),
}


def find_converter(name: str) -> Converter:
    """What converts the model or method of this name.

    Raises:
      UserError: there is none.
    """
    if name in CONVERTERS:
        return CONVERTERS[name]
    method = find_method(name)
    framework = getattr(method, "FRAMEWORK", "torch")
    return Converter(
        reads={f"from_{framework}": functools.partial(_import_method, name)},
        writes={f"to_{framework}": functools.partial(export_weights, name)},
        model=method.MODEL,
    )


def _import_method(name: str, arrays: Mapping[str, np.ndarray], *, arguments: Mapping[str, Any]) -> Imported:
    model, variables, inputs = import_weights(name, arrays, arguments)
    reads = [f"{modality} of {size['features']}" for modality, size in inputs.items()]
    words, twin = [f"reads {', '.join(reads)}"], getattr(find_method(name), "TWIN", "")
    if twin and arguments.get("mode") is None:
        words.append(f"taken as --model={name} says, as nothing in the weights tells them from those of {twin}")
    return Imported(model, variables, inputs, words)


def convert_file(
    name: str, direction: str, source: Path, out: Path, options: Mapping[str, Any], provenance: str
) -> str:
    """Converts weights from `source` to `out`.

    Args:
      name: of the model, a key of `CONVERTERS`, or of a method of the zoo.
      direction: one of its directions.
      source: an npz or safetensors file; or, for a direction `to_...`, a folder that `write_model` wrote.
      out: the folder to write; or the file.
      options: by name, of a direction `from_...`.
      provenance: how the weights were converted, for the record.

    Returns:
      What was done, in a line.

    Raises:
      UserError: a path or an array that does not fit.
    """
    converter = find_converter(name)
    if direction not in converter.directions:
        raise UserError(
            f"--direction={direction} is not for --model={name}; choose one of {join_words(converter.directions)}"
        )
    if direction in converter.writes:
        if out.is_dir():
            raise UserError(f"{out} is a folder; name an npz file to write")
        stored = describe_model(source)["model"]["name"]
        if stored != (converter.model or name):
            raise UserError(f"{source} holds a model {stored!r}, but --model is {name!r}; make them agree")
        arrays = converter.writes[direction](*read_model(source))
        write_state_dict(out, arrays)
        return f"{len(arrays)} arrays -> {out}"
    if out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a folder to write")
    imported = converter.reads[direction](read_state_dict(source), **options)
    write_model(out, imported.model, imported.variables, imported.inputs, f"{source.name} ({provenance})")
    count = sum(leaf.size for leaf in jax.tree.leaves(imported.variables["params"]))
    return f"{name}: {', '.join(imported.words)}; {count:,} parameters -> {out}"
