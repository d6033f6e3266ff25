"""Scenarios in which the share of interaction in a label is known, in the layout of a `manifest`.

Every step of a recording is drawn by itself: a, b and c, evenly from +-sqrt(3), so of variance 1, and of each modality
two nuisances besides. Modality `first` shows a, `second` b, `third` c: W [factor, nuisances] + noise, with a W of each
scenario. The labels, all of variance 1:

    additive   (a + b + c) / sqrt(3)              nothing is interaction
    pairs      (ab + ac + bc) / sqrt(3)           all is interaction of two modalities
    triples    abc                                all is interaction of three
    mixed      (additive + pairs + triples) / sqrt(3)    a third each

a, b and c are independent, so the best sum of functions of single modalities is the additive share alone, and that of
functions of pairs the shares of additive and pairs (`evaluation.interactions.projection`). A prediction that has the
share r of a label's variance, and nothing else, has the concordance 2 r / (1 + r) with it: of `mixed` .5 without any
interaction, .8 with those of two modalities.
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets.scenarios import Scenario, name_recording, write_scenarios

MODALITIES = ("first", "second", "third")
TARGETS = {"additive": (1.0, 0.0, 0.0), "pairs": (0.0, 1.0, 0.0), "triples": (0.0, 0.0, 1.0), "mixed": (1 / 3,) * 3}
"""Label -> the shares of its variance that one, two and three modalities have."""
_NUISANCES, _NOISE = 2, 0.05


def synthesize(
    folder: Path,
    *,
    scenarios: int = 5,
    train: int = 64,
    validation: int = 8,
    test: int = 3,
    steps: int = 48,
    columns: int = 4,
    seed: int = 0,
) -> None:
    """Writes manifest.csv and an npy file per recording and column; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      scenarios: how many.
      train: recordings of each scenario to train on.
      validation: recordings of each scenario to select by.
      test: recordings of each scenario to score on.
      steps: steps of each recording.
      columns: features of each modality.
      seed: of all random numbers; a scenario does not depend on how many there are.

    Raises:
      UserError: a size below 1, fewer than three scenarios, or the folder exists or cannot be written.
    """
    sizes = dict(scenarios=scenarios, train=train, validation=validation, test=test, steps=steps, columns=columns)
    write_scenarios(
        folder, "interacting", make_scenario, name_scenario=name_scenario, labels=TARGETS, sizes=sizes, seed=seed
    )


def make_scenario(seed: int, number: int, *, counts: dict[str, int], steps: int, columns: int) -> Scenario:
    """Makes a scenario: recording id -> modality -> float32 [steps, columns], and label -> float32 [steps]."""
    rng = np.random.default_rng([seed, number])
    mixing = {m: rng.normal(size=(1 + _NUISANCES, columns)) for m in MODALITIES}
    recordings = {}
    for split, count in counts.items():
        for n in range(count):
            factors = rng.uniform(-(3**0.5), 3**0.5, size=(steps, len(MODALITIES)))
            arrays: dict[str, np.ndarray] = {}
            for m, factor in zip(MODALITIES, factors.T, strict=True):
                shown = np.concatenate([factor[:, None], rng.normal(size=(steps, _NUISANCES))], axis=1)
                arrays[m] = shown @ mixing[m] + _NOISE * rng.normal(size=(steps, columns))
            arrays |= compute_labels(factors)
            recordings[name_recording(name_scenario(number), split, n)] = {
                k: x.astype(np.float32) for k, x in arrays.items()
            }
    return recordings


def compute_labels(factors: np.ndarray) -> dict[str, np.ndarray]:
    """Label -> [N] from a, b and c [N, 3]."""
    a, b, c = factors.T
    parts = (a + b + c) / 3**0.5, (a * b + a * c + b * c) / 3**0.5, a * b * c
    return {name: sum(share**0.5 * part for share, part in zip(of, parts, strict=True)) for name, of in TARGETS.items()}


def name_scenario(number: int) -> str:
    """The fold of a scenario."""
    return f"scenario_{number}"
