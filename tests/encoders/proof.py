"""The proof that an encoder equals its authors' code: numbers of benchmarks/encoder_fixtures.py, against ours.

    python -m tests.encoders.proof       # a line a case: the worst error of each kind of number

Each example of a case ran alone there and runs here in one batch, padded with values that must reach nothing.
"""

import functools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.encoders import families, resnet, speech, words
from affect_jax.encoders.published import name_array, read_variables
from affect_jax.encoders.settings import ConfigFile

DATA = Path(__file__).parent / "data"
LEARNING_RATE = 0.02
PADDING = 40
"""Samples behind the longest clip, so that even that one is padded."""


class Errors(NamedTuple):
    """The worst absolute error of each kind: outputs, gradients, losses of three steps of gradient descent."""

    outputs: float
    gradients: float
    losses: float


def list_cases() -> list[str]:
    return sorted(path.stem for path in DATA.glob("*.npz"))


def read_case(name: str) -> tuple[dict[str, dict[str, np.ndarray]], dict[str, Any]]:
    """Arrays by kind ('param', 'in', 'out', 'grad', ...) and name; the config."""
    kinds: dict[str, dict[str, np.ndarray]] = {}
    with np.load(DATA / f"{name}.npz") as file:
        config = json.loads(str(file["config"]))
        for key in file.files:
            kind, _, rest = key.partition("/")
            kinds.setdefault(kind, {})[rest] = file[key]
    return kinds, config


@functools.cache
def build(name: str) -> families.Encoder:
    """The encoder of a case. Whoever asks again gets the same one: tracing its shapes is most of the work."""
    kinds, config = read_case(name)
    if "depths" in config:
        model = resnet.ResNet(tuple(config["depths"]), config["bottleneck"], config["width"], 3)
        return families.Encoder("images", model, read_variables(families.trace_shapes(model), kinds["param"], name))
    tower = "words" if "words" in name else "images"
    return families.build_encoder(ConfigFile(config, name), kinds["param"], name, tower=tower)


def pad_inputs(model: Any, ins: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """The batch, with padding that would be seen: NaN of numbers, the greatest piece of texts."""
    if "images" in ins:
        return (ins["images"],)
    padding, key, filler = (PADDING, "samples", np.nan) if "samples" in ins else (2, "pieces", 3)
    values, lengths = ins[key], ins["lengths"]
    values = np.pad(values, ((0, 0), (0, padding)))
    mask = np.arange(values.shape[1])[None] < lengths[:, None]
    values = np.where(mask, values, filler).astype(values.dtype)
    if isinstance(model, words.Words):
        return values, mask, np.pad(ins["kinds"], ((0, 0), (0, padding)))
    return values, mask


def describe(outputs: Any, ins: dict[str, np.ndarray], index: int) -> dict[str, np.ndarray]:
    """Our outputs of one example by the names of the case, without padding."""
    states, found = outputs.states, {}
    if isinstance(outputs, speech.SpeechStates):
        steps = int(outputs.mask[index].sum())
    else:
        steps = ins["lengths"][index] if "lengths" in ins else states[0].shape[1]
        if outputs.pooled is not None:
            found["pooled"] = outputs.pooled[index]
        if getattr(outputs, "embedding", None) is not None:
            found["embedding"] = outputs.embedding[index]
    found |= {f"state_{layer}": state[index, :steps] for layer, state in enumerate(states)}
    return found | {"last": outputs.last[index, :steps]}


def make_loss(encoder: families.Encoder, kinds: dict[str, dict[str, np.ndarray]]) -> Callable[..., Any]:
    """Variables -> (loss, outputs); in training where there is batch norm."""
    ins = kinds["in"]
    inputs, target = pad_inputs(encoder.model, ins), ins["target"]

    def loss(params: Any, rest: Any) -> tuple[jax.Array, Any]:
        if rest:
            outputs, moved = encoder.model.apply({"params": params, **rest}, *inputs, train=True, mutable=list(rest))
            return jnp.square(outputs["logits"] - target).mean(), (outputs, moved)
        outputs = encoder.model.apply({"params": params}, *inputs)
        last = outputs.last[:, : target.shape[1]]
        valid = jnp.ones(last.shape[:2], bool)
        if isinstance(outputs, speech.SpeechStates):
            valid = outputs.mask[:, : target.shape[1]]
        elif "lengths" in ins:
            valid = inputs[1][:, : target.shape[1]]
        error = jnp.where(valid[..., None], jnp.square(last - target), 0).sum()
        return error / (valid.sum() * target.shape[-1]), (outputs, rest)

    return loss


def compare(name: str, *, trains: bool = True) -> Errors:
    """The worst errors of a case; without `trains`, of its outputs alone."""
    kinds, _ = read_case(name)
    encoder = build(name)
    if not trains:
        outputs = jax.jit(encoder.model.apply)(encoder.variables, *pad_inputs(encoder.model, kinds["in"]))
        return Errors(_compare_outputs(encoder, kinds, jax.device_get(outputs), None), 0.0, 0.0)
    rest = {key: value for key, value in encoder.variables.items() if key != "params"}
    step = jax.jit(jax.value_and_grad(make_loss(encoder, kinds), has_aux=True))
    params, losses, outputs, kept = encoder.variables["params"], [], [], []
    for _ in range(3):
        (value, (states, rest)), gradients = jax.device_get(step(params, rest))
        losses.append(value)
        outputs.append(states)
        kept.append(gradients)
        params = jax.tree.map(lambda p, g: p - np.float32(LEARNING_RATE) * g, params, gradients)
    named = {
        name_array(key.key for key in path): (leaf, path[-1].key)
        for path, leaf in jax.tree_util.tree_flatten_with_path(kept[0])[0]
    }
    return Errors(
        _compare_outputs(encoder, kinds, outputs[0], rest),
        max(_compare_gradient(kinds["grad"], name, *value) for name, value in named.items()),
        float(np.abs(np.array(losses) - kinds["sgd"][""]).max()),
    )


def _compare_gradient(gradients: dict[str, np.ndarray], name: str, ours: np.ndarray, leaf: str) -> float:
    theirs = gradients.get(
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        )
    )
    if theirs is None:  # not in the loss
        return float(np.abs(ours).max())
    if leaf == "kernel":
        ours = ours.transpose(ours.ndim - 1, ours.ndim - 2, *range(ours.ndim - 2))
    return float(np.abs(ours - theirs).max() / max(1, np.abs(theirs).max()))


def _compare_outputs(
    encoder: families.Encoder, kinds: dict[str, dict[str, np.ndarray]], outputs: Any, rest: Any
) -> float:
    if rest:
        apply = jax.jit(encoder.model.apply)
        ours = jax.device_get(apply(encoder.variables, *pad_inputs(encoder.model, kinds["in"])))
        moved = {
            name_array(key.key for key in path): leaf
            for path, leaf in jax.tree_util.tree_flatten_with_path(rest["batch_stats"])[0]
        }
        worst = [np.abs(moved[name] - theirs).max() for name, theirs in kinds["moved"].items()]
        return float(max(worst + [np.abs(ours[name] - theirs).max() for name, theirs in kinds["out"].items()]))
    worst = 0.0
    for key, theirs in kinds["out"].items():
        index, _, what = key.partition("/")
        ours = describe(outputs, kinds["in"], int(index))[what]
        assert ours.shape == theirs.shape, (key, ours.shape, theirs.shape)
        worst = max(worst, float(np.abs(ours - theirs).max()))
    return worst


def main() -> None:
    print("| case | outputs | gradients | losses of 3 steps |\n| --- | --- | --- | --- |")
    for name in sys.argv[1:] or list_cases():
        errors = compare(name)
        print(f"| {name} | {errors.outputs:.1e} | {errors.gradients:.1e} | {errors.losses:.1e} |", flush=True)


if __name__ == "__main__":
    main()
