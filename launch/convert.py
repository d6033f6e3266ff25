"""Converts the weights of another program's model to ours, or ours back.

    python -m launch.convert --model=conflictnet --direction=from_keras IN.npz OUT
    python -m launch.convert --model=conflictnet --direction=to_keras IN OUT.npz

The npz holds named arrays (numpy.savez, nothing pickled), for ConflictNET by the names of its Keras layers:
`conv1d/kernel`, `lstm/lstm_cell/bias` and so on. The folder holds params.npz and model.json; launch.predict reads it.
Sizes and attention are read off the arrays. The flags below say what leaves no trace in them.
"""

import sys
from pathlib import Path

from absl import flags

from affect_jax.errors import UserError
from launch import cli

_MODEL = flags.DEFINE_enum("model", "conflictnet", ["conflictnet"], "Which model.")
_DIRECTION = flags.DEFINE_enum("direction", None, ["from_keras", "to_keras"], "From what, or to what.", required=True)
_ACTIVATION = flags.DEFINE_enum(
    "recurrent_activation", "hard_sigmoid", ["hard_sigmoid", "sigmoid"], "Of the LSTM's gates; sigmoid since Keras 2.3."
)
_AVERAGE_POOL = flags.DEFINE_integer(
    "average_pool", -1, "Steps of the average pool, 0 for none. Default: 4 where there is attention, else 0."
)
_GLOBAL_AVERAGE = flags.DEFINE_bool("global_average", False, "The last layer reads the mean over time (+GAP).")
_RATE = flags.DEFINE_integer("rate", 8000, "Sampling rate of the speech that the model was trained on, Hz.", 1)
_SECONDS = flags.DEFINE_float("seconds", 30.0, "Length of its clips.", 0.001)


def main(argv: list[str]) -> None:
    """Converts what the flags and the two paths name."""
    if len(argv) != 3:
        raise UserError(f"launch.convert takes two paths, IN and OUT, but got {len(argv) - 1}; give both")
    source, out = map(Path, argv[1:])
    writes = _DIRECTION.value.startswith("to_")
    if writes and out.is_dir():
        raise UserError(f"{out} is a folder; name an npz file to write")
    if not writes and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a folder to write")
    from affect_jax import convert, runs

    converter = convert.MODELS[_MODEL.value]
    if writes:
        arrays = converter.writes[_DIRECTION.value](*convert.read(source))
        out.parent.mkdir(parents=True, exist_ok=True)
        runs.write_arrays(out, arrays)
        print(f"{len(arrays)} arrays -> {out}")
        return
    model, variables = converter.reads[_DIRECTION.value](
        convert.read_arrays(source),
        recurrent_activation=_ACTIVATION.value,
        average_pool=None if _AVERAGE_POOL.value < 0 else _AVERAGE_POOL.value,
        global_average=_GLOBAL_AVERAGE.value,
    )
    steps = round(_RATE.value * _SECONDS.value)
    inputs = {model.weaker: {"steps": steps, "features": 1, "rate": _RATE.value}}
    convert.write(out, model, variables, inputs, f"{source.name} ({' '.join(sys.argv[1:])})")
    parts = [
        f"average pool {model.average_pool or 'none'}",
        f"attention {'yes' if model.attention else 'no'}",
        f"global average {'yes' if model.global_average else 'no'}",
        f"gates {model.recurrent_activation}",
        f"{model.classes} classes" if model.classes else "regression",
    ]
    count = sum(leaf.size for part in variables["params"].values() for leaf in part.values())
    print(f"{_MODEL.value}: {', '.join(parts)}; {count:,} parameters -> {out}")


if __name__ == "__main__":
    cli.run(main)
