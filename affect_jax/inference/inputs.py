"""People's files as a model's inputs: recordings, files of features, or a csv that lists them."""

import collections
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets import array_files, feature_frames
from affect_jax.datasets.manifest import frame_files, unlabelled
from affect_jax.datasets.recordings import Recording
from affect_jax.datasets.release_files import convert_to_float32
from affect_jax.errors import UserError, join_words, suggest_nearest
from affect_jax.inference.predictor import Predictor
from affect_jax.runtime.files import spell_path


class Request(NamedTuple):
    """Something to predict.

    Attributes:
      name: how messages call it.
      read: makes its features.
    """

    name: str
    read: Callable[[], Recording]


class Requests(NamedTuple):
    """All that is asked of a model in one call.

    Attributes:
      items: in the order of the files, and of the rows of a list.
      remarks: what is odd about the lists among the files.
    """

    items: tuple[Request, ...]
    remarks: tuple[str, ...]


def collect_requests(predictor: Predictor, paths: Sequence[Path]) -> Requests:
    """What files ask for; none of them is read yet but lists.

    Raises:
      UserError: a list is not one that the model can read.
    """
    items: list[Request] = []
    remarks: list[str] = []
    form = predictor.form
    readers = frame_files.make_readers(form.options, hold=True) if form else None
    names = _name_items(paths)
    for path in paths:
        if form and unlabelled.is_listing(path, form):
            listing = unlabelled.read_listing(path, form)
            remarks += [f"{path}: {remark}" for remark in listing.remarks]
            for rows in listing.requests:
                read = functools.partial(unlabelled.make_recording, rows, form, readers, listing.finder)
                items.append(Request(f"{path} row {rows[0].number}", read))
        else:
            read = functools.partial(_read_file, predictor, path, names[path], readers)
            items.append(Request(str(path), read))
    return Requests(tuple(items), tuple(remarks))


def _name_items(paths: Sequence[Path]) -> dict[Path, str]:
    """Names without folder and suffix; of files that share one, the paths as they were given."""
    stems = collections.Counter(path.stem for path in dict.fromkeys(paths))
    return {path: spell_path(path.stem if stems[path.stem] == 1 else path) for path in paths}


def _read_file(predictor: Predictor, path: Path, name: str, readers: frame_files.Readers | None) -> Recording:
    """The features of one file."""
    form, several = predictor.form, len(predictor.shapes) > 1
    if not path.is_file():
        raise UserError(f"{path} {'is not a file' if path.exists() else 'is missing'}; name a file that is there")
    takes_tables = form is None or not (several or set(form.heard) == set(form.modalities))
    if path.suffix.lower() in unlabelled.LISTS and not takes_tables:
        raise unlabelled.refuse_table(path, form)
    if form and form.layout != "group" and (frame_files.is_sound(path) or not several):
        rows = unlabelled.request_file(path, _choose_modality(predictor, path))
        return unlabelled.make_recording([rows[0]._replace(id=name, group=name)], form, readers)
    if frame_files.is_sound(path):
        raise UserError(_refuse_sound(predictor, path))
    features = _read_modalities(predictor, path)
    for modality, values in features.items():
        _check_features(values, predictor.shapes[modality][-1], f"{modality!r} in {path}")
    if predictor.unit == "item":
        return Recording(name, name, (name,), features, {})
    lengths = {modality: len(values) for modality, values in features.items()}
    absent = [modality for modality in predictor.shapes if modality not in features]
    if len(set(lengths.values())) > 1 or absent:
        counts = ", ".join([f"{count} of {m!r}" for m, count in lengths.items()] + [f"0 of {m!r}" for m in absent])
        raise UserError(f"{path} has {counts} frames, expected as many of each; give modalities of one rate")
    steps = tuple(f"{name}@{t}" for t in range(next(iter(lengths.values()))))
    return Recording(name, name, steps, features, {})


def _choose_modality(predictor: Predictor, path: Path) -> str:
    """Which modality a single file is of."""
    names = [*predictor.shapes] if len(predictor.shapes) == 1 else [*predictor.form.heard]
    if len(names) != 1:
        raise UserError(
            f"{path} is a recording, but the model reads {', '.join(map(repr, predictor.shapes))}, "
            f"{f'of which {len(names)} are recordings' if names else 'none of which is a recording'}; "
            f"{_advise_list(predictor)}"
        )
    return names[0]


def _advise_list(predictor: Predictor) -> str:
    group = "group," if predictor.form and predictor.form.layout == "group" else ""
    return f"list the files in a csv with the columns id,{group}{','.join(predictor.shapes)}, and name that"


def _refuse_sound(predictor: Predictor, path: Path) -> str:
    if predictor.form is None:
        return (
            f"{path} is not a file of features, and how the inputs {', '.join(map(repr, predictor.shapes))} were made "
            "is not recorded with this model (it is of a release, of arrays, or of an older version); name files that "
            f"end in {', '.join(feature_frames.SUFFIXES)}, or train on a manifest again"
        )
    return (
        f"{path} is a single recording, but the steps of this model are the items of a group; {_advise_list(predictor)}"
    )


def _read_modalities(predictor: Predictor, path: Path) -> dict[str, np.ndarray]:
    """Modality -> float32 [T, D], for the modalities that a file of features has."""
    if path.suffix.lower() not in feature_frames.SUFFIXES:
        raise UserError(
            f"{path} is not a file of features, and the model reads {predictor.modality!r}; "
            f"name files that end in {', '.join(feature_frames.SUFFIXES)}"
        )
    if len(predictor.shapes) == 1:
        return {predictor.modality: _read_table(path, predictor.shapes[predictor.modality][-1])}
    if path.suffix.lower() not in array_files.SUFFIXES[1:]:
        raise UserError(
            f"{path} has one table, but the model takes {join_words(sorted(predictor.shapes))}; write an npz with an "
            "array for "
            f"each, or {_advise_list(predictor)}"
        )
    arrays = array_files.read_arrays(path)
    for name, values in arrays.items():
        if name not in predictor.shapes:
            raise UserError(
                f"{path} has {name!r}{suggest_nearest(name, predictor.shapes)}; it takes "
                f"{join_words(sorted(predictor.shapes))}"
            )
        if values.ndim not in (1, 2) or not values.size:
            raise UserError(
                f"{name!r} in {path} is {values.dtype} {list(values.shape)}, expected numbers [frames, columns] or "
                "[columns]; leave it out if it is missing"
            )
    if not arrays:
        raise UserError(f"{path} has no array; give at least one of {join_words(sorted(predictor.shapes))}")
    return {name: convert_to_float32(np.atleast_2d(values)) for name, values in arrays.items()}


def _read_table(path: Path, width: int) -> np.ndarray:
    """float32 [T, D] of a file; where it is too wide, without the columns that only count rows, as in training."""
    frames = feature_frames.read_features(path)
    if frames.names and frames.values.shape[1] != width:
        reduced = feature_frames.drop_columns(frames, frames.counters)
        frames = reduced if reduced.values.shape[1] == width else frames
    return frames.values


def _check_features(values: np.ndarray, width: int, where: str) -> None:
    if values.shape[1] != width:
        raise UserError(f"{where} has {values.shape[1]} columns, the model takes {width}; give what it was trained on")
    count = int((~np.isfinite(values)).sum())
    if count:
        raise UserError(f"{where} has {count} values that are not finite; mend them or leave the file out")
