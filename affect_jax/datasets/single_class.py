"""Parts of a corpus whose recordings are all of one class, so that a score says nothing about the others."""

from collections.abc import Mapping, Sequence

import numpy as np

from affect_jax.datasets.recordings import Recording, Recordings


def describe_single_classes(recordings: Recordings, target: str) -> list[str]:
    """A sentence for the validation parts, and one for the test parts, that have a single class of `target`; [] where
    it is a number."""
    if not recordings.labels:
        return []
    train = recordings.splits.get("train", [])
    told = []
    for kind, use in (("validation", "select by"), ("test", "score")):
        parts: dict[str, Sequence[Recording]] = {}
        if kind in recordings.splits:
            parts[f"the {kind} split"] = recordings.splits[kind]
        for name, fold in recordings.folds.items():
            ids = set(getattr(fold, kind))
            part = name if name.startswith("fold") else f"fold {name}"
            parts[part] = [recording for recording in train if recording.id in ids]
        single = {part: _find_single(members, target) for part, members in parts.items()}
        single = {part: number for part, number in single.items() if number is not None}
        if single:
            told.append(_describe(single, len(parts), recordings.labels, kind, use))
    return told


def _find_single(members: Sequence[Recording], target: str) -> int | None:
    """The only class of these recordings; None where there are several, or no labels."""
    labels = [recording.targets[target] for recording in members if target in recording.targets]
    classes = np.unique(np.concatenate(labels)) if labels else np.zeros(0)
    return int(classes[0]) if len(classes) == 1 else None


def _describe(single: Mapping[str, int], parts: int, labels: Sequence[str], kind: str, use: str) -> str:
    named = ", ".join(f"{part} ({labels[number]!r})" for part, number in list(single.items())[:4])
    more = f" and {len(single) - 4} more of {parts}" if len(single) > 4 else ""
    return (
        f"to {use} there is one class alone in {named}{more}: a model that always answers it is right there, so these "
        f"scores say little; give every {kind} part groups of all classes"
    )
