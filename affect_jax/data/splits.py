"""The parts of a corpus as a run uses them: on the device, and on the host with the gold standard's own clock."""

import contextlib
import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

import ml_collections
import numpy as np

from affect_jax import datasets
from affect_jax.data import avec, streaming
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.datasets import build
from affect_jax.datasets.recordings import Fold, Recording, Recordings
from affect_jax.errors import UserError, suggest_nearest


class Split(NamedTuple):
    """One side of a corpus: on the device, or to be streamed to it, and what the host knows of it."""

    corpus: corpora.Corpus | streaming.Source
    index: corpora.Index
    target: np.ndarray
    """float32 [F], the gold standard as released (not delayed)."""
    recording: np.ndarray
    """int [F], each frame's recording."""


def load_recordings(config: ml_collections.ConfigDict, *, stream: bool = False) -> Recordings:
    """The recordings that `config.corpus` names, built where they are missing.

    Args:
      config: of a run.
      stream: leaves the features in the built corpus' files, see `data.streaming`.

    Raises:
      UserError: no such corpus, a setting that it does not have, or whatever its reader finds wrong.
    """
    with build.leave_features(check_host_megabytes(config)) if stream else contextlib.nullcontext():
        return _package(config.corpus.name).load(corpus_settings(config))


def _package(name: str) -> ModuleType:
    there = sorted(m.name for m in pkgutil.iter_modules(datasets.__path__) if m.ispkg)
    if name not in there:
        raise UserError(f"config.corpus.name is {name!r}{suggest_nearest(name, there)}; there are {there}")
    return importlib.import_module(f"affect_jax.datasets.{name}")


OWN = "manifest"
"""The corpus that anybody can make of their own files; every config has its settings beside those of a release."""
_OPEN = (None, "", (), [], 0)


def corpus_settings(config: ml_collections.ConfigDict) -> dict[str, Any]:
    """What `config.corpus` says to the corpus it names: without what is another's, and with what it leaves open.

    '', () and 0 leave a setting open. A release's `modalities` and `target` then are what `config.data` reads; anything
    else, and all of one's own corpus, is as the corpus has it by default. What is set and unknown to a corpus is left
    for it to refuse, unless the config file of a release has set it and one's own files have no use for it.

    Raises:
      UserError: no such corpus.
    """
    given = config.corpus.to_dict()
    known = _package(given["name"]).DEFAULTS
    if given["name"] == OWN:
        return {k: v for k, v in given.items() if v not in _OPEN and (k in known or k == "manual_dir")}
    found = {k: v for k, v in given.items() if k in known or v not in _OPEN}
    for key, read in (("modalities", tuple(config.data.modalities)), ("target", config.data.target)):
        if key in known and not found.get(key):
            found[key] = read
    return found


def find_planted_tenths(config: ml_collections.ConfigDict) -> dict[str, np.ndarray]:
    """Clip -> float32 [10], how much of what makes its target is in each tenth, where a generator knows; else {}."""
    find = getattr(_package(config.corpus.name), "read_planted_tenths", None)
    return find(corpus_settings(config)) if find else {}


RESCALE = ("", "authors")


def check_host_megabytes(config: ml_collections.ConfigDict) -> float:
    """Of a streamed corpus in the host's memory; folders of before it was a setting have none in their config.

    Raises:
      UserError: negative or not a number.
    """
    value = config.engine.get("host_megabytes", 1024.0)
    if not value >= 0:
        raise UserError(f"config.engine.host_megabytes is {value}; set megabytes of memory, or 0 to keep nothing")
    return value


def check_data(config: ml_collections.ConfigDict) -> None:
    """Raises UserError for a setting of `config.data` or of `config.engine` that is not one."""
    check_host_megabytes(config)
    value = config.data.get("rescale", "")
    if value not in RESCALE:
        raise UserError(
            f"config.data.rescale is {value!r}{suggest_nearest(value, RESCALE)}; choose 'authors', or '' for none"
        )


def choose_standardized(config: ml_collections.ConfigDict) -> dict[str, bool]:
    """Modality -> whether its features are: `config.data.standardize` is True, False or a tuple of modalities.

    Raises:
      UserError: it names one that is not read.
    """
    value, modalities = config.data.standardize, tuple(config.data.modalities)
    if isinstance(value, bool):
        return dict.fromkeys(modalities, value)
    for name in value:
        if name not in modalities:
            raise UserError(
                f"config.data.standardize names {name!r}{suggest_nearest(name, modalities)}; config.data.modalities has "
                f"{list(modalities)}"
            )
    return {m: m in value for m in modalities}


def build_split(recordings: Sequence[Recording], config: ml_collections.ConfigDict, *, stream: bool = False) -> Split:
    """Lays recordings out as `config.data` says, their targets delayed where it asks for that; `stream` leaves their
    features where they are."""
    data = config.data
    gold = [r.targets.get(data.target, np.zeros(len(r.steps), np.float32)) for r in recordings]
    if data.delay:
        recordings = [
            r._replace(
                targets={
                    name: avec.delay_targets(y, np.ones(y.shape, bool), data.delay) for name, y in r.targets.items()
                }
            )
            for r in recordings
        ]
    corpus, index = corpora.build_corpus(
        recordings,
        modalities=tuple(data.modalities),
        target=data.target,
        unit=data.unit,
        window=data.window,
        hop=data.hop,
        steps=data.get("steps"),
        resident=not stream,
    )
    if stream:
        corpus = streaming.make_source(corpus, index, recordings)
    recording = np.repeat(np.arange(len(recordings)), np.diff(index.offsets))
    return Split(corpus, index, np.concatenate(gold), recording)


def make_folds(recordings: Recordings, config: ml_collections.ConfigDict) -> list[folding.FoldMembers]:
    """The folds of the development part: its own validation part, or those draws or folds that the config names.

    Raises:
      UserError: a draw or fold that the corpus does not have.
    """
    train = [r.id for r in recordings.splits["train"]]
    if "validation" in recordings.splits:
        return [folding.FoldMembers("dev", tuple(train), tuple(r.id for r in recordings.splits["validation"]))]
    there = recordings.folds or {name: Fold(held, ()) for name, held in recordings.draws.items()}
    found = []
    for name in tuple(config.study.folds) or (("given",) if "given" in there else tuple(there)):
        if name not in there:
            raise UserError(
                f"config.study.folds names {name!r}{suggest_nearest(name, there)}; the corpus has {sorted(there)}"
            )
        fold = there[name]
        found.append(folding.FoldMembers(name, fold.select_training_ids(train), fold.validation, fold.test))
    return found


def _split_by_recording(values: np.ndarray, part: Split) -> dict[int, np.ndarray]:
    """[F] -> recording -> its frames, of the recordings that `values` shows (not NaN)."""
    pieces = np.split(values, part.index.offsets[1:-1])
    return {r: piece for r, piece in enumerate(pieces) if not np.isnan(piece).any()}


def _join_recordings(values: np.ndarray, part: Split, pieces: Mapping[int, np.ndarray]) -> np.ndarray:
    """The way back of `_by_recording`: `values` with the recordings in `pieces` replaced."""
    out = values.copy()
    for r, piece in pieces.items():
        out[part.index.offsets[r] : part.index.offsets[r + 1]] = piece
    return out


def restore_delayed_predictions(values: np.ndarray, part: Split, delay: int) -> np.ndarray:
    """Predictions [F] of delayed targets, moved back by `delay` frames within each recording."""
    pieces = _split_by_recording(values, part)
    return _join_recordings(
        values, part, {r: avec.restore_delay(x, np.ones(x.shape, bool), delay) for r, x in pieces.items()}
    )


def postprocess_predictions(found: Mapping[str, np.ndarray], parts: Mapping[str, Split]) -> None:
    """AVEC post-processing, each step fitted on a trial's own validation predictions; in place.

    Args:
      found: split -> predictions [R, F], NaN where a trial shows nothing; has `validation`.
      parts: split -> its part.
    """
    development = parts["validation"]
    gold = _split_by_recording(development.target, development)
    for number in range(len(found["validation"])):
        mine = _split_by_recording(found["validation"][number], development)
        chosen = avec.fit(list(mine.values()), [gold[r] for r in mine])
        for split, values in found.items():
            pieces = _split_by_recording(values[number], parts[split])
            done = avec.apply(chosen, list(pieces.values()))
            values[number] = _join_recordings(values[number], parts[split], dict(zip(pieces, done, strict=True)))


def rescale_predictions(
    found: Mapping[str, np.ndarray], development: Split, folds: folding.Folds, fold_of: np.ndarray
) -> None:
    """Maps each trial's predictions of each split to the range of its training labels; in place.

    As the authors of ConflictNET do before they binarise. It uses the smallest and largest prediction of the very part
    that is scored, so it is transductive: a clip's class depends on the other clips. Correlations do not change.

    Args:
      found: split -> predictions [R, F], NaN where a trial shows nothing.
      development: the part that the folds are of.
      folds: for the training examples.
      fold_of: int [R].
    """
    for values in found.values():
        for trial, fold in enumerate(fold_of):
            train = np.asarray(folds.train[fold])
            positions = corpora.locate_frames(development.corpus, train[train >= 0])
            gold = development.target[positions[positions >= 0]]
            low, high = np.nanmin(values[trial]), np.nanmax(values[trial])
            if high > low:
                share = (values[trial] - low) / (high - low)
                values[trial] = gold.min() + share * (gold.max() - gold.min())
