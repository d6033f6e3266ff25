"""What a user should know before a study starts: how much work it is, and what looks wrong with it."""

import time

import jax
import numpy as np

from affect_jax.config.models import make_model
from affect_jax.config.parse import list_seeds
from affect_jax.config.schema import Study
from affect_jax.experiment.context import Run
from affect_jax.experiment.study import plan_final_trials, plan_search_trials
from affect_jax.training import loop, mesh, objective

_OVERHEAD = 1.5e-3
"""Seconds of an update beside its matrix products, on a CPU: dispatch, optimizer, losses (SEW's whole step takes 3
ms)."""
_COMPILE = 8.0
"""Seconds to compile a stage the first time."""


def describe_work(run: Run) -> str:
    """One line: trials, updates and, roughly, the most time that they take, with the flags that make it short.

    The estimate takes 6 floating-point operations for each parameter, example and step (2 forward, 4 backward) at the
    rate of a matrix product that is timed here, and no early stopping. It is meant to tell a minute from an hour.
    """
    trials = updates = 0
    seconds = 0.0
    rate = _measure_product_rate()
    for study in run.experiment.studies:
        model = make_model(study.model)
        count = len(plan_final_trials(run, study))
        count += len(plan_search_trials(run, study)) * run.experiment.search.rounds
        params = loop.trace_shapes(model, run.development.corpus, run.folds)[0]
        train = np.asarray(run.folds.train)
        examples = int((train >= 0).sum(1).max())
        length = float(np.mean(np.asarray(run.development.corpus.target.length)[run.development.index.training]))
        trials += count
        for stage in study.stages:
            batches = -(-examples * max(len(stage.moddrop), 1) // stage.batch)
            size = sum(
                leaf.size
                for name, submodule in params.items()
                if "*" in stage.train or name in stage.train
                for leaf in jax.tree.leaves(submodule)
            )
            operations = 6 * size * min(stage.batch, examples) * max(length, 1)
            updates += count * stage.epochs * batches
            parallel = min(mesh.count_replicas(run.engine.mesh), count)
            seconds += stage.epochs * batches * count / parallel * (operations / rate + _OVERHEAD) + _COMPILE
    return (
        f"{trials} trial{'s' if trials != 1 else ''} in {len(run.experiment.studies)} "
        f"stud{'ies' if len(run.experiment.studies) != 1 else 'y'}, at most {updates:,} updates: about "
        f"{_format_duration(seconds)} at most (estimated){_suggest_fewer(run, trials)}"
    )


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


def _format_duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(round(seconds, -1), 10):.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"


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
    if data > shared:
        run.display.say(
            f"note: study {study.name!r} has {trials} trial{'s' if trials > 1 else ''} for "
            f"{mesh.count_replicas(run.engine.mesh)} places; where a step takes long, --config.engine.data={data} lets "
            f"{data} devices share each batch (docs/scaling.md)"
        )
