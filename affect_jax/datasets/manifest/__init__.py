"""Anybody's own corpus: one csv file that lists items, their labels, and a file a modality. See docs/own_data.md.

id,group,label,face,voice
a1,anna,happy,face/a1.npy,voice/a1.wav
b1,bert,sad,,voice/b1.wav
"""

import collections
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.datasets import building, nonfinite, reading
from affect_jax.datasets.manifest import frames, labels, layouts, manifest, sides, survey, table, telling
from affect_jax.datasets.manifest.problems import Problems
from affect_jax.datasets.manifest.synthetic import synthesize
from affect_jax.datasets.recordings import Fold, Recording, Recordings, check_choice, fingerprint
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.features import egemaps

__all__ = ["DEFAULTS", "Column", "Description", "Label", "describe", "findings", "inspect", "load", "synthesize"]

DEFAULTS: dict[str, Any] = {
    "name": "manifest",
    "manifest": "",
    "data_dir": "",
    "modalities": (),
    "target": "",
    "layout": "item",
    "sound": "mfcc",
    "rate": 8000,
    "folds": 5,
    "seed": 0,
    "classes": False,
    "nonfinite": "refuse",
}
"""config.corpus: what may be set, and what it is otherwise.

manifest: the csv file.
data_dir: where built corpora go; '' is ~/.cache/affect_jax/corpora.
modalities: which columns of paths to read; () is all.
target: which label column is learned; '' is the first.
layout: item (an item is a recording with one label), steps (labels per step) or group (a group is a recording, its
items are the steps).
sound: what wav and flac files become: mfcc (120 a window, every 10 ms), waveform, or egemaps (25 every 10 ms, with
openSMILE).
rate: at which they are read, Hz.
folds, seed: of the draw where the csv file has neither split nor fold, or a split without validation.
classes: numbers in the target's column are names of classes.
nonfinite: refuse, zero or mean, for NaN and infinite features.
"""


class Column(NamedTuple):
    """A modality as `load` gives it.

    Attributes:
      name: of its column.
      kind: 'features' or 'waveform'.
      width: D of float32 [T, D]; 1 of a waveform.
      longest: T of the longest recording (samples of a waveform).
    """

    name: str
    kind: str
    width: int
    longest: int


class Label(NamedTuple):
    """A label column: 'class' (with its classes' names in their order) or 'number', one an item or `per_step`."""

    name: str
    kind: str
    classes: tuple[str, ...]
    per_step: bool


class Description(NamedTuple):
    """What a manifest holds: `parts` is 'split', 'fold' or '' as its columns are."""

    modalities: dict[str, Column]
    labels: dict[str, Label]
    parts: str
    items: int
    groups: int


class _Checked(NamedTuple):
    """A manifest in which nothing is wrong, its files measured."""

    settings: dict[str, Any]
    data_dir: Path
    sheet: table.Sheet
    cells: survey.Cells
    labels: dict[str, labels.Labels]
    target: str
    sides: sides.Sides


def describe(corpus: Mapping[str, Any]) -> Description:
    """What there is, after all checks and without building anything.

    Widths and lengths are those of the recordings that `load` gives in this layout.

    Raises:
      UserError: a setting is wrong; or anything in the csv file or the files that it names, a line a problem.
    """
    checked = _check(corpus)
    sheet = checked.sheet
    return Description(
        modalities={name: _column(name, checked) for name in sheet.modalities},
        labels={
            name: Label(name, column.kind, column.classes, column.per_step) for name, column in checked.labels.items()
        },
        parts=sheet.parts,
        items=len(sheet.rows),
        groups=len({row.group for row in sheet.rows}),
    )


def findings(corpus: Mapping[str, Any]) -> tuple[str, ...]:
    """What a person who prepares the corpus should see before it is built; everything is checked by then.

    Raises:
      UserError: as `describe`.
    """
    checked = _check(corpus)
    return tuple(telling.lines(checked.sheet, checked.cells, checked.labels, checked.sides, checked.settings))


def load(corpus: Mapping[str, Any]) -> Recordings:
    """Builds what is missing below data_dir and reads it.

    The only target is named as its column; classes count from 0 in the order of `describe`. A missing modality of an
    item is no key of its features.

    Raises:
      UserError: as `describe`.
    """
    return inspect(corpus)[0]


def inspect(corpus: Mapping[str, Any]) -> tuple[Recordings, nonfinite.Gaps]:
    """`load`, and what was missing in the features."""
    checked = _check(corpus)
    settings, sheet = checked.settings, checked.sheet
    features = manifest.build(
        sheet, checked.cells, sound=settings["sound"], rate=settings["rate"], data_dir=checked.data_dir
    )
    files = {row.id: row.files for row in sheet.rows}

    def locate(recording: Recording, modality: str, step: int, column: int) -> str:
        return f"{files[recording.id][modality]} frame {step} column {column} (from 0)"

    items = [Recording(row.id, row.group, (), features[row.number], {}) for row in sheet.rows]
    filled, gaps = nonfinite.fill({"items": items}, settings["nonfinite"], locate)
    whole = {row.number: item.features for row, item in zip(sheet.rows, filled["items"], strict=True)}
    target = checked.labels[checked.target]
    recordings, names = layouts.arrange(sheet.rows, whole, target, settings["layout"])

    def ids(rows: tuple[int, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(names[row] for row in rows))

    by_id = {recording.id: recording for recording in recordings}
    parts = checked.sides
    found = Recordings(
        corpus="manifest",
        variant=checked.target,
        synthetic=(sheet.path.parent / reading.MARKER).is_file(),
        splits={part: [by_id[name] for name in ids(rows)] for part, rows in parts.splits.items()},
        draws={name: ids(rows) for name, rows in parts.draws.items()},
        folds={name: Fold(*map(ids, both)) for name, both in parts.folds.items()},
        fingerprint="",
        labels=target.classes,
    )
    return found._replace(fingerprint=fingerprint(found)), gaps


def _check(corpus: Mapping[str, Any]) -> _Checked:
    settings = building.resolve_settings(corpus, DEFAULTS)
    check_choice("layout", settings["layout"], layouts.LAYOUTS)
    check_choice("sound", settings["sound"], tuple(frames.LOWEST))
    check_choice("nonfinite", settings["nonfinite"], nonfinite.POLICIES)
    lowest = frames.LOWEST[settings["sound"]]
    if settings["rate"] < lowest:
        raise UserError(
            f"config.corpus.rate is {settings['rate']} Hz, expected {lowest} or more for config.corpus.sound="
            f"{settings['sound']!r}"
        )
    if not settings["manifest"]:
        raise UserError("config.corpus.manifest is not set; name the csv file of your corpus (docs/own_data.md)")
    data_dir = Path(settings["data_dir"] or reading.default_data_dir()).expanduser().resolve()
    path = Path(settings["manifest"]).expanduser()
    problems = Problems(path)
    sheet = table.read(path, settings["modalities"], problems)
    target = settings["target"] or sheet.labels[0]
    if target not in sheet.labels:
        raise UserError(
            f"config.corpus.target is {target!r}{suggest_nearest(target, sheet.labels)}; {path} has the labels"
            f" {', '.join(sheet.labels)}"
        )
    if settings["sound"] == "egemaps" and any(frames.is_sound(p) for row in sheet.rows for p in row.files.values()):
        egemaps.check_opensmile()
    columns = {
        name: labels.read(
            sheet, name, needed=name == target, classes=settings["classes"] and name == target, problems=problems
        )
        for name in sheet.labels
    }
    cells = survey.cells(
        sheet,
        sound=settings["sound"],
        rate=settings["rate"],
        nonfinite=settings["nonfinite"],
        data_dir=data_dir,
        problems=problems,
    )
    layouts.check(sheet, cells, columns, target, settings["layout"], problems)
    parts = sides.arrange(sheet, columns[target], folds=settings["folds"], seed=settings["seed"], problems=problems)
    problems.stop()
    return _Checked(settings, data_dir, sheet, cells, columns, target, parts)


def _column(name: str, checked: _Checked) -> Column:
    cells = [checked.cells[row.number, name] for row in checked.sheet.rows if name in row.files]
    width, longest = cells[0].width, max(cell.frames for cell in cells)
    layout = checked.settings["layout"]
    if layout == "steps":
        longest = max(len(values) for values in checked.labels[checked.target].values.values())
    if layout == "group":
        width *= 2 if longest > 1 else 1
        longest = max(collections.Counter(row.group for row in checked.sheet.rows).values())
    return Column(name, "features" if width else "waveform", width or 1, longest)
