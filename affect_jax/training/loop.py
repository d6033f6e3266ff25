"""Fits every trial of a study as one program, stage after stage.

The host's part is small: call one jitted epoch for all live trials, note what came back, save now and then, and pack
the live trials together once half of them have stopped. It never sees the test split.
"""

import contextlib
import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path

import flax.linen as nn
import jax
import numpy as np

from affect_jax.config.stages import Stage
from affect_jax.data.corpus import Corpus
from affect_jax.data.folds import FoldedCorpus, Folds
from affect_jax.data.streaming import Source
from affect_jax.runtime import hosts
from affect_jax.runtime.run_identity import RunIdentity
from affect_jax.runtime.signals import Stopped
from affect_jax.training import checkpoint, halving, mesh, step
from affect_jax.training.diagnosis import find_first_not_finite
from affect_jax.training.engine import Engine, assign_slots
from affect_jax.training.epochs import Epochs, ResidentEpochs
from affect_jax.training.initial import (
    arrange_folds,
    check_stages,
    init_params,
    init_states,
    load_shared,
    plan_stage,
    set_choices,
    trace_shapes,
)
from affect_jax.training.listener import Listener, Progress
from affect_jax.training.outcome import Fitted, Outcome
from affect_jax.training.state import TrialState
from affect_jax.training.streamed import StreamedEpochs
from affect_jax.training.trials import Trial, TrialArrays, find_distinct, pick_trials, stack_trials
from affect_jax.types import Params

__all__ = [
    "Engine",
    "Fitted",
    "Listener",
    "Outcome",
    "Progress",
    "StageFit",
    "assign_slots",
    "check_stages",
    "fit_study",
    "init_params",
    "trace_shapes",
]


@dataclasses.dataclass
class StageFit:
    """U distinct trials on their way through one stage.

    Trials lie in slots over the mesh. As trials stop, the live ones move together into fewer slots, so that the devices
    do not run what stands still; what a trial leaves behind is then harvested into `best` and `summary` on the host.

    Attributes:
      plan: the static part: model, stage, packing.
      data: corpus and folds, replicated over the mesh; a streamed corpus stays on the host.
      trials: the U trials.
      numbers: their numbers in the study, for the listener.
      start: all parameters before the stage, leaves [U, ...], on the host.
      engine: how to run.
      epochs: what runs an epoch.
      folder: the stage's checkpoints; None: no checkpoints.
      identity: of the run; every checkpoint repeats it.
      listener: is told of each epoch.
      rungs: epoch after which points of a search are dropped -> one of how many goes on; {} without halving.
      slots: slot -> place in `trials`; those from `count` on are copies that stand still.
      count: slots that hold a trial of their own.
      arrays: the slots' trials, on the devices ...
      frozen: ... their submodules that this stage does not train ...
      state: ... and what it does, leaves [S, ...].
      live: bool [S], on the host: which slots are still training.
      epoch: epochs done.
      saves_inside_epochs: checkpoints written in the middle of an epoch, which a streamed corpus allows.
      best: kept parameters and statistics, leaves [U, ...], on the host; current for the trials that were harvested.
      summary: fields of `Outcome` -> [U], likewise; `score` is signed so that larger is better.
      stopped: as in `Outcome`.
      timer: of the checkpoints.
    """

    plan: step.StagePlan
    data: FoldedCorpus
    trials: Sequence[Trial]
    numbers: Sequence[int]
    start: Params
    engine: Engine
    epochs: Epochs
    folder: Path | None
    identity: RunIdentity | None
    listener: Listener
    rungs: dict[int, int] = dataclasses.field(default_factory=dict)

    slots: list[int] = dataclasses.field(init=False)
    count: int = dataclasses.field(init=False)
    arrays: TrialArrays = dataclasses.field(init=False)
    frozen: Params = dataclasses.field(init=False)
    state: TrialState = dataclasses.field(init=False)
    live: np.ndarray = dataclasses.field(init=False)
    epoch: int = 0
    saves_inside_epochs: int = 0
    best: Params = dataclasses.field(init=False)
    summary: dict[str, np.ndarray] = dataclasses.field(init=False)
    stopped: dict[int, str] = dataclasses.field(default_factory=dict)
    timer: checkpoint.CheckpointTimer = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        count, (trained, statistics, _) = len(self.trials), self._split_start()
        self.best = jax.tree.map(np.array, {**trained, **statistics})
        self.summary = {
            "score": np.full(count, -np.inf, np.float32),
            "best_epoch": np.zeros(count, np.int32),
            "epochs": np.zeros(count, np.int32),
            "finite": np.ones(count, bool),
        }
        self.timer = checkpoint.CheckpointTimer(self.engine.checkpoint_seconds)

    def run(self) -> Outcome:
        """Trains until every trial has stopped, from the newest checkpoint of the folder where there is one.

        Raises:
          Stopped: the listener asked for it.
          UserError: a checkpoint that is damaged, of another run, or from inside an epoch that was streamed and now is
            not.
        """
        # Start, or resume where a process before this one was ended.
        saved = checkpoint.restore_checkpoint(self.folder, self.identity) if self.folder else None
        if saved and saved.meta["done"]:
            self.restore_results(saved)
            return self.collect_outcome()
        self.restore(saved)
        if hosts.agree(self.listener.stop())[0]:
            raise Stopped(f"{self.plan.stage.name}: stopped after epoch {self.epoch}")

        # Train. All that runs on the devices is one call; the rest of the loop is bookkeeping of scalars.
        while self.live.any():
            ran = np.flatnonzero(self.live)
            self.state, log = self.epochs.run(self.arrays, self.frozen, self.state, self.live, self.save_or_stop)
            self.epoch += 1
            self.live, scores, log = mesh.to_host((self.state.live, self.state.best_score, log))
            self.drop_points(scores)
            self.tell(ran, scores, log)
            self.compact()
            if self.live.any():
                self.save_or_stop(self.state)

        # Finish: a stage that is done is read from its last checkpoint, not trained again.
        if self.folder:
            tree, meta = {"best": self.best, "summary": self.summary}, {"done": True, "stopped": self.stopped}
            checkpoint.save_checkpoint(self.folder, self._number_checkpoint(), tree, meta, self.identity)
        return self.collect_outcome()

    def restore(self, saved: checkpoint.Checkpoint | None) -> None:
        """Lays the trials on the devices, as they are before the stage or as the checkpoint has them."""
        meta = saved.meta if saved else {}
        self.slots = list(meta.get("slots", assign_slots(range(len(self.trials)), self.engine)))
        self.count, self.epoch = meta.get("count", len(self.trials)), meta.get("epoch", 0)
        batch, self.saves_inside_epochs = meta.get("batch", 0), meta.get("inside", 0)
        batch_log = None
        self._place_slots()
        trained, statistics, _ = pick_trials(self._split_start(), self.slots)
        state = init_states(self.plan, self.data, trained, statistics, self.arrays)
        state = state.replace(live=np.arange(len(self.slots)) < self.count)
        if saved:
            self.restore_results(saved)
            # The new state gives the structure; a checkpoint has only named leaves.
            (leaves,) = checkpoint.split_by_prefix(saved.leaves, ("state",))
            state = checkpoint.restore_like(state, leaves, self.folder, check_shapes=True)
            if batch:
                (batch_log,) = checkpoint.split_by_prefix(saved.leaves, ("batch_log",))
        if self.folder:
            self.listener.resumed(self.plan.stage.name, self.epoch)
        self.state = mesh.shard_trials(self.engine.mesh, state)
        self.live = mesh.to_host(self.state.live)
        self.epochs.place([self.trials[i] for i in self.slots], self.epoch, batch, batch_log)

    def restore_results(self, saved: checkpoint.Checkpoint) -> None:
        """Takes over from the checkpoint what was harvested before it."""
        self.stopped = {int(trial): reason for trial, reason in saved.meta.get("stopped", {}).items()}
        best, summary = checkpoint.split_by_prefix(saved.leaves, ("best", "summary"))
        self.best = checkpoint.restore_like(self.best, best, self.folder, check_shapes=True)
        self.summary = checkpoint.restore_like(self.summary, summary, self.folder, check_shapes=True)

    def tell(self, ran: np.ndarray, scores: np.ndarray, log: dict[str, np.ndarray]) -> None:
        """Tells the listener of an epoch in which the slots `ran` were live; `log` and `scores` are [S]."""
        # Trials that were packed away are in the summary, those on the devices in `scores`.
        best = max(self.summary["score"].max(), scores[: self.count].max())
        self.listener.epoch(
            Progress(
                stage=self.plan.stage.name,
                epoch=self.epoch,
                epochs=self.plan.stage.epochs,
                trials=[self.numbers[self.slots[i]] for i in ran],
                log={name: values[ran] for name, values in log.items()},
                best=self.plan.stage.sign * float(best),
                live=int(self.live.sum()),
                of=len(self.trials),
            )
        )

    def drop_points(self, scores: np.ndarray) -> None:
        """At a rung of successive halving, stops the trials of the worse points; `scores` are [S], as in `tell`."""
        if self.epoch not in self.rungs:
            return
        known = np.array(self.summary["score"])
        known[self.slots[: self.count]] = scores[: self.count]
        dropped = halving.find_dropped(self.trials, known, self.rungs[self.epoch])
        is_kept = np.array([trial not in dropped for trial in self.slots])
        if (self.live & ~is_kept).any():
            self.live = self.live & is_kept
            # Only the mark changes: what a trial is that goes on does not depend on those that do not.
            self.state = self.state.replace(live=mesh.shard_trials(self.engine.mesh, self.live))

    def compact(self) -> None:
        """Packs the live trials into fewer slots once half of them have stopped; harvests all at the end of the stage.

        Each new number of slots is another compiled program, so packing at every stop would compile for longer than the
        idle slots run. Halving compiles at most log2(trials) programs.
        """
        live = [slot for slot in range(self.count) if self.live[slot]]
        slots = assign_slots(live, self.engine) if live else []
        if 2 * len(live) > self.count or len(slots) >= len(self.slots):
            return
        # By way of the host: slots move between devices, and this happens only log2(trials) times.
        state = mesh.to_host(self.state)
        self.harvest(state)
        if not live:
            return
        self.slots, self.count = [self.slots[i] for i in slots], len(live)
        self._place_slots()
        self.epochs.place([self.trials[i] for i in self.slots], self.epoch)
        state = pick_trials(state, slots)
        # The copies behind `count` were made of a live trial: they must stand still.
        self.live = state.live & (np.arange(len(self.slots)) < self.count)
        self.state = mesh.shard_trials(self.engine.mesh, state.replace(live=self.live))

    def harvest(self, state: TrialState) -> None:
        """Takes over what the slots hold, leaves [S, ...] on the host; copies behind `count` are left out."""
        trials, own = self.slots[: self.count], slice(self.count)

        def replace(results: np.ndarray, values: np.ndarray) -> np.ndarray:
            results = np.array(results)  # what came from a checkpoint may be read-only
            results[trials] = values[own]
            return results

        self.best = jax.tree.map(replace, self.best, {name: state.best[name] for name in self.best})
        values = {"score": state.best_score, "best_epoch": state.best_epoch, "epochs": state.epoch}
        self.summary = jax.tree.map(replace, self.summary, values | {"finite": state.finite})
        for slot, trial in enumerate(trials):
            if not state.finite[slot]:
                self.stopped[trial] = self._explain(trial, pick_trials(state, [slot]))

    def save_or_stop(self, state: TrialState, batch_log: step.BatchLog | None = None, batch: int = 0) -> None:
        """Saves if it is time to, or if the listener wants to stop, and then stops.

        Args:
          state: of the slots.
          batch_log: in the middle of an epoch, what its batches so far have logged ...
          batch: ... and how many they are.

        Raises:
          Stopped: the listener of any process asked for it.
        """
        # All processes save together, so all must come to the same answers.
        is_asked_to_stop, is_due = hosts.agree(self.listener.stop(), self.timer.is_due())
        if self.folder and (is_asked_to_stop or is_due):
            self.save(state, batch_log, batch)
        if is_asked_to_stop:
            where = f"in epoch {self.epoch + 1} after batch {batch}" if batch else f"after epoch {self.epoch}"
            raise Stopped(f"{self.plan.stage.name}: stopped {where}")

    def save(self, state: TrialState, batch_log: step.BatchLog | None, batch: int) -> None:
        """Writes a checkpoint; arguments as in `save_or_stop`."""
        begin = time.monotonic()
        self.saves_inside_epochs += batch > 0
        tree = {"best": self.best, "summary": self.summary, "state": state}
        if batch:
            tree["batch_log"] = batch_log
        meta = {
            "done": False,
            "epoch": self.epoch,
            "slots": [int(i) for i in self.slots],
            "count": self.count,
            "stopped": self.stopped,
            "batch": batch,
            "inside": self.saves_inside_epochs,
        }
        # Two: if the newest turns out to be damaged, there is one to go back to.
        checkpoint.save_checkpoint(self.folder, self._number_checkpoint(), tree, meta, self.identity, keep=2)
        self.timer.restart(begin)

    def collect_outcome(self) -> Outcome:
        """The results of all trials, once all were harvested."""
        summary = {**self.summary, "score": self.plan.stage.sign * self.summary["score"]}
        return Outcome(params={**self.start, **self.best}, **summary, stopped=self.stopped)

    def _split_start(self) -> tuple[Params, Params, Params]:
        return step.split_submodules(self.start, self.plan.stage.train)

    def _place_slots(self) -> None:
        """Lays the slots' trials and their frozen submodules over the mesh."""
        arrays = stack_trials([self.trials[i] for i in self.slots])
        frozen = pick_trials(self._split_start()[2], self.slots)
        self.arrays, self.frozen = mesh.shard_trials(self.engine.mesh, (arrays, frozen))

    def _number_checkpoint(self) -> int:
        """Numbers must rise from one checkpoint to the next, also within an epoch."""
        return self.epoch + self.saves_inside_epochs

    def _explain(self, trial: int, state: TrialState) -> str:
        """Why a trial stopped, whose loss or parameters were not finite; `state` has leaves [1, ...]."""
        tree = stack_trials([self.trials[trial]]), pick_trials(self._split_start()[2], [trial]), state
        arrays, frozen, state = jax.tree.map(lambda x: np.asarray(x)[0], tree)
        return find_first_not_finite(self.plan, self.data, arrays, {**frozen, **self.data.shared}, state)


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
    identity: RunIdentity | None = None,
    listener: Listener | None = None,
    halving_rate: int = 0,
) -> Fitted:
    """Trains every trial through every stage.

    Trials that agree in fold, seed and all hyper-parameters of the stages so far (teachers of SeqSEW) are trained once.

    Args:
      model: chosen by the config.
      stages: in order; each starts from the weights that the one before kept.
      task: one of `metrics.TASKS`.
      corpus: of the development recordings, resident or streamed; the test split is not handed to this function.
      folds: over them.
      trials: the study.
      engine: how to run.
      folder: where to checkpoint, a folder a stage; an unfinished fit in it is resumed. None: no checkpoints.
      identity: of the run that the checkpoints belong to.
      listener: is told of each epoch.
      halving_rate: of the points of a search, one of so many goes on at each rung of the last stage; 0 drops none.

    Raises:
      UserError: a name that the model lacks, or a checkpoint that is damaged or another run's.
      Stopped: the listener asked for it; the same call resumes from there.
    """
    # Before anything is compiled, so that a typing error is told at once.
    check_stages(model, stages, corpus, folds)
    resident = corpus if isinstance(corpus, Source) else mesh.replicate(engine.mesh, corpus)
    arranged, shared = arrange_folds(model, stages, corpus, folds, engine), load_shared(model)
    data = FoldedCorpus(resident, *mesh.replicate(engine.mesh, (arranged, shared)))
    best_epoch, epochs, finite, stopped, outcome, place = {}, {}, np.ones(len(trials), bool), {}, None, []
    for number, stage in enumerate(stages):
        # Train each distinct trial once, from what its trial of the stage before has kept.
        distinct, next_place = find_distinct(trials, [s.name for s in stages[: number + 1]])
        chosen = [trials[i] for i in distinct]
        before = pick_trials(outcome.params, [place[i] for i in distinct]) if outcome else None
        start = set_choices(before or init_params(model, data, chosen, engine), chosen, stage.name)
        place, plan = next_place, plan_stage(model, stage, task, data, engine)
        rungs = _plan_rungs(chosen, stage, halving_rate if stage is stages[-1] else 0)
        where = dict(folder=folder / stage.name if folder else None, identity=identity, listener=listener or Listener())
        with contextlib.closing(_make_epochs(plan, data, engine)) as runner:
            outcome = StageFit(plan, data, chosen, distinct, start, engine, epochs=runner, rungs=rungs, **where).run()
        # Hand the results to every trial that shares them.
        best_epoch[stage.name], epochs[stage.name] = outcome.best_epoch[place], outcome.epochs[place]
        finite &= outcome.finite[place]
        for trial, at in enumerate(place):
            if at in outcome.stopped:
                stopped.setdefault(trial, f"{stage.name}: {outcome.stopped[at]}")  # what stopped it first is the reason
    params = pick_trials(outcome.params, place)
    return Fitted(params, outcome.score[place], best_epoch, epochs, finite, stopped=stopped, shared=shared)


def _plan_rungs(trials: Sequence[Trial], stage: Stage, rate: int) -> dict[int, int]:
    points = max(map(len, halving.group_points(trials).values()))
    return halving.plan_rungs(points, stage.epochs, rate) if rate else {}


def _make_epochs(plan: step.StagePlan, data: FoldedCorpus, engine: Engine) -> Epochs:
    return (StreamedEpochs if isinstance(data.corpus, Source) else ResidentEpochs)(plan, data, engine)
