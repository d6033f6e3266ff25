"""An export on disk: a folder of three files that say whether they are whole and belong together.

model.jax          a jax.export artifact, (features, mask) -> prediction; it runs with jax alone
params.npz         the parameters by name
description.json   what goes in and comes out and where it is from; `schema`; `sha256` of the other two and of itself
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import export as jax_export

from affect_jax.errors import UserError
from affect_jax.runtime import files, run_folder
from affect_jax.training import checkpoint

SCHEMA = 1
"""Of description.json. Exports of before it was written down have none, and no checksums."""

MODEL, PARAMS, DESCRIPTION = "model.jax", "params.npz", "description.json"
_AGAIN = "export it again from the run folder with launch.export"

# What a program of ours may call beside arithmetic; of `mhlo` are functions like erf. Anything else is refused: a
# callback, for one, would call what somebody else's file points at.
_CALLS = re.compile(r"Sharding|shape_assertion|mhlo\.\w+")
_CALL = re.compile(r"custom_call\s+@(\"[^\"]*\"|[\w.$-]+)|call_target_name\s*=\s*(\"[^\"]*\")")


class Exported(NamedTuple):
    """An export that was read.

    Attributes:
      call: (features, mask) -> prediction, see `deploy.predict`; both by modality where there are several.
      shapes: modality -> of its features, numbers or the names of sizes that are free, e.g. ('b', 't', 40).
      unit: 'item' where a whole sequence has one prediction, else 'step'.
      description: description.json.
    """

    call: Callable[..., jax.Array]
    shapes: dict[str, tuple[int | str, ...]]
    unit: str
    description: dict[str, Any]

    @property
    def modality(self) -> str:
        """The only modality; names with a `+` between them where there are several."""
        return "+".join(self.shapes)

    @property
    def steps(self) -> int | None:
        """Length of the first modality; None where it is free or there is none."""
        _, *steps, _ = next(iter(self.shapes.values()))
        return steps[0] if steps and isinstance(steps[0], int) else None


def is_export(folder: Path) -> bool:
    """Whether launch.export wrote a folder, or what is left of it."""
    return (folder / DESCRIPTION).exists() or (folder / MODEL).exists()


def describe_inputs(artifact: jax_export.Exported, modalities: tuple[str, ...]) -> dict[str, Any]:
    """What an artifact takes, as its description says it: of one modality plain, of several by modality.

    Raises:
      KeyError, TypeError, ValueError: it takes something else than features and masks of these modalities.
    """
    (features, mask), _ = jax.tree.unflatten(artifact.in_tree, artifact.in_avals)

    def one(name: str, of_features: Any, of_mask: Any) -> dict[str, Any]:
        return {
            "features": {"modality": name, "dtype": str(of_features.dtype), "shape": format_shape(of_features.shape)},
            "mask": {
                "dtype": str(of_mask.dtype),
                "shape": format_shape(of_mask.shape),
                "meaning": "True where features are valid",
            },
        }

    if not isinstance(features, Mapping):
        (name,) = modalities
        return one(name, features, mask)
    if {*features} != {*modalities} or {*mask} != {*modalities}:
        raise ValueError(f"it takes {sorted(features)}")
    return {name: one(name, features[name], mask[name]) for name in modalities}


def format_shape(shape: tuple[Any, ...]) -> str:
    """`[b, t, 40]`."""
    return f"[{', '.join(map(str, shape))}]"


def write_export(
    folder: Path, artifact: bytes, leaves: Mapping[str, np.ndarray], description: Mapping[str, Any]
) -> dict[str, Any]:
    """Writes an export to `folder`, which is made where it is missing.

    All is written beside what is there and takes its place only when all is whole; what a killed process leaves of two
    exports is seen by its checksums.

    Returns:
      The description with its schema and checksums.

    Raises:
      OSError: the disk is full or not writable; an older export is as it was.
    """
    contents = {MODEL: artifact, PARAMS: run_folder.encode_npz(leaves)}
    # As it is read back: tuples have become lists, and numbers as keys text.
    described = json.loads(json.dumps({**description, "schema": SCHEMA}))
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    described["sha256"] = {**sums, DESCRIPTION: checkpoint.hash_json(described)}
    folder.mkdir(parents=True, exist_ok=True)
    contents[DESCRIPTION] = files.encode_json(described)
    files.write_together({folder / name: data for name, data in contents.items()})
    return described


def read_export(folder: Path) -> Exported:
    """The export in `folder`; nothing is run.

    Raises:
      UserError: a file is missing, cut, changed or of another export; another schema; an artifact that this jax cannot
        read, that takes other inputs than described, or that calls what is no arithmetic.
    """
    described = _check_description(folder)
    for name in (MODEL, PARAMS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} is missing; {_AGAIN}")
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != described["sha256"].get(name):
            raise UserError(
                f"{folder / name} is not the file that {DESCRIPTION} beside it was written with (it differs from its "
                f"checksum: damaged, or of another export); {_AGAIN}"
            )
    path = folder / MODEL
    try:
        artifact = jax_export.deserialize(bytearray(path.read_bytes()))
        called = list_calls(artifact.mlir_module())
    except Exception as error:  # flatbuffers, jax and MLIR raise many types for what they do not know
        wrote = described.get("provenance", {}).get("packages", {}).get("jax", "unknown")
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} cannot be read by jax {jax.__version__}, it was written by jax {wrote} "
            f"({type(error).__name__}: {reason}); {_AGAIN} and this jax"
        ) from error
    foreign = sorted(name for name in called if not _CALLS.fullmatch(name))
    if foreign:
        raise UserError(f"{path} calls {foreign[0]!r}, which no model of ours does and could be foreign code; {_AGAIN}")
    try:
        inputs, unit = described["inputs"], described["output"]["unit"]
        names = (inputs["features"]["modality"],) if "features" in inputs else tuple(inputs)
        takes = describe_inputs(artifact, names)
        same = takes == inputs and format_shape(artifact.out_avals[0].shape) == described["output"]["shape"]
        plain = {names[0]: takes} if "features" in inputs else takes
        shapes = {name: _sizes(of["features"]["shape"]) for name, of in plain.items()}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        same = False
    if not same:
        raise UserError(f"{path} does not take and give what {DESCRIPTION} beside it says; {_AGAIN}")
    return Exported(jax.jit(artifact.call), shapes, unit, described)


def list_calls(module: str) -> set[str]:
    """The names of what a module of StableHLO calls outside of itself."""
    return {next(filter(None, found)).strip('"') for found in _CALL.findall(module)}


def _check_description(folder: Path) -> dict[str, Any]:
    """description.json, of this schema and as it was written."""
    path = folder / DESCRIPTION
    try:
        data = path.read_bytes()
        described = json.loads(data)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; give a folder that launch.export has written") from None
    except ValueError as error:
        raise UserError(f"{path} is damaged (it is no JSON: {' '.join(str(error).split())}); {_AGAIN}") from error
    schema = described.get("schema") if isinstance(described, dict) else None
    if schema != SCHEMA:
        raise UserError(f"{path} is of schema {schema!r}, this version of affect_jax reads {SCHEMA}; {_AGAIN}")
    sums = described.get("sha256")
    said = {key: value for key, value in described.items() if key != "sha256"}
    whole = data == files.encode_json(described) and isinstance(sums, dict)
    if not whole or sums.get(DESCRIPTION) != checkpoint.hash_json(said):
        raise UserError(f"{path} is damaged (it differs from its own checksum); {_AGAIN}")
    return described


def _sizes(shape: str) -> tuple[int | str, ...]:
    """`[b, t, 40]` -> ('b', 't', 40)."""
    return tuple(int(size) if size.isdigit() else size for size in shape[1:-1].split(", "))
