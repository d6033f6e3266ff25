"""Converts the weights of another program's model to ours, or ours back.

    python -m launch.convert --model=conflictnet --direction=from_keras IN.npz OUT
    python -m launch.convert --model=conflictnet --direction=to_keras IN OUT.npz
    python -m launch.convert --model=attention_fusion --direction=from_torch --attention=intra IN.npz OUT
    python -m launch.convert --model=attention_fusion --direction=to_torch IN OUT.npz

The npz holds named arrays (numpy.savez, nothing pickled). For ConflictNET by the names of its Keras layers:
`conv1d/kernel`, `lstm/lstm_cell/bias` and so on. For attention fusion by those of its authors' PyTorch state_dict:
`text_encoder.weight_ih_l0`, `mha_t.in_proj_weight` and so on; there, PyTorch at hand,
`numpy.savez("IN.npz", **{name: x.cpu().numpy() for name, x in model.state_dict().items()})` writes it.
The folder holds params.npz and model.json; launch.predict reads ConflictNET's.
Sizes are read off the arrays. The flags below say what leaves no trace in them.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags

from affect_jax.errors import UserError
from launch import cli

_DIRECTIONS = {"attention_fusion": ("from_torch", "to_torch"), "conflictnet": ("from_keras", "to_keras")}
_MODEL = flags.DEFINE_enum("model", "conflictnet", sorted(_DIRECTIONS), "Which model.")
_DIRECTION = flags.DEFINE_enum(
    "direction", None, [d for both in _DIRECTIONS.values() for d in both], "From what, or to what.", required=True
)
_ACTIVATION = flags.DEFINE_enum(
    "recurrent_activation", "hard_sigmoid", ["hard_sigmoid", "sigmoid"], "Of the LSTM's gates; sigmoid since Keras 2.3."
)
_AVERAGE_POOL = flags.DEFINE_integer(
    "average_pool", -1, "Steps of the average pool, 0 for none. Default: 4 where there is attention, else 0."
)
_GLOBAL_AVERAGE = flags.DEFINE_bool("global_average", False, "The last layer reads the mean over time (+GAP).")
_RATE = flags.DEFINE_integer("rate", 8000, "Sampling rate of the speech that the model was trained on, Hz.", 1)
_SECONDS = flags.DEFINE_float("seconds", 30.0, "Length of its clips.", 0.001)
_ATTENTION = flags.DEFINE_enum("attention", None, ["intra", "cross"], "Of attention fusion: within or across.")
_HEADS = flags.DEFINE_integer("heads", 6, "Attention heads of attention fusion.", 1)
_FLAGS = {
    "attention_fusion": (_ATTENTION, _HEADS),
    "conflictnet": (_ACTIVATION, _AVERAGE_POOL, _GLOBAL_AVERAGE, _RATE, _SECONDS),
}


class _Read(NamedTuple):
    """A converted model, its variables, what it reads (as `convert.write` wants it), and what it is in words."""

    model: Any
    variables: Any
    inputs: dict[str, dict[str, int]]
    words: list[str]


def main(argv: list[str]) -> None:
    """Converts what the flags and the two paths name."""
    if len(argv) != 3:
        raise UserError(f"launch.convert takes two paths, IN and OUT, but got {len(argv) - 1}; give both")
    _check_flags()
    source, out = map(Path, argv[1:])
    writes = _DIRECTION.value.startswith("to_")
    if writes and out.is_dir():
        raise UserError(f"{out} is a folder; name an npz file to write")
    if not writes and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a folder to write")
    from affect_jax import convert, runs

    converter = convert.MODELS[_MODEL.value]
    if writes:
        name = convert.describe(source)["model"]["name"]
        if name != _MODEL.value:
            raise UserError(f"{source} holds a model {name!r}, but --model is {_MODEL.value!r}; make them agree")
        arrays = converter.writes[_DIRECTION.value](*convert.read(source))
        out.parent.mkdir(parents=True, exist_ok=True)
        runs.write_arrays(out, arrays)
        print(f"{len(arrays)} arrays -> {out}")
        return
    read = _conflictnet if _MODEL.value == "conflictnet" else _attention_fusion
    found = read(converter.reads[_DIRECTION.value], convert.read_arrays(source))
    convert.write(out, found.model, found.variables, found.inputs, f"{source.name} ({' '.join(sys.argv[1:])})")
    import jax

    count = sum(leaf.size for leaf in jax.tree.leaves(found.variables["params"]))
    print(f"{_MODEL.value}: {', '.join(found.words)}; {count:,} parameters -> {out}")


def _check_flags() -> None:
    """Refuses a direction or a flag that is another model's.

    Raises:
      UserError: there is one.
    """
    directions = _DIRECTIONS[_MODEL.value]
    if _DIRECTION.value not in directions:
        raise UserError(
            f"--direction={_DIRECTION.value} is not for --model={_MODEL.value}; choose one of {list(directions)}"
        )
    for model, own in _FLAGS.items():
        for flag in own:
            if flag.present and model != _MODEL.value:
                raise UserError(
                    f"--{flag.name} is for --model={model} alone and says nothing about {_MODEL.value}; leave it out"
                )
    if _DIRECTION.value == "from_torch" and _ATTENTION.value is None:
        raise UserError("--direction=from_torch needs --attention; say intra or cross")


def _conflictnet(from_keras: Callable[..., Any], arrays: dict[str, Any]) -> _Read:
    model, variables = from_keras(
        arrays,
        recurrent_activation=_ACTIVATION.value,
        average_pool=None if _AVERAGE_POOL.value < 0 else _AVERAGE_POOL.value,
        global_average=_GLOBAL_AVERAGE.value,
    )
    steps = round(_RATE.value * _SECONDS.value)
    words = [
        f"average pool {model.average_pool or 'none'}",
        f"attention {'yes' if model.attention else 'no'}",
        f"global average {'yes' if model.global_average else 'no'}",
        f"gates {model.recurrent_activation}",
        f"{model.classes} classes" if model.classes else "regression",
    ]
    return _Read(model, variables, {model.weaker: {"steps": steps, "features": 1, "rate": _RATE.value}}, words)


def _attention_fusion(from_torch: Callable[..., Any], arrays: dict[str, Any]) -> _Read:
    from affect_jax import convert

    model, variables = from_torch(arrays, attention=_ATTENTION.value, heads=_HEADS.value)
    inputs = convert.fusion_inputs(model, variables)
    reads = [f"{name} [{size['steps']}, {size['features']}]" for name, size in inputs.items()]
    words = [f"attention {model.attention}", *reads, f"{model.heads} heads", f"{model.classes} classes"]
    return _Read(model, variables, inputs, words)


if __name__ == "__main__":
    cli.run(main)
