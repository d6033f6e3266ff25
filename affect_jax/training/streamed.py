"""Epochs of a corpus that is streamed: chunk after chunk of batches, cut on the host while the devices work on the one
before. The batches, their order and the updates are those of `step.run_epoch`, and so are the numbers.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax import struct
from jax.sharding import PartitionSpec as P

from affect_jax.config.stages import Stage
from affect_jax.data.folds import Folds
from affect_jax.data.packing import Packing
from affect_jax.data.streaming import Source
from affect_jax.training import checkpoint, chunks, mesh, step
from affect_jax.training.chunks import Cut, Lines
from affect_jax.training.epochs import Between, Engine
from affect_jax.training.state import TrialState
from affect_jax.training.trials import Trial, TrialArrays
from affect_jax.types import Array, Params


@struct.dataclass
class Done:
    """What an epoch of a trial has made so far.

    Attributes:
      terms: loss term -> float32 [N], by batch.
      counts: int32 [N], examples of each batch.
    """

    terms: dict[str, Array]
    counts: Array


def _pick(tree: Any, which: Array) -> Any:
    """The part of one kind; where there is but one, nothing is copied."""
    return jax.tree.map(lambda x: x[0] if x.shape[0] == 1 else x[which], tree)


@functools.lru_cache(maxsize=16)
def _train_program(model: nn.Module, stage: Stage, engine: Engine, packing: Packing | None) -> Callable[..., Any]:
    """((folds, first, count), chunk), which, trial, frozen, (state, done) -> ((state, done), updates)."""

    def one_trial(shared: Any, which: Array, trial: TrialArrays, frozen: Params, carried: Any) -> Any:
        (folds, first, count), chunk = shared

        def moves(carried: tuple[TrialState, Done]) -> tuple[TrialState, Done]:
            corpus, lines = _pick(chunk, which)
            key = jax.random.key(trial.seed)

            def one(at: Array, carried: tuple[TrialState, Done]) -> tuple[TrialState, Done]:
                state, done = carried
                batch = step.take_training_batch(stage, packing, corpus, folds, trial.fold, lines[at])
                state, terms = step.train_step(model, stage, trial, frozen, state, batch, key)
                made = Done(terms, (lines[at] >= 0).sum())
                return state, jax.tree.map(lambda all_N, x: all_N.at[first + at].set(x), done, made)

            return jax.lax.fori_loop(0, count, one, carried)

        state, done = jax.lax.cond(carried[0].live, moves, lambda same: same, carried)
        return (state, done), state.updates + 0

    return mesh.map_over_trials(engine.mesh, engine.at_once, one_trial, donate=4, laid=(P(), P("replica")))


@functools.lru_cache(maxsize=16)
def _show_program(
    model: nn.Module, outputs: tuple[str, ...], engine: Engine, absent: tuple[str, ...]
) -> Callable[..., Any]:
    """((folds, count), chunk), which, fold, live, params -> ({output: [C, B, ...]}, target, mask)."""

    def one_trial(shared: Any, which: Array, fold: Array, live: Array, params: Params) -> Any:
        (folds, count), chunk = shared
        corpus, lines = _pick(chunk, which)

        def shown(index: Array) -> Any:
            return step.predict_batch(model, params, corpus, index, *step.fold_moments(folds, fold), outputs, absent)

        none = jax.tree.map(lambda x: jnp.zeros((lines.shape[0], *x.shape), x.dtype), jax.eval_shape(shown, lines[0]))

        def one(at: Array, made: Any) -> Any:
            return jax.tree.map(lambda all_C, x: all_C.at[at].set(x), made, shown(lines[at]))

        return jax.lax.cond(live, lambda: jax.lax.fori_loop(0, count, one, none), lambda: none)

    return mesh.map_over_trials(engine.mesh, engine.at_once, one_trial, laid=(P(), P("replica")))


@functools.lru_cache(maxsize=16)
def _finish_program(stage: Stage, task: str, engine: Engine) -> Callable[..., Any]:
    """folds, state, done, chunks that were shown -> (state, log)."""

    def one_trial(folds: Folds, state: TrialState, done: Done, chunks: tuple[Any, ...]) -> Any:
        def whole(*parts: Array) -> Array:
            together = jnp.concatenate(parts)
            return together.reshape(-1, *together.shape[2:])[: folds.validation.shape[1]]

        (prediction, *_), target, mask = jax.tree.map(whole, *((tuple(o.values()), t, m) for o, t, m in chunks))

        def moves() -> tuple[TrialState, dict[str, Array]]:
            return step.finish_epoch(stage, task, state, done.terms, done.counts, prediction, target, mask)

        def stands() -> tuple[TrialState, dict[str, Array]]:
            return state, jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), jax.eval_shape(moves)[1])

        return jax.lax.cond(state.live, moves, stands)

    return mesh.map_over_trials(engine.mesh, engine.at_once, one_trial, donate=1)


@functools.lru_cache(maxsize=16)
def _order_program(stage: Stage) -> Callable[..., Array]:
    def order(folds: Folds, fold: Array, seed: Array, epoch: Array) -> Array:
        return step.order_epoch(stage, folds, TrialArrays(fold, seed, {}), epoch)

    return jax.jit(jax.vmap(order, (None, 0, 0, None)))


class Streamed:
    """Epochs of a corpus that is streamed; see `epochs.Epochs`.

    Attributes:
      packing: as in `step.batch_of`.
      waited: seconds in which nothing was ready on the host when it was asked for.
    """

    def __init__(
        self,
        model: nn.Module,
        stage: Stage,
        task: str,
        engine: Engine,
        packing: Packing | None,
        shared: tuple[Source, Folds],
    ):
        self._stage, self._engine, self.packing, self.waited = stage, engine, packing, 0.0
        self._source, self._folds = shared
        self._programs = (
            _train_program(model, stage, engine, packing),
            _show_program(model, (stage.prediction,), engine, ()),
            _finish_program(stage, task, engine),
        )
        self._cuts: Iterator[Cut] = iter(())

    def place(
        self, trials: Sequence[Trial], epoch: int, batch: int = 0, made: dict[str, np.ndarray] | None = None
    ) -> None:
        """Begins to read for these trials."""
        self.close()
        devices, folds = self._engine.mesh, jax.tree.map(np.asarray, self._folds)
        self._kinds = [(trial.fold, trial.seed) for trial in trials]
        read = _order_epochs(self._stage, folds, self._kinds)
        self._train = chunks.plan_lines(
            self._source, self._kinds, read, folds.train, max(len(self._stage.moddrop), 1), self._engine
        )
        self._show = chunks.plan_prediction(
            self._source, [trial.fold for trial in trials], folds.validation, self._engine
        )
        self._fold = mesh.shard_trials(devices, np.array([trial.fold for trial in trials], np.int32))
        self._which = [mesh.shard_trials(devices, lines.which) for lines in (self._train, self._show)]
        self._live = self._of_live(np.ones(len(trials), bool))
        self._batch, self._done = batch, self._nothing()
        if made is not None:
            done = checkpoint.restore_like(self._done, made, "the checkpoint inside the epoch", sized=True)
            self._done = mesh.shard_trials(devices, done)

        def wanted(epoch: int, batch: int) -> Iterator[tuple[Lines, int, int, Any]]:
            while epoch < self._stage.epochs:
                for at in range(batch, self._train.count, self._train.at_once):
                    yield self._train, epoch, at, self._live[0]
                for at in range(0, self._show.count, self._show.at_once):
                    yield self._show, epoch, at, self._live[1]
                epoch, batch = epoch + 1, 0

        self._cuts = chunks.read_ahead(self._source, devices, wanted(epoch, batch))

    def close(self) -> None:
        """Ends the threads that read ahead."""
        if hasattr(self._cuts, "close"):
            self._cuts.close()

    def _nothing(self) -> Done:
        """What an epoch of the trials has made before its first batch."""
        shape = (len(self._kinds), self._train.count)
        terms = {name: np.zeros(shape, np.float32) for name in ("loss", *(term.name for term in self._stage.terms))}
        return mesh.shard_trials(self._engine.mesh, Done(terms, np.zeros(shape, np.int32)))

    def _of_live(self, live: np.ndarray) -> tuple[set[tuple[int, ...]], set[tuple[int, ...]]]:
        """Kinds of training and of validation lines that a live trial reads."""
        kinds = {kind for kind, alive in zip(self._kinds, live, strict=True) if alive}
        return kinds, {(fold,) for fold, _ in kinds}

    def _next(self) -> tuple[Cut, Any]:
        """The next chunk, and its corpora and lines on the devices."""
        begin = time.monotonic()
        found = next(self._cuts)
        self.waited += time.monotonic() - begin
        return found, chunks.place_on_mesh(self._engine.mesh, found.parts)

    def run(
        self, arrays: TrialArrays, frozen: Params, state: TrialState, live: np.ndarray, between: Between
    ) -> tuple[TrialState, dict[str, Array]]:
        """One epoch, or what is left of it."""
        train, show, finish = self._programs
        self._live = self._of_live(live)
        done, batch, before = self._done, self._batch, None
        while batch < self._train.count:
            now, chunk = self._next()
            given = (self._folds, np.int32(now.first), np.int32(now.count)), chunk
            (state, done), token = train(given, self._which[0], arrays, frozen, (state, done))
            jax.block_until_ready(before)  # so that the devices never hold more than two chunks
            before, batch = token, now.first + now.count
            del now, chunk, given
            if batch < self._train.count:
                between(state, done, batch)
        params, shown = {**frozen, **state.params, **state.statistics}, []
        for _ in range(0, self._show.count, self._show.at_once):
            now, chunk = self._next()
            given = (self._folds, np.int32(now.count)), chunk
            shown.append(show(given, self._which[1], self._fold, state.live, params))
            jax.block_until_ready(before)
            before = shown[-1]
            del now, chunk, given
        self._batch, self._done = 0, self._nothing()
        return finish(self._folds, state, done, tuple(shown))


def _order_epochs(
    stage: Stage, folds: Folds, kinds: Sequence[tuple[int, int]]
) -> Callable[[tuple[int, ...], int], Any]:
    """`Lines.read` of training: what each (fold, seed) takes in an epoch; the last two epochs are kept."""
    number = {kind: n for n, kind in enumerate(sorted(set(kinds)))}
    fold, seed = np.array(list(number), np.int32).T
    lock = threading.Lock()

    @functools.lru_cache(maxsize=2)
    def orders(epoch: int) -> np.ndarray:
        return np.asarray(_order_program(stage)(folds, fold, seed, np.int32(epoch)))

    def read(kind: tuple[int, ...], epoch: int) -> np.ndarray:
        with lock:
            return orders(epoch)[number[kind]]

    return read


def predict_outputs(
    model: nn.Module,
    params: Params,
    fold_of: np.ndarray,
    source: Source,
    folds: Folds,
    examples: np.ndarray,
    names: tuple[str, ...],
    engine: Engine,
    absent: tuple[str, ...] = (),
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """({output: [S, n, ...]}, mask [S, n] or [S, n, T]) of S slots, on the host, as `step.predict` has them.

    Args:
      model: the model.
      params: leaves [S, ...], over the mesh.
      fold_of: int32 [S].
      source: the corpus part to predict.
      folds: replicated, for the standardisation.
      examples: int32 [K, n] numbers of examples a fold, -1 for padding.
      names: of the outputs.
      engine: how to run.
      absent: modalities that are missing.
    """
    lines = chunks.plan_prediction(source, [int(fold) for fold in fold_of], examples, engine)
    which, fold, live = mesh.shard_trials(engine.mesh, (lines.which, fold_of, np.ones(len(fold_of), bool)))
    firsts, found = range(0, lines.count, lines.at_once), []
    for now in chunks.read_ahead(source, engine.mesh, ((lines, 0, first, ()) for first in firsts)):
        given = (folds, np.int32(now.count)), chunks.place_on_mesh(engine.mesh, now.parts)
        made = mesh.to_host(_show_program(model, names, engine, absent)(given, which, fold, live, params))
        found.append(jax.tree.map(lambda x, n=now.count: x[:, :n], (made[0], made[2])))

    def whole(*parts: np.ndarray) -> np.ndarray:
        together = np.concatenate(parts, 1)
        return together.reshape(len(fold_of), -1, *together.shape[3:])[:, : examples.shape[1]]

    return jax.tree.map(whole, *found)
