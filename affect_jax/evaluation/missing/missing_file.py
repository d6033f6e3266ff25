"""missing.json: what a run scores with modalities missing, beside models that were trained without them.

It is read and written without jax. docs/missing.md describes its contents.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from affect_jax.config.load import read_experiment
from affect_jax.errors import UserError
from affect_jax.experiment import results_file
from affect_jax.experiment.results_file import Results, read_results
from affect_jax.runtime import files, run_folder

if TYPE_CHECKING:  # it needs jax
    from affect_jax.evaluation.missing.checked_run import CheckedRun

FILE = "missing.json"
SCHEMA = 2
METRICS = ("accuracy", "uar")


class OtherRun(NamedTuple):
    """A finished run whose scores stand beside those of the tested one."""

    folder: Path
    results: Results


def name_neighbours(count: int, distance: str) -> str:
    """The name in missing.json of the imputation by K nearest neighbours."""
    return f"knn {count} {distance}"


def start_document(
    checked: "CheckedRun", counts: Sequence[int], metrics: Sequence[str], out: Path, command: str
) -> dict[str, Any]:
    """The document before anything is scored, with the studies that `out`, or else RUN/missing, already has of the
    same run and settings.

    Args:
      checked: the run.
      counts: K of K nearest neighbours.
      metrics: distances.
      out: the folder of missing.json.
      command: for the record.
    """
    results = checked.results
    made_of = {
        "results_sha256": _hash_results(checked.folder),
        "counts": list(counts),
        "metrics": list(metrics),
    }
    kept = [files.read_json(path) for path in (out / FILE, checked.folder / "missing" / FILE) if path.exists()]
    current = [before for before in kept if before.get("schema") == SCHEMA and before.get("made_of") == made_of]
    corpus = results.corpus
    return {
        "schema": SCHEMA,
        "run": checked.folder.name,
        "config_arg": results.config_arg,
        "corpus": {
            "name": corpus.name,
            "form": corpus.form,
            "synthetic": corpus.synthetic,
            "fingerprint": corpus.fingerprint,
        },
        "target": checked.experiment.data.target,
        "split": "test",
        "made_of": made_of,
        "classes": checked.studies[0].model.classes,
        "majority": {metric: results.baselines["test"][metric] for metric in METRICS},
        "studies": current[0]["studies"] if current else {},
        "provenance": run_folder.describe_provenance(command),
    }


def _hash_results(folder: Path) -> str:
    return hashlib.sha256((folder / results_file.FILE).read_bytes()).hexdigest()


def read_missing(run: Path) -> dict[str, Any] | None:
    """The missing.json of a run; None where it was not tested, or was trained again since."""
    path = run / "missing" / FILE
    document = files.read_json(path) if path.exists() else {}
    is_current = document.get("schema") == SCHEMA and document["made_of"]["results_sha256"] == _hash_results(run)
    return document if is_current else None


def write_missing(document: Mapping[str, Any], out: Path) -> Path:
    """Writes missing.json, whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    files.write_json(out / FILE, document)
    return out / FILE


def read_other_runs(checked: "CheckedRun", folders: Sequence[Path]) -> list[OtherRun]:
    """Reads finished runs that are to stand beside the tested one.

    Raises:
      UserError: one is not finished, or has another corpus or target.
    """
    runs = []
    for folder in folders:
        results, experiment = read_results(folder), read_experiment(folder)
        same_corpus = results.corpus.fingerprint == checked.results.corpus.fingerprint
        if not same_corpus or experiment.data.target != checked.experiment.data.target:
            raise UserError(
                f"--also={folder} has another corpus or target than {checked.folder}, so their scores cannot be "
                "compared; name a run of the same corpus"
            )
        runs.append(OtherRun(folder, results))
    return runs


def add_originals(document: dict[str, Any], sources: Sequence[OtherRun]) -> None:
    """Adds to every study, in place, the scores of the models that were trained on the present modalities alone.

    Such a model is the study 'intra T', 'cross T+V' and so on of one of `sources`; the first one that has it counts. An
    ablation gets None instead of a mapping, because the thesis does not train ablations on fewer modalities.
    """
    for entry in document["studies"].values():
        model, entry["orig"] = entry["model"], None
        if entry["attention"] == "cross+intra" or model.get("pairs") or not model.get("statistical_pooling", True):
            continue
        entry["orig"] = {}
        for name, mask in entry["masks"].items():
            if len(mask["present"]) < len(entry["modalities"]):
                original = _find_original(f"{entry['attention']} {name}", document["split"], sources)
                entry["orig"] |= {name: original} if original else {}


def _find_original(study: str, split: str, sources: Sequence[OtherRun]) -> dict[str, Any] | None:
    """The scores of the variant `study` of the study of the same name, and which run they are from."""
    for run in sources:
        scores = {
            summary.metric: {"mean": summary.mean, "std": summary.std, "n": summary.n}
            for summary in run.results.variants
            if (summary.study, summary.variant, summary.split) == (study, study, split)
            and summary.metric in METRICS
            and summary.mean is not None
            and math.isfinite(summary.mean)
        }
        if scores.keys() == set(METRICS):
            return {"study": study, "run": run.folder.name, **scores}
    return None


def merge_studies(document: Mapping[str, Any], others: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The document with the studies of other runs' documents that it lacks.

    Raises:
      UserError: another document was made with other neighbours or metrics.
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
