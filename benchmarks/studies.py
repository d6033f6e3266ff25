"""Whole studies that are timed: many trials of a case. Ours is one program; PyTorch runs them in turn on each core."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.cases import BATCH, BY_NAME, FUSION, OURS, Case, FusionCase

# SEW's grid of the thesis (5.3.1): five weights for each of three losses.
GRID = dict.fromkeys(("translation_audio", "reconstruction_audio", "alignment_audio"), (0.001, 0.01, 0.1, 1.0, 10.0))


class Trial(NamedTuple):
    """One run of a study: its seed, and the weights of losses that differ from the config's."""

    seed: int
    weights: dict[str, float]


class StudyCase(NamedTuple):
    """Many trials as one study.

    Attributes:
      name: on the command line.
      title: in the table, with {trials} and {epochs}.
      case: what a trial trains.
      trials: how many.
      epochs: of each.
      rounds: how often the study is timed.
      steps: of an epoch, where the time of one trial's step is to be shown; 0: the time of the whole study.
      single: name of the case of a single run's step, to be timed in turns with it; '' for none.
      grid: loss -> weights; the trials are the points of this grid. {}: they are seeds.
      sides: which are timed.
    """

    name: str
    title: str
    case: Case | FusionCase
    trials: int
    epochs: int
    rounds: int
    steps: int = 0
    single: str = ""
    grid: Mapping[str, tuple[float, ...]] = {}
    sides: tuple[str, ...] = (OURS, "pytorch-fused")

    def on(self, accelerator: bool) -> "StudyCase":
        """As it is timed there. On an accelerator a step takes milliseconds, so where a trial's step is to be shown an
        epoch has 8 of them. It is held against PyTorch's step of a single run, one process having the device.
        """
        if not (accelerator and self.steps):
            return self
        case = self.case._replace(recordings=8 * BATCH + 1)
        return self._replace(case=case, steps=8, epochs=6, rounds=1, single=_INTRA.name, sides=(OURS,))

    def trial(self, number: int) -> Trial:
        """The trial of this number; of a grid they go around where there are more trials than points."""
        if not self.grid:
            return Trial(number, {})
        points = list(itertools.product(*self.grid.values()))
        return Trial(0, dict(zip(self.grid, points[number % len(points)], strict=True)))


# Table 4.1 of the thesis: models, trials of each (5 folds x 10 seeds), and IEMOCAP's utterances of seven emotions.
MODELS, TRIALS_EACH, UTTERANCES, EPOCHS_AT_MOST = 19, 50, 7_487, 100


def table_4_1(trial_step: float) -> str:
    """How long all of table 4.1 would take at these seconds a trial's step, and by which arithmetic."""
    steps = -(-UTTERANCES * 8 // 10 // BATCH)
    epoch = MODELS * TRIALS_EACH * steps * trial_step
    return (
        f"All of table 4.1, extrapolated: {MODELS} models x {TRIALS_EACH} trials x {steps} steps (batches of {BATCH} "
        f"of 80 % of IEMOCAP's {UTTERANCES:,} utterances) x {trial_step * 1e3:,.2f} ms a trial's step, as if every "
        f"model were this one, which reads all three modalities: {epoch / 60:,.1f} minutes an epoch, "
        f"{epoch * 20 / 3600:,.1f} hours for 20 epochs of every trial, {epoch * EPOCHS_AT_MOST / 3600:,.1f} for the "
        f"{EPOCHS_AT_MOST} that the config allows."
    )


# A study of few trials is for an accelerator, which one trial does not fill; unasked, a CPU does not time them.
FEW = ("trials-fusion-1", "trials-fusion-8")
_SEW = BY_NAME["sew"]._replace(recordings=20)  # 640 frames to train on and 640 to select by
_INTRA = FUSION[0]
_ALONE = _INTRA.title.removesuffix(", training")
STUDIES = {
    case.name: case
    for case in (
        StudyCase(
            "trials-sew",
            f"{{trials}} points of {_SEW.title}'s grid of loss weights, {{epochs}} epochs of 20 steps with validation",
            _SEW,
            trials=125,
            epochs=3,
            rounds=2,
            grid=GRID,
        ),
        StudyCase(
            "trials-seqsew",
            f"{{trials}} seeds of {BY_NAME['seqsew-mosi-2'].title}, {{epochs}} epochs with validation",
            BY_NAME["seqsew-mosi-2"],
            trials=10,
            epochs=10,
            rounds=3,
        ),
        StudyCase(
            "trials-fusion-4",
            f"{_ALONE}: {{trials}} seeds as one study, a step of one of them",
            _INTRA._replace(recordings=2 * BATCH + 1),
            trials=4,
            epochs=3,
            rounds=3,
            steps=2,
            single=_INTRA.name,
        ),
        *(
            StudyCase(
                f"trials-fusion-{trials}",
                f"{_ALONE}: {{trials}} seed{'s' * (trials > 1)} as one study, a step of one of them",
                _INTRA,
                trials=trials,
                epochs=2,
                rounds=1,
                steps=1,
            )
            for trials in (1, 8, 50)
        ),
    )
}
