"""Work on examples, done by each device on its own part of a batch that lies over several.

Inside a row's program the mesh axis `data` is left to XLA (`training/mesh.py`), which splits most operations along the
batch by itself. It cannot where examples are taken one after another, or where the batch is one axis with another:
there it would gather the whole batch on every device. Such a layer says here that its examples are independent.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import PartitionSpec as P

AXIS = "data"


def map_over_devices(fn: Callable[..., Any], axes: tuple[int | None, ...]) -> Callable[..., Any]:
    """`fn`, whose examples do not know of one another, run by every device on its own examples: the leading axis of
    what it returns.

    Where no batch is shared, or its examples do not divide among the devices, that is `fn` itself.

    Args:
      fn: of arrays (or trees of them, or None).
      axes: for every argument, which of its axes are the examples; None: it is of all examples, such as weights.
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
    """Whether the batch of what is traced lies over devices, and XLA splits the work among them."""
    return AXIS in jax.sharding.get_abstract_mesh().auto_axes


def count_devices() -> int:
    """Among how many devices XLA splits the batch of what is traced."""
    return jax.sharding.get_abstract_mesh().shape[AXIS] if is_left_to_xla() else 1
