"""interactions.json: what every trial of a run scores without its interactions. Read and written without jax."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from affect_jax.experiment import results_file
from affect_jax.experiment.results_file import Scores
from affect_jax.runtime import files

FILE = "interactions.json"
SCHEMA = 1


class Projected(NamedTuple):
    """The scores of one trial.

    Attributes:
      variant: its name.
      fold: likewise.
      seed: of the trial.
      scores: of the projection of each order, 1 to M; the last one is the model itself.
      changed: for each order, the share of examples whose class it changes; None of numbers.
    """

    variant: str
    fold: str
    seed: int
    scores: tuple[Scores, ...]
    changed: tuple[float | None, ...]


class Outcome(NamedTuple):
    """A study: how many examples were crossed with each other, and its trials."""

    block: int
    trials: tuple[Projected, ...]


def read_outcome(run: Path, names: Sequence[str], block: int | None) -> dict[str, Outcome] | None:
    """Study -> outcome, as an earlier call with the same studies and block left it; None where the run has none."""
    path = run / "interactions" / FILE
    document = files.read_json(path) if path.exists() else {}
    if document.get("schema") != SCHEMA or document["made_of"] != _describe(run, names, block):
        return None
    return {
        name: Outcome(study["block"], tuple(_read_trial(trial) for trial in study["trials"]))
        for name, study in document["studies"].items()
    }


def write_outcome(
    run: Path, names: Sequence[str], block: int | None, outcome: Mapping[str, Outcome], out: Path
) -> Path:
    """Writes interactions.json, whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    studies = {
        name: {"block": study.block, "trials": [t._asdict() for t in study.trials]} for name, study in outcome.items()
    }
    document = {"schema": SCHEMA, "made_of": _describe(run, names, block), "studies": studies}
    files.write_json(out / FILE, document)
    return out / FILE


def _describe(run: Path, names: Sequence[str], block: int | None) -> dict[str, Any]:
    digest = hashlib.sha256((run / results_file.FILE).read_bytes()).hexdigest()
    return {"results_sha256": digest, "names": list(names), "block": block}


def _read_trial(trial: Mapping[str, Any]) -> Projected:
    return Projected(**{**trial, "scores": tuple(trial["scores"]), "changed": tuple(trial["changed"])})
