"""Reads run folders: results.json, config.json and predictions.npz, with nothing of the trainer.

The layouts are those of `affect_jax.runtime.run_folder`. What does not fit them is refused by name, because a report that
guesses is worse than none.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from affect_jax.errors import UserError
from affect_jax.reports.sources import Source
from affect_jax.runtime import run_folder
from affect_jax.runtime.files import read_json

_KEYS = {
    "name": str,
    "config_arg": str,
    "corpus": dict,
    "task": str,
    "trials": list,
    "variants": list,
    "baselines": dict,
}
_CORPUS_KEYS = {"name": str, "synthetic": bool}
_ROW_KEYS = {"study": str, "variant": str}
_CELL_KEYS = {"study": str, "variant": str, "split": str, "metric": str, "n": int}
_ALIGNMENTS = ("dcca", "dcca_ema", "soft_cca", "barlow", "vicreg")


class Run(NamedTuple):
    """A finished run folder."""

    path: Path
    results: dict[str, Any]
    config: dict[str, Any]  # the resolved config; {} where the folder has no config.json

    @property
    def synthetic(self) -> bool:
        return self.results["corpus"]["synthetic"]


class Figure(NamedTuple):
    """Mean and sample standard deviation (None for one row) over n rows."""

    mean: float
    std: float | None
    n: int


class Predictions(NamedTuple):
    """R rows of F steps of one study and split; `row` indexes the rows of results.json."""

    prediction: np.ndarray  # float32 [R, F], or [R, F, C] logits
    target: np.ndarray  # float32 [F]
    id: np.ndarray  # str [F]
    group: np.ndarray  # str [F]
    row: np.ndarray  # int [R]


def _refuse(path: Path, found: str) -> UserError:
    return UserError(
        f"{path} {found}, where a results.json of schema {run_folder.SCHEMA} was expected; "
        "train it again with launch.main, or take its folder away"
    )


def _check(path: Path, what: str, value: Any, keys: Mapping[str, type]) -> None:
    if not isinstance(value, dict):
        raise _refuse(path, f"has {what} that is {type(value).__name__}, not an object")
    for key, kind in keys.items():
        if key not in value:
            raise _refuse(path, f"has {what} without {key!r}")
        if not isinstance(value[key], kind):
            raise _refuse(path, f"has {what} whose {key!r} is {value[key]!r}, not {kind.__name__}")


def read_run(folder: str | Path) -> Run:
    """Reads and checks one run folder.

    Raises:
      UserError: there is no results.json, it is not JSON, of another schema, or lacks a key.
    """
    folder = Path(folder)
    path = folder / "results.json"
    if (folder / "config.json").is_file() and not path.is_file():
        raise UserError(f"{folder} has no results.json: its run is not finished; the command that began it goes on")
    if not path.is_file():
        raise UserError(f"{folder} has no results.json; name the folder of a finished run (its --workdir)")
    results = read_json(path)
    if not isinstance(results, dict) or results.get("schema") != run_folder.SCHEMA:
        found = results.get("schema") if isinstance(results, dict) else type(results).__name__
        raise _refuse(path, f"is of schema {found!r}")
    _check(path, "a top level", results, _KEYS)
    _check(path, "a corpus", results["corpus"], _CORPUS_KEYS)
    for row in results["trials"]:
        _check(path, "a row", row, _ROW_KEYS)
        if "fold" not in row or "seed" not in row:
            raise _refuse(path, "has a row without 'fold' or 'seed'")
        if not all(isinstance(row.get(split) or {}, dict) for split in ("validation", "test")):
            raise _refuse(path, "has a row whose 'validation' or 'test' is not an object")
    for cell in results["variants"]:
        _check(path, "a cell", cell, _CELL_KEYS)
        if not (_number(cell.get("mean", "")) and _number(cell.get("std", ""))):
            raise _refuse(path, "has a cell whose 'mean' or 'std' is neither a number nor null")
    for split, scores in results["baselines"].items():
        _check(path, f"a baseline of {split}", scores, {})
    return Run(folder, results, _config(folder / "config.json"))


def _config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    held = read_json(path)
    if not isinstance(held, dict) or not isinstance(held.get("config"), dict):
        raise UserError(f"{path} holds no 'config'; restore it, or train that run again with launch.main")
    return held["config"]


def _number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def find_run(folder: str | Path, config_arg: str) -> Run | None:
    """The finished run of a config argument below `folder`, or None.

    Raises:
      UserError: the folder of that name holds the run of another config, or a broken results.json.
    """
    folder = Path(folder) / run_folder.name_run_folder(config_arg)
    if not (folder / "results.json").is_file():
        return None
    run = read_run(folder)
    found = run.results["config_arg"]
    if run_folder.name_run_folder(found) != run_folder.name_run_folder(config_arg):
        raise UserError(f"{folder} holds a run of {found}, not of {config_arg}; move it away or name it as its config")
    return run


def figure(run: Run, source: Source, split: str, metric: str) -> Figure | None:
    """One cell of the run, or None where it has no such cell or no figure in it."""
    for cell in run.results["variants"]:
        if (cell["study"], cell["variant"], cell["split"], cell["metric"]) == (
            source.study,
            source.cell,
            split,
            metric,
        ):
            if cell["mean"] is None or not math.isfinite(cell["mean"]):
                return None
            std = cell["std"]
            return Figure(
                cell["mean"], None if std is None or cell["n"] < 2 or not math.isfinite(std) else std, cell["n"]
            )
    return None


def baseline(run: Run, split: str, metric: str) -> float | None:
    """The majority (classes) or constant-mean (numbers) score of a split."""
    value = (run.results["baselines"].get(split) or {}).get(metric)
    return None if value is None or not math.isfinite(value) else float(value)


def baseline_name(run: Run) -> str:
    """What the constant answer of the run's task is called."""
    return "constant" if run.results["task"].endswith("regression") else "majority"


def matched_rows(run: Run, source: Source) -> dict[tuple[str, int], int]:
    """(fold, seed) -> index into results.json's rows, for one cell; of searched rows only the selected ones.

    Raises:
      UserError: two rows share fold and seed and no selection tells them apart.
    """
    selected = {
        str(s["fold"]): s["hyper"]
        for s in run.results.get("selected", ())
        if (s["study"], s["variant"]) == (source.study, source.cell)
    }
    found: dict[tuple[str, int], int] = {}
    for index, row in enumerate(run.results["trials"]):
        if (row["study"], row["variant"]) != (source.study, source.cell):
            continue
        hyper = row.get("hyper") or {}
        if any(hyper.get(key, value) != value for key, value in selected.get(str(row["fold"]), {}).items()):
            continue
        key = (str(row["fold"]), row["seed"])
        if key in found:
            raise _refuse(
                run.path / "results.json",
                f"has two rows of {source.study}, {source.cell} with fold {key[0]} and seed {key[1]}",
            )
        found[key] = index
    return found


def read_arrays(run: Run, study: str = "") -> dict[str, np.ndarray]:
    """The arrays of predictions.npz, of one study or (with '') all; {} where the run kept none.

    Raises:
      UserError: the file is damaged or holds pickled objects.
    """
    path = run.path / "predictions.npz"
    return run_folder.read_arrays(path, f"{study}/" if study else "") if path.is_file() else {}


def predictions(arrays: Mapping[str, np.ndarray], study: str, split: str) -> Predictions | None:
    """The predictions of one study and split out of `read_arrays`, or None where they were not kept.

    Raises:
      UserError: the arrays do not fit together.
    """
    names = [f"{study}/{split}/{name}" for name in ("prediction", "target", "id", "group")] + [f"{study}/row"]
    if not all(name in arrays for name in names):
        return None
    found = Predictions(*(arrays[name] for name in names))
    steps = {found.target.shape[0], found.id.shape[0], found.group.shape[0], found.prediction.shape[1]}
    if len(steps) != 1 or found.prediction.shape[0] != found.row.shape[0]:
        raise UserError(f"predictions.npz has arrays of {study}/{split} whose lengths differ; make the run again")
    return found


def describe(run: Run) -> str:
    """One line that says what a run is: corpus, alignment where it has one, folds and seeds, revision."""
    results = run.results
    corpus = results["corpus"]
    kind = "synthetic " if run.synthetic else ""
    folds = sorted({str(row["fold"]) for row in results["trials"]})
    seeds = {row["seed"] for row in results["trials"]}
    aligned = ", ".join(alignments(run.config))
    parts = [
        f"{kind}corpus {'/'.join(filter(None, (corpus['name'], corpus.get('variant'))))}",
        f"fingerprint {str(corpus.get('fingerprint', 'unknown'))[:12]}",
        *([f"alignment {aligned}"] if aligned else []),
        f"{'validation draws' if corpus['name'] == 'cmu_mosi' else 'folds'} {', '.join(folds) or 'none'}",
        f"{len(seeds)} seed{'' if len(seeds) == 1 else 's'}",
        f"git {str(results.get('provenance', {}).get('git', 'unknown'))[:12]}",
    ]
    diverged = sum(row.get("finite") is False for row in results["trials"])
    if diverged:
        parts.append(f"{diverged} of {len(results['trials'])} rows met a loss that was not finite")
    return f"{run.path.name}: {'; '.join(parts)}."


def alignments(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the alignment losses that some study of a resolved config keeps."""
    found = set()
    for study in config.get("studies", {}).values():
        for stage, spec in config.get("stages", {}).items():
            changed = study.get("override", {}).get("stages", {}).get(stage, {}).get("losses", {})
            for name, loss in spec.get("losses", {}).items():
                kind = changed.get(name, {}).get("kind", loss.get("kind"))
                if kind in _ALIGNMENTS and f"stages.{stage}.losses.{name}" not in study.get("drop", ()):
                    found.add(kind)
    return tuple(sorted(found))
