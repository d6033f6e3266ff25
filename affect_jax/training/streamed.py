"""Epochs of a streamed corpus: chunk after chunk of batches, cut on the host while the devices work on the one before.

The batches, their order and the updates are those of `step.run_epoch`, and so are the numbers.
"""

import functools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from affect_jax.config.stages import Stage
from affect_jax.data.folds import FoldedCorpus, Folds
from affect_jax.training import batching, checkpoint, chunks, mesh, step
from affect_jax.training.chunks import Chunk, ChunkRequest, OrderKey
from affect_jax.training.engine import Engine
from affect_jax.training.epochs import SaveOrStop
from affect_jax.training.state import TrialState
from affect_jax.training.step import BatchLog, PredictionPlan, Predictions, StagePlan
from affect_jax.training.trials import Trial, TrialArrays
from affect_jax.types import Array, Params


class TrainShared(NamedTuple):
    """What trials share in one chunk of training: the folds, the number of its first batch, how many it has, and the
    submodules of which there is one copy."""

    folds: Folds
    first: Array
    count: Array
    shared: Params


class PredictShared(NamedTuple):
    """What trials share in one chunk of predictions: the folds, how many batches it has, and the submodules of which
    there is one copy."""

    folds: Folds
    count: Array
    shared: Params


class Carry(NamedTuple):
    """What a trial carries from chunk to chunk of an epoch."""

    state: TrialState
    log: BatchLog


def _pick_key(chunk: Any, key: Array) -> Any:
    """The (corpus, batches) of one order key, of a chunk's [G, ...]."""
    # Indexing a G of one with a traced number would copy the chunk.
    return jax.tree.map(lambda x: x[0] if x.shape[0] == 1 else x[key], chunk)


@functools.lru_cache(maxsize=16)
def _train_program(plan: StagePlan, devices: jax.sharding.Mesh, at_once: int) -> Callable[..., Any]:
    """(TrainShared, chunk), key of slot, trial, frozen, carry -> (carry, updates)."""

    def train_chunk(shared: Any, key_of_slot: Array, trial: TrialArrays, frozen: Params, carry: Carry) -> Any:
        (folds, first, count, once), chunk = shared
        frozen = {**frozen, **once}

        def train(carry: Carry) -> Carry:
            corpus, batches = _pick_key(chunk, key_of_slot)
            update = step.prepare_updates(plan, FoldedCorpus(corpus, folds), trial, frozen)

            def train_batch(at: Array, carry: Carry) -> Carry:
                state, entry = update(carry.state, batches[at], first + at)
                return Carry(state, jax.tree.map(lambda all_N, x: all_N.at[first + at].set(x), carry.log, entry))

            # A loop whose length is traced: the last chunk of an epoch is shorter, and is the same program.
            return jax.lax.fori_loop(0, count, train_batch, carry)

        carry = jax.lax.cond(carry.state.live, train, lambda same: same, carry)
        # The sum is a buffer of its own: the host waits for it after `carry` was donated to the next chunk.
        return carry, carry.state.updates + 0

    return mesh.map_over_trials(devices, at_once, train_chunk, donate=4, layout=(P(), P("replica")))


@functools.lru_cache(maxsize=16)
def _predict_program(plan: PredictionPlan, devices: jax.sharding.Mesh, at_once: int) -> Callable[..., Any]:
    """(PredictShared, chunk), key of slot, fold, live, params -> Predictions with leaves [C, B, ...]."""

    def predict_chunk(shared: Any, key_of_slot: Array, fold: Array, live: Array, params: Params) -> Predictions:
        (folds, count, once), chunk = shared
        params = {**params, **once}
        corpus, batches = _pick_key(chunk, key_of_slot)

        def predict(index: Array) -> Predictions:
            return step.predict_batch(plan, params, corpus, index, folds.select_moments(fold))

        shapes = jax.eval_shape(predict, batches[0])
        nothing = jax.tree.map(lambda x: jnp.zeros((batches.shape[0], *x.shape), x.dtype), shapes)

        def add_batch(at: Array, predictions: Predictions) -> Predictions:
            return jax.tree.map(lambda all_C, x: all_C.at[at].set(x), predictions, predict(batches[at]))

        return jax.lax.cond(live, lambda: jax.lax.fori_loop(0, count, add_batch, nothing), lambda: nothing)

    return mesh.map_over_trials(devices, at_once, predict_chunk, layout=(P(), P("replica")))


@functools.lru_cache(maxsize=16)
def _finish_program(stage: Stage, task: str, devices: jax.sharding.Mesh, at_once: int) -> Callable[..., Any]:
    """folds, state, log, predictions of the validation chunks -> (state, log)."""

    def finish(folds: Folds, state: TrialState, log: BatchLog, validation: tuple[Predictions, ...]) -> Any:
        def join_chunks(*leaves: Array) -> Array:
            joined = jnp.concatenate(leaves)
            return joined.reshape(-1, *joined.shape[2:])[: folds.validation.shape[1]]

        predictions = jax.tree.map(join_chunks, *validation)

        def finish_live(state: TrialState) -> tuple[TrialState, dict[str, Array]]:
            return step.finish_epoch(stage, task, state, log, predictions)

        return jax.lax.cond(state.live, finish_live, functools.partial(step.keep_state, finish_live), state)

    return mesh.map_over_trials(devices, at_once, finish, donate=1)


@functools.lru_cache(maxsize=16)
def _order_program(stage: Stage) -> Callable[..., Array]:
    def order(folds: Folds, fold: Array, seed: Array, epoch: Array) -> Array:
        return batching.order_epoch(stage, folds, TrialArrays(fold, seed, {}), epoch)

    return jax.jit(jax.vmap(order, (None, 0, 0, None)))


class StreamedEpochs:
    """Epochs of a corpus that is streamed; see `epochs.Epochs`.

    Attributes:
      waited: seconds in which nothing was ready on the host when it was asked for.
    """

    def __init__(self, plan: StagePlan, data: FoldedCorpus, engine: Engine):
        self._plan, self._data, self._engine, self.waited = plan, data, engine, 0.0
        self._train = _train_program(plan, *engine.program_key)
        predicts = PredictionPlan(plan.model, (plan.stage.prediction,), plan.eval_size)
        self._predict = _predict_program(predicts, *engine.program_key)
        self._finish = _finish_program(plan.stage, plan.task, *engine.program_key)
        self._chunks: Iterator[Chunk] = iter(())

    def place(
        self, trials: Sequence[Trial], epoch: int, batch: int = 0, batch_log: dict[str, np.ndarray] | None = None
    ) -> None:
        """Begins to read for these trials."""
        self.close()
        stage, source, devices = self._plan.stage, self._data.corpus, self._engine.mesh
        folds = jax.tree.map(np.asarray, self._data.folds)
        self._keys = [(trial.fold, trial.seed) for trial in trials]
        read_order, combinations = _make_order_reader(stage, folds, self._keys), max(len(stage.moddrop), 1)
        self._training = chunks.schedule_batches(
            source, self._keys, read_order, folds.train, combinations, self._engine
        )
        fold_of = [trial.fold for trial in trials]
        self._validation = chunks.schedule_predictions(source, fold_of, folds.validation, self._engine)
        self._training_keys, self._validation_keys, self._fold = mesh.shard_trials(
            devices, (self._training.key_of_slot, self._validation.key_of_slot, np.array(fold_of, np.int32))
        )
        self._live_keys = self._list_live_keys(np.ones(len(trials), bool))
        self._batch, self._log = batch, self._make_empty_log()
        if batch_log is not None:
            log = checkpoint.restore_like(self._log, batch_log, "the checkpoint inside the epoch", check_shapes=True)
            self._log = mesh.shard_trials(devices, log)
        self._chunks = chunks.read_ahead(source, devices, self._request_chunks(epoch, batch))

    def _request_chunks(self, epoch: int, batch: int) -> Iterator[ChunkRequest]:
        """All chunks from here to the end of the stage; which trials are live is asked when each is cut."""
        while epoch < self._plan.stage.epochs:
            for first in range(batch, self._training.count, self._training.chunk):
                yield ChunkRequest(self._training, epoch, first, self._live_keys[0])
            for first in self._validation.firsts:
                yield ChunkRequest(self._validation, epoch, first, self._live_keys[1])
            epoch, batch = epoch + 1, 0

    def close(self) -> None:
        """Ends the threads that read ahead."""
        if hasattr(self._chunks, "close"):
            self._chunks.close()

    def _make_empty_log(self) -> BatchLog:
        """The log of an epoch before its first batch, over the mesh."""
        shape = (len(self._keys), self._training.count)
        names = ("loss", *(term.name for term in self._plan.stage.terms))
        log = BatchLog({name: np.zeros(shape, np.float32) for name in names}, np.zeros(shape, np.int32))
        return mesh.shard_trials(self._engine.mesh, log)

    def _list_live_keys(self, live: np.ndarray) -> tuple[set[OrderKey], set[OrderKey]]:
        """Order keys of training and of validation that a live trial reads."""
        keys = {key for key, is_live in zip(self._keys, live, strict=True) if is_live}
        return keys, {(fold,) for fold, _ in keys}

    def _take_chunk(self) -> tuple[Chunk, Any]:
        """The next chunk, and its corpora and batches on the devices."""
        begin = time.monotonic()
        chunk = next(self._chunks)
        self.waited += time.monotonic() - begin
        return chunk, chunks.place_on_mesh(self._engine.mesh, chunk.replicas)

    def run(
        self, arrays: TrialArrays, frozen: Params, state: TrialState, live: np.ndarray, save_or_stop: SaveOrStop
    ) -> tuple[TrialState, dict[str, Array]]:
        """Runs one epoch, or what is left of it."""
        self._live_keys = self._list_live_keys(live)
        folds, carry, batch, before = self._data.folds, Carry(state, self._log), self._batch, None
        once = self._data.shared
        # Dispatch is asynchronous: waiting for the chunk before last keeps two on the devices, not all of them. For the
        # same reason a chunk is forgotten as soon as its program is called: these names would keep its memory.
        while batch < self._training.count:
            chunk, placed = self._take_chunk()
            shared = TrainShared(folds, np.int32(chunk.first), np.int32(chunk.count), once), placed
            carry, token = self._train(shared, self._training_keys, arrays, frozen, carry)
            jax.block_until_ready(before)
            before, batch = token, chunk.first + chunk.count
            del chunk, placed, shared
            if batch < self._training.count:
                save_or_stop(*carry, batch)
        state, log = carry
        params, validation = {**frozen, **state.params, **state.statistics}, []
        for _ in self._validation.firsts:
            chunk, placed = self._take_chunk()
            shared = PredictShared(folds, np.int32(chunk.count), once), placed
            validation.append(self._predict(shared, self._validation_keys, self._fold, state.live, params))
            jax.block_until_ready(before)
            before = validation[-1]
            del chunk, placed, shared
        self._batch, self._log = 0, self._make_empty_log()
        return self._finish(folds, state, log, tuple(validation))


def _make_order_reader(
    stage: Stage, folds: Folds, keys: Sequence[tuple[int, int]]
) -> Callable[[OrderKey, int], np.ndarray]:
    """`BatchSchedule.read_order` of training: what each (fold, seed) takes in an epoch."""
    number = {key: n for n, key in enumerate(sorted(set(keys)))}
    fold, seed = np.array(list(number), np.int32).T
    lock = threading.Lock()

    # Two: threads cut the last chunks of one epoch and the first of the next at the same time.
    @functools.lru_cache(maxsize=2)
    def order_all(epoch: int) -> np.ndarray:
        return np.asarray(_order_program(stage)(folds, fold, seed, np.int32(epoch)))

    def read_order(key: OrderKey, epoch: int) -> np.ndarray:
        with lock:
            return order_all(epoch)[number[key]]

    return read_order


def predict_outputs(
    plan: PredictionPlan, params: Params, fold_of: np.ndarray, data: FoldedCorpus, examples: np.ndarray, engine: Engine
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """({output: [S, n, ...]}, mask [S, n] or [S, n, T]) of S slots, on the host, as `step.predict_examples` has them.

    Args:
      plan: model and outputs.
      params: leaves [S, ...], over the mesh.
      fold_of: int32 [S].
      data: the split to predict, streamed, and folds (replicated) for the standardisation.
      examples: int32 [K, n] numbers of examples a fold, -1 for padding.
      engine: how to run.
    """
    schedule = chunks.schedule_predictions(data.corpus, [int(fold) for fold in fold_of], examples, engine)
    slots = schedule.key_of_slot, fold_of, np.ones(len(fold_of), bool)
    key_of_slot, fold, live = mesh.shard_trials(engine.mesh, slots)
    requests, pieces = (ChunkRequest(schedule, 0, first) for first in schedule.firsts), []
    for chunk in chunks.read_ahead(data.corpus, engine.mesh, requests):
        placed = chunks.place_on_mesh(engine.mesh, chunk.replicas)
        shared = PredictShared(data.folds, np.int32(chunk.count), data.shared), placed
        piece = mesh.to_host(_predict_program(plan, *engine.program_key)(shared, key_of_slot, fold, live, params))
        # The batches behind `count` of the last chunk are empty.
        pieces.append(jax.tree.map(lambda x, n=chunk.count: x[:, :n], (piece.outputs, piece.mask)))

    def join_chunks(*leaves: np.ndarray) -> np.ndarray:
        joined = np.concatenate(leaves, 1)
        return joined.reshape(len(fold_of), -1, *joined.shape[3:])[:, : examples.shape[1]]

    return jax.tree.map(join_chunks, *pieces)
