"""Fits every trial of a study as one program, stage after stage.

The host's part is small: call one jitted epoch for all live trials, write down what came back, now and then save,
and pack the trials together once half of them have stopped. It never sees the test part.
"""

import contextlib
import functools
import inspect
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from affect_jax.config.hyper import Hyper
from affect_jax.config.stages import Stage
from affect_jax.data import packing
from affect_jax.data.corpus import Corpus, take_batch
from affect_jax.data.folds import Folds
from affect_jax.data.packing import Packing
from affect_jax.data.streaming import Source
from affect_jax.errors import UserError, suggest_nearest
from affect_jax.runtime import hosts
from affect_jax.runtime.signals import Stopped, never_stop
from affect_jax.training import checkpoint, keys, mesh, objective, step
from affect_jax.training.diagnosis import first_not_finite
from affect_jax.training.epochs import Engine, Epochs, Resident
from affect_jax.training.optimizer import make_transform
from affect_jax.training.state import TrialState, create_state
from affect_jax.training.streamed import Streamed
from affect_jax.training.trials import Trial, TrialArrays, find_distinct, stack_trials
from affect_jax.types import Array, Batch, Params


class Progress(NamedTuple):
    """What `on_epoch` is told after each epoch of a stage.

    Attributes:
      stage: its name.
      epoch: from 1.
      epochs: at most so many.
      trials: numbers (in the study) of the trials that ran this epoch.
      log: name -> float32 [len(trials)].
      best: best validation score so far of any trial, in the metric's own sign.
      live: trials still training ...
      of: ... of so many distinct ones.
    """

    stage: str
    epoch: int
    epochs: int
    trials: list[int]
    log: dict[str, np.ndarray]
    best: float
    live: int
    of: int


class Listener(NamedTuple):
    """Who hears of a fit, and may end it.

    Attributes:
      epoch: told after each epoch.
      resumed: told (stage, epoch) before a stage goes on from a checkpoint; epoch 0 where there is none, though a
        process that died may have told of some.
      stop: asked before a stage and after each epoch; at True the state is saved and `Stopped` raised.
    """

    epoch: Callable[[Progress], None]
    resumed: Callable[[str, int], None]
    stop: Callable[[], bool] = never_stop


class Outcome(NamedTuple):
    """A finished stage of U distinct trials, on the host.

    Attributes:
      params: all parameters and statistics, the kept weights among them, leaves [U, ...].
      score: float32 [U], best validation score, in the metric's own sign.
      best_epoch: int32 [U].
      epochs: int32 [U].
      finite: bool [U], False where a loss or a parameter became NaN or infinite; such a trial keeps its best weights
        until then.
      stopped: for the trials that are not finite, what was the first that was not.
    """

    params: Params
    score: np.ndarray
    best_epoch: np.ndarray
    epochs: np.ndarray
    finite: np.ndarray
    stopped: dict[int, str]


class Fitted(NamedTuple):
    """A trained study of R trials, on the host: the last stage's outcome, and the epochs of each stage.

    Attributes:
      params: all parameters and statistics, leaves [R, ...].
      score: float32 [R], of the last stage.
      best_epoch: stage -> int32 [R].
      epochs: stage -> int32 [R].
      finite: bool [R], over all stages.
      stopped: for the trials that are not finite, in which stage and what.
    """

    params: Params
    score: np.ndarray
    best_epoch: dict[str, np.ndarray]
    epochs: dict[str, np.ndarray]
    finite: np.ndarray
    stopped: dict[int, str]


def _pick_trials(tree: Any, trials: Sequence[int]) -> Any:
    return jax.tree.map(lambda x: x[np.asarray(trials)], tree)


def _example_batch(shared: tuple[Corpus | Source, Folds]) -> Batch:
    """A batch of two examples, to trace a model with."""
    corpus, folds = shared
    corpus = jax.tree.map(jnp.asarray, corpus.example) if isinstance(corpus, Source) else corpus
    first = {m: x[0] for m, x in folds.mean.items()}, {m: x[0] for m, x in folds.scale.items()}
    return take_batch(corpus, jnp.zeros(2, jnp.int32), *first)


def trace_shapes(model: nn.Module, corpus: Corpus | Source, folds: Folds) -> tuple[Any, Any, Any]:
    """(parameters, outputs, batch) as shapes, without running anything."""

    def trace() -> tuple[Any, Any, Any]:
        batch = _example_batch((corpus, folds))
        variables = model.init(jax.random.key(0), batch["inputs"], batch["masks"], train=False)
        return (
            step.join_variables(variables),
            model.apply(variables, batch["inputs"], batch["masks"], train=False),
            batch,
        )

    return jax.eval_shape(trace)


def check_stages(model: nn.Module, stages: Sequence[Stage], corpus: Corpus | Source, folds: Folds) -> None:
    """Compares every name in the stages with what the model has.

    Raises:
      UserError: a loss or monitor names an output that is not there, or a stage a part that is not there.
    """
    params, outputs, batch = trace_shapes(model, corpus, folds)
    for stage in stages:
        objective.check_names(stage.terms, objective.collect_names(outputs, batch))
        objective.check_name(f"stage {stage.name!r} monitors", stage.prediction, outputs)
        for part in set(stage.train) - {"*"}:
            objective.check_name(f"stage {stage.name!r} trains", part, params)
        for modality in {name for names in stage.moddrop for name in names} - set(corpus.inputs):
            raise UserError(
                f"stage {stage.name!r} has Moddrop with {modality!r}{suggest_nearest(modality, corpus.inputs)}; "
                f"config.data.modalities has {sorted(corpus.inputs)}"
            )


def assign_slots(trials: Sequence[int], engine: Engine) -> list[int]:
    """Trial numbers, and then copies of the first one up to a multiple of what the devices run at once.

    Where a device runs trials in a loop it gets at least two: XLA unrolls a loop of one and rounds it differently, and
    a trial alone should be that trial of a study to the last bit. Copies stand still; in a loop they cost nothing, under
    `vmap` as much as a trial.
    """
    size = mesh.count_replicas(engine.mesh)
    whole = size * mesh.size_chunk(-(-len(trials) // size), engine.at_once)
    least = 2 * size if engine.at_once == 1 else 0
    return list(trials) + [trials[0]] * max(-len(trials) % whole, least - len(trials))


@functools.lru_cache(maxsize=16)
def _init_program(model: nn.Module, engine: Engine) -> Callable[..., Any]:
    def init(shared: tuple[Corpus, Folds], seed: Array) -> Params:
        batch = _example_batch(shared)
        key = keys.derive_key(jax.random.key(seed), "init")
        return step.join_variables(model.init(key, batch["inputs"], batch["masks"], train=False))

    return mesh.map_over_trials(engine.mesh, engine.at_once, init)


def init_params(
    model: nn.Module, shared: tuple[Corpus | Source, Folds], trials: Sequence[Trial], engine: Engine
) -> Params:
    """Each trial's initial parameters from its seed, leaves [R, ...] on the host."""
    corpus, folds = shared
    shared = (mesh.replicate(engine.mesh, corpus.example) if isinstance(corpus, Source) else corpus), folds
    slots = assign_slots(range(len(trials)), engine)
    seeds = np.array([trials[i].seed for i in slots], np.int32)
    params = _init_program(model, engine)(shared, mesh.shard_trials(engine.mesh, seeds))
    return jax.tree.map(lambda x: x[: len(trials)], mesh.to_host(params))


def _new_states(
    stage: Stage, params: Params, statistics: Params, trials: TrialArrays, loss_state: Any, live: Sequence[bool]
) -> TrialState:
    def one(params: Params, statistics: Params, hyper: Hyper) -> TrialState:
        return create_state(params, statistics, make_transform(stage, hyper).init(params), loss_state)

    states = jax.vmap(one)(params, statistics, trials.hyper[stage.name])
    return states.replace(live=jnp.asarray(live))


def _plan_packing(model: nn.Module, stage: Stage, shared: tuple[Corpus | Source, Folds]) -> Packing | None:
    """How training examples share lines, for a model of sequences that can tell them apart."""
    corpus, folds = shared
    if corpus.target.steps is None or "segments" not in inspect.signature(model.__call__).parameters:
        return None
    lengths, train = np.asarray(corpus.target.length), np.asarray(folds.train)
    size = step.cut_batches(train[0], stage.batch).shape[1]
    return packing.plan_packing([lengths[fold[fold >= 0]] for fold in train], size)


def fit_stage(
    model: nn.Module,
    stage: Stage,
    shared: tuple[Corpus | Source, Folds],
    trials: Sequence[Trial],
    numbers: Sequence[int],
    start: Params,
    engine: Engine,
    epochs: Epochs,
    *,
    folder: Path | None,
    listener: Listener | None,
) -> Outcome:
    """Trains U distinct trials through one stage.

    Args:
      model: the model.
      stage: the stage.
      shared: corpus and folds, replicated over the mesh; or a corpus that is streamed, and the folds.
      trials: the U trials.
      numbers: their numbers in the study, for the listener.
      start: all parameters, leaves [U, ...], on the host.
      engine: how to run.
      epochs: what runs them.
      folder: the stage's checkpoints; a finished or unfinished stage found there is taken or goes on.
      listener: hears of each epoch.

    Raises:
      Stopped: the listener asked for it.
      UserError: a damaged checkpoint, or one from inside an epoch that was streamed and now is not.
    """
    trained, statistics, frozen = step.split_submodules(start, stage.train)
    best = {part: jax.tree.map(np.array, tree) for part, tree in (trained | statistics).items()}
    summary = {
        "score": np.full(len(trials), -np.inf, np.float32),
        "best_epoch": np.zeros(len(trials), np.int32),
        "epochs": np.zeros(len(trials), np.int32),
        "finite": np.ones(len(trials), bool),
    }

    def outcome() -> Outcome:
        kept = {**summary, "score": stage.sign * summary["score"]}
        return Outcome(params={**start, **best}, **kept, stopped=stopped)

    def place(slots: Sequence[int]) -> tuple[TrialArrays, Params]:
        picked = stack_trials([trials[i] for i in slots])
        return mesh.shard_trials(engine.mesh, (picked, _pick_trials(frozen, slots)))

    def harvest(state: TrialState) -> None:
        """Takes over what the slots hold; copies behind `count` are padding."""
        for slot, trial in enumerate(slots[:count]):
            for part, tree in best.items():
                jax.tree.map(lambda to, of, r=trial, s=slot: to.__setitem__(r, of[s]), tree, state.best[part])
            summary["score"][trial] = state.best_score[slot]
            summary["best_epoch"][trial] = state.best_epoch[slot]
            summary["epochs"][trial] = state.epoch[slot]
            summary["finite"][trial] = state.finite[slot]
            if not state.finite[slot]:
                one = stack_trials([trials[trial]]), _pick_trials(frozen, [trial]), _pick_trials(state, [slot])
                alone = jax.tree.map(lambda x: np.asarray(x)[0], one)
                stopped[trial] = first_not_finite(model, stage, epochs.packing, shared, *alone)

    saved = checkpoint.restore_checkpoint(folder) if folder else None
    stopped = {int(trial): why for trial, why in (saved[1].get("stopped", {}) if saved else {}).items()}
    if saved and saved[1]["done"]:
        best, summary = (
            checkpoint.restore_like(tree, part, folder, sized=True)
            for tree, part in zip(
                (best, summary), checkpoint.split_by_prefix(saved[0], ("best", "summary")), strict=True
            )
        )
        return outcome()

    names = objective.collect_names(*trace_shapes(model, *shared)[1:])
    loss_state = objective.init_loss_state(stage.terms, names)
    slots, count, epoch, batch, inside = assign_slots(range(len(trials)), engine), len(trials), 0, 0, 0
    if saved:
        slots, count, epoch = list(saved[1]["slots"]), saved[1]["count"], saved[1]["epoch"]
        batch, inside = saved[1].get("batch", 0), saved[1].get("inside", 0)
    made = None
    arrays, frozen_trials = place(slots)
    live = [i < count for i in range(len(slots))]
    state = _new_states(stage, *_pick_trials((trained, statistics), slots), arrays, loss_state, live)
    if saved:
        leaves = checkpoint.split_by_prefix(saved[0], ("best", "summary", "state"))
        best, summary, state = (
            checkpoint.restore_like(tree, part, folder, sized=True)
            for tree, part in zip((best, summary, state), leaves, strict=True)
        )
        if batch:
            (made,) = checkpoint.split_by_prefix(saved[0], ("made",))
    if listener and folder:
        listener.resumed(stage.name, epoch)
    state = mesh.shard_trials(engine.mesh, state)
    live = mesh.to_host(state.live)
    epochs.place([trials[i] for i in slots], epoch, batch, made)

    def save(state: TrialState, done: Any = None, batch: int = 0) -> None:
        nonlocal last_save, pause, inside
        begin, inside = time.monotonic(), inside + (batch > 0)
        tree = {"best": best, "summary": summary, "state": state, **({"made": done} if batch else {})}
        meta = {"done": False, "epoch": epoch, "slots": [int(i) for i in slots], "count": count}
        meta |= {"stopped": stopped, "batch": batch, "inside": inside}
        checkpoint.save_checkpoint(folder, epoch + inside, tree, meta, keep=2)
        last_save = time.monotonic()
        if pause:  # saving takes at most 5 % of the time, unless every epoch is to be saved
            pause = max(engine.checkpoint_seconds, 20 * (last_save - begin))

    def between(state: TrialState, done: Any, batch: int) -> None:
        asked, due = hosts.agree(stop(), time.monotonic() - last_save >= pause)
        if folder and (asked or due):
            save(state, done, batch)
        if asked:
            raise Stopped(f"{stage.name}: stopped in epoch {epoch + 1} after batch {batch}")

    stop = listener.stop if listener else never_stop
    last_save, pause = time.monotonic(), engine.checkpoint_seconds
    if hosts.agree(stop())[0]:
        raise Stopped(f"{stage.name}: stopped after epoch {epoch}")
    while live.any():
        ran = np.flatnonzero(live)
        state, log = epochs.run(arrays, frozen_trials, state, live, between)
        epoch += 1
        live, scores, log = mesh.to_host((state.live, state.best_score, log))
        if listener:
            listener.epoch(
                Progress(
                    stage=stage.name,
                    epoch=epoch,
                    epochs=stage.epochs,
                    trials=[numbers[slots[i]] for i in ran],
                    log={name: values[ran] for name, values in log.items()},
                    best=stage.sign * float(max(summary["score"].max(), scores[:count].max())),
                    live=int(live.sum()),
                    of=len(trials),
                )
            )
        keep = [i for i in range(count) if live[i]]
        smaller = assign_slots(keep, engine) if keep else []
        if 2 * len(keep) <= count and len(smaller) < len(slots):
            on_host = mesh.to_host(state)
            harvest(on_host)
            if not keep:
                break
            slots, count = [slots[i] for i in smaller], len(keep)
            arrays, frozen_trials = place(slots)
            epochs.place([trials[i] for i in slots], epoch)
            state = _pick_trials(on_host, smaller)
            live = state.live & (np.arange(len(slots)) < count)
            state = mesh.shard_trials(engine.mesh, state.replace(live=live))
        asked, due = hosts.agree(stop(), time.monotonic() - last_save >= pause) if live.any() else (False, False)
        if folder and (asked or due):
            save(state)
        if asked:
            raise Stopped(f"{stage.name}: stopped after epoch {epoch}")
    if folder:
        checkpoint.save_checkpoint(
            folder, epoch + inside, {"best": best, "summary": summary}, {"done": True, "stopped": stopped}
        )
    return outcome()


def fit_study(
    model: nn.Module,
    stages: Sequence[Stage],
    task: str,
    corpus: Corpus | Source,
    folds: Folds,
    trials: Sequence[Trial],
    engine: Engine,
    *,
    folder: Path | None = None,
    listener: Listener | None = None,
) -> Fitted:
    """Trains every trial through every stage.

    Trials that agree in fold, seed and all that the stages so far read are trained once: SeqSEW's teacher does not
    depend on the student's loss weights, so one teacher serves a whole grid of them.

    Args:
      model: chosen by the config.
      stages: in order; each starts from the weights that the one before kept.
      task: `regression`, `binary` or `multiclass`.
      corpus: the development part, to be laid on the devices or, of a `Source`, streamed; the test part is not handed
        to this function.
      folds: over the development part.
      trials: the study.
      engine: how to run.
      folder: where to checkpoint, a folder a stage; an unfinished fit found there goes on. None: no checkpoints.
      listener: hears of each epoch.

    Raises:
      UserError: a name that the model lacks, or a damaged checkpoint.
      Stopped: the listener asked for it; the same call goes on from there.
    """
    check_stages(model, stages, corpus, folds)
    folds = mesh.replicate(engine.mesh, folds)
    shared = (corpus if isinstance(corpus, Source) else mesh.replicate(engine.mesh, corpus)), folds
    before: tuple[Outcome, list[int]] | None = None
    best_epoch, epochs, finite, stopped = {}, {}, np.ones(len(trials), bool), {}
    for number, stage in enumerate(stages):
        chosen, position = find_distinct(trials, [s.name for s in stages[: number + 1]])
        some = [trials[i] for i in chosen]
        if before is None:
            start = init_params(model, shared, some, engine)
        else:
            start = _pick_trials(before[0].params, [before[1][i] for i in chosen])
        kind = Streamed if isinstance(corpus, Source) else Resident
        with contextlib.closing(
            kind(model, stage, task, engine, _plan_packing(model, stage, shared), shared)
        ) as runner:
            outcome = fit_stage(
                model,
                stage,
                shared,
                some,
                chosen,
                start,
                engine,
                runner,
                folder=folder / stage.name if folder else None,
                listener=listener,
            )
        before = outcome, position
        best_epoch[stage.name] = outcome.best_epoch[position]
        epochs[stage.name] = outcome.epochs[position]
        finite &= outcome.finite[position]
        why = {trial: outcome.stopped.get(at) for trial, at in enumerate(position)}
        stopped = {trial: f"{stage.name}: {text}" for trial, text in why.items() if text} | stopped
    return Fitted(_pick_trials(outcome.params, position), outcome.score[position], best_epoch, epochs, finite, stopped)
