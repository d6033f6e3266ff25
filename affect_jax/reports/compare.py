"""The one comparison of all reports: two variants, or one and a constant answer, over trials of the same fold and seed.

Two doubts are kept apart, because the trials of a study share one test set: whether other seeds and folds would reverse
the difference (tests over matched trials), and whether other videos or speakers would (bootstrap over groups).
"""

import math
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation import group_scores
from affect_jax.evaluation.significance import Contrast, Interval, bootstrap_groups, contrast_scores, correct_family
from affect_jax.reports import read, tables
from affect_jax.reports.read import Predictions, Run, Runs
from affect_jax.reports.sources import Question, Source
from affect_jax.runtime.run_folder import name_run_folder

LEVEL = 0.05
METRICS = ("uar", "accuracy", "ccc", "pcc")
"""What two variants can be compared by, where both have it; of each of them, more is better."""
_NOT_RUN = " was not run"


class Matched(NamedTuple):
    """Scores of two variants over their n trials of the same fold and seed."""

    a: np.ndarray  # float64 [n]
    b: np.ndarray  # float64 [n]
    trials_a: list[int]  # [n], numbers in a's results.json
    trials_b: list[int]  # [n], in b's


class Answer(NamedTuple):
    """A question in one metric."""

    question: Question  # which two variants
    metric: str  # of `question.metrics`
    synthetic: bool = False  # one of the two comes from a synthetic corpus
    missing: str = ""  # why there is nothing to compare ('' where there is)
    contrast: Contrast | None = None  # a minus b; None where there is nothing to compare

    @property
    def label(self) -> str:
        """The question's, which says where a corpus is synthetic."""
        return f"{self.question.label} (synthetic)" if self.synthetic else self.question.label

    @property
    def not_run(self) -> str:
        """The run folder that is not there, or ''."""
        return self.missing.removesuffix(_NOT_RUN) if self.missing.endswith(_NOT_RUN) else ""

    def p(self, test: str) -> float:
        """p of a test; nan where there is none."""
        return self.contrast.p.get(test, math.nan) if self.contrast else math.nan

    def holm(self, test: str) -> float:
        """The same, corrected over its family."""
        return self.contrast.holm.get(test, math.nan) if self.contrast else math.nan

    def find_doubt(self, test: str) -> str:
        """Why a test says nothing, or ''."""
        if self.missing:
            return "not run" if self.not_run else "not comparable"
        if self.contrast.n < 2:
            return "one trial only, not tested"
        return "" if test in self.contrast.p else "size of the folds unknown, not tested"

    def give_verdict(self, test: str, names: tuple[str, str]) -> str:
        """Which of the two is better by a corrected test, that nothing was shown, or why nothing can be said."""
        if doubt := self.find_doubt(test):
            return doubt
        if self.holm(test) >= LEVEL:
            return "no difference shown"
        return f"{names[0] if self.contrast.difference > 0 else names[1]} better"

    def format_contrast(self, fractions: bool = False) -> dict[str, str]:
        """'63.4 / 61.0' and '+2.4 ± 1.0 (n=10)'; blanks where there is nothing to compare."""
        c, metric = self.contrast, self.metric
        if c is None:
            return {"scores": "", "difference": ""}
        spread = "" if math.isnan(c.std) else f" ± {tables.format_score(c.std, metric, fractions)}"
        means = " / ".join(tables.format_score(sample.mean, metric, fractions) for sample in (c.a, c.b))
        return {
            "scores": means,
            "difference": f"{tables.format_difference(c.difference, metric, fractions)}{spread} (n={c.n})",
        }

    def list_numbers(self, tests: Iterable[str]) -> dict[str, float | None]:
        """A csv's columns of a difference and its p-values, raw and corrected, unrounded."""
        c = self.contrast
        raw, corrected = {f"p_{test}": self.p(test) for test in tests}, {f"p_{t}_holm": self.holm(t) for t in tests}
        return {"difference": c and c.difference, "std": c and c.std} | raw | corrected


class _Folders:
    """What was read of some runs, so that no array is read twice."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.read_predictions = cache(lambda config, study, split: read.read_predictions(runs[config], study, split))
        self.measure_sizes = cache(lambda config, study, split: read.measure_sizes(runs[config], study, split))


def match_scores(runs: Runs, a: Source, b: Source, split: str, metric: str) -> Matched | None:
    """Trials of both in order of fold and seed; None where they share none, or one of them has no such score."""
    mine, theirs = (read.match_trials(runs[source.config], source) for source in (a, b))
    keys = sorted(mine.keys() & theirs.keys())
    numbers = [mine[key] for key in keys], [theirs[key] for key in keys]
    scores = []
    for source, of_source in zip((a, b), numbers, strict=True):
        trials = [runs[source.config].results.trials[number] for number in of_source]
        # A score that a trial lacks is None, which becomes nan.
        scores.append(np.array([(trial.scores(split) or {}).get(metric) for trial in trials], np.float64))
    return None if not keys or any(np.isnan(x).any() for x in scores) else Matched(*scores, *numbers)


def _pair_steps(a: Predictions, b: Predictions) -> tuple[np.ndarray, np.ndarray] | None:
    """Places in a and in b of the steps that both have, in one order; None where there is none, or one stands twice."""
    _, i, j = np.intersect1d(a.id, b.id, return_indices=True)
    has_twins = any(np.unique(x.id).size != x.id.size for x in (a, b))
    return (i, j) if i.size and not has_twins else None


def are_same_examples(a: Predictions, b: Predictions, trials_a: Sequence[int], trials_b: Sequence[int]) -> bool:
    """Whether two variants' matched trials were scored on the same examples with the same truth."""
    mine, theirs, places = a.select_trials(trials_a), b.select_trials(trials_b), _pair_steps(a, b)
    if mine is None or theirs is None or places is None or not len(places[0]) == a.id.size == b.id.size:
        return False
    i, j = places
    return np.array_equal(a.target[i], b.target[j]) and np.array_equal(mine.is_known[:, i], theirs.is_known[:, j])


def _find_difference(folders: _Folders, question: Question, matched: Matched) -> str:
    """Why two runs cannot be compared, or ''. Features may differ, as where one model reads a modality more; examples,
    truth and folds may not.
    """
    sources = (question.a, question.b)
    runs = [folders.runs[source.config] for source in sources]
    corpora = [run.results.corpus for run in runs]
    if corpora[0].fingerprint == corpora[1].fingerprint:
        return ""
    is_same_corpus = all(getattr(corpora[0], name) == getattr(corpora[1], name) for name in ("name", "synthetic"))
    a, b = (folders.read_predictions(x.config, x.study, question.split) for x in sources)
    if is_same_corpus and a and b and are_same_examples(a, b, matched.trials_a, matched.trials_b):
        return ""
    return f"{runs[0].path.name} and {runs[1].path.name} were not scored on the same examples"


def _bootstrap(folders: _Folders, question: Question, metric: str, matched: Matched) -> Interval | None:
    """The interval of a minus b over other groups, on the steps that all trials of both predict.

    None where predictions were not kept for all matched trials, or the two do not speak of the same truth.
    """
    if metric not in group_scores.SCORES:
        return None
    chosen = []
    for source, trials in ((question.a, matched.trials_a), (question.b or question.a, matched.trials_b)):
        predictions = folders.read_predictions(source.config, source.study, question.split)
        chosen.append(predictions and predictions.select_trials(trials))
    a, b = chosen
    places = _pair_steps(a, b) if a is not None and b is not None else None
    if places is None or not np.array_equal(a.group[places[0]], b.group[places[1]]):
        return None
    i, j = places
    known = np.isfinite(a.target[i]) & a.is_known[:, i].all(0) & b.is_known[:, j].all(0)
    i, j = i[known], j[known]
    if not known.any() or not np.allclose(a.target[i], b.target[j]):
        return None
    task, target, group = folders.runs[question.a.config].results.task, a.target[i], a.group[i]
    left = group_scores.sum_statistics(task, a.prediction[:, i], target, group)
    if question.b is None:
        right = group_scores.sum_constant(task, left)
    else:
        right = group_scores.sum_statistics(task, b.prediction[:, j], target, group)
    return bootstrap_groups(left, right, group_scores.SCORES[metric])


def _answer(folders: _Folders, question: Question, metric: str, tests: Collection[str], bootstrap: bool) -> Answer:
    """One question in one metric, not yet corrected."""
    a, b, split, answer = question.a, question.b, question.split, Answer(question, metric)
    for source in (a, b):
        if source is not None and folders.runs.get(source.config) is None:
            return answer._replace(missing=f"{name_run_folder(source.config)}{_NOT_RUN}")
    answer = answer._replace(synthetic=any(folders.runs[s.config].synthetic for s in (a, b) if s is not None))
    matched = match_scores(folders.runs, a, b or a, split, metric)
    if matched is not None and b is None:
        constant = read.find_baseline(folders.runs[a.config], split, metric)
        matched = None if constant is None else matched._replace(b=np.full(len(matched.a), constant))
    if matched is None:
        names = a.variant if b is None else f"{a.variant} and {b.variant}"
        return answer._replace(missing=f"no trials of {names} with the same fold and seed have a {metric} on {split}")
    if b is not None and (difference := _find_difference(folders, question, matched)):
        return answer._replace(missing=difference)
    interval = _bootstrap(folders, question, metric, matched) if bootstrap else None
    sizes = folders.measure_sizes(a.config, a.study, split)
    return answer._replace(contrast=contrast_scores(matched.a, matched.b, sizes, tests, interval))


def correct_answers(answers: Sequence[Answer], family: Callable[[Answer], Hashable]) -> list[Answer]:
    """The answers with p-values corrected by Holm; those of which `family` is equal are corrected together."""
    corrected, members = list(answers), {}
    for at, answer in enumerate(answers):
        members.setdefault(family(answer), []).append(at)
    for places in members.values():
        for at, contrast in zip(places, correct_family([answers[at].contrast for at in places]), strict=True):
            corrected[at] = answers[at]._replace(contrast=contrast)
    return corrected


def answer_questions(
    questions: Iterable[Question],
    runs: Runs,
    tests: Collection[str],
    *,
    bootstrap: bool = False,
    family: Callable[[Answer], Hashable] = lambda answer: answer.metric,
) -> list[Answer]:
    """Every question in every metric, in order, with p-values corrected by Holm.

    Args:
      questions: `b` None compares with the constant answer.
      runs: by what the questions' sources call their config.
      tests: of `significance.TESTS`.
      bootstrap: whether the interval over other groups is wanted as well.
      family: answers of which this is equal are corrected together.
    """
    folders = _Folders(runs)
    return correct_answers([_answer(folders, q, m, tests, bootstrap) for q in questions for m in q.metrics], family)


def find_variant(name: str, runs: Mapping[str, Run]) -> Source:
    """The variant of that name, or the one variant of the study of that name; 'FOLDER:NAME' is in one of the runs.

    Raises:
      UserError: there is none, or more than one.
    """
    folder, colon, rest = name.partition(":")
    wanted = rest if colon else name
    known: dict[str, list[Source]] = {}
    for run in runs.values():
        sources = read.list_variants(run) if not colon or run.path.name == folder else []
        for source in sources:
            is_alone = sum(other.study == source.study for other in sources) == 1
            for called in {source.variant, source.study} if is_alone else {source.variant}:
                known.setdefault(called, []).append(source)
    matches = known.get(wanted, [])
    if not matches:
        raise UserError(
            f"no run has a study or variant {wanted!r}{suggest_nearest(wanted, known)}; "
            f"there are {', '.join(sorted(known)) or f'none in a folder {folder}'}"
        )
    if len(matches) > 1:
        places = [f"{runs[source.config].path.name} ({source.study}, {source.variant})" for source in matches]
        raise UserError(
            f"{name!r} names {len(matches)} variants: {'; '.join(places)}; write FOLDER:NAME or compare fewer runs"
        )
    return matches[0]


def parse_question(text: str, runs: Mapping[str, Run]) -> Question:
    """'intra vs cross' as a question about some runs: on the test split where both have one, in the metrics of both.

    Raises:
      UserError: not two names, a name that is none or is several variants', or nothing to compare them by.
    """
    names = [name.strip() for name in text.split(" vs ")]
    if len(names) != 2 or not all(names):
        raise UserError(f"--compare={text!r} is not two names; write --compare='intra vs cross'")
    a, b = (find_variant(name, runs) for name in names)
    if a == b:
        raise UserError(f"--compare={text!r} names one variant twice; name two that differ")
    for split in read.SPLITS:
        metrics = [m for m in METRICS if all(read.find_figure(runs[s.config], s, split, m) for s in (a, b))]
        if metrics:
            return Question(" vs ".join(names), a, b, split, tuple(metrics))
    raise UserError(f"--compare={text!r}: the two share none of {', '.join(METRICS)}; compare variants of one task")
