"""Folds as index arrays: which examples a run trains on and which it selects by. Never the test part."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import struct

from affect_jax.data.corpus import Corpus, Index
from affect_jax.data.normalize import compute_moments, merge_moments
from affect_jax.data.streaming import Source, summarize_features
from affect_jax.errors import UserError
from affect_jax.types import Array


@struct.dataclass
class Folds:
    """K folds of one development corpus; a trial of a study holds a fold's number.

    Attributes:
      train: int32 [K, n], example numbers, -1 for padding at the end.
      validation: int32 [K, v], likewise.
      mean: modality -> float32 [K, D], over the fold's training frames.
      scale: modality -> float32 [K, D].
    """

    train: Array
    validation: Array
    mean: dict[str, Array]
    scale: dict[str, Array]


class FoldMembers(NamedTuple):
    """One fold by recording id."""

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...] = ()
    """Of a cross-validation; `build` only looks that it is apart from the other two."""


def _pad(trials: Sequence[np.ndarray]) -> np.ndarray:
    width = max(len(trial) for trial in trials)
    return np.stack([np.pad(trial, (0, width - len(trial)), constant_values=-1) for trial in trials]).astype(np.int32)


def _examples(index: Index, names: Sequence[str]) -> np.ndarray:
    """Numbers of the examples that show these recordings once."""
    number = {name: r for r, name in enumerate(index.recordings)}
    return np.flatnonzero(index.evaluation & np.isin(index.recording_of, [number[name] for name in names]))


def index_test_examples(index: Index, splits: Sequence[FoldMembers]) -> np.ndarray:
    """int32 [K, n] numbers of each fold's test examples, -1 for padding: of a cross-validation, kept from the fit."""
    return _pad([_examples(index, split.test) for split in splits])


def build_folds(
    corpus: Corpus | Source, index: Index, splits: Sequence[FoldMembers], standardize: Mapping[str, bool]
) -> Folds:
    """Turns named splits into index arrays and training-part statistics.

    Args:
      corpus: the development corpus.
      index: its index.
      splits: the folds.
      standardize: modality -> whether its features are standardised.

    Raises:
      UserError: an empty side, an unknown or unlabelled recording, or a group (speaker, video) on two sides.
    """
    number = {name: r for r, name in enumerate(index.recordings)}
    train, validation = [], []
    mean = {m: [] for m in corpus.inputs}
    scale = {m: [] for m in corpus.inputs}
    for split in splits:
        sides = {"training": split.train, "validation": split.validation, "test": split.test}
        for side, names in sides.items():
            if not names and side != "test":
                raise UserError(f"fold {split.name!r} has no {side} recordings; give it at least one")
            unknown = [name for name in names if name not in number]
            if unknown:
                raise UserError(f"fold {split.name!r} names {side} recording {unknown[0]!r}, which the corpus lacks")
            bare = [name for name in names if not index.labelled[number[name]]]
            if bare:
                raise UserError(f"fold {split.name!r} uses recording {bare[0]!r}, which has no labels")
        for one, other in itertools.combinations(sides, 2):
            shared = {index.groups[number[n]] for n in sides[one]} & {index.groups[number[n]] for n in sides[other]}
            if shared:
                raise UserError(f"fold {split.name!r} has group {min(shared)!r} in both {one} and {other}")
        train_recordings = np.array([number[n] for n in split.train])
        train.append(np.flatnonzero(index.training & np.isin(index.recording_of, train_recordings)))
        validation.append(_examples(index, split.validation))
        for modality, stream in corpus.inputs.items():
            first = index.input_offsets[modality]
            if not (first[train_recordings + 1] > first[train_recordings]).any():
                raise UserError(
                    f"fold {split.name!r} has no training recording with the modality {modality!r}; leave it out of"
                    " config.data.modalities"
                )
            if stream.gain is not None:  # a waveform, which has a gain a clip instead
                m, s = np.zeros(1, np.float32), np.ones(1, np.float32)
            elif isinstance(corpus, Source):
                m, s = merge_moments(
                    summarize_features(corpus, modality, train_recordings), active=standardize[modality]
                )
            else:
                frames = np.concatenate([np.arange(first[r], first[r + 1]) for r in train_recordings])
                m, s = compute_moments(np.asarray(stream.values)[frames], active=standardize[modality])
            mean[modality].append(m)
            scale[modality].append(s)
    return Folds(
        train=jnp.asarray(_pad(train)),
        validation=jnp.asarray(_pad(validation)),
        mean={m: jnp.asarray(np.stack(v)) for m, v in mean.items()},
        scale={m: jnp.asarray(np.stack(v)) for m, v in scale.items()},
    )
