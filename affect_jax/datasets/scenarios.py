"""Corpora of scenarios with planted answers: how they are written, as manifests, and the folds of their recordings."""

import csv
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import numpy as np

from affect_jax.datasets.recordings import Fold
from affect_jax.datasets.release_files import write_marker
from affect_jax.datasets.whole_folder import make_whole_folder
from affect_jax.errors import UserError

SPLITS = ("train", "validation", "test")

Scenario = dict[str, dict[str, np.ndarray]]
"""Recording id -> modality -> float32 [steps, columns], and label -> float32 [steps]."""


def write_scenarios(
    folder: Path,
    corpus: str,
    make_scenario: Callable[..., Scenario],
    *,
    name_scenario: Callable[[int], str],
    labels: Collection[str],
    sizes: Mapping[str, int],
    seed: int,
) -> None:
    """Writes manifest.csv and an npy file per recording and column; `folder` appears only when everything is written.

    Args:
      folder: must not exist.
      corpus: its name.
      make_scenario: (seed, number, counts=, steps=, columns=) -> a scenario; counts has the recordings of each split.
      name_scenario: number -> the fold.
      labels: which arrays of a recording are labels; the others are modalities.
      sizes: scenarios, recordings of each split, steps and columns.
      seed: of all random numbers.

    Raises:
      UserError: a size below 1, fewer than three scenarios, or the folder exists or cannot be written.
    """
    if min(sizes.values()) < 1 or sizes["scenarios"] < 3:
        raise UserError(
            f"config.corpus.synthetic has sizes {dict(sizes)}; give at least 3 scenarios, and at least 1 of the rest"
        )
    counts, shape = {split: sizes[split] for split in SPLITS}, {k: sizes[k] for k in ("steps", "columns")}
    with make_whole_folder(Path(folder)) as place:
        (place / "features").mkdir()
        rows = []
        for number in range(sizes["scenarios"]):
            for name, arrays in make_scenario(seed, number, counts=counts, **shape).items():
                row = {"id": name, "fold": name_scenario(number)}
                for kind, values in arrays.items():
                    path = f"features/{name}_{kind}.npy"
                    np.save(place / path, values, allow_pickle=False)
                    row[f"label:{kind}" if kind in labels else kind] = path
                rows.append(row)
        with (place / "manifest.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        write_marker(place, corpus, {**sizes, "seed": seed}, sizes)


def name_recording(scenario: str, split: str, n: int) -> str:
    """The id of a recording, which tells its scenario and its split."""
    return f"{scenario}_{split}_{n}"


def list_folds(sizes: Mapping[str, int], name_scenario: Callable[[int], str]) -> dict[str, Fold]:
    """Scenario -> its recordings by split."""
    folds = {}
    for scenario in map(name_scenario, range(sizes["scenarios"])):
        folds[scenario] = Fold(
            **{split: tuple(name_recording(scenario, split, n) for n in range(sizes[split])) for split in SPLITS}
        )
    return folds
