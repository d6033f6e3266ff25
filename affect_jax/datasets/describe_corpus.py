"""A corpus in a few lines of text: what launch.prepare prints."""

from collections.abc import Iterator, Sequence

import numpy as np

from affect_jax.datasets.recordings import Recording, Recordings


def describe_recordings(recordings: Recordings, rate: int | None = None) -> Iterator[str]:
    """Lines about a corpus: what it is, its parts, its features, its targets, its validation draws, its folds.

    Args:
      recordings: all of it.
      rate: of its waveforms in Hz; None counts their samples.
    """
    # Where the form is synthetic in one respect only, its name says which.
    plain = recordings.synthetic and "synthetic" not in recordings.variant
    kind = " (synthetic: made by a generator, not by people)" if plain else ""
    yield f"corpus       {recordings.corpus} {recordings.variant}{kind}"
    for part, found in recordings.splits.items():
        lengths = [len(recording.steps) for recording in found]
        steps = f", {sum(lengths)} steps, {_format_range(lengths)} each" if max(lengths) > 1 else ""
        targets = _describe_targets(found, recordings.labels)
        yield f"{part:<12} {len(found)} recordings of {_count_groups(found)} groups{steps}; {targets}"
    everything = [recording for found in recordings.splits.values() for recording in found]
    names = dict.fromkeys(name for recording in everything for name in recording.features)
    yield f"features     {', '.join(_describe_modality(name, everything, rate) for name in names)}"
    zeros = _count_zero_rows(everything)
    if zeros:
        yield f"zero rows    {', '.join(f'{name} {count}' for name, count in zeros.items())} (kept as they are)"
    for name, ids in recordings.draws.items():
        steps = sum(len(r.steps) for r in recordings.splits["train"] if r.id in ids)
        yield f"{name:<12} holds out {len(ids)} training recordings, {steps} steps: {' '.join(ids)}"
    for name, fold in recordings.folds.items():
        sides = [[r for r in recordings.splits["train"] if r.id in set(ids)] for ids in (fold.test, fold.validation)]
        scored, selecting = (f"{len(side)} recordings of {_name_groups(side)}" for side in sides)
        trained = len(fold.trains([r.id for r in recordings.splits["train"]]))
        others = f"{trained} others" if fold.train else f"the other {trained}"
        yield f"{name:<12} scored on {scored}; selected by {selecting}; trained on {others}"


def _format_range(lengths: Sequence[float], form: str = "g") -> str:
    least, most = (format(length, form) for length in (min(lengths), max(lengths)))
    return most if least == most else f"{least} to {most}"


def _count_groups(found: list[Recording]) -> int:
    return len({recording.group for recording in found})


def _name_groups(found: list[Recording]) -> str:
    names = sorted({recording.group for recording in found})
    return " ".join(names) if len(names) <= 8 else f"{len(names)} groups"


def _describe_modality(name: str, found: list[Recording], rate: int | None) -> str:
    """A modality's width, or its length where that is its own: of waveforms, and of rows under a single label."""
    found = [recording for recording in found if name in recording.features]
    values = [recording.features[name] for recording in found]
    if values[0].ndim == 1:
        lengths = [len(x) for x in values]
        if rate is None:
            return f"{name} (waveforms of {_format_range(lengths)} samples)"
        seconds = _format_range([length / rate for length in lengths], ".2f")
        return f"{name} (waveforms of {seconds} s at {rate} Hz, {sum(lengths) / rate / 3600:.2f} h in all)"
    own = any(len(x) != len(r.steps) for x, r in zip(values, found, strict=True))
    return f"{name} {values[0].shape[1]}" + (f" ({_format_range([len(x) for x in values])} rows each)" if own else "")


def _count_zero_rows(found: list[Recording]) -> dict[str, int]:
    """modality -> rows that are all zero, as where no face was found; a waveform's zeros are silence."""
    counts: dict[str, int] = {}
    for recording in found:
        for name, values in recording.features.items():
            if values.ndim > 1:
                counts[name] = counts.get(name, 0) + int((~values.any(axis=1)).sum())
    return {name: count for name, count in counts.items() if count}


def _describe_targets(found: list[Recording], labels: tuple[str, ...]) -> str:
    names = sorted({name for recording in found for name in recording.targets})
    words = []
    for name in names:
        values = np.concatenate([r.targets[name] for r in found if name in r.targets])
        classes, counts = np.unique(values, return_counts=True)
        if len(classes) <= 20 and (classes == np.rint(classes)).all():
            called = [labels[int(c)] if labels else f"{c:g}" for c in classes]
            each = ", ".join(f"{c}: {n}" for c, n in zip(called, counts, strict=True))
            words.append(f"{name} {each} (majority {100 * counts.max() / counts.sum():.1f} %)")
        else:
            words.append(
                f"{name} {values.min():.3f} to {values.max():.3f}, mean {values.mean():.3f}, sd {values.std():.3f}"
            )
    return "; ".join(words) or "no labels"
