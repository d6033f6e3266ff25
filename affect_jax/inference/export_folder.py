"""An export on disk: a folder of three files, whose checksums say that they are whole and belong together.

model.jax          a jax.export artifact, (features, mask) -> prediction; it needs jax alone
params.npz         the parameters by name
description.json   inputs, output, origin; `schema`; `sha256` of the other two files and of itself
"""

import hashlib
import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import export as jax_export

from affect_jax.errors import UserError
from affect_jax.inference.export_description import check_description
from affect_jax.runtime import files, run_folder
from affect_jax.runtime.typed_json import Mismatch

SCHEMA = 3
"""Version of description.json. The first exports have none, and no checksums; those of 2 do not say how their inputs
were made."""

MODEL, PARAMS, DESCRIPTION = "model.jax", "params.npz", "description.json"
_AGAIN = "export it again from the run folder with launch.export"

# What a program of ours may call beside arithmetic; `mhlo` has functions like erf. Anything else is refused, because a
# callback, for example, would run code that somebody else's file chose.
_CALLS = re.compile(r"Sharding|shape_assertion|mhlo\.\w+")
_CALL = re.compile(r"custom_call\s+@(\"[^\"]*\"|[\w.$-]+)|call_target_name\s*=\s*(\"[^\"]*\")")


class Exported(NamedTuple):
    """An export in memory.

    Attributes:
      call: (features, mask) -> prediction, as `deployment.predict_deployed`.
      shapes: modality -> shape of its features: numbers, or the names of free sizes, e.g. ('b', 't', 40).
      unit: 'item' where a whole sequence has one prediction, else 'step'.
      description: description.json.
      disagree: (features, mask) -> how far the members of an ensemble disagree; None of one trial.
    """

    call: Callable[..., jax.Array]
    shapes: dict[str, tuple[int | str, ...]]
    unit: str
    description: dict[str, Any]
    disagree: Callable[..., jax.Array] | None = None

    @property
    def modality(self) -> str:
        """The only modality; the names joined by `+` where there are several."""
        return "+".join(self.shapes)

    @property
    def steps(self) -> int | None:
        """Length of the first modality; None where it is free or there is none."""
        _, *steps, _ = next(iter(self.shapes.values()))
        return steps[0] if steps and isinstance(steps[0], int) else None


def is_export(folder: Path) -> bool:
    """Whether a folder is an export, whole or damaged."""
    return (folder / DESCRIPTION).exists() or (folder / MODEL).exists()


def describe_inputs(artifact: jax_export.Exported, modalities: tuple[str, ...]) -> dict[str, Any]:
    """An artifact's inputs as description.json states them; modality -> inputs where there are several modalities.

    Raises:
      KeyError, TypeError, ValueError: its inputs are not features and masks of these modalities.
    """
    (features, mask), _ = jax.tree.unflatten(artifact.in_tree, artifact.in_avals)

    def describe_modality(name: str, of_features: Any, of_mask: Any) -> dict[str, Any]:
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
        return describe_modality(name, features, mask)
    if {*features} != {*modalities} or {*mask} != {*modalities}:
        raise ValueError(f"it takes {sorted(features)}")
    return {name: describe_modality(name, features[name], mask[name]) for name in modalities}


def format_shape(shape: tuple[Any, ...]) -> str:
    """`[b, t, 40]`."""
    return f"[{', '.join(map(str, shape))}]"


def write_export(
    folder: Path, artifact: bytes, leaves: Mapping[str, np.ndarray], description: Mapping[str, Any]
) -> dict[str, Any]:
    """Writes an export to `folder`, which is made where it is missing.

    The new files replace older ones only when all three are whole. Checksums reveal the mixture of two exports that a
    killed process can leave.

    Returns:
      The description with its schema and checksums.

    Raises:
      OSError: the disk is full or not writable; an older export is unchanged.
    """
    contents = {MODEL: artifact, PARAMS: run_folder.encode_npz(leaves)}
    # The checksum is of the description as it is read back, where tuples are lists and keys are text.
    described = json.loads(json.dumps({**description, "schema": SCHEMA}))
    sums = {name: hashlib.sha256(data).hexdigest() for name, data in contents.items()}
    described["sha256"] = {**sums, DESCRIPTION: files.hash_json(described)}
    folder.mkdir(parents=True, exist_ok=True)
    contents[DESCRIPTION] = files.encode_json(described)
    files.write_together({folder / name: data for name, data in contents.items()})
    return described


def read_export(folder: Path) -> Exported:
    """Reads the export in `folder` without running it.

    Raises:
      UserError: a file is missing, cut, changed or of another export, or has another schema; or this jax cannot read
        the artifact, its inputs are not those described, or it calls something else than arithmetic.
    """
    described = _read_description(folder)
    _check_files(folder, described)
    artifact = _read_artifact(folder, described)
    shapes = _check_shapes(folder, artifact, described)
    try:
        check_description(described, shapes, len(artifact.out_avals[0].shape))
    except Mismatch as error:
        raise UserError(f"{folder / DESCRIPTION} {error}; {_AGAIN}") from None
    unit = described["output"]["unit"]
    if len(artifact.out_avals) == 1:
        return Exported(jax.jit(artifact.call), shapes, unit, described)
    first, second = (jax.jit(lambda x, m, at=at: artifact.call(x, m)[at]) for at in (0, 1))
    return Exported(first, shapes, unit, described, second)


def _check_files(folder: Path, described: Mapping[str, Any]) -> None:
    """Refuses files that are not those that the description was written with."""
    for name in (MODEL, PARAMS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name} is missing; {_AGAIN}")
        if files.hash_file(folder / name) != described["sha256"].get(name):
            raise UserError(
                f"{folder / name} is not the file that {DESCRIPTION} beside it was written with (it differs from its "
                f"checksum: damaged, or of another export); {_AGAIN}"
            )


def _read_artifact(folder: Path, described: Mapping[str, Any]) -> jax_export.Exported:
    """The program, once it is known to call nothing but arithmetic."""
    path = folder / MODEL
    try:
        artifact = jax_export.deserialize(bytearray(path.read_bytes()))
        calls = list_calls(artifact.mlir_module())
    except Exception as error:  # flatbuffers, jax and MLIR raise many types for what they do not know
        version = described.get("provenance", {}).get("packages", {}).get("jax", "unknown")
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{path} cannot be read by jax {jax.__version__}, it was written by jax {version} "
            f"({type(error).__name__}: {reason}); {_AGAIN} and this jax"
        ) from error
    foreign = sorted(name for name in calls if not _CALLS.fullmatch(name))
    if foreign:
        raise UserError(f"{path} calls {foreign[0]!r}, which no model of ours does and could be foreign code; {_AGAIN}")
    return artifact


def _check_shapes(
    folder: Path, artifact: jax_export.Exported, described: Mapping[str, Any]
) -> dict[str, tuple[int | str, ...]]:
    """Modality -> shape of its features, where the artifact and its description agree."""
    try:
        inputs = described["inputs"]
        names = (inputs["features"]["modality"],) if "features" in inputs else tuple(inputs)
        actual = describe_inputs(artifact, names)
        output = described["output"]
        fits = actual == inputs and format_shape(artifact.out_avals[0].shape) == output["shape"] and "unit" in output
        fits = fits and len(artifact.out_avals) == (2 if described.get("members") else 1)
        by_modality = {names[0]: actual} if "features" in inputs else actual
        shapes = {name: _parse_shape(of["features"]["shape"]) for name, of in by_modality.items()}
        fits = fits and all(isinstance(name, str) and name for name in names)
    except (AttributeError, IndexError, KeyError, StopIteration, TypeError, ValueError):
        fits = False
    if not fits:
        raise UserError(f"{folder / MODEL} does not take and give what {DESCRIPTION} beside it says; {_AGAIN}")
    return shapes


def list_calls(module: str) -> set[str]:
    """The names of the functions outside of itself that a module of StableHLO calls."""
    return {next(filter(None, groups)).strip('"') for groups in _CALL.findall(module)}


def _read_description(folder: Path) -> dict[str, Any]:
    """description.json, checked for its schema and its own checksum."""
    path = folder / DESCRIPTION
    files.check_ordinary(path)
    try:
        data = path.read_bytes()
        described = json.loads(data)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; give a folder that launch.export has written") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is damaged (it is not JSON: {' '.join(str(error).split())}); {_AGAIN}") from error
    schema = described.get("schema") if isinstance(described, dict) else None
    if schema != SCHEMA:
        raise UserError(
            f"{path} has schema {schema!r}, and this version of affect_jax reads schema {SCHEMA}, which says how a "
            f"model's inputs are made; make it anew: {_suggest_command(folder, described)}"
        )
    sums = described.get("sha256")
    content = {key: value for key, value in described.items() if key != "sha256"}
    is_whole = data == files.encode_json(described) and isinstance(sums, dict)
    if not is_whole or sums.get(DESCRIPTION) != files.hash_json(content):
        raise UserError(f"{path} is damaged (it differs from its own checksum); {_AGAIN}")
    return described


def _suggest_command(folder: Path, described: Any) -> str:
    """The command that made an export, as far as it is known."""
    provenance = described.get("provenance") if isinstance(described, dict) else None
    command = provenance.get("command") if isinstance(provenance, dict) else None
    words = run_folder.split_command(command)[1:] if isinstance(command, str) else []
    if any(word.startswith("--run") for word in words):
        return f"python -m launch.export {shlex.join(words)}"
    run = folder.parent if (folder.parent / "results.json").is_file() else "RUN"
    return f"python -m launch.export {shlex.join([f'--run={run}', f'--out={folder}'])}"


def _parse_shape(shape: str) -> tuple[int | str, ...]:
    """`[b, t, 40]` -> ('b', 't', 40)."""
    return tuple(int(size) if size.isdigit() else size for size in shape[1:-1].split(", "))
