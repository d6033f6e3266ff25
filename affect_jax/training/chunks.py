"""Which chunks of batches the trials on the mesh read, and how the host cuts them and lays them on the devices."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from affect_jax.data import streaming
from affect_jax.data.streaming import Source
from affect_jax.training import batching, mesh
from affect_jax.training.engine import Engine
from affect_jax.types import Array

THREADS = min(max((os.cpu_count() or 1) // 2, 2), 8)
"""This many chunks the host has ready or at work before the devices ask for them, a thread each."""

OrderKey = tuple[int, ...]
"""What the order of a trial's batches follows from: (fold, seed) in training, (fold,) in predictions."""


class BatchSchedule(NamedTuple):
    """The batches that the trials in S slots read in an epoch, and how they are cut into chunks.

    Trials that agree in their order key read the same batches, of which a device then holds one copy.

    Attributes:
      keys: for each replica of the mesh the G order keys of its trials; all have as many, the last ones repeated.
      key_of_slot: int32 [S], the place of each slot's key among its replica's.
      read_order: (key, epoch) -> int32 [N, B], example numbers as `batching.order_epoch` has them.
      count: N, batches of an epoch.
      chunk: batches of a chunk.
      combinations: of Moddrop, else 1.
      capacity: what a chunk of one key holds.
    """

    keys: tuple[tuple[OrderKey, ...], ...]
    key_of_slot: np.ndarray
    read_order: Callable[[OrderKey, int], np.ndarray]
    count: int
    chunk: int
    combinations: int
    capacity: streaming.Capacity

    @property
    def firsts(self) -> range:
        """The first batch of every chunk of an epoch."""
        return range(0, self.count, self.chunk)


class Chunk(NamedTuple):
    """A chunk on the host.

    Attributes:
      first: number of its first batch in the epoch.
      count: batches.
      replicas: replica of this process -> (corpus, batches), leaves [G, ...].
    """

    first: int
    count: int
    replicas: Mapping[int, Any]


class ChunkRequest(NamedTuple):
    """Which chunk is to be cut.

    Attributes:
      schedule: it is of.
      epoch: from 0.
      first: number of its first batch.
      live: order keys that a live trial reads; empty: all are read.
    """

    schedule: BatchSchedule
    epoch: int
    first: int
    live: Collection[OrderKey] = ()


def assign_to_replicas(keys: Sequence[OrderKey], replicas: int) -> tuple[tuple[tuple[OrderKey, ...], ...], np.ndarray]:
    """(keys, key_of_slot) of a `BatchSchedule`, for slots that lie over the replicas in equal pieces."""
    slots_of_replica = np.array_split(np.arange(len(keys)), replicas)
    distinct = [list(dict.fromkeys(keys[slot] for slot in slots)) for slots in slots_of_replica]
    places = [distinct[r].index(keys[slot]) for r, slots in enumerate(slots_of_replica) for slot in slots]
    # The mesh wants arrays of one shape on every replica.
    most = max(map(len, distinct))
    return tuple((*some, *[some[0]] * (most - len(some))) for some in distinct), np.array(places, np.int32)


def schedule_batches(
    source: Source,
    keys: Sequence[OrderKey],
    read_order: Callable[[OrderKey, int], np.ndarray],
    folds: np.ndarray,
    combinations: int,
    engine: Engine,
) -> BatchSchedule:
    """Plans batches of which a device holds chunks of `engine.stream_megabytes`.

    Args:
      source: the corpus.
      keys: S order keys, one a slot; the first number of each is a row of `folds`.
      read_order: as in `BatchSchedule`.
      folds: int32 [K, n], the examples.
      combinations: of Moddrop, else 1.
      engine: the study's.
    """
    distinct, key_of_slot = assign_to_replicas(keys, mesh.count_replicas(engine.mesh))
    count, size = read_order(keys[0], 0).shape
    limit = engine.stream_megabytes * 1e6 / len(distinct[0])
    chunk = streaming.size_chunk(source, folds, size, count, limit)
    capacity = streaming.measure_capacity(source, folds, min(chunk * size, folds.shape[1]))
    return BatchSchedule(distinct, key_of_slot, read_order, count, chunk, combinations=combinations, capacity=capacity)


def schedule_predictions(source: Source, fold_of: Sequence[int], examples: np.ndarray, engine: Engine) -> BatchSchedule:
    """Plans batches of the examples int32 [K, n] of each slot's fold, `engine.eval_size` at a time."""
    order_of_fold = {
        fold: np.asarray(batching.cut_batches(jnp.asarray(examples[fold]), engine.eval_size)) for fold in set(fold_of)
    }
    keys = [(fold,) for fold in fold_of]
    return schedule_batches(source, keys, lambda key, _: order_of_fold[key[0]], examples, 1, engine)


def list_own_replicas(devices: jax.sharding.Mesh) -> list[int]:
    """The replicas that have a device in this process."""
    by_replica = devices.devices.reshape(mesh.count_replicas(devices), -1)
    process = jax.process_index()
    return [r for r, own in enumerate(by_replica) if any(d.process_index == process for d in own)]


def cut_chunk(source: Source, request: ChunkRequest, replicas: Iterable[int]) -> Chunk:
    """Cuts a chunk out of the recordings, for these replicas."""
    schedule, epoch, first, live = request
    cut: dict[OrderKey, Any] = {}
    trees = {}
    for replica in replicas:
        # Trials that stopped ignore their chunk, so they get a copy of a live one's instead of files being read.
        keys = [key if key in live or not live else min(live) for key in schedule.keys[replica]]
        for key in set(keys) - cut.keys():
            batches = schedule.read_order(key, epoch)[first : first + schedule.chunk]
            cut[key] = streaming.make_chunk(source, batches, schedule.chunk, schedule.combinations, schedule.capacity)
        # One key is by far the usual case, and a view costs nothing where a stack would copy the chunk.
        trees[replica] = jax.tree.map(lambda *x: x[0][None] if len(x) == 1 else np.stack(x), *[cut[k] for k in keys])
    return Chunk(first, min(schedule.chunk, schedule.count - first), trees)


def place_on_mesh(devices: jax.sharding.Mesh, trees: Mapping[int, Any]) -> Any:
    """Trees [G, ...] of the replicas of this process -> arrays [replicas * G, ...] over the mesh axis `replica`."""
    sharding = jax.sharding.NamedSharding(devices, P("replica"))

    def place(*leaves: np.ndarray) -> Array:
        leaf_of_replica, size = dict(zip(trees, leaves, strict=True)), len(leaves[0])
        shape = (mesh.count_replicas(devices) * size, *leaves[0].shape[1:])
        # The callback is asked for the shards of this process alone.
        return jax.make_array_from_callback(
            shape, sharding, lambda shard: leaf_of_replica[(shard[0].start or 0) // size]
        )

    return jax.tree.map(place, *trees.values())


def read_ahead(source: Source, devices: jax.sharding.Mesh, requests: Iterable[ChunkRequest]) -> Iterator[Chunk]:
    """The chunks in order, cut by threads before they are asked for."""
    replicas = list_own_replicas(devices)
    return streaming.read_ahead(
        lambda request: cut_chunk(source, request, replicas), requests, threads=THREADS, depth=THREADS
    )
