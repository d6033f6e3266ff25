"""Whole studies that are timed: many rows of a case, ours as one program, PyTorch's one after another on each core."""

import itertools
from collections.abc import Mapping
from typing import NamedTuple

from benchmarks.cases import BATCH, BY_NAME, FUSION, OURS, Case, FusionCase

# SEW's grid of the thesis (5.3.1): five weights for each of three losses.
GRID = dict.fromkeys(("translation", "reconstruction", "alignment"), (0.001, 0.01, 0.1, 1.0, 10.0))


class Row(NamedTuple):
    """One run of a study: its seed, and the weights of losses that differ from the config's."""

    seed: int
    weights: dict[str, float]


class RowsCase(NamedTuple):
    """Many rows as one study.

    Attributes:
      name: on the command line.
      title: in the table, with {rows} and {epochs}.
      case: what a row trains.
      rows: how many.
      epochs: of each.
      rounds: how often the study is timed.
      steps: of an epoch, where the time of one row's step is to be shown; 0: the time of the whole study.
      single: name of the case of a single run's step, to be timed in turns with it; '' for none.
      grid: loss -> weights; the rows are the points of this grid. {}: they are seeds.
      sides: which are timed.
    """

    name: str
    title: str
    case: Case | FusionCase
    rows: int
    epochs: int
    rounds: int
    steps: int = 0
    single: str = ""
    grid: Mapping[str, tuple[float, ...]] = {}
    sides: tuple[str, ...] = (OURS, "pytorch-fused")

    def on(self, accelerator: bool) -> "RowsCase":
        """As it is timed there. On an accelerator a step takes milliseconds, so where a row's step is to be shown an
        epoch has 8 of them. It is held against PyTorch's step of a single run, one process having the device.
        """
        if not (accelerator and self.steps):
            return self
        case = self.case._replace(recordings=8 * BATCH + 1)
        return self._replace(case=case, steps=8, epochs=6, rounds=1, single=_INTRA.name, sides=(OURS,))

    def row(self, number: int) -> Row:
        """The row of this number; of a grid they go around where there are more rows than points."""
        if not self.grid:
            return Row(number, {})
        points = list(itertools.product(*self.grid.values()))
        return Row(0, dict(zip(self.grid, points[number % len(points)], strict=True)))


# Table 4.1 of the thesis: models, rows of each (5 folds x 10 seeds), and IEMOCAP's utterances of seven emotions.
MODELS, ROWS_EACH, UTTERANCES, EPOCHS_AT_MOST = 19, 50, 7_487, 100


def table_4_1(row_step: float) -> str:
    """How long all of table 4.1 would take at these seconds a row's step, and by which arithmetic."""
    steps = -(-UTTERANCES * 8 // 10 // BATCH)
    epoch = MODELS * ROWS_EACH * steps * row_step
    return (
        f"All of table 4.1, extrapolated: {MODELS} models x {ROWS_EACH} rows x {steps} steps (batches of {BATCH} of "
        f"80 % of IEMOCAP's {UTTERANCES:,} utterances) x {row_step * 1e3:,.2f} ms a row's step, as if every model were "
        f"this one, which reads all three modalities: {epoch / 60:,.1f} minutes an epoch, {epoch * 20 / 3600:,.1f} "
        f"hours for 20 epochs of every row, {epoch * EPOCHS_AT_MOST / 3600:,.1f} for the {EPOCHS_AT_MOST} that the "
        "config allows."
    )


# A study of few rows is for an accelerator, which one row does not fill; unasked, a CPU does not time them.
FEW = ("rows-fusion-1", "rows-fusion-8")
_SEW = BY_NAME["sew"]._replace(recordings=20)  # 640 frames to train on and 640 to select by
_INTRA = FUSION[0]
_ALONE = _INTRA.title.removesuffix(", training")
ROWS = {
    case.name: case
    for case in (
        RowsCase(
            "rows-sew",
            f"{{rows}} points of {_SEW.title}'s grid of loss weights, {{epochs}} epochs of 20 steps with validation",
            _SEW,
            rows=125,
            epochs=3,
            rounds=2,
            grid=GRID,
        ),
        RowsCase(
            "rows-seqsew",
            f"{{rows}} seeds of {BY_NAME['seqsew-mosi-2'].title}, {{epochs}} epochs with validation",
            BY_NAME["seqsew-mosi-2"],
            rows=10,
            epochs=10,
            rounds=3,
        ),
        RowsCase(
            "rows-fusion-4",
            f"{_ALONE}: {{rows}} seeds as one study, a step of one of them",
            _INTRA._replace(recordings=2 * BATCH + 1),
            rows=4,
            epochs=3,
            rounds=3,
            steps=2,
            single=_INTRA.name,
        ),
        *(
            RowsCase(
                f"rows-fusion-{rows}",
                f"{_ALONE}: {{rows}} seed{'s' * (rows > 1)} as one study, a step of one of them",
                _INTRA,
                rows=rows,
                epochs=2,
                rounds=1,
                steps=1,
            )
            for rows in (1, 8, 50)
        ),
    )
}
