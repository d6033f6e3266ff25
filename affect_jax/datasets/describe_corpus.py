"""A corpus in a few lines of text, which launch.prepare prints."""

from collections.abc import Iterator, Sequence

import numpy as np

from affect_jax.datasets.recordings import Fold, Recording, Recordings
from affect_jax.errors import format_count

_MOST_NAMED = 8
_MOST_CLASSES = 20
_MOST_LISTED = 50


def describe_recordings(recordings: Recordings, rate: int | None = None) -> Iterator[str]:
    """Yields lines about a corpus: its form, splits, features, targets, validation draws and folds.

    Args:
      recordings: the whole corpus.
      rate: sampling rate of its waveforms in Hz; None counts their samples.
    """
    # Where the form is synthetic in one respect only, its name says in which.
    is_plain = recordings.synthetic and "synthetic" not in recordings.form
    kind = " (synthetic: made by a generator, not by people)" if is_plain else ""
    yield f"corpus       {recordings.corpus} {recordings.form}{kind}"
    for split, members in recordings.splits.items():
        lengths = [len(recording.steps) for recording in members]
        steps = f", {sum(lengths)} steps, {_format_range(lengths)} each" if max(lengths) > 1 else ""
        targets = _describe_targets(members, recordings.labels)
        groups = format_count(_count_groups(members), "group")
        yield f"{split:<12} {format_count(len(members), 'recording')} of {groups}{steps}; {targets}"
    everything = [recording for members in recordings.splits.values() for recording in members]
    names = dict.fromkeys(name for recording in everything for name in recording.features)
    yield f"features     {', '.join(_describe_modality(name, everything, rate) for name in names)}"
    zeros = _count_zero_rows(everything)
    if zeros:
        yield f"zero rows    {', '.join(f'{name} {count}' for name, count in zeros.items())} (kept as they are)"
    for name, ids in recordings.draws.items():
        held_out = set(ids)
        steps = sum(len(r.steps) for r in recordings.splits["train"] if r.id in held_out)
        named = ", ".join(ids[:_MOST_LISTED]) + (", ..." if len(ids) > _MOST_LISTED else "")
        yield f"{name:<12} holds out {len(ids)} training recordings, {steps} steps: {named}"
    for name, fold in recordings.folds.items():
        yield f"{name:<12} {_describe_fold(fold, recordings.splits['train'])}"


def _describe_fold(fold: Fold, recordings: Sequence[Recording]) -> str:
    test, validation = (_describe_members(recordings, ids) for ids in (fold.test, fold.validation))
    count = len(fold.select_training_ids([r.id for r in recordings]))
    training = f"{count} others" if fold.train else f"the other {count}"
    return f"scored on {test}; selected by {validation}; trained on {training}"


def _describe_members(recordings: Sequence[Recording], ids: Sequence[str]) -> str:
    wanted = set(ids)
    members = [recording for recording in recordings if recording.id in wanted]
    return f"{format_count(len(members), 'recording')} of {_name_groups(members)}"


def _format_range(values: Sequence[float], form: str = "g") -> str:
    """'3 to 7', or '3' where all are equal."""
    least, most = (format(value, form) for value in (min(values), max(values)))
    return most if least == most else f"{least} to {most}"


def _count_groups(recordings: Sequence[Recording]) -> int:
    return len({recording.group for recording in recordings})


def _name_groups(recordings: Sequence[Recording]) -> str:
    names = sorted({recording.group for recording in recordings})
    return ", ".join(names) if len(names) <= _MOST_NAMED else f"{len(names)} groups"


def _describe_modality(name: str, recordings: Sequence[Recording], rate: int | None) -> str:
    """The width of a modality, and its length where that is not the target's: waveforms, rows under a single label."""
    recordings = [recording for recording in recordings if name in recording.features]
    values = [recording.features[name] for recording in recordings]
    if values[0].ndim == 1:
        lengths = [len(x) for x in values]
        if rate is None:
            return f"{name} (waveforms of {_format_range(lengths)} samples)"
        seconds = _format_range([length / rate for length in lengths], ".2f")
        return f"{name} (waveforms of {seconds} s at {rate} Hz, {sum(lengths) / rate / 3600:.2f} h in all)"
    has_own_length = any(len(x) != len(r.steps) for x, r in zip(values, recordings, strict=True))
    rows = f" ({_format_range([len(x) for x in values])} rows each)" if has_own_length else ""
    return f"{name} {values[0].shape[1]}{rows}"


def _count_zero_rows(recordings: Sequence[Recording]) -> dict[str, int]:
    """modality -> rows that are all zero, as where no face was detected; a waveform's zeros are silence."""
    counts: dict[str, int] = {}
    for recording in recordings:
        for name, values in recording.features.items():
            if values.ndim > 1:
                counts[name] = counts.get(name, 0) + int((~np.asarray(values).any(axis=1)).sum())
    return {name: count for name, count in counts.items() if count}


def _describe_targets(recordings: Sequence[Recording], labels: tuple[str, ...]) -> str:
    names = sorted({name for recording in recordings for name in recording.targets})
    texts = []
    for name in names:
        values = np.concatenate([r.targets[name] for r in recordings if name in r.targets])
        classes, counts = np.unique(values, return_counts=True)
        if len(classes) <= _MOST_CLASSES and (classes == np.rint(classes)).all():
            class_names = [labels[int(c)] if labels else f"{c:g}" for c in classes]
            each = ", ".join(f"{c}: {n}" for c, n in zip(class_names, counts, strict=True))
            texts.append(f"{name} {each} (majority {100 * counts.max() / counts.sum():.1f} %)")
        else:
            texts.append(
                f"{name} {values.min():.3f} to {values.max():.3f}, mean {values.mean():.3f}, sd {values.std():.3f}"
            )
    return "; ".join(texts) or "no labels"
