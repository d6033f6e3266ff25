"""What launch.prepare does: builds a corpus and describes it, or writes a synthetic one."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from affect_jax.datasets import build
from affect_jax.datasets.catalog import import_corpus
from affect_jax.datasets.describe_corpus import describe_recordings
from affect_jax.datasets.next_command import suggest_command
from affect_jax.datasets.single_class import describe_single_classes
from affect_jax.errors import UserError

_MEGABYTES = 500
"""Of features that stay in memory while a corpus is described."""


def prepare_corpus(name: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """Builds a corpus where it is missing, and yields lines that describe it.

    Args:
      name: of the corpus.
      settings: those that were given as flags, under the names of `config.corpus`.

    Raises:
      UserError: there is no such corpus, it does not have one of the settings, or its files are not as they must be.
    """
    package = import_corpus(name, "--corpus")
    for key in settings:
        if key not in package.DEFAULTS:
            raise UserError(f"--{key} is not a setting of {name}; leave it out")
    # A package that can check all files without building says what they hold before it takes the time to build.
    lists_contents = hasattr(package, "list_contents")
    yield from package.list_contents(settings) if lists_contents else ()
    # As in training that streams: a corpus may be larger than this machine's memory.
    with build.leave_features(_MEGABYTES):
        recordings, missing = package.inspect(settings)
    yield from describe_recordings(recordings, settings.get("rate", package.DEFAULTS.get("rate")))
    if missing.count:
        yield (
            f"missing      {missing.count} values in {missing.columns} columns, replaced by"
            f" {settings.get('nonfinite', package.DEFAULTS.get('nonfinite'))}, the first in {missing.first}"
        )
    elif not lists_contents:
        yield "missing      none"
    for remark in package.list_remarks(settings) if hasattr(package, "list_remarks") else ():
        yield f"note         {remark}"
    for target in sorted({name for recording in recordings.splits.get("train", ()) for name in recording.targets}):
        for sentence in describe_single_classes(recordings, target):
            yield f"note         {sentence}"
    yield f"fingerprint  {recordings.fingerprint}"
    if command := suggest_command(recordings, settings):
        yield f"next         {command}"


def compute_shard(name: str, settings: Mapping[str, Any], shard: str) -> str:
    """Computes one part of a corpus' features, and returns a line that says so.

    Args:
      name: of the corpus.
      settings: those that were given as flags.
      shard: which part of how many, as in '2/8'.

    Raises:
      UserError: no such part, or a corpus that is not built in parts; or from the corpus.
    """
    package = import_corpus(name, "--corpus")
    if not hasattr(package, "compute_shard"):
        raise UserError(f"--shard is for the recordings of a manifest, not for {name}; leave it out")
    number, _, count = shard.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise UserError(f"--shard is {shard!r}, expected a part of how many, such as 2/8")
    return package.compute_shard(settings, int(number), int(count))


def write_synthetic(name: str, folder: str, settings: Mapping[str, Any]) -> str:
    """Writes the raw files of a small synthetic corpus to a new folder, and returns a line that says how to read them.

    Args:
      name: of the corpus.
      folder: must not exist.
      settings: those that were given as flags; `form` or `layout` alone make sense here, of corpora that have several.

    Raises:
      UserError: there is no such corpus, another setting was given, or the folder exists or cannot be written.
    """
    package = import_corpus(name, "--corpus")
    takes = inspect.signature(package.synthesize).parameters
    kind = {key: settings[key] for key in ("form", "layout") if key in settings and key in takes}
    others = [key for key in settings if key not in kind]
    if others:
        raise UserError(f"--synthetic_out only writes files; leave out --{others[0]}")
    package.synthesize(Path(folder), **{**package.DEFAULTS.get("synthetic", {}), **kind})
    if "parts" in package.DEFAULTS:
        parts = {path.name: f"{path}/manifest.csv" for path in sorted(Path(folder).iterdir()) if path.is_dir()}
        return f'wrote {name} corpora to {folder}; train on them with launch.main --config.corpus.parts="{parts}"'
    kept = {"manual_dir": f"--manual_dir={folder}", "path": f"--path={folder}"}  # else the form of one's own corpus
    source = next((text for key, text in kept.items() if key in package.DEFAULTS), f"--manifest={folder}/manifest.csv")
    repeated = "".join(f" --{key}={value}" for key, value in kind.items() if key in package.DEFAULTS)
    return f"wrote a synthetic {name} corpus to {folder}; read it with {source}{repeated}"
