"""Settings of arrays -> a checked corpus: its items, modalities, labels and splits, before anything is built."""

import collections
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.arrays import labels as label_tables
from affect_jax.datasets.arrays import modalities as modality_arrays
from affect_jax.datasets.arrays import names, padding, roles
from affect_jax.datasets.arrays.fields import Field, Splits, find_fields
from affect_jax.datasets.arrays.modalities import Modality
from affect_jax.datasets.arrays.roles import Roles
from affect_jax.datasets.arrays.settings import Settings
from affect_jax.datasets.manifest.csv_table import Row, Sheet, join_names
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.split_plan import SplitPlan, plan_splits
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError, suggest_nearest


class Place(NamedTuple):
    """Where an item is.

    Attributes:
      split: '' where the files have no splits.
      item: its number in that split, from 0.
    """

    split: str
    item: int


class ArrayCorpus(NamedTuple):
    """A corpus without faults.

    Attributes:
      path: of the files.
      files: all of them.
      rows: the items; `number` counts them from 1 through all splits.
      places: number of a row -> where it is.
      modalities: name -> split -> arrays.
      labels: name -> label.
      target: the label that is learned.
      plan: the splits.
      not_finite: modality -> how many values are NaN or infinite, and the first in words.
      remarks: what people should know, a sentence each.
    """

    path: Path
    files: tuple[Path, ...]
    rows: tuple[Row, ...]
    places: dict[int, Place]
    modalities: dict[str, dict[str, Modality]]
    labels: dict[str, Labels]
    target: str
    plan: SplitPlan
    not_finite: dict[str, tuple[int, str]]
    remarks: tuple[str, ...]

    def cut(self, row: Row) -> dict[str, np.ndarray]:
        """modality -> float32 [T, D] of an item; a modality that it lacks has no entry."""
        split, item = self.places[row.number]
        return {m: self.modalities[m][split].cut(item) for m in row.files}


def read_corpus(settings: Settings, path: str) -> ArrayCorpus:
    """Reads and checks files of arrays.

    Args:
      settings: of the corpus.
      path: of its files.

    Raises:
      UserError: what is wrong with the first thing that is.
    """
    splits = find_fields(path, settings.largest_file)
    _check_splits(splits, path)
    widths = roles.parse_widths(settings.widths or ())
    by_split = {split: roles.assign_roles(fields, widths, settings.target) for split, fields in splits.items()}
    chosen = _choose_modalities(by_split, settings.modalities or (), path)
    labels = label_tables.read_labels(by_split, settings.target, settings.classes, path)
    counts = {split: len(values) for split, values in labels.target_values.items()}
    read = {
        split: modality_arrays.read_modalities(one, chosen, counts[split], settings.padding == "zeros")
        for split, one in by_split.items()
    }
    modalities = {m: {split: one.modalities[m] for split, one in read.items()} for m in chosen}
    for m, of_splits in modalities.items():
        _check_widths(m, of_splits)
    items = _list_items(by_split, counts, modalities, settings.layout)
    numbered = {name: label_tables.number_items(label, counts) for name, label in labels.by_name.items()}
    plan = _plan_splits(Path(path), items, numbered, labels.target, settings)
    not_finite = _count_not_finite(modalities)
    return ArrayCorpus(
        path=Path(path),
        files=tuple(dict.fromkeys(field.file for fields in splits.values() for field in fields.values())),
        rows=items.rows,
        places=items.places,
        modalities=modalities,
        labels=numbered,
        target=labels.target,
        plan=plan,
        not_finite=not_finite,
        remarks=(
            *labels.remarks,
            *dict.fromkeys(remark for one in read.values() for remark in one.remarks),
            *_remark_unread(by_split, chosen),
            *_remark_groups(items, plan),
            *_remark_absent(items.rows, chosen),
            *_remark_not_finite(not_finite, settings.nonfinite),
        ),
    )


class _Items(NamedTuple):
    """The items of all splits.

    Attributes:
      rows: numbered from 1.
      places: number of a row -> where it is.
      named: ids and groups as the files say them.
      crossing: groups that are in two splits -> these, in words.
    """

    rows: tuple[Row, ...]
    places: dict[int, Place]
    named: names.Names
    crossing: dict[str, str]


def _list_items(
    by_split: Mapping[str, Roles],
    counts: Mapping[str, int],
    modalities: Mapping[str, Mapping[str, Modality]],
    layout: str,
) -> _Items:
    named = _name_items(by_split, counts)
    places = [Place(split, item) for split, count in counts.items() for item in range(count)]
    rows = tuple(
        Row(n, named.ids[n - 1], place.split, named.groups[n - 1], {}, _list_present(modalities, place))
        for n, place in enumerate(places, start=1)
    )
    crossing = _find_crossing_groups(rows)
    if layout == "group":
        # A video is one recording: of one that two splits share, each split has its own utterances.
        rows = tuple(r._replace(group=f"{r.group}@{r.split}") if r.group in crossing else r for r in rows)
    return _Items(rows, dict(enumerate(places, start=1)), named, crossing)


def _plan_splits(path: Path, items: _Items, labels: Mapping[str, Labels], target: str, settings: Settings) -> SplitPlan:
    sheet = Sheet(
        path=path,
        rows=items.rows,
        labels=tuple(labels),
        modalities=(),
        unread=(),
        split_column="split" if items.rows[0].split else "",
        grouped=bool(items.named.form),
    )
    problems = Problems(path)
    plan = plan_splits(sheet, labels[target], folds=settings.folds, seed=settings.seed, problems=problems)
    problems.raise_if_any()
    return plan


def _check_splits(splits: Splits, path: str) -> None:
    if "" in splits or ("train" in splits and len(splits) > 1):
        return
    if "train" in splits:
        raise UserError(
            f"{path} has the split 'train' only; add 'test' (and 'valid'), or give the arrays names without 'train', so"
            " that folds are drawn"
        )
    raise UserError(
        f"{path} has the splits {', '.join(sorted(splits))} but no 'train', so there is nothing to learn from; name the"
        " folder or pattern of all its files in config.corpus.path"
    )


def _choose_modalities(by_split: Mapping[str, Roles], asked: Sequence[str], path: str) -> tuple[str, ...]:
    """The modalities that all splits have, of those that are asked for."""
    first = next(iter(by_split))
    known = by_split[first].modalities
    for split, one in by_split.items():
        odd = sorted({*known} ^ {*one.modalities})
        if odd:
            has, lacks = (first, split) if odd[0] in known else (split, first)
            raise UserError(
                f"{path} has the modality {odd[0]!r} in the split {has!r} but not in {lacks!r}; all splits need it"
            )
    unread = {name: reason for one in by_split.values() for name, reason in one.unread.items()}
    for name in asked:
        if name not in known:
            reason = f" is {unread[name]}" if name in unread else f" is no array of it{suggest_nearest(name, known)}"
            raise UserError(
                f"the modality {name!r} was asked for, which{reason}; {path} has {', '.join(known) or 'none'}"
            )
    if not known:
        others = join_names(sorted({*unread, *by_split[first].labels})) or "nothing"
        raise UserError(f"{path} has no modality [items, steps, columns] of numbers; it has {others}")
    return tuple(name for name in known if not asked or name in asked)


def _check_widths(name: str, of_splits: Mapping[str, Modality]) -> None:
    first, *others = of_splits.values()
    for other in others:
        if other.width != first.width:
            raise UserError(
                f"{other.field} has {other.width} columns of {name!r}, but {first.field} has {first.width}; all splits"
                " need the same columns"
            )


def _list_present(modalities: Mapping[str, Mapping[str, Modality]], place: Place) -> dict[str, Path]:
    """modality -> its file, of those that the item has."""
    arrays = {m: of_splits[place.split] for m, of_splits in modalities.items()}
    return {m: one.field.file for m, one in arrays.items() if one.spans.stop[place.item] > one.spans.start[place.item]}


def _name_items(by_split: Mapping[str, Roles], counts: Mapping[str, int]) -> names.Names:
    """Ids and groups of all items, in the order of the splits."""
    if not all(one.ids for one in by_split.values()):
        ids = [f"{split or 'item'}_{item}" for split, count in counts.items() for item in range(count)]
        named = names.Names(ids, ids, "")
    else:
        named = names.group_names(
            [name for split, one in by_split.items() for name in _decode_names(one.ids, counts[split])]
        )
    if all(one.groups for one in by_split.values()):
        groups = [
            name if isinstance(name, str) else "_".join(name)
            for split, one in by_split.items()
            for name in _decode_names(one.groups, counts[split])
        ]
        named = named._replace(groups=groups, form=f"the field {next(iter(by_split.values())).groups.place!r} says it")
    repeated = [name for name, count in collections.Counter(named.ids).items() if count > 1]
    if repeated:
        splits = [split for split, count in counts.items() for _ in range(count)]
        at = [i for i, name in enumerate(named.ids) if name == repeated[0]][:2]
        where = " and ".join(f"item {at_one} ({splits[at_one] or 'no split'})" for at_one in at)
        raise UserError(
            f"{next(iter(by_split.values())).ids.file} has the id {quote_values(repeated[0])} twice, at {where},"
            f" counted from 0 through all splits ({len(repeated)} ids are repeated); every item needs its own, and what"
            " names videos is called 'group'"
        )
    return named


def _decode_names(field: Field, count: int) -> list[str] | list[tuple[str, ...]]:
    if field.shape[0] != count:
        raise UserError(f"{field} has {field.shape[0]} entries, but there are {count} labels; both need one an item")
    try:
        return names.decode_names(field.read())
    except (ValueError, TypeError) as error:
        raise UserError(f"{field} has entries that are {error}; expected a text for each item") from error


def _find_crossing_groups(rows: Sequence[Row]) -> dict[str, str]:
    """Groups that are in two splits -> these, in words."""
    splits_of: dict[str, dict[str, None]] = {}
    for row in rows:
        splits_of.setdefault(row.group, {})[row.split] = None
    return {group: " and ".join(splits) for group, splits in splits_of.items() if len(splits) > 1}


def _count_not_finite(modalities: Mapping[str, Mapping[str, Modality]]) -> dict[str, tuple[int, str]]:
    counted = {}
    for m, of_splits in modalities.items():
        count, first = 0, ""
        for one in of_splits.values():
            finiteness = padding.count_not_finite(one.values, one.columns)
            count += finiteness.count
            if finiteness.first and not first:
                item, step, column = finiteness.first
                first = f"{one.field.place} item {item} step {step} column {column} (from 0)"
        if count:
            counted[m] = (count, first)
    return counted


def _remark_unread(by_split: Mapping[str, Roles], chosen: Sequence[str]) -> list[str]:
    one = next(iter(by_split.values()))
    reasons = [f"{name} ({reason})" for name, reason in one.unread.items()]
    reasons += [f"{name} (not in config.corpus.modalities)" for name in one.modalities if name not in chosen]
    return [f"not read: {', '.join(reasons)}"] if reasons else []


def _remark_groups(items: _Items, plan: SplitPlan) -> list[str]:
    named, crossing = items.named, items.crossing
    if not named.form:
        without = "no ids that name videos, so every item is its own group"
        return [f"{without}, and folds may split a video"] if plan.folds or plan.draws else [without]
    remarks = [f"{len({*named.groups})} groups of items: {named.form}"]
    if crossing:
        group, splits = next(iter(crossing.items()))
        remarks.append(
            f"{len(crossing)} groups have items in several splits, such as {quote_values(group)} in {splits}; the"
            " splits stay as the files have them, but a model may know a test item's video from training"
        )
    return remarks


def _remark_absent(rows: Sequence[Row], chosen: Sequence[str]) -> list[str]:
    counts = {m: sum(m not in row.files for row in rows) for m in chosen}
    absent = ", ".join(f"{m} in {count} of {len(rows)}" for m, count in counts.items() if count)
    return [f"missing modalities (rows of zeros only): {absent}"] if absent else []


def _remark_not_finite(not_finite: Mapping[str, tuple[int, str]], policy: str) -> list[str]:
    return [
        f"{m} has {count} NaN or infinite values, the first in {first}; config.corpus.nonfinite={policy!r}"
        + (" replaces them" if policy != "refuse" else "")
        for m, (count, first) in not_finite.items()
    ]
