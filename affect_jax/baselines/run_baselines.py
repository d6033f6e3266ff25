"""A network's config -> classical baselines on the same corpus, target and folds."""

import dataclasses
from pathlib import Path
from typing import NamedTuple

from affect_jax.baselines import functionals
from affect_jax.baselines.fit_folds import fit_folds
from affect_jax.baselines.learners import REGRESSIONS
from affect_jax.baselines.methods import NAMES, NEEDING_ACTION_UNITS, OF_FUNCTIONALS, OF_NUMBERS, OF_STEPS, Request
from affect_jax.baselines.plan import Plan, check_plan
from affect_jax.baselines.steps import split_into_steps
from affect_jax.config.corpus import OWN
from affect_jax.config.load import encode_document
from affect_jax.config.schema import Experiment
from affect_jax.data import splits
from affect_jax.datasets.recordings import Recordings
from affect_jax.datasets.release_files import find_default_data_dir
from affect_jax.errors import UserError, join_words
from affect_jax.experiment import results_file
from affect_jax.experiment.results_file import Results, read_results
from affect_jax.runtime import run_folder
from affect_jax.runtime.progress import Work

OF_ACTION_UNITS = "ravdess"
"""The corpus that has a table of them."""


class _Corpus(NamedTuple):
    """The recordings, and the plan without the methods that they do not allow."""

    plan: Plan
    recordings: Recordings


def run_baselines(experiment: Experiment, folder: Path, *, config_arg: str, request: Request) -> Results:
    """Fits baselines on a config's corpus, target and folds; where that is done, reads the results.

    Args:
      experiment: of a network that reads raw speech, or of one of labels per step.
      folder: the run folder.
      config_arg: as of `sources.baselines`.
      request: which methods, and how.

    Returns:
      What results.json holds.

    Raises:
      UserError: a method or the corpus does not fit, or the folder was made with another config.
    """
    settings, of_steps = experiment.corpus.settings, experiment.data.unit != "item"
    methods = _choose_methods(experiment, request, config_arg)
    data, alone = experiment.data, _choose_alone(request, of_steps, config_arg)
    of_request = (tuple(methods), request.seeds, request.iterations, request.refit)
    plan = Plan(experiment.task, data.target, *of_request, data.standardize_within, alone)
    check_plan(plan)
    document = {**encode_document(experiment), "baselines": request._asdict()}
    if (folder / results_file.FILE).exists():
        run_folder.open_run_folder(folder, document, config_arg, experiment.remarks)
        return read_results(folder)
    with Work() as work:
        plan, recordings = _load_corpus(plan, experiment, work, is_chosen=bool(request.methods))
        members = splits.make_folds(recordings, experiment.trials.folds)
        if of_steps:
            recordings, members = split_into_steps(recordings, members)
        data_dir = Path(settings.get("data_dir") or find_default_data_dir()).expanduser().resolve()
        # The folder is made last, so that a wrong flag or a wrong corpus leaves none behind.
        with run_folder.lock_run_folder(folder):
            run_folder.open_run_folder(folder, document, config_arg, experiment.remarks)
            return fit_folds(
                plan,
                recordings,
                members,
                int(settings.get("rate", 0)),
                data_dir / "descriptors" / recordings.corpus,
                folder,
                name=f"{experiment.name} baselines",
                config_arg=config_arg,
                progress=work.progress,
            )


def _choose_alone(request: Request, of_steps: bool, config_arg: str) -> bool:
    """Whether each modality is learned from by itself, too.

    Raises:
      UserError: it was asked of whole clips, whose methods say by their names what they read.
    """
    if request.alone and not of_steps:
        raise UserError(
            f"--alone is for labels per step, and {config_arg} has one label a clip, whose methods read what their "
            "names say; leave it out"
        )
    return request.alone


def _choose_methods(experiment: Experiment, request: Request, config_arg: str) -> list[str]:
    """The methods that were asked for, or all that the corpus and the installed packages allow.

    Raises:
      UserError: they are not of such a corpus.
    """
    settings, of_steps = experiment.corpus.settings, experiment.data.unit != "item"
    if not of_steps and (not settings.get("rate") or settings.get("sound", "waveform") != "waveform"):
        if experiment.corpus.name in OWN:
            raise UserError(
                f"{config_arg} reads features, and the baselines of one label an item are of recordings; take "
                "--config=configs/speech_emotion.py with the same --config.corpus.manifest, which needs a column of "
                "recordings"
            )
        raise UserError(
            f"the corpus {experiment.corpus.name!r} of {config_arg} is not one of speech; choose another config"
        )
    allowed = [name for name in NAMES if (name in OF_STEPS) == of_steps]
    if experiment.task not in REGRESSIONS:
        for name in request.methods:
            if name in OF_NUMBERS:
                raise UserError(f"--methods names {name!r}, but the labels of {config_arg} are classes; leave it out")
        allowed = [name for name in allowed if name not in OF_NUMBERS]
    for name in request.methods:
        if name in NAMES and name not in allowed:
            labels = "labels per step" if of_steps else "one label a clip"
            raise UserError(f"--methods names {name!r}, but {config_arg} has {labels}; choose of {', '.join(allowed)}")
    return list(request.methods) or [name for name in allowed if name != "is13" or functionals.is_opensmile_installed()]


def _load_corpus(plan: Plan, experiment: Experiment, work: Work, *, is_chosen: bool) -> _Corpus:
    """Loads the corpus, and drops methods that it does not allow unless they were chosen by name.

    Raises:
      UserError: a chosen method is impossible, or the corpus is wrong in any way.
    """
    if not functionals.is_opensmile_installed() and experiment.data.unit == "item":
        if not is_chosen:
            work.say("note: without the IS13 baseline, as openSMILE is not installed (pip install opensmile)")
        if others := [name for name in OF_FUNCTIONALS[1:] if name in plan.methods]:
            work.say(f"note: {join_words(others)} read MFCC statistics, as openSMILE is not installed")
    if set(NEEDING_ACTION_UNITS) & set(plan.methods):
        plan, recordings = _load_with_action_units(plan, experiment, work, is_chosen=is_chosen)
    else:
        recordings = splits.load_recordings(experiment.corpus)
    kind = "synthetic " if recordings.synthetic else ""
    work.say(f"{kind}corpus {recordings.corpus} ({recordings.form}): {', '.join(plan.methods)}")
    if experiment.corpus.name in OWN and experiment.data.unit == "item":
        recordings = _name_speech(recordings, experiment.data.modalities[0])
    return _Corpus(plan, recordings)


def _load_with_action_units(plan: Plan, experiment: Experiment, work: Work, *, is_chosen: bool) -> _Corpus:
    """Loads speech and action units; speech alone where the corpus has no action units and no method was chosen."""
    without = plan._replace(methods=tuple(m for m in plan.methods if m not in NEEDING_ACTION_UNITS))
    corpus = experiment.corpus
    if corpus.name != OF_ACTION_UNITS:
        if is_chosen:
            raise UserError(
                f"the corpus {corpus.name!r} has no action units; leave {' and '.join(NEEDING_ACTION_UNITS)} out"
            )
        return _Corpus(without, splits.load_recordings(corpus))
    settings = {**corpus.settings, "modalities": ("speech", "action_units")}
    with_units = dataclasses.replace(corpus, settings=settings)
    try:
        return _Corpus(plan, splits.load_recordings(with_units))
    except UserError as error:
        if is_chosen:
            raise
        work.say(f"note: without action units ({error})")
    return _Corpus(without, splits.load_recordings(corpus))


def _name_speech(recordings: Recordings, column: str) -> Recordings:
    """A user's own column of recordings under the name that it has in other corpora."""
    renamed = {
        split: [r._replace(features={"speech": r.features[column]} if column in r.features else {}) for r in members]
        for split, members in recordings.splits.items()
    }
    return recordings._replace(splits=renamed)
