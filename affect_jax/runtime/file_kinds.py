"""Names what a file holds by how it begins, for messages about files that are not what they are called."""

import re
from pathlib import Path

_BYTES = (
    (b"version https://git-lfs", "a pointer of Git LFS and not the file itself (run `git lfs pull`)"),
    (b"\x93NUMPY", "an npy array"),
    (b"\x89HDF\r\n", "an HDF5 file"),
    (b"MATLAB 5.0 MAT", "a MATLAB file"),
    (b"\xd0\xcf\x11\xe0", "an old workbook of Excel or another document of Office"),
    (b"\x1f\x8b", "compressed with gzip"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"%PDF", "a PDF document"),
    (b"{\\rtf", "an RTF document"),
    (b"PAR1", "a parquet file"),
    (b"RIFF", "a wav or avi file"),
    (b"fLaC", "a flac recording"),
    (b"OggS", "an ogg recording"),
    (b"SQLite format", "an SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_PICKLE = re.compile(rb"\x80[\x02-\x05]")
_TEXTS = (
    (
        re.compile(r"<!doctype html|<html", re.IGNORECASE),
        "a web page (a login or an error?) and not the file itself",
    ),
    (re.compile(r"<\?xml"), "an XML document"),
    (re.compile(r'file type = "ootextfile|"?ootextfile', re.IGNORECASE), "a file of Praat, such as a TextGrid"),
    (re.compile(r'\{\s*"|\[\s*["\[{]'), "a JSON document"),
)


def name_content(head: bytes) -> str:
    """What a file is that begins so, as in `is a web page`; '' for what has no mark, such as a table.

    Args:
      head: the first bytes of the file; 64 or more tell most.
    """
    if head.startswith(b"PK\x03\x04"):
        if b"[Content_Types]" in head or b"_rels/" in head:
            return "a workbook of Excel or another document of Office"
        return "an npz file" if head[26:27] and b".npy" in head[:200] else "a zip archive"
    if _PICKLE.match(head):
        return "a pickle, which could run code and is never loaded"
    known = next((name for mark, name in _BYTES if head.startswith(mark)), "")
    text = head.decode("latin-1").removeprefix("\u00ef\u00bb\u00bf").lstrip()
    return known or next((name for form, name in _TEXTS if form.match(text)), "")


def name_file(path: Path) -> str:
    """`name_content` of a file; '' where it cannot be read."""
    try:
        with path.open("rb") as file:
            return name_content(file.read(512))
    except OSError:
        return ""
