"""What a user should know before a study starts: how much work it is, and what looks wrong with it."""

import time
from collections.abc import Sequence

import jax
import numpy as np

from affect_jax.config.models import make_model
from affect_jax.config.parse import list_seeds
from affect_jax.config.schema import Study
from affect_jax.config.stages import Stage
from affect_jax.errors import format_count
from affect_jax.experiment.context import Run
from affect_jax.experiment.study import plan_final_trials, plan_search_trials
from affect_jax.runtime.progress import format_duration
from affect_jax.training import halving, loop, mesh, objective

_OVERHEAD = 1.5e-3
"""Seconds of an update beside its matrix products, on a CPU: dispatch, optimizer, losses (SEW's whole step takes 3
ms)."""
_STEP = 1e-4
"""Seconds of a step of a recurrent layer, there and back, on a CPU, however small it is."""
_WAVE = 64
"""Samples of a waveform that are one step of what follows its first layers."""
_COMPILE = (6.0, 30.0)
"""Seconds to compile a stage the first time: on an idle machine, and where others are at work or the model is large."""
_SPREAD = (0.5, 3.0)
"""What an update takes beside the estimate; early stopping, other programs and the kind of layer decide."""


_LONG = 0.05
"""Seconds of an update that several devices can share with profit."""


def describe_work(run: Run) -> str:
    """One line: trials, updates and, roughly, the time that they take, with the flags that make it short."""
    studies, rate = run.experiment.studies, _measure_product_rate()
    trials = sum(_count_trials(run, study) for study in studies)
    updates = sum(
        _count_epochs(run, study, stage) * _count_batches(run, stage) for study in studies for stage in study.stages
    )
    low, high = (sum(ends) for ends in zip(*(estimate_seconds(run, study, rate) for study in studies), strict=True))
    return (
        f"{format_count(trials, 'trial')} in {format_count(len(studies), 'study', 'studies')}, at most {updates:,} "
        f"updates: about {format_duration(low)} to {format_duration(high)} on an idle machine, compiling included "
        f"(a guess, which the first epochs correct){_describe_halving(run)}{_suggest_fewer(run, trials)}"
    )


def estimate_seconds(run: Run, study: Study, rate: float) -> tuple[float, float]:
    """Seconds of a study, at least and at most; meant to tell a minute from an hour.

    6 floating-point operations for each parameter, example and step (2 forward, 4 backward), and what each update and
    each step of a sequence takes however small it is.

    Args:
      run: of the study.
      study: that is trained.
      rate: floating-point operations a second of a matrix product.
    """
    count, low, high = _count_trials(run, study), 0.0, 0.0
    parallel = min(mesh.count_replicas(run.engine.mesh), count)
    for stage, update in zip(study.stages, _estimate_updates(run, study, rate), strict=True):
        seconds = _count_epochs(run, study, stage) * _count_batches(run, stage) / parallel * update
        low, high = low + _SPREAD[0] * seconds + _COMPILE[0], high + _SPREAD[1] * seconds + _COMPILE[1]
    return low, high


def _estimate_updates(run: Run, study: Study, rate: float) -> list[float]:
    """Seconds of an update of one trial, by stage."""
    params = loop.trace_shapes(make_model(study.model), run.development.corpus, run.folds)[0]
    steps, updates = _count_steps(run), []
    for stage in study.stages:
        size = sum(
            leaf.size
            for name, submodule in params.items()
            if "*" in stage.train or name in stage.train
            for leaf in jax.tree.leaves(submodule)
        )
        operations = 6 * size * min(stage.batch, _count_examples(run)) * steps
        updates.append(operations / rate + _OVERHEAD + _STEP * steps)
    return updates


def describe_left(seconds: float, ended: Sequence[Study], left: Sequence[Study], run: Run) -> str:
    """What the studies that are over took, and by that measure those that are left: `1 of 2 studies took 80 s; ...`."""
    ends = [sum(estimate_seconds(run, study, _measure_product_rate())[1] for study in some) for some in (ended, left)]
    remaining = format_duration(seconds * ends[1] / ends[0])
    return (
        f"{len(ended)} of {format_count(len(ended) + len(left), 'study', 'studies')} took {format_duration(seconds)}; "
        f"by that measure about {remaining} left"
    )


def _count_trials(run: Run, study: Study) -> int:
    return len(plan_final_trials(run, study)) + len(plan_search_trials(run, study)) * run.experiment.search.rounds


def _count_epochs(run: Run, study: Study, stage: Stage) -> int:
    """Epochs of all trials of a study in one of its stages, where none stops by itself."""
    rate, searched = run.experiment.search.halving, plan_search_trials(run, study)
    final = len(plan_final_trials(run, study)) * stage.epochs
    if not rate or stage is not study.stages[-1]:
        return final + len(searched) * run.experiment.search.rounds * stage.epochs
    seeds = len(list_seeds(run.experiment.search.seeds))
    brackets = halving.group_points(searched).values()
    return final + seeds * sum(halving.count_epochs(len(points), stage.epochs, rate) for points in brackets)


def _describe_halving(run: Run) -> str:
    """What the search's points are given before the worse ones are dropped: '; of 9 points 3 go on after epoch 5'."""
    rate, texts = run.experiment.search.halving, []
    for study in run.experiment.studies if rate else ():
        points = max(map(len, halving.group_points(plan_search_trials(run, study)).values()), default=1)
        epochs = study.stages[-1].epochs
        rungs = halving.plan_rungs(points, epochs, rate)
        kept = [f"{halving.count_kept(points, divisor)} after {epoch}" for epoch, divisor in rungs.items()]
        if kept:
            share = f"{halving.count_epochs(points, epochs, rate) / (points * epochs):.0%} of what all would take"
            texts.append(f"of {points} points go on {', '.join(kept)} of {epochs} epochs, {share}")
    return "".join(f"; {text}" for text in dict.fromkeys(texts))


def _count_examples(run: Run) -> int:
    return int((np.asarray(run.folds.train) >= 0).sum(1).max())


def _count_batches(run: Run, stage: Stage) -> int:
    return -(-_count_examples(run) * max(len(stage.moddrop), 1) // stage.batch)


def _count_steps(run: Run) -> float:
    """Steps of an example: those of all its modalities, or of its labels where there are more."""
    corpus = run.development.corpus
    inputs = sum((s.steps or 1) / (_WAVE if s.gain is not None else 1) for s in corpus.inputs.values())
    labels = float(np.mean(np.asarray(corpus.target.length)[run.development.index.training]))
    return max(inputs, labels, 1.0)


def _suggest_fewer(run: Run, trials: int) -> str:
    """Flags that leave one seed and one fold of each variant; '' where there are no more."""
    folds, least = run.fold_names, sum(len(study.variants) for study in run.experiment.studies)
    if trials <= least:
        return ""
    flags = ["--config.study.seeds=1"] if len(list_seeds(run.experiment.trials.seeds)) > 1 else []
    flags += [f"--config.study.folds={folds[0]}"] if len(folds) > 1 else []
    return f"; for a first look, {' '.join(flags)} trains {least} of them" if flags else ""


def _measure_product_rate() -> float:
    """Floating-point operations a second of a float32 matrix product on one device of the mesh, after a warm-up."""
    size = 512
    a = np.ones((size, size), np.float32)
    a @ a
    begin = time.perf_counter()
    for _ in range(4):
        a @ a
    return 4 * 2 * size**3 / max(time.perf_counter() - begin, 1e-6) / 2  # recurrent products are half as fast


def warn_of_saturation(run: Run, study: Study) -> None:
    """Few samples a batch beside the codes' dimensions: the correlations of any two codes are then near 1."""
    corpus = run.development.corpus
    outputs = loop.trace_shapes(make_model(study.model), corpus, run.folds)[1]
    length = float(np.mean(np.asarray(corpus.target.length)[run.development.index.training]))
    for stage in study.stages:
        for term in objective.select_alignments(stage.terms):
            samples, width = round(stage.batch * length), outputs[term.left].shape[-1]
            if term.kind == "dcca" and samples < 2 * width:
                run.display.say(
                    f"note: loss {term.name!r} of study {study.name!r} correlates {width} dimensions over about "
                    f"{samples} samples a batch, where even unrelated codes look aligned; "
                    "kind 'dcca_ema' is meant for that"
                )


def warn_of_idle_devices(run: Run, study: Study) -> None:
    """Half of the devices or more have no trial."""
    trials = len(plan_final_trials(run, study))
    shared, data = run.engine.mesh.shape["data"], mesh.choose_data_devices(run.engine.mesh, trials)
    if data > shared and max(_estimate_updates(run, study, _measure_product_rate())) >= _LONG:
        run.display.say(
            f"note: study {study.name!r} has {format_count(trials, 'trial')} for "
            f"{format_count(mesh.count_replicas(run.engine.mesh), 'place')}; its updates are long, and "
            f"--config.engine.data={data} lets {data} devices share each batch (docs/scaling.md)"
        )
