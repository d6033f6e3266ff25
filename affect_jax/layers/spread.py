"""Work on independent examples, done by each device on its own share of a batch that lies over several devices.

Inside the program of a trial the mesh axis `data` is left to XLA (`training/mesh.py`), which splits most operations
along the batch by itself. It cannot do so where examples are taken one after another, or where the batch is merged with
another axis: there it would gather the whole batch on every device. Such a layer declares here that its examples are
independent.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import PartitionSpec as P

AXIS = "data"


def map_over_devices(fn: Callable[..., Any], axes: tuple[int | None, ...]) -> Callable[..., Any]:
    """Returns `fn` as a function that every device runs on its own examples.

    The examples are the leading axis of what `fn` returns. Where no batch is shared among devices, or its examples do
    not divide among them, `fn` runs as it is.

    Args:
      fn: takes arrays, trees of arrays, or None.
      axes: for each argument, which of its axes is that of the examples; None where it belongs to all examples, as
        weights do.
    """

    def run(*arguments: Any) -> Any:
        if not is_left_to_xla():
            return fn(*arguments)
        of_batch = [(x, axis) for x, axis in zip(arguments, axes, strict=True) if axis is not None]
        if any(leaf.shape[axis] % count_devices() for x, axis in of_batch for leaf in jax.tree.leaves(x)):
            return fn(*arguments)
        specs = tuple(P() if axis is None else P(*[None] * axis, AXIS) for axis in axes)
        return jax.shard_map(fn, in_specs=specs, out_specs=P(AXIS), axis_names={AXIS}, check_vma=False)(*arguments)

    return run


def is_left_to_xla() -> bool:
    """Returns whether the batch of what is being traced lies over devices among which XLA splits the work."""
    return AXIS in jax.sharding.get_abstract_mesh().auto_axes


def count_devices() -> int:
    """Returns among how many devices XLA splits the batch of what is being traced."""
    return jax.sharding.get_abstract_mesh().shape[AXIS] if is_left_to_xla() else 1
