"""The deployed part of a trained model: the weaker encoder and its head, without anything of the stronger modality.
A model of one modality is deployed whole."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import export as jax_export

from affect_jax import runs
from affect_jax.errors import UserError
from affect_jax.suggest import nearest
from affect_jax.training import checkpoint, step, studies

PLATFORMS = ("cpu", "cuda", "tpu")


class Deployed(NamedTuple):
    """One row of a run, cut down to what predicts.

    Attributes:
      model: the module.
      params: only the parts in `model.deployed`, and the statistics of batch norms.
      modality: the weaker one, the only input.
      mean: float32 [D], subtracted from its features; [0] for a waveform, which comes RMS-normalised.
      scale: float32 [D], divided by; [1] for a waveform.
      steps: padded length of a sequence; None where an example is one frame.
      item: a whole sequence has one prediction, not one a step.
      row: the entry of results.json.
    """

    model: Any
    params: dict[str, Any]
    modality: str
    mean: np.ndarray
    scale: np.ndarray
    steps: int | None
    item: bool
    row: dict[str, Any]


def choose_row(results: dict[str, Any], cell: str = "", row: int = -1) -> int:
    """Number of a row of results.json: `row` itself, or the best on validation among those of `cell`.

    Raises:
      UserError: no such cell or row, or several cells and none named.
    """
    rows = results["rows"]
    if row >= 0:
        if row >= len(rows):
            raise UserError(f"--row is {row} but the run has rows 0 to {len(rows) - 1}")
        return row
    cells = list(dict.fromkeys(r["cell"] for r in rows))
    cell = cell or cells[0]
    if cell not in cells:
        raise UserError(f"--cell is {cell!r}{nearest(cell, cells)}; the run has {cells}")
    metric, sign = results["monitor"]["metric"], 1.0 if results["monitor"]["goal"] == "max" else -1.0
    mine = [i for i, r in enumerate(rows) if r["cell"] == cell and r["validation"][metric] is not None]
    if not mine:
        raise UserError(f"no row of cell {cell!r} has a validation score; train it again")
    return max(mine, key=lambda i: sign * rows[i]["validation"][metric])


def load(run: Path, number: int) -> Deployed:
    """Reads row `number` of a finished run.

    Raises:
      UserError: the run is unfinished or damaged.
    """
    row = runs.read_json(run / "results.json")["rows"][number]
    folder = runs.weights_folder(run, row["study"])
    for wave in sorted(folder.glob("[0-9]*")):
        leaves, meta = checkpoint.restore(wave) or ({}, {"first": 0, "rows": 0})
        at = number - meta["first"] - _first_row(run, row["study"])
        if 0 <= at < meta["rows"]:
            break
    else:
        raise UserError(f"{folder} has no weights of row {number}; train that run again with launch.main")
    model = studies.make_model(meta["model"])
    kept = {name: leaf[at] for name, leaf in leaves.items()}
    params, mean, scale = checkpoint.parts(kept, ("params", "mean", "scale"))
    return Deployed(
        model=model,
        params=_nested({k: v for k, v in params.items() if k.split("/")[0] in (*model.deployed, step.STATISTICS)}),
        modality=model.weaker,
        mean=mean[model.weaker],
        scale=scale[model.weaker],
        steps=meta["steps"][model.weaker],
        item=meta["unit"] == "item",
        row=row,
    )


def _first_row(run: Path, study: str) -> int:
    rows = runs.read_json(run / "results.json")["rows"]
    return next(i for i, row in enumerate(rows) if row["study"] == study)


def _nested(leaves: dict[str, np.ndarray]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, last = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = leaf
    return tree


def predict(deployed: Deployed, features: jax.Array, mask: jax.Array) -> jax.Array:
    """Prediction from raw (not standardised) features.

    Args:
      deployed: from `load`.
      features: float32 [B, T, D], or [B, D] for a model of single frames; a waveform is [B, T, 1] with a root mean
        square of 1 over its own samples.
      mask: bool [B, T] or [B].

    Returns:
      float32, the mask's shape and 0 where the mask is False; for items [B], or [B, C] logits.
    """
    lead = (None,) * (features.ndim - 1)
    inputs = (features - deployed.mean[lead]) / deployed.scale[lead]
    inputs = jnp.where(mask[..., None], inputs, 0.0)
    value = deployed.model.apply(
        step.variables(deployed.params), {deployed.modality: inputs}, {deployed.modality: mask}, method="deploy"
    )
    return value if deployed.item else jnp.where(mask, value, 0.0)


def export(deployed: Deployed, out: Path, provenance: dict[str, Any]) -> dict[str, Any]:
    """Writes `model.jax` (runs with jax alone), `params.npz` and `description.json` to `out`.

    Any batch size and, for a model with a prediction a step, any length fit the artifact; items have their one length.

    Returns:
      The description.
    """
    width = len(deployed.mean)
    length = str(deployed.steps) if deployed.item else "t"
    dims = f"b, {length}" if deployed.steps else "b"
    shape = jax_export.symbolic_shape(f"{dims}, {width}")
    arguments = (
        jax.ShapeDtypeStruct(shape, jnp.float32),
        jax.ShapeDtypeStruct(shape[:-1], jnp.bool_),
    )
    exported = jax_export.export(jax.jit(lambda x, m: predict(deployed, x, m)), platforms=PLATFORMS)(*arguments)
    leaves = checkpoint.named(deployed.params)
    description = {
        "file": "model.jax",
        "how": "jax.export.deserialize(open('model.jax', 'rb').read()).call(features, mask)",
        "inputs": {
            "features": {"modality": deployed.modality, "dtype": "float32", "shape": f"[{dims}, {width}]"},
            "mask": {"dtype": "bool", "shape": f"[{dims}]", "meaning": "True where features are valid"},
        },
        "standardised_inside": True,
        "output": {
            "dtype": "float32",
            "shape": str(list(exported.out_avals[0].shape)).replace("'", ""),
            "meaning": "prediction (logits of classes)" if deployed.item else "prediction; 0 where mask is False",
        },
        "platforms": list(PLATFORMS),
        "parameters": int(sum(leaf.size for leaf in leaves.values())),
        "parts": sorted(deployed.params),
        "row": deployed.row,
        "provenance": provenance,
    }
    out.mkdir(parents=True, exist_ok=True)
    runs.write_atomic(out / "model.jax", bytes(exported.serialize()))
    runs.write_arrays(out / "params.npz", leaves)
    runs.write_json(out / "description.json", description)
    return description
