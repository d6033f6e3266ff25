"""Config -> run folder: the file that joins corpora, models, the engine and the results."""

import contextlib
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from affect_jax.config import auto_pair
from affect_jax.config.load import encode_document, resolve_document
from affect_jax.config.models import make_model
from affect_jax.config.schema import Data, Experiment
from affect_jax.data import splits
from affect_jax.data.folds import build_folds
from affect_jax.data.splits import Split
from affect_jax.datasets.recordings import Recordings
from affect_jax.datasets.single_class import describe_single_classes
from affect_jax.experiment import kept_weights, predictions_file, remarks, results
from affect_jax.experiment.context import Run
from affect_jax.experiment.open_run import LoadedCorpus, load_corpus, open_run
from affect_jax.experiment.overview import describe_parameters
from affect_jax.experiment.results_file import (
    FILE,
    CorpusRecord,
    Monitor,
    Provenance,
    Results,
    Scores,
    SearchedPoint,
    Selection,
    SplitCount,
    TrialResult,
    read_results,
    write_results,
)
from affect_jax.experiment.study import repredict_study, run_study
from affect_jax.runtime import hosts, mappings, run_folder, run_identity
from affect_jax.runtime.progress import Display
from affect_jax.runtime.signals import never_stop
from affect_jax.training import loop

_MEASURED = 5.0
"""Seconds of a first study that tell what the others take; one that was trained before takes less."""


def run_experiment(
    experiment: Experiment | auto_pair.Undecided,
    workdir: str | Path,
    *,
    config_arg: str,
    stop: Callable[[], bool] = never_stop,
) -> Results:
    """Trains everything that a config asks for, or resumes it, or reads its results where it is finished.

    Args:
      experiment: of `config.load.load_config`.
      workdir: the run folder.
      config_arg: `configs/<file>.py:<argument>`, for the record.
      stop: asked after every epoch; at True its state is saved and the run ends.

    Raises:
      UserError: bad input of any kind, or another process at work on the folder.
      Stopped: `stop` asked for it; the same call goes on from there.
    """
    folder = Path(workdir)
    if isinstance(experiment, auto_pair.Undecided):
        experiment = _decide_pair(experiment, folder, config_arg, stop)
    with contextlib.ExitStack() as stack:
        if hosts.is_leader():
            stack.enter_context(run_folder.leave_nothing_if_refused(folder))
        finished = folder / FILE
        # A whole one may be read by anybody, at any time.
        is_whole = finished.exists() and (folder / predictions_file.FILE).exists()
        if not hosts.agree(is_whole and not (folder / "checkpoints").exists())[0]:
            hosts.run_in_turn(
                lambda: stack.enter_context(run_folder.lock_run_folder(folder)) if hosts.is_leader() else None
            )
        document = encode_document(experiment)
        hosts.run_in_turn(lambda: run_folder.open_run_folder(folder, document, config_arg, experiment.remarks))
        if hosts.agree(finished.exists())[0]:
            if hosts.is_leader():
                _remove_checkpoints(folder)
            return _read_finished(experiment, folder)
        return _train(experiment, folder, config_arg, stop)


def _decide_pair(undecided: auto_pair.Undecided, folder: Path, config_arg: str, stop: Callable[[], bool]) -> Experiment:
    """Ranks the modalities in a run folder of their own, tells the choice, and makes the experiment of the pair."""
    ranked = run_experiment(undecided.ranking, folder / auto_pair.FOLDER, config_arg=config_arg, stop=stop)
    metric = ranked.monitor.metric
    means = {
        summary.study: summary.mean
        for summary in ranked.variants
        if (summary.split, summary.metric) == ("validation", metric) and summary.mean is not None
    }
    decision = auto_pair.decide_pair(undecided, means, ranked.monitor.sign)
    strongest, *_, weakest = decision.scores
    scores = ", ".join(f"{modality} {score:.3f}" for modality, score in decision.scores.items())
    kind = " on a synthetic corpus" if ranked.corpus.synthetic else ""
    with Display(is_visible=hosts.is_leader()) as display:
        display.say(
            f"ranking{kind} by validation {metric}: {scores}; so {strongest}, the strongest, teaches {weakest}, the "
            "weakest"
        )
    return hosts.run_in_turn(lambda: resolve_document(decision.document, undecided.remarks, undecided.given))


def _train(experiment: Experiment, folder: Path, config_arg: str, stop: Callable[[], bool]) -> Results:
    """Trains every study, or goes on with it, and writes predictions.npz and results.json."""
    corpus = hosts.run_in_turn(lambda: load_corpus(experiment))
    fingerprint = corpus.recordings.fingerprint
    # The leader's turn comes first: it draws what the others then read.
    identity = hosts.run_in_turn(lambda: run_identity.claim_run_folder(folder, fingerprint, corpus.members))
    leads = hosts.is_leader()
    with open_run(experiment, folder, corpus, identity, stop=stop) as run:
        _introduce(run, corpus.recordings)
        trials, selected, searched, arrays = _run_studies(run)
    finished = Results(
        name=experiment.name,
        config_arg=config_arg,
        task=experiment.task,
        monitor=_describe_monitor(experiment),
        corpus=_describe_corpus(corpus, experiment),
        trials=tuple(trials),
        variants=results.summarize_variants(trials),
        selected=tuple(selected),
        searched=tuple(searched),
        baselines=_score_baselines(run),
        provenance=Provenance(**run_folder.describe_provenance(shlex.join(sys.argv)), run=identity.run),
    )
    if leads:
        predictions_file.write_predictions(folder, arrays, identity.run)
        write_results(folder, finished)
        _remove_checkpoints(folder)
    hosts.wait_for_all("finished")
    return finished


def _read_finished(experiment: Experiment, folder: Path) -> Results:
    """The results of a finished run whose weights are there, too; predictions that are not are made anew of them.

    Raises:
      UserError: weights are missing, which only training makes.
    """
    finished = hosts.run_in_turn(lambda: read_results(folder))
    hosts.run_in_turn(lambda: kept_weights.check_weights(folder, finished))
    if hosts.agree((folder / predictions_file.FILE).exists())[0]:
        return finished
    corpus = hosts.run_in_turn(lambda: load_corpus(experiment))
    identity = hosts.run_in_turn(
        lambda: run_identity.claim_run_folder(folder, corpus.recordings.fingerprint, corpus.members)
    )
    with open_run(experiment, folder, corpus, identity, is_board_written=False) as run:
        run.display.say(f"{folder / predictions_file.FILE} is missing and made anew of the weights")
        trials, arrays = finished.trials, {}
        for study in experiment.studies:
            numbers = [number for number, trial in enumerate(trials) if trial.study == study.name]
            predictions = repredict_study(run, study, finished, numbers)
            folds = [trials[number].fold for number in numbers]
            arrays |= _collect_predictions(run, study.name, numbers[0], predictions, folds)
    if hosts.is_leader():
        predictions_file.write_predictions(folder, arrays, identity.run)
        write_results(folder, finished)  # which has their checksum
    hosts.wait_for_all("predicted")
    return finished


def _remove_checkpoints(folder: Path) -> None:
    """Removes what a finished run no longer needs; a kill right after its results were written leaves it behind."""
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def _run_studies(
    run: Run,
) -> tuple[list[TrialResult], list[Selection], list[SearchedPoint], dict[str, np.ndarray]]:
    """All studies in turn: their trials, selections and searched points as results.json has them, and the arrays of
    predictions.npz.
    """
    trials: list[TrialResult] = []
    selected: list[Selection] = []
    searched: list[SearchedPoint] = []
    arrays: dict[str, np.ndarray] = {}
    studies, began = run.experiment.studies, time.monotonic()
    for number, study in enumerate(studies):
        remarks.warn_of_saturation(run, study)
        remarks.warn_of_idle_devices(run, study)
        if number == 1 and (seconds := time.monotonic() - began) > _MEASURED:
            run.display.say(remarks.describe_left(seconds, studies[:1], studies[1:], run))
        mappings.free_programs()  # those of the studies before
        outcome = run_study(run, study)
        folds = [trial.fold for trial in outcome.trials]
        arrays |= _collect_predictions(run, study.name, len(trials), outcome.predictions, folds)
        trials += outcome.trials
        selected += outcome.selections
        searched += outcome.searched
    return trials, selected, searched, arrays


def _introduce(run: Run, recordings: Recordings) -> None:
    """What is about to be trained: the corpus, the models, the work."""
    kind = "synthetic " if recordings.synthetic else ""
    run.display.say(f"{kind}corpus {recordings.corpus} ({recordings.form}), {run.engine.mesh.size} device(s)")
    for remark in run.experiment.remarks:
        run.display.say(f"note: {remark}")
    for sentence in describe_single_classes(recordings, run.experiment.data.target):
        run.display.say(f"note: {sentence}")
    run.display.say(describe_models(run.experiment, run.development, run.folds))
    run.display.say(remarks.describe_work(run))


def describe_models(experiment: Experiment, development: Split, folds: object, *, with_arrays: bool = False) -> str:
    """Submodules and parameters of each study's model; of several studies with equal models, once."""
    texts: dict[str, list[str]] = {}
    for study in experiment.studies:
        model = make_model(study.model)
        shapes = loop.trace_shapes(model, development.corpus, folds)
        trained = {name for stage in study.stages for name in stage.train}
        if shapes.shared and "*" in trained:
            trained = set(shapes.params)
        params = {**shapes.params, **shapes.shared}
        text = describe_parameters(params, trained, model.deployed, with_arrays=with_arrays)
        texts.setdefault(text, []).append(study.name)
    return "\n".join(f"model of {', '.join(names)}:\n{text}" for text, names in texts.items())


def list_experiments(experiment: Experiment | auto_pair.Undecided) -> tuple[Experiment, ...]:
    """What is known of a config before anything is trained: the experiment, or the ranking that comes first."""
    return (experiment.ranking,) if isinstance(experiment, auto_pair.Undecided) else (experiment,)


def describe_experiment(experiment: Experiment) -> str:
    """The models of an experiment; its corpus is built where it is missing, as its widths decide their shapes."""
    corpus = load_corpus(experiment)
    standardized = splits.choose_standardized(experiment.data)
    development = corpus.development
    folds = build_folds(development.corpus, development.index, corpus.members, standardized)
    return describe_models(experiment, development, folds, with_arrays=True)


def _describe_monitor(experiment: Experiment) -> Monitor:
    last = experiment.studies[0].stages[-1]
    return Monitor(last.metric, "max" if last.sign > 0 else "min")


def _describe_corpus(corpus: LoadedCorpus, experiment: Experiment) -> CorpusRecord:
    recordings = corpus.recordings
    return CorpusRecord(
        name=recordings.corpus,
        form=recordings.form,
        synthetic=recordings.synthetic,
        fingerprint=recordings.fingerprint,
        counts=count_examples(recordings, experiment.data, experiment.task),
        labels=tuple(recordings.labels),
        folds=results.describe_folds(recordings, corpus.members),
    )


def count_examples(recordings: Recordings, data: Data, task: str) -> dict[str, SplitCount]:
    """Split -> its recordings, labelled steps and, of classes, how often each occurs."""
    counts = {}
    for split, members in recordings.splits.items():
        labels = [r.targets[data.target] for r in members if data.target in r.targets]
        classes = {}
        if not task.endswith("regression") and labels:
            values, sizes = np.unique(np.concatenate(labels), return_counts=True)
            classes = {str(int(v)): int(n) for v, n in zip(values, sizes, strict=True)}
        counts[split] = SplitCount(len(members), sum(len(r.steps) for r in members), classes)
    return counts


def _score_baselines(run: Run) -> dict[str, Scores]:
    """Split -> what the majority class, or the best constant, gets."""
    task = run.experiment.task
    validated = splits.mark_frames(run.development, np.asarray(run.folds.validation))
    baselines = {"validation": results.score_baselines(task, run.development.target, validated)}
    if run.test is not None and run.test.index.labelled.all():
        tested = splits.mark_frames(run.test, run.test_examples)
        baselines["test"] = results.score_baselines(task, run.test.target, tested)
    return baselines


def _collect_predictions(
    run: Run, study: str, first: int, predicted: Mapping[str, np.ndarray], folds: Sequence[str]
) -> dict[str, np.ndarray]:
    """predictions.npz entries of a study, whose first trial has this number in results.json; `folds` of its trials."""
    steps, asked = {}, {}
    for name in predicted:
        split, of_folds = run.split(name), {fold: run.mark_asked(name, fold) for fold in set(folds)}
        asked[name] = np.stack([of_folds[fold] for fold in folds])
        groups = np.array(split.index.groups)[split.recording]
        steps[name] = predictions_file.Steps(split.target, split.index.frame_ids, groups)
    return predictions_file.collect_predictions(study, range(first, first + len(folds)), predicted, asked, steps)
