"""Random data of the cases' shapes, the same numbers for both sides."""

from typing import NamedTuple

import numpy as np

from benchmarks.cases import Case, FusionCase, SpeechCase


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


class Recorded(NamedTuple):
    """N utterances: modality -> float32 [N, T, D], and class numbers, float32 [N]."""

    features: dict[str, np.ndarray]
    target: np.ndarray


def utterances(case: FusionCase) -> Recorded:
    """The case's recordings, the same numbers for both sides."""
    rng = np.random.default_rng(0)
    features = {m: rng.standard_normal((case.recordings, *size), np.float32) for m, size in case.sizes.items()}
    return Recorded(features, rng.integers(0, case.classes, case.recordings).astype(np.float32))
