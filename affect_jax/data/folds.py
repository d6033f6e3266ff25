"""Folds as index arrays: which examples a trial trains on and which it selects by, never those of the test split."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import struct

from affect_jax.data.buckets import Bucket
from affect_jax.data.corpus import Corpus, Index
from affect_jax.data.normalize import compute_moments, merge_moments
from affect_jax.data.streaming import Source, summarize_features
from affect_jax.errors import UserError
from affect_jax.types import Array, Params


class Moments(NamedTuple):
    """Standardisation of one fold: modality -> float32 [D], subtracted and then divided by."""

    mean: dict[str, Array]
    scale: dict[str, Array]


@struct.dataclass
class Folds:
    """K folds of one development corpus; a trial of a study holds a fold's number.

    Attributes:
      train: int32 [K, n], example numbers, -1 for padding at the end, or at the end of each bucket.
      validation: int32 [K, v], likewise.
      mean: modality -> float32 [K, D], over the fold's training frames.
      scale: modality -> float32 [K, D].
      train_buckets: which columns of `train` are padded to which lengths; () where all are to the longest.
      validation_buckets: likewise of `validation`.
    """

    train: Array
    validation: Array
    mean: dict[str, Array]
    scale: dict[str, Array]
    train_buckets: tuple[Bucket, ...] = struct.field(pytree_node=False, default=())
    validation_buckets: tuple[Bucket, ...] = struct.field(pytree_node=False, default=())

    def select_moments(self, fold: Array | int) -> Moments:
        """The standardisation of fold number `fold`."""
        return Moments({m: x[fold] for m, x in self.mean.items()}, {m: x[fold] for m, x in self.scale.items()})


class FoldedCorpus(NamedTuple):
    """What all trials of a study share.

    Attributes:
      corpus: of the development recordings, resident or streamed.
      folds: of it.
      shared: submodules of which no trial has a copy of its own (`Model.shared`), no trial axis; {} for most models.
    """

    corpus: Corpus | Source
    folds: Folds
    shared: Params = {}


class FoldMembers(NamedTuple):
    """One fold by recording id.

    Attributes:
      name: of the fold.
      train: recordings to train on.
      validation: recordings to select by.
      test: recordings that a cross-validation scores; () where the release has a test split of its own. `build_folds`
        only checks that they share no group with the other two.
    """

    name: str
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test: tuple[str, ...] = ()


def _pad(rows: Sequence[np.ndarray]) -> np.ndarray:
    """int32 [K, longest], -1 behind the shorter ones."""
    width = max(len(row) for row in rows)
    return np.stack([np.pad(row, (0, width - len(row)), constant_values=-1) for row in rows]).astype(np.int32)


def _list_evaluation_examples(index: Index, names: Sequence[str]) -> np.ndarray:
    """Numbers of the examples that show every frame of these recordings once."""
    number = {name: r for r, name in enumerate(index.recordings)}
    return np.flatnonzero(index.evaluation & np.isin(index.recording_of, [number[name] for name in names]))


def index_test_examples(index: Index, folds: Sequence[FoldMembers]) -> np.ndarray:
    """int32 [K, n] numbers of each fold's test examples in a cross-validation, -1 for padding."""
    return _pad([_list_evaluation_examples(index, fold.test) for fold in folds])


def build_folds(
    corpus: Corpus | Source, index: Index, members: Sequence[FoldMembers], standardize: Mapping[str, bool]
) -> Folds:
    """Turns named folds into index arrays, and computes each fold's standardisation from its training split.

    Args:
      corpus: the development corpus.
      index: its index.
      members: the folds.
      standardize: modality -> whether its features are standardised.

    Raises:
      UserError: an empty split, an unknown or unlabelled recording, a group (speaker, video) in two splits, or a
        modality that no training recording has.
    """
    number = {name: r for r, name in enumerate(index.recordings)}
    train, validation, moments = [], [], []
    for fold in members:
        _check_fold(fold, index, number)
        recordings = np.array([number[name] for name in fold.train])
        train.append(np.flatnonzero(index.training & np.isin(index.recording_of, recordings)))
        validation.append(_list_evaluation_examples(index, fold.validation))
        moments.append(
            {m: _compute_fold_moments(corpus, index, m, fold.name, recordings, standardize[m]) for m in corpus.inputs}
        )
    return Folds(
        train=jnp.asarray(_pad(train)),
        validation=jnp.asarray(_pad(validation)),
        mean={m: jnp.asarray(np.stack([of_fold[m][0] for of_fold in moments])) for m in corpus.inputs},
        scale={m: jnp.asarray(np.stack([of_fold[m][1] for of_fold in moments])) for m in corpus.inputs},
    )


def _check_fold(fold: FoldMembers, index: Index, number: Mapping[str, int]) -> None:
    """Raises UserError where recordings of a fold are missing, unlabelled, or related across its splits."""
    splits = {"training": fold.train, "validation": fold.validation, "test": fold.test}
    for split, names in splits.items():
        if not names and split != "test":
            raise UserError(f"fold {fold.name!r} has no {split} recordings; give it at least one")
        unknown = [name for name in names if name not in number]
        if unknown:
            raise UserError(f"fold {fold.name!r} names {split} recording {unknown[0]!r}, which the corpus lacks")
        unlabelled = [name for name in names if not index.labelled[number[name]]]
        # What has no label is trained on where others have one: some losses need none.
        if len(unlabelled) > (len(names) - 1 if split == "training" else 0):
            raise UserError(f"fold {fold.name!r} uses recording {unlabelled[0]!r}, which has no labels")
    # A speaker or video in two splits would let a model score by recognising it.
    for one, other in itertools.combinations(splits, 2):
        shared = {index.groups[number[n]] for n in splits[one]} & {index.groups[number[n]] for n in splits[other]}
        if shared:
            raise UserError(f"fold {fold.name!r} has group {min(shared)!r} in both {one} and {other}")


def _compute_fold_moments(
    corpus: Corpus | Source, index: Index, modality: str, fold: str, recordings: np.ndarray, active: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(mean, scale) of a modality over a fold's training recordings (numbers)."""
    first = index.input_offsets[modality]
    if not (first[recordings + 1] > first[recordings]).any():
        raise UserError(
            f"fold {fold!r} has no training recording with the modality {modality!r}; leave it out of "
            "config.data.modalities"
        )
    stream = corpus.inputs[modality]
    if stream.gain is not None:
        # A waveform: each clip is scaled by its own gain, so that the level of the recording does not matter.
        return np.zeros(1, np.float32), np.ones(1, np.float32)
    if isinstance(corpus, Source):
        # The frames stay in their files; what is known of each recording is enough.
        return merge_moments(summarize_features(corpus, modality, recordings), active=active)
    frames = np.concatenate([np.arange(first[r], first[r + 1]) for r in recordings])
    return compute_moments(np.asarray(stream.values)[frames], active=active)
