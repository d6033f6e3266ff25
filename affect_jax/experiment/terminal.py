"""The results of a run on a terminal: one table of at most 100 columns. The whole of it is in the report."""

import statistics
import textwrap
from collections import Counter
from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table

from affect_jax.experiment import ensembles
from affect_jax.experiment.results_file import Results, TrialResult
from affect_jax.runtime.score_text import format_score, label_metric

WIDTH = 100
_MOST_COLUMNS = 4
"""Searched hyper-parameters that get a column each; more are one line of text."""


def format_results(results: Results) -> str:
    """The monitored score of every variant: mean, spread, number of trials, and its difference to the first variant.

    Scores are of the test split where there is one, else of the validation split, and the head says which.
    """
    metric = results.monitor.metric
    split = "test" if any(trial.test for trial in results.trials) else "validation"
    variants = list(dict.fromkeys((trial.study, trial.variant) for trial in results.trials))
    first = variants[0]
    names = _name_variants(variants)
    kind = "synthetic " if results.corpus.synthetic else ""
    corpus = f"{kind}{results.corpus.name} ({results.corpus.form})"
    title = f"{results.name}: {label_metric(metric)}, {split} split of {corpus}"
    table = Table()
    table.add_column("variant", overflow="fold")
    has_several = _has_several_variants(results)
    against_first = [f"against {names[first]}"] if has_several else []
    for head in ("mean", "spread", "trials", *against_first):
        table.add_column(head, justify="right")
    for study, variant in variants:
        trials = [trial for trial in results.trials if (trial.study, trial.variant) == (study, variant)]
        scores = _collect(trials, split, metric)
        is_whole = bool(scores) and None not in scores.values()
        mean = format_score(statistics.fmean(scores.values()), metric) if is_whole else "not finite" if scores else "-"
        spread = f"± {format_score(statistics.stdev(scores.values()), metric)}" if is_whole and len(scores) > 1 else ""
        against = [] if (study, variant) == first or not has_several else [_compare(results, first, scores, split)]
        table.add_row(names[study, variant], mean, spread, str(len(trials)), *against)
    baseline = results.baselines.get(split, {}).get(metric)
    if baseline is not None:
        answer = "constant" if results.task.endswith("regression") else "majority"
        table.add_row(f"{answer} of scored part", format_score(baseline, metric))
    chosen = _list_chosen(results)
    return "\n".join([*textwrap.wrap(title, WIDTH), _render(table) + _explain(results, split), *chosen])


def _has_several_variants(results: Results) -> bool:
    """Whether there is a difference to show; that of an ensemble and its own seeds is none of matched trials."""
    return len({(trial.study, trial.variant) for trial in results.trials if trial.seed != ensembles.SEED}) > 1


def _list_chosen(results: Results) -> list[str]:
    """What the search chose, a table with a line for each variant and fold; [] where nothing was searched."""
    if not results.selected:
        return []
    metric = results.monitor.metric
    names = _name_variants(list(dict.fromkeys((one.study, one.variant) for one in results.selected)))
    paths = list(dict.fromkeys(path for one in results.selected for path in one.hyper))
    heads = shorten_paths(paths)
    table = Table()
    table.add_column("variant", overflow="fold")
    table.add_column("fold", overflow="fold")
    columns = heads.values() if len(paths) <= _MOST_COLUMNS else ["point"]
    for head in (*columns, f"validation {label_metric(metric)}", "of"):
        table.add_column(head, justify="left" if head == "point" else "right", overflow="fold")
    for one in results.selected:
        values = [f"{one.hyper[path]:.3g}" if path in one.hyper else "" for path in paths]
        if len(paths) > _MOST_COLUMNS:
            values = [", ".join(f"{heads[path]} {one.hyper[path]:.3g}" for path in paths if path in one.hyper)]
        score = format_score(one.score, metric)
        table.add_row(names[one.study, one.variant], one.fold, *values, score, str(one.candidates))
    return [
        f"what the search chose, by the mean validation score of its points ({', '.join(paths)})",
        _render(table).rstrip(),
    ]


def shorten_paths(paths: Sequence[str]) -> dict[str, str]:
    """Dotted path -> as many of its last parts as tell it from the others: 'learning_rate', 'translation.weight'."""
    short = {}
    for path in paths:
        parts = path.split(".")
        for count in range(2 if parts[-1] == "weight" else 1, len(parts) + 1):  # a weight says nothing without its loss
            short[path] = ".".join(parts[-count:])
            if sum(f".{other}".endswith(f".{short[path]}") for other in paths) == 1:
                break
    return short


def _name_variants(variants: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(study, variant) -> what the table calls it: the variant, with its study where several studies have it."""
    counts = Counter(variant for _, variant in variants)
    return {(study, name): name if counts[name] == 1 else f"{study}: {name}" for study, name in variants}


def _collect(trials: Sequence[TrialResult], split: str, metric: str) -> dict[tuple[str, int], float | None]:
    """(fold, seed) -> score of the trials that were scored on the split; None where it is not finite."""
    scored = {(trial.fold, trial.seed): trial.scores(split) for trial in trials}
    return {key: scores.get(metric) for key, scores in scored.items() if scores is not None}


def _compare(results: Results, first: tuple[str, str], scores: dict[tuple[str, int], float | None], split: str) -> str:
    """Mean paired difference to the first variant, and its spread; '' where a score of either is not finite."""
    metric = results.monitor.metric
    reference = _collect([t for t in results.trials if (t.study, t.variant) == first], split, metric)
    pairs = [(scores[key], reference[key]) for key in scores if key in reference]
    if not pairs or any(score is None for pair in pairs for score in pair):
        return ""
    differences = [mine - other for mine, other in pairs]
    spread = f" ± {format_score(statistics.stdev(differences), metric)}" if len(differences) > 1 else ""
    return f"{format_score(statistics.fmean(differences), metric, sign=True)}{spread}"


def _explain(results: Results, split: str) -> str:
    """What the table does not say by itself."""
    notes = ["spread: standard deviation over trials (folds and seeds)"]
    if _has_several_variants(results):
        notes[0] += "; differences are paired by fold and seed"
    if results.baselines.get(split, {}).get(results.monitor.metric) is not None:
        notes.append(
            "of scored part: the best answer that never changes, made of these very labels, which no model knows"
        )
    if any(trial.affine for trial in results.trials):
        notes.append(
            "numbers are mapped to the labels by a scale and an offset, fitted on validation; PCC is what it was "
            "(--config.data.rescale=none leaves the map out)"
        )
    if any(trial.seed == ensembles.SEED for trial in results.trials):
        notes.append("ensemble: the answers of the seeds of a fold, averaged; its spread is over folds")
    if results.corpus.synthetic:
        notes.append("the corpus is synthetic: nothing here can stand beside a published figure")
    if any(trial.classical and trial.classical.fitted_on != "train" for trial in results.trials):
        notes.append(
            "refitted: learned from the training and validation splits together; the others, as networks, from the "
            "training split alone"
        )
    metric = results.monitor.metric
    if any((trial.scores(split) or {metric: 0.0}).get(metric) is None for trial in results.trials):
        notes.append("not finite: a trial answers with NaN; the mean of the others would be a better score than earned")
    if split == "validation":
        notes.append("there is no test split with labels: these scores also chose when to stop")
    return "\n".join(notes)


def _render(table: Table) -> str:
    text = StringIO()
    Console(file=text, width=WIDTH, color_system=None, legacy_windows=False).print(table)
    return text.getvalue()
