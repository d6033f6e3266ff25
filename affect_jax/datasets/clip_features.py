"""Features of the clips of a release, by the extractors that a manifest's columns have (docs/clips.md).

What they make is kept by content below `data_dir`, so a command that was killed goes on. Their columns are named as
`launch.predict` asks for them: a clip, and its transcript.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.datasets.input_form import ModalityForm
from affect_jax.errors import UserError
from affect_jax.extraction import extracted_files
from affect_jax.extraction.extracted_files import Extraction
from affect_jax.features.segments import WHOLE, Segment
from affect_jax.runtime.progress import Work

KEPT = "extracted"
"""Folder below `data_dir`."""
RATE = 3.0
"""Pictures a second of videos, as in the thesis."""
_MOST = 20
"""Problems that are listed."""
_COLUMNS = {"sound": "clip", "pictures": "clip", "words": "transcript"}


class Clip(NamedTuple):
    """What features of one example are made of.

    Attributes:
      id: of the example.
      content: path of a file, or words.
      segment: the stretch of the file.
      half: 'left' or 'right' where that half of its pictures alone is looked at.
      owner: who says the words; equal words of two people are not one file.
    """

    id: str
    content: str
    segment: Segment = WHOLE
    half: str = ""
    owner: str = ""


class Made(NamedTuple):
    """What became of the clips of one modality.

    Attributes:
      files: id -> file of features, of those that have any step.
      width: of the features.
      about: what `describe_modality` needs, as JSON has it.
      notes: what is odd about files.
    """

    files: dict[str, Path]
    width: int
    about: dict[str, Any]
    notes: tuple[str, ...]


def extract_clips(
    modality: str, name: str, clips: Sequence[Clip], folder: Path, *, kinds: Sequence[str], rate: float
) -> Made:
    """Makes the features of one modality.

    Args:
      modality: that they are of; messages call the setting `config.corpus.<modality>_features`.
      name: of the extractor.
      clips: all of them.
      folder: `data_dir`.
      kinds: what the extractor may read: 'sound', 'words', 'pictures'.
      rate: pictures a second of videos.

    Raises:
      UserError: the extractor cannot be loaded or reads something else, or files cannot be used: all are named.
    """
    from affect_jax.extraction import compute, sources  # JAX, which those who read what is built need not wait for
    from affect_jax.extraction.wanted import Wanted

    setting = f"config.corpus.{modality}_features"
    source = sources.load_source(name)
    if source.kind not in kinds:
        raise UserError(f"{setting} is {name!r}, which reads {source.kind}, not {' or '.join(kinds)}; name another")
    column = _COLUMNS[source.kind]
    kept = folder / KEPT
    kept.mkdir(parents=True, exist_ok=True)
    rows = [
        compute.Row(number, {column: clip.content, "group": clip.owner}, clip.segment, clip.half)
        for number, clip in enumerate(clips)
    ]
    problems: list[str] = []

    def report(number: int, text: str) -> None:
        problems.append(f"{clips[number].id}: {text.removeprefix(f'{column}: ')}")

    wanted = Wanted(modality, column, name)
    plan = compute.plan_features(wanted, source, rows, Path(), kept, rate=rate, report=report)
    notes = []
    with Work() as work:
        if plan.tasks:
            work.say(compute.describe_plan(plan))
        for line in compute.carry_out(plan, report):
            if line.startswith("note"):
                notes.append(" ".join(line.split()[1:]))
            else:
                work.say(line)
    if problems:
        more = [f"and {len(problems) - _MOST} more"] if len(problems) > _MOST else []
        raise UserError("\n".join([*problems[:_MOST], *more]))
    return _describe_made(modality, {clips[number].id: path for number, path in plan.made.items()}, notes)


def _describe_made(modality: str, files: Mapping[str, Path], notes: Sequence[str]) -> Made:
    seen: dict[Path, extracted_files.Extracted] = {}
    for path in files.values():
        if path not in seen:
            with np.load(path, allow_pickle=False) as arrays:
                seen[path] = extracted_files.parse_features(dict(arrays), path)
    whole = {name: path for name, path in files.items() if len(seen[path].values)}
    if not whole:
        raise UserError(f"no clip has any {modality!r}; leave it out of config.corpus, or name another extractor")
    first = seen[next(iter(whole.values()))]
    about = {
        "width": first.values.shape[1],
        "extraction": extracted_files.parse_record(first.made)._asdict(),
        "seconds": round(float(np.median([seen[path].seconds for path in whole.values()])), 3),
    }
    return Made(whole, first.values.shape[1], about, tuple(notes))


def read_features(made: Made, name: str) -> np.ndarray | None:
    """float32 [T, D] of an example; None where it has no step."""
    if name not in made.files:
        return None
    with np.load(made.files[name], allow_pickle=False) as arrays:
        return arrays["features"]


def describe_modality(about: Mapping[str, Any], missing: int) -> ModalityForm:
    """How a modality was made, from what a built corpus keeps.

    Args:
      about: of `Made`.
      missing: how many examples lack it.
    """
    extraction = Extraction(**about["extraction"])
    return ModalityForm(
        width=about["width"], is_sound=False, missing=missing, extraction=extraction, seconds=about["seconds"]
    )


def check_extractors(extractors: Mapping[str, str | None], modalities: Sequence[str]) -> None:
    """Refuses modalities without an extractor.

    Args:
      extractors: modality -> extractor, or None.
      modalities: that are asked for.

    Raises:
      UserError: an extractor is not named, or makes what is not asked for.
    """
    for modality, name in extractors.items():
        if modality in modalities and not name:
            raise UserError(
                f"config.corpus.modalities has {modality!r}, so set config.corpus.{modality}_features to an extractor, "
                "such as mfcc, faces+hog or resnet101:FILE (docs/clips.md)"
            )
        if name and modality not in modalities:
            raise UserError(
                f"config.corpus.{modality}_features is {name!r}, but {modality!r} is not among config.corpus.modalities"
            )


def sign_extractors(extractors: Mapping[str, str], rate: float) -> str:
    """8 hexadecimal digits that change with extractors, their files and the rate of pictures."""
    from affect_jax.extraction import sources

    text = "\n".join(f"{modality} {sources.sign_source(name)}" for modality, name in sorted(extractors.items()))
    return hashlib.sha256(f"{text}\n{rate:g}".encode()).hexdigest()[:8]
