"""Any finished runs side by side: every variant's mean, spread and intervals, and a test against one of them."""

from collections.abc import Mapping
from typing import Any

from affect_jax.evaluation.read import Figure, Source
from affect_jax.evaluation.variants import PER_RECORDING, Comparison, Score
from affect_jax.reports import naming, tables
from affect_jax.reports.answers import BRIEF, COLUMNS, describe_answer, describe_briefly, give_verdict
from affect_jax.reports.render import write_notes
from affect_jax.reports.sources import FUSION
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.reports.thesis import NAMING, VALIDATION_TRAP
from affect_jax.runtime.score_text import label_metric

_OVER_GROUPS = "95 % over groups"


def make_table(comparison: Comparison) -> Grid:
    """A line a variant and split, constant answers below them; the tested metric and its tests before the others.

    The csv has a line a figure, unrounded, all scores as fractions.
    """
    lines: dict[tuple[Source, str], dict[str, Score]] = {}
    for score in comparison.scores:
        lines.setdefault((score.source, score.split), {})[score.metric] = score
    metrics = dict.fromkeys(score.metric for score in comparison.scores)
    metrics = [m for m in metrics if not (m.endswith(PER_RECORDING) and m.removesuffix(PER_RECORDING) in metrics)]
    metrics.sort(key=lambda metric: metric != comparison.metric)
    printed = {score.metric for score in comparison.scores if score.published}
    heads = {m: (label_metric(m), "ours") if m in printed else label_metric(m) for m in metrics}
    rows = [_describe_variant(comparison, *line, scores, heads) for line, scores in lines.items()]
    constants: dict[str, dict[Head, Any]] = {}
    for run, split in ((score.run, score.split) for score in comparison.scores):
        if scores := run.results.baselines.get(split):
            corpus = run.results.corpus.name
            row = {"run": run.mark(corpus), "variant": naming.describe_baseline(run), "split": split}
            row |= {head: tables.format_score(scores.get(metric), metric) for metric, head in heads.items()}
            constants.setdefault(f"{corpus} {split} {sorted(scores.items())}", row)
    records = (_list_tidy(comparison, score) for score in comparison.scores)
    return make_grid(f"Variants of {comparison.title}", [*rows, *constants.values()], _write_notes(comparison), records)


def summarize_table(comparison: Comparison, grid: Grid) -> Grid:
    """What a person asks first, narrow enough for a screen: the tested split and metric, its interval, the verdict."""
    heads = label_metric(comparison.metric), _OVER_GROUPS
    sources = {score.source for score in comparison.scores}
    told = {"run": len(comparison.runs) > 1, "study": len({(s.config, s.variant) for s in sources}) < len(sources)}
    split = grid.header.index(("", "split")) if ("", "split") in grid.header else None
    rows = tuple(row for row in grid.rows if split is None or row[split] == comparison.split)

    def is_asked(group: str, name: str) -> bool:
        if group.startswith("against "):
            return name in ("difference", "p", "verdict") if comparison.is_own else name in ("difference", "verdict")
        if name in told:  # only where it tells variants apart
            return told[name]
        return name in ("variant", "n") or name in heads or group in heads

    return tables.pick_columns(grid._replace(rows=rows), is_asked)


def _describe_variant(
    comparison: Comparison, source: Source, split: str, scores: Mapping[str, Score], heads: Mapping[str, Head]
) -> dict[Head, Any]:
    """One variant's row on one split: its scores by metric; `heads` are those of the columns with ours, by metric."""
    row: dict[Head, Any] = {"run": comparison.labels[source.config]}
    row |= {"study": source.study} if comparison.has_studies else {}
    row |= {"variant": source.variant, "split": split, "n": max(score.figure.n for score in scores.values())}
    for metric, head in heads.items():
        score, recording = scores.get(metric), scores.get(metric + PER_RECORDING)
        row[head] = "" if score is None else _format_score(score, recording)
        if isinstance(head, tuple):
            row[head[0], "thesis"], row[head[0], "difference"] = _format_published(score)
        if metric == comparison.metric and any(one.over_groups for one in comparison.scores):
            row[_OVER_GROUPS] = "" if score is None else format_over_groups(score)
        if metric == comparison.metric and comparison.reference is not None:
            against = f"against {comparison.names[comparison.reference]}"
            row |= {(against, column): text for column, text in _describe_test(comparison, source, split).items()}
    return row


def _format_score(score: Score, recording: Score | None) -> str:
    """'63.4 ± 0.8 [62.9, 63.9]', then the mean per recording where there is one."""
    text = tables.format_figure(score.figure, score.metric)
    if score.interval is not None:
        text += f" [{', '.join(tables.format_score(edge, score.metric) for edge in score.interval)}]"
    return (
        text if recording is None else f"{text}; per recording {tables.format_figure(recording.figure, score.metric)}"
    )


def _format_published(score: Score | None) -> tuple[str, str]:
    """What the thesis prints with its table, and ours minus it."""
    if score is None or score.published is None:
        return "", ""
    (mean, std, table), metric = score.published, score.metric
    difference = tables.format_difference(score.figure.mean - mean, metric)
    return f"{tables.format_figure(Figure(mean, std, 0), metric)} ({table})", difference


def format_over_groups(score: Score) -> str:
    """'[60.1, 66.5] (31)'."""
    interval = score.over_groups
    if interval is None:
        return ""
    edges = ", ".join(tables.format_score(edge, score.metric) for edge in (interval.low, interval.high))
    return f"[{edges}] ({interval.groups})"


def _describe_test(comparison: Comparison, source: Source, split: str) -> dict[str, str]:
    """The columns of the test against the reference; blank for what is not tested."""
    test, is_own = comparison.tests.get(source) if split == comparison.split else None, comparison.is_own
    if test is None:
        columns = dict.fromkeys(BRIEF if is_own else COLUMNS, "")
    else:
        columns = describe_briefly(test) if is_own else describe_answer(test)
    if (source, split) == (comparison.reference, comparison.split):
        columns["difference"] = "0 (reference)"
    return {name: text for name, text in columns.items() if name != "scores"}


def _write_notes(comparison: Comparison) -> tuple[str, ...]:
    untested: dict[str, list[str]] = {}
    for source, test in comparison.tests.items():
        if test.doubt:
            untested.setdefault(test.missing or test.doubt, []).append(comparison.names[source])
    return write_notes(
        "comparison",
        partial=_list_partial(comparison),
        c=comparison,
        constant=naming.describe_baseline(comparison.runs[0]),
        metric=label_metric(comparison.metric),
        untested=untested,
        tested=len(comparison.tests) - sum(map(len, untested.values())),
        is_fusion=any(run.results.config_arg.startswith(FUSION) and not run.is_own for run in comparison.runs),
        naming=NAMING,
        validation_trap=VALIDATION_TRAP,
    )


def _list_partial(comparison: Comparison) -> list[str]:
    """What is said of each difference over fewer trials than a mean beside it: only trials that both have count."""
    counts = {score.source: score.figure.n for score in comparison.tested_scores}
    told = []
    for source, test in comparison.tests.items():
        c = test.contrast
        if c is not None and c.n < max(counts[source], counts[comparison.reference]):
            means = " and ".join(tables.format_score(one.mean, comparison.metric) for one in (c.a, c.b))
            names = f"{comparison.names[source]} and {comparison.names[comparison.reference]}"
            told.append(f"{names}: the difference is over the {c.n} trials that both have, whose means are {means}")
    return told


def _list_tidy(comparison: Comparison, score: Score) -> dict[str, Any]:
    run, source, interval = score.run, score.source, score.interval
    is_tested = (score.split, score.metric) == (comparison.split, comparison.metric)
    test = comparison.tests.get(source) if is_tested else None
    row = {"run": run.path.name, "corpus": run.results.corpus.name, "synthetic": run.synthetic}
    row |= {"study": source.study, "variant": source.variant, "split": score.split, "metric": score.metric}
    row |= score.figure._asdict() | {"folds": len(score.design.folds)}
    row |= {"low": interval and interval[0], "high": interval and interval[1], "constant": score.constant}
    row |= tables.pick_fields(score.over_groups, groups_low="low", groups_high="high", groups="groups")
    if comparison.has_expected:
        row |= tables.pick_fields(score.published, thesis="mean", thesis_std="std", thesis_table="table")
    row |= {"reference": test and comparison.reference.variant}
    row |= tables.pick_fields(
        test and test.contrast, difference="difference", test="test.rule", p="test.p", p_holm="holm"
    )
    return row | {"verdict": test and give_verdict(test), "untested": test and (test.missing or test.doubt)}
