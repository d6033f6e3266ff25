"""docs/metrics.md names every metric and every loss, and the losses' options with their defaults."""

import inspect
import re

from affect_jax import metrics
from affect_jax.config import stages
from affect_jax.training import objective
from tests.docs import commands, pages

PAGE = pages.read(commands.ROOT / "docs" / "metrics.md")
TABLES = {header[0]: [pages.cells(row.text) for row in rows] for header, rows in PAGE.tables()}
FUNCTIONS = (
    objective.ELEMENTWISE
    | objective.AGREEMENT
    | objective.ALIGNMENT
    | objective.DISTRIBUTION
    | objective.EMBEDDING
    | objective.TEACHING
    | objective.ADVERSARIAL
    | {kind: function for kind, (_, function) in objective.STATEFUL.items()}
)


def test_tasks_and_their_metrics():
    shown = {row[0].strip("`"): tuple(re.findall(r"`(\w+)`", row[2])) for row in TABLES["task"]}
    assert tuple(shown) == metrics.TASKS
    shown["multiclass"] = shown["multiclass"] or shown["binary"]
    assert shown == stages.METRICS


def test_every_metric_has_a_line_and_its_direction():
    shown = {row[0].strip("`"): row[3] for row in TABLES["name"]}
    known = {name for names in stages.METRICS.values() for name in names}
    assert {name: "higher" if stages.metric_sign(name) > 0 else "lower" for name in known} == shown


def test_every_loss_has_its_options():
    shown = {row[0].strip("`"): tuple(re.findall(r"`([^`]+)`", row[2])) for row in TABLES["kind"]}
    options = {}
    for kind, function in FUNCTIONS.items():
        keywords = [p for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
        options[kind] = tuple(p.name if p.default is p.empty else f"{p.name}={p.default!r}" for p in keywords)
    assert shown == options
