"""Clips, recordings and transcripts as a model's inputs: extracted exactly as those that it was trained on."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from affect_jax.datasets import tables
from affect_jax.datasets.input_form import InputForm
from affect_jax.datasets.manifest import clip_cells, frame_files, locations, unlabelled
from affect_jax.datasets.manifest.csv_table import Row as ListedRow
from affect_jax.datasets.manifest.extract_columns import read_rows
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.parse_numbers import is_missing
from affect_jax.datasets.recordings import Recording
from affect_jax.errors import MissingPackageError, UserError
from affect_jax.extraction import compute, extracted_files
from affect_jax.extraction.extracted_files import Extraction
from affect_jax.extraction.sources import Source, load_source
from affect_jax.extraction.wanted import Wanted
from affect_jax.features import sound_streams, transcripts, video
from affect_jax.inference.inputs import Request, Requests

Say = Callable[[str], None]


class Extractors(NamedTuple):
    """What makes a model's inputs.

    Attributes:
      form: how they were made in training.
      sources: modality -> its extractor, of those that were extracted.
    """

    form: InputForm
    sources: dict[str, Source]

    @property
    def columns(self) -> dict[str, str]:
        """Column of clips -> 'words' or 'media'."""
        kinds = {self.form.modalities[m].extraction.column: source.kind for m, source in self.sources.items()}
        return {column: "words" if kind == "words" else "media" for column, kind in kinds.items()}


class Extracted(NamedTuple):
    """What was made of rows.

    Attributes:
      files: number of a row -> modality -> the file of its features; without those of which there is no step.
      faults: number of a row -> modality -> why it could not be made.
    """

    files: dict[int, dict[str, Path]]
    faults: dict[int, dict[str, str]]


def list_extracted(form: InputForm | None) -> dict[str, Extraction]:
    """Modality -> how it was extracted, of those that were."""
    return {name: of.extraction for name, of in form.modalities.items() if of.extraction} if form else {}


def is_clip(path: Path, form: InputForm) -> bool:
    """Whether a file is a video or a recording by its name; or a transcript, of a model that reads words alone."""
    known = (*video.SUFFIXES, *sound_streams.SUFFIXES)
    if all(made.kind == "words" for made in list_extracted(form).values()):
        known = transcripts.SUFFIXES
    return path.suffix.lower() in known


def is_list(path: Path, form: InputForm) -> bool:
    """Whether a file is a table with an `id` and a column of clips that the model's inputs are made of."""
    if path.suffix.lower() not in (".csv", ".tsv") or not path.is_file():
        return False
    try:
        header = tables.read_table(path).header
    except UserError:
        return False
    extracted = list_extracted(form)
    return (
        "id" in header and any(one.column in header for one in extracted.values()) and not set(extracted) & set(header)
    )


def parse_places(text: str) -> dict[str, str]:
    """Reads `voice=DIR, face=resnet101:FILE`.

    Raises:
      UserError: it has another form.
    """
    places = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, is_equal, source = part.partition("=")
        if not (name and is_equal and source):
            raise UserError(f"--sources has {part!r}, expected MODALITY=EXTRACTOR, such as voice=DIR; correct it")
        places[name] = source
    return places


def load_extractors(form: InputForm, places: Mapping[str, str]) -> Extractors:
    """Loads what made a model's inputs.

    Args:
      form: how they were made in training.
      places: modality -> another name of its extractor, where its files lie elsewhere now.

    Raises:
      UserError: one cannot be loaded, or has other weights than in training.
    """
    extracted = list_extracted(form)
    unknown = [name for name in places if name not in extracted]
    if unknown:
        raise UserError(f"--sources names {unknown[0]!r}, but what is extracted is {', '.join(extracted)}; correct it")
    sources = {}
    for name, made in extracted.items():
        hint = f"--sources={name}=EXTRACTOR says where it lies now"
        try:
            sources[name] = load_source(places.get(name, made.source))
        except UserError as error:
            more = "" if isinstance(error, MissingPackageError) else f"; {hint}"
            raise UserError(f"what made {name!r} in training cannot be loaded: {error}{more}") from error
        if sources[name].identity != made.identity:
            raise UserError(
                f"{sources[name].name} is not what made {name!r} in training: its weights, or its version, are others; "
                f"{hint}"
            )
    return Extractors(form, sources)


def extract_rows(
    extractors: Extractors,
    rows: Sequence[compute.Row],
    base: Path,
    folder: Path,
    say: Say,
    hints: clip_cells.Hints | None = None,
) -> Extracted:
    """Makes the features of rows.

    Args:
      extractors: of the model.
      rows: with the columns of clips, of which some may lack.
      base: folder that paths start from.
      folder: gets the files of features.
      say: gets what is odd about files.
      hints: what is known of files that are not there.
    """
    files: dict[int, dict[str, Path]] = {row.number: {} for row in rows}
    faults: dict[int, dict[str, str]] = {}
    for name, source in extractors.sources.items():
        made = extractors.form.modalities[name].extraction
        here = [row for row in rows if not is_missing(row.cells.get(made.column, ""))]
        failed: set[int] = set()

        def report(number: int, text: str, failed: set[int] = failed, name: str = name, of: Extraction = made) -> None:
            failed.add(number)
            faults.setdefault(number, {})[name] = text.removeprefix(f"{of.column}: ")

        here = clip_cells.report_hints(here, made.column, hints or {}, report)
        wanted = Wanted(name, made.column, made.source)
        plan = compute.plan_features(wanted, source, here, base, folder, rate=made.rate, report=report)
        for line in compute.carry_out(plan, report):
            say(" ".join(line.split()))
        for number, path in plan.made.items():
            if number not in failed and extracted_files.has_steps(path, extractors.form.options.min_confidence):
                files[number][name] = path
    return Extracted(files, faults)


def collect_rows(extractors: Extractors, path: Path, folder: Path, say: Say) -> Requests:
    """What a list of clips asks for: a prediction for each row, or in the layout 'group' for each row of a group.

    Args:
      extractors: of the model.
      path: of the table: `id`, the columns of clips, and `start` and `end` where rows are stretches.
      folder: gets the files of features.
      say: gets what is odd about files.

    Raises:
      UserError: all that is wrong with the table itself, one line a problem.
    """
    problems = Problems(path)
    header, rows = read_rows(tables.require_rows(tables.read_table(path)), problems)
    form = extractors.form
    others = [name for name in form.modalities if name not in extractors.sources]
    finder = locations.FileFinder(path.parent)
    rows, hints = clip_cells.locate_cells(rows, finder)
    for what, count in finder.remarks.items():
        say(f"note: {what}: {count}")
    extracted = extract_rows(extractors, rows, path.parent, folder, say, hints)
    readers = frame_files.make_readers(form.options, hold=True)
    listed: dict[str, list[tuple[compute.Row, ListedRow]]] = {}
    for row in rows:
        files = {} if _is_unreadable(row.number, extractors, extracted) else dict(extracted.files[row.number])
        files |= {m: path.parent / row.cells[m] for m in others if not is_missing(row.cells.get(m, ""))}
        group = row.cells.get("group", "") if form.layout == "group" else row.cells["id"]
        one = ListedRow(row.number, row.cells["id"], "", group, {}, files)
        listed.setdefault(group if form.layout == "group" else str(row.number), []).append((row, one))
    items, told = [], set()
    for members in listed.values():
        faults = [text for row, _ in members for text in extracted.faults.get(row.number, {}).values()]
        faults = list(dict.fromkeys(faults))
        if any(one.files for _, one in members):  # else it is skipped, and told then
            told |= {row.number for row, _ in members}
        read = functools.partial(_read_members, [one for _, one in members], form, readers, faults)
        items.append(Request(f"{path} row {members[0][0].number}", read))
    for number in sorted(told & extracted.faults.keys()):
        for name, text in extracted.faults[number].items():
            say(f"row {number}: {name!r} is missing: {text.partition('; ')[0]}")
    absent = [column for column in extractors.columns if column not in header]
    remarks = [f"no column {', '.join(absent)}, so what is made of it is missing in every row"] if absent else []
    return Requests(tuple(items), tuple(remarks))


def _is_unreadable(number: int, extractors: Extractors, extracted: Extracted) -> bool:
    """Whether nothing that is made of one of a row's clips could be made: the clip, not a stream of it, is at fault."""
    faults = extracted.faults.get(number, {})
    made_of: dict[str, list[str]] = {}
    for name in extractors.sources:
        made_of.setdefault(extractors.form.modalities[name].extraction.column, []).append(name)
    return any(all(name in faults for name in names) for names in made_of.values())


def _read_members(
    rows: Sequence[ListedRow], form: InputForm, readers: frame_files.Readers, faults: Sequence[str]
) -> Recording:
    if faults and not any(row.files for row in rows):
        raise UserError("; ".join(faults))
    return unlabelled.make_recording(rows, form, readers)
