"""What counts as a number, a missing value and a time in the cells of a text file: one definition for all readers.

A number is written in plain ASCII digits, with a decimal point, or with a decimal comma in the whole column; `inf` is a
number. Thousands separators are never guessed at.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

MISSING = frozenset(
    "|nan|+nan|-nan|nan(ind)|-nan(ind)|nan(snan)|-nan(snan)|1.#qnan|-1.#qnan|1.#ind|-1.#ind|1.#snan|?|na|n/a|#n/a|#na"
    "|<na>|nat|null|none|nil|-|--|#value!|#div/0!|#num!|#null!|#ref!|#name?|#spill!|#calc!|\\n".split("|")
)
"""Cells that say that there is no value, in lower case: those of C's runtimes, R, pandas, WEKA, spreadsheets, SQL."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INFINITE = re.compile(r"([+-]?)(?:inf(?:inity)?|1\.#inf)", re.IGNORECASE)
_COMMA = re.compile(r"[+-]?(\d+,\d*|,\d+)([eE][+-]?\d+)?", re.ASCII)
_GROUPED = re.compile(r"[+-]?\d{1,3}(([.,]\d{3})+[.,]\d*|([.'\u2019 \u00a0\u202f]\d{3}){2,}|(,\d{3}){2,})", re.ASCII)
_ONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}[.,]\d{3}", re.ASCII)
_TIME = re.compile(r"(?:(\d+) days?,? *)?(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:[.,]\d*)?)", re.ASCII)
_DAYS = re.compile(r"(\d+) days?", re.ASCII)
_DISGUISED = re.compile(r"[-+\u2212]?[\d.,' \u00a0\u202f]*\d[\d.,' \u00a0\u202f]*([eEdD][-+\u2212]?\d+)?[%\u2030]?")

_LONGEST = 40  # characters of a number in any writing


class NumberColumn(NamedTuple):
    """The N cells of a column as numbers.

    Attributes:
      values: float64 [N], NaN where a cell is missing or no number.
      missing: bool [N].
      numbers: how many cells are numbers.
      wrong: which cells are neither numbers nor missing.
      texts: how many of them are no numbers in anybody's writing (digits of all scripts, per cent, thousands).
      decimal_comma: whether the column's decimals are written with a comma.
      fault: (cell, what is wrong) where the column cannot be read for sure; None where it can.
    """

    values: np.ndarray
    missing: np.ndarray
    numbers: int
    wrong: tuple[int, ...]
    decimal_comma: bool
    fault: tuple[int, str] | None
    texts: int = 0

    @property
    def is_text(self) -> bool:
        """Whether it has texts, and as many of them as of numbers in any writing, or more."""
        return self.texts > 0 and self.texts >= self.numbers + len(self.wrong) - self.texts


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().lower() in MISSING


def is_number(text: str) -> bool:
    """Whether a cell is a number with a decimal point; infinity counts, NaN does not."""
    text = text.strip()
    return _NUMBER.fullmatch(text) is not None or _INFINITE.fullmatch(text) is not None


def looks_like_number(text: str) -> bool:
    """Whether a cell is a number in any way of writing that people use."""
    text = text.strip()
    return is_number(text) or _COMMA.fullmatch(text) is not None or _GROUPED.fullmatch(text) is not None


def describe_disguise(text: str) -> str:
    """What makes a number no plain one, in words that follow it in a message; '' for what is no number at all."""
    if len(text) > _LONGEST or _DISGUISED.fullmatch(text) is None:
        return ""
    if text[-1] in "%\u2030":
        return ", with a per cent sign"
    if "\u2212" in text:
        return ", whose minus sign is not that of a keyboard"
    if not text.isascii() and any(c.isdigit() and not c.isascii() for c in text):
        return ", in digits of another script"
    return ""


def parse_column(cells: Sequence[str], *, decimal_comma: bool = False) -> NumberColumn:
    """Reads the cells of one column, all with a decimal point or all with a decimal comma.

    Args:
      cells: N texts.
      decimal_comma: whether other columns of the file surely have decimal commas, which settles what `1,234` is.
    """
    fast = convert_plain(cells)
    if fast is not None and not decimal_comma:
        missing = np.isnan(fast)
        return NumberColumn(fast, missing, int((~missing).sum()), (), decimal_comma=False, fault=None)
    texts = [cell.strip() for cell in cells]
    missing = np.array([text.lower() in MISSING for text in texts], bool)
    points = [i for i, text in enumerate(texts) if not missing[i] and is_number(text)]
    commas = [i for i, text in enumerate(texts) if not missing[i] and _COMMA.fullmatch(text)]
    grouped = [
        i
        for i, text in enumerate(texts)
        if _GROUPED.fullmatch(text) and not (is_number(text) or _COMMA.fullmatch(text))
    ]
    known = {*points, *commas, *grouped}
    wrong = tuple(i for i in range(len(texts)) if not missing[i] and i not in known)
    values = np.full(len(texts), np.nan)
    values[points] = [_to_float(texts[i]) for i in points]
    values[commas] = [float(texts[i].replace(",", ".")) for i in commas]
    fault = _find_fault(texts, points, commas, grouped, decimal_comma)
    return NumberColumn(
        values=values,
        missing=missing,
        numbers=len(known),
        wrong=wrong,
        decimal_comma=bool(commas),
        fault=fault,
        texts=sum(len(texts[i]) > _LONGEST or _DISGUISED.fullmatch(texts[i]) is None for i in wrong),
    )


def convert_plain(cells: Sequence[str]) -> np.ndarray | None:
    """float64 [N] where every cell is a number with a decimal point or `nan`, else None; fast."""
    # Python's float, which numpy calls, takes digits of all scripts, and underscores between them.
    whole = "".join(cells)
    if not whole.isascii() or "_" in whole:
        return None
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        return None


def _to_float(text: str) -> float:
    infinite = _INFINITE.fullmatch(text)
    return float(text) if infinite is None else float(f"{infinite.group(1)}inf")


def _find_fault(
    texts: Sequence[str], points: Sequence[int], commas: Sequence[int], grouped: Sequence[int], decimal_comma: bool
) -> tuple[int, str] | None:
    if grouped:
        return grouped[0], "has thousands separators; write it without them"
    decimals = [i for i in points if "." in texts[i]]
    if commas and decimals:
        odd, usual = (decimals, "comma") if len(decimals) <= len(commas) else (commas, "point")
        other = "point" if usual == "comma" else "comma"
        return odd[
            0
        ], f"has a decimal {other}, but other cells of its column have a decimal {usual}; use one of the two"
    unclear = commas if commas else decimals if decimal_comma else []
    if unclear and all(_ONE_GROUP.fullmatch(texts[i]) for i in unclear) and not (commas and decimal_comma):
        text = texts[unclear[0]]
        plain = re.sub("[.,]", "", text)
        return unclear[0], f"may mean {text.replace(',', '.')} or {plain}; write decimals with a point, no thousands"
    return None


def has_decimal_comma(cells: Sequence[str]) -> bool:
    """Whether a column surely has decimal commas: `0,5`, not only `1,234`, which may be a thousand."""
    texts = [cell.strip() for cell in cells if "," in cell]
    commas = [text for text in texts if _COMMA.fullmatch(text)]
    return any(not _ONE_GROUP.fullmatch(text) for text in commas) and 2 * len(commas) > len(texts)


def parse_times(cells: Sequence[str], *, decimal_comma: bool = False) -> NumberColumn:
    """Reads times in seconds: numbers, or `0 days 00:00:01.5` (pandas), `00:00:01.5`, `00:01.5`."""
    column = parse_column(cells, decimal_comma=decimal_comma)
    if not column.wrong:
        return column
    values, wrong = column.values.copy(), []
    for i in column.wrong:
        match, whole_days = _TIME.fullmatch(cells[i].strip()), _DAYS.fullmatch(cells[i].strip())
        if whole_days is not None:
            values[i] = 86400 * int(whole_days.group(1))
            continue
        if match is None:
            wrong.append(i)
            continue
        days, hours, minutes, seconds = match.groups()
        if float(seconds.replace(",", ".")) >= 60 or (hours is not None and int(minutes) >= 60):
            wrong.append(i)
            continue
        whole = 86400 * int(days or 0) + 3600 * int(hours or 0) + 60 * int(minutes)
        values[i] = whole + float(seconds.replace(",", "."))
    return column._replace(values=values, wrong=tuple(wrong), numbers=column.numbers + len(column.wrong) - len(wrong))
