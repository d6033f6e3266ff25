"""What is timed: steps of the models of chapters 3 and 5 at their published sizes, on random data of these shapes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

BATCH = 32


class Case(NamedTuple):
    """One training step.

    Attributes:
      name: on the command line.
      title: in the table.
      config: file in configs/ and its argument; our side reads model, losses and optimizer from it.
      stage: the stage of that config.
      weaker: (modality, features a step).
      stronger: (modality, features a step).
      task: `regression` or `binary`.
      recordings: how many are made.
      frames: steps of the longest one.
      ragged: recordings are of different lengths, as CMU-MOSI's videos are.
      steps: steps of one timed block.
      batch: examples of a step.
    """

    name: str
    title: str
    config: tuple[str, str]
    stage: str
    weaker: tuple[str, int]
    stronger: tuple[str, int]
    task: str
    recordings: int
    frames: int
    ragged: bool
    steps: int
    batch: int = BATCH


GEO, AUDIO = ("video_geometric", 632), ("audio", 88)
_RECOLA = dict(config=("seqsew", "recola,arousal,geo+audio"), weaker=GEO, stronger=AUDIO, task="regression")
_MOSI = dict(config=("seqsew", "mosi,video+text"), weaker=("video", 100), stronger=("text", 100), task="binary")
# A RECOLA recording here is one window of 3 s. CMU-MOSI: 52 videos to train on and 10 to select by.
_WINDOWS = dict(recordings=96, frames=75, ragged=False)
_VIDEOS = dict(recordings=62, frames=63, ragged=True)
VALIDATION = 10

CASES = (
    Case(
        name="sew",
        title="SEW arousal geo(+audio)",
        config=("sew", "arousal,geo+audio"),
        stage="fit",
        weaker=GEO,
        stronger=AUDIO,
        task="regression",
        recordings=16,
        frames=64,
        ragged=False,
        steps=100,
    ),
    Case(name="seqsew-recola-1", title="SeqSEW stage 1, RECOLA audio", stage="teacher", steps=8, **_RECOLA, **_WINDOWS),
    Case(name="seqsew-mosi-1", title="SeqSEW stage 1, CMU-MOSI text", stage="teacher", steps=8, **_MOSI, **_VIDEOS),
    Case(
        name="seqsew-recola-2",
        title="SeqSEW stage 2, RECOLA geo(+audio)",
        stage="student",
        steps=2,
        **_RECOLA,
        **_WINDOWS,
    ),
    Case(
        name="seqsew-mosi-2",
        title="SeqSEW stage 2, CMU-MOSI video(+text)",
        stage="student",
        steps=4,
        **_MOSI,
        **_VIDEOS,
    ),
)


class SpeechCase(NamedTuple):
    """One step of ConflictNET on raw speech.

    Attributes:
      name: on the command line.
      title: in the table.
      batch: clips.
      seconds: of a clip.
      train: a training step; else a prediction.
      config: as in `Case`.
      stage: as in `Case`.
      steps: as in `Case`.
    """

    name: str
    title: str
    batch: int
    seconds: float
    train: bool
    config: tuple[str, str] = ("conflictnet", "sspnet_conflict")
    stage: str = "fit"
    steps: int = 1

    @property
    def samples(self) -> int:
        """Length of a clip at SSPNet Conflict's 8 kHz."""
        return round(self.seconds * 8000)


def _speech(batch: int, seconds: float, train: bool = True) -> SpeechCase:
    what = "training" if train else "prediction"
    name = f"conflictnet-{what}-{seconds:g}s-b{batch}"
    return SpeechCase(name, f"ConflictNET {what}, {batch} clips of {seconds:g} s", batch, seconds, train)


# Growing in batch, growing in length, predicting.
SPEECH = (
    *(_speech(batch, 30) for batch in (4, 8, 16, 32)),
    *(_speech(8, seconds) for seconds in (3.75, 7.5, 15)),
    *(_speech(batch, 30, train=False) for batch in (8, 32)),
)
BY_NAME = {case.name: case for case in (*CASES, *SPEECH)}


def choose(wanted: Sequence[str], names: Sequence[str]) -> list[str]:
    """The names that are wanted, by themselves or by what stands before a dash in them.

    Raises:
      ValueError: something wanted is neither.
    """
    chosen = {want: [name for name in names if name == want or name.startswith(f"{want}-")] for want in wanted}
    unknown = [want for want, found in chosen.items() if not found]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is none of {', '.join(names)}")
    return [name for name in names if any(name in found for found in chosen.values())]


# Many rows as one study: which case, how many, for how long.
ROWS_CASE = BY_NAME["seqsew-mosi-2"]
ROWS = 10
ROWS_EPOCHS = 10


class Example(NamedTuple):
    """A recording: modality -> float32 [T, D], and the target, float32 [T]."""

    features: dict[str, np.ndarray]
    target: np.ndarray


def examples(case: Case) -> list[Example]:
    """The case's recordings, the same numbers for both sides."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(case.recordings):
        # The first is the longest, so that padding is to `frames`; the mean of the others is CMU-MOSI's 25 utterances.
        frames = int(rng.integers(9, 41)) if case.ragged and number else case.frames
        target = rng.standard_normal(frames) / 4
        made.append(
            Example(
                {m: rng.standard_normal((frames, d), np.float32) for m, d in (case.weaker, case.stronger)},
                (target > 0 if case.task == "binary" else target).astype(np.float32),
            )
        )
    return made


def clips(case: SpeechCase, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Waveforms int16 [count, T] and targets float32 [count] in [-1, 1], the same numbers for both sides."""
    rng = np.random.default_rng(0)
    waves = (3000 * rng.standard_normal((count, case.samples), np.float32)).astype(np.int16)
    return waves, rng.uniform(-1, 1, count).astype(np.float32)
