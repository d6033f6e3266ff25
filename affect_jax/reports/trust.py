"""How far to trust each variant: a table, and charts of reliability and of risk against coverage."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from affect_jax.evaluation.compare import Answer, Question
from affect_jax.evaluation.read import Source
from affect_jax.evaluation.significance import Interval
from affect_jax.evaluation.trust import COVERAGE, SURE, Trust, sum_reliability, trace_risks
from affect_jax.metrics.calibration import BINS
from affect_jax.reports import answers, tables
from affect_jax.reports.figures import Line
from affect_jax.reports.render import write_notes
from affect_jax.reports.tables import Grid, Head, make_grid

_SHARE = f"{100 * COVERAGE:g} %"


def make_table(trusted: Sequence[Trust], names: Mapping[Source, str]) -> Grid | None:
    """A line a variant: errors of its probabilities or numbers before and after calibration, selection, coverage.

    The csv has every figure unrounded, and the temperature or map of every trial's mean.
    """
    if not trusted:
        return None
    describe = _describe_classes if trusted[0].is_of_classes else _describe_numbers
    rows = [{"variant": names[one.source]} | describe(one) | _describe_change(one) for one in trusted]
    notes = write_notes(
        "trust",
        of_classes=trusted[0].is_of_classes,
        bins=BINS,
        sure=f"{100 * SURE:g} %",
        share=_SHARE,
        designs=list({one.design.describe(): one.design for one in trusted}.values()),
    )
    return make_grid("How far to trust it", rows, notes, map(_list_tidy, trusted))


def _mean(one: Trust, name: str, form: str = ".3f") -> str:
    return format(float(np.mean(one.scores[name])), form)


def _reach(interval: Interval | None, scale: float = 1, form: str = ".3f") -> str:
    """' [.02, .05]', or '' where it is not known."""
    if interval is None:
        return ""
    return f" [{format(scale * interval.low, form)}, {format(scale * interval.high, form)}]"


def _describe_coverage(one: Trust) -> str:
    coverage = 100 * float(np.mean(one.scores["coverage"]))
    return f"{coverage:.1f}{_reach(one.intervals.get('coverage'), 100, '.1f')}"


def _describe_classes(one: Trust) -> dict[Head, Any]:
    temperatures = [of.temperature for of in one.fitted]
    low, high = min(temperatures), max(temperatures)
    row: dict[Head, Any] = {"temperature": f"{low:.2f}" if high - low < 0.005 else f"{low:.2f} to {high:.2f}"}
    for name, head in (("ece", "ECE"), ("brier", "Brier"), ("log_loss", "log loss")):
        row[head, "as answered"] = _mean(one, name)
        row[head, "calibrated"] = _mean(one, f"{name} mended") + _reach(one.intervals.get(f"{name} mended"))
        row[head, "isotonic"] = _mean(one, f"{name} isotonic")
    row |= {"error %": f"{100 * (1 - float(np.mean(one.scores['accuracy']))):.1f}"}
    row |= {f"error % of the surest {100 * SURE:g} %": f"{100 * float(np.mean(one.scores['risk'])):.1f}"}
    row |= {"AURC": _mean(one, "aurc"), (f"sets of {_SHARE}", "cover %"): _describe_coverage(one)}
    return row | {(f"sets of {_SHARE}", "classes"): _mean(one, "size", ".2f")}


def _describe_numbers(one: Trust) -> dict[Head, Any]:
    scales, offsets = zip(*one.maps, strict=True)
    row: dict[Head, Any] = {"map": f"{np.mean(scales):.3g} x {np.mean(offsets):+.3g}"}
    row |= {("RMSE", "as answered"): _mean(one, "rmse", ".4g"), ("RMSE", "mapped"): _mean(one, "rmse mended", ".4g")}
    row |= {(f"intervals of {_SHARE}", "cover %"): _describe_coverage(one)}
    return row | {(f"intervals of {_SHARE}", "width"): _mean(one, "size", ".4g")}


def _describe_change(one: Trust) -> dict[Head, str]:
    """The test of whether calibration made it better."""
    metric = "log_loss" if one.is_of_classes else "rmse"
    question = Question("calibrated vs as answered", one.source, one.source, "test", (metric,))
    row = answers.describe_answer(Answer(question, metric, contrast=one.contrast))
    head = f"{'log loss' if one.is_of_classes else 'RMSE'} against as answered"
    return {(head, name): row[name] for name in ("difference", "p, Holm", "test", "95 % over groups", "verdict")}


def _list_tidy(one: Trust) -> dict[str, Any]:
    row: dict[str, Any] = {"run": one.run.path.name, "synthetic": one.run.synthetic}
    row |= {"study": one.source.study, "variant": one.source.variant, "trials": len(one.fitted)}
    row |= {"answers": len(one.tested.target), "groups": len(np.unique(one.tested.group))}
    if one.is_of_classes:
        row["temperature"] = float(np.mean([of.temperature for of in one.fitted]))
    else:
        row["scale"], row["offset"] = (float(np.mean(values)) for values in zip(*one.maps, strict=True))
    row |= {name.replace(" mended", "_calibrated"): float(np.mean(values)) for name, values in one.scores.items()}
    for name in ("ece mended", "coverage") if one.is_of_classes else ("coverage",):
        columns = {f"{name.replace(' mended', '_calibrated')}_{edge}": edge for edge in ("low", "high")}
        row |= tables.pick_fields(one.intervals.get(name), **columns)
    return row | tables.pick_fields(one.contrast, difference="difference", p="test.p", p_holm="holm")


def list_lines(trusted: Sequence[Trust], names: Mapping[Source, str]) -> Iterator[tuple[str, str, list[Line]]]:
    """What the page draws of classes: (title, what the axes are called, lines) of each chart; nothing of numbers."""
    whole = np.linspace(0, 1, BINS + 1)
    for one in trusted:
        if not one.is_of_classes:
            continue
        lines = [Line("perfect", whole, whole)]
        for name, called in (("raw", "as answered"), ("mended", "calibrated")):
            count, confidence, right = sum_reliability(one.tested, name)
            filled = count > 0
            lines.append(Line(called, confidence[filled] / count[filled], right[filled] / count[filled]))
        yield f"{names[one.source]}: accuracy by confidence, in {BINS} bins", "confidence/accuracy", lines
    curves = [(names[one.source], trace_risks(one.tested)) for one in trusted if one.is_of_classes]
    if curves:
        lines = [Line(name, np.arange(1, len(y) + 1) / len(y), 100 * y) for name, y in curves]
        yield "Error of the surest answers, by how many are kept", "share of answers kept/error %", lines
