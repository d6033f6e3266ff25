"""What a dataset package hands to `affect_jax.data`: recordings of several modalities, split as their release splits
them."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest


class Recording(NamedTuple):
    """One recording (a speaker's five minutes, a video, a clip) of T steps.

    Attributes:
      id: unique in the corpus: 'train_1', '03bSnISJMiM'.
      group: the speaker, video or debate, which is never on both sides of a split.
      steps: T ids, one a step of the target: 'train_1@0.04', '03bSnISJMiM_1'; one, where a whole clip has one label.
      features: modality -> float32 [T, D], or, where the recording is one item with one label, of any length: float32
        [T_m, D], or a mono waveform int16 [T_m].
      targets: name -> float32 [T]; an unlabelled recording has no entry.
    """

    id: str
    group: str
    steps: tuple[str, ...]
    features: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]


class Fold(NamedTuple):
    """One fold of a cross-validation: recording ids to select by and to score at the end; the others train, or those
    that `train` names, where the rest is nothing to this fold."""

    validation: tuple[str, ...]
    test: tuple[str, ...]
    train: tuple[str, ...] = ()

    def trains(self, there: Sequence[str]) -> tuple[str, ...]:
        """Ids of the training recordings, of all that are `there`."""
        held = {*self.validation, *self.test}
        return self.train or tuple(name for name in there if name not in held)


class Recordings(NamedTuple):
    """A whole corpus.

    Attributes:
      corpus: 'recola', 'cmu_mosi', ...
      variant: which of the corpus' forms or tasks: 'arousal', 'poria', ...
      synthetic: made by a generator of this project, not by people.
      splits: 'train', 'validation', 'test' -> recordings in the release's order; a part that the release lacks is not
        a key. A corpus that is cross-validated has 'train' alone.
      draws: named validation draws: ids of 'train' to hold out; {} where the release has its own validation part.
      folds: named folds of a cross-validation inside 'train'; {} where the release has a test part.
      fingerprint: sha256 over everything above, as 64 hexadecimal digits.
    """

    corpus: str
    variant: str
    synthetic: bool
    splits: dict[str, list[Recording]]
    draws: dict[str, tuple[str, ...]]
    folds: dict[str, Fold]
    fingerprint: str
    labels: tuple[str, ...] = ()
    """Names of the classes 0, 1, ...; not part of the fingerprint."""


def compute_fingerprint(recordings: Recordings) -> str:
    """sha256 of everything but `recordings.fingerprint`.

    The order of dictionary entries does not matter; the order of recordings, steps and drawn ids does, and so does
    every bit of every array.
    """
    digest = hashlib.sha256()

    def text(*words: str) -> None:
        # The length goes first, so that ('ab', 'c') and ('a', 'bc') differ.
        for word in words:
            data = word.encode()
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)

    def arrays(kind: str, named: dict[str, np.ndarray]) -> None:
        text(kind, str(len(named)))
        for name in sorted(named):
            value = np.ascontiguousarray(named[name], dtype="<i2" if named[name].dtype == np.int16 else "<f4")
            text(name, str(value.shape))
            digest.update(value.data)

    text(recordings.corpus, recordings.variant, str(recordings.synthetic))
    for part in sorted(recordings.splits):
        text("part", part, str(len(recordings.splits[part])))
        for recording in recordings.splits[part]:
            text(recording.id, recording.group, str(len(recording.steps)), *recording.steps)
            arrays("features", recording.features)
            arrays("targets", recording.targets)
    for name in sorted(recordings.draws):
        text("draw", name, str(len(recordings.draws[name])), *recordings.draws[name])
    for name in sorted(recordings.folds):
        for side, ids in recordings.folds[name]._asdict().items():
            if ids or side != "train":
                text("fold", name, side, str(len(ids)), *ids)
    return digest.hexdigest()


def check_choice(key: str, value: str, choices: Sequence[str]) -> None:
    """Refuses a config value that is not one of `choices`.

    Raises:
      UserError: with the key, the value and what is allowed.
    """
    if value not in choices:
        raise UserError(
            f"config.corpus.{key} is {value!r}{suggest_nearest(str(value), choices)}; choose {', '.join(choices)}"
        )
