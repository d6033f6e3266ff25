"""The one comparison of all reports: two variants, or one and a constant answer, over trials of the same fold and seed.

`affect_jax.evaluation.decision` decides, by the design of the trials; here trials are matched.
"""

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import NamedTuple

import numpy as np

from affect_jax.errors import UserError, suggest_nearest
from affect_jax.evaluation import over_groups, read
from affect_jax.evaluation.decision import Contrast, contrast_scores, correct_family
from affect_jax.evaluation.design import Design, derive_design
from affect_jax.evaluation.read import Run, Runs, Source
from affect_jax.experiment.ensembles import SEED
from affect_jax.runtime.run_folder import name_run_folder

METRICS = ("uar", "accuracy", "ccc", "pcc")
"""What two variants can be compared by, where both have it; of each of them, more is better."""
LESS_IS_BETTER = ("rmse", "mae", "log_loss")
_NOT_RUN = " was not run"


class Question(NamedTuple):
    """Do two variants differ over trials of the same fold and seed? `b` None stands for a constant answer."""

    label: str
    a: Source
    b: Source | None
    split: str
    metrics: tuple[str, ...]


class Matched(NamedTuple):
    """Scores of two variants over their n trials of the same fold and seed.

    Where one of the two is an ensemble of seeds, which has a value a fold, the other's seeds are averaged in each fold.
    """

    a: np.ndarray  # float64 [n]
    b: np.ndarray  # float64 [n]
    trials_a: list[int]  # [n], or all of the folds' seeds, numbers in a's results.json
    trials_b: list[int]  # likewise in b's
    design: Design  # of the n differences
    designs: tuple[Design, Design]  # of the trials of a, and of b


class Answer(NamedTuple):
    """A question in one metric."""

    question: Question  # which two variants
    metric: str  # of `question.metrics`
    synthetic: bool = False  # one of the two comes from a synthetic corpus
    missing: str = ""  # why there is nothing to compare ('' where there is)
    contrast: Contrast | None = None  # a minus b; None where there is nothing to compare
    margin: float | None = None  # within which they count as equivalent, where that was asked

    @property
    def label(self) -> str:
        """The question's, which says where a corpus is synthetic."""
        return f"{self.question.label} (synthetic)" if self.synthetic else self.question.label

    @property
    def variants(self) -> tuple[str, str]:
        """What a and b are called."""
        return self.question.a.variant, self.question.b.variant

    @property
    def not_run(self) -> str:
        """The run folder that is not there, or ''."""
        return self.missing.removesuffix(_NOT_RUN) if self.missing.endswith(_NOT_RUN) else ""

    @property
    def doubt(self) -> str:
        """Why nothing can be said, or ''."""
        if self.missing:
            return "not run" if self.not_run else "not comparable"
        if self.contrast.n < 2:
            return "one trial only, not tested"
        return "folds not recorded, not tested" if math.isnan(self.contrast.test.p) else ""

    @property
    def outcome(self) -> str:
        """'better' or 'worse' of a, followed by ' in part' where one of the two doubts is not met; 'none'; or ''."""
        if self.doubt:
            return ""
        winner = self._orient().find_winner()
        part = "" if self.contrast.is_certain_over_groups() else " in part"
        return f"{'better' if winner > 0 else 'worse'}{part}" if winner else "none"

    @property
    def within_margin(self) -> str:
        """'equivalent', 'no worse' or 'no better' of a, 'open', or '' where no margin was asked for."""
        if self.margin is None or self.doubt:
            return ""
        c = self._orient()
        is_no_worse, is_no_better = c.is_above(-self.margin), c.swap().is_above(-self.margin)
        if is_no_worse and is_no_better:
            return "equivalent"
        return "no worse" if is_no_worse else "no better" if is_no_better else "open"

    def _orient(self) -> Contrast:
        """a minus b where more is better, b minus a where less is."""
        return self.contrast.swap() if self.metric in LESS_IS_BETTER else self.contrast


def match_scores(runs: Runs, a: Source, b: Source, split: str, metric: str) -> Matched | None:
    """Trials of both in order of fold and seed; None where they share none, or one of them has no such score."""
    mine, theirs = (read.match_trials(runs[source.config], source) for source in (a, b))
    if read.is_ensemble(runs[a.config], a) != read.is_ensemble(runs[b.config], b):
        return _match_ensemble(runs, (a, mine), (b, theirs), split, metric)
    keys = sorted(mine.keys() & theirs.keys())
    numbers = [mine[key] for key in keys], [theirs[key] for key in keys]
    scores = []
    for source, of_source in zip((a, b), numbers, strict=True):
        trials = [runs[source.config].results.trials[number] for number in of_source]
        # A score that a trial lacks is None, which becomes nan.
        scores.append(np.array([(trial.scores(split) or {}).get(metric) for trial in trials], np.float64))
    if not keys or any(np.isnan(x).any() for x in scores):
        return None
    design = derive_design(keys, split, runs[a.config].results.corpus)
    return Matched(*scores, *numbers, design, (design, design))


def _match_ensemble(
    runs: Runs,
    a: tuple[Source, Mapping[tuple[str, int], int]],
    b: tuple[Source, Mapping[tuple[str, int], int]],
    split: str,
    metric: str,
) -> Matched | None:
    """As `match_scores`, of two variants with their trials, of which one is of ensembles."""
    corpus = runs[a[0].config].results.corpus
    folds = sorted({fold for fold, _ in a[1]} & {fold for fold, _ in b[1]})
    scores, trials, designs = [], [], []
    for source, numbers in (a, b):
        mine = {key: number for key, number in sorted(numbers.items()) if key[0] in folds}
        known = {key: runs[source.config].results.trials[number].scores(split) or {} for key, number in mine.items()}
        of_folds = [[known[key].get(metric) for key in mine if key[0] == fold] for fold in folds]
        scores.append(np.array([np.mean(np.array(values, np.float64)) for values in of_folds]))
        trials.append(list(mine.values()))
        designs.append(derive_design(list(mine), split, corpus))
    if not folds or any(np.isnan(x).any() for x in scores):
        return None
    return Matched(*scores, *trials, derive_design([(fold, SEED) for fold in folds], split, corpus), tuple(designs))


def _find_difference(runs: Runs, question: Question, matched: Matched) -> str:
    """Why two runs cannot be compared, or ''. Features may differ, as where one model reads a modality more; examples,
    truth and folds may not.
    """
    sources = (question.a, question.b)
    of_sources = [runs[source.config] for source in sources]
    corpora = [run.results.corpus for run in of_sources]
    if corpora[0].fingerprint == corpora[1].fingerprint:
        return ""
    is_same_corpus = all(getattr(corpora[0], name) == getattr(corpora[1], name) for name in ("name", "synthetic"))
    a, b = (read.read_predictions(runs[x.config], x.study, question.split) for x in sources)
    if is_same_corpus and a and b and over_groups.are_same_examples(a, b, matched.trials_a, matched.trials_b):
        return ""
    return f"{of_sources[0].path.name} and {of_sources[1].path.name} were not scored on the same examples"


def _answer(runs: Runs, question: Question, metric: str) -> Answer:
    """One question in one metric, not yet corrected."""
    a, b, split, answer = question.a, question.b, question.split, Answer(question, metric)
    for source in (a, b):
        if source is not None and runs.get(source.config) is None:
            return answer._replace(missing=f"{name_run_folder(source.config)}{_NOT_RUN}")
    answer = answer._replace(synthetic=any(runs[s.config].synthetic for s in (a, b) if s is not None))
    matched = match_scores(runs, a, b or a, split, metric)
    if matched is not None and b is None:
        constant = read.find_baseline(runs[a.config], split, metric)
        matched = None if constant is None else matched._replace(b=np.full(len(matched.a), constant))
    if matched is None:
        names = a.variant if b is None else f"{a.variant} and {b.variant}"
        return answer._replace(missing=f"no trials of {names} with the same fold and seed have a {metric} on {split}")
    if b is not None and (difference := _find_difference(runs, question, matched)):
        return answer._replace(missing=difference)
    joined = [
        over_groups.join_folds(read.read_predictions(runs[source.config], source.study, split), trials, design)
        for source, trials, design in zip(
            (a, b or a), (matched.trials_a, matched.trials_b), matched.designs, strict=True
        )
    ]
    task = runs[a.config].results.task
    interval = over_groups.bound_difference(task, metric, matched.design, *joined, is_constant=b is None)
    return answer._replace(contrast=contrast_scores(matched.a, matched.b, matched.design, interval))


def answer_questions(
    questions: Iterable[Question],
    runs: Runs,
    *,
    margin: float | None = None,
    family: Callable[[Answer], Hashable] = lambda answer: answer.metric,
) -> list[Answer]:
    """Every question in every metric, in order, with p-values corrected by Holm.

    Args:
      questions: `b` None compares with the constant answer.
      runs: by what the questions' sources call their config.
      margin: within which two variants count as equivalent, as a fraction; None does not ask.
      family: answers of which this is equal are corrected together.
    """
    answers = [_answer(runs, q, m)._replace(margin=margin) for q in questions for m in q.metrics]
    members: dict[Hashable, list[int]] = {}
    for at, answer in enumerate(answers):
        members.setdefault(family(answer), []).append(at)
    for places in members.values():
        for at, contrast in zip(places, correct_family([answers[at].contrast for at in places]), strict=True):
            answers[at] = answers[at]._replace(contrast=contrast)
    return answers


def list_designs(answers: Iterable[Answer]) -> list[Design]:
    """The designs of the trials that were compared, each once."""
    return list({a.contrast.design.describe(): a.contrast.design for a in answers if a.contrast}.values())


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
            for called in {source.variant, read.name_study(run, source) or source.variant}:
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
