"""Files of a manifest that cannot be used: all of them are told, or the corpus goes on without them."""

from affect_jax.datasets.manifest.cells import Survey
from affect_jax.datasets.manifest.csv_table import Sheet
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.errors import UserError


def report_unusable(survey: Survey, problems: Problems) -> None:
    """Notes what is wrong with each file, once, however many rows name it."""
    first: dict[tuple[str, str], int] = {}
    for (number, modality), text in survey.unusable.items():
        key = modality, text
        first[key] = min(number, first.get(key, number))
    for (modality, text), number in first.items():
        problems.add(
            number, f"column {modality!r}: {text}; config.corpus.unusable='leave_out' goes on without such files"
        )


def leave_unusable_out(sheet: Sheet, survey: Survey) -> Sheet:
    """The table with the cells of unusable files emptied, without rows that then have no file, and a remark on each.

    Raises:
      UserError: no row is left.
    """
    rows = []
    for row in sheet.rows:
        files = {m: path for m, path in row.files.items() if (row.number, m) not in survey.unusable}
        if files or not row.files:
            rows.append(row._replace(files=files))
    remarks = [f"row {number}, {m!r} left out: {text}" for (number, m), text in sorted(survey.unusable.items())]
    if not any(row.files for row in rows):
        raise UserError(f"{sheet.path} names no file that can be used: {remarks[0]}")
    if gone := len(sheet.rows) - len(rows):
        remarks.append(f"rows without any usable file, which are left out: {gone}")
    return sheet._replace(rows=tuple(rows), remarks=(*sheet.remarks, *remarks))
