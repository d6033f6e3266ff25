"""Label fields of all splits -> labels with one value for each item, and the one that is learned."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from affect_jax.datasets.arrays import targets
from affect_jax.datasets.arrays.roles import Roles
from affect_jax.datasets.arrays.targets import RawLabel
from affect_jax.datasets.manifest.labels import Labels
from affect_jax.datasets.release_files import convert_to_float32
from affect_jax.errors import UserError, suggest_nearest

FIRST_CHOICES = ("regression_labels", "regression_labels_M", "labels_M", "labels", "label", "y")
"""Which label is learned where config.corpus.target is left open; any other first one after these."""
_MOST_CLASSES = 10


class JoinedLabel(NamedTuple):
    """A label of all splits.

    Attributes:
      name: of the label.
      classes: names of classes 0, 1, ...; () for numbers.
      values: split -> float32 [N]; of classes their numbers.
    """

    name: str
    classes: tuple[str, ...]
    values: dict[str, np.ndarray]


class LabelTables(NamedTuple):
    """The labels of a corpus.

    Attributes:
      by_name: those that all splits have.
      target: the one that is learned.
      remarks: what people should know about them.
    """

    by_name: dict[str, JoinedLabel]
    target: str
    remarks: tuple[str, ...]

    @property
    def target_values(self) -> dict[str, np.ndarray]:
        """Split -> float32 [N]."""
        return self.by_name[self.target].values


def read_labels(by_split: Mapping[str, Roles], target: str | None, as_classes: bool, path: str) -> LabelTables:
    """Reads the labels of all splits.

    Args:
      by_split: split -> its fields.
      target: `config.corpus.target`.
      as_classes: `config.corpus.classes`.
      path: for messages.

    Raises:
      UserError: there is no label, the target is none of them, or its values cannot be learned.
    """
    raw: dict[str, dict[str, RawLabel]] = {}
    unusable: dict[str, str] = {}
    for split, one in by_split.items():
        for field_name, field in one.labels.items():
            try:
                tables = targets.split_labels(field_name, field.read())
            except (ValueError, TypeError) as error:
                unusable.setdefault(field_name, f"{field} is {error}")
                continue
            for name, label in tables.items():
                raw.setdefault(name, {})[split] = label
    whole = {name: of_splits for name, of_splits in raw.items() if of_splits.keys() == by_split.keys()}
    chosen = target or next((name for name in (*FIRST_CHOICES, *whole) if name in whole), "")
    if chosen not in whole:
        raise UserError(_explain_absence(chosen, by_split, whole, raw, unusable, path))
    counts = {split: len(label.values) for split, label in whole[chosen].items()}
    usable = {n: x for n, x in whole.items() if all(len(x[split].values) == count for split, count in counts.items())}
    unusable |= {n: f"{n} has another number of items than {chosen}" for n in whole if n not in usable}
    joined = {name: _join(name, x, as_classes and name == chosen) for name, x in usable.items()}
    joined = {name: label for name, label in joined.items() if label is not None or name == chosen}
    _check_target(chosen, joined[chosen], whole[chosen], path)
    left_out = [f"left out: {reason}, which is no label of an item" for reason in unusable.values()]
    return LabelTables(joined, chosen, (*_remark(chosen, joined, target is not None), *left_out))


def _explain_absence(
    chosen: str,
    by_split: Mapping[str, Roles],
    whole: Mapping[str, dict],
    raw: Mapping[str, dict],
    unusable: Mapping[str, str],
    path: str,
) -> str:
    if chosen in unusable:
        return f"{unusable[chosen]}, which is no label of an item; choose another config.corpus.target"
    if chosen in raw:
        lacking = next(split for split in by_split if split not in raw[chosen])
        return f"{path} has no label {chosen!r} in the split {lacking!r}; all splits need it"
    if chosen:
        has = f"has the labels {', '.join(whole)}" if whole else "has no labels"
        return f"config.corpus.target is {chosen!r}{suggest_nearest(chosen, whole)}; {path} {has}"
    if unusable:
        return f"{next(iter(unusable.values()))}, which is no label of an item; name another in config.corpus.target"
    first = next(iter(by_split.values()))
    known = ", ".join([*first.modalities, *first.unread]) or "nothing"
    return (
        f"{path} has no labels: none of its arrays ({known}) is called labels, y or the like; name the one that is in"
        " config.corpus.target"
    )


def _join(name: str, of_splits: Mapping[str, RawLabel], as_classes: bool) -> JoinedLabel | None:
    """The label of all splits; None where splits have different kinds of it, or numbers that are not finite."""
    labels = list(of_splits.values())
    texts = [isinstance(label.values, list) for label in labels]
    if any(texts):
        if not all(texts):
            return None
        values = {split: [text.strip() for text in label.values] for split, label in of_splits.items()}
        classes = tuple(sorted({text for one in values.values() for text in one}))
        number_of = {text: number for number, text in enumerate(classes)}
        numbers = {s: np.array([number_of[text] for text in one], np.float32) for s, one in values.items()}
        return JoinedLabel(name, classes, numbers)
    numbers = {split: convert_to_float32(label.values) for split, label in of_splits.items()}
    if not all(np.isfinite(one).all() for one in numbers.values()):
        return None
    if not as_classes and not labels[0].are_classes:
        return JoinedLabel(name, (), numbers)
    distinct = np.unique(np.concatenate(list(numbers.values())))
    known = labels[0].classes if all(label.classes == labels[0].classes for label in labels) else ()
    if known:
        return JoinedLabel(name, known, numbers)
    classes = tuple(str(int(x)) if x == int(x) else repr(float(x)) for x in distinct.tolist())
    return JoinedLabel(name, classes, {s: np.searchsorted(distinct, x).astype(np.float32) for s, x in numbers.items()})


def _check_target(name: str, label: JoinedLabel | None, of_splits: Mapping[str, RawLabel], path: str) -> None:
    if label is None:
        for split, raw in of_splits.items():
            if not isinstance(raw.values, list) and not np.isfinite(convert_to_float32(raw.values)).all():
                item = int(np.argmin(np.isfinite(convert_to_float32(raw.values))))
                raise UserError(
                    f"{path} has no finite label {name!r} at item {item} (from 0) of the split {split or 'all'!r};"
                    " labels cannot be imputed: correct or leave out the item"
                )
        raise UserError(f"{path} has numbers for the label {name!r} in one split and text in another; use one kind")
    values = np.concatenate(list(label.values.values()))
    if not len(values):
        raise UserError(f"{path} has no items: the label {name!r} is empty")
    if len(np.unique(values)) < 2:
        raise UserError(f"{path} has the same label {name!r} for every item; there is nothing to learn")


def _remark(chosen: str, joined: Mapping[str, JoinedLabel], is_asked: bool) -> list[str]:
    remarks = []
    others = [name for name in joined if name != chosen]
    if others and not is_asked:
        remarks.append(f"the label {chosen!r} is learned; config.corpus.target chooses another of {', '.join(others)}")
    if chosen in targets.IEMOCAP_EMOTIONS and set(targets.IEMOCAP_EMOTIONS) <= set(joined):
        order = ", ".join(targets.IEMOCAP_EMOTIONS)
        remarks.append(f"labels [items, 4, 2] are taken as {order}, each no or yes, in the order of MulT")
    distinct = np.unique(np.concatenate(list(joined[chosen].values.values())))
    if not joined[chosen].classes and len(distinct) <= _MOST_CLASSES and (distinct == np.rint(distinct)).all():
        numbers = ", ".join(f"{x:g}" for x in distinct)
        remedy = "if these are classes, set config.corpus.classes"
        remarks.append(f"the label {chosen!r} has only the numbers {numbers}: {remedy}")
    return remarks


def number_items(label: JoinedLabel, counts: Mapping[str, int]) -> Labels:
    """The label by the numbers of items, which count from 1 through all splits."""
    values = np.concatenate([label.values[split] for split in counts])
    kind = "class" if label.classes else "number"
    return Labels(label.name, kind, label.classes, False, {n: values[n - 1 : n] for n in range(1, len(values) + 1)})
