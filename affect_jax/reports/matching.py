"""Two cells of run folders side by side: found by name, matched row by row, and how their differences are written."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.reports import folders
from affect_jax.reports.folders import Run
from affect_jax.reports.sources import Source

Arrays = Mapping[str, np.ndarray]


class Matched(NamedTuple):
    """Scores of two cells on their n rows of the same fold and seed.

    Attributes:
      a: float64 [n].
      b: float64 [n].
      rows_a: [n] indices into the rows of a's results.json.
      rows_b: [n], of b's.
    """

    a: np.ndarray
    b: np.ndarray
    rows_a: list[int]
    rows_b: list[int]


def _scores(run: Run, rows: Sequence[int], split: str, metric: str) -> np.ndarray:
    found = ((run.results["trials"][row].get(split) or {}).get(metric) for row in rows)
    return np.array([math.nan if value is None else value for value in found], np.float64)


def match(run_a: Run, a: Source, run_b: Run, b: Source, split: str, metric: str) -> Matched | None:
    """Rows of both cells in order of fold and seed; None where they share none, or one of them has no such score."""
    mine, theirs = folders.matched_rows(run_a, a), folders.matched_rows(run_b, b)
    keys = sorted(mine.keys() & theirs.keys())
    rows_a, rows_b = [mine[key] for key in keys], [theirs[key] for key in keys]
    found = Matched(_scores(run_a, rows_a, split, metric), _scores(run_b, rows_b, split, metric), rows_a, rows_b)
    return None if not keys or np.isnan(found.a).any() or np.isnan(found.b).any() else found


def shown(kept: folders.Predictions) -> np.ndarray:
    """bool [R, F]: what each row predicts; a row of a cross-validation shows its own fold alone."""
    return np.isfinite(kept.prediction.reshape(*kept.prediction.shape[:2], -1)).all(-1)


def sizes(run: Run, arrays: Arrays, study: str, split: str) -> tuple[int, int] | None:
    """Recordings that a row trains on and is scored on, in the mean over rows; None where that cannot be told.

    Parts of the release are counted in results.json; what a fold holds out of the training part is counted in the
    predictions: clips where a clip is one step, else groups (videos).
    """
    counts = run.results["corpus"].get("counts", {})
    whole = counts.get("train", {})
    train, test = whole.get("recordings"), counts.get(split, {}).get("recordings")
    if not train:
        return None
    clips = whole.get("steps") == train
    for part in dict.fromkeys(("validation", split)):
        kept = None if part in counts else folders.predictions(arrays, study, part)
        if kept is None:
            continue
        if clips:
            held = shown(kept).sum(1).mean()
        else:
            held = np.mean([len(set(kept.group[row])) for row in shown(kept)])
        train -= held
        test = held if part == split else test
    return (round(train), round(test)) if test and train > 0 else None


def same_examples(a: folders.Predictions, b: folders.Predictions, rows_a: list[int], rows_b: list[int]) -> bool:
    """Whether two cells' matched rows were scored on the same examples with the same truth."""
    if np.unique(a.id).size != a.id.size or a.id.size != b.id.size:
        return False
    i, j = np.argsort(a.id), np.argsort(b.id)
    if not (np.array_equal(a.id[i], b.id[j]) and np.array_equal(a.target[i], b.target[j])):
        return False
    mine, theirs = ({int(row): at for at, row in enumerate(x.row)} for x in (a, b))
    if not (set(rows_a) <= mine.keys() and set(rows_b) <= theirs.keys()):
        return False
    return np.array_equal(
        shown(a)[[mine[row] for row in rows_a]][:, i], shown(b)[[theirs[row] for row in rows_b]][:, j]
    )


def find_cell(name: str, runs: Mapping[str, Run]) -> Source:
    """The cell of that name, or the one cell of the study of that name, in some runs; 'FOLDER:NAME' is in one of them.

    Args:
      name: as on the command line.
      runs: by what a `Source` calls its config.

    Raises:
      UserError: there is none, or more than one.
    """
    folder, colon, rest = name.partition(":")
    known: dict[str, list[Source]] = {}
    for config, run in runs.items():
        if colon and run.path.name != folder:
            continue
        there = list(dict.fromkeys((row["study"], row["variant"]) for row in run.results["trials"]))
        for study, cell in there:
            alone = [s for s, _ in there].count(study) == 1
            for called in dict.fromkeys((cell, study) if alone else (cell,)):
                known.setdefault(called, []).append(Source(config, study, cell))
    found = known.get(rest if colon else name, [])
    if not found:
        raise UserError(
            f"no run has a study or cell {name!r}{suggest_nearest(rest if colon else name, known)}; "
            f"there are {', '.join(sorted(known)) or f'none in a folder {folder}'}"
        )
    if len(found) > 1:
        places = [f"{runs[source.config].path.name} ({source.study}, {source.cell})" for source in found]
        raise UserError(
            f"{name!r} names {len(found)} cells: {'; '.join(places)}; write FOLDER:NAME or compare fewer runs"
        )
    return found[0]


def signed(value: float, percent: bool) -> str:
    """'+2.1' points or '+0.021'; the minus is U+2212."""
    text = f"{100 * value:+.1f}" if percent else f"{value:+.3f}"
    return text.replace("-", "−")


def p_value(p: float) -> str:
    """Three decimals, or '<0.001'; '' for nan."""
    return "" if math.isnan(p) else "<0.001" if p < 0.001 else f"{p:.3f}"
