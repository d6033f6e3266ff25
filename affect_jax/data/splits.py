"""The splits of a corpus as a run uses them: on the device, and on the host with the gold standard's own clock."""

import contextlib
import importlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.config.schema import Corpus, Data
from affect_jax.data import avec, streaming
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.data.average import average_steps
from affect_jax.data.normalize import standardize_within
from affect_jax.datasets import build
from affect_jax.datasets.recordings import Fold, Recording, Recordings
from affect_jax.errors import UserError, join_words, suggest_nearest


class Split(NamedTuple):
    """One split of a corpus: on the device, or to be streamed to it, and what the host knows of it."""

    corpus: corpora.Corpus | streaming.Source
    index: corpora.Index
    target: np.ndarray
    """float32 [F], the gold standard as released (not delayed)."""
    recording: np.ndarray
    """int [F], each frame's recording."""


def load_recordings(corpus: Corpus, *, stream: bool = False, host_megabytes: float = 1024.0) -> Recordings:
    """The recordings of a corpus, built where they are missing.

    Args:
      corpus: of the config.
      stream: leaves the features in the built corpus' files, see `data.streaming`.
      host_megabytes: features kept in memory once they were read, where they are streamed.

    Raises:
      UserError: a setting that the corpus does not have, or whatever its reader finds wrong.
    """
    package = importlib.import_module(f"affect_jax.datasets.{corpus.name}")
    with build.leave_features(host_megabytes) if stream else contextlib.nullcontext():
        return package.load(dict(corpus.settings))


def find_planted_tenths(corpus: Corpus) -> dict[str, np.ndarray]:
    """Clip -> float32 [10], how much of what makes its target is in each tenth, where a generator knows; else {}."""
    package = importlib.import_module(f"affect_jax.datasets.{corpus.name}")
    find = getattr(package, "read_planted_tenths", None)
    return find(dict(corpus.settings)) if find else {}


def choose_standardized(data: Data) -> dict[str, bool]:
    """Modality -> whether its features are standardised."""
    if isinstance(data.standardize, bool):
        return dict.fromkeys(data.modalities, data.standardize)
    return {m: m in data.standardize for m in data.modalities}


def build_split(recordings: Sequence[Recording], data: Data, *, stream: bool = False) -> Split:
    """Lays recordings out as `data` says, their targets delayed where it asks for that; `stream` leaves their features
    where they are."""
    for change in ("standardize_within", "average"):
        if stream and (value := getattr(data, change)):
            raise UserError(
                f"config.data.{change} is {value!r}, which needs the features in memory; leave it out, or set "
                "config.engine.stream=False"
            )
    recordings = average_steps(recordings, data.average or {})
    if data.standardize_within:
        recordings = standardize_within(recordings, data.modalities, data.standardize_within)
    # Scores are computed against the gold standard on its own clock, so it is taken before the targets are delayed.
    gold = [r.targets.get(data.target, np.zeros(len(r.steps), np.float32)) for r in recordings]
    if data.delay:
        recordings = [_delay(recording, data.delay) for recording in recordings]
    corpus, index = corpora.build_corpus(
        recordings,
        modalities=data.modalities,
        target=data.target,
        unit=data.unit,
        window=data.window or 0,
        hop=data.hop or 0,
        steps={m: steps or 0 for m, steps in (data.steps or {}).items()},
        resident=not stream,
    )
    if stream:
        corpus = streaming.make_source(corpus, index, recordings)
    recording = np.repeat(np.arange(len(recordings)), np.diff(index.offsets))
    return Split(corpus, index, np.concatenate(gold), recording)


def _delay(recording: Recording, frames: int) -> Recording:
    targets = {name: avec.delay_targets(y, np.ones(y.shape, bool), frames) for name, y in recording.targets.items()}
    return recording._replace(targets=targets)


def make_folds(recordings: Recordings, names: Sequence[str] | None) -> list[folding.FoldMembers]:
    """The folds of the development split: its own validation split, or the draws or folds that are named.

    Args:
      recordings: the corpus.
      names: config.study.folds; None for all.

    Raises:
      UserError: a draw or fold that the corpus does not have.
    """
    train = [r.id for r in recordings.splits["train"]]
    if "validation" in recordings.splits:
        return [folding.FoldMembers("dev", tuple(train), tuple(r.id for r in recordings.splits["validation"]))]
    folds = recordings.folds or {name: Fold(members, ()) for name, members in recordings.draws.items()}
    members = []
    for name in names or (("given",) if "given" in folds else tuple(folds)):
        if name not in folds:
            raise UserError(
                f"config.study.folds names {name!r}{suggest_nearest(name, folds)}; the corpus has "
                f"{join_words(sorted(folds))}"
            )
        fold = folds[name]
        members.append(folding.FoldMembers(name, fold.select_training_ids(train), fold.validation, fold.test))
    return members


def build_test_split(
    recordings: Recordings, data: Data, development: Split, folds: Sequence[folding.FoldMembers]
) -> tuple[Split | None, np.ndarray]:
    """What is scored at the end, and the numbers int32 [K, n] of each fold's examples in it, -1 for padding.

    Of a corpus that is cross-validated that is the development split itself.
    """
    if recordings.folds:
        return development, folding.index_test_examples(development.index, folds)
    if not recordings.splits.get("test"):
        return None, np.zeros((len(folds), 0), np.int32)
    stream = isinstance(development.corpus, streaming.Source)
    split = build_split(recordings.splits["test"], data, stream=stream)
    examples = np.flatnonzero(split.index.evaluation).astype(np.int32)
    return split, np.tile(examples, (len(folds), 1))


def mark_frames(split: Split, examples: np.ndarray) -> np.ndarray:
    """bool [F]: the frames that these examples int32 [...] are scored by; -1 is padding."""
    numbers = np.unique(examples[examples >= 0])
    positions = corpora.locate_frames(split.corpus, numbers)
    return np.isin(np.arange(len(split.recording)), positions[positions >= 0])


def _split_by_recording(values: np.ndarray, split: Split) -> dict[int, np.ndarray]:
    """[F] -> recording -> its frames, of the recordings whose every frame has a value (not NaN)."""
    pieces = np.split(values, split.index.offsets[1:-1])
    return {r: piece for r, piece in enumerate(pieces) if not np.isnan(piece).any()}


def _join_recordings(values: np.ndarray, split: Split, pieces: Mapping[int, np.ndarray]) -> np.ndarray:
    """The way back of `_split_by_recording`: `values` with the recordings in `pieces` replaced."""
    joined = values.copy()
    for r, piece in pieces.items():
        joined[split.index.offsets[r] : split.index.offsets[r + 1]] = piece
    return joined


def restore_delayed_predictions(values: np.ndarray, split: Split, delay: int) -> np.ndarray:
    """Predictions [F], or [F, C] logits, of delayed targets, moved back by `delay` frames within each recording."""
    pieces = _split_by_recording(values, split)
    return _join_recordings(values, split, {r: restore_delay(x, delay) for r, x in pieces.items()})


def restore_delay(values: np.ndarray, delay: int) -> np.ndarray:
    """The same of one recording: [T], or [T, C]."""
    by_time = np.moveaxis(values, 0, -1)
    return np.moveaxis(avec.restore_delay(by_time, np.ones(by_time.shape, bool), delay), -1, 0)


def postprocess_predictions(predictions: Mapping[str, np.ndarray], splits: Mapping[str, Split]) -> None:
    """AVEC's post-processing, each step fitted on a trial's own validation predictions; in place.

    Args:
      predictions: split -> [R, F], NaN where a trial predicts nothing; has `validation`.
      splits: split -> what it holds.
    """
    development = splits["validation"]
    gold = _split_by_recording(development.target, development)
    for trial in range(len(predictions["validation"])):
        fitted_on = _split_by_recording(predictions["validation"][trial], development)
        if not fitted_on:  # every recording has an answer of NaN, so there is nothing to fit to and nothing to score
            continue
        steps = avec.fit(list(fitted_on.values()), [gold[r] for r in fitted_on])
        for name, values in predictions.items():
            pieces = _split_by_recording(values[trial], splits[name])
            processed = avec.apply(steps, list(pieces.values()))
            values[trial] = _join_recordings(values[trial], splits[name], dict(zip(pieces, processed, strict=True)))


def rescale_predictions(
    predictions: Mapping[str, np.ndarray], development: Split, folds: folding.Folds, fold_of: np.ndarray
) -> None:
    """Maps each trial's predictions of each split to the range of its training labels; in place.

    As the authors of ConflictNET do before they binarise. It uses the smallest and largest prediction of the very split
    that is scored, so it is transductive: a clip's class depends on the other clips. The map is linear and rising, so
    PCC does not change; CCC, RMSE, accuracy and UAR do.

    Args:
      predictions: split -> [R, F], NaN where a trial predicts nothing.
      development: the split that the folds are of.
      folds: for the training examples.
      fold_of: int [R].
    """
    for values in predictions.values():
        for trial, fold in enumerate(fold_of):
            if np.isnan(values[trial]).all():
                continue
            train = np.asarray(folds.train[fold])
            positions = corpora.locate_frames(development.corpus, train[train >= 0])
            positions = positions[positions >= 0]
            gold = development.target[positions[development.index.labelled[development.recording[positions]]]]
            low, high = np.nanmin(values[trial]), np.nanmax(values[trial])
            if high > low:
                share = (values[trial] - low) / (high - low)
                values[trial] = gold.min() + share * (gold.max() - gold.min())
