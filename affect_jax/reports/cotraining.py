"""Did co-learning help here? Each trained pair against its own unimodal model, its ablations and a constant answer."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from affect_jax.evaluation.compare import Answer, Question, answer_questions, list_designs
from affect_jax.evaluation.read import Runs
from affect_jax.reports import naming, tables
from affect_jax.reports.answers import describe_answer, list_numbers
from affect_jax.reports.render import write_notes
from affect_jax.reports.sources import Pair
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.reports.thesis import NOTES, PAIRS
from affect_jax.runtime.score_text import label_metric

CONTROLS = ("-(LFA & Decoder)", "-(CCA & S_D1)")
"""Variants that train the weaker modality in the method's own program with nothing of the stronger in the losses."""


class PairDifference(NamedTuple):
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


def compare_pairs(pairs: Iterable[Pair], runs: Runs) -> list[PairDifference]:
    """Every comparison of these pairs, in order; Holm's family is one method, corpus and metric, over all pairs."""
    asked: list[tuple[Pair, str, Question]] = []
    for pair in pairs:
        run = runs.get(pair.method.config)
        constant = "constant" if run is None else naming.name_baseline(run)
        for metric in pair.metrics:
            for name, source in (*pair.references, (constant, None)):
                asked.append((pair, name, Question(pair.label, pair.method, source, pair.split, (metric,))))
    corpora = {pair.label: pair.corpus for pair, _, _ in asked}
    answers = answer_questions(
        [question for _, _, question in asked],
        runs,
        family=lambda answer: (answer.question.a.variant, corpora[answer.question.label], answer.metric),
    )
    return [PairDifference(pair, name, answer) for (pair, name, _), answer in zip(asked, answers, strict=True)]


def _cite_evidence(c: PairDifference) -> str:
    unit = f"points of {c.metric.replace('_', ' ')}" if tables.is_percent(c.metric) else label_metric(c.metric)
    contrast = c.answer.contrast
    facts = [f"n={contrast.n}", f"Holm p {tables.format_p(contrast.holm) or 'none'} by {contrast.test.rule}"]
    if contrast.interval is not None:
        facts.append(f"95 % over groups {tables.format_interval(contrast.interval, c.metric)}")
    return f"{tables.format_difference(contrast.difference, c.metric)} {unit} ({'; '.join(facts)})"


def write_sentence(pair: Pair, comparisons: Iterable[PairDifference]) -> str:
    """One sentence to 'did co-learning help here', whatever it is: by the pair's first metric.

    To beat one's unimodal model is not enough for a yes: the same training without anything of the teacher (CONTROLS)
    must be beaten as well.
    """
    mine = [c for c in comparisons if c.pair.label == pair.label and c.metric == pair.metrics[0]]
    label = next((c.answer.label for c in mine if c.answer.synthetic), pair.label)
    controls = [c for c in mine if c.reference in CONTROLS]
    values = {"label": label, "unimodal": mine[0], "controls": controls, "constant": mine[-1]}
    return write_notes("sentence", cite=_cite_evidence, **values)[0]


def _describe_comparison(c: PairDifference) -> dict[str, str]:
    row = {"pair": c.answer.label, "metric": label_metric(c.metric), "against": c.reference}
    return row | describe_answer(c.answer)


def _list_tidy(c: PairDifference) -> dict[str, Any]:
    row = {"pair": c.answer.label, "split": c.pair.split, "metric": c.metric, "against": c.reference}
    return row | list_numbers(c.answer)


def make_table(pairs: Sequence[Pair], runs: Runs) -> Grid:
    """A line a comparison, then the answer of each pair.

    The csv has raw and corrected p-values and unrounded numbers, fractions throughout.
    """
    comparisons = compare_pairs(pairs, runs)
    configs = dict.fromkeys(s.config for p in pairs for s in (p.method, *(source for _, source in p.references)))
    notes = write_notes(
        "cotraining",
        designs=list_designs(c.answer for c in comparisons),
        sentences=[write_sentence(pair, comparisons) for pair in pairs],
        traps=[note for pair in pairs for note in NOTES[pair.corpus]],
        runs=[runs[config] for config in configs if runs.get(config) is not None],
    )
    title, rows = "Did co-learning help here?", map(_describe_comparison, comparisons)
    return make_grid(title, rows, notes, map(_list_tidy, comparisons))
