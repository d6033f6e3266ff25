"""The deployed part of a trained model: the weaker encoder and its head, without anything of the stronger modality.
Models of one modality, and models that fuse several, are deployed whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from affect_jax.config import studies
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.inference import export_folder
from affect_jax.runtime import run_folder
from affect_jax.training import checkpoint, step

PLATFORMS = ("cpu", "cuda", "tpu")


class Input(NamedTuple):
    """What becomes of one modality's raw features.

    Attributes:
      mean: float32 [D], subtracted; [0] for a waveform, which comes RMS-normalised.
      scale: float32 [D], divided by; [1] for a waveform.
      steps: padded length of a sequence; None where an example is one frame.
    """

    mean: np.ndarray
    scale: np.ndarray
    steps: int | None


class Deployed(NamedTuple):
    """One trial of a run, cut down to what predicts.

    Attributes:
      model: the module.
      params: only the parts in `model.deployed`, and the statistics of batch norms.
      inputs: modality -> what becomes of it: the weaker one alone, or all that a fusion model reads.
      item: a whole sequence has one prediction, not one a step.
      trial: the entry of results.json.
      trained: what an export says of the run: `task`, `target`, `labels` of classes, `corpus` and, of raw speech, its
        `rate` in Hz, else None.
    """

    model: Any
    params: dict[str, Any]
    inputs: dict[str, Input]
    item: bool
    trial: dict[str, Any]
    trained: dict[str, Any]

    @property
    def modality(self) -> str:
        """The only modality; names with a `+` between them where there are several."""
        return "+".join(self.inputs)

    @property
    def steps(self) -> int | None:
        """Padded length of the first modality."""
        return next(iter(self.inputs.values())).steps


def choose_trial(results: dict[str, Any], variant: str = "", trial: int = -1) -> int:
    """Number of a trial of results.json: `trial` itself, or the best on validation among those of `variant`.

    Raises:
      UserError: no such variant or trial, or several variants and none named.
    """
    trials = results["trials"]
    if trial >= 0:
        if trial >= len(trials):
            raise UserError(f"--trial is {trial} but the run has trials 0 to {len(trials) - 1}")
        return trial
    variants = list(dict.fromkeys(r["variant"] for r in trials))
    variant = variant or variants[0]
    if variant not in variants:
        raise UserError(f"--variant is {variant!r}{suggest_nearest(variant, variants)}; the run has {variants}")
    metric, sign = results["monitor"]["metric"], 1.0 if results["monitor"]["goal"] == "max" else -1.0
    mine = [i for i, r in enumerate(trials) if r["variant"] == variant and r["validation"][metric] is not None]
    if not mine:
        raise UserError(f"no trial of variant {variant!r} has a validation score; train it again")
    return max(mine, key=lambda i: sign * trials[i]["validation"][metric])


def load_deployed(run: Path, number: int) -> Deployed:
    """Reads trial `number` of a finished run.

    Raises:
      UserError: the run is unfinished or damaged.
    """
    trial = run_folder.read_json(run / "results.json")["trials"][number]
    folder = run_folder.locate_weights(run, trial["study"])
    for wave in sorted(folder.glob("[0-9]*")):
        leaves, meta = checkpoint.restore_checkpoint(wave) or ({}, {"first": 0, "trials": 0})
        at = number - meta["first"] - _find_first_trial(run, trial["study"])
        if 0 <= at < meta["trials"]:
            break
    else:
        raise UserError(f"{folder} has no weights of trial {number}; train that run again with launch.main")
    model = studies.make_model(meta["model"])
    kept = {name: leaf[at] for name, leaf in leaves.items()}
    params, mean, scale = checkpoint.split_by_prefix(kept, ("params", "mean", "scale"))
    reads = list_inputs(model)
    return Deployed(
        model=model,
        params=_nest_leaves({k: v for k, v in params.items() if k.split("/")[0] in (*model.deployed, step.STATISTICS)}),
        inputs={m: Input(mean[m], scale[m], meta["steps"][m]) for m in reads},
        item=meta["unit"] == "item",
        trial=trial,
        trained=_describe_training(run, reads),
    )


def _describe_training(run: Path, reads: tuple[str, ...]) -> dict[str, Any]:
    """What is said of the run beside its trial."""
    results, config = run_folder.read_json(run / "results.json"), run_folder.read_json(run / "config.json")["config"]
    return {
        "task": results["task"],
        "target": config["data"]["target"],
        "labels": list(results["corpus"].get("labels") or ()),
        "corpus": {key: results["corpus"].get(key) for key in ("name", "variant", "synthetic")},
        "rate": find_speech_rate(config["corpus"], "+".join(reads)),
    }


def find_speech_rate(corpus: Mapping[str, Any], modality: str) -> int | None:
    """Hz of the raw speech that a run reads as `modality`; None where that is something else."""
    return corpus.get("rate") if modality == "speech" or corpus.get("sound") == "waveform" else None


def list_inputs(model: Any) -> tuple[str, ...]:
    """The modalities that a model's deployed part reads."""
    names = tuple(model.modalities) if hasattr(model, "modalities") else (model.weaker,)
    prosody = getattr(model, "prosody", "")  # of the compared methods, which read it beside the audio
    return (*names, prosody) if prosody and model.audio in names else names


def _find_first_trial(run: Path, study: str) -> int:
    trials = run_folder.read_json(run / "results.json")["trials"]
    return next(i for i, trial in enumerate(trials) if trial["study"] == study)


def _nest_leaves(leaves: dict[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, last = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = leaf
    return tree


Arrays = jax.Array | Mapping[str, jax.Array]
"""Of the only modality, or by modality."""


def predict_deployed(deployed: Deployed, features: Arrays, mask: Arrays) -> jax.Array:
    """Prediction from raw (not standardised) features.

    Args:
      deployed: from `load`.
      features: float32 [B, T, D], or [B, D] for a model of single frames; a waveform is [B, T, 1] with a root mean
        square of 1 over its own samples. By modality where the model reads several.
      mask: bool [B, T] or [B], likewise; all False where a modality is missing.

    Returns:
      float32, the mask's shape and 0 where the mask is False, of classes with an axis of logits behind it; for items
      [B], or [B, C] logits.
    """
    if not isinstance(features, Mapping):
        features, mask = {deployed.modality: features}, {deployed.modality: mask}
    inputs = {}
    for name, (mean, scale, _) in deployed.inputs.items():
        lead = (None,) * (features[name].ndim - 1)
        inputs[name] = jnp.where(mask[name][..., None], (features[name] - mean[lead]) / scale[lead], 0.0)
    value = deployed.model.apply(step.split_variables(deployed.params), inputs, dict(mask), method="deploy")
    if deployed.item:
        return value
    valid = mask[deployed.modality]
    return jnp.where(valid if value.ndim == valid.ndim else valid[..., None], value, 0.0)


def export_deployed(deployed: Deployed, out: Path, provenance: dict[str, Any]) -> dict[str, Any]:
    """Writes `model.jax` (runs with jax alone), `params.npz` and `description.json` to `out`; `exported` reads them.

    Any batch size and, for a model with a prediction a step, any length fit the artifact; items have their one length.

    Returns:
      The description.
    """
    scope = jax_export.SymbolicScope()
    arguments = {}
    for name, (mean, _, steps) in deployed.inputs.items():
        dims = f"b, {steps if deployed.item else 't'}" if steps else "b"
        shape = jax_export.symbolic_shape(f"{dims}, {len(mean)}", scope=scope)
        arguments[name] = jax.ShapeDtypeStruct(shape, jnp.float32), jax.ShapeDtypeStruct(shape[:-1], jnp.bool_)
    several = len(arguments) > 1
    sides = [{name: pair[side] for name, pair in arguments.items()} for side in (0, 1)]
    if not several:
        sides = arguments[deployed.modality]
    artifact = jax_export.export(jax.jit(lambda x, m: predict_deployed(deployed, x, m)), platforms=PLATFORMS)(*sides)
    leaves = checkpoint.flatten_leaves(deployed.params)
    description = {
        "file": "model.jax",
        "how": "jax.export.deserialize(open('model.jax', 'rb').read()).call(features, mask)",
        "inputs": export_folder.describe_inputs(artifact, tuple(deployed.inputs)),
        **({"takes": "features and mask by modality; all False where one is missing"} if several else {}),
        "standardised_inside": True,
        "output": {
            "dtype": "float32",
            "shape": export_folder.format_shape(artifact.out_avals[0].shape),
            "unit": "item" if deployed.item else "step",
            "meaning": "prediction (logits of classes)" if deployed.item else "prediction; 0 where mask is False",
        },
        "platforms": list(PLATFORMS),
        "parameters": int(sum(leaf.size for leaf in leaves.values())),
        "parts": sorted(deployed.params),
        "trial": deployed.trial,
        "trained": deployed.trained,
        "provenance": provenance,
    }
    return export_folder.write_export(out, bytes(artifact.serialize()), leaves, description)
