"""Which modality is the stronger one (thesis 5.2.1): the modalities of a run that has a model of each alone, ranked.

The mean validation score over folds and seeds ranks them, and so chooses who teaches whom. Test scores stand beside and
choose nothing.
"""

from itertools import combinations
from typing import NamedTuple

from affect_jax.config.modalities import map_single_modalities
from affect_jax.evaluation import read
from affect_jax.evaluation.compare import METRICS, Answer, Question, answer_questions
from affect_jax.evaluation.read import Figure, Run, Source


class Ranked(NamedTuple):
    """A modality's only variant, and its scores; `test` is None where the test split has no labels."""

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


def rank_modalities(run: Run) -> Ranking | None:
    """The ranking of a run; None where it has not one variant for each of two modalities or more."""
    modality_of = map_single_modalities(run.config) if run.config.get("studies") and "model" in run.config else {}
    variants = [source for source in read.list_variants(run) if not read.is_ensemble(run, source)]
    sources = {modality_of.get(source.study, ""): source for source in variants}
    if len(sources) < 2 or len(sources) < len(variants) or "" in sources:
        return None
    metric = run.results.monitor.metric
    if run.results.monitor.goal != "max":  # less of it is better: another score
        metric = next(m for m in METRICS if read.find_figure(run, variants[0], "validation", m) is not None)
    ranked = []
    for modality, source in sources.items():
        validation, test = (read.find_figure(run, source, split, metric) for split in ("validation", "test"))
        if validation is None:
            return None
        ranked.append(Ranked(modality, source, validation, test))
    ranked.sort(key=lambda one: (-one.validation.mean, one.modality))
    questions = [
        Question(f"{a.modality} vs {b.modality}", a.source, b.source, "validation", (metric,))
        for a, b in combinations(ranked, 2)
    ]
    return Ranking(run, metric, tuple(ranked), tuple(answer_questions(questions, {run.key: run})))
