"""Reads the lines of text files of any encoding that marks itself, any line ends, and a bounded size."""

import codecs
import re
from pathlib import Path

from affect_jax.datasets.array_files import LARGEST_FILE
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError
from affect_jax.runtime.file_kinds import name_content

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
    kind = name_content(data[:512])
    if kind:
        raise UserError(f"{path} is {kind}; expected a table of text, csv in UTF-8")
    mark = next((mark for mark in _MARKS if data.startswith(mark)), codecs.BOM_UTF8)
    encoding = _MARKS[mark]
    try:
        text = data.decode("utf-8-sig" if encoding == "UTF-8" else encoding)
    except UnicodeDecodeError as error:
        raise UserError(f"{path} {_describe_encoding(data, error, encoding)}") from error
    if "\0" in text:
        raise UserError(f"{path} {_describe_zeros(data)}")
    # A program that knows no byte order mark writes a second one before it.
    return text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


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


def _describe_zeros(data: bytes) -> str:
    """What text with zero bytes is."""
    zeros = len(data) - len(data.rstrip(b"\0"))
    if b"\0" not in data[: len(data) - zeros]:
        return f"ends in {zeros} zero bytes, so it was not written to its end; copy or write it again"
    for encoding, others in (("UTF-16 (little endian)", data[1::2]), ("UTF-16 (big endian)", data[::2])):
        if 2 * others.count(0) > len(others):
            return f"has zero bytes, so it is not UTF-8 text, but {encoding} without its mark; save it as csv in UTF-8"
    return "has zero bytes, so it is not UTF-8 text; save it as csv in UTF-8"


def _describe_encoding(data: bytes, error: UnicodeDecodeError, encoding: str) -> str:
    """What text is that cannot be decoded."""
    if b"\0" in data and encoding == "UTF-8":
        return _describe_zeros(data)
    row = data.count(b"\n", 0, error.start) + 1
    text = f"row {row} has the byte {data[error.start]:#04x}, so it is not {encoding} text; save it as csv in UTF-8"
    windows = data.decode("cp1252", "replace")
    foreign = {letter for letter in windows if not letter.isascii()}
    # In other encodings these bytes are no letters of Western Europe, one by one.
    if encoding != "UTF-8" or not all(letter.isalpha() for letter in foreign):
        return text
    line = data.split(b"\n")[row - 1].decode("cp1252", "replace").strip()
    word = next((w for w in re.split(r"[\s,;\"]+", line) if not w.isascii()), line)
    return f"{text} (in Windows-1252, Excel's plain csv in Western Europe, it reads {quote_values(word, 40)})"
