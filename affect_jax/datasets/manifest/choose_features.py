"""What `--features=auto` stands for: features by the kind of file that a manifest's columns name."""

import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from affect_jax.datasets.feature_frames import SUFFIXES as FEATURES
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.encoders import static_words
from affect_jax.errors import MissingPackageError, UserError
from affect_jax.extraction.wanted import AUTO, FORM, Wanted
from affect_jax.features import sound_streams, transcripts, video
from affect_jax.runtime import files

OWN = ("id", "split", "fold", "group", "start", "end")


def is_own(column: str) -> bool:
    """Whether a column of a manifest is no modality."""
    return column in OWN or column == "label" or column.startswith("label:")


def choose_features(header: Sequence[str], cells: Sequence[Mapping[str, str]], base: Path) -> tuple[Wanted, ...]:
    """What `auto` stands for, by the kind of file that most of a column's cells name.

    Sound becomes MFCC, pictures of videos and folders histograms of gradients (of the face where dlib is installed),
    transcripts word vectors where wordllama is. Columns of features, and of anything else, stay as they are.

    Raises:
      UserError: there is nothing to extract.
    """
    kinds = {name: _find_kind(name, cells, base) for name in header if name and not is_own(name)}
    pictures = "faces+hog" if importlib.util.find_spec("dlib") else "hog"
    clips = [name for name, kind in kinds.items() if kind == "video"]
    wanted = []
    for name, kind in kinds.items():
        if kind == "video":
            voice, face = ("voice", "face") if clips == [name] else (f"{name}_voice", f"{name}_face")
            streams = _find_streams(name, cells, base)
            wanted += [Wanted(voice, name, "mfcc")] if streams.has_sound else []
            wanted += [Wanted(face, name, pictures)] if streams.has_pictures else []
        elif kind == "sound":
            wanted.append(Wanted(name, name, "mfcc"))
        elif kind == "pictures":
            wanted.append(Wanted(name, name, pictures))
        elif kind == "words":
            if not static_words.is_installed():
                raise MissingPackageError(
                    f"--features={AUTO} makes word vectors of the column {name!r} by wordllama, which is not "
                    "installed: pip install 'affect-jax[words]', or spell --features out, with "
                    f"words={name}:glove:FILE"
                )
            wanted.append(Wanted("words" if "words" not in header else name, name, "wordllama"))
    names = [one.modality for one in wanted]
    used = {one.column for one in wanted}
    taken = [name for name in names if names.count(name) > 1 or (name in header and name not in used)]
    if not wanted or taken:
        fault = f"would make {taken[0]!r} twice" if taken else "finds no recordings, videos, pictures or transcripts"
        raise UserError(f"--features={AUTO} {fault} in {', '.join(header)}; say {FORM}")
    return tuple(wanted)


def list_clips(header: Sequence[str], cells: Sequence[Mapping[str, str]], base: Path) -> list[str]:
    """Columns of videos, pictures or words, which are nothing to a model until features are made of them."""
    names = [name for name in header if name and not is_own(name)]
    return [name for name in names if _find_kind(name, cells, base) in ("video", "pictures", "words")]


def _find_kind(column: str, cells: Sequence[Mapping[str, str]], base: Path) -> str:
    """'video', 'sound', 'pictures', 'words' or '' of the first cells of a column, by the most frequent one."""
    kinds = [_find_cell_kind(row[column], base) for row in cells if not is_missing(row[column])][:20]
    return max(sorted(set(kinds)), key=kinds.count) if kinds else ""


def _find_cell_kind(cell: str, base: Path) -> str:
    suffix = Path(cell).suffix.lower() if len(cell) < 4096 else ""
    if suffix in video.SUFFIXES:
        return "video"
    if suffix in sound_streams.SUFFIXES:
        return "sound"
    if suffix in transcripts.TIMED:
        return "words"
    if suffix == ".txt":
        return "words" if _holds_words(base / files.expand_home(cell)) else ""
    if suffix in FEATURES:
        return ""
    if os.path.isdir(base / files.expand_home(cell)):  # which is False of words that are too long for a path
        return "pictures"
    return "words" if " " in cell.strip() else ""


def _holds_words(path: Path) -> bool:
    """Whether a text file is no table of numbers."""
    try:
        words = path.read_bytes()[:4000].decode("utf-8", errors="replace").split()[:200]
    except OSError:
        return False
    return sum(any(c.isalpha() for c in word) for word in words) > len(words) / 2


def _find_streams(column: str, cells: Sequence[Mapping[str, str]], base: Path) -> video.VideoFacts:
    """What streams the videos of a column have, by the first that can be read."""
    error: UserError | None = None
    for row in cells:
        if not is_missing(row[column]):
            try:
                return video.read_facts(base / files.expand_home(row[column]))
            except MissingPackageError:
                raise
            except UserError as fault:
                error = error or fault
    raise error or UserError(f"the column {column!r} is empty")
