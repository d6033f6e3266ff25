"""What the HTML report shows of a comparison, a section a question."""

from collections.abc import Iterator, Mapping, Sequence

from affect_jax.reports import comparison_grid, confusion, curves, folders, naming, over_time, page, svg, tables
from affect_jax.reports.comparison import Comparison
from affect_jax.reports.folders import Run
from affect_jax.reports.formats import Grid
from affect_jax.reports.page import Section
from affect_jax.reports.sources import Source

_RECORDINGS = 12
"""Recordings of a cell that are drawn; the table has all."""


def scores(found: Comparison, command: str = "") -> Section:
    """Every cell with its interval, drawn and as a table."""
    entries = comparison_grid.chosen(found)
    chart = ""
    if entries:
        scale = 100 if found.metric in tables.PERCENT else 1
        bars = []
        for entry in entries:
            printed, interval = entry.published.get(found.metric), entry.intervals.get(found.metric)
            name = found.names[entry.source]
            reach = None if interval is None else (scale * interval[0], scale * interval[1])
            mean = scale * entry.figures[found.metric].mean
            bars.append(svg.Bar(name, mean, reach, None if printed is None else scale * printed.mean))
        constants = {folders.baseline(entry.run, found.split, found.metric) for entry in entries}
        constant = constants.pop() if len(constants) == 1 else None
        label = f"{tables.label(found.metric)}, {found.split} part"
        said = f"Mean {label} of {len(bars)} cells with 95 % intervals; the table below has the numbers."
        drawn = svg.intervals(bars, label=label, said=said, constant=None if constant is None else scale * constant)
        caption = "Means with 95 % intervals."
        caption += " Dashed: a constant answer." if constant is not None else ""
        caption += " Diamonds: the thesis." if any(bar.printed is not None for bar in bars) else ""
        chart = page.figure(drawn, caption, kind="wide")
    grid = comparison_grid.report(found, command)
    # The head of the page says already what each run is.
    known = {folders.describe(entry.run) for entry in found.entries}
    grid = grid._replace(notes=tuple(note for note in grid.notes if note not in known))
    return Section("scores", "Scores", chart + page.table(grid))


def asked(grid: Grid) -> Section:
    """The comparisons that were asked for by name."""
    return Section("significance", "Asked comparisons", page.table(grid))


def ranked(grid: Grid) -> Section:
    """The modalities of a run that has a model of each alone."""
    return Section("ranking", "Which modality is the stronger one", page.table(grid))


def confusions(found: Comparison, runs: Sequence[Run]) -> Section | None:
    """A matrix a cell; None where no run has classes and predictions."""
    made = []
    for run in runs:
        for source in naming.cells(run):
            if confusion.kept(run, source):
                counted = confusion.count(run, source)
                name = f"{found.names[source]}: {counted.rows}"
                made.append(page.figure(page.matrix(counted.counts, counted.labels, name), name))
    if not made:
        return None
    said = page.paragraph("Percent of each true class; counts where the pointer is. A clip is counted once a row.")
    return Section("confusion", "Which classes are taken for which", said + page.grid_of(made, "flow"))


def truth(found: Comparison, runs: Sequence[Run]) -> Section | None:
    """Truth against prediction of a regression; None where there is none."""
    made = []
    for run in runs:
        for source in naming.cells(run):
            target, answer, steps = over_time.points(run, source, found.split)
            if steps:
                name = found.names[source]
                shown = f"{len(target)} of {steps} steps" if len(target) < steps else f"{steps} steps"
                chart = svg.scatter(target, answer, said=f"Truth against prediction of {name}, {shown}.")
                made.append(page.figure(chart, f"{name}: {shown}"))
    if not made:
        return None
    said = f"On the {found.split} part, the row of the least seed of each fold. On the line both are equal."
    return Section("truth", "Truth against prediction", page.paragraph(said) + page.grid_of(made))


def _recording(cells: Sequence[tuple[Source, over_time.Recording]], run: Run, called: Mapping[Source, str]) -> str:
    first = cells[0][1]
    axis, window = "seconds" if first.seconds else "step", over_time.window_of(len(first.target))
    traces = [svg.Line("truth", *svg.thin(first.time, first.target.astype(float)))]
    running, names = [], ["truth"]
    for source, recording in cells:
        answer = recording.predictions[over_time.least_row(run, recording.rows)].astype(float)
        traces.append(svg.Line(called[source], *svg.thin(recording.time, answer)))
        followed = over_time.running_ccc(answer, recording.target, window)
        middle = recording.time[window // 2 : window // 2 + len(followed)]
        running.append(svg.Line(called[source], *svg.thin(middle, followed)))
        names.append(f"{called[source]} (CCC {over_time.scores(recording).mean():.3f})")
    said = f"{first.name}: truth and predictions over time"
    above = svg.lines(traces, x_label=axis, y_label="label", said=said)
    below = svg.lines(
        running,
        x_label=axis,
        y_label="CCC in windows",
        said=f"{first.name}: concordance in windows of {window} steps",
        y=(-1.05, 1.05),
        first=1,  # the truth has the first colour above
    )
    caption = f"{first.name}: CCC in windows of {window} steps"
    return page.grid_of([page.figure(above, first.name, names), page.figure(below, caption)])


def over_times(found: Comparison, runs: Sequence[Run], table: Grid) -> Section | None:
    """Traces and running concordance of continuous labels; None where there are none."""
    body = ""
    for run in runs:
        for group in _few(naming.cells(run), svg.COLOURS - 1):
            held: dict[str, list[tuple[Source, over_time.Recording]]] = {}
            for source in group:
                for recording in over_time.recordings(run, source, found.split):
                    held.setdefault(recording.name, []).append((source, recording))
            for name in list(held)[:_RECORDINGS]:
                cells = ", ".join(found.names[source] for source, _ in held[name])
                title = f"{found.labels[str(run.path)]}: {name} ({cells})"
                body += page.folded(title, _recording(held[name], run, found.names), opened=not body)
    if not body:
        return None
    said = page.paragraph(
        f"On the {found.split} part, the row of the least seed; CCC beside a name is the mean over all rows. Windows "
        "are a tenth of the recording."
    )
    return Section("time", "Concordance over time", said + body + page.folded(table.title, page.table(table)))


def _few(sources: Sequence[Source], most: int) -> list[list[Source]]:
    """All cells of a run in one chart where they can be told apart there, else study by study, in pieces."""
    if len(sources) <= most:
        return [list(sources)]
    by_study: dict[str, list[Source]] = {}
    for source in sources:
        by_study.setdefault(source.study, []).append(source)
    if all(len(mine) == 1 for mine in by_study.values()):
        by_study = {"": list(sources)}
    return [mine[k : k + most] for mine in by_study.values() for k in range(0, len(mine), most)]


def _charts(run: Run, name: str, called: Mapping[Source, str]) -> Iterator[tuple[str, str]]:
    """Title and charts of each stage and group of cells."""
    found = curves.read(run)
    for stage in dict.fromkeys(curve.stage for curve in found):
        mine = {(curve.name, curve.source): curve for curve in found if curve.stage == stage}
        for group in _few(list(dict.fromkeys(source for _, source in mine)), svg.COLOURS):
            made = []
            for value in curves.wanted(run, stage, found):
                held = [source for source in group if (value, source) in mine]
                if held:
                    names, label = [called[source] for source in held], value.replace("/", " ")
                    said = f"{name}, stage {stage}: {label} by epoch of {', '.join(names)}"
                    drawn = [curves.shown(mine[value, source]) for source in held]
                    chart = svg.lines(drawn, x_label="epoch", y_label=label, said=said, whole=True)
                    made.append(page.figure(chart, label, names))
            yield f"{name}, stage {stage}: {', '.join(called[source] for source in group)}", page.grid_of(made)


def learning(found: Comparison, runs: Sequence[Run], table: Grid) -> Section:
    """Learning curves; says so where a run kept none."""
    charts = [chart for run in runs for chart in _charts(run, found.labels[str(run.path)], found.names)]
    body = "".join(page.folded(title, drawn, opened=k == 0) for k, (title, drawn) in enumerate(charts))
    without = [found.labels[str(run.path)] for run in runs if not (run.path / "metrics.jsonl").is_file()]
    said = page.paragraph(
        "Mean over the rows of a cell, band: ± one sample standard deviation. A curve ends where fewer than half of "
        "its rows are still trained. Searches are not shown."
    )
    for name in without:
        body += page.paragraph(f"{name} has no metrics.jsonl, so no curves.")
    return Section(
        "learning", "Learning curves", (said if charts else "") + body + (page.table(table) if charts else "")
    )


def build(found: Comparison, runs: Sequence[Run], command: str, more: Sequence[Section] = ()) -> bytes:
    """The whole page.

    Args:
      found: of these runs.
      runs: from `comparison.read`.
      command: the command line, for the record.
      more: sections that come after the scores.
    """
    parts = [
        confusions(found, runs),
        truth(found, runs),
        over_times(found, runs, over_time.report(runs)),
        learning(found, runs, curves.report(runs)),
    ]
    made_up = [found.labels[str(run.path)] for run in runs if run.synthetic]
    warning = f"{', '.join(made_up)}: a synthetic corpus. Its numbers show that the code runs, and nothing else."
    return page.render(
        f"Report of {comparison_grid.run_names(found)}",
        [folders.describe(run) for run in runs],
        [scores(found, command), *more, *(part for part in parts if part is not None)],
        command,
        warning if made_up else "",
    )
