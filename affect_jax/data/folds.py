"""Folds as index arrays: which examples a run trains on and which it selects by. Never the test part."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import struct

from affect_jax.data.corpus import Corpus, Index
from affect_jax.data.normalize import moments
from affect_jax.errors import UserError
from affect_jax.types import Array


@struct.dataclass
class Folds:
    """K folds of one development corpus; a row of a study holds a fold's number.

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


class Split(NamedTuple):
    """One fold by recording id."""

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]


def _pad(rows: Sequence[np.ndarray]) -> np.ndarray:
    width = max(len(row) for row in rows)
    return np.stack([np.pad(row, (0, width - len(row)), constant_values=-1) for row in rows]).astype(np.int32)


def build(corpus: Corpus, index: Index, splits: Sequence[Split], standardize: Mapping[str, bool]) -> Folds:
    """Turns named splits into index arrays and training-part statistics.

    Args:
      corpus: the development corpus.
      index: its index.
      splits: the folds.
      standardize: modality -> whether its features are standardised.

    Raises:
      UserError: an empty side, an unknown or unlabelled recording, or a group (speaker, video) on both sides.
    """
    number = {name: r for r, name in enumerate(index.recordings)}
    train, validation = [], []
    mean = {m: [] for m in corpus.inputs}
    scale = {m: [] for m in corpus.inputs}
    for split in splits:
        for side, names in (("training", split.train), ("validation", split.validation)):
            if not names:
                raise UserError(f"fold {split.name!r} has no {side} recordings; give it at least one")
            unknown = [name for name in names if name not in number]
            if unknown:
                raise UserError(f"fold {split.name!r} names {side} recording {unknown[0]!r}, which the corpus lacks")
            bare = [name for name in names if not index.labelled[number[name]]]
            if bare:
                raise UserError(f"fold {split.name!r} uses recording {bare[0]!r}, which has no labels")
        shared = {index.groups[number[n]] for n in split.train} & {index.groups[number[n]] for n in split.validation}
        if shared:
            raise UserError(f"fold {split.name!r} has group {min(shared)!r} in both training and validation")
        train_recordings = np.array([number[n] for n in split.train])
        validation_recordings = np.array([number[n] for n in split.validation])
        train.append(np.flatnonzero(index.training & np.isin(index.recording_of, train_recordings)))
        validation.append(np.flatnonzero(index.evaluation & np.isin(index.recording_of, validation_recordings)))
        frames = np.concatenate([np.arange(index.offsets[r], index.offsets[r + 1]) for r in train_recordings])
        for modality, stream in corpus.inputs.items():
            m, s = moments(np.asarray(stream.values)[frames], active=standardize[modality])
            mean[modality].append(m)
            scale[modality].append(s)
    return Folds(
        train=jnp.asarray(_pad(train)),
        validation=jnp.asarray(_pad(validation)),
        mean={m: jnp.asarray(np.stack(v)) for m, v in mean.items()},
        scale={m: jnp.asarray(np.stack(v)) for m, v in scale.items()},
    )
