"""The corpora that are joined: each read by its own package, and compared with the others."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from affect_jax.datasets import catalog
from affect_jax.datasets.input_form import InputForm
from affect_jax.datasets.joined.settings import OTHERS, SHARED, Settings
from affect_jax.datasets.recordings import Fold, Recording, Recordings
from affect_jax.errors import UserError, join_words, suggest_nearest

_NAME = re.compile(r"[A-Za-z0-9_]+")


class Part(NamedTuple):
    """One of the corpora.

    Attributes:
      name: its key in config.corpus.parts.
      recordings: as its reader gives them.
      target: of its labels.
    """

    name: str
    recordings: Recordings
    target: str

    def list_members(self) -> list[Recording]:
        """All its labelled recordings."""
        everyone = (r for members in self.recordings.splits.values() for r in members)
        return [recording for recording in everyone if self.target in recording.targets]

    def list_folds(self) -> list[Fold]:
        """Its folds, each with the recordings that it trains on; of a release with a test split the one fold of it,
        with its validation split or its first draw of one."""
        splits, draws = self.recordings.splits, self.recordings.draws
        train = [r.id for r in splits["train"]]
        if self.recordings.folds:
            return [fold._replace(train=fold.select_training_ids(train)) for fold in self.recordings.folds.values()]
        if "validation" in splits:
            validation = tuple(r.id for r in splits["validation"])
        else:
            validation = tuple(next(iter(draws.values()), ()))
        test = tuple(r.id for r in splits.get("test", ()))
        fold = Fold(validation, test)
        return [fold._replace(train=fold.select_training_ids(train))]


def read_parts(settings: Settings) -> list[Part]:
    """Reads all corpora.

    Raises:
      UserError: fewer than two, a name that no fold can have, settings that a corpus does not have, or whatever the
        reader of one finds wrong; or parts that do not have the same modalities, made in the same way.
    """
    if not settings.parts or len(settings.parts) < 2:
        there = join_words(settings.parts or ()) or "none"
        raise UserError(
            f"config.corpus.parts names {there}; name two corpora or more, to train and to test on (docs/across.md)"
        )
    parts = [_read_part(name, given, settings) for name, given in settings.parts.items()]
    for part in parts[1:]:
        _compare_parts(parts[0], part)
    return parts


def _read_part(name: str, given: Any, settings: Settings) -> Part:
    where = f"config.corpus.parts.{name}"
    if not _NAME.fullmatch(name) or name == OTHERS:
        raise UserError(
            f"config.corpus.parts has a corpus called {name!r}; call it by letters, digits and _, not {OTHERS}"
        )
    own = {"name": "manifest", "manifest": given} if isinstance(given, str) else given
    if not isinstance(own, Mapping) or not isinstance(own.get("name"), str):
        raise UserError(
            f"{where} is {given!r}; give the csv file of a manifest, or a table of settings with the corpus' name, as "
            "in {'name': 'ravdess', 'manual_dir': 'DIR'}"
        )
    if own["name"] == settings.name:
        raise UserError(f"{where} is itself {own['name']!r}; name each of its corpora here")
    package = catalog.import_corpus(own["name"], f"{where}.name")
    for key in own:
        if key not in package.DEFAULTS:
            raise UserError(
                f"{where}.{key} is no setting of {own['name']}{suggest_nearest(key, package.DEFAULTS)}; it has "
                f"{join_words(sorted(package.DEFAULTS))}"
            )
    shared = {key: getattr(settings, key) for key in SHARED if key in package.DEFAULTS}
    try:
        recordings = package.load({key: value for key, value in (shared | dict(own)).items() if value is not None})
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return Part(name, recordings, _find_target(where, own.get("target"), recordings))


def _find_target(where: str, asked: str | None, recordings: Recordings) -> str:
    """The one label that the recordings have.

    Raises:
      UserError: they have several, none, or one for each step.
    """
    everyone = [r for members in recordings.splits.values() for r in members]
    there = sorted({name for recording in everyone for name in recording.targets})
    if asked not in there and len(there) != 1:
        raise UserError(f"{where} has the labels {join_words(there) or 'none'}; name one as {where}.target")
    target = asked if asked in there else there[0]
    if any(len(recording.steps) != 1 for recording in everyone):
        raise UserError(
            f"{where} has labels per step, and corpora are joined by labels of whole recordings; choose another"
        )
    return target


def _compare_parts(one: Part, other: Part) -> None:
    """Raises UserError where two corpora do not have the same modalities, of one make."""
    widths = [_measure_widths(part) for part in (one, other)]
    for a, b, x, y in ((one, other, *widths), (other, one, *reversed(widths))):
        if absent := sorted(set(x) - set(y)):
            raise UserError(
                f"config.corpus.parts: {a.name} has the modality {absent[0]!r} and {b.name} has "
                f"{join_words(sorted(y))}; give all corpora the same names, or name those that are read with "
                "config.corpus.modalities"
            )
    for modality, width in widths[0].items():
        if width != widths[1][modality]:
            raise UserError(
                f"config.corpus.parts: {modality!r} has {_tell_width(width)} in {one.name} and "
                f"{_tell_width(widths[1][modality])} in {other.name}; make its features in the same way"
            )
    makes = [_describe_make(part.recordings.inputs) for part in (one, other)]
    for modality in set(makes[0]) & set(makes[1]):
        if makes[0][modality] != makes[1][modality]:
            raise UserError(
                f"config.corpus.parts: {modality!r} is {makes[0][modality]} in {one.name} and {makes[1][modality]} in "
                f"{other.name}; give all corpora one, with config.corpus.rate and config.corpus.sound"
            )


def _measure_widths(part: Part) -> dict[str, int]:
    """Modality -> columns, 0 of a waveform."""
    return {
        name: 0 if values.ndim == 1 else values.shape[1]
        for recording in part.list_members()
        for name, values in recording.features.items()
    }


def _tell_width(width: int) -> str:
    return f"{width} columns" if width else "waveforms"


def _describe_make(form: InputForm | None) -> dict[str, str]:
    """Modality -> what its recordings became and at which rate, in words; of features nothing is known."""
    return {} if form is None else dict.fromkeys(form.heard, f"{form.sound} at {form.rate} Hz")


def join_forms(parts: list[Part]) -> InputForm | None:
    """How the features of all parts were made of files; None where that of one is not known, or is another."""
    forms = [part.recordings.inputs for part in parts]
    if None in forms or any(_strip(form) != _strip(forms[0]) for form in forms):
        return None
    missing = {name: sum(form.modalities[name].missing for form in forms) for name in forms[0].modalities}
    modalities = {name: of._replace(missing=missing[name]) for name, of in forms[0].modalities.items()}
    return forms[0]._replace(modalities=modalities)


def _strip(form: InputForm) -> InputForm:
    """Without what differs from corpus to corpus of one make."""
    modalities = {name: form.modalities[name]._replace(missing=0) for name in sorted(form.modalities)}
    return form._replace(modalities=modalities)
