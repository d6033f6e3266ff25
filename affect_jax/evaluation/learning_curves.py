"""Learning curves: what metrics.jsonl says of every epoch, as means over the trials of a variant."""

import json
import math
import statistics
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
    values: dict[tuple[Source, str, str], dict[int, dict[tuple, float]]] = {}
    for line in _read_lines(path) if path.is_file() else ():
        study = studies.get(str(line["fit"])[:-3])
        for name, value in line.items() if study is not None else ():
            is_finite = isinstance(value, int | float) and math.isfinite(value)
            if is_finite and name not in (*_WHERE, "part", _SCHEDULE):
                curve = (Source(run.key, study, str(line["variant"])), str(line["stage"]), name)
                trial = (line["fit"], line["trial"])  # a line that a resumed run wrote again counts once
                values.setdefault(curve, {}).setdefault(line["epoch"], {})[trial] = float(value)
    return [_make_curve(curve, epochs) for curve, epochs in values.items()]


def _make_curve(curve: tuple[Source, str, str], epochs: Mapping[int, Mapping[tuple, float]]) -> Curve:
    numbers = sorted(epochs)
    values = [list(epochs[number].values()) for number in numbers]
    means = np.array([statistics.fmean(of_epoch) for of_epoch in values])
    stds = np.array([np.std(of_epoch, ddof=1) if len(of_epoch) > 1 else math.nan for of_epoch in values])
    return Curve(*curve, np.array(numbers), means, stds, np.array([len(of_epoch) for of_epoch in values]))


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
