"""Settings of several corpora -> `Recordings`: their labels mapped, their folds joined.

What a fold trains on and tests stands in its name: `a+b->c.1` trains on the training recordings of the first folds of
a and b, selects by their validation recordings and is scored on the test recordings of the first fold of c. So a corpus
is tested on the same recordings whatever was trained on, and is never trained on what it is tested on.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from affect_jax.datasets.joined.parts import Part, join_forms, read_parts
from affect_jax.datasets.joined.settings import ARROW, OTHERS, Settings
from affect_jax.datasets.manifest.reader import Column, Description, Label
from affect_jax.datasets.missing_values import MissingValues
from affect_jax.datasets.recordings import Fold, Recording, Recordings, add_fingerprint
from affect_jax.datasets.settings import resolve_settings
from affect_jax.errors import UserError, join_words, suggest_nearest


def describe(corpus: Mapping[str, Any]) -> Description:
    """What the corpora hold together; they are built where they are missing.

    Raises:
      UserError: as `load`.
    """
    recordings = load(corpus)
    members = recordings.splits["train"]
    (target,) = members[0].targets
    kind = "class" if recordings.labels else "number"
    return Description(
        modalities={name: _describe_column(name, members) for name in sorted({m for r in members for m in r.features})},
        labels={target: Label(target, kind, recordings.labels, per_step=False)},
        split_column="",
        items=len(members),
        groups=len({r.group for r in members}),
        steps=(1,) * len(members),
    )


def _describe_column(name: str, members: list[Recording]) -> Column:
    values = [r.features[name] for r in members if name in r.features]
    is_sound, lengths = values[0].ndim == 1, tuple(len(one) for one in values)
    width = 1 if is_sound else values[0].shape[1]
    return Column(name, "waveform" if is_sound else "features", width, max(lengths), lengths)


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    Ids and groups have the name of their part in front of them, `told/speaker_1`. Classes count from 0 in the order in
    which parts and their labels have them.

    Args:
      corpus: `config.corpus`, see `Settings`.

    Raises:
      UserError: a setting is not as it must be, whatever the reader of a part finds wrong, parts that do not fit each
        other, or a label that the map does not name.
    """
    settings = resolve_settings(corpus, Settings)
    parts = read_parts(settings)
    names = tuple(part.name for part in parts)
    _check_names(settings, names)
    target = settings.target or parts[0].target
    maps, labels = _map_labels(parts, settings.label_map or {})
    kept = {part.name: _rename(part, target, maps[part.name], labels) for part in parts}
    joined = Recordings(
        corpus="joined",
        form="+".join(names),
        synthetic=any(part.recordings.synthetic for part in parts),
        splits={"train": [recording for of_part in kept.values() for recording in of_part]},
        draws={},
        folds=_plan_folds(parts, settings, {r.id for of_part in kept.values() for r in of_part}),
        fingerprint="",
        labels=labels,
        inputs=join_forms(parts),
    )
    if labels:
        _check_classes(joined, target)
    return add_fingerprint(joined)


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, MissingValues]:
    """Returns what `load` returns; missing values were replaced, and told, by the parts' own readers."""
    return load(corpus), MissingValues(0, 0, "")


def _check_names(settings: Settings, names: tuple[str, ...]) -> None:
    asked = {"train": settings.train or (), "test": settings.test or (), "label_map": settings.label_map or ()}
    for key, chosen in asked.items():
        if key == "train" and tuple(chosen) == (OTHERS,):
            continue
        for name in chosen:
            if name not in names:
                raise UserError(
                    f"config.corpus.{key} names {name!r}{suggest_nearest(name, names)}; config.corpus.parts has "
                    f"{join_words(names)}"
                )


def _map_labels(parts: list[Part], label_map: Mapping[str, Any]) -> tuple[dict[str, dict[str, str]], tuple[str, ...]]:
    """Part -> its label -> the joint one, '' for none; and the joint labels, () of numbers.

    Raises:
      UserError: classes beside numbers, a map of numbers, or a label that a map does not name.
    """
    numbers = [part.name for part in parts if not part.recordings.labels]
    if numbers and len(numbers) < len(parts):
        raise UserError(
            f"config.corpus.parts: the labels of {join_words(numbers)} are numbers, those of the others are classes; "
            "name labels of one kind with the parts' target"
        )
    if numbers and label_map:
        raise UserError("config.corpus.label_map is of classes, and these labels are numbers; leave it out")
    maps: dict[str, dict[str, str]] = {}
    for part in parts:
        own = part.recordings.labels
        given = label_map.get(part.name, {label: label for label in own})
        if not isinstance(given, Mapping) or not all(isinstance(to, str) for to in given.values()):
            raise UserError(
                f"config.corpus.label_map.{part.name} is {given!r}; give a table of its labels, '' for one to leave out"
            )
        for label in own:
            if label not in given:
                raise UserError(
                    f"config.corpus.label_map.{part.name} does not name the label {label!r}; map it, or '' leaves its "
                    "recordings out"
                )
        for label in given:
            if label not in own:
                raise UserError(
                    f"config.corpus.label_map.{part.name} names {label!r}{suggest_nearest(label, own)}; its labels are "
                    f"{join_words(own)}"
                )
        maps[part.name] = dict(given)
    joint = dict.fromkeys(maps[part.name][label] for part in parts for label in part.recordings.labels)
    return maps, tuple(label for label in joint if label)


def _rename(part: Part, target: str, mapped: Mapping[str, str], labels: tuple[str, ...]) -> list[Recording]:
    """The labelled recordings of a part, named after it, with the joint label."""
    kept = []
    for recording in part.list_members():
        value = recording.targets[part.target]
        if labels:
            label = mapped[part.recordings.labels[int(value[0])]]
            if not label:
                continue
            value = np.array([labels.index(label)], np.float32)
        name, group = f"{part.name}/{recording.id}", f"{part.name}/{recording.group}"
        steps = tuple(f"{part.name}/{step}" for step in recording.steps)
        kept.append(recording._replace(id=name, group=group, steps=steps, targets={target: value}))
    return kept


def _plan_folds(parts: list[Part], settings: Settings, kept: set[str]) -> dict[str, Fold]:
    """The folds by name; of parts with different numbers of folds as many as all have."""
    folds_of = {part.name: [_rename_fold(part.name, fold, kept) for fold in part.list_folds()] for part in parts}
    tested = settings.test or tuple(folds_of)
    if settings.train == (OTHERS,):
        return {
            _name_fold(others, (name,)): _leave_out(folds_of, others, name, kept)
            for name in tested
            for others in [tuple(other for other in folds_of if other != name)]
        }
    trained = settings.train or tuple(folds_of)
    count = min(len(folds_of[name]) for name in {*trained, *tested})
    folds = {}
    for number in range(count):
        chosen = {name: of_part[number] for name, of_part in folds_of.items()}
        name = _name_fold(trained, tested) + (f".{number + 1}" if count > 1 else "")
        folds[name] = Fold(
            validation=tuple(i for part in trained for i in chosen[part].validation),
            test=tuple(i for part in tested for i in chosen[part].test),
            train=tuple(i for part in trained for i in chosen[part].train),
        )
        if not folds[name].test:
            raise UserError(f"config.corpus.test is {join_words(tested)}, which have no labelled test recordings")
    return folds


def _name_fold(trained: tuple[str, ...], tested: tuple[str, ...]) -> str:
    return f"{'+'.join(trained)}{ARROW}{'+'.join(tested)}"


def _rename_fold(part: str, fold: Fold, kept: set[str]) -> Fold:
    """The fold by the names of the joined recordings, without those that were left out."""
    return Fold(*(tuple(name for name in (f"{part}/{i}" for i in ids) if name in kept) for ids in fold))


def _leave_out(folds_of: Mapping[str, list[Fold]], others: tuple[str, ...], name: str, kept: set[str]) -> Fold:
    """Trains on all of the other parts but the validation recordings of their first folds; tests on all of one."""
    validation = tuple(i for other in others for i in folds_of[other][0].validation)
    held_out = {*validation}
    everything = sorted(kept)
    return Fold(
        validation=validation,
        test=tuple(i for i in everything if i.startswith(f"{name}/")),
        train=tuple(i for i in everything if not i.startswith(f"{name}/") and i not in held_out),
    )


def _check_classes(joined: Recordings, target: str) -> None:
    """Raises UserError for a class that a fold tests but does not train: it could never be answered."""
    label_of = {r.id: int(r.targets[target][0]) for r in joined.splits["train"]}
    for name, fold in joined.folds.items():
        taught = {label_of[i] for i in fold.train}
        absent = sorted({label_of[i] for i in fold.test} - taught)
        if absent:
            raise UserError(
                f"fold {name!r} tests the label {joined.labels[absent[0]]!r}, which none of its training recordings "
                "has; map it to one that they have, or to '' (config.corpus.label_map)"
            )
