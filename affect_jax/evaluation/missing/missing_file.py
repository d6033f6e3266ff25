"""missing.json: what was found of a run, study by study, and beside it the models that never had the missing ones."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from affect_jax.errors import UserError
from affect_jax.evaluation.missing.checked_run import CheckedRun
from affect_jax.evaluation.missing.masked_scores import METRICS
from affect_jax.reports import folders
from affect_jax.reports.sources import Source
from affect_jax.runtime import files, run_folder

FILE = "missing.json"
SCHEMA = 1


def start_document(
    checked: CheckedRun, counts: Sequence[int], metrics: Sequence[str], out: Path, command: str
) -> dict[str, Any]:
    """The document without studies, or with those that `out` already has of the same run, counts and metrics."""
    found = checked.results
    made_of = {
        "results_sha256": _hash_results(checked.folder),
        "counts": list(counts),
        "metrics": list(metrics),
    }
    before = files.read_json(out / FILE) if (out / FILE).exists() else {}
    kept = before["studies"] if before.get("schema") == SCHEMA and before.get("made_of") == made_of else {}
    return {
        "schema": SCHEMA,
        "run": checked.folder.name,
        "config_arg": found["config_arg"],
        "corpus": {key: found["corpus"].get(key) for key in ("name", "variant", "synthetic", "fingerprint")},
        "target": checked.config.data.target,
        "split": "test",
        "made_of": made_of,
        "classes": checked.subjects[0].spec.model.classes,
        "majority": {metric: found["baselines"]["test"][metric] for metric in METRICS},
        "studies": kept,
        "provenance": run_folder.describe_provenance(command),
    }


def _hash_results(folder: Path) -> str:
    return hashlib.sha256((folder / "results.json").read_bytes()).hexdigest()


def read_missing(run: folders.Run) -> dict[str, Any] | None:
    """The missing.json of another run, or None where it was not tested, or was trained again since."""
    path = run.path / "missing" / FILE
    document = files.read_json(path) if path.exists() else {}
    current = document.get("schema") == SCHEMA and document["made_of"]["results_sha256"] == _hash_results(run.path)
    return document if current else None


def write_missing(document: dict[str, Any], out: Path) -> Path:
    """Writes missing.json, whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    files.write_json(out / FILE, document)
    return out / FILE


def read_other_runs(checked: CheckedRun, also: Sequence[Path]) -> list[folders.Run]:
    """Other finished runs to set beside this one.

    Raises:
      UserError: one is not finished, or is of another corpus or target.
    """
    found = [folders.read_run(folder) for folder in also]
    mine = checked.results["corpus"]["fingerprint"], checked.config.data.target
    for run in found:
        theirs = run.results["corpus"].get("fingerprint"), run.config.get("data", {}).get("target")
        if theirs != mine:
            raise UserError(
                f"--also={run.path} is of another corpus or target than {checked.folder}, so their scores cannot stand "
                "side by side; name a run of the same corpus"
            )
    return found


def add_originals(document: dict[str, Any], sources: Sequence[folders.Run]) -> None:
    """Gives every study, in place, the scores of the models that were trained on just the present modalities.

    Such a model is the study 'intra T', 'cross T+V' and so on of any of `sources`; the first that has it counts. There
    is none (None, not {}) for an ablation, which the thesis does not train on fewer modalities.
    """
    for entry in document["studies"].values():
        model, entry["orig"] = entry["model"], None
        if entry["attention"] == "cross+intra" or model.get("pairs") or not model.get("statistical_pooling", True):
            continue
        entry["orig"] = {}
        for name, mask in entry["masks"].items():
            if len(mask["present"]) < len(entry["modalities"]):
                scored = _find_original(f"{entry['attention']} {name}", document["split"], sources)
                entry["orig"] |= {name: scored} if scored else {}


def _find_original(name: str, split: str, sources: Sequence[folders.Run]) -> dict[str, Any] | None:
    for run in sources:
        figures = {metric: folders.figure(run, Source("", name, name), split, metric) for metric in METRICS}
        if all(figures.values()):
            return {"study": name, "run": run.path.name, **{m: figure._asdict() for m, figure in figures.items()}}
    return None


def merge_studies(document: dict[str, Any], others: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The document with the studies of other runs' documents that it does not have itself.

    Raises:
      UserError: one was made with other neighbours or metrics.
    """
    studies = dict(document["studies"])
    for other in others:
        for setting in ("counts", "metrics"):
            if other["made_of"][setting] != document["made_of"][setting]:
                raise UserError(
                    f"missing.json of {other['run']} was made with {setting} {other['made_of'][setting]}, that of "
                    f"{document['run']} with {document['made_of'][setting]}; make both with the same --k and --metric"
                )
        studies = {**other["studies"], **studies}
    return {**document, "studies": studies}
