"""What is measured of the files of a manifest."""

from collections.abc import Mapping
from typing import NamedTuple

from affect_jax.datasets.feature_frames import PLAIN, ReadingOptions


class Cell(NamedTuple):
    """Measurements of the file that a cell names, or of the stretch that the row takes of it.

    Attributes:
      frames: T, of what the file becomes.
      width: D; 0 for a waveform.
      rate: samples or frames a second in the file; 0 where it does not say.
      bad: how many values are NaN or infinite.
      first: place of the first of them, in words.
      names: a hash of the names of its columns; '' where it has none.
      counters: names of columns that count rows, as far as this file shows; ('*',) where it has too few rows to show.
      empty: names of columns without any value; ('*',) where no column has one.
      remarks: how the file was read, in the same words for all files alike.
      span: where what the row takes of the file begins and ends, in seconds; () where the file does not say.
      clock: times of its frames in short, see `clocks.FrameClock`; () where the file does not say.
      made: how the file was extracted, see `extracted_files`; '' where it does not say.
      seconds: length of what it was extracted from; 0 where it does not say.
    """

    frames: int
    width: int
    rate: float
    bad: int
    first: str
    names: str = ""
    counters: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    span: tuple[float, ...] = ()
    clock: tuple[float, ...] = ()
    made: str = ""
    seconds: float = 0.0


Cells = Mapping[tuple[int, str], Cell]
"""(number of a row, modality) -> cell; a missing modality has no entry."""


class Survey(NamedTuple):
    """Measurements of all files of a manifest.

    Attributes:
      cells: (number of a row, modality) -> cell, without the columns that are left out.
      left_out: modality -> names of columns that count rows, or are empty, in every file.
      remarks: (modality, how files were read) -> how many of them.
      unusable: (number of a row, modality) -> what is wrong with the file, which has no cell then.
    """

    cells: Cells
    left_out: Mapping[str, tuple[str, ...]]
    remarks: Mapping[tuple[str, str], int]
    unusable: Mapping[tuple[int, str], str]


class Reading(NamedTuple):
    """How files are read: `config.corpus.sound` and `rate`, and the options of files of features."""

    sound: str
    rate: int
    options: ReadingOptions = PLAIN
