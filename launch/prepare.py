"""Builds a corpus and prints what it found.

    python -m launch.prepare --corpus=cmu_mosi --manual_dir=DIR
    python -m launch.prepare --corpus=recola --manual_dir=DIR --target=valence --nonfinite=mean
    python -m launch.prepare --corpus=recola --synthetic_out=DIR

Checks the release's files against each other and against its known sizes, and stores them in --data_dir, where
launch.main finds them; it builds there itself what is missing. Without --manual_dir (or --download) it makes a small
synthetic corpus in the release's own layout. --synthetic_out only writes such files, to look at or to try a reader on.
"""

import importlib
import pkgutil
from collections.abc import Iterator
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
_SETTINGS = ("manual_dir", "data_dir", "target", "form", "nonfinite", "labels", "download")


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
    flags.DEFINE_string("form", None, "recola: avec (AVEC 2016, default) or native.", flag_values=values)
    flags.DEFINE_string(
        "nonfinite",
        None,
        "Missing or infinite feature values: refuse (default), zero, or mean (of the recording's column).",
        flag_values=values,
    )
    flags.DEFINE_string("labels", None, "cmu_mosi: binary (default), class7 or sentiment.", flag_values=values)
    flags.DEFINE_bool("download", None, "cmu_mosi: fetch the public files.", flag_values=values)
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
    for line in describe(recordings):
        print(line)
    replaced = f"replaced by {given.get('nonfinite')}, the first in {gaps.first}" if gaps.count else "none"
    print(f"missing      {f'{gaps.count} values in {gaps.columns} columns, ' if gaps.count else ''}{replaced}")
    print(f"fingerprint  {recordings.fingerprint}")


def _write_synthetic(package: ModuleType, out: str, given: dict[str, Any]) -> None:
    if given:
        raise UserError(f"--synthetic_out only writes files; leave out --{next(iter(given))}")
    package.synthesize(Path(out), **package.DEFAULTS["synthetic"])
    print(f"wrote a synthetic {FLAGS.corpus} corpus to {out}; read it with --manual_dir={out}")


def describe(recordings: Recordings) -> Iterator[str]:
    """Lines about a corpus: what it is, its parts, its features, its targets, its validation draws."""
    kind = " (synthetic: made by a generator, not by people)" if recordings.synthetic else ""
    yield f"corpus       {recordings.corpus} {recordings.variant}{kind}"
    for part, found in recordings.splits.items():
        lengths = [len(recording.steps) for recording in found]
        groups = len({recording.group for recording in found})
        span = f"{min(lengths)} to {max(lengths)}" if min(lengths) < max(lengths) else f"{max(lengths)}"
        steps = f"{len(found)} recordings of {groups} groups, {sum(lengths)} steps, {span} each"
        yield f"{part:<12} {steps}; {_targets(found)}"
    features = next(iter(recordings.splits.values()))[0].features
    yield f"features     {', '.join(f'{name} {values.shape[1]}' for name, values in features.items())}"
    zeros = _zero_rows(recordings)
    if zeros:
        yield f"zero rows    {', '.join(f'{name} {count}' for name, count in zeros.items())} (kept as they are)"
    for name, ids in recordings.draws.items():
        steps = sum(len(r.steps) for r in recordings.splits["train"] if r.id in ids)
        yield f"{name:<12} holds out {len(ids)} training recordings, {steps} steps: {' '.join(ids)}"


def _zero_rows(recordings: Recordings) -> dict[str, int]:
    """modality -> steps whose features are all zero, as where no face was found."""
    counts: dict[str, int] = {}
    for recording in (r for found in recordings.splits.values() for r in found):
        for name, values in recording.features.items():
            counts[name] = counts.get(name, 0) + int((~values.any(axis=1)).sum())
    return {name: count for name, count in counts.items() if count}


def _targets(found: list[Recording]) -> str:
    names = sorted({name for recording in found for name in recording.targets})
    words = []
    for name in names:
        values = np.concatenate([r.targets[name] for r in found if name in r.targets])
        classes, counts = np.unique(values, return_counts=True)
        if len(classes) <= 20 and (classes == np.rint(classes)).all():
            each = ", ".join(f"{c:g}: {n}" for c, n in zip(classes, counts, strict=True))
            words.append(f"{name} {each} (majority {100 * counts.max() / counts.sum():.1f} %)")
        else:
            words.append(
                f"{name} {values.min():.3f} to {values.max():.3f}, mean {values.mean():.3f}, sd {values.std():.3f}"
            )
    return "; ".join(words) or "no labels"


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
