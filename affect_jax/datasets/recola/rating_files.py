"""Single raters' ratings: a csv file a recording, with a column of times and a column a rater.

time;FM1 ;FM2 ;FM3 ;FF1 ;FF2 ;FF3        semicolons or commas; a row every 40 ms
"""

from pathlib import Path

import numpy as np

from affect_jax.datasets.column_roles import TIME_COLUMNS
from affect_jax.datasets.release_files import parse_floats, quote_values, read_rows, read_text
from affect_jax.errors import UserError

MODALITY = "disagreement"
"""What raters' ratings become beside the features: their standard deviation, a column."""
_RATERS = ("FM1", "FM2", "FM3", "FF1", "FF2", "FF3")


def read_ratings(path: Path) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Times [N], ratings [N, R] and the names of their columns.

    Raises:
      UserError: not exactly one column of times, no rating, or a cell that is no finite number.
    """
    header = read_text(path).partition("\n")[0]
    rows = read_rows(path, delimiter=";" if ";" in header else ",")
    names = [name.strip() for name in rows[0]]
    columns = [i for i, name in enumerate(names) if name.lower() in TIME_COLUMNS]
    if len(columns) != 1 or len(names) < 2 or len(rows) < 2:
        raise UserError(
            f"{path} starts with {quote_values(header.strip())}, expected one column 'time' beside the columns of"
            " ratings, and rows below; copy it again"
        )
    values = parse_floats(rows[1:], path, first_row=2)
    time = columns[0]
    ratings = np.delete(values, time, axis=1)
    if not np.isfinite(ratings).all():
        row = int(np.argwhere(~np.isfinite(ratings))[0, 0])
        raise UserError(
            f"{path}:{row + 2} has a rating that is not finite, and ratings cannot be imputed; copy it again"
        )
    return values[:, time], ratings, names[:time] + names[time + 1 :]


def compute_disagreement(ratings: np.ndarray, path: Path) -> np.ndarray:
    """[N, R] -> the standard deviation [N, 1] of the raters of each frame.

    Raises:
      UserError: there is one rater.
    """
    if ratings.shape[1] < 2:
        raise UserError(
            f"{path} has the ratings of one rater, who cannot disagree; copy the file of all raters, or set "
            "config.corpus.raters=False"
        )
    return ratings.std(axis=1)[:, None]


def write_ratings(path: Path, times: np.ndarray, ratings: np.ndarray) -> None:
    """Writes ratings [N, 6] as the release has them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = ["time;" + ";".join(f"{name} " for name in _RATERS)]
    rows += [";".join([f"{time:.2f}", *(f"{x:.4f}" for x in row)]) for time, row in zip(times, ratings, strict=True)]
    path.write_text("\n".join(rows) + "\n")
