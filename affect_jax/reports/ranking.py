"""Which modality is the stronger one (thesis 5.2.1): the modalities of a run that has a model of each alone, ranked.

The mean validation score over folds and seeds ranks them, and so chooses who teaches whom. Test scores stand beside and
choose nothing.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.errors import UserError
from affect_jax.reports import folders, formats, questions, tables
from affect_jax.reports.folders import Figure, Run
from affect_jax.reports.formats import Grid
from affect_jax.reports.matching import p_value, signed
from affect_jax.reports.questions import LEVEL, Answer
from affect_jax.reports.sources import Question, Source
from affect_jax.reports.thesis import NOTES

_READING = (
    "Ranked by the mean validation score, which alone chooses the pair. ± sample standard deviation over n rows (fold x"
    " seed); a model of one modality each, of the same form.",
    "p paired: Student's t-test of the differences of rows of the same fold and seed. p resampled: the same with the "
    "variance of Nadeau and Bengio (2003), for folds share training data; Holm: corrected over all pairs of "
    f"modalities. The verdict rests on the last, at {LEVEL:g}.",
)


class Ranked(NamedTuple):
    """A modality's only cell, and its scores; `test` is None where the test part has no labels."""

    modality: str
    source: Source
    validation: Figure
    test: Figure | None


class Ranking(NamedTuple):
    """The modalities of a run, the strongest first, and the tests of every two of them, in that order."""

    run: Run
    metric: str
    ranked: tuple[Ranked, ...]
    tests: tuple[Answer, ...]

    @property
    def weaker(self) -> str:
        """The weakest: it has the most to learn."""
        return self.ranked[-1].modality

    @property
    def stronger(self) -> str:
        """The strongest: it has the most to teach."""
        return self.ranked[0].modality


def single(model: Mapping[str, Any]) -> str:
    """The modality of a model that reads one; '' of any other."""
    if "modalities" in model:
        return model["modalities"][0] if len(model["modalities"]) == 1 else ""
    if "modality" in model:
        return model["modality"]
    return "" if model.get("stronger") else model["weaker"]


def of_one_modality(config: Mapping[str, Any]) -> dict[str, str]:
    """Study -> its modality, where every study of a plain config has a model of one modality; else {}."""
    if not config.get("studies") or "model" not in config:
        return {}
    changes = {study: spec.get("override", {}).get("model", {}) for study, spec in config["studies"].items()}
    found = {study: single({**config["model"], **change}) for study, change in changes.items()}
    return found if all(found.values()) else {}


def of(run: Run) -> Ranking | None:
    """The ranking of a run; None where it has not one cell for each of two modalities or more."""
    by_study = of_one_modality(run.config)
    cells = dict.fromkeys((row["study"], row["variant"]) for row in run.results["trials"])
    found = {by_study.get(study, ""): Source(str(run.path), study, cell) for study, cell in cells}
    if len(found) < 2 or len(found) < len(cells) or "" in found:
        return None
    metric = _metric(run, list(found.values()))
    ranked = [
        Ranked(modality, source, figure, folders.figure(run, source, "test", metric))
        for modality, source in found.items()
        if (figure := folders.figure(run, source, "validation", metric)) is not None
    ]
    if len(ranked) < len(found):
        return None
    ranked.sort(key=lambda one: (-one.validation.mean, one.modality))
    asked = [
        Question(f"{a.modality} vs {b.modality}", a.source, b.source, "validation", (metric,))
        for a, b in combinations(ranked, 2)
    ]
    return Ranking(run, metric, tuple(ranked), tuple(questions.answers(asked, {str(run.path): run})))


def _metric(run: Run, sources: Sequence[Source]) -> str:
    """What the run was stopped by, or where less of that is better, another score."""
    monitor = run.results.get("monitor", {})
    if monitor.get("goal") == "max":
        return monitor["metric"]
    return next(m for m in questions.METRICS if folders.figure(run, sources[0], "validation", m) is not None)


def read(folder: Path) -> Ranking:
    """The ranking of a finished run folder.

    Raises:
      UserError: it is no finished run, or none with a model of each modality alone.
    """
    found = of(folders.read_run(folder))
    if found is None:
        raise UserError(f"{folder} has no ranking of modalities; make one with configs/rank.py")
    return found


def _verdict(found: Ranking, test: Answer) -> str:
    first, second = (
        next(x.modality for x in found.ranked if x.source == s) for s in (test.question.a, test.question.b)
    )
    if test.missing or test.difference.n < 2:
        return "not tested: one row" if not test.missing else test.missing
    if "resampled" not in test.p:
        return "size of the folds unknown, not tested"
    return f"{first} better" if test.holm["resampled"] < LEVEL else f"no difference shown to {second}"


def _cells(test: Answer, metric: str) -> tuple[str, ...]:
    """Difference, p paired, p resampled, p by Holm."""
    if test.missing:
        return ("",) * 4
    said = signed(test.difference.difference, metric in tables.PERCENT)
    return (
        said,
        *(p_value(p) for p in (test.p.get("paired", math.nan), test.p.get("resampled", math.nan))),
        p_value(test.holm.get("resampled", math.nan)),
    )


def report(found: Ranking, command: str = "") -> Grid:
    """A line a modality, the strongest first, tested against the next one."""
    run, metric = found.run, found.metric
    following = {(t.question.a, t.question.b): t for t in found.tests}
    rows = []
    for place, one in enumerate(found.ranked, start=1):
        test = following.get((one.source, found.ranked[place].source)) if place < len(found.ranked) else None
        scores = [
            f"{tables.mean_std(f, metric)} (n={f.n})" if f is not None else "–" for f in (one.validation, one.test)
        ]
        beside = (*_cells(test, metric), _verdict(found, test)) if test is not None else ("",) * 5
        name = f"{one.modality} (synthetic)" if run.synthetic else one.modality
        rows.append((str(place), name, *scores, *beside))
    constants = [folders.baseline(run, split, metric) for split in ("validation", "test")]
    said = [tables.number(value, metric) if value is not None else "–" for value in constants]
    rows.append(("", f"{folders.baseline_name(run)} answer", *said, *("",) * 5))
    label = tables.label(metric)
    header = [("", "rank"), ("", "modality"), ("validation", label), ("test", label)]
    header += [("against the next", name) for name in ("difference", "p paired", "p resampled", "Holm", "verdict")]
    return Grid(
        f"Modalities of {run.path.name}, the stronger first", tuple(header), tuple(rows), _notes(found), command
    )


def _notes(found: Ranking) -> tuple[str, ...]:
    run, first, last = found.run, found.ranked[0], found.ranked[-1]
    test = next(t for t in found.tests if (t.question.a, t.question.b) == (first.source, last.source))
    pair = f"Suggested pair for co-learning: {found.stronger} teaches {found.weaker} ({_verdict(found, test)})."
    return (
        pair,
        *_READING,
        *(NOTES["cmu_mosi"][1:2] if run.results["corpus"]["name"] == "cmu_mosi" else ()),
        folders.describe(run),
    )


def pairs(found: Ranking, command: str = "") -> Grid:
    """A line a pair of modalities."""
    rows = [(t.question.label, *_cells(t, found.metric), _verdict(found, t)) for t in found.tests]
    names = ("modalities", "difference", "p paired", "p resampled", "Holm", "verdict")
    title = f"Every two modalities of {found.run.path.name}, by validation {tables.label(found.metric)}"
    return Grid(title, tuple(("", name) for name in names), tuple(rows), _READING[1:], command)


def render(rankings: Sequence[Ranking], command: str = "") -> dict[str, dict[str, str]]:
    """'ranking' and 'ranking_pairs' -> the text by file extension; {} without rankings."""
    grids = {"ranking": [report(r, command) for r in rankings], "ranking_pairs": [pairs(r, command) for r in rankings]}
    return {
        stem: {kind: "\n".join(map(write, made)) for kind, write in formats.FORMATS.items()}
        for stem, made in grids.items()
        if made
    }


def summary(folder: Path) -> str:
    """The ranking of a finished run as aligned text for a terminal; '' where it is none."""
    found = of(folders.read_run(folder))
    return "" if found is None else formats.plain(report(found))
