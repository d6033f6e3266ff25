"""Stretches of a file, and bytes that are not in it, read as if they were one file."""

import bisect
import io
from collections.abc import Sequence
from typing import BinaryIO

Piece = bytes | tuple[int, int]
"""Bytes, or the stretch [start, end) of the file."""


class FilePieces(io.RawIOBase):
    """What libsndfile is given where a file's own header would mislead it. Only what is asked for is read."""

    def __init__(self, file: BinaryIO, pieces: Sequence[Piece]) -> None:
        """`file` is open for reading and stays the caller's to close."""
        super().__init__()
        self._file, self._pieces, self._at = file, pieces, 0
        self._ends = []
        end = 0
        for piece in pieces:
            end += len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
            self._ends.append(end)

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def tell(self) -> int:
        """The place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes to a place; a place behind the end reads as the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ends[-1] if self._ends else 0}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        """Fills the buffer as far as there are bytes, across pieces; returns how many there were."""
        view, done = memoryview(buffer).cast("B"), 0
        while done < len(view):
            number = bisect.bisect_right(self._ends, self._at)
            if number == len(self._pieces):
                break
            piece = self._pieces[number]
            left = min(self._ends[number] - self._at, len(view) - done)
            if isinstance(piece, bytes):
                part = piece[len(piece) - (self._ends[number] - self._at) :][:left]
            else:
                self._file.seek(piece[1] - (self._ends[number] - self._at))
                part = self._file.read(left)
            if not part:
                break
            view[done : done + len(part)] = part
            done += len(part)
            self._at += len(part)
        return done
