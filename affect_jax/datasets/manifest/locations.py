"""Finds the files that a manifest names, also by paths typed on Windows and names in another Unicode form (macOS)."""

import collections
import os
import re
import unicodedata
import urllib.parse
from pathlib import Path

from affect_jax.datasets.manifest.csv_table import Row, Sheet
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.release_files import quote_values
from affect_jax.errors import UserError
from affect_jax.features.segments import WHOLE

_ADDRESS = re.compile(r"(https?|ftp|file|s3|gs|hdfs|smb|sftp):/", re.IGNORECASE)
_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


class FileFinder:
    """Finds files by paths that are absolute or relative to a folder, and counts what it had to do.

    Attributes:
      folder: of the manifest.
      remarks: what was done, and how often.
    """

    def __init__(self, folder: Path):
        self.folder, self.remarks = folder, collections.Counter()
        self._listings: dict[tuple[Path, bool], dict[str, str]] = {}

    def find(self, text: str) -> Path:
        """The file, or the path as it stands where there is no such file and nothing like it.

        Raises:
          UserError: the path is one of a Windows drive, or differs from that of a file in upper and lower case alone.
        """
        path = self.folder / text
        if os.path.exists(path):
            return path
        if os.path.islink(path):
            raise UserError(
                f"{path} is a link to {quote_values(os.readlink(path), 200)}, where nothing is; link it again"
            )
        plain = text.replace("\\", "/")
        if address := _ADDRESS.match(text):
            raise UserError(
                f"{quote_values(text, 200)} is an address ({address.group(1)}), and nothing is downloaded; copy the"
                " file, and write its path"
            )
        if text.startswith("~") and os.path.exists(os.path.expanduser(text)):
            self.remarks["paths with ~ for the home folder"] += 1
            return Path(text).expanduser()
        if _DRIVE.match(text):
            raise UserError(f"{quote_values(text, 200)} is a path on a drive of Windows; {self._advise(plain)}")
        if plain != text and os.path.exists(self.folder / plain):
            self.remarks["paths with backslashes, read with slashes"] += 1
            return self.folder / plain
        equal = self._match(plain, ignore_case=False)
        if equal is not None:
            self.remarks["file names in another Unicode form (umlauts of macOS), matched"] += 1
            return equal
        similar = self._match(plain, ignore_case=True)
        if similar is not None:
            raise UserError(f"{path} is missing; did you mean {str(similar)!r}? Upper and lower case differ")
        hint = self._guess(plain)
        if hint:
            raise UserError(f"{path} is missing{hint}")
        return path

    def _guess(self, text: str) -> str:
        """What was probably meant by a path that leads nowhere, to be added to a message; '' without an idea."""
        if text.startswith("~"):
            return f"; ~ stands for {str(Path.home())!r}, where it is not either"
        if text.startswith("//"):
            return "; it is a path on a network drive of Windows: write the path relative to the csv file"
        inside = text.lstrip("/")
        if inside != text and os.path.exists(self.folder / inside):
            return f"; there is {quote_values(inside, 200)} beside the csv file: write that, without / before it"
        if os.path.exists(text):
            return f"; {quote_values(text, 200)} is there in the current folder, but paths are relative to the csv file"
        plain = urllib.parse.unquote(text)
        if plain != text and os.path.exists(self.folder / plain):
            return f"; there is {quote_values(plain, 200)}: write that, without % codes"
        meant = os.path.expandvars(text)
        if meant != text or "$" in text:
            return f"; {quote_values(text, 200)} has a variable of the shell in it: write it out"
        if self.folder.name and text.startswith(f"{self.folder.name}/"):
            inside = text.removeprefix(f"{self.folder.name}/")
            if os.path.exists(self.folder / inside):
                return f"; paths are relative to the csv file: write {quote_values(inside, 200)}"
        return ""

    def _advise(self, text: str) -> str:
        parts = text.split("/")[1:]
        for start in range(len(parts)):
            rest = "/".join(parts[start:])
            if os.path.exists(self.folder / rest):
                return f"beside the csv file there is {quote_values(rest, 200)}: write that"
        return "write the path relative to the csv file"

    def _match(self, text: str, *, ignore_case: bool) -> Path | None:
        """The file whose name, and whose folders' names, are the same in one Unicode form."""
        wanted = Path(text)
        place = Path(wanted.anchor) if wanted.is_absolute() else self.folder
        for name in wanted.parts[1:] if wanted.is_absolute() else wanted.parts:
            if not os.path.exists(place / name):
                name = self._list_names(place, ignore_case).get(_simplify(name, ignore_case), "")
                if not name:
                    return None
            place = place / name
        return place

    def _list_names(self, folder: Path, ignore_case: bool) -> dict[str, str]:
        """Simplified name -> name of everything in a folder, which is listed once."""
        key = (folder, ignore_case)
        if key not in self._listings:
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                names = []
            self._listings[key] = {_simplify(name, ignore_case): name for name in names}
        return self._listings[key]


def _simplify(name: str, ignore_case: bool) -> str:
    composed = unicodedata.normalize("NFC", name)
    return composed.casefold() if ignore_case else composed


def locate_files(sheet: Sheet, finder: FileFinder, problems: Problems) -> Sheet:
    """Returns the table with the paths of the files that are there, and reports files that two groups share.

    Args:
      sheet: the manifest's table.
      finder: of its folder.
      problems: collects what is wrong; the cells of these paths are then as if they were empty.
    """
    rows = []
    for row in sheet.rows:
        files = {}
        for modality, path in row.files.items():
            try:
                files[modality] = finder.find(str(path).removeprefix(f"{finder.folder}/"))
            except UserError as error:
                problems.add(row.number, f"column {modality!r}: {error}")
        rows.append(row._replace(files=files))
    sheet = sheet._replace(rows=tuple(rows))
    _check_shared_files(sheet, problems)
    sources = [tuple(sorted(map(str, row.files.values()))) for row in rows if row.segment == WHOLE and row.files]
    doubled = 0 if sheet.grouped else len(sources) - len(set(sources))
    if doubled:
        finder.remarks["rows have the files of another row, and no column 'group' keeps them in one split"] = doubled
    return sheet


def _check_shared_files(sheet: Sheet, problems: Problems) -> None:
    """Reports leaks: a file that two groups share."""
    owners: dict[tuple[str, str], Row] = {}
    for row in sheet.rows:
        for modality, file in row.files.items():
            first = owners.setdefault((modality, os.path.normpath(file)), row)
            # Segments are compared once their lengths are known.
            if sheet.grouped and first.group != row.group and first.segment == row.segment == WHOLE:
                problems.add(
                    row.number,
                    f"{modality} {quote_values(str(file))} is also the file of row {first.number}, which has another"
                    " group; correct one of the two",
                )
