"""Predictions of an export for files of features."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from affect_jax.data.windows import cover_once
from affect_jax.datasets import array_files, feature_frames
from affect_jax.datasets.release_files import convert_to_float32
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.inference.export_folder import Exported


def predict_feature_file(exported: Exported, file: Path) -> tuple[tuple[str, ...], np.ndarray]:
    """Predicts one file.

    Args:
      exported: the model.
      file: of features, as docs/own_data.md describes them, not standardised; for a model of several modalities an npz,
        h5 or mat file with an array for each. A modality without an array is missing.

    Returns:
      The ids, [1] or [T]: the file's name for an item, else `name@0`, `name@1`, ... for its frames. And float32 of the
      same length; logits of classes have one more axis.

    Raises:
      UserError: the file is missing, damaged, or does not fit the model; or a prediction is not finite.
    """
    arrays = _read_modalities(exported, file)
    features, mask = {}, {}
    for name, shape in exported.shapes.items():
        features[name], mask[name] = _lay_out(arrays.get(name), shape, exported.unit, f"{name!r} in {file}")
    _check_lengths(exported, features, file)
    windows = exported.description.get("windows")
    if windows and len(next(iter(mask.values()))[0]) > windows["steps"]:
        values = _predict_in_windows(exported, features, **windows)
    else:
        values = _predict(exported, features, mask)
    if not np.isfinite(values).all():
        raise UserError(f"the model's predictions for {file} are not finite; export another trial")
    if exported.unit == "item":
        return (file.stem,), values
    first = next(iter(exported.shapes.values()))
    values = values[0] if len(first) == 3 else values
    return tuple(f"{file.stem}@{step}" for step in range(len(values))), values


def _predict(exported: Exported, features: dict[str, np.ndarray], mask: dict[str, np.ndarray]) -> np.ndarray:
    if len(exported.shapes) == 1:
        features, mask = features[exported.modality], mask[exported.modality]
    return np.asarray(exported.call(features, mask), np.float32)


def _predict_in_windows(exported: Exported, features: dict[str, np.ndarray], steps: int, hop: int) -> np.ndarray:
    """float32 [1, T] or [1, T, C] of features [1, T, D], read in the windows of the training run's evaluation."""
    length = next(iter(features.values())).shape[1]
    pieces = cover_once(length, steps, hop)
    at = np.array([start for start, *_ in pieces])[:, None] + np.arange(steps)[None, :]
    cut = {name: values[0][at] for name, values in features.items()}
    values = _predict(exported, cut, dict.fromkeys(cut, np.ones(at.shape, bool)))
    return np.concatenate([row[first:last] for row, (*_, first, last) in zip(values, pieces, strict=True)])[None]


def _read_modalities(exported: Exported, file: Path) -> dict[str, np.ndarray]:
    """Modality -> float32 [T, D], for the modalities that the file has."""
    if file.suffix.lower() not in feature_frames.SUFFIXES:
        raise UserError(
            f"{file} is not a file of features, and the model reads {exported.modality!r}, not recordings; "
            f"name files that end in {', '.join(feature_frames.SUFFIXES)}"
        )
    if len(exported.shapes) == 1:
        return {exported.modality: _read_table(file, exported.shapes[exported.modality][-1])}
    if file.suffix.lower() not in array_files.SUFFIXES[1:]:
        raise UserError(
            f"{file} has one table, but the model takes {sorted(exported.shapes)}; write an npz with an array for each"
        )
    arrays = array_files.read_arrays(file)
    for name, values in arrays.items():
        if name not in exported.shapes:
            raise UserError(
                f"{file} has {name!r}{suggest_nearest(name, exported.shapes)}; it takes {sorted(exported.shapes)}"
            )
        if values.ndim not in (1, 2) or not values.size:
            raise UserError(
                f"{name!r} in {file} is {values.dtype} {list(values.shape)}, expected numbers [frames, columns] or "
                "[columns]; leave it out if it is missing"
            )
    if not arrays:
        raise UserError(f"{file} has no array; give at least one of {sorted(exported.shapes)}")
    return {name: convert_to_float32(np.atleast_2d(values)) for name, values in arrays.items()}


def _read_table(file: Path, width: int) -> np.ndarray:
    """float32 [T, D] of a file; where it is too wide, without the columns that only count rows, as in training."""
    frames = feature_frames.read_features(file)
    if frames.names and frames.values.shape[1] != width:
        reduced = feature_frames.drop_columns(frames, frames.counters)
        frames = reduced if reduced.values.shape[1] == width else frames
    return frames.values


def _lay_out(
    values: np.ndarray | None, shape: tuple[int | str, ...], unit: str, where: str
) -> tuple[np.ndarray, np.ndarray]:
    """A modality's features and mask as the artifact takes them; a missing one is zeros under a mask of False."""
    width, is_frame = shape[-1], len(shape) == 2
    steps = shape[1] if not is_frame and isinstance(shape[1], int) else 0
    if values is None:
        size = (1, width) if is_frame else (1, steps or 1, width)
        return np.zeros(size, np.float32), np.zeros(size[:-1], bool)
    if values.shape[1] != width:
        raise UserError(f"{where} has {values.shape[1]} columns, the model takes {width}; give what it was trained on")
    count = int((~np.isfinite(values)).sum())
    if count:
        raise UserError(f"{where} has {count} values that are not finite; mend them or leave the file out")
    if is_frame:
        if unit == "item" and len(values) != 1:
            raise UserError(f"{where} has {len(values)} frames, the model takes one an item; split it into files")
        return values, np.ones(len(values), bool)
    # Training cuts longer items to the same length.
    values = values[: steps or None]
    padded = np.zeros((1, steps or len(values), width), np.float32)
    padded[0, : len(values)] = values
    return padded, np.arange(padded.shape[1])[None] < len(values)


def _check_lengths(exported: Exported, features: Mapping[str, np.ndarray], file: Path) -> None:
    if exported.unit == "step":
        lengths = {name: values.shape[:-1] for name, values in features.items()}
        if len(set(lengths.values())) > 1:
            counts = ", ".join(f"{shape[-1]} of {name!r}" for name, shape in lengths.items())
            raise UserError(f"{file} has {counts} frames, expected as many of each; give modalities of one rate")
