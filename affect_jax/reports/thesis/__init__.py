"""The figures of the thesis' result tables as data, and which run of ours fills which cell.

Every published figure of the project lives in this package and nowhere else, a file a chapter. `published` holds the
cells exactly as printed (accuracy, UAR and F1 in percent, in chapter 4 as fractions with their standard deviation; CCC
as a fraction; None where nothing was printed); a misprint is mended by `Swap`, which keeps what was printed and says
why it moved.
"""

from affect_jax.reports.thesis.printed import (
    GROUPS,
    NAMES,
    NAMING,
    NOTES,
    RUNS,
    SIGNIFICANT,
    TABLE_4_4,
    TABLES,
    Column,
    Published,
    Row,
    Spread,
    Swap,
    Table,
)

__all__ = (
    "GROUPS",
    "NAMES",
    "NAMING",
    "NOTES",
    "RUNS",
    "SIGNIFICANT",
    "TABLES",
    "TABLE_4_4",
    "Column",
    "Published",
    "Row",
    "Spread",
    "Swap",
    "Table",
)
