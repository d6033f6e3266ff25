"""Devices and how they run rows: the mesh, and one program mapped over the rows of a study.

A CPU runs its rows one after another on as many virtual devices as it has cores, each single-threaded: batching
small models makes them slower there, and batched Cholesky factors can hang jax 0.10's CPU backend for good.
An accelerator runs them in chunks under `vmap`. The numbers are the same.
"""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, NamedSharding
from jax.sharding import PartitionSpec as P

from affect_jax.errors import UserError


def make(replicas: int = 0) -> jax.sharding.Mesh:
    """A mesh with the axis `replica` over `replicas` devices (0: all)."""
    devices = jax.devices()
    if replicas > len(devices):
        raise UserError(
            f"config.engine.devices is {replicas} but {len(devices)} {devices[0].platform} devices are there; "
            "lower it, or use 0 for all"
        )
    count = replicas or len(devices)
    return jax.make_mesh((count,), ("replica",), axis_types=(AxisType.Auto,), devices=devices[:count])


def rows_at_once(setting: int) -> int:
    """How many rows a device runs under one `vmap`: 1 on a CPU; elsewhere `setting`, or 8 where that is 0.

    Raises:
      UserError: more than one on a CPU, where batched linear algebra can hang (see the module's docstring).
    """
    if jax.default_backend() != "cpu":
        return setting or 8
    if setting > 1:
        raise UserError(
            f"config.engine.rows_at_once is {setting} on a CPU, where rows run one after another; set it to 0 or 1"
        )
    return 1


def row_program(
    mesh: jax.sharding.Mesh, at_once: int, row_fn: Callable[..., Any], *, donate: int | None = None
) -> Callable[..., Any]:
    """Maps `row_fn(shared, *of_row)` over rows that are sharded over the mesh axis `replica`.

    Args:
      mesh: the devices.
      at_once: rows under one `vmap` on each device; 1 runs them in a loop.
      row_fn: shared tree, then trees of one row (no row axis) -> tree of one row.
      donate: number of the argument whose memory may be reused for the result.

    Returns:
      Jitted `fn(shared, *rows)`; every tree of `rows` has leading axis R, a multiple of the mesh's size.
    """

    def local(shared: Any, rows: tuple) -> Any:
        count = jax.tree.leaves(rows)[0].shape[0]
        chunk = min(at_once, count)
        return jax.lax.map(lambda of_row: row_fn(shared, *of_row), rows, batch_size=chunk if chunk > 1 else None)

    def call(shared: Any, *rows: Any) -> Any:
        return jax.shard_map(local, mesh=mesh, in_specs=(P(), P("replica")), out_specs=P("replica"), check_vma=False)(
            shared, rows
        )

    return jax.jit(call, donate_argnums=() if donate is None else (donate,))


def shard_rows(mesh: jax.sharding.Mesh, tree: Any) -> Any:
    """Lays the leading axis of every leaf over `replica`."""
    return jax.device_put(tree, NamedSharding(mesh, P("replica")))


def replicate(mesh: jax.sharding.Mesh, tree: Any) -> Any:
    """A copy of `tree` on every device."""
    return jax.device_put(tree, NamedSharding(mesh, P()))


def to_host(tree: Any) -> Any:
    """Arrays -> numpy."""
    return jax.tree.map(np.asarray, jax.device_get(tree))
