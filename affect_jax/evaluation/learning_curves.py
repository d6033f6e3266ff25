"""Learning curves: what metrics.jsonl says of every epoch, as means over the trials of a variant."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.evaluation import read
from affect_jax.evaluation.read import Run, Source
from affect_jax.experiment import results_file
from affect_jax.runtime.run_folder import find_fit, name_fit

_WHERE = ("fit", "stage", "epoch", "trial", "variant", "fold", "seed")
_SCHEDULE = "scale"  # the learning rate's, no loss
VALIDATION = "validation/"


class Curve(NamedTuple):
    """One value of one variant in one stage, over E epochs."""

    source: Source  # which variant
    stage: str  # which stage
    name: str  # 'loss', the name of a term of it, or 'validation/uar'
    epoch: np.ndarray  # int [E]
    mean: np.ndarray  # [E] over the trials that were still trained and finite
    std: np.ndarray  # [E], nan for one trial
    trials: np.ndarray  # int [E]

    def cut(self) -> "Curve":
        """The curve while at least half of its trials are still trained: a mean over the few that go on says little."""
        known = self.trials * 2 >= self.trials.max()
        return self._replace(**{name: getattr(self, name)[known] for name in ("epoch", "mean", "std", "trials")})


def _read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of the file; the last may have been cut when the process died."""
    texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, text in enumerate(texts, 1):
        try:
            line = json.loads(text)
            line = line | {"fit": find_fit(line)}
            if not all(key in line for key in _WHERE):
                raise ValueError
            if not isinstance(line["epoch"], int) or not isinstance(line["trial"], int):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            if number == len(texts):
                return
            raise UserError(
                f"{path} line {number} is no epoch of a run; delete the file to do without learning curves, or train "
                "that run again"
            ) from None
        yield line


def read_curves(run: Run) -> list[Curve]:
    """Every curve of the final fits (searches are left out); [] where the folder has no metrics.jsonl.

    Raises:
      UserError: the file is damaged.
    """
    path = run.path / "metrics.jsonl"
    if path.is_file():
        results_file.check_unchanged(run.path, path.name)
    studies = {name_fit(source.study, "final", 0)[:-3]: source.study for source in read.list_variants(run)}
    known: dict[tuple[str, str, str], dict[tuple, dict[str, Any]]] = {}
    for line in _read_lines(path) if path.is_file() else ():
        study = studies.get(str(line["fit"])[:-3])
        if study is not None:
            # A line that a resumed run wrote again counts once.
            lines = known.setdefault((study, str(line["variant"]), str(line["stage"])), {})
            lines[line["epoch"], line["fit"], line["trial"]] = line
    return [
        curve
        for (study, variant, stage), lines in known.items()
        for curve in _make_curves(Source(run.key, study, variant), stage, list(lines.values()))
    ]


def _make_curves(source: Source, stage: str, lines: Sequence[Mapping[str, Any]]) -> Iterator[Curve]:
    """The curves of one variant and stage, of a line an epoch a trial."""
    for name in dict.fromkeys(name for line in lines for name in line):
        if name in (*_WHERE, "part", _SCHEDULE):
            continue
        points = [(line["epoch"], line[name]) for line in lines if _is_finite(line.get(name))]
        if not points:
            continue
        epochs, values = np.array(points, np.float64).T
        numbers, place, count = np.unique(epochs.astype(int), return_inverse=True, return_counts=True)
        mean = np.bincount(place, values) / count
        square = np.bincount(place, np.square(values - mean[place]))
        std = np.where(count > 1, np.sqrt(square / np.maximum(count - 1, 1)), math.nan)
        yield Curve(source, stage, name, epoch=numbers, mean=mean, std=std, trials=count)


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def find_monitored(run: Run, stage: str, names: Sequence[str]) -> str:
    """The validation metric that a stage was stopped by, of those that there are; '' where there is none."""
    monitor = (run.config.get("stages", {}).get(stage) or {}).get("monitor") or {}
    asked = monitor.get("metric") or run.results.monitor.metric
    validated = [name for name in names if name.startswith(VALIDATION)]
    return next((name for name in (f"{VALIDATION}{asked}", *validated) if name in validated), "")


def choose_charts(run: Run, stage: str, curves: Sequence[Curve]) -> list[str]:
    """Names of a stage's charts: the monitored metric, the loss, and its terms where there is more than one."""
    names = list(dict.fromkeys(curve.name for curve in curves if curve.stage == stage))
    terms = sorted(name for name in names if name != "loss" and not name.startswith(VALIDATION))
    metric = find_monitored(run, stage, names)
    return [*([metric] if metric else []), *(["loss"] if "loss" in names else []), *(terms if len(terms) > 1 else [])]
