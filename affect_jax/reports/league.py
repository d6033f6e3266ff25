"""Many methods on one corpus, the best first: scores, costs, and tests against the first and against chosen ones.

A chosen one may be a variant that many studies have, such as the control of each co-learning method: then every method
is tested against its own.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.errors import UserError
from affect_jax.evaluation import compare, read
from affect_jax.evaluation.compare import LESS_IS_BETTER, Answer, Question
from affect_jax.evaluation.read import Run, Source
from affect_jax.evaluation.variants import Comparison, Score, compare_runs
from affect_jax.reports import naming, tables
from affect_jax.reports.answers import give_verdict
from affect_jax.reports.render import write_notes
from affect_jax.reports.side_by_side import format_over_groups
from affect_jax.reports.tables import Grid, make_grid
from affect_jax.reports.thesis import VALIDATION_TRAP
from affect_jax.runtime.files import read_json
from affect_jax.runtime.score_text import label_metric

STEPS = "steps.json"
"""In a run folder, by `benchmarks.zoo --steps`: study -> `parameters`, and `seconds` of processor time of a step."""
BEST = "the first"
Place = tuple[str, str]
"""A run's config argument and a study in it."""
References = Mapping[Place, Source]
"""What the variants of a study are tested against."""


def make_table(runs: Sequence[Run], names: Sequence[str], metric: str = "", margin: float | None = None) -> Grid:
    """A line a variant, ranked by the mean score of the tested split.

    Args:
      runs: finished runs of one task on the same examples.
      names: variants that all are tested against, besides the first; one that several studies have is each one's own,
        which has no line.
      metric: what they are ranked by; '' as `variants.choose_metric` says.
      margin: within which variants count as equivalent, as a fraction; None does not ask.

    Raises:
      UserError: a name is not one variant's.
    """
    comparison, keyed = compare_runs(runs, reference=None, metric=metric), read.key_runs(runs)
    controls = {name: of_name for name in names if len(of_name := _find_controls(name, comparison)) > 1}
    scores = _rank(comparison, controls)
    references: dict[str, References] = {BEST: dict.fromkeys((_place(score) for score in scores), scores[0].source)}
    for name in names:
        references[name] = controls.get(name) or dict.fromkeys(references[BEST], compare.find_variant(name, keyed))
    tests = {name: _test(comparison, scores, of_name, keyed, margin) for name, of_name in references.items()}
    rows, tidy = [], []
    for rank, score in enumerate(scores, 1):
        answers = {name: of_reference.get(score.source) for name, of_reference in tests.items()}
        cost = _read_steps(score.run).get(score.source.study, {})
        rows.append(_describe(comparison, rank, score, answers, cost))
        tidy.append(_list_numbers(comparison, rank, score, answers, cost))
    constants = {read.find_baseline(run, comparison.split, comparison.metric) for run in runs} - {None}
    for constant in constants:
        score = {label_metric(comparison.metric): tables.format_score(constant, comparison.metric)}
        rows.append({"method": naming.describe_baseline(runs[0])} | score)
    answers = [answer for of_reference in tests.values() for answer in of_reference.values()]
    designs, corpus = compare.list_designs(answers), runs[0].results.corpus
    notes = write_notes(
        "league",
        c=comparison,
        designs=designs,
        margin=margin,
        names=[
            name if name in controls else comparison.names[next(iter(of_name.values()))]
            for name, of_name in references.items()
        ],
        controls=list(controls),
        budget=_describe_search(runs),
        validation_trap=VALIDATION_TRAP,
    )
    mark = "synthetic " if corpus.synthetic else ""
    return make_grid(f"Methods on {mark}{corpus.name}, ranked by {comparison.split}", rows, notes, tidy)


def _find_controls(name: str, comparison: Comparison) -> References:
    """The variants of that name in studies that have others, too."""
    sources = {score.source: _place(score) for score in comparison.tested_scores}
    sizes = Counter(sources.values())
    return {place: source for source, place in sources.items() if source.variant == name and sizes[place] > 1}


def _rank(comparison: Comparison, controls: Mapping[str, References]) -> list[Score]:
    """The best first, without the controls."""
    sign = 1 if comparison.metric in LESS_IS_BETTER else -1
    hidden = {source for of_name in controls.values() for source in of_name.values()}
    scores = [score for score in comparison.tested_scores if score.source not in hidden]
    if not scores:
        raise UserError(f"--ranked: nothing is left to rank but {', '.join(controls)}; name another variant")
    return sorted(scores, key=lambda score: sign * score.figure.mean)


def _place(score: Score) -> Place:
    return score.source.config, score.source.study


def _test(
    comparison: Comparison, scores: Sequence[Score], references: References, keyed: Any, margin: float | None
) -> dict[Source, Answer]:
    """Every variant that has a reference against it, in one family of Holm's correction."""
    pairs = [(score.source, references.get(_place(score))) for score in scores]
    questions = [
        Question(a.variant, a, b, comparison.split, (comparison.metric,)) for a, b in pairs if b not in (None, a)
    ]
    return {a.question.a: a for a in compare.answer_questions(questions, keyed, margin=margin)}


def _read_steps(run: Run) -> dict[str, Any]:
    path = run.path / STEPS
    return read_json(path) if path.exists() else {}


def _describe_search(runs: Sequence[Run]) -> str:
    """How many points were tried for each method and fold, and what was trained with the chosen one."""
    points = sorted({selection.candidates for run in runs for selection in run.results.selected})
    if not points:
        return ""
    networks = [run for run in runs if not _is_classical(run)]
    seeds = sorted({len({t.seed for t in run.results.trials}) for run in networks})
    epochs = sorted({stage["epochs"] for run in networks for stage in run.config["stages"].values()})
    told = [" or ".join(map(str, numbers)) for numbers in (points, seeds, epochs)]
    return f"{told[0]} random points of each method and fold, {told[1]} seeds, at most {told[2]} epochs"


def _is_classical(run: Run) -> bool:
    return any(trial.classical for trial in run.results.trials)


def _describe(
    comparison: Comparison, rank: int, score: Score, answers: Mapping[str, Answer | None], cost: Mapping[str, Any]
) -> dict[Any, Any]:
    metric, label = comparison.metric, label_metric(comparison.metric)
    validation = read.find_figure(score.run, score.source, "validation", metric)
    text = tables.format_figure(score.figure, metric)
    if score.interval is not None:
        text += f" [{', '.join(tables.format_score(edge, metric) for edge in score.interval)}]"
    row: dict[Any, Any] = {"rank": rank, "method": comparison.names[score.source], "n": score.figure.n, label: text}
    row["95 % over groups"] = format_over_groups(score)
    row["validation"] = "" if validation is None else tables.format_score(validation.mean, metric)
    row["parameters"] = f"{cost['parameters']:,}" if cost else ""
    row["step, ms"] = f"{1e3 * cost['seconds']:.2f}" if cost else ""
    for name, answer in answers.items():
        group = f"against {name}"
        c = answer and answer.contrast
        row[group, "difference"] = tables.format_difference(c.difference, metric) if c else ""
        row[group, "p, Holm"] = tables.format_p(c.holm) if c else ""
        row[group, "verdict"] = give_verdict(answer) if answer else ""
    return row


def _list_numbers(
    comparison: Comparison, rank: int, score: Score, answers: Mapping[str, Answer | None], cost: Mapping[str, Any]
) -> dict[str, Any]:
    """The csv's line, unrounded, all scores as fractions; `low` and `high` of a difference are of its test, 95 %, and
    `smallest` is what would have been shown with 80 % power."""
    interval = score.interval or (None, None)
    row = {"rank": rank, "run": score.run.path.name, "study": score.source.study, "variant": score.source.variant}
    row |= {"split": score.split, "metric": comparison.metric, **score.figure._asdict()}
    row |= {"low": interval[0], "high": interval[1]}
    row |= tables.pick_fields(score.over_groups, groups_low="low", groups_high="high", groups="groups")
    row |= {"parameters": cost.get("parameters"), "step_seconds": cost.get("seconds")}
    for name, answer in answers.items():
        c = answer and answer.contrast
        low, high = c.test.bound() if c else (None, None)
        row |= {f"{name}: difference": c and c.difference, f"{name}: low": low, f"{name}: high": high}
        row |= {f"{name}: p_holm": c and c.holm, f"{name}: smallest": c and c.find_smallest()}
        row[f"{name}: verdict"] = answer and give_verdict(answer)
    return row
