"""`jax.lax.scan` over the steps of a sequence, with several steps in each round on an accelerator.

There a round costs a launch for each of its kernels, however small: one for each array that a step writes, and one for
the counter of the loop. Several steps in a round write together. On a CPU a round is one step.
"""

from collections.abc import Callable
from typing import Any

import jax

_STEPS = 4  # more would save little, as the kernels of the steps themselves remain


def scan(body: Callable[..., Any], carry: Any, steps: Any, *, reverse: bool = False) -> tuple[Any, Any]:
    """Does what `jax.lax.scan` does."""
    return jax.lax.scan(body, carry, steps, reverse=reverse, unroll=count_steps_per_round())


def count_steps_per_round() -> int:
    """Returns the number of steps in a round on this machine."""
    return 1 if jax.default_backend() == "cpu" else _STEPS
