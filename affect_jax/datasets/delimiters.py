"""Finds what is between the cells of a table of text."""

import csv
from collections.abc import Sequence

from affect_jax.datasets.table_titles import find_header

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_RARE_DELIMITERS = {"|": "bars", " ": "blanks"}
"""Delimiters of tables in whose header none of the others is; runs of blanks are one, as R and numpy.savetxt write."""
_SAMPLE_LINES = 200
_SAMPLE_CHARACTERS = 4_000_000


def name_delimiter(delimiter: str) -> str:
    """`commas`."""
    return (DELIMITERS | _RARE_DELIMITERS).get(delimiter, repr(delimiter))


def find_delimiter(lines: Sequence[str]) -> str:
    """The delimiter that cuts most rows into as many cells as the header has, quotes considered."""
    sample: list[str] = []
    size = 0
    for line in lines:
        if line.strip():
            sample.append(line)
            size += len(line)
        if len(sample) > _SAMPLE_LINES or (size > _SAMPLE_CHARACTERS and len(sample) > 1):
            break
    widths: dict[str, int] = {}
    fitting: dict[str, float] = {}
    for delimiter in DELIMITERS:
        header, *rows = _parse_leniently(sample, delimiter) or [[""]]
        widths[delimiter] = width = measure_row(header)
        fits = sum(measure_row(row) <= len(header) and len(row) >= width for row in rows)
        fitting[delimiter] = fits / max(len(rows), 1)
    several = [d for d in DELIMITERS if widths[d] > 1 and fitting[d]]
    if several:
        return max(several, key=lambda d: (fitting[d], widths[d]))
    if max(widths.values()) == 1:
        for delimiter in _RARE_DELIMITERS:
            lengths = [measure_row(row) for row in _parse_leniently(strip_lines(sample), delimiter)]
            if len(lengths) > 1 and lengths[0] > 1 and len({*lengths[1:]}) == 1 and lengths[1] - lengths[0] in (0, 1):
                return delimiter
        titled = [d for d in DELIMITERS if find_header(_parse_leniently(sample, d))]
        if titled:
            return titled[0]
    if max(widths.values()) > 1:  # no row fits this header, and they are told one by one
        return max(DELIMITERS, key=lambda d: widths[d])
    return max(DELIMITERS, key=lambda d: fitting[d])  # a single column: the commas in it are decimals


def strip_lines(lines: Sequence[str]) -> list[str]:
    """Lines without blanks around them, nor the `#` that numpy.savetxt puts before the header."""
    stripped = [line.strip() for line in lines]
    header = next((i for i, line in enumerate(stripped) if line), 0)
    return [*stripped[:header], stripped[header].lstrip("# "), *stripped[header + 1 :]]


def measure_row(row: Sequence[str]) -> int:
    """Cells up to the last that is not blank."""
    width = len(row)
    while width and not row[width - 1].strip():
        width -= 1
    return width


def _parse_leniently(lines: Sequence[str], delimiter: str) -> Sequence[list[str]]:
    try:
        return list(csv.reader([f"{line}\n" for line in lines], delimiter=delimiter, skipinitialspace=delimiter == " "))
    except csv.Error:
        return [line.split(delimiter) for line in lines]
