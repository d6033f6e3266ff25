"""Plans who says what and when in a constructed debate, and computes the target that follows from it.

A clip is a chain of utterances, each by another actor than the one before. Neighbours either overlap, so that two
people talk at once, or leave a pause; three never talk at once. Two shares are counted in the finished chain, by
samples:

    overlap = time in which two people talk / time in which anybody talks
    anger   = mean over everybody's talking time of the weight of the utterance: 1 for strong anger, 1/2 for normal
              anger, 0 for all other emotions

and the target is

    s = min(overlap / 0.5, 1) + min(anger / 0.7, 1)
    target = 20 F(s) - 10,  F(s) = s^2 / 2 where s <= 1, else 1 - (2 - s)^2 / 2

F is the distribution function of a sum of two independent uniform numbers. The two shares are drawn independently and
uniformly, so the target is about uniform in [-10, 10], rises with either share, and half of its variance remains for
a model that knows only one of them.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.ravdess.actors import FOLDS
from affect_jax.datasets.ravdess.release import ANGRY, STRONG, Clip

SPLIT_ACTORS: dict[str, tuple[int, ...]] = {
    "train": (*FOLDS["fold_2"], *FOLDS["fold_3"], *FOLDS["fold_4"]),
    "validation": FOLDS["fold_5"],
    "test": FOLDS["fold_1"],
}
"""Split -> actors, by the published folds of RAVDESS: no voice is in two splits."""
MOST_OVERLAP, MOST_ANGER = 0.5, 0.7
TENTHS = 10
_CAP = 0.48  # share of the shorter neighbour that may overlap, so that three people never talk at once
_SILENCE = (0.05, 0.12)  # range of the share of the clip that is left for pauses


class Utterance(NamedTuple):
    """A clip of RAVDESS and the samples in which it is spoken: from the first loud one to after the last."""

    clip: Clip
    start: int
    stop: int

    @property
    def weight(self) -> float:
        """How angry it is: 0, 1/2 or 1."""
        return 0.0 if self.clip.emotion != ANGRY else 1.0 if self.clip.intensity == STRONG else 0.5


class Turn(NamedTuple):
    """An utterance and the sample of the debate at which its speech starts."""

    utterance: Utterance
    at: int


class Planted(NamedTuple):
    """What was planted in a clip.

    Attributes:
      overlap: share of speaking time.
      anger: weighted share of talking time.
      overlap_tenths: float32 [10], share of each tenth of the clip in which two people talk.
      anger_tenths: float32 [10], mean weight of the talk over each tenth of the clip; where two people talk at once,
        their weights are added.
    """

    overlap: float
    anger: float
    overlap_tenths: np.ndarray
    anger_tenths: np.ndarray


def compute_target(overlap: float, anger: float) -> float:
    """The stated function of the two shares, in [-10, 10]."""
    s = min(overlap / MOST_OVERLAP, 1.0) + min(anger / MOST_ANGER, 1.0)
    return 20 * (s**2 / 2 if s <= 1 else 1 - (2 - s) ** 2 / 2) - 10


def measure_shares(turns: Sequence[Turn], samples: int) -> Planted:
    """Measures the two shares of a clip of this many samples, and their places in it."""
    talking, weight = np.zeros(samples, np.int8), np.zeros(samples, np.float32)
    for utterance, at in turns:
        span = slice(at, at + utterance.stop - utterance.start)
        talking[span] += 1
        weight[span] += utterance.weight
    return Planted(
        overlap=float((talking > 1).sum() / (talking > 0).sum()),
        anger=float(weight.sum(dtype=np.float64) / talking.sum()),
        overlap_tenths=_average_tenths(talking > 1),
        anger_tenths=_average_tenths(weight),
    )


def list_spoken(turns: Sequence[Turn], rate: int) -> np.ndarray:
    """float32 [N, 3]: when each utterance is spoken, from and to in seconds, and by which actor; `rate` in Hz."""
    rows = [(at / rate, (at + u.stop - u.start) / rate, u.clip.actor) for u, at in turns]
    return np.array(rows, np.float32).reshape(-1, 3)


def _average_tenths(values: np.ndarray) -> np.ndarray:
    return np.array([tenth.mean() for tenth in np.array_split(values, TENTHS)], np.float32)


def draw_shares(rng: np.random.Generator, count: int) -> np.ndarray:
    """Draws [count, 2] wanted shares of overlap and anger: independent, each with one value in every count-th of its
    range."""
    places = np.stack([rng.permutation(count) for _ in range(2)], axis=1)
    return (places + rng.uniform(size=(count, 2))) / count * np.array([MOST_OVERLAP, MOST_ANGER])


def plan_debate(
    rng: np.random.Generator, pool: Sequence[Utterance], wanted: Sequence[float], samples: int
) -> list[Turn]:
    """Plans a chain of turns that fills a clip and comes near to the wanted shares.

    Angry utterances are in one passage of the clip and overlaps in another, drawn independently, so that some moments
    matter and others do not. A passage that runs over the end of the clip continues at its beginning, so that no moment
    is favoured. An actor's utterances are drawn without replacement until all have been used.

    Args:
      rng: for all random numbers.
      pool: all utterances of the two or three actors.
      wanted: shares of overlap and anger.
      samples: length of the clip.

    Returns:
      The turns in order of time, all within the clip.
    """
    overlap, anger = wanted
    speaking = samples * (1 - rng.uniform(*_SILENCE))
    utterances = _choose_utterances(rng, pool, anger, speaking * (1 + overlap))
    while True:
        lengths = np.array([u.stop - u.start for u in utterances])
        overlaps = _plan_overlaps(rng, lengths, overlap)
        left = samples - lengths.sum() + overlaps.sum()
        # In a short clip, a few neighbours may not be able to overlap enough to make room for all.
        if left >= _SILENCE[0] * samples or len(utterances) == 1:
            break
        utterances.pop()
    pauses = np.where(overlaps > 0, 0.0, rng.exponential(size=len(overlaps)))
    edges = 0.3 * rng.exponential(size=2) + 1e-3  # before the first and after the last
    scale = left / (pauses.sum() + edges.sum())
    starts = edges[0] * scale + np.concatenate([[0], np.cumsum(lengths[:-1] - overlaps + scale * pauses)])
    return [Turn(utterance, int(at)) for utterance, at in zip(utterances, starts, strict=True)]


def _choose_utterances(
    rng: np.random.Generator, pool: Sequence[Utterance], anger: float, talk: float
) -> list[Utterance]:
    """Chooses utterances in order, neighbours by different actors, at most `talk` samples in all (but at least one)."""
    decks: dict[tuple[int, bool], list[Utterance]] = {}
    actors = sorted({u.clip.actor for u in pool})
    mean = float(np.mean([u.stop - u.start for u in pool]))
    width = anger / 0.75  # .75 is the mean weight of anger, because normal and strong anger are equally frequent
    passage = rng.uniform()
    chosen: list[Utterance] = []
    total = 0
    while True:
        actor = int(rng.choice([a for a in actors if not chosen or a != chosen[-1].clip.actor]))
        angry = bool(((total + mean / 2) / talk - passage) % 1 < width)
        deck = decks.setdefault((actor, angry), [])
        if not deck:
            matching = [u for u in pool if u.clip.actor == actor and (u.clip.emotion == ANGRY) is angry]
            deck.extend(matching[i] for i in rng.permutation(len(matching)))
        total += deck[-1].stop - deck[-1].start
        if total > talk and chosen:
            return chosen
        chosen.append(deck.pop())


def _plan_overlaps(rng: np.random.Generator, lengths: np.ndarray, wanted: float) -> np.ndarray:
    """Plans by how many samples [N - 1] neighbours overlap, together a share `wanted` of the time with talk."""
    caps = _CAP * np.minimum(lengths[:-1], lengths[1:])
    needed = lengths.sum() * wanted / (1 + wanted)  # overlap / (sum - overlap) = wanted
    away = np.abs((np.arange(len(caps)) - rng.uniform(0, len(caps)) + len(caps) / 2) % len(caps) - len(caps) / 2)
    order = np.argsort(away + rng.uniform(0, 1.5, len(caps)))
    overlaps = np.zeros(len(caps))
    for place in order:
        overlaps[place] = min(caps[place] * rng.uniform(0.8, 1.0), needed - overlaps.sum())
        if overlaps[place] <= 0:
            overlaps[place] = 0
            break
    return np.floor(overlaps)
