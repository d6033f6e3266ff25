"""A ConfigDict -> what a run trains. The one place where a config is read; from here on there are frozen values."""

import dataclasses
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import ml_collections

from affect_jax.config.auto_pair import Undecided, split_ranking
from affect_jax.config.changes import list_leaves
from affect_jax.config.corpus import imply_corpus
from affect_jax.config.fit import fit_to_corpus
from affect_jax.config.fit_encoder import fit_encoder
from affect_jax.config.hyper import flatten_paths
from affect_jax.config.losses import import_own, is_own
from affect_jax.config.parse import parse_experiment
from affect_jax.config.problems import Problems
from affect_jax.config.schema import Experiment, describe_within
from affect_jax.config.stages import list_own_metrics
from affect_jax.config.synthetic import apply_synthetic
from affect_jax.errors import UserError
from affect_jax.runtime.files import read_config_document
from affect_jax.runtime.run_identity import read_identity


def load_config(
    config: ml_collections.ConfigDict | Mapping[str, Any], given: Collection[str] = ()
) -> Experiment | Undecided:
    """The experiment of a config: with what a synthetic corpus asks for, made to fit one's own, checked.

    Args:
      config: of a file in configs/ and its flags; it is left alone.
      given: dotted paths that flags set, which neither a synthetic corpus nor one's own changes.

    Returns:
      The experiment; or, of a config that ranks modalities first, the ranking and what follows from it.

    Raises:
      UserError: all that is wrong with the config, a line for each problem.
    """
    plain = config.to_dict() if isinstance(config, ml_collections.ConfigDict) else dict(config)
    _check_tables(plain)
    implied, given, implications = imply_corpus(plain, given)
    document, remarks = apply_synthetic(implied, given)
    remarks = (*implications, *remarks)
    if document.get("ranking"):
        return split_ranking(document, remarks, given)
    return resolve_document(document, remarks, given)


def resolve_document(
    document: Mapping[str, Any], remarks: tuple[str, ...] = (), given: Collection[str] = ()
) -> Experiment:
    """The experiment of a plain config without a section `synthetic`, made to fit the corpus."""
    _check_tables(document)
    fitted, fit_remarks = fit_to_corpus(fit_encoder(document), given)
    within = (fitted["data"] or {}).get("standardize_within")
    told = (describe_within(within),) if within else ()
    experiment = parse_experiment(fitted, (*remarks, *fit_remarks, *told))
    _check_models(experiment)
    _check_own_losses(experiment)
    return experiment


def _check_tables(document: Mapping[str, Any]) -> None:
    """Raises UserError where a part is missing that other parts are looked up in."""
    for key in ("corpus", "data", "model", "stages", "studies", "study"):
        if not isinstance(document.get(key), Mapping):
            raise UserError(f"the config has no table {key!r}; configs/sew.py shows what a config holds")


def _check_models(experiment: Experiment) -> None:
    """Raises UserError for a model that does not exist, and for arguments that a model does not take."""
    # Here, as it imports jax: whoever reads finished runs parses their configs and needs no models.
    from affect_jax.config.models import check_choices, make_model

    problems = Problems()
    for study in experiment.studies:
        try:
            check_choices(make_model(study.model), study, flatten_paths(experiment.search.ranges or {}))
        except UserError as error:
            problems.add(str(error))
    problems.raise_any()


def _check_own_losses(experiment: Experiment) -> None:
    """Raises UserError for a loss or metric `module:function` that cannot be imported."""
    stages = [stage for study in experiment.studies for stage in study.stages]
    for kind in sorted({term.kind for stage in stages for term in stage.terms if is_own(term.kind)}):
        import_own(kind)
    for name in list_own_metrics(stages):
        import_own(name, "metric")


def read_experiment(folder: Path) -> Experiment:
    """The experiment of a run folder, from its config.json.

    Raises:
      UserError: the file is missing, damaged, edited, or of a version that had other settings.
    """
    path = folder / "config.json"
    if not path.is_file():
        if (folder / "results.json").is_file():
            raise UserError(f"{path} is missing, and nothing else says what was trained there; restore it")
        raise UserError(f"{path} is missing; name the folder of a run, or train it with launch.main")
    saved = read_config_document(path)
    try:
        document = {key: value for key, value in saved["config"].items() if key != "baselines"}
        experiment = parse_experiment(_restore_tuples(document))
    except UserError as error:
        raise UserError(f"{path} does not fit this version: {error}; train that run again with launch.main") from error
    read_identity(folder)  # which checks that the config is the one that was trained
    return experiment


def _restore_tuples(value: Any) -> Any:
    """JSON's lists as the tuples that they were."""
    if isinstance(value, Mapping):
        return {key: _restore_tuples(of_key) for key, of_key in value.items()}
    return tuple(_restore_tuples(one) for one in value) if isinstance(value, list) else value


def format_config(experiment: Experiment) -> str:
    """What will run, a line a setting: `config.stages.fit.epochs = 50`."""
    lines = [f"config.{path} = {value!r}" for path, value in list_leaves(experiment.document)]
    return "\n".join([*lines, *(f"# {remark}" for remark in experiment.remarks)])


def encode_document(experiment: Experiment) -> dict[str, Any]:
    """The plain config as config.json has it."""
    return json.loads(json.dumps(dict(experiment.document)))


def replace_engine(experiment: Experiment, **changes: Any) -> Experiment:
    """The experiment with other settings of its engine, as where a finished run is asked on other devices."""
    return dataclasses.replace(experiment, engine=dataclasses.replace(experiment.engine, **changes))
