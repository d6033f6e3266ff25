"""Reads the lines of text files of any encoding that marks itself, any line ends, and a bounded size."""

import codecs
from pathlib import Path

from affect_jax.datasets.array_files import LARGEST_FILE
from affect_jax.errors import UserError

LONGEST_LINE = 16_000_000
"""Bytes of a line. A row of 50,000 numbers has 1 MB; a longer line than this is a file without line ends."""
TEXT_SHARE = 5
"""A text may have a fifth of `LARGEST_FILE`, as each of its bytes takes about five of memory while it is read."""
_MARKS = {
    codecs.BOM_UTF8: "UTF-8",
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
"""Byte order marks; those of UTF-32 come first because one of them begins with that of UTF-16."""


def read_lines(path: Path, largest_file: float = LARGEST_FILE) -> list[str]:
    """Reads the lines of a text file in UTF-8, or in UTF-16 or UTF-32 with a byte order mark.

    Args:
      path: the file.
      largest_file: MB that may be taken, see `TEXT_SHARE`.

    Raises:
      UserError: the file is missing, too large, has a line longer than `LONGEST_LINE`, or is no text.
    """
    data = _read_bounded(path, largest_file)
    mark = next((mark for mark in _MARKS if data.startswith(mark)), codecs.BOM_UTF8)
    encoding = _MARKS[mark]
    try:
        text = data.decode("utf-8-sig" if encoding == "UTF-8" else encoding)
    except UnicodeDecodeError as error:
        row = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} row {row} has the byte {data[error.start]:#04x}, so it is not {encoding} text; save it as csv in"
            " UTF-8"
        ) from error
    if "\0" in text:
        raise UserError(f"{path} has zero bytes, so it is not UTF-8 text; save it as csv in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _read_bounded(path: Path, largest_file: float) -> bytes:
    if not path.is_file():
        raise UserError(f"{path} is missing; correct the path")
    size = path.stat().st_size
    if size > largest_file * 1e6 / TEXT_SHARE:
        raise UserError(
            f"{path} has {size / 1e6:,.0f} MB of text, and {largest_file / TEXT_SHARE:g} MB are allowed; if this is"
            f" right, set config.corpus.largest_file to {TEXT_SHARE * size / 1e6:.0f} or more"
        )
    blocks = []
    with path.open("rb") as file:
        # A line longer than a block leaves a block without a line end.
        while block := file.read(LONGEST_LINE):
            if len(block) == LONGEST_LINE and b"\n" not in block and b"\r" not in block:
                raise UserError(
                    f"{path} ({size / 1e6:,.0f} MB) has a line of more than {LONGEST_LINE / 1e6:.0f} MB, which no table"
                    " has; write a line for each row"
                )
            blocks.append(block)
    return b"".join(blocks)
