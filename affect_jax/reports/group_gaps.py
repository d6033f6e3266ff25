"""Scores by the values of a column, and the largest gap, as a table."""

from collections.abc import Mapping, Sequence
from typing import Any

from affect_jax.evaluation.compare import Answer, Question
from affect_jax.evaluation.group_gaps import Gaps
from affect_jax.evaluation.read import Figure, Source
from affect_jax.reports import answers, tables
from affect_jax.reports.render import write_notes
from affect_jax.reports.tables import Grid, Head, make_grid
from affect_jax.runtime.score_text import label_metric


def make_table(known: Sequence[Gaps], names: Mapping[Source, str], column: str, split: str, metric: str) -> Grid | None:
    """A line a variant and value, the best first, and a line for its largest gap; None where nothing has two values."""
    if not known:
        return None
    rows: list[dict[Head, Any]] = []
    records: list[dict[str, Any]] = []
    for gaps in known:
        for one in gaps.values:
            mean, std, n = one.scores
            row: dict[Head, Any] = {"variant": names[gaps.source], column: one.value, "groups": one.groups}
            row |= {"answers": one.steps, "n": n}
            row[label_metric(metric)] = tables.format_figure(Figure(mean, std if n > 1 else None, n), metric)
            row["95 % over groups"] = _format_reach(one.interval, metric)
            rows.append(row)
            record = {"variant": names[gaps.source], "value": one.value, "groups": one.groups, "answers": one.steps}
            record |= {"metric": metric, "mean": mean, "std": std, "n": n}
            records.append(record | tables.pick_fields(one.interval, low="low", high="high"))
        rows.append(_describe_gap(gaps, names[gaps.source], column, metric))
    designs = {one.contrast.design.describe(): one.contrast.design for one in known if one.contrast}
    notes = write_notes("group_gaps", column=column, split=split, designs=list(designs.values()))
    return make_grid(f"{label_metric(metric)} by {column}", rows, notes, records)


def _format_reach(interval: Any, metric: str) -> str:
    if interval is None:
        return ""
    return f"[{', '.join(tables.format_score(edge, metric) for edge in (interval.low, interval.high))}]"


def _describe_gap(gaps: Gaps, name: str, column: str, metric: str) -> dict[Head, Any]:
    better, worse = gaps.pair
    row: dict[Head, Any] = {"variant": name, column: f"gap: {better} − {worse}", "groups": "", "answers": "", "n": ""}
    question = Question(f"{better} vs {worse}", gaps.source, gaps.source, "", (metric,))
    missing = "" if gaps.contrast else f"no trial was scored on both {better} and {worse}"
    answer = Answer(question, metric, contrast=gaps.contrast, missing=missing)
    described = answers.describe_answer(answer, (better, worse))
    row |= {label_metric(metric): described["difference"], "95 % over groups": described["95 % over groups"]}
    row |= {name: described[name] for name in ("p, Holm", "test")}
    return row | {"verdict": missing or described["verdict"]}
