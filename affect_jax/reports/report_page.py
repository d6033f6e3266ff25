"""The HTML report of a comparison: what `templates/report.html` shows, a section a question."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from affect_jax.evaluation import courses, learning_curves, read
from affect_jax.evaluation.confusion_counts import Confusion
from affect_jax.evaluation.courses import Recording
from affect_jax.evaluation.group_scores import score_running_ccc
from affect_jax.evaluation.read import Source
from affect_jax.evaluation.significance import LEAST_UNITS
from affect_jax.evaluation.trust import Trust
from affect_jax.evaluation.variants import Comparison
from affect_jax.reports import figures, naming, tables, trust
from affect_jax.reports.figures import Bar, Line
from affect_jax.reports.render import encode_base64, render_page
from affect_jax.reports.side_by_side import summarize_table
from affect_jax.reports.tables import Grid
from affect_jax.runtime.score_text import label_metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_RECORDINGS = 12
"""Recordings of a variant that are drawn; the table has all."""
_COLOURS = len(figures.COLOURS)


class Chart(NamedTuple):
    """A picture of the page."""

    source: str  # a data URI
    alt: str  # what it shows, for who does not see it
    caption: str
    legend: Sequence[str] = ()  # names of its lines


def _make_chart(figure: "Figure", alt: str, caption: str, legend: Sequence[str] = ()) -> Chart:
    data = encode_base64(figures.encode_figure(figure, "svg", text=True))
    return Chart(f"data:image/svg+xml;base64,{data}", alt, caption, legend)


def _draw_scores(comparison: Comparison) -> Chart | None:
    """Every variant with its interval."""
    metric, scale, bars = comparison.metric, 100 if tables.is_percent(comparison.metric) else 1, []
    for score in comparison.tested_scores:
        printed = score.published
        reach = score.interval and (scale * score.interval[0], scale * score.interval[1])
        mean = scale * score.figure.mean
        bars.append(Bar(comparison.names[score.source], mean, reach, printed and scale * printed.mean))
    if not bars:
        return None
    constants = {score.constant for score in comparison.tested_scores}
    constant = constants.pop() if len(constants) == 1 else None
    label = f"{label_metric(metric)}, {comparison.split} split"
    figure = figures.draw_intervals(bars, label, None if constant is None else scale * constant)
    alt = f"Mean {label} of {len(bars)} variants with 95 % intervals; the table below has the numbers."
    caption = "Means with 95 % intervals."
    if any(bar.interval is None for bar in bars):
        caption += f" None is drawn over fewer than {LEAST_UNITS} folds or seeds, or where it is not known."
    caption += " Dashed: a constant answer." if constant is not None else ""
    caption += " Diamonds: the thesis." if any(bar.printed is not None for bar in bars) else ""
    return _make_chart(figure, alt, caption)


def _draw_points(comparison: Comparison) -> Iterator[Chart]:
    """Truth against prediction of every regression."""
    variants = {source: run for run in comparison.runs for source in read.list_variants(run)}
    for source, run in variants.items():
        points = courses.sample_points(run, source, comparison.split)
        if points is not None:
            name, drawn, steps = comparison.names[source], len(points.truth), points.steps
            amount = f"{drawn} of {steps} steps" if drawn < steps else f"{steps} steps"
            figure = figures.draw_scatter(points.truth, points.answer)
            yield _make_chart(figure, f"Truth against prediction of {name}, {amount}.", f"{name}: {amount}")


def _draw_recording(members: Mapping[str, Recording]) -> list[Chart]:
    """Truth and predictions over time, and their concordance in windows, of variants by their names."""
    first = next(iter(members.values()))
    axis, window = "seconds" if first.seconds else "step", courses.choose_window(len(first.target))
    traces, running = [Line("truth", *figures.thin_line(first.time, first.target.astype(float)))], []
    for name, recording in members.items():
        answer = recording.predictions[0].astype(float)
        name = f"{name} (CCC {recording.score().mean():.3f})"
        traces.append(Line(name, *figures.thin_line(recording.time, answer)))
        ccc = score_running_ccc(answer, recording.target, window)
        middle = recording.time[window // 2 : window // 2 + len(ccc)]
        running.append(Line(name, *figures.thin_line(middle, ccc)))
    above = figures.draw_lines(traces, xlabel=axis, ylabel="label")
    # The truth has the first colour above.
    below = figures.draw_lines(running, first=1, xlabel=axis, ylabel="CCC in windows", ylim=(-1.05, 1.05))
    legend, windows = [line.name for line in traces], f"in windows of {window} steps"
    return [
        _make_chart(above, f"{first.name}: truth and predictions over time", first.name, legend),
        _make_chart(below, f"{first.name}: concordance {windows}", f"{first.name}: CCC {windows}"),
    ]


def _draw_courses(comparison: Comparison) -> Iterator[tuple[str, list[Chart]]]:
    """Title and charts of every drawn recording of a run."""
    for run in comparison.runs:
        for group in _group_sources(read.list_variants(run), _COLOURS - 1):
            drawn: dict[str, dict[str, Recording]] = {}
            for source in group:
                for recording in courses.list_recordings(run, source, comparison.split):
                    drawn.setdefault(recording.name, {})[comparison.names[source]] = recording
            for name, members in list(drawn.items())[:_RECORDINGS]:
                yield f"{comparison.labels[run.key]}: {name} ({', '.join(members)})", _draw_recording(members)


def _draw_trust(comparison: Comparison, trusted: Sequence[Trust]) -> Iterator[Chart]:
    """Reliability of each variant, and the risk of all in groups that can be told apart."""
    for start in range(0, len(trusted), _COLOURS):
        for title, axes, lines in trust.list_lines(trusted[start : start + _COLOURS], comparison.names):
            across, up = axes.split("/")
            figure = figures.draw_lines(lines, xlabel=across, ylabel=up)
            yield _make_chart(figure, f"{title}; the table has the numbers.", title, [line.name for line in lines])


def _group_sources(sources: Sequence[Source], most: int) -> list[list[Source]]:
    """All variants of a run in one chart where they can be told apart there, else study by study, in pieces."""
    by_study: dict[str, list[Source]] = {}
    for source in sources:
        by_study.setdefault(source.study, []).append(source)
    if len(sources) <= most or all(len(mine) == 1 for mine in by_study.values()):
        by_study = {"": list(sources)}
    return [mine[k : k + most] for mine in by_study.values() for k in range(0, len(mine), most)]


def _draw_curves(comparison: Comparison) -> Iterator[tuple[str, list[Chart]]]:
    """Title and charts of each stage and group of variants of a run."""
    for run in comparison.runs:
        run_curves, names = learning_curves.read_curves(run), comparison.names
        for stage in dict.fromkeys(curve.stage for curve in run_curves):
            mine = {(curve.name, curve.source): curve for curve in run_curves if curve.stage == stage}
            where, charts = (
                f"{comparison.labels[run.key]}, stage {stage}",
                learning_curves.choose_charts(run, stage, run_curves),
            )
            for group in _group_sources(list(dict.fromkeys(source for _, source in mine)), _COLOURS):
                drawn = ([mine[value, source] for source in group if (value, source) in mine] for value in charts)
                title = f"{where}: {', '.join(names[source] for source in group)}"
                yield title, [_draw_value(some, names, where) for some in drawn if some]


def _draw_value(drawn: Sequence[learning_curves.Curve], names: Mapping[Source, str], where: str) -> Chart:
    cut = [curve.cut() for curve in drawn]
    split, slash, metric = drawn[0].name.partition("/")
    label = f"{split} {label_metric(metric)}" if slash else split
    scale = 100 if tables.is_percent(metric) else 1
    lines = [Line(names[curve.source], curve.epoch, scale * curve.mean, scale * curve.std) for curve in cut]
    counts = [
        f"{line.name}: {whole.trials.max()} trials at first, {curve.trials[-1]} at the last epoch drawn"
        for line, whole, curve in zip(lines, drawn, cut, strict=True)
    ]
    alt, legend = f"{where}: {label} by epoch of {'; '.join(counts)}", [line.name for line in lines]
    return _make_chart(figures.draw_lines(lines, xlabel="epoch", ylabel=label), alt, label, legend)


def render_report(
    comparison: Comparison,
    command: str,
    grids: Mapping[str, Grid | None],
    rankings: Sequence[Grid],
    confusions: Mapping[Source, Confusion],
    trusted: Sequence[Trust],
) -> bytes:
    """The whole page.

    Args:
      comparison: of the runs.
      command: that made it.
      grids: the tables by file stem: 'comparison', 'concordance', 'learning', 'significance' where it was asked for.
      rankings: of the modalities of runs that have a model of each alone.
      confusions: of the variants that have classes and predictions.
      trusted: how far each variant can be trusted, where that could be measured.
    """
    runs, scores = comparison.runs, grids["comparison"]
    facts = [naming.describe_run(run) for run in runs]
    # The head of the page says already what each run is.
    scores = scores._replace(notes=tuple(note for note in scores.notes if note not in facts))
    values: dict[str, Any] = {
        "comparison": comparison,
        "facts": facts,
        "synthetic": [comparison.labels[run.key] for run in runs if run.synthetic],
        "scores_chart": _draw_scores(comparison),
        "summary": summarize_table(comparison, scores),
        "scores": scores._replace(title="All scores and tests", notes=()),
        "significance": grids.get("significance"),
        "rankings": rankings,
        "chosen": grids.get("chosen"),
        "importance": grids.get("importance"),
        "confusions": {comparison.names[source]: confusion for source, confusion in confusions.items()},
        "trust": grids.get("trust"),
        "across": grids.get("across"),
        "groups": grids.get("groups"),
        "trust_charts": list(_draw_trust(comparison, trusted)),
        "points": list(_draw_points(comparison)),
        "courses": list(_draw_courses(comparison)),
        "concordance": grids["concordance"],
        "curves": list(_draw_curves(comparison)),
        "learning": grids["learning"],
        "without_curves": [comparison.labels[run.key] for run in runs if not (run.path / "metrics.jsonl").is_file()],
        "command": command,
    }
    return render_page("report", values, scripts=("report.js",))
