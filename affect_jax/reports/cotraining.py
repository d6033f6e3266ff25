"""Did co-learning help here? Each trained pair against its own unimodal model, its ablations and a constant answer.

Two doubts are kept apart, because the rows of a study share one test set: whether other seeds and draws would turn
the difference round (paired tests over matched rows) and whether other videos or speakers would (bootstrap).
"""

import math
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

import numpy as np

from affect_jax.evaluation.significance import (
    Interval,
    PairedTest,
    cluster_bootstrap,
    corrected_resampled_t_test,
    holm,
    paired_t_test,
    wilcoxon_signed_rank,
)
from affect_jax.reports import by_group, folders, formats, matching, tables
from affect_jax.reports.formats import Grid
from affect_jax.reports.matching import p_value
from affect_jax.reports.sources import PAIRS, Pair, Source
from affect_jax.reports.thesis import NOTES
from affect_jax.runtime.run_folder import name_run_folder

Arrays = Mapping[str, Mapping[str, np.ndarray]]  # config argument -> its run's predictions.npz

LEVEL = 0.05
_TESTS = ("t", "resampled", "wilcoxon")


class Comparison(NamedTuple):
    """A pair's method minus one reference, in one metric.

    Attributes:
      pair: the question.
      reference: a row of the pair's run, its unimodal model, or 'majority' / 'constant'.
      metric: of `pair.metrics`.
      synthetic: one of the two comes from a synthetic corpus.
      scores: mean of the method and of the reference over the matched rows.
      tests: 't', 'resampled', 'wilcoxon' -> test; 'resampled' only where the run counts its recordings.
      holm: the same names -> p corrected over the family.
      interval: over the groups of the split; None where predictions were not kept for both.
      missing: why there is nothing to compare ('' where there is).
    """

    pair: Pair
    reference: str
    metric: str
    synthetic: bool = False
    scores: tuple[float, float] | None = None
    tests: Mapping[str, PairedTest] = {}
    holm: Mapping[str, float] = {}
    interval: Interval | None = None
    missing: str = ""


def _test(a: np.ndarray, b: np.ndarray, recordings: tuple[int, int] | None) -> dict[str, PairedTest]:
    tests = {"t": paired_t_test(a, b), "wilcoxon": wilcoxon_signed_rank(a, b)}
    if recordings is not None:
        tests["resampled"] = corrected_resampled_t_test(a, b, n_train=recordings[0], n_test=recordings[1])
    return tests


def _kept(arrays: Mapping[str, np.ndarray], study: str, split: str, rows: list[int]) -> folders.Predictions | None:
    """The predictions of these rows, in their order; None where one was not kept."""
    kept = folders.predictions(arrays, study, split)
    if kept is None:
        return None
    position = {int(row): i for i, row in enumerate(kept.row)}
    if not all(row in position for row in rows):
        return None
    return kept._replace(prediction=kept.prediction[[position[row] for row in rows]], row=np.array(rows))


def _same_steps(a: folders.Predictions, b: folders.Predictions) -> tuple[np.ndarray, np.ndarray] | None:
    """Indices of the steps that both predicted, or None where the two do not speak of the same truth."""
    _, i, j = np.intersect1d(a.id, b.id, return_indices=True)
    unique = all(np.unique(x.id).size == x.id.size for x in (a, b))
    if not i.size or not unique or not np.array_equal(a.group[i], b.group[j]):
        return None
    finite = np.isfinite(a.target[i]) & np.isfinite(a.prediction[:, i].reshape(len(a.row), i.size, -1)).all((0, 2))
    finite &= np.isfinite(b.prediction[:, j].reshape(len(b.row), j.size, -1)).all((0, 2))
    if not finite.any() or not np.allclose(a.target[i][finite], b.target[j][finite]):
        return None
    return i[finite], j[finite]


def _bootstrap(a: folders.Predictions, b: folders.Predictions | None, task: str, metric: str) -> Interval | None:
    """The interval of a minus b, or of a minus a constant answer where b is None."""
    if metric not in by_group.SCORES:
        return None
    steps = _same_steps(a, a if b is None else b)
    if steps is None:
        return None
    target, group = a.target[steps[0]], a.group[steps[0]]
    left = by_group.statistics(task, a.prediction[:, steps[0]], target, group)
    if b is None:
        right = by_group.constant(task, left)
    else:
        right = by_group.statistics(task, b.prediction[:, steps[1]], target, group)
    return cluster_bootstrap(left, right, by_group.SCORES[metric])


def compare(
    pair: Pair, reference: str, source: Source | None, metric: str, runs: tables.Runs, arrays: Arrays
) -> Comparison:
    """One comparison, not yet corrected; `source` None stands for the constant answer."""
    made = Comparison(pair, reference, metric)
    run = runs.get(pair.method.config)
    other = run if source is None else runs.get(source.config)
    if run is None or other is None:
        absent = pair.method.config if run is None else source.config
        return made._replace(missing=f"{name_run_folder(absent)} was not run")
    made = made._replace(synthetic=run.synthetic or other.synthetic)
    if run.results["corpus"].get("fingerprint") != other.results["corpus"].get("fingerprint"):
        return made._replace(missing=f"{run.path.name} and {other.path.name} are of different corpora")
    matched = matching.match(run, pair.method, other, source or pair.method, pair.split, metric)
    if matched is not None and source is None:
        constant = folders.baseline(run, pair.split, metric)
        matched = None if constant is None else matched._replace(b=np.full(len(matched.a), constant))
    if matched is None:
        return made._replace(missing=f"no rows of both with the same fold and seed have a {metric} on {pair.split}")
    a, b, rows, others = matched
    kept = _kept(arrays[pair.method.config], pair.method.study, pair.split, rows)
    beside = None if source is None else _kept(arrays[source.config], source.study, pair.split, others)
    testable = kept is not None and (source is None or beside is not None)
    return made._replace(
        scores=(float(a.mean()), float(b.mean())),
        tests=_test(a, b, matching.sizes(run, arrays[pair.method.config], pair.method.study, pair.split)),
        interval=_bootstrap(kept, beside, run.results["task"], metric) if testable else None,
    )


def _family(comparison: Comparison) -> tuple[str, str, str]:
    return comparison.pair.method.cell, comparison.pair.corpus, comparison.metric


def corrected(comparisons: Iterable[Comparison]) -> list[Comparison]:
    """Adds Holm's p: a family is one method, corpus and metric, over all pairs and references that were tested."""
    comparisons = sorted(comparisons, key=_family)
    done = []
    for _, members in groupby(comparisons, key=_family):
        family = list(members)
        columns = {}
        for test in _TESTS:
            columns[test] = holm(np.array([c.tests[test].p if test in c.tests else math.nan for c in family]))
        done += [c._replace(holm={t: float(columns[t][i]) for t in _TESTS}) for i, c in enumerate(family)]
    return done


def comparisons(pairs: Iterable[Pair], runs: tables.Runs) -> list[Comparison]:
    """Every comparison of these pairs, Holm-corrected, in the pairs' order."""
    made = []
    for pair in pairs:
        run = runs.get(pair.method.config)
        constant = "constant" if run is None else folders.baseline_name(run)
        configs = {pair.method.config, *(source.config for _, source in pair.references)}
        arrays = {config: folders.read_arrays(runs[config]) for config in configs if runs.get(config) is not None}
        for metric in pair.metrics:
            for reference, source in (*pair.references, (constant, None)):
                made.append(compare(pair, reference, source, metric, runs, arrays))
    order = {(c.pair.label, c.metric, c.reference): i for i, c in enumerate(made)}
    return sorted(corrected(made), key=lambda c: order[c.pair.label, c.metric, c.reference])


def pairs_of(configs: Iterable[str]) -> tuple[Pair, ...]:
    """The pairs whose method is made by one of these config arguments."""
    wanted = set(configs)
    return tuple(pair for pair in PAIRS if pair.method.config in wanted)


def verdict(c: Comparison) -> str:
    """'better', 'worse', a doubt, or why there is none; both doubts must be met to say better or worse."""
    if c.missing:
        return tables.NOT_RUN if c.missing.endswith("was not run") else "not comparable"
    test = c.tests["t"]
    if test.n < 2:
        return "one row only, not tested"
    word = "better" if test.difference > 0 else "worse"
    over_rows = c.holm["t"] < LEVEL
    if c.interval is None:
        return f"{word} over seeds, groups not bootstrapped" if over_rows else "no difference shown"
    over_groups = c.interval.low > 0 or c.interval.high < 0
    if over_rows and over_groups and test.difference * c.interval.difference > 0:
        return word
    if over_rows:
        return f"{word} over seeds, not certain over groups"
    return "no difference shown"


def signed(value: float, metric: str) -> str:
    """'+2.1' points for shares, '+0.021' for CCC."""
    return matching.signed(value, metric in tables.PERCENT)


def _interval(c: Comparison) -> str:
    if c.interval is None:
        return ""
    return f"{signed(c.interval.low, c.metric)} to {signed(c.interval.high, c.metric)} ({c.interval.groups} groups)"


def _evidence(c: Comparison) -> str:
    unit = f"points of {c.metric.replace('_', ' ')}" if c.metric in tables.PERCENT else tables.label(c.metric)
    parts = [f"n={c.tests['t'].n}", f"Holm p {p_value(c.holm['t']) or 'none'}"]
    if c.interval is not None:
        parts.append(f"95 % over {c.interval.groups} groups {_interval(c).rsplit(' (', 1)[0]}")
    return f"{signed(c.tests['t'].difference, c.metric)} {unit} ({'; '.join(parts)})"


CONTROLS = ("-(LFA & Decoder)", "-(CCA & S_D1)")
"""Cells that train the weaker modality in the method's own program with nothing of the stronger one in the losses."""


def answer(pair: Pair, made: Iterable[Comparison]) -> str:
    """One sentence to 'did co-learning help here', whatever it is: by the pair's first metric.

    To beat one's unimodal model is not enough for a yes: the same training without anything of the teacher (CONTROLS)
    must be beaten as well.
    """
    mine = [c for c in made if c.pair.label == pair.label and c.metric == pair.metrics[0]]
    unimodal, constant = mine[0], mine[-1]
    label = f"{pair.label}{' (synthetic)' if any(c.synthetic for c in mine) else ''}"
    if unimodal.missing:
        return f"{label}: not answered, {unimodal.missing}."
    said = verdict(unimodal)
    word = {
        "better": "yes, co-learning helped",
        "worse": "no, co-learning hurt",
        "no difference shown": "no help shown",
        "one row only, not tested": "not answered, one row is no evidence",
    }.get(said, f"not certain, {said}")
    sentence = f"{label}: {word}, {_evidence(unimodal)} against {unimodal.reference}"
    control = next((c for c in mine if c.reference in CONTROLS), None)
    if control is not None:
        held = not control.missing and verdict(control) == "better"
        if said == "better" and not held:
            sentence = (
                f"{label}: better than {unimodal.reference}, {_evidence(unimodal)}, but not shown to be by its teacher"
            )
        found = "was not run" if control.missing else f"{verdict(control)}, {_evidence(control)}"
        sentence += f"; against the control without a teacher, {control.reference}: {found}"
    if constant.missing:
        return f"{sentence}; not compared with a {constant.reference} answer."
    return f"{sentence}; against the {constant.reference} answer {verdict(constant)}, {_evidence(constant)}."


_READING = (
    "Difference: the method minus the reference over rows of the same fold and seed, ± sample standard deviation.",
    "p: two-tailed paired t-test; resampled: the same with the variance of Nadeau and Bengio (2003), counted in "
    "recordings; Wilcoxon: signed ranks. Each corrected by Holm (1979) over the comparisons of one method, corpus and "
    "metric in this report.",
    "Interval: 95 % percentile bootstrap that redraws whole groups (videos, speakers) of the evaluated part, both "
    "systems on the same draw, scores averaged over rows. All rows share that part, so only this column speaks of "
    "other videos; with 9 speakers it is too narrow.",
    "better or worse is said only where Holm's p is below .05 and the interval leaves out 0.",
)


def _notes(pairs: Iterable[Pair], runs: tables.Runs, made: list[Comparison]) -> tuple[str, ...]:
    answers = tuple(answer(pair, made) for pair in pairs)
    corpora = dict.fromkeys(pair.corpus for pair in pairs)
    trap = tuple(note for corpus in corpora for note in NOTES[corpus])
    configs = dict.fromkeys(s.config for p in pairs for s in (p.method, *(source for _, source in p.references)))
    found = (runs.get(config) for config in configs)
    return (*answers, *_READING, *trap, *(folders.describe(run) for run in found if run is not None))


def _label(c: Comparison) -> str:
    return f"{c.pair.label} (synthetic)" if c.synthetic else c.pair.label


def report(pairs: Iterable[Pair], runs: tables.Runs, command: str = "") -> Grid:
    """A line a comparison, then the answer of each pair."""
    pairs = tuple(pairs)
    made = comparisons(pairs, runs)
    rows = []
    for c in made:
        cells = [""] * 6
        if not c.missing:
            test = c.tests["t"]
            spread = "" if math.isnan(test.std) else f" ± {tables.number(test.std, c.metric)}"
            cells = [f"{signed(test.difference, c.metric)}{spread} (n={test.n})"]
            cells += [p_value(c.holm[name]) for name in _TESTS] + [_interval(c)]
            cells.insert(0, " / ".join(tables.number(score, c.metric) for score in c.scores))
        rows.append((_label(c), tables.label(c.metric), c.reference, *cells, verdict(c)))
    names = ("pair", "metric", "against", "scores", "difference", "p", "p resampled", "p Wilcoxon", "95 % over groups")
    header = tuple(("", name) for name in (*names, "verdict"))
    return Grid("Did co-learning help here?", header, tuple(rows), _notes(pairs, runs, made), command)


def tidy(pairs: Iterable[Pair], runs: tables.Runs, command: str = "") -> Grid:
    """The same with raw and corrected p-values and unrounded numbers, fractions throughout."""
    pairs = tuple(pairs)
    made = comparisons(pairs, runs)
    rows = []
    for c in made:
        figures = [""] * 13
        if not c.missing:
            numbers = [*c.scores, c.tests["t"].difference, c.tests["t"].std]
            numbers += [c.tests[t].p if t in c.tests else math.nan for t in _TESTS] + [c.holm[t] for t in _TESTS]
            numbers += [math.nan] * 2 if c.interval is None else [c.interval.low, c.interval.high]
            figures = [str(c.tests["t"].n), *("" if math.isnan(x) else f"{x:.6g}" for x in numbers)]
        groups = "" if c.interval is None else str(c.interval.groups)
        rows.append((_label(c), c.pair.split, c.metric, c.reference, *figures, groups, verdict(c), c.missing))
    names = ["pair", "split", "metric", "against", "n", "method", "reference", "difference", "std"]
    names += [f"p_{t}" for t in _TESTS] + [f"p_{t}_holm" for t in _TESTS]
    names += ["low", "high", "groups", "verdict", "missing"]
    header = tuple(("", name) for name in names)
    return Grid("Did co-learning help here?", header, tuple(rows), _notes(pairs, runs, made), command)


def render(pairs: Iterable[Pair], runs: tables.Runs, command: str = "") -> dict[str, str]:
    """The report's text by file extension: md, csv, tex."""
    pairs = tuple(pairs)
    grid = report(pairs, runs, command)
    return {
        "md": formats.markdown(grid),
        "csv": formats.comma_separated(tidy(pairs, runs, command)),
        "tex": formats.latex(grid),
    }
