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
from affect_jax.training import mesh, step
from affect_jax.training.epochs import Engine
from affect_jax.types import Array

THREADS = min(max((os.cpu_count() or 1) // 2, 2), 8)
"""So many chunks the host has ready or at work before the devices ask for them, a thread each."""


class Lines(NamedTuple):
    """Batches that trials read, and how they are cut.

    Attributes:
      members: for each replica of the mesh the kinds (fold and seed, or fold) of lines that its trials read, G of them.
      which: int32 [S], the place of each slot's kind among its replica's.
      read: (kind, epoch) -> int32 [N, B], example numbers as `step.order_of` has them.
      count: N.
      at_once: batches of a chunk.
      ways: combinations of Moddrop, else 1.
      room: what a chunk of one kind holds.
    """

    members: tuple[tuple[tuple[int, ...], ...], ...]
    which: np.ndarray
    read: Callable[[tuple[int, ...], int], np.ndarray]
    count: int
    at_once: int
    ways: int
    room: streaming.Room


class Cut(NamedTuple):
    """A chunk on the host: batches `first`, ..., `first + count - 1`, and for each replica of this process a corpus and
    lines, leaves [G, ...]."""

    first: int
    count: int
    parts: Mapping[int, Any]


def assign_to_replicas(
    kinds: Sequence[tuple[int, ...]], replicas: int
) -> tuple[tuple[tuple[tuple[int, ...], ...], ...], Any]:
    """(members, which) of `Lines`, for slots that lie over the replicas in equal pieces."""
    mine = np.array_split(np.arange(len(kinds)), replicas)
    members = [list(dict.fromkeys(kinds[slot] for slot in slots)) for slots in mine]
    which = [members[r].index(kinds[slot]) for r, slots in enumerate(mine) for slot in slots]
    most = max(map(len, members))
    return tuple((*m, *[m[0]] * (most - len(m))) for m in members), np.array(which, np.int32)


def plan_lines(
    source: Source,
    kinds: Sequence[tuple[int, ...]],
    read: Callable[[tuple[int, ...], int], np.ndarray],
    folds: np.ndarray,
    ways: int,
    engine: Engine,
) -> Lines:
    """Lines of which a device holds chunks of `engine.stream_megabytes`.

    Args:
      source: the corpus.
      kinds: S kinds of lines, one a slot; the first number of each is a line of `folds`.
      read: kind and epoch -> lines.
      folds: int32 [K, n], the examples.
      ways: combinations of Moddrop, else 1.
      engine: the study's.
    """
    members, which = assign_to_replicas(kinds, mesh.count_replicas(engine.mesh))
    count, size = read(kinds[0], 0).shape
    limit = engine.stream_megabytes * 1e6 / len(members[0])
    at_once = streaming.count_batches_at_once(source, folds, size, count, limit)
    room = streaming.measure_room(source, folds, min(at_once * size, folds.shape[1]))
    return Lines(members, which, read, count, at_once, ways, room)


def _here(of: jax.sharding.Mesh) -> list[int]:
    """The replicas that have a device in this process."""
    devices = of.devices.reshape(mesh.count_replicas(of), -1)
    return [r for r, mine in enumerate(devices) if any(d.process_index == jax.process_index() for d in mine)]


def cut_chunk(
    source: Source, lines: Lines, epoch: int, first: int, replicas: Iterable[int], live: Collection[Any] = ()
) -> Cut:
    """The chunk of an epoch that begins with batch `first`, for the replicas of this process.

    Kinds that are not `live`, where any are, get what a live one gets: nobody looks at it.
    """
    made: dict[tuple[int, ...], Any] = {}
    parts = {}
    for replica in replicas:
        kinds = [kind if kind in live or not live else min(live) for kind in lines.members[replica]]
        for kind in set(kinds) - made.keys():
            mine = lines.read(kind, epoch)[first : first + lines.at_once]
            made[kind] = streaming.make_chunk(source, mine, lines.at_once, lines.ways, lines.room)
        one = [made[kind] for kind in kinds]
        parts[replica] = jax.tree.map(lambda *x: x[0][None] if len(x) == 1 else np.stack(x), *one)
    return Cut(first, min(lines.at_once, lines.count - first), parts)


def place_on_mesh(of: jax.sharding.Mesh, parts: Mapping[int, Any]) -> Any:
    """Trees [G, ...] of the replicas of this process -> arrays [replicas * G, ...] over the mesh axis `replica`."""
    sharding = jax.sharding.NamedSharding(of, P("replica"))

    def whole(*leaves: np.ndarray) -> Array:
        of_replica, size = dict(zip(parts, leaves, strict=True)), len(leaves[0])
        shape = (mesh.count_replicas(of) * size, *leaves[0].shape[1:])
        return jax.make_array_from_callback(shape, sharding, lambda at: of_replica[(at[0].start or 0) // size])

    return jax.tree.map(whole, *parts.values())


def plan_prediction(source: Source, fold_of: Sequence[int], examples: np.ndarray, engine: Engine) -> Lines:
    """Lines of the examples int32 [K, n] of each slot's fold, `engine.eval_size` at a time."""
    of_fold = {
        fold: np.asarray(step.cut_batches(jnp.asarray(examples[fold]), engine.eval_size)) for fold in set(fold_of)
    }
    return plan_lines(source, [(fold,) for fold in fold_of], lambda kind, _: of_fold[kind[0]], examples, 1, engine)


def read_ahead(
    source: Source, of: jax.sharding.Mesh, wanted: Iterable[tuple[Lines, int, int, Collection[Any]]]
) -> Iterator[Cut]:
    """The chunks of (lines, epoch, first batch, live kinds) in order, cut by threads before they are asked for."""
    replicas = _here(of)
    return streaming.read_ahead(
        lambda one: cut_chunk(source, *one[:3], replicas, one[3]), wanted, threads=THREADS, depth=THREADS
    )
