"""Converts the weights of another program's model to ours, or ours back.

    python -m launch.convert --model=conflictnet --direction=from_keras IN.npz OUT
    python -m launch.convert --model=conflictnet --direction=to_keras IN OUT.npz
    python -m launch.convert --model=attention_fusion --direction=from_torch --attention=intra IN.npz OUT
    python -m launch.convert --model=attention_fusion --direction=to_torch IN OUT.npz

Needs: from_...: an npz of named arrays (numpy.savez, nothing pickled). For ConflictNET by the names of its Keras
layers: `conv1d/kernel`, `lstm/lstm_variant/bias` and so on. For attention fusion by those of its authors' PyTorch
state_dict: `text_encoder.weight_ih_l0`, `mha_t.in_proj_weight` and so on; there, PyTorch at hand,
`numpy.savez("IN.npz", **{name: x.cpu().numpy() for name, x in model.state_dict().items()})` writes it.
to_...: a folder that this program wrote.
Writes: the folder OUT with params.npz and model.json, which launch.predict and launch.explain read for ConflictNET; or
the npz OUT. Sizes are read off the arrays. The flags below say what leaves no trace in them.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags

from affect_jax.errors import UserError
from launch import cli

_DIRECTIONS = {"attention_fusion": ("from_torch", "to_torch"), "conflictnet": ("from_keras", "to_keras")}
# Flags that say something about one of the models alone.
_OWN = {
    "attention_fusion": ("attention", "heads"),
    "conflictnet": ("recurrent_activation", "average_pool", "global_average", "rate", "seconds"),
}
FLAGS = flags.FLAGS


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    directions = [direction for both in _DIRECTIONS.values() for direction in both]
    flags.DEFINE_enum("model", "conflictnet", sorted(_DIRECTIONS), "Which model.", flag_values=values)
    flags.DEFINE_enum("direction", None, directions, "From what, or to what.", required=True, flag_values=values)
    gates = "ConflictNET: of the LSTM's gates; sigmoid since Keras 2.3."
    choices = ["hard_sigmoid", "sigmoid"]
    flags.DEFINE_enum("recurrent_activation", choices[0], choices, gates, flag_values=values)
    pool = "ConflictNET: steps of the average pool, 0 for none. Default: 4 where there is attention, else 0."
    flags.DEFINE_integer("average_pool", -1, pool, flag_values=values)
    gap = "ConflictNET: the last layer reads the mean over time (+GAP)."
    flags.DEFINE_bool("global_average", False, gap, flag_values=values)
    rate = "ConflictNET: sampling rate of the speech that the model was trained on, Hz."
    flags.DEFINE_integer("rate", 8000, rate, 1, flag_values=values)
    flags.DEFINE_float("seconds", 30.0, "ConflictNET: length of its clips.", 0.001, flag_values=values)
    within = "Attention fusion: within or across; from_torch needs it."
    flags.DEFINE_enum("attention", None, ["intra", "cross"], within, flag_values=values)
    flags.DEFINE_integer("heads", 6, "Attention fusion: attention heads.", 1, flag_values=values)


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
    writes = FLAGS.direction.startswith("to_")
    if writes and out.is_dir():
        raise UserError(f"{out} is a folder; name an npz file to write")
    if not writes and out.exists() and not out.is_dir():
        raise UserError(f"{out} is a file; name a folder to write")
    from affect_jax import convert
    from affect_jax.runtime import run_folder

    converter = convert.MODELS[FLAGS.model]
    if writes:
        name = convert.describe(source)["model"]["name"]
        if name != FLAGS.model:
            raise UserError(f"{source} holds a model {name!r}, but --model is {FLAGS.model!r}; make them agree")
        arrays = converter.writes[FLAGS.direction](*convert.read(source))
        out.parent.mkdir(parents=True, exist_ok=True)
        run_folder.write_arrays(out, arrays)
        print(f"{len(arrays)} arrays -> {out}")
        return
    read = _conflictnet if FLAGS.model == "conflictnet" else _attention_fusion
    found = read(converter.reads[FLAGS.direction], convert.read_arrays(source))
    convert.write(out, found.model, found.variables, found.inputs, f"{source.name} ({' '.join(sys.argv[1:])})")
    import jax

    count = sum(leaf.size for leaf in jax.tree.leaves(found.variables["params"]))
    print(f"{FLAGS.model}: {', '.join(found.words)}; {count:,} parameters -> {out}")


def _check_flags() -> None:
    """Refuses a direction or a flag that is another model's.

    Raises:
      UserError: there is one.
    """
    directions = _DIRECTIONS[FLAGS.model]
    if FLAGS.direction not in directions:
        raise UserError(
            f"--direction={FLAGS.direction} is not for --model={FLAGS.model}; choose one of {list(directions)}"
        )
    for model, own in _OWN.items():
        for name in own:
            if FLAGS[name].present and model != FLAGS.model:
                raise UserError(
                    f"--{name} is for --model={model} alone and says nothing about {FLAGS.model}; leave it out"
                )
    if FLAGS.direction == "from_torch" and FLAGS.attention is None:
        raise UserError("--direction=from_torch needs --attention; say intra or cross")


def _conflictnet(from_keras: Callable[..., Any], arrays: dict[str, Any]) -> _Read:
    model, variables = from_keras(
        arrays,
        recurrent_activation=FLAGS.recurrent_activation,
        average_pool=None if FLAGS.average_pool < 0 else FLAGS.average_pool,
        global_average=FLAGS.global_average,
    )
    steps = round(FLAGS.rate * FLAGS.seconds)
    words = [
        f"average pool {model.average_pool or 'none'}",
        f"attention {'yes' if model.attention else 'no'}",
        f"global average {'yes' if model.global_average else 'no'}",
        f"gates {model.recurrent_activation}",
        f"{model.classes} classes" if model.classes else "regression",
    ]
    return _Read(model, variables, {model.modality: {"steps": steps, "features": 1, "rate": FLAGS.rate}}, words)


def _attention_fusion(from_torch: Callable[..., Any], arrays: dict[str, Any]) -> _Read:
    from affect_jax import convert

    model, variables = from_torch(arrays, attention=FLAGS.attention, heads=FLAGS.heads)
    inputs = convert.fusion_inputs(model, variables)
    reads = [f"{name} [{size['steps']}, {size['features']}]" for name, size in inputs.items()]
    words = [f"attention {model.attention}", *reads, f"{model.heads} heads", f"{model.classes} classes"]
    return _Read(model, variables, inputs, words)


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
