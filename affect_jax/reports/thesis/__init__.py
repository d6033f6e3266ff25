"""The figures of the thesis' result tables as data, and which run of ours fills which cell.

Every published figure of the project lives in this package and nowhere else, a file a chapter. `published` holds the
cells exactly as printed (accuracy, UAR and F1 in percent, in chapter 4 as fractions with their standard deviation; CCC
as a fraction; None where nothing was printed); a misprint is mended by `Swap`, which keeps what was printed and says
why it moved.
"""

from affect_jax.reports.thesis import chapter_3, chapter_4, chapter_5
from affect_jax.reports.thesis.chapter_4 import NAMES, NAMING, TABLE_4_4
from affect_jax.reports.thesis.printed import Column, Published, Row, Spread, Swap, Table

__all__ = (
    "GROUPS",
    "NAMES",
    "NAMING",
    "NOTES",
    "TABLES",
    "TABLE_4_4",
    "Column",
    "Published",
    "Row",
    "Spread",
    "Swap",
    "Table",
)

TABLES = {table.number: table for chapter in (chapter_3, chapter_4, chapter_5) for table in chapter.TABLES}

# What `--tables=mosi` and the like stand for.
GROUPS = {
    "conflict": ("3.1",),
    "fusion": ("4.1", "4.2", "4.3", "4.5"),
    "mosi": ("5.4", "5.6"),
    "recola": ("5.1", "5.2", "5.3", "5.5", "5.7"),
}

# Printed under every table of a corpus, whatever the runs are.
NOTES = chapter_3.NOTES | chapter_4.NOTES | chapter_5.NOTES
