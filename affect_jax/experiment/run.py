"""Config -> run folder: the one file that joins corpora, models, the engine and the results."""

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import ml_collections
import numpy as np
from tensorboardX import SummaryWriter

from affect_jax.config import auto_pair, fit, studies
from affect_jax.data import corpus as corpora
from affect_jax.data import folds as folding
from affect_jax.data import splits, streaming
from affect_jax.datasets.recordings import Recordings
from affect_jax.experiment import results
from affect_jax.runtime import hosts, run_folder
from affect_jax.runtime.progress import Display
from affect_jax.runtime.signals import never_stop
from affect_jax.training import checkpoint, loop, mesh, objective, predictor
from affect_jax.training.trials import Trial, plan_trials


class Run(NamedTuple):
    """What every study of one run shares."""

    config: ml_collections.ConfigDict
    workdir: Path
    engine: loop.Engine
    development: splits.Split
    folds: folding.Folds
    fold_names: tuple[str, ...]
    test: splits.Split | None
    """The release's own test part, or the development part itself where it is cross-validated."""
    test_examples: np.ndarray
    """int32 [K, n], the examples of `test` that each fold is scored on, -1 for padding."""
    display: Display
    board: SummaryWriter
    stop: Callable[[], bool]


def _make_engine(config: ml_collections.ConfigDict) -> loop.Engine:
    return loop.Engine(
        mesh=mesh.make_mesh(config.engine.devices, config.engine.get("data", 1)),
        at_once=mesh.choose_trials_at_once(config.engine.trials_at_once),
        eval_size=config.data.eval_size,
        checkpoint_seconds=config.engine.checkpoint_seconds,
        stream_megabytes=config.engine.get("stream_megabytes", 64.0),
    )


def _make_listener(run: Run, part: str, trials: Sequence[Trial], metric: str) -> loop.Listener:
    """Writes metrics.jsonl and TensorBoard events, and shows the epoch; in the first process."""
    if not hosts.is_leader():
        return loop.Listener(lambda _: None, lambda *_: None, run.stop)

    def epoch(done: loop.Progress) -> None:
        lines = []
        for k, number in enumerate(done.trials):
            trial = trials[number]
            values = {name: float(column[k]) for name, column in done.log.items()}
            where = {"part": part, "stage": done.stage, "epoch": done.epoch, "trial": number}
            which = {"variant": trial.variant, "fold": run.fold_names[trial.fold], "seed": trial.seed}
            lines.append({**where, **which, **{n: v if np.isfinite(v) else None for n, v in values.items()}})
        run_folder.append_metrics(run.workdir, lines)
        for name, column in done.log.items():
            run.board.add_scalar(f"{part}/{done.stage}/{name}", float(np.mean(column)), done.epoch)
        run.display.epoch(f"{part} {done.stage}", done.epoch, done.epochs, done.live, done.of, metric, done.best)

    def resumed(stage: str, at: int) -> None:
        if at:
            run.display.say(f"{part} {stage}: goes on after epoch {at}")
        run_folder.rewind_metrics(run.workdir, part, stage, at)

    return loop.Listener(epoch, resumed, run.stop)


def _split_into_batches(run: Run, spec: studies.Study, trials: Sequence[Trial]) -> list[Sequence[Trial]]:
    """Cuts trials into pieces whose training state fits `config.engine.trial_batch_gigabytes`."""
    params = loop.trace_shapes(spec.model, run.development.corpus, run.folds)[0]
    trial_bytes = 5 * 4 * sum(x.size for part in params.values() for x in jax.tree.leaves(part))
    fit = max(int(run.config.engine.trial_batch_gigabytes * 1e9 / trial_bytes), 1)
    side_by_side = mesh.count_replicas(run.engine.mesh)
    size = max(fit // side_by_side, 1) * side_by_side
    return [trials[i : i + size] for i in range(0, len(trials), size)]


def _fit(run: Run, spec: studies.Study, part: str, trials: Sequence[Trial]) -> loop.Fitted:
    fitted = loop.fit_study(
        spec.model,
        spec.stages,
        run.config.task,
        run.development.corpus,
        run.folds,
        trials,
        run.engine,
        folder=run.workdir / "checkpoints" / part,
        listener=_make_listener(run, part, trials, spec.stages[-1].metric),
    )
    for number, why in sorted(fitted.stopped.items()):
        trial = trials[number]
        where = f"{part}, {trial.variant}, fold {run.fold_names[trial.fold]}, seed {trial.seed}"
        run.display.say(f"note: {where} stopped and keeps its weights until then: {why}")
    return fitted


def _search(run: Run, spec: studies.Study) -> tuple[dict, list[dict[str, Any]]]:
    """Trains the grid and picks, for each variant and fold, the point with the best validation score.

    Returns:
      (variant, fold) -> hyper-parameters, and what results.json says of it.
    """
    searched = {variant: fixed for variant, fixed in spec.variants.items() if set(spec.axes) - set(fixed)}
    if all(len(values) == 1 for values in spec.axes.values()):  # nothing to choose from
        point = {path: float(values[0]) for path, values in spec.axes.items()}
        folds = range(len(run.fold_names))
        return {
            (c, f): {k: v for k, v in point.items() if k not in spec.variants[c]} for c in searched for f in folds
        }, []
    trials = plan_trials(
        searched, spec.axes, spec.traced, len(run.fold_names), studies.list_seeds(run.config.search.seeds)
    )
    candidates = []
    for number, wave in enumerate(_split_into_batches(run, spec, trials)):
        part = run_folder.name_fit(spec.name, "search", number)
        folder = run.workdir / "checkpoints" / part
        summary = folder / "scores.json"
        if summary.exists():
            scores = run_folder.read_json(summary)
        else:
            scores = [float(x) for x in _fit(run, spec, part, wave).score]
            if hosts.is_leader():
                run_folder.write_json(summary, scores)
                for stage in spec.stages:  # only the scores of a search are wanted
                    shutil.rmtree(folder / stage.name)
        candidates += [{**trial._asdict(), "score": s} for trial, s in zip(wave, scores, strict=True)]
    chosen = results.select_points(candidates, spec.stages[-1].sign)
    said = [
        {
            "study": spec.name,
            "variant": variant,
            "fold": run.fold_names[fold],
            "hyper": {path: hyper[path] for path in spec.axes if path not in spec.variants[variant]},
            "score": score,
            "candidates": count,
        }
        for (variant, fold), (hyper, score, count) in chosen.items()
    ]
    return {where: hyper for where, (hyper, _, _) in chosen.items()}, said


def _predict(run: Run, spec: studies.Study, fitted: loop.Fitted, trials: Sequence[Trial]) -> dict[str, np.ndarray]:
    """split -> float32 [R, F] predictions (or [R, F, C] logits), back on the gold standard's own clock."""
    fold_of = np.array([trial.fold for trial in trials], np.int32)
    development, output = run.development, spec.stages[-1].prediction
    examples = {"validation": (development, np.asarray(run.folds.validation))}
    if run.test:
        examples["test"] = run.test, run.test_examples
    found = {}
    for split, (part, numbers) in examples.items():
        values = predictor.predict_split(
            spec.model, fitted.params, fold_of, part.corpus, run.folds, numbers, output, run.engine
        )
        if run.config.data.delay:
            values = np.stack([splits.restore_delayed_predictions(v, part, run.config.data.delay) for v in values])
        found[split] = values
    if run.config.data.get("rescale"):
        splits.rescale_predictions(found, run.development, run.folds, fold_of)
    if run.config.data.postprocess:
        splits.postprocess_predictions(found, {split: _choose_split(run, split) for split in found})
    return found


def _run_study(run: Run, spec: studies.Study) -> tuple[list[dict], list[dict], dict[str, np.ndarray]]:
    """Searches, trains, predicts and scores one study: its results trials, its selection, its predictions."""
    chosen, said = _search(run, spec)
    trials = [
        trial._replace(hyper={**trial.hyper, **chosen.get((trial.variant, trial.fold), {})})
        for trial in plan_trials(
            spec.variants, {}, spec.traced, len(run.fold_names), studies.list_seeds(run.config.study.seeds)
        )
    ]
    _warn_of_idle_devices(run, spec, len(trials))
    entries: list[dict] = []
    predictions: dict[str, list[np.ndarray]] = {}
    for number, wave in enumerate(_split_into_batches(run, spec, trials)):
        part = run_folder.name_fit(spec.name, "final", number)
        fitted = _fit(run, spec, part, wave)
        _save_weights(run, spec, number, fitted, wave, len(entries))
        split_values = _predict(run, spec, fitted, wave)
        for split, values in split_values.items():
            predictions.setdefault(split, []).append(values)
        aligned = _measure_alignment(run, spec, fitted, wave)
        for r, trial in enumerate(wave):
            entries.append(
                {
                    "study": spec.name,
                    "variant": trial.variant,
                    "fold": run.fold_names[trial.fold],
                    "seed": trial.seed,
                    "hyper": trial.hyper,
                    "best_epoch": {s: int(v[r]) for s, v in fitted.best_epoch.items()},
                    "epochs": {s: int(v[r]) for s, v in fitted.epochs.items()},
                    "finite": bool(fitted.finite[r]),
                    "stopped": fitted.stopped.get(r),
                    "held_out_cca": {name: round(float(values[r]), 6) for name, values in aligned.items()},
                    **{split: _score_split(run, split, values[r]) for split, values in split_values.items()},
                }
            )
    return entries, said, {split: np.concatenate(values) for split, values in predictions.items()}


def _save_weights(
    run: Run, spec: studies.Study, number: int, fitted: loop.Fitted, trials: Sequence[Trial], first: int
) -> None:
    """Each trial's weights with the standardisation of its fold: all that a prediction from raw features needs."""
    fold_of = np.array([trial.fold for trial in trials])
    statistics = {
        kind: {m: np.asarray(x)[fold_of] for m, x in getattr(run.folds, kind).items()} for kind in ("mean", "scale")
    }
    steps = {m: stream.steps for m, stream in run.development.corpus.inputs.items()}
    unit = run.config.data.unit
    meta = {"first": first, "trials": len(trials), "model": spec.model_config, "steps": steps, "unit": unit}
    folder = run_folder.locate_weights(run.workdir, spec.name)
    checkpoint.save_checkpoint(folder / f"{number:03d}", 0, {"params": fitted.params, **statistics}, meta)


def _measure_alignment(
    run: Run, spec: studies.Study, fitted: loop.Fitted, trials: Sequence[Trial]
) -> dict[str, np.ndarray]:
    terms = objective.select_alignments(spec.stages[-1].terms)
    if not terms:
        return {}
    fold_of = np.array([trial.fold for trial in trials], np.int32)
    corpus = run.development.corpus
    return predictor.measure_alignment(spec.model, fitted.params, fold_of, corpus, run.folds, terms, run.engine)


def _warn_of_saturation(run: Run, spec: studies.Study) -> None:
    """Few samples a batch beside the codes' dimensions: the correlations of any two codes are then near 1."""
    corpus = run.development.corpus
    outputs = loop.trace_shapes(spec.model, corpus, run.folds)[1]
    length = float(np.mean(np.asarray(corpus.target.length)[run.development.index.training]))
    for stage in spec.stages:
        for term in objective.select_alignments(stage.terms):
            samples, width = round(stage.batch * length), outputs[term.left].shape[-1]
            if term.kind == "dcca" and samples < 2 * width:
                run.display.say(
                    f"note: loss {term.name!r} of study {spec.name!r} correlates {width} dimensions over about "
                    f"{samples} samples a batch, where even unrelated codes look aligned; "
                    "kind 'dcca_ema' is meant for that"
                )


def _warn_of_idle_devices(run: Run, spec: studies.Study, trials: int) -> None:
    """Half of the devices or more have no trial."""
    shared, data = run.engine.mesh.shape["data"], mesh.choose_data_devices(run.engine.mesh, trials)
    if data > shared:
        run.display.say(
            f"note: study {spec.name!r} has {trials} trial{'s' if trials > 1 else ''} for {mesh.count_replicas(run.engine.mesh)} "
            f"places; where a step takes long, --config.engine.data={data} lets {data} devices share each batch "
            "(docs/scaling.md)"
        )


def _choose_split(run: Run, split: str) -> splits.Split:
    return run.development if split == "validation" else run.test


def _score_split(run: Run, split: str, prediction: np.ndarray) -> dict | None:
    part = _choose_split(run, split)
    if split == "test" and not part.index.labelled.all():
        return None
    return results.score_trial(run.config.task, prediction, part.target, part.recording)


def _count_examples(recordings: Recordings, config: ml_collections.ConfigDict) -> dict[str, Any]:
    counts = {}
    for split, members in recordings.splits.items():
        counts[split] = {"recordings": len(members), "steps": sum(len(r.steps) for r in members)}
        labels = [r.targets[config.data.target] for r in members if config.data.target in r.targets]
        if config.task != "regression" and labels:
            values, sizes = np.unique(np.concatenate(labels), return_counts=True)
            counts[split]["classes"] = {str(int(v)): int(n) for v, n in zip(values, sizes, strict=True)}
    return counts


def _collect_predictions(
    run: Run, spec_name: str, first: int, predictions: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """predictions.npz entries of one study; frames that no trial shows are left out."""
    count = len(next(iter(predictions.values())))
    arrays = {f"{spec_name}/trial": np.arange(first, first + count)}
    for split, values in predictions.items():
        part = _choose_split(run, split)
        shown = ~np.isnan(values.reshape(count, len(part.target), -1)).all((0, 2))
        arrays[f"{spec_name}/{split}/prediction"] = values[:, shown]
        arrays[f"{spec_name}/{split}/target"] = part.target[shown]
        arrays[f"{spec_name}/{split}/id"] = part.index.frame_ids[shown]
        arrays[f"{spec_name}/{split}/group"] = np.array(part.index.groups)[part.recording[shown]]
    return arrays


def run_experiment(
    config: ml_collections.ConfigDict, workdir: str, *, config_arg: str, stop: Callable[[], bool] = never_stop
) -> dict[str, Any]:
    """Trains everything that `config` asks for, or goes on with it, or reads it where it is finished.

    Args:
      config: the config of a file and its flags; what is run is `adapting.adapted` of it.
      workdir: the run folder.
      config_arg: `configs/<file>.py:<argument>`, for the record.
      stop: asked after every epoch; at True its state is saved and the run ends.

    Returns:
      What results.json holds.

    Raises:
      UserError: bad input of any kind, or another process at work on the folder.
      Stopped: `stop` asked for it; the same call goes on from there.
    """
    folder = Path(workdir)
    if "ranking" in config:
        config = auto_pair.choose_pair_by_ranking(
            config, folder, partial(_run_ranking, config_arg=config_arg, stop=stop), _print_line
        )
    config = hosts.run_in_turn(lambda: fit.fit_to_corpus(config))
    specs = studies.parse_studies(config)
    splits.check_data(config)
    finished, made_of = folder / "results.json", json.loads(config.to_json())
    with contextlib.ExitStack() as stack:
        if not hosts.agree(finished.exists())[0]:  # a finished one may be read by anybody, at any time
            hosts.run_in_turn(
                lambda: stack.enter_context(run_folder.lock_run_folder(folder)) if hosts.is_leader() else None
            )
        hosts.run_in_turn(lambda: run_folder.open_run_folder(folder, made_of, config_arg))
        if hosts.agree(finished.exists())[0]:
            return run_folder.read_json(finished)
        return _train(config, specs, folder, config_arg, stop)


def _run_ranking(config: ml_collections.ConfigDict, folder: Path, config_arg: str, stop: Callable[[], bool]) -> None:
    run_experiment(config, str(folder), config_arg=config_arg, stop=stop)


def _print_line(line: str) -> None:
    with Display(shown=hosts.is_leader()) as display:
        display.say(line)


def _train(
    config: ml_collections.ConfigDict,
    specs: Sequence[studies.Study],
    folder: Path,
    config_arg: str,
    stop: Callable[[], bool],
) -> dict[str, Any]:
    """Trains every study, or goes on with it, and writes predictions.npz and results.json."""
    stream = bool(config.engine.get("stream", False))
    recordings = hosts.run_in_turn(lambda: splits.load_recordings(config, stream=stream))
    folds = splits.make_folds(recordings, config)
    developed = recordings.splits["train"] + recordings.splits.get("validation", [])
    development = splits.build_split(developed, config, stream=stream)
    test, test_examples = build_test_split(recordings, config, development, folds)
    alone = hosts.is_leader()
    with Display(shown=alone) as display, SummaryWriter(str(folder), write_to_disk=alone) as board:
        engine = _make_engine(config)
        state = Run(
            config=config,
            workdir=folder,
            engine=engine,
            development=development,
            folds=folding.build_folds(development.corpus, development.index, folds, splits.choose_standardized(config)),
            fold_names=tuple(fold.name for fold in folds),
            test=test,
            test_examples=test_examples,
            display=display,
            board=board,
            stop=stop,
        )
        kind = "synthetic " if recordings.synthetic else ""
        display.say(f"{kind}corpus {recordings.corpus} ({recordings.form}), {engine.mesh.size} device(s)")
        trials: list[dict] = []
        selected: list[dict] = []
        arrays: dict[str, np.ndarray] = {}
        for spec in specs:
            _warn_of_saturation(state, spec)
            entries, said, predictions = _run_study(state, spec)
            arrays |= _collect_predictions(state, spec.name, len(trials), predictions)
            trials += entries
            selected += said
    validated = _mark_predicted(development, np.asarray(state.folds.validation))
    baseline = {"validation": results.score_baselines(config.task, development.target, validated)}
    if test is not None and test.index.labelled.all():
        baseline["test"] = results.score_baselines(config.task, test.target, _mark_predicted(test, test_examples))
    last = specs[0].stages[-1]
    found = {
        "schema": run_folder.SCHEMA,
        "name": config.name,
        "config_arg": config_arg,
        "task": config.task,
        "monitor": {"metric": last.metric, "goal": "max" if last.sign > 0 else "min"},
        "corpus": {
            "name": recordings.corpus,
            "variant": recordings.form,
            "synthetic": recordings.synthetic,
            "fingerprint": recordings.fingerprint,
            "counts": _count_examples(recordings, config),
            **({"labels": list(recordings.labels)} if recordings.labels else {}),
        },
        "trials": [{"test": None, **trial} for trial in trials],
        "variants": results.summarize_variants([{"test": None, **trial} for trial in trials], ("validation", "test")),
        "selected": selected,
        "baselines": baseline,
        "provenance": run_folder.describe_provenance(" ".join(sys.argv)),
    }
    if alone:
        run_folder.write_arrays(folder / "predictions.npz", arrays)
        run_folder.write_json(folder / "results.json", found)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    hosts.wait_for_all("finished")
    return found


def _mark_predicted(part: splits.Split, examples: np.ndarray) -> np.ndarray:
    """bool [F]: the frames that these examples [K, n] show."""
    numbers = np.unique(examples[examples >= 0])
    positions = corpora.locate_frames(part.corpus, numbers)
    return np.isin(np.arange(len(part.recording)), positions[positions >= 0])


def build_test_split(
    recordings: Recordings,
    config: ml_collections.ConfigDict,
    development: splits.Split,
    folds: list[folding.FoldMembers],
) -> tuple[splits.Split | None, np.ndarray]:
    """What is scored at the end, and the numbers of each fold's examples in it."""
    if recordings.folds:
        return development, folding.index_test_examples(development.index, folds)
    if not recordings.splits.get("test"):
        return None, np.zeros((len(folds), 0), np.int32)
    streams = isinstance(development.corpus, streaming.Source)
    part = splits.build_split(recordings.splits["test"], config, stream=streams)
    every = np.flatnonzero(part.index.evaluation).astype(np.int32)
    return part, np.tile(every, (len(folds), 1))
