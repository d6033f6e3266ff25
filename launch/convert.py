"""Converts the weights of another program's model to ours, or ours back.

    python -m launch.convert --model=conflictnet --direction=from_keras IN.npz OUT
    python -m launch.convert --model=conflictnet --direction=to_keras IN OUT.npz
    python -m launch.convert --model=attention_fusion --direction=from_torch --attention=intra IN.npz OUT
    python -m launch.convert --model=attention_fusion --direction=to_torch IN OUT.npz
    python -m launch.convert --model=tfn --direction=from_torch --arguments='{"dropouts": [0, 0, 0, 0]}' IN.npz OUT

`--model` is also any method of the zoo (docs/zoo.md), by the names of its authors' code; `--arguments` are those of
their constructor that leave no trace in the arrays, in JSON or a file of it.
Needs: for from_..., an npz of named arrays (numpy.savez, nothing pickled) or a safetensors file. ConflictNET's arrays
have the names of the Keras layers: `conv1d/kernel`, `lstm/lstm_cell/bias` and so on. Those of attention fusion have the
names of its authors' PyTorch state_dict: `text_encoder.weight_ih_l0`, `mha_t.in_proj_weight` and so on; with PyTorch,
`numpy.savez("IN.npz", **{name: x.cpu().numpy() for name, x in model.state_dict().items()})` writes them.
For to_..., a folder that this program wrote.
Writes: the folder OUT with params.npz and model.json, which launch.predict and launch.explain read for ConflictNET; or
the npz or safetensors file OUT. Sizes are read off the arrays; the flags below say what leaves no trace in them.
"""

import json
import pkgutil
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags

from affect_jax import errors
from affect_jax.errors import UserError, join_words
from launch import cli

_DIRECTIONS = {"attention_fusion": ("from_torch", "to_torch"), "conflictnet": ("from_keras", "to_keras")}
# Flags that concern one of the models alone.
_OWN = {
    "attention_fusion": ("attention", "heads"),
    "conflictnet": ("recurrent_activation", "average_pool", "global_average", "rate", "seconds"),
}
FLAGS = flags.FLAGS


def list_methods() -> list[str]:
    """Names of the methods of the zoo, found without importing what needs JAX."""
    folder = Path(errors.__file__).parent / "convert" / "zoo"
    return sorted(module.name for module in pkgutil.iter_modules([str(folder)]))


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    directions = sorted(direction for both in _DIRECTIONS.values() for direction in both)
    flags.DEFINE_enum("model", "conflictnet", [*_DIRECTIONS, *list_methods()], "Which model.", flag_values=values)
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
    given = "Methods of the zoo: arguments of their authors' constructor, a JSON object or a file of it."
    flags.DEFINE_string("arguments", None, given, flag_values=values)


def main(argv: list[str]) -> None:
    """Converts what the flags and the two paths name."""
    if len(argv) != 3:
        raise UserError(f"launch.convert takes two paths, IN and OUT, but got {len(argv) - 1}; give both")
    _check_flags()
    from affect_jax import convert

    source, out = map(Path, argv[1:])
    options = _read_options(convert.Speech) if FLAGS.direction.startswith("from_") else {}
    print(convert.convert_file(FLAGS.model, FLAGS.direction, source, out, options, " ".join(sys.argv[1:])))
    print(f"next: {_choose_next(out)}")


def _choose_next(out: Path) -> str:
    """The command that uses what was written."""
    path = shlex.quote(str(out))
    if FLAGS.direction.startswith("to_"):
        return f"python -m launch.convert --model={FLAGS.model} --help    # reads {path} again"
    if FLAGS.model == "conflictnet":
        return f"python -m launch.predict --run={path} FILE ...    # predicts recordings"
    return (
        f"python -m launch.convert --model={FLAGS.model} --direction=to_{FLAGS.direction[5:]} {path} FILE.npz    "
        "# writes them back; affect_jax.convert.read_model reads the folder in Python"
    )


def _check_flags() -> None:
    """Checks that the direction and the flags belong to the model.

    Raises:
      UserError: one belongs to another model.
    """
    directions = _DIRECTIONS.get(FLAGS.model)
    if directions and FLAGS.direction not in directions:
        raise UserError(
            f"--direction={FLAGS.direction} is not for --model={FLAGS.model}; choose one of {join_words(directions)}"
        )
    for model, own in _OWN.items():
        for name in own:
            if FLAGS[name].present and model != FLAGS.model:
                raise UserError(
                    f"--{name} is for --model={model} alone and says nothing about {FLAGS.model}; leave it out"
                )
    if FLAGS.arguments is not None and (directions or FLAGS.direction.startswith("to_")):
        raise UserError(f"--arguments is for methods of the zoo, from_torch or from_keras, not for {FLAGS.model} here")
    if directions and FLAGS.direction == "from_torch" and FLAGS.attention is None:
        raise UserError("--direction=from_torch needs --attention; say intra or cross")


def _read_options(make_speech: Callable[[int, float], Any]) -> dict[str, Any]:
    """Returns the options of the model's import."""
    if FLAGS.model not in _DIRECTIONS:
        return {"arguments": _read_arguments(FLAGS.arguments or "{}")}
    if FLAGS.model == "attention_fusion":
        return {"attention": FLAGS.attention, "heads": FLAGS.heads}
    return {
        "recurrent_activation": FLAGS.recurrent_activation,
        "average_pool": None if FLAGS.average_pool < 0 else FLAGS.average_pool,
        "global_average": FLAGS.global_average,
        "speech": make_speech(FLAGS.rate, FLAGS.seconds),
    }


def _read_arguments(text: str) -> dict[str, Any]:
    """The arguments of a method's constructor.

    Raises:
      UserError: they are no JSON object, nor a file of one.
    """
    source = "--arguments"
    if not text.lstrip().startswith("{"):
        source = text
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"--arguments is {text!r}, neither a JSON object nor a file that can be read: {error}"
            ) from None
    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise UserError(f'{source} is no JSON: {error}; write an object such as {{"num_heads": 5}}') from None
    if not isinstance(arguments, dict):
        raise UserError(f'{source} holds no JSON object; write one such as {{"num_heads": 5}}')
    return arguments


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
