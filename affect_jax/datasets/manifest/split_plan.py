"""Who trains, who selects and who is tested: as the manifest says, or by seeded draws that part the groups."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.manifest.csv_table import SPLITS, Row, Sheet, join_names
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.release_files import quote_values


class SplitPlan(NamedTuple):
    """The corpus' parts by row number, as `Recordings` has them by recording.

    Attributes:
      splits: part -> rows; 'train' alone where it is cross-validated.
      draws: name -> rows of 'train' to hold out for validation; {} where there is a validation part, or folds.
      folds: name -> (validation, test), both in 'train'; {} where there is a test part.
    """

    splits: dict[str, tuple[int, ...]]
    draws: dict[str, tuple[int, ...]]
    folds: dict[str, tuple[tuple[int, ...], tuple[int, ...]]]


def plan_splits(sheet: Sheet, target: Labels, *, folds: int, seed: int, problems: Problems) -> SplitPlan:
    """The sides of a manifest.

    A column `split` is taken as it is; where it has no validation part, `folds` draws from the training part stand in.
    Of a column `fold`, or of `folds` seeded ones, fold k is tested and fold k + 1 (after the last the first) validates.

    Args:
      sheet: the manifest's table.
      target: whose classes are spread evenly over drawn folds.
      folds: how many are drawn.
      seed: of the draw.
      problems: gets what is wrong.
    """
    if sheet.parts == "split":
        return _plan_given_splits(sheet, target, folds, seed, problems)
    if sheet.parts == "fold":
        parted: dict[str, list[int]] = {}
        for row in sorted(sheet.rows, key=lambda row: _make_natural_key(row.part)):
            parted.setdefault(row.part, []).append(row.number)
        if len(parted) < 3:
            problems.add(0, f"has {len(parted)} folds, expected 3 or more: one tests, one validates, the others train")
            return SplitPlan({"train": tuple(row.number for row in sheet.rows)}, {}, {})
    else:
        parted = _draw_groups(sheet.rows, target, folds, seed, "fold", problems)
    names = list(parted)
    following = dict(zip(names, names[1:] + names[:1], strict=True))
    made = {name: (tuple(parted[following[name]]), tuple(parted[name])) for name in names}
    everything = tuple(row.number for row in sheet.rows)
    sides = {}
    for name, both in made.items():
        held = {row for rows in both for row in rows}
        sides[f"fold {quote_values(name)}"] = ({*everything} - held, held)
    _check_classes(target, sides, problems)
    return SplitPlan({"train": everything}, {}, made)


def _plan_given_splits(sheet: Sheet, target: Labels, folds: int, seed: int, problems: Problems) -> SplitPlan:
    splits = {part: tuple(row.number for row in sheet.rows if row.part == part) for part in SPLITS}
    splits = {part: rows for part, rows in splits.items() if rows}
    if "train" not in splits:
        problems.add(0, "has no row of the split 'train'; there is nothing to learn from")
        return SplitPlan(splits, {}, {})
    if len(splits) == 1:
        problems.add(0, "has rows of the split 'train' only; add 'test', or delete the column to draw folds")
        return SplitPlan(splits, {}, {})
    sides = {f"split {part!r}": ({*splits["train"]}, {*splits[part]}) for part in splits if part != "train"}
    _check_classes(target, sides, problems)
    if "validation" in splits:
        return SplitPlan(splits, {}, {})
    draws = _draw_groups([row for row in sheet.rows if row.part == "train"], target, folds, seed, "draw", problems)
    sides = {name: ({*splits["train"]} - {*rows}, {*rows}) for name, rows in draws.items()}
    _check_classes(target, sides, problems)
    return SplitPlan(splits, {name: tuple(rows) for name, rows in draws.items()}, {})


def _check_classes(target: Labels, sides: Mapping[str, tuple[set[int], set[int]]], problems: Problems) -> None:
    """Nobody can learn a class that only those have who are held out."""
    if target.kind != "class":
        return
    for side, (train, held) in sides.items():
        known, asked = (
            {int(c) for n in rows if n in target.values for c in target.values[n]} for rows in (train, held)
        )
        for number in sorted(asked - known):
            row = min(n for n in held if n in target.values and number in target.values[n])
            problems.add(
                row,
                f"class {quote_values(target.classes[number])} of label {target.name!r} is in {side} but in none of the rows"
                " that then train; give it more groups, or take it out",
            )


def _draw_groups(
    rows: Sequence[Row], target: Labels, count: int, seed: int, name: str, problems: Problems
) -> dict[str, list[int]]:
    """name_1, ... -> row numbers: whole groups, in a seeded order, each to where its classes are rarest so far."""
    grouped: dict[str, list[Row]] = {}
    for row in rows:
        grouped.setdefault(row.group, []).append(row)
    least = 3 if name == "fold" else 2
    if count < least or len(grouped) < count:
        problems.add(
            0,
            f"has {len(grouped)} groups ({join_names(grouped)}) and config.corpus.folds is {count}; expected {least} folds"
            f" or more and as many groups: {'set folds lower, or ' if len(grouped) >= least else ''}add groups",
        )
        return {}
    classes = max(len(target.classes), 1)
    counts = {group: np.zeros(classes) for group in grouped}
    for group, members in grouped.items():
        for row in members:
            values = target.values.get(row.number, np.zeros(0))
            # An item counts as one, however many steps it has.
            share = np.bincount(values.astype(int), minlength=classes) if target.kind == "class" else np.ones(1)
            counts[group] += share / max(share.sum(), 1)
    total = np.maximum(sum(counts.values()), 1e-9)
    order = np.random.default_rng(seed).permutation(sorted(grouped))
    have = np.zeros((count, classes))
    chosen: dict[str, list[int]] = {f"{name}_{k + 1}": [] for k in range(count)}
    for group in order.tolist():
        crowded = ((have * counts[group][None, :]) / total[None, :]).sum(axis=1)
        best = min(range(count), key=lambda k: (round(float(crowded[k]), 9), have[k].sum(), k))
        have[best] += counts[group]
        chosen[f"{name}_{best + 1}"] += [row.number for row in grouped[group]]
    return {fold: sorted(members) for fold, members in chosen.items()}


def _make_natural_key(text: str) -> list[tuple[int, str]]:
    """fold_2 before fold_10."""
    runs = ["".join(run) for _, run in itertools.groupby(text, lambda c: c in "0123456789")]
    digits = [run.lstrip("0") if run[0] in "0123456789" else None for run in runs]
    # A longer number is a larger one; Python makes no int of thousands of digits.
    return [(-1, run) if number is None else (len(number), number) for run, number in zip(runs, digits, strict=True)]
