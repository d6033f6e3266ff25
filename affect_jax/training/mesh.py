"""Devices and how they run trials: the mesh, and one program mapped over the trials of a study.

The mesh has two axes. Trials lie over `replica`; where `data` has more than one device, each trial's batches lie over
those. Inside a trial's program that axis is automatic: XLA combines the sums over a batch, so every loss, batch
statistic and correlation is that of the whole batch by construction.

A CPU runs its trials one after another on as many virtual devices as it has cores, each single-threaded: batching
makes small models slower there, and batched Cholesky factors can hang jax 0.10's CPU backend for ever.
An accelerator runs them in chunks under `vmap`. The numbers are the same.

Of several processes each has some of the mesh's devices; arrays from the host are the same in all of them.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from affect_jax.errors import UserError
from affect_jax.layers.spread import AXIS, is_left_to_xla
from affect_jax.runtime import hosts


def make_mesh(devices: int = 0, data: int = 1) -> jax.sharding.Mesh:
    """A mesh of `devices` devices (0: all, of all processes), `data` of which share each batch.

    Raises:
      UserError: there are not that many, or `data` does not divide them.
    """
    available = jax.devices()
    if devices > len(available):
        raise UserError(
            f"config.engine.devices is {devices} but there are only {len(available)} {available[0].platform} devices; "
            "lower it, or use 0 for all"
        )
    if 0 < devices < len(available) and jax.process_count() > 1:
        raise UserError(
            f"config.engine.devices is {devices} but {jax.process_count()} processes have {len(available)} devices; "
            "use 0, so that every process has a share"
        )
    count = devices or len(available)
    if data < 1 or count % data:
        raise UserError(f"config.engine.data is {data}, which does not divide {count} devices; choose a divisor")
    shape, kinds = (count // data, data), (AxisType.Auto, AxisType.Auto)
    return jax.make_mesh(shape, ("replica", "data"), axis_types=kinds, devices=available[:count])


def count_replicas(mesh: jax.sharding.Mesh) -> int:
    """How many trials, or chunks of trials, run side by side."""
    return mesh.shape["replica"]


def choose_data_devices(mesh: jax.sharding.Mesh, trials: int) -> int:
    """How many devices may share each batch (`data`) so that none of this many trials waits for another."""
    return max(
        data for data in range(1, mesh.size + 1) if mesh.size % data == 0 and (data == 1 or mesh.size // data >= trials)
    )


# Bytes of an accelerator for each trial. By XLA's plan (`python -m benchmarks.ahead`) a trial of attention fusion at
# IEMOCAP's sizes needs .3e9, and one of ConflictNET .4e9 with 8 clips of 30 s; the rest leaves room for larger batches.
_TRIAL_BYTES = 1.5e9


def choose_trials_at_once(setting: int) -> int:
    """How many trials a device runs under one `vmap`.

    1 on a CPU. Elsewhere `setting`, or if that is 0 as many as the memory has room for, 8 to 64: the more there are,
    the less each waits for the launches of a scan's kernels.

    Raises:
      UserError: more than one on a CPU, where batched linear algebra can hang (see the module's docstring).
    """
    if jax.default_backend() != "cpu":
        stats = jax.local_devices()[0].memory_stats() or {}
        return setting or hosts.agree_on_least(int(np.clip(stats.get("bytes_limit", 0) // _TRIAL_BYTES, 8, 64)))
    if setting > 1:
        raise UserError(
            f"config.engine.trials_at_once is {setting} on a CPU, where trials run one after another; leave it out, or "
            "set it to 1"
        )
    return 1


def size_chunk(count: int, at_once: int) -> int:
    """How many of `count` trials a device runs together, in as few chunks of one size as `at_once` allows."""
    return -(-count // -(-count // at_once))


def map_over_trials(
    mesh: jax.sharding.Mesh,
    at_once: int,
    trial_fn: Callable[..., Any],
    *,
    donate: int | None = None,
    layout: Any = None,
) -> Callable[..., Any]:
    """Maps `trial_fn(shared, *of_trial)` over trials that are sharded over the mesh axis `replica`.

    Args:
      mesh: the devices.
      at_once: at most this many trials under one `vmap` on each device; 1 runs them in a loop.
      trial_fn: shared tree, then trees of one trial (no trial axis) -> tree of one trial.
      donate: number of the argument whose memory may be reused for the result.
      layout: partition spec of the shared tree, or of each branch of it (None: all of it on every device); of what lies
        over `replica` a trial gets the piece of its device.

    Returns:
      Jitted `fn(shared, *trials)`; every tree of `trials` has leading axis R, a multiple of `count_replicas(mesh)`.
    """
    # `data` is left to XLA only where batches are shared: with an axis of one device, XLA would round differently and a
    # trial of a study would no longer equal that trial alone to the last bit.
    manual = {"replica"} if mesh.shape["data"] > 1 else set(mesh.axis_names)

    def run_own_trials(shared: Any, trials: tuple) -> Any:
        count = jax.tree.leaves(trials)[0].shape[0]
        chunk = size_chunk(count, at_once)
        return jax.lax.map(
            lambda of_trial: trial_fn(shared, *of_trial), trials, batch_size=chunk if chunk > 1 else None
        )

    def run_all_trials(shared: Any, *trials: Any) -> Any:
        mapped = jax.shard_map(
            run_own_trials,
            mesh=mesh,
            in_specs=(P() if layout is None else layout, P("replica")),
            out_specs=P("replica"),
            axis_names=manual,
            check_vma=False,
        )
        return mapped(shared, trials)

    # Without it XLA might spread the state of a trial over the devices that share its batches.
    result = NamedSharding(mesh, P("replica"))
    return jax.jit(run_all_trials, out_shardings=result, donate_argnums=() if donate is None else (donate,))


def shard_batch(batch: Any) -> Any:
    """Lays the examples of a batch (the leading axis of every leaf) over `data`.

    Outside of a trial's program, and where one device has the whole batch, it returns the batch as it is.
    """
    if not is_left_to_xla():
        return batch
    return jax.tree.map(lambda x: jax.lax.with_sharding_constraint(x, P(AXIS)), batch)


def shard_trials(mesh: jax.sharding.Mesh, tree: Any) -> Any:
    """Lays the leading axis of every leaf over `replica`."""
    return _put(tree, NamedSharding(mesh, P("replica")))


def replicate(mesh: jax.sharding.Mesh, tree: Any) -> Any:
    """A copy of `tree` on every device."""
    return _put(tree, NamedSharding(mesh, P()))


def _put(tree: Any, sharding: NamedSharding) -> Any:
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)

    # Every process has the whole array, so each takes its own shards and nothing is sent.
    def take_own_shards(leaf: Any) -> jax.Array:
        whole = np.asarray(leaf)
        return jax.make_array_from_callback(whole.shape, sharding, lambda shard: whole[shard])

    return jax.tree.map(take_own_shards, tree)


def to_host(tree: Any) -> Any:
    """Copies arrays to numpy, whole in every process."""
    leaves = [x for x in jax.tree.leaves(tree) if isinstance(x, jax.Array)]
    if not all(x.is_fully_addressable or x.is_fully_replicated for x in leaves):
        # Another process has some of the shards: gather them by a program that does nothing else.
        everywhere = NamedSharding(next(x for x in leaves if not x.is_fully_addressable).sharding.mesh, P())
        tree = jax.jit(lambda same: same, out_shardings=everywhere)(tree)
    return jax.tree.map(np.asarray, jax.device_get(tree))
