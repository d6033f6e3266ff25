"""Builds a corpus and prints what it found.

    python -m launch.prepare --corpus=cmu_mosi --manual_dir=DIR
    python -m launch.prepare --corpus=recola --manual_dir=DIR --target=valence --nonfinite=mean
    python -m launch.prepare --corpus=sspnet_conflict --manual_dir=DIR --rate=8000 --partition=parts.csv
    python -m launch.prepare --corpus=iemocap --form=release --modalities=text,audio --manual_dir=DIR --glove=FILE
    python -m launch.prepare --corpus=manifest --manifest=FILE.csv --target=valence
    python -m launch.prepare --corpus=recola --synthetic_out=DIR

Needs: a release's folder (docs/corpora.md); without --manual_dir (or --download) it makes a small synthetic corpus in
the release's own layout. The files are checked against each other and against the release's known sizes.
Writes: the built corpus below --data_dir, where launch.main finds it (and builds itself what is missing).
--synthetic_out only writes a synthetic corpus' raw files, to look at or to try a reader on.
Of your own files (--corpus=manifest) every fault is told at once, a line each, and what was found is printed before
anything is built.
"""

import importlib
import pkgutil
from inspect import signature
from pathlib import Path
from types import ModuleType
from typing import Any

from absl import flags

from affect_jax import datasets
from affect_jax.datasets.describe_corpus import describe_recordings
from affect_jax.errors import UserError, suggest_nearest
from launch import cli

FLAGS = flags.FLAGS
_TEXT = {
    "manual_dir": "Folder with the release's files, as its owner ships them.",
    "manifest": "manifest: the csv file that lists your files, see docs/own_data.md.",
    "data_dir": "Where built corpora go. Default: ~/.cache/affect_jax/corpora.",
    "target": "recola: arousal (default) or valence; manifest: a label column (default: the first).",
    "form": "recola: avec (AVEC 2016, default) or native; iemocap: precomputed (default) or release.",
    "nonfinite": "Missing or infinite feature values: refuse (default), zero, or mean (of the recording's column).",
    "labels": "cmu_mosi: binary (default), class7 or sentiment; ravdess: emotion (default), emotion7 or intensity;"
    " iemocap: emotion7 (default), emotion6 or emotion4.",
    "partition": "sspnet_conflict: csv with the columns Name, split.",
    "clipped": "sspnet_conflict: note (default) or refuse clipped clips.",
    "glove": "iemocap, release: file of 300-d word vectors.",
    "video_features": "iemocap, release: folder of an npy [T, D] an utterance.",
    "layout": "manifest: item (default), steps (labels per step) or group (a group's items are its steps).",
    "sound": "manifest: what recordings become: mfcc (default), waveform or egemaps.",
}
_NUMBERS = {
    "rate": "Corpora of speech: Hz to store it at (default 8000).",
    "folds": "manifest: how many are drawn where the csv has neither split nor fold (default 5).",
    "seed": "manifest: of that draw (default 0).",
}
_SWITCHES = {
    "download": "cmu_mosi: fetch the public files.",
    "classes": "manifest: numbers in the target's column are names of classes.",
}
_LISTS = {
    "modalities": "Commas between. ravdess: speech (default), mfcc, action_units; iemocap: text, video, audio, prosody"
    " (all); manifest: columns of paths (all).",
}
_SETTINGS = (*_TEXT, *_NUMBERS, *_SWITCHES, *_LISTS)


def define_flags(values: flags.FlagValues) -> None:
    """Called by the program, not by importing this module: other launchers have flags of the same names."""
    flags.DEFINE_string("corpus", None, f"Which: {', '.join(corpora())}.", required=True, flag_values=values)
    kinds = (
        (flags.DEFINE_string, _TEXT),
        (flags.DEFINE_integer, _NUMBERS),
        (flags.DEFINE_bool, _SWITCHES),
        (flags.DEFINE_list, _LISTS),
    )
    for define, settings in kinds:
        for name, text in settings.items():
            define(name, None, text, flag_values=values)
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
            f"--corpus={FLAGS.corpus} is not here{suggest_nearest(FLAGS.corpus, corpora())}; choose {', '.join(corpora())}"
        )
    package = importlib.import_module(f"affect_jax.datasets.{FLAGS.corpus}")
    given = {name: FLAGS[name].value for name in _SETTINGS if FLAGS[name].value is not None}
    if FLAGS.synthetic_out is not None:
        _write_synthetic(package, FLAGS.synthetic_out, given)
        return
    for name in given:
        if name not in package.DEFAULTS:
            raise UserError(f"--{name} is no setting of {FLAGS.corpus}; leave it out")
    # Of packages that can check everything, and say what is there, before anything is built.
    for line in package.findings(given) if hasattr(package, "findings") else ():
        print(line, flush=True)
    recordings, gaps = package.inspect(given)
    for line in describe_recordings(recordings, given.get("rate", package.DEFAULTS.get("rate"))):
        print(line)
    if gaps.count or not hasattr(package, "findings"):  # which tell it themselves
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
    package.synthesize(Path(out), **package.DEFAULTS.get("synthetic", {}), **form)
    place = f"--manual_dir={out}" if "manual_dir" in package.DEFAULTS else f"--manifest={out}/manifest.csv"
    again = "".join(f" --{name}={value}" for name, value in form.items())
    print(f"wrote a synthetic {FLAGS.corpus} corpus to {out}; read it with {place}{again}")


if __name__ == "__main__":
    define_flags(FLAGS)
    cli.run(main)
