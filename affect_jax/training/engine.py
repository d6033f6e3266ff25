"""How a study runs: on which devices, how many trials at once, and which trial lies in which slot."""

from collections.abc import Sequence
from typing import NamedTuple

import jax

from affect_jax.training import mesh


class Engine(NamedTuple):
    """How a study runs; nothing here changes its numbers beyond float rounding.

    Attributes:
      mesh: devices, axes `replica` and `data`.
      at_once: trials of one `vmap` on a device.
      eval_size: examples of a validation or test batch.
      checkpoint_seconds: least time between two checkpoints; 0 saves every epoch, and every chunk of a streamed one.
      buckets: into how many lengths examples are sorted at most (`data.buckets`).
      stream_megabytes: size of a chunk of batches on a device, where the corpus is streamed; there are two at a time.
    """

    mesh: jax.sharding.Mesh
    at_once: int
    eval_size: int
    checkpoint_seconds: float
    stream_megabytes: float = 64.0
    buckets: int = 1

    @property
    def program_key(self) -> tuple[jax.sharding.Mesh, int]:
        """`mesh` and `at_once`, on which programs depend: engines that differ in the rest share what is compiled."""
        return self.mesh, self.at_once


def assign_slots(trials: Sequence[int], engine: Engine) -> list[int]:
    """Trial numbers, followed by copies of the first one up to a multiple of what the devices run at once.

    Copies stand still. In a loop they cost nothing, under `vmap` as much as a trial.
    """
    # Where a device runs trials in a loop it gets at least two: XLA unrolls a loop of one and rounds it differently,
    # and a trial alone should be that trial of a study to the last bit.
    replicas = mesh.count_replicas(engine.mesh)
    multiple = replicas * mesh.size_chunk(-(-len(trials) // replicas), engine.at_once)
    least = 2 * replicas if engine.at_once == 1 else 0
    return list(trials) + [trials[0]] * max(-len(trials) % multiple, least - len(trials))
