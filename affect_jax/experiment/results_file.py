"""results.json: what a finished run says of itself. One dataclass writes it and reads it; nothing else knows its keys.

The file is JSON of `Results`, field by field. It is read without jax, so reports and questions of finished runs start
fast.
"""

import dataclasses
import functools
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from affect_jax.errors import UserError
from affect_jax.runtime import run_folder
from affect_jax.runtime.files import hash_file, hash_json, read_json, stamp_file, write_json
from affect_jax.runtime.run_identity import read_identity
from affect_jax.runtime.typed_json import Mismatch, decode, quote

SCHEMA = 2
FILE = "results.json"
_SEALED, _SUMS = ("predictions.npz", "metrics.jsonl"), "sha256"

Scores = dict[str, float | None]
"""Metric -> value; None where it is not finite, as where an answer is NaN, or not defined."""


@dataclasses.dataclass(frozen=True)
class Monitor:
    """The validation score that stops training and selects trials.

    Attributes:
      metric: its name, as in `TrialResult.validation`.
      goal: 'max' or 'min'.
    """

    metric: str
    goal: str

    @property
    def sign(self) -> float:
        """+1 where a larger score is better, -1 where a smaller one is."""
        return 1.0 if self.goal == "max" else -1.0


@dataclasses.dataclass(frozen=True)
class SplitCount:
    """How much a split holds.

    Attributes:
      recordings: recordings, clips or utterances.
      steps: labelled steps of all of them.
      classes: class number, as text -> steps; empty for a regression.
    """

    recordings: int
    steps: int
    classes: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class FoldRecord:
    """What one fold consists of, in groups (speakers, videos): the units that a comparison of trials may count.

    Attributes:
      groups: 'train', 'validation' or 'test' -> how many groups it has; a test split of the release is every fold's.
      shared: the same -> the share of them that another fold of the run has in the same split.
    """

    groups: dict[str, int]
    shared: dict[str, float]


@dataclasses.dataclass(frozen=True)
class CorpusRecord:
    """The corpus that a run was trained on.

    Attributes:
      name: of its builder.
      form: which release, layout or target of it, such as 'poria' or 'arousal'.
      synthetic: True where it was generated; its figures say nothing about the thesis' corpora.
      fingerprint: hash of features, targets and splits.
      counts: split -> how much it holds.
      labels: names of the classes, () where they have none.
      folds: name -> what it consists of; {} in results of older versions.
    """

    name: str
    form: str
    synthetic: bool
    fingerprint: str
    counts: dict[str, SplitCount]
    labels: tuple[str, ...] = ()
    folds: dict[str, FoldRecord] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ClassicalDetails:
    """What only a trial of a classical baseline has.

    Attributes:
      features: name of the table of descriptors.
      columns: how many of its columns the learner read.
      fitted_on: 'train' or 'train+validation'.
      tried: candidates, each with `hyper` and its validation `score`.
      significant: columns that the random subset method found significant; None for other methods.
    """

    features: str
    columns: int
    fitted_on: str
    tried: tuple[dict[str, Any], ...] = ()
    significant: int | None = None


@dataclasses.dataclass(frozen=True)
class AffineRecord:
    """prediction = scale x what the model gives + offset, fitted on a trial's validation split."""

    scale: float
    offset: float


@dataclasses.dataclass(frozen=True)
class TrialResult:
    """One trial: a fold, a seed and values of the hyper-parameters.

    Attributes:
      study: its study.
      variant: name of its variant.
      fold: name of its fold.
      seed: root of its randomness.
      hyper: dotted path -> value of every traced hyper-parameter.
      validation: metric -> score, or None where it has no validation split.
      test: likewise.
      best_epoch: stage -> the epoch whose weights were kept.
      epochs: stage -> epochs that ran.
      finite: False where a loss or parameter became NaN or infinite.
      stopped: why such a trial stopped, else None.
      held_out_cca: alignment loss -> correlation of the two codes on validation.
      classical: of a classical baseline only.
      affine: by which its predictions, and the scores of them, were mapped to the labels; None where they were not.
    """

    study: str
    variant: str
    fold: str
    seed: int
    hyper: dict[str, Any]
    validation: Scores | None
    test: Scores | None
    best_epoch: dict[str, int] = dataclasses.field(default_factory=dict)
    epochs: dict[str, int] = dataclasses.field(default_factory=dict)
    finite: bool = True
    stopped: str | None = None
    held_out_cca: Scores = dataclasses.field(default_factory=dict)
    classical: ClassicalDetails | None = None
    affine: AffineRecord | None = None

    def scores(self, split: str) -> Scores | None:
        """Scores of 'validation' or 'test'."""
        return {"validation": self.validation, "test": self.test}[split]


@dataclasses.dataclass(frozen=True)
class VariantSummary:
    """One metric of one variant on one split over its trials.

    Attributes:
      mean: over the trials that were scored on the split; None where the metric is not finite in one of them.
      std: sample standard deviation; None likewise, and for a single trial.
      n: in how many trials the metric is finite.
      folds: fold -> mean over its trials, None likewise.
    """

    study: str
    variant: str
    split: str
    metric: str
    mean: float | None
    std: float | None
    n: int
    folds: dict[str, float | None]


@dataclasses.dataclass(frozen=True)
class Selection:
    """What a search chose for one variant and fold.

    Attributes:
      hyper: dotted path -> value of the searched hyper-parameters.
      score: mean validation score over the seeds of the search.
      candidates: how many points were compared.
    """

    study: str
    variant: str
    fold: str
    hyper: dict[str, float]
    score: float | None
    candidates: int


@dataclasses.dataclass(frozen=True)
class SearchedPoint:
    """One trial of a search.

    Attributes:
      hyper: dotted path -> value of the searched hyper-parameters.
      score: its best validation score; None where it never had a finite one.
    """

    study: str
    variant: str
    fold: str
    hyper: dict[str, float]
    score: float | None


@dataclasses.dataclass(frozen=True)
class Provenance:
    """Where the numbers come from.

    Attributes:
      git: revision, with '+' where files differed; 'unknown' outside a checkout.
      packages: package -> version.
      python: version.
      command: the command line.
      details: what else there is to know of a classical baseline, by name.
      run: as `RunIdentity.run`; '' of a classical baseline.
    """

    git: str
    packages: dict[str, str]
    python: str
    command: str
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    run: str = ""


@dataclasses.dataclass(frozen=True)
class Results:
    """All of results.json.

    Attributes:
      name: of the experiment.
      config_arg: `configs/<file>.py:<argument>`.
      task: one of `metrics.TASKS`.
      monitor: of the last stage.
      corpus: what was trained on.
      trials: every trial; `trial` in predictions.npz and metrics.jsonl counts them.
      variants: their means.
      selected: what searches chose.
      baselines: split -> scores of the majority class or the best constant.
      provenance: where the numbers come from.
      schema: version of this layout.
      searched: every trial of the searches; () in results of older versions.
    """

    name: str
    config_arg: str
    task: str
    monitor: Monitor
    corpus: CorpusRecord
    trials: tuple[TrialResult, ...]
    variants: tuple[VariantSummary, ...]
    selected: tuple[Selection, ...]
    baselines: dict[str, Scores]
    provenance: Provenance
    schema: int = SCHEMA
    searched: tuple[SearchedPoint, ...] = ()


def write_results(folder: Path, results: Results) -> None:
    """Writes `folder`/results.json whole or not at all, with checksums of itself and of what lies beside it."""
    document = dataclasses.asdict(results)
    sums = {name: hash_file(folder / name) for name in _SEALED if (folder / name).is_file()}
    write_json(folder / FILE, {**document, _SUMS: {FILE: hash_json(document), **sums}})


def check_unchanged(folder: Path, name: str) -> None:
    """Checks a file of a finished run, one of `_SEALED`, against its checksum in results.json.

    Raises:
      UserError: it is another one than when the run had finished.
    """
    sums = _read_document(folder).get(_SUMS)
    if isinstance(sums, dict) and name in sums and sums[name] != hash_file(folder / name):
        raise UserError(
            f"{folder / name} has changed since its run had finished (its checksum in {FILE} is another one); restore "
            "the file, or train that run again"
        )


def read_task(folder: Path) -> str | None:
    """The task that results.json names, None where there is none yet."""
    return _read_document(folder).get("task")


def _read_document(folder: Path) -> dict[str, Any]:
    """What results.json holds; {} where it is missing or holds something else than an object."""
    document = _parse(folder / FILE, stamp_file(folder / FILE)) if (folder / FILE).is_file() else {}
    return document if isinstance(document, dict) else {}


@functools.lru_cache(maxsize=8)
def _parse(path: Path, stamp: tuple[int, ...] | None) -> Any:
    """What the file holds. Kept, as every study of a report asks again; nobody may change it."""
    return read_json(path)


def read_results(folder: Path) -> Results:
    """Reads and checks `folder`/results.json.

    Raises:
      UserError: it is missing, not JSON, of another schema, of another run than config.json, or some value in it is not
        what `Results` says.
    """
    path = folder / FILE
    if not path.is_file():
        if (folder / "config.json").is_file():
            raise UserError(f"{folder} has no {FILE}: its run is not finished; the command that began it goes on")
        raise UserError(f"{folder} has no {FILE}; name the folder of a finished run (its --workdir)")
    document = _parse(path, stamp_file(path))
    if not isinstance(document, dict):
        raise UserError(f"{path} holds {quote(document)}, expected the results of a run; train that run again")
    if document.get("schema") != SCHEMA:
        raise UserError(
            f"{path} has schema {quote(document.get('schema'))}, and this version reads schema {SCHEMA}; make it anew "
            f"in another folder: {_command(document)}"
        )
    sums, document = document.get(_SUMS), {key: value for key, value in document.items() if key != _SUMS}
    try:
        results = decode(Results, document)
        _check_values(results)
    except Mismatch as error:
        raise UserError(
            f"{path} {error}; restore the file, or make it anew in another folder: {_command(document)}"
        ) from None
    # Runs of older versions have no checksums; a file of this version that lacks them is not whole.
    if (results.provenance.run or sums) and not (isinstance(sums, dict) and sums.get(FILE) == hash_json(document)):
        raise UserError(
            f"{path} was edited or damaged (its content does not fit its checksum); restore the file, or make it anew "
            f"in another folder: {_command(document)}"
        )
    identity = read_identity(folder)
    if identity and (results.provenance.run, results.corpus.fingerprint) != (identity.run, identity.corpus):
        raise UserError(
            f"{path} is of another run than config.json beside it; put the folder's own file back, or train that run "
            "again"
        )
    return results


def _check_values(results: Results) -> None:
    """Raises Mismatch where a value has its type and is impossible all the same."""
    if not results.trials:
        raise Mismatch("has no trials")
    for at, variant in enumerate(results.variants):
        if variant.std is not None and variant.std < 0:
            raise Mismatch(f"has variants[{at}].std = {variant.std}, expected 0 or more")


def describe_command(folder: Path, results: Results) -> str:
    """The command that makes a run anew in `folder`, wherever it was made at first, as far as it is known."""
    program, *words = run_folder.split_command(results.provenance.command)
    name, flag = ("baselines", "--out") if "baselines" in program else ("main", "--workdir")
    if not any(word.startswith("--config") for word in words):
        words = [f"--config={results.config_arg}"]
    words = [word for before, word in zip(["", *words], words, strict=False) if flag not in (before, word)]
    words = [word for word in words if not word.startswith(f"{flag}=")]
    return f"python -m launch.{name} {shlex.join([*words, f'{flag}={folder}'])}"


def _command(document: Mapping[str, Any]) -> str:
    """The command that made a document, as far as it says."""
    provenance = document.get("provenance")
    command = provenance.get("command") if isinstance(provenance, dict) else None
    if isinstance(command, str) and "baselines" in command:
        return f"python -m launch.baselines {shlex.join(run_folder.split_command(command)[1:])}"
    return f"python -m launch.main --config={document.get('config_arg', 'configs/….py')} --workdir=DIR"
