"""Builds a corpus and prints what it found.

    python -m launch.prepare --corpus=cmu_mosi --manual_dir=DIR
    python -m launch.prepare --corpus=recola --manual_dir=DIR --target=valence --nonfinite=mean
    python -m launch.prepare --corpus=sspnet_conflict --manual_dir=DIR --rate=8000 --partition=parts.csv
    python -m launch.prepare --corpus=iemocap --form=release --modalities=text,audio --manual_dir=DIR --glove=FILE
    python -m launch.prepare --corpus=recola --synthetic_out=DIR

Checks the release's files against each other and against its known sizes, and stores them in --data_dir, where
launch.main finds them; it builds there itself what is missing. Without --manual_dir (or --download) it makes a small
synthetic corpus in the release's own layout. --synthetic_out only writes such files, to look at or to try a reader on.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from absl import flags

from affect_jax import datasets
from affect_jax.datasets.recordings import Recording, Recordings
from affect_jax.errors import UserError
from affect_jax.suggest import nearest
from launch import cli

FLAGS = flags.FLAGS
_SETTINGS = (
    "manual_dir",
    "data_dir",
    "target",
    "form",
    "nonfinite",
    "labels",
    "download",
    "rate",
    "modalities",
    "partition",
    "clipped",
    "glove",
    "video_features",
)


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("corpus", None, f"Which: {', '.join(corpora())}.", required=True, flag_values=values)
    flags.DEFINE_string(
        "manual_dir", None, "Folder with the release's files, as its owner ships them.", flag_values=values
    )
    flags.DEFINE_string(
        "data_dir", None, "Where built corpora go. Default: ~/.cache/affect_jax/corpora.", flag_values=values
    )
    flags.DEFINE_string("target", None, "recola: arousal (default) or valence.", flag_values=values)
    flags.DEFINE_string(
        "form",
        None,
        "recola: avec (AVEC 2016, default) or native; iemocap: precomputed (default) or release.",
        flag_values=values,
    )
    flags.DEFINE_string(
        "nonfinite",
        None,
        "Missing or infinite feature values: refuse (default), zero, or mean (of the recording's column).",
        flag_values=values,
    )
    flags.DEFINE_string(
        "labels",
        None,
        "cmu_mosi: binary (default), class7 or sentiment; ravdess: emotion (default), emotion7 or intensity; iemocap:"
        " emotion7 (default), emotion6 or emotion4.",
        flag_values=values,
    )
    flags.DEFINE_bool("download", None, "cmu_mosi: fetch the public files.", flag_values=values)
    flags.DEFINE_integer("rate", None, "Corpora of speech: Hz to store it at (default 8000).", flag_values=values)
    flags.DEFINE_list(
        "modalities",
        None,
        "Commas between. ravdess: speech (default), mfcc, action_units; iemocap: text, video, audio, prosody (all).",
        flag_values=values,
    )
    flags.DEFINE_string("partition", None, "sspnet_conflict: csv with the columns Name, split.", flag_values=values)
    flags.DEFINE_string("clipped", None, "sspnet_conflict: note (default) or refuse clipped clips.", flag_values=values)
    flags.DEFINE_string("glove", None, "iemocap, release: file of 300-d word vectors.", flag_values=values)
    flags.DEFINE_string(
        "video_features", None, "iemocap, release: folder of an npy [T, D] an utterance.", flag_values=values
    )
    flags.DEFINE_string(
        "synthetic_out", None, "Only write a synthetic corpus's raw files to this new folder.", flag_values=values
    )


def corpora() -> list[str]:
    """The names of the dataset packages."""
    return sorted(module.name for module in pkgutil.iter_modules(datasets.__path__) if module.ispkg)


def main(argv: list[str]) -> None:
    """Does what the flags say."""
    if len(argv) > 1:
        raise UserError(f"{argv[1]!r} is not a flag; --help lists the flags")
    if FLAGS.corpus not in corpora():
        raise UserError(
            f"--corpus={FLAGS.corpus} is not here{nearest(FLAGS.corpus, corpora())}; choose {', '.join(corpora())}"
        )
    package = importlib.import_module(f"affect_jax.datasets.{FLAGS.corpus}")
    given = {name: FLAGS[name].value for name in _SETTINGS if FLAGS[name].value is not None}
    if FLAGS.synthetic_out is not None:
        _write_synthetic(package, FLAGS.synthetic_out, given)
        return
    for name in given:
        if name not in package.DEFAULTS:
            raise UserError(f"--{name} is no setting of {FLAGS.corpus}; leave it out")
    recordings, gaps = package.inspect(given)
    for line in describe(recordings, given.get("rate", package.DEFAULTS.get("rate"))):
        print(line)
    replaced = f"replaced by {given.get('nonfinite')}, the first in {gaps.first}" if gaps.count else "none"
    print(f"missing      {f'{gaps.count} values in {gaps.columns} columns, ' if gaps.count else ''}{replaced}")
    # Of packages that have something to say beside what is in the recordings.
    for remark in package.remarks(given) if hasattr(package, "remarks") else ():
        print(f"note         {remark}")
    print(f"fingerprint  {recordings.fingerprint}")


def _write_synthetic(package: ModuleType, out: str, given: dict[str, Any]) -> None:
    # A corpus of several forms can be written in each.
    form = {"form": given["form"]} if "form" in given and "form" in signature(package.synthesize).parameters else {}
    other = [name for name in given if name not in form]
    if other:
        raise UserError(f"--synthetic_out only writes files; leave out --{other[0]}")
    package.synthesize(Path(out), **package.DEFAULTS["synthetic"], **form)
    again = "".join(f" --{name}={value}" for name, value in form.items())
    print(f"wrote a synthetic {FLAGS.corpus} corpus to {out}; read it with --manual_dir={out}{again}")


def describe(recordings: Recordings, rate: int | None = None) -> Iterator[str]:
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
        steps = f", {sum(lengths)} steps, {_span(lengths)} each" if max(lengths) > 1 else ""
        targets = _targets(found, recordings.labels)
        yield f"{part:<12} {len(found)} recordings of {_groups(found)} groups{steps}; {targets}"
    everything = [recording for found in recordings.splits.values() for recording in found]
    yield f"features     {', '.join(_features(name, everything, rate) for name in everything[0].features)}"
    zeros = _zero_rows(everything)
    if zeros:
        yield f"zero rows    {', '.join(f'{name} {count}' for name, count in zeros.items())} (kept as they are)"
    for name, ids in recordings.draws.items():
        steps = sum(len(r.steps) for r in recordings.splits["train"] if r.id in ids)
        yield f"{name:<12} holds out {len(ids)} training recordings, {steps} steps: {' '.join(ids)}"
    for name, fold in recordings.folds.items():
        sides = [[r for r in recordings.splits["train"] if r.id in set(ids)] for ids in (fold.test, fold.validation)]
        scored, selecting = (f"{len(side)} recordings of {_named_groups(side)}" for side in sides)
        trained = len(recordings.splits["train"]) - sum(map(len, sides))
        yield f"{name:<12} scored on {scored}; selected by {selecting}; trained on the other {trained}"


def _span(lengths: Sequence[float], form: str = "g") -> str:
    least, most = (format(length, form) for length in (min(lengths), max(lengths)))
    return most if least == most else f"{least} to {most}"


def _groups(found: list[Recording]) -> int:
    return len({recording.group for recording in found})


def _named_groups(found: list[Recording]) -> str:
    names = sorted({recording.group for recording in found})
    return " ".join(names) if len(names) <= 8 else f"{len(names)} groups"


def _features(name: str, found: list[Recording], rate: int | None) -> str:
    """A modality's width, or its length where that is its own: of waveforms, and of rows under a single label."""
    values = [recording.features[name] for recording in found]
    if values[0].ndim == 1:
        lengths = [len(x) for x in values]
        if rate is None:
            return f"{name} (waveforms of {_span(lengths)} samples)"
        seconds = _span([length / rate for length in lengths], ".2f")
        return f"{name} (waveforms of {seconds} s at {rate} Hz, {sum(lengths) / rate / 3600:.2f} h in all)"
    own = any(len(x) != len(r.steps) for x, r in zip(values, found, strict=True))
    return f"{name} {values[0].shape[1]}" + (f" ({_span([len(x) for x in values])} rows each)" if own else "")


def _zero_rows(found: list[Recording]) -> dict[str, int]:
    """modality -> rows that are all zero, as where no face was found; a waveform's zeros are silence."""
    counts: dict[str, int] = {}
    for recording in found:
        for name, values in recording.features.items():
            if values.ndim > 1:
                counts[name] = counts.get(name, 0) + int((~values.any(axis=1)).sum())
    return {name: count for name, count in counts.items() if count}


def _targets(found: list[Recording], labels: tuple[str, ...]) -> str:
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


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
