"""Reads who speaks when in a clip of the SSPNet Conflict Corpus: manualdiarization/<clip>.csv, a row a turn.

Which columns these files have could not be verified, so a header is read by its names, and without one a column's
values tell what it is: the start and end of a turn are two neighbouring columns of numbers within the clip, of which
the second is never below the first; what is left names the speaker. Times may count from the beginning of the clip or
of the debate, whose seconds stand in the clip's name. The synthetic corpus writes start, end, speaker.
"""

import csv
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from affect_jax.datasets.release_files import quote_values, read_rows, read_text
from affect_jax.errors import UserError

FOLDER = "manualdiarization"
HEADER = ("start", "end", "speaker")
_SLACK = 0.5  # seconds by which a turn may be outside its clip
_NAMES = {
    "start": ("start", "begin", "onset", "from", "start_time", "starttime", "t_start"),
    "end": ("end", "stop", "offset", "to", "end_time", "endtime", "t_end"),
    "speaker": ("speaker", "speaker_id", "speakerid", "spk", "participant", "person", "id", "name", "label"),
}
_SECONDS = re.compile(r"_(\d+)_(\d+)$")


def write_turns(path: Path, turns: np.ndarray) -> None:
    """Writes turns [N, 3] of one clip as `read_turns` reads them."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="") as file:
        rows = ((f"{start:.3f}", f"{end:.3f}", f"{speaker:.0f}") for start, end, speaker in turns)
        csv.writer(file).writerows([HEADER, *rows])


def read_turns(path: Path, seconds: float) -> np.ndarray:
    """Reads float32 [N, 3]: start and end of each turn in seconds of the clip, and the number of its speaker.

    Args:
      path: of the csv, which has the clip's name.
      seconds: length of the clip.

    Raises:
      UserError: no such file, columns that tell nobody's turns, or a turn outside of the clip.
    """
    if not path.is_file():
        raise UserError(
            f"{path} is missing, and overlap is learned from who speaks when; copy {FOLDER}/ of the release beside"
            " audiodata/, or leave 'turns' out of config.corpus.modalities"
        )
    first = read_text(path).partition("\n")[0]
    rows = read_rows(path, delimiter=max(",;\t", key=first.count))
    columns, body = _find_columns(path, rows, seconds)
    times = np.array([[float(row[columns[0]]), float(row[columns[1]])] for row in body])
    times -= _find_origin(path, times, seconds)
    wrong = (times[:, 0] < -_SLACK) | (times[:, 1] > seconds + _SLACK) | (times[:, 1] < times[:, 0])
    if wrong.any():
        start, end = times[wrong.argmax()]
        raise UserError(
            f"{path} has a turn from {start:g} to {end:g} s, but the clip lasts {seconds:g} s; copy it again"
        )
    names = [row[columns[2]].strip() for row in body]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.column_stack([times, [numbers[name] for name in names]]).astype(np.float32)


def _find_columns(path: Path, rows: list[list[str]], seconds: float) -> tuple[tuple[int, int, int], list[list[str]]]:
    """Which columns are start, end and speaker, and the rows without a header."""
    heads = [cell.strip().lower() for cell in rows[0]]
    named = [[at for at, head in enumerate(heads) if head in _NAMES[what]] for what in HEADER]
    if all(named):
        columns, body = tuple(places[0] for places in named), rows[1:]
        if body and all(_is_number(row[at]) for row in body for at in columns[:2]):
            return columns, body
    body = rows if any(map(_is_number, rows[0])) else rows[1:]
    pairs = [at for at in range(len(heads) - 1) if body and _are_times(path, body, at, seconds)]
    others = [at for at in range(len(heads)) if pairs and at not in (pairs[0], pairs[0] + 1)]
    if len(pairs) != 1 or len(others) != 1:
        raise UserError(
            f"{path} starts with {quote_values(','.join(rows[0]))}, expected the columns {', '.join(HEADER)}; give it"
            " such a header"
        )
    return (pairs[0], pairs[0] + 1, others[0]), body


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _are_times(path: Path, rows: Sequence[Sequence[str]], at: int, seconds: float) -> bool:
    """Whether the columns `at` and the one behind it are starts and ends within the clip."""
    if not all(_is_number(cell) for row in rows for cell in row[at : at + 2]):
        return False
    times = np.array([[float(cell) for cell in row[at : at + 2]] for row in rows])
    times -= _find_origin(path, times, seconds)
    within = (times >= -_SLACK) & (times <= seconds + _SLACK)
    return bool(within.all() and (times[:, 1] >= times[:, 0]).all())


def _find_origin(path: Path, times: np.ndarray, seconds: float) -> float:
    """The time at which the clip begins: 0, or its second of the debate where all turns are after that."""
    said = _SECONDS.search(path.stem)
    begins = float(said[1]) if said else 0.0
    return begins if times.min() >= begins - _SLACK and times.max() > seconds + _SLACK else 0.0
