"""The results of a run on a terminal: one table of at most 100 columns. The whole of it is in the report."""

import statistics
import textwrap
from collections import Counter
from collections.abc import Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table

from affect_jax.experiment.results_file import Results, TrialResult

WIDTH = 100
_PERCENT = ("accuracy", "uar", "weighted_f1", "macro_f1")


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
    title = f"{results.name}: {_name_metric(metric)}, {split} split of {corpus}"
    table = Table()
    table.add_column("variant", overflow="fold")
    for head in ("mean", "spread", "trials", f"against {names[first]}"):
        table.add_column(head, justify="right")
    for study, variant in variants:
        trials = [trial for trial in results.trials if (trial.study, trial.variant) == (study, variant)]
        scores = _collect(trials, split, metric)
        mean = _format(statistics.fmean(scores.values()), metric) if scores else "-"
        spread = f"± {_format(statistics.stdev(scores.values()), metric)}" if len(scores) > 1 else ""
        against = "" if (study, variant) == first else _compare(results, first, scores, split)
        table.add_row(names[study, variant], mean, spread, str(len(trials)), against)
    baseline = results.baselines.get(split, {}).get(metric)
    if baseline is not None:
        table.add_row("the same answer for all", _format(baseline, metric), "", "", "")
    return "\n".join([*textwrap.wrap(title, WIDTH), _render(table) + _explain(results, split)])


def _name_variants(variants: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """(study, variant) -> what the table calls it: the variant, with its study where several studies have it."""
    counts = Counter(variant for _, variant in variants)
    return {(study, name): name if counts[name] == 1 else f"{study}: {name}" for study, name in variants}


def _collect(trials: Sequence[TrialResult], split: str, metric: str) -> dict[tuple[str, int], float]:
    """(fold, seed) -> score, of the trials that have one."""
    scores = {(trial.fold, trial.seed): (trial.scores(split) or {}).get(metric) for trial in trials}
    return {key: score for key, score in scores.items() if score is not None}


def _compare(results: Results, first: tuple[str, str], scores: dict[tuple[str, int], float], split: str) -> str:
    """Mean paired difference to the first variant, and its spread."""
    metric = results.monitor.metric
    reference = _collect([t for t in results.trials if (t.study, t.variant) == first], split, metric)
    differences = [scores[key] - reference[key] for key in scores if key in reference]
    if not differences:
        return ""
    spread = f" ± {_format(statistics.stdev(differences), metric)}" if len(differences) > 1 else ""
    return f"{_format(statistics.fmean(differences), metric, sign=True)}{spread}"


def _name_metric(metric: str) -> str:
    return f"{metric} in %" if metric in _PERCENT else metric


def _format(value: float, metric: str, *, sign: bool = False) -> str:
    plus = "+" if sign else ""
    return f"{100 * value:{plus}.1f}" if metric in _PERCENT else f"{value:{plus}.3f}"


def _explain(results: Results, split: str) -> str:
    """What the table does not say by itself."""
    notes = ["spread: standard deviation over trials (folds and seeds); differences are paired by fold and seed"]
    if results.corpus.synthetic:
        notes.append("the corpus is synthetic: nothing here can stand beside a published figure")
    if split == "validation":
        notes.append("there is no test split with labels: these scores also chose when to stop")
    return "\n".join(notes)


def _render(table: Table) -> str:
    text = StringIO()
    Console(file=text, width=WIDTH, color_system=None, legacy_windows=False).print(table)
    return text.getvalue()
