"""`jax.lax.scan` over the steps of a sequence, several of them a round on an accelerator.

There a round costs a launch for every kernel in it, however little that does: for each array that a step writes, and
for the loop's counter. What several steps write goes out at once. On a CPU a round is a step.
"""

from collections.abc import Callable
from typing import Any

import jax

_STEPS = 4  # more save little: what is left are the kernels of the step itself


def scan(body: Callable[..., Any], carry: Any, steps: Any, *, reverse: bool = False) -> tuple[Any, Any]:
    """As `jax.lax.scan`."""
    return jax.lax.scan(body, carry, steps, reverse=reverse, unroll=steps_a_round())


def steps_a_round() -> int:
    """How many steps a round has on this machine."""
    return 1 if jax.default_backend() == "cpu" else _STEPS
