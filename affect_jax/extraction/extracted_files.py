"""Files of extracted features: npz with their values, their times, and how they were made."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.runtime import files

NAMES = frozenset(("features", "times", "made", "seconds"))
"""Of the arrays in such a file."""
CONFIDENCE = "confidence"
"""Of the array that files of faces have beside these."""


class Extraction(NamedTuple):
    """How features were extracted from clips, recordings, pictures or transcripts (`launch.prepare --features`).

    Attributes:
      column: of the table that named these files.
      source: the extractor, as --features has it, with paths that hold in any folder.
      identity: a hash of its weights and settings.
      kind: of what it reads: 'sound', 'words' or 'pictures'.
      rate: pictures a second, of videos; 0 of others.
    """

    column: str
    source: str
    identity: str
    kind: str
    rate: float = 0.0


class Extracted(NamedTuple):
    """What such a file holds.

    Attributes:
      values: float32 [T, D].
      times: float64 [T] in seconds; [0] where nothing says them.
      made: how, as JSON of an `Extraction`.
      seconds: length of the stretch that it is of; 0 where nothing says it.
      confidence: float64 [T] from 0 to 1, how certain each step's face is; [0] of what has none.
    """

    values: np.ndarray
    times: np.ndarray
    made: str
    seconds: float
    confidence: np.ndarray


def write_features(
    path: Path,
    values: np.ndarray,
    times: np.ndarray,
    made: Extraction,
    seconds: float,
    confidence: np.ndarray | None = None,
) -> None:
    """Writes a file whole or not at all.

    Args:
      path: ends in .npz.
      values: [T, D]; T may be 0.
      times: [T] in seconds, increasing; [0] where nothing says them.
      made: how.
      seconds: length of the stretch that it is of; 0 where nothing says it.
      confidence: [T] from 0 to 1, how certain each step's face is; [0] or None of what has none.
    """
    text = json.dumps(made._asdict(), sort_keys=True).encode()
    arrays = {
        "features": values.astype(np.float32),
        "times": times.astype(np.float64),
        "made": np.frombuffer(text, np.uint8),
        "seconds": np.float64(seconds),
    }
    if confidence is not None and len(confidence):
        arrays[CONFIDENCE] = confidence.astype(np.float64)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    files.write_atomic(path, buffer.getvalue())


def parse_features(arrays: Mapping[str, np.ndarray], path: Path) -> Extracted:
    """What the arrays of a file mean.

    Raises:
      UserError: they do not belong together.
    """
    values, times, seconds = arrays["features"], arrays["times"].astype(np.float64), arrays["seconds"]
    made, confidence = arrays["made"], arrays.get(CONFIDENCE, np.zeros(0)).astype(np.float64)
    is_whole = values.ndim == 2 and times.ndim == 1 and len(times) in (0, len(values)) and made.ndim == 1
    is_whole &= confidence.ndim == 1 and len(confidence) in (0, len(values))
    if not is_whole or seconds.size != 1 or made.dtype != np.uint8 or not (np.diff(times) > 0).all():
        raise UserError(
            f"{path} is damaged: its arrays do not belong together; make it anew by launch.prepare --features"
        )
    text = made.tobytes().decode("utf-8", errors="replace")
    return Extracted(values, times, text, float(seconds), confidence)


def parse_record(made: str) -> Extraction | None:
    """The record of a file; None where there is none, or of another version."""
    try:
        return Extraction(**json.loads(made)) if made else None
    except (ValueError, TypeError):
        return None


def identify(made: str) -> str:
    """What equal extractors have in common: '' of files that were not extracted."""
    record = parse_record(made)
    return f"{record.identity} {record.rate:g}" if record else ""


def has_steps(path: Path, min_confidence: float | None = None) -> bool:
    """Whether a file that `write_features` wrote has any step, of a face that is at least so certain."""
    with np.load(path, allow_pickle=False) as file:
        if min_confidence is not None and CONFIDENCE in file:
            return bool((file[CONFIDENCE] >= min_confidence).any())
        return len(file["features"]) > 0
