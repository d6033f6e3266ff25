"""Did co-learning help here? Each trained pair against its own unimodal model, its ablations and a constant answer."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from affect_jax.reports import read, tables
from affect_jax.reports.compare import (
    LEVEL,
    Answer,
    answer_questions,
    find_doubt,
    format_contrast,
    label_question,
    list_numbers,
)
from affect_jax.reports.read import Runs
from affect_jax.reports.sources import PAIRS, Pair, Question
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.reports.thesis import NOTES

TESTS = ("paired", "resampled", "wilcoxon")
CONTROLS = ("-(LFA & Decoder)", "-(CCA & S_D1)")
"""Variants that train the weaker modality in the method's own program with nothing of the stronger in the losses."""
_TITLE = "Did co-learning help here?"
_READING = (
    "Difference: the method minus the reference over trials of the same fold and seed, ± sample standard deviation.",
    "p: two-tailed paired t-test; resampled: the same with the variance of Nadeau and Bengio (2003), counted in "
    "recordings; Wilcoxon: signed ranks. Each corrected by Holm (1979) over the comparisons of one method, corpus and "
    "metric in this report.",
    "Interval: 95 % percentile bootstrap that redraws whole groups (videos, speakers) of the evaluated split, both "
    "systems on the same draw, scores averaged over trials. All trials share that split, so only this column speaks of "
    "other videos; with 9 speakers it is too narrow.",
    "better or worse is said only where Holm's p is below .05 and the interval leaves out 0.",
)


class Comparison(NamedTuple):
    """A pair's method minus one reference, in one metric; `reference` is its name."""

    pair: Pair
    reference: str
    answer: Answer

    @property
    def metric(self) -> str:
        return self.answer.metric


def list_pairs(configs: Iterable[str]) -> tuple[Pair, ...]:
    """The pairs whose method is made by one of these config arguments."""
    wanted = set(configs)
    return tuple(pair for pair in PAIRS if pair.method.config in wanted)


def compare_pairs(pairs: Iterable[Pair], runs: Runs) -> list[Comparison]:
    """Every comparison of these pairs, in order; Holm's family is one method, corpus and metric, over all pairs."""
    asked: list[tuple[Pair, str, Question]] = []
    for pair in pairs:
        run = runs.get(pair.method.config)
        constant = "constant" if run is None else read.name_baseline(run)
        for metric in pair.metrics:
            for name, source in (*pair.references, (constant, None)):
                asked.append((pair, name, Question(pair.corpus, pair.method, source, pair.split, (metric,))))
    answers = answer_questions(
        [question for _, _, question in asked],
        runs,
        TESTS,
        bootstrap=True,
        family=lambda answer: (answer.question.a.variant, answer.question.label, answer.metric),
    )
    return [Comparison(pair, name, answer) for (pair, name, _), answer in zip(asked, answers, strict=True)]


def give_verdict(c: Comparison) -> str:
    """'better', 'worse', a doubt, or why there is none; both doubts must be met to say better or worse."""
    if doubt := find_doubt(c.answer, "paired"):
        return doubt
    difference, interval = c.answer.contrast.difference, c.answer.contrast.interval
    word = "better" if difference > 0 else "worse"
    if not c.answer.holm("paired") < LEVEL:
        return "no difference shown"
    if interval is None:
        return f"{word} over seeds, groups not bootstrapped"
    if (interval.low > 0 or interval.high < 0) and difference * interval.difference > 0:
        return word
    return f"{word} over seeds, not certain over groups"


def _format_interval(c: Comparison) -> str:
    interval = c.answer.contrast and c.answer.contrast.interval
    if interval is None:
        return ""
    return f"{tables.format_difference(interval.low, c.metric)} to {tables.format_difference(interval.high, c.metric)}"


def _cite_evidence(c: Comparison) -> str:
    unit = f"points of {c.metric.replace('_', ' ')}" if tables.is_percent(c.metric) else tables.label_metric(c.metric)
    contrast = c.answer.contrast
    facts = [f"n={contrast.n}", f"Holm p {tables.format_p(c.answer.holm('paired')) or 'none'}"]
    if contrast.interval is not None:
        facts.append(f"95 % over {contrast.interval.groups} groups {_format_interval(c)}")
    return f"{tables.format_difference(contrast.difference, c.metric)} {unit} ({'; '.join(facts)})"


def write_sentence(pair: Pair, comparisons: Iterable[Comparison]) -> str:
    """One sentence to 'did co-learning help here', whatever it is: by the pair's first metric.

    To beat one's unimodal model is not enough for a yes: the same training without anything of the teacher (CONTROLS)
    must be beaten as well.
    """
    mine = [c for c in comparisons if c.pair.label == pair.label and c.metric == pair.metrics[0]]
    unimodal, constant = mine[0], mine[-1]
    label = label_question(next((c.answer for c in mine if c.answer.synthetic), mine[0].answer), pair.label)
    if unimodal.answer.missing:
        return f"{label}: not answered, {unimodal.answer.missing}."
    verdict = give_verdict(unimodal)
    word = {
        "better": "yes, co-learning helped",
        "worse": "no, co-learning hurt",
        "no difference shown": "no help shown",
        "one trial only, not tested": "not answered, one trial is no evidence",
    }.get(verdict, f"not certain, {verdict}")
    sentence = f"{label}: {word}, {_cite_evidence(unimodal)} against {unimodal.reference}"
    control = next((c for c in mine if c.reference in CONTROLS), None)
    if control is not None:
        missing = control.answer.missing
        if verdict == "better" and (missing or give_verdict(control) != "better"):
            evidence = f"better than {unimodal.reference}, {_cite_evidence(unimodal)}"
            sentence = f"{label}: {evidence}, but not shown to be by its teacher"
        result = "was not run" if missing else f"{give_verdict(control)}, {_cite_evidence(control)}"
        sentence += f"; against the control without a teacher, {control.reference}: {result}"
    if constant.answer.missing:
        return f"{sentence}; not compared with a {constant.reference} answer."
    return f"{sentence}; against the {constant.reference} answer {give_verdict(constant)}, {_cite_evidence(constant)}."


def _write_notes(pairs: Sequence[Pair], runs: Runs, comparisons: list[Comparison]) -> tuple[str, ...]:
    sentences = tuple(write_sentence(pair, comparisons) for pair in pairs)
    traps = tuple(note for corpus in dict.fromkeys(pair.corpus for pair in pairs) for note in NOTES[corpus])
    configs = dict.fromkeys(s.config for p in pairs for s in (p.method, *(source for _, source in p.references)))
    known = [runs[config] for config in configs if runs.get(config) is not None]
    return (*sentences, *_READING, *traps, *map(read.describe_run, known))


def _make_row(c: Comparison) -> tuple[str, ...]:
    interval = c.answer.contrast and c.answer.contrast.interval
    groups = f" ({interval.groups} groups)" if interval else ""
    p = (tables.format_p(c.answer.holm(test)) for test in TESTS)
    heads = (label_question(c.answer, c.pair.label), tables.label_metric(c.metric), c.reference)
    return (*heads, *format_contrast(c.answer), *p, _format_interval(c) + groups, give_verdict(c))


def _list_tidy(c: Comparison) -> dict[str, Any]:
    x = c.answer.contrast
    interval = x and x.interval
    row = {"pair": label_question(c.answer, c.pair.label), "split": c.pair.split, "metric": c.metric}
    row |= {"against": c.reference, "n": x and x.n, "method": x and x.a.mean, "reference": x and x.b.mean}
    row |= list_numbers(c.answer, TESTS) | {"low": interval and interval.low, "high": interval and interval.high}
    row |= {"groups": interval and interval.groups}
    return row | {"verdict": give_verdict(c), "missing": c.answer.missing}


def make_table(pairs: Sequence[Pair], runs: Runs) -> Grid:
    """A line a comparison, then the answer of each pair.

    The csv has raw and corrected p-values and unrounded numbers, fractions throughout.
    """
    comparisons = compare_pairs(pairs, runs)
    header = ("pair", "metric", "against", "scores", "difference", "p", "p resampled", "p Wilcoxon", "95 % over groups")
    rows, notes = map(_make_row, comparisons), _write_notes(pairs, runs, comparisons)
    return make_grid(_TITLE, (*header, "verdict"), rows, notes, map(_list_tidy, comparisons))
