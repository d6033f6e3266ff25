"""Which rows train, validate and test: as the manifest says, or by seeded draws that keep groups together."""

import collections
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.manifest.csv_table import SPLITS, Row, Sheet, join_names
from affect_jax.datasets.manifest.label_remarks import find_typos
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.recordings import Fold, Recording, Recordings, add_fingerprint
from affect_jax.datasets.release_files import quote_values


class FoldRows(NamedTuple):
    """Numbers of the rows that a fold selects by and scores on; all others train."""

    validation: tuple[int, ...]
    test: tuple[int, ...]


class SplitPlan(NamedTuple):
    """The splits of a corpus by row number, as `Recordings` has them by recording.

    Attributes:
      splits: split -> rows; 'train' alone where the corpus is cross-validated.
      draws: name -> rows of 'train' to hold out for validation; {} where there is a validation split, or folds.
      folds: name -> rows, all of 'train'; {} where there is a test split.
    """

    splits: dict[str, tuple[int, ...]]
    draws: dict[str, tuple[int, ...]]
    folds: dict[str, FoldRows]


class _HeldOut(NamedTuple):
    """Rows that train, and rows that are held out of that training."""

    training: set[int]
    held_out: set[int]


def plan_splits(sheet: Sheet, target: Labels, *, folds: int, seed: int, problems: Problems) -> SplitPlan:
    """Plans the splits of a manifest.

    A column `split` is taken as it is; where it has no validation split, `folds` draws from the training split take its
    place. With a column `fold`, or `folds` seeded folds, fold k tests and fold k + 1 (after the last the first)
    validates.

    Args:
      sheet: the manifest's table.
      target: label column whose classes are spread evenly over drawn folds.
      folds: how many to draw.
      seed: of the draw.
      problems: collects what is wrong.
    """
    if sheet.split_column == "split":
        return _plan_given_splits(sheet, target, folds, seed, problems)
    everything = tuple(row.number for row in sheet.rows)
    if sheet.split_column == "fold":
        members: dict[str, list[int]] = {}
        for row in sorted(sheet.rows, key=lambda row: _make_natural_key(row.split)):
            members.setdefault(row.split, []).append(row.number)
        if len(members) < 3:
            problems.add(0, f"has {len(members)} folds, expected 3 or more: one tests, one validates, the others train")
            return SplitPlan({"train": everything}, {}, {})
    else:
        members = _draw_groups(sheet.rows, target, folds, seed, "fold", problems)
    names = list(members)
    following = dict(zip(names, names[1:] + names[:1], strict=True))
    plans = {name: FoldRows(tuple(members[following[name]]), tuple(members[name])) for name in names}
    partitions = {}
    for name, rows in plans.items():
        held_out = {*rows.validation, *rows.test}
        partitions[f"fold {quote_values(name)}"] = _HeldOut({*everything} - held_out, held_out)
    _check_classes(target, partitions, problems)
    return SplitPlan({"train": everything}, {}, plans)


def assemble_corpus(
    plan: SplitPlan,
    recordings: Sequence[Recording],
    names: Mapping[int, str],
    target: Labels,
    *,
    corpus: str,
    synthetic: bool,
) -> Recordings:
    """The corpus of a plan, with its fingerprint.

    Args:
      plan: by row number.
      recordings: all of them.
      names: row number -> the id of its recording, as `layouts.arrange_recordings` gives it.
      target: what is learned.
      corpus: its name.
      synthetic: whether a generator of this project made it.
    """
    by_id = {recording.id: recording for recording in recordings}

    def find_ids(rows: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names[row] for row in rows))

    return add_fingerprint(
        Recordings(
            corpus=corpus,
            form=target.name,
            synthetic=synthetic,
            splits={split: [by_id[name] for name in find_ids(rows)] for split, rows in plan.splits.items()},
            draws={name: find_ids(rows) for name, rows in plan.draws.items()},
            folds={name: Fold(find_ids(rows.validation), find_ids(rows.test)) for name, rows in plan.folds.items()},
            fingerprint="",
            labels=target.classes,
        )
    )


def _plan_given_splits(sheet: Sheet, target: Labels, folds: int, seed: int, problems: Problems) -> SplitPlan:
    splits = {split: tuple(row.number for row in sheet.rows if row.split == split) for split in SPLITS}
    splits = {split: rows for split, rows in splits.items() if rows}
    if sum(map(len, splits.values())) < len(sheet.rows):
        return SplitPlan(splits, {}, {})  # of a row with another split, which is a problem already
    if "train" not in splits:
        problems.add(0, "has no row of the split 'train'; there is nothing to learn from")
        return SplitPlan(splits, {}, {})
    if len(splits) == 1:
        problems.add(0, "has rows of the split 'train' only; add 'test', or delete the column to draw folds")
        return SplitPlan(splits, {}, {})
    training = {*splits["train"]}
    partitions = {f"split {split!r}": _HeldOut(training, {*splits[split]}) for split in splits if split != "train"}
    _check_classes(target, partitions, problems)
    if "validation" in splits:
        return SplitPlan(splits, {}, {})
    rows = [row for row in sheet.rows if row.split == "train"]
    draws = _draw_groups(rows, target, folds, seed, "draw", problems)
    _check_classes(target, {name: _HeldOut(training - {*rows}, {*rows}) for name, rows in draws.items()}, problems)
    return SplitPlan(splits, {name: tuple(rows) for name, rows in draws.items()}, {})


def _check_classes(target: Labels, partitions: Mapping[str, _HeldOut], problems: Problems) -> None:
    """Reports classes that only held-out rows have: no model can learn them."""
    if target.kind != "class":
        return
    classes = {row: np.unique(values).astype(int).tolist() for row, values in target.values.items()}
    typos = find_typos(collections.Counter(target.classes[n] for of_row in classes.values() for n in of_row))
    for name, rows in partitions.items():
        known = {number for row in rows.training for number in classes.get(row, ())}
        first_rows: dict[int, int] = {}
        for row in sorted(rows.held_out):
            for number in classes.get(row, ()):
                first_rows.setdefault(number, row)
        for number in sorted(first_rows.keys() - known):
            label = target.classes[number]
            asked = f" (did you mean {quote_values(typos[label])}?)" if label in typos else ""
            problems.add(
                first_rows[number],
                f"class {quote_values(label)}{asked} of label {target.name!r} is in {name} but in none of the"
                " rows that then train; give it more groups, or take it out",
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
        remedy = "set folds lower, or " if len(grouped) >= least else ""
        problems.add(
            0,
            f"has {len(grouped)} groups ({join_names(grouped)}) and config.corpus.folds is {count}; expected {least}"
            f" folds or more and as many groups: {remedy}add groups",
        )
        return {}
    class_count = max(len(target.classes), 1)
    counts = {group: _count_classes(members, target, class_count) for group, members in grouped.items()}
    total = np.maximum(sum(counts.values()), 1e-9)
    order = np.random.default_rng(seed).permutation(sorted(grouped))
    drawn = np.zeros((count, class_count))
    chosen: dict[str, list[int]] = {f"{name}_{k + 1}": [] for k in range(count)}
    for group in order.tolist():
        # Rare classes weigh most: each class counts by its share of all of its items.
        crowding = ((drawn * counts[group][None, :]) / total[None, :]).sum(axis=1)
        best = min(range(count), key=lambda k: (round(float(crowding[k]), 9), drawn[k].sum(), k))
        drawn[best] += counts[group]
        chosen[f"{name}_{best + 1}"] += [row.number for row in grouped[group]]
    return {fold: sorted(members) for fold, members in chosen.items()}


def _count_classes(rows: Sequence[Row], target: Labels, class_count: int) -> np.ndarray:
    """float64 [class_count]: items of each class in a group; an item counts as one, however many steps it has."""
    counts = np.zeros(class_count)
    for row in rows:
        values = target.values.get(row.number, np.zeros(0))
        share = np.bincount(values.astype(int), minlength=class_count) if target.kind == "class" else np.ones(1)
        counts += share / max(share.sum(), 1)
    return counts


def _make_natural_key(text: str) -> list[tuple[int, str]]:
    """A sort key by which fold_2 comes before fold_10."""
    runs = ["".join(run) for _, run in itertools.groupby(text, lambda c: c in "0123456789")]
    digits = [run.lstrip("0") if run[0] in "0123456789" else None for run in runs]
    # A longer number is a larger one; Python does not convert thousands of digits to an int.
    return [(-1, run) if number is None else (len(number), number) for run, number in zip(runs, digits, strict=True)]
