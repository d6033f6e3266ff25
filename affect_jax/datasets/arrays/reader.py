"""Settings of arrays -> `Recordings`, and what the files hold."""

import collections
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets import build, release_files
from affect_jax.datasets.arrays.corpus import ArrayCorpus, read_corpus
from affect_jax.datasets.arrays.settings import Settings
from affect_jax.datasets.arrays.synthetic import VERSION, synthesize
from affect_jax.datasets.manifest import layouts
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.reader import Column
from affect_jax.datasets.manifest.split_plan import assemble_corpus
from affect_jax.datasets.missing_values import MissingValues, replace_missing_values
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError


class Label(NamedTuple):
    """A label.

    Attributes:
      name: of its field, and of the column where that has several.
      kind: 'class' or 'number'.
      classes: names of classes 0, 1, ...; () for numbers.
      per_step: False, as each item has one label.
      is_sentiment: whether its numbers are sentiments from -3 to 3, see `affect_jax.metrics.sentiment`.
    """

    name: str
    kind: str
    classes: tuple[str, ...]
    per_step: bool
    is_sentiment: bool


class Description(NamedTuple):
    """What files of arrays hold.

    Attributes:
      modalities: name -> its width and longest item, as `load` gives it in this layout.
      labels: name -> label.
      split_column: 'split', or '' where the files have none.
      items: how many.
      groups: how many.
      remarks: what people should know, a sentence each.
      steps: of each recording that `load` gives: labels of an utterance, or utterances of a video.
      rate: steps a second, which nothing tells.
    """

    modalities: dict[str, Column]
    labels: dict[str, Label]
    split_column: str
    items: int
    groups: int
    remarks: tuple[str, ...]
    steps: tuple[int, ...]
    rate: float = 0.0


class _Checked(NamedTuple):
    settings: Settings
    corpus: ArrayCorpus
    is_synthetic: bool


def describe(corpus: Mapping[str, Any]) -> Description:
    """What the files hold, after all checks and without building anything.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a wrong setting, or the first thing that is wrong in the files.
    """
    settings, arrays, _ = _check(corpus)
    ordered = {arrays.target: arrays.labels[arrays.target], **arrays.labels}
    return Description(
        modalities={name: _describe_column(name, settings, arrays) for name in arrays.modalities},
        labels={name: _describe_label(label) for name, label in ordered.items()},
        split_column="split" if "train" in {place.split for place in arrays.places.values()} else "",
        items=len(arrays.rows),
        groups=len({row.group for row in arrays.rows}),
        remarks=arrays.remarks,
        steps=tuple(collections.Counter(row.group for row in arrays.rows).values())
        if settings.layout == "group"
        else (1,) * len(arrays.rows),
    )


def list_remarks(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What people should know of the corpus, a sentence each.

    Raises:
      UserError: as `describe`.
    """
    return _check(corpus).corpus.remarks


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    In the layout `item` a recording is one item with one label; a modality of which it has rows of zeros only is not in
    its features. In `group` a recording is a video, its items are the steps, and features are means over time (and
    standard deviations); what an item lacks is zeros. The only target has its label's name.

    Raises:
      UserError: as `describe`.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns, and how many values were missing in the features."""
    # Imported here because it imports TensorFlow Datasets, which takes .6 s.
    from affect_jax.datasets.arrays.builder import build_features

    settings, arrays, is_synthetic = _check(corpus)
    data_dir = release_files.resolve_data_dir(settings.data_dir)
    features = build_features(arrays, settings, data_dir)
    places = {row.id: arrays.places[row.number] for row in arrays.rows}

    def locate(recording: Recording, modality: str, step: int, column: int) -> str:
        split, item = places[recording.id]
        one = arrays.modalities[modality][split]
        return f"{one.field.file} {one.field.place} item {item} step {one.spans.start[item] + step} column {column}"

    items = [Recording(row.id, row.group, (), features[row.number], {}) for row in arrays.rows]
    replaced, missing = replace_missing_values({"items": items}, settings.nonfinite, locate)
    features = {row.number: item.features for row, item in zip(arrays.rows, replaced["items"], strict=True)}
    if settings.layout == "group":
        features = _fill_absent(features, arrays)
    target = arrays.labels[arrays.target]
    recordings, names = layouts.arrange_recordings(arrays.rows, features, target, settings.layout)
    assembled = assemble_corpus(arrays.plan, recordings, names, target, corpus="arrays", synthetic=is_synthetic)
    return assembled, missing


def _check(corpus: Mapping[str, Any]) -> _Checked:
    settings = resolve_settings(corpus, Settings)
    if settings.path:
        path = settings.path
    else:
        sizes = dataclasses.asdict(settings.synthetic)
        data_dir = release_files.resolve_data_dir(settings.data_dir)
        path = str(build.make_synthetic_folder("arrays", VERSION, sizes, data_dir, synthesize))
    arrays = read_corpus(settings, path)
    if settings.nonfinite == "refuse" and arrays.not_finite:
        modality, (count, first) = next(iter(arrays.not_finite.items()))
        raise UserError(
            f"{path} has {count} NaN or infinite values of {modality!r}, the first in {first}; correct the file, or set"
            " config.corpus.nonfinite to 'zero' or 'mean'"
        )
    is_synthetic = any((file.parent / release_files.MARKER).is_file() for file in arrays.files)
    return _Checked(settings, arrays, is_synthetic)


def _describe_column(name: str, settings: Settings, arrays: ArrayCorpus) -> Column:
    parts = arrays.modalities[name].values()
    width = next(iter(parts)).width
    longest = max(1, *(int(part.spans.lengths.max(initial=0)) for part in parts))
    if settings.layout == "group":
        # Means over time, and standard deviations behind them where any item has several steps.
        width *= 2 if longest > 1 else 1
        longest = max(collections.Counter(row.group for row in arrays.rows).values())
    return Column(name, "features", width, longest)


def _describe_label(label: Labels) -> Label:
    """Its numbers are sentiments where they lie in -3 to 3, to both sides of 0, and beyond 1 or under MMSA's name."""
    is_sentiment = False
    if label.kind == "number":
        values = np.concatenate(list(label.values.values()))
        least, most = values.min(), values.max()
        is_named = label.name.startswith("regression_labels") or "sentiment" in label.name.lower()
        is_sentiment = bool(-3 <= least < 0 < most <= 3 and (is_named or least < -1 < 1 < most))
    return Label(label.name, label.kind, label.classes, False, is_sentiment)


def _fill_absent(features: dict[int, dict[str, np.ndarray]], arrays: ArrayCorpus) -> dict[int, dict[str, np.ndarray]]:
    """The features with one row of zeros, as in the file, for what an item lacks."""
    absent = {m: np.zeros((1, next(iter(s.values())).width), np.float32) for m, s in arrays.modalities.items()}
    return {number: {m: one.get(m, zeros) for m, zeros in absent.items()} for number, one in features.items()}


def list_contents(corpus: Mapping[str, Any]) -> Iterator[str]:
    """Lines about items, modalities and labels, for people who prepare the corpus; all is checked.

    Raises:
      UserError: as `describe`.
    """
    settings, arrays, _ = _check(corpus)
    groups = len({row.group for row in arrays.rows})
    yield f"arrays       {arrays.path}: {len(arrays.rows)} items of {groups} groups"
    for name, parts in arrays.modalities.items():
        lengths = np.concatenate([part.spans.lengths for part in parts.values()])
        shapes = ", ".join(f"{split or 'all'} {list(part.field.shape)}" for split, part in parts.items())
        trimmed = f"steps {lengths.min()} to {lengths.max()}, mean {lengths.mean():.1f}"
        yield f"{name:<12} {shapes}; {next(iter(parts.values())).width} columns, {trimmed}"
    for name, label in arrays.labels.items():
        kind = f"classes {', '.join(label.classes)}" if label.classes else "numbers"
        learned = " (learned)" if name == arrays.target else ""
        yield f"{'label':<12} {name}: {kind}{learned}"
    yield f"{'layout':<12} {settings.layout}; padding {settings.padding}; not finite: {settings.nonfinite}"
