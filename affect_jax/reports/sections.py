"""What the HTML report shows of a comparison, a section a question."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from markupsafe import Markup

from affect_jax.reports import confusion, curves, figures, over_time, read, tables
from affect_jax.reports.figures import Bar, Line
from affect_jax.reports.over_time import Recording
from affect_jax.reports.page import (
    Section,
    render_template,
    show_beside,
    show_chart,
    show_folded,
    show_grid,
    show_matrix,
    show_text,
)
from affect_jax.reports.read import Run
from affect_jax.reports.side_by_side import Comparison
from affect_jax.reports.sources import Source
from affect_jax.reports.tables import Grid

_RECORDINGS = 12
"""Recordings of a variant that are drawn; the table has all."""
_COLOURS = len(figures.COLOURS)


def show_scores(comparison: Comparison, grid: Grid) -> Section:
    """Every variant with its interval, drawn and as a table."""
    # The head of the page says already what each run is.
    described = {read.describe_run(run) for run in comparison.runs}
    grid = grid._replace(notes=tuple(note for note in grid.notes if note not in described))
    chart = _draw_scores(comparison) if comparison.drawn else Markup()
    return Section("scores", "Scores", chart + show_grid(grid))


def _draw_scores(comparison: Comparison) -> Markup:
    metric, scale = comparison.metric, 100 if tables.is_percent(comparison.metric) else 1
    bars = []
    for entry in comparison.drawn:
        printed, interval = entry.published.get(metric), entry.intervals.get(metric)
        reach = None if interval is None else (scale * interval[0], scale * interval[1])
        mean = scale * entry.figures[metric].mean
        bars.append(Bar(comparison.names[entry.source], mean, reach, printed and scale * printed.mean))
    constants = {read.find_baseline(entry.run, comparison.split, metric) for entry in comparison.drawn}
    constant = constants.pop() if len(constants) == 1 else None
    label = f"{tables.label_metric(metric)}, {comparison.split} split"
    figure = figures.draw_intervals(bars, label, None if constant is None else scale * constant)
    alt = f"Mean {label} of {len(bars)} variants with 95 % intervals; the table below has the numbers."
    caption = "Means with 95 % intervals."
    caption += " Dashed: a constant answer." if constant is not None else ""
    caption += " Diamonds: the thesis." if any(bar.printed is not None for bar in bars) else ""
    return show_chart(figure, alt, caption, wide=True)


def show_confusions(comparison: Comparison) -> Section | None:
    """A matrix a variant; None where no run has classes and predictions."""
    matrices = []
    for run, source in _list_variants(comparison):
        if confusion.can_count(run, source):
            counted = confusion.count_answers(run, source)
            name = f"{comparison.names[source]}: {counted.trials}"
            matrices.append(show_matrix(counted.counts, counted.labels, name))
    if not matrices:
        return None
    note = show_text("Percent of each true class; counts where the pointer is. A clip is counted once a trial.")
    return Section("confusion", "Which classes are taken for which", note + show_beside(matrices, "flow"))


def _list_variants(comparison: Comparison) -> Iterator[tuple[Run, Source]]:
    return ((run, source) for run in comparison.runs for source in read.list_variants(run))


def show_points(comparison: Comparison) -> Section | None:
    """Truth against prediction of a regression; None where there is none."""
    charts = []
    for run, source in _list_variants(comparison):
        points = over_time.sample_points(run, source, comparison.split)
        if points is not None:
            name, drawn, steps = comparison.names[source], len(points.truth), points.steps
            amount = f"{drawn} of {steps} steps" if drawn < steps else f"{steps} steps"
            figure = figures.draw_scatter(points.truth, points.answer)
            charts.append(show_chart(figure, f"Truth against prediction of {name}, {amount}.", f"{name}: {amount}"))
    if not charts:
        return None
    note = f"On the {comparison.split} split, the trial of the least seed of each fold. On the line both are equal."
    return Section("truth", "Truth against prediction", show_text(note) + show_beside(charts))


def _draw_recording(members: Sequence[tuple[Source, Recording]], run: Run, names: Mapping[Source, str]) -> Markup:
    first = members[0][1]
    axis, window = "seconds" if first.seconds else "step", over_time.choose_window(len(first.target))
    traces = [Line(*figures.thin_line(first.time, first.target.astype(float)))]
    running, legend = [], ["truth"]
    for source, recording in members:
        answer = recording.predictions[over_time.find_least_seed(run, recording.trials)].astype(float)
        traces.append(Line(*figures.thin_line(recording.time, answer)))
        ccc = over_time.compute_running_ccc(answer, recording.target, window)
        middle = recording.time[window // 2 : window // 2 + len(ccc)]
        running.append(Line(*figures.thin_line(middle, ccc)))
        legend.append(f"{names[source]} (CCC {over_time.score_recording(recording).mean():.3f})")
    above = figures.draw_lines(traces, x_label=axis, y_label="label")
    # The truth has the first colour above.
    below = figures.draw_lines(running, x_label=axis, y_label="CCC in windows", y_limits=(-1.05, 1.05), first=1)
    windows = f"in windows of {window} steps"
    return show_beside(
        (
            show_chart(above, f"{first.name}: truth and predictions over time", first.name, legend),
            show_chart(below, f"{first.name}: concordance {windows}", f"{first.name}: CCC {windows}"),
        )
    )


def show_courses(comparison: Comparison, table: Grid) -> Section | None:
    """Traces and running concordance of continuous labels; None where there are none."""
    body = Markup()
    for run in comparison.runs:
        for group in _group_sources(read.list_variants(run), _COLOURS - 1):
            members: dict[str, list[tuple[Source, Recording]]] = {}
            for source in group:
                for recording in over_time.list_recordings(run, source, comparison.split):
                    members.setdefault(recording.name, []).append((source, recording))
            for name in list(members)[:_RECORDINGS]:
                variants = ", ".join(comparison.names[source] for source, _ in members[name])
                title = f"{comparison.labels[str(run.path)]}: {name} ({variants})"
                drawn = _draw_recording(members[name], run, comparison.names)
                body += show_folded(title, drawn, opened=not body)
    if not body:
        return None
    note = show_text(
        f"On the {comparison.split} split, the trial of the least seed; CCC beside a name is the mean over all trials. "
        "Windows are a tenth of the recording."
    )
    return Section("time", "Concordance over time", note + body + show_folded(table.title, show_grid(table)))


def _group_sources(sources: Sequence[Source], most: int) -> list[list[Source]]:
    """All variants of a run in one chart where they can be told apart there, else study by study, in pieces."""
    if len(sources) <= most:
        return [list(sources)]
    by_study: dict[str, list[Source]] = {}
    for source in sources:
        by_study.setdefault(source.study, []).append(source)
    if all(len(mine) == 1 for mine in by_study.values()):
        by_study = {"": list(sources)}
    return [mine[k : k + most] for mine in by_study.values() for k in range(0, len(mine), most)]


def _draw_curves(run: Run, comparison: Comparison) -> Iterator[tuple[str, Markup]]:
    """Title and charts of each stage and group of variants."""
    run_curves, names = curves.read_curves(run), comparison.names
    for stage in dict.fromkeys(curve.stage for curve in run_curves):
        where = f"{comparison.labels[str(run.path)]}, stage {stage}"
        mine = {(curve.name, curve.source): curve for curve in run_curves if curve.stage == stage}
        for group in _group_sources(list(dict.fromkeys(source for _, source in mine)), _COLOURS):
            charts = []
            for value in curves.choose_charts(run, stage, run_curves):
                drawn = [mine[value, source] for source in group if (value, source) in mine]
                if drawn:
                    charts.append(_draw_value(drawn, value.replace("/", " "), names, where))
            yield f"{where}: {', '.join(names[source] for source in group)}", show_beside(charts)


def _draw_value(drawn: Sequence[curves.Curve], label: str, names: Mapping[Source, str], where: str) -> Markup:
    lines = [curves.cut_curve(curve) for curve in drawn]
    figure = figures.draw_lines(lines, x_label="epoch", y_label=label, whole=True)
    legend = [names[curve.source] for curve in drawn]
    counts = [
        f"{n}: {c.trials.max()} trials at first, {c.trials[np.isin(c.epoch, x.x)][-1]} at the last epoch drawn"
        for n, c, x in zip(legend, drawn, lines, strict=True)
    ]
    return show_chart(figure, f"{where}: {label} by epoch of {'; '.join(counts)}", label, legend)


def show_learning(comparison: Comparison, table: Grid) -> Section:
    """Learning curves; says so where a run kept none."""
    charts = [chart for run in comparison.runs for chart in _draw_curves(run, comparison)]
    body = Markup().join(show_folded(title, drawn, opened=k == 0) for k, (title, drawn) in enumerate(charts))
    for run in comparison.runs:
        if not (run.path / "metrics.jsonl").is_file():
            body += show_text(f"{comparison.labels[str(run.path)]} has no metrics.jsonl, so no curves.")
    if charts:
        note = show_text(
            "Mean over the trials of a variant, band: ± one sample standard deviation. A curve ends where fewer than "
            "half of its trials are still trained. Searches are not shown."
        )
        body = note + body + show_grid(table)
    return Section("learning", "Learning curves", body)


def render_report(
    comparison: Comparison, command: str, grids: Mapping[str, Grid | None], rankings: Sequence[Grid] = ()
) -> bytes:
    """The whole page.

    Args:
      grids: the tables by file stem: 'comparison', 'concordance', 'learning', 'significance' where it was asked for.
      rankings: of the modalities of runs that have a model of each alone.
    """
    runs = comparison.runs
    asked = grids.get("significance")
    ranking = "Which modality is the stronger one"
    body = (
        show_scores(comparison, grids["comparison"]),
        asked and Section("significance", "Asked comparisons", show_grid(asked)),
        *(Section("ranking", ranking, show_grid(grid)) for grid in rankings),
        show_confusions(comparison),
        show_points(comparison),
        show_courses(comparison, grids["concordance"]),
        show_learning(comparison, grids["learning"]),
    )
    synthetic = [comparison.labels[str(run.path)] for run in runs if run.synthetic]
    warning = f"{', '.join(synthetic)}: a synthetic corpus. Its numbers show that the code runs, and nothing else."
    values = {
        "title": f"Report of {comparison.title}",
        "warning": warning if synthetic else "",
        "facts": [read.describe_run(run) for run in runs],
        "sections": [section for section in body if section is not None],
        "command": command,
    }
    return render_template("report", values, scripts=("report.js",))
