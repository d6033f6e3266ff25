"""What a corpus package hands to `affect_jax.data`: recordings of several modalities, in their release's splits."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.input_form import InputForm
from affect_jax.errors import UserError, suggest_nearest


class Recording(NamedTuple):
    """One recording (a speaker's five minutes, a video, a clip) of T steps.

    Attributes:
      id: unique in the corpus: 'train_1', '03bSnISJMiM'.
      group: the speaker, video or debate, which must not be in two splits.
      steps: T ids, one for each step of the target: 'train_1@0.04', '03bSnISJMiM_1'; a single one where the whole clip
        has one label.
      features: modality -> float32 [T, D]. A recording with one label may have features of any length: float32
        [T_m, D], or a mono waveform int16 [T_m].
      targets: name -> float32 [T]; an unlabelled recording has no entry.
    """

    id: str
    group: str
    steps: tuple[str, ...]
    features: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]


class Fold(NamedTuple):
    """One fold of a cross-validation.

    Attributes:
      validation: ids of the recordings to select by.
      test: ids of the recordings to score at the end.
      train: ids of the recordings to train on; () means all others.
    """

    validation: tuple[str, ...]
    test: tuple[str, ...]
    train: tuple[str, ...] = ()

    def select_training_ids(self, ids: Sequence[str]) -> tuple[str, ...]:
        """The training recordings among all `ids` of the corpus."""
        held_out = {*self.validation, *self.test}
        return self.train or tuple(name for name in ids if name not in held_out)


class Recordings(NamedTuple):
    """A whole corpus.

    Attributes:
      corpus: 'recola', 'cmu_mosi', ...
      form: which of the corpus' forms or tasks: 'arousal', 'poria', ...
      synthetic: True if a generator of this project made the corpus, False if people did.
      splits: 'train', 'validation', 'test' -> recordings in the release's order. A split that the release lacks is not
        a key; a corpus that is cross-validated has 'train' alone.
      draws: name of a validation draw -> ids of 'train' to hold out; {} where the release has a validation split.
      folds: name -> fold of a cross-validation inside 'train'; {} where the release has a test split.
      fingerprint: sha256 of everything above, as 64 hexadecimal digits.
    """

    corpus: str
    form: str
    synthetic: bool
    splits: dict[str, list[Recording]]
    draws: dict[str, tuple[str, ...]]
    folds: dict[str, Fold]
    fingerprint: str
    labels: tuple[str, ...] = ()
    """Names of the classes 0, 1, ...; not part of the fingerprint."""
    inputs: InputForm | None = None
    """How the features were made of files; None where only the corpus' own reader can make them."""


def add_fingerprint(recordings: Recordings) -> Recordings:
    """The same recordings with their fingerprint.

    Raises:
      UserError: a name with a zero character, which numpy drops at the end, so that two names could become one.
    """
    for recording in (r for members in recordings.splits.values() for r in members):
        wrong = next((name for name in (recording.id, recording.group, *recording.steps) if "\0" in name), None)
        if wrong is not None:
            raise UserError(f"the name {wrong!r} of recording {recording.id!r} has a zero character; take it out")
    return recordings._replace(fingerprint=compute_fingerprint(recordings))


def compute_fingerprint(recordings: Recordings) -> str:
    """sha256 of everything but `recordings.fingerprint`, `labels` and `inputs`.

    The order of dictionary entries does not matter; the order of recordings, steps and drawn ids does, and so does
    every bit of every array.
    """
    digest = hashlib.sha256()

    def add_words(*words: str) -> None:
        # The length goes first, so that ('ab', 'c') and ('a', 'bc') differ.
        for word in words:
            data = word.encode()
            digest.update(len(data).to_bytes(8, "little"))
            digest.update(data)

    def add_arrays(kind: str, arrays: dict[str, np.ndarray]) -> None:
        add_words(kind, str(len(arrays)))
        for name in sorted(arrays):
            value = np.ascontiguousarray(arrays[name], dtype="<i2" if arrays[name].dtype == np.int16 else "<f4")
            add_words(name, str(value.shape))
            digest.update(value.data)

    # The words 'part', 'draw' and 'fold' are hashed: another word here would change every fingerprint on record.
    add_words(recordings.corpus, recordings.form, str(recordings.synthetic))
    for split in sorted(recordings.splits):
        add_words("part", split, str(len(recordings.splits[split])))
        for recording in recordings.splits[split]:
            add_words(recording.id, recording.group, str(len(recording.steps)), *recording.steps)
            add_arrays("features", recording.features)
            add_arrays("targets", recording.targets)
    for name in sorted(recordings.draws):
        add_words("draw", name, str(len(recordings.draws[name])), *recordings.draws[name])
    for name in sorted(recordings.folds):
        for split, ids in recordings.folds[name]._asdict().items():
            # Folds had no field `train` at first; an empty one leaves the hash as it was.
            if ids or split != "train":
                add_words("fold", name, split, str(len(ids)), *ids)
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
