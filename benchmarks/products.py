"""How many floating-point operations the matrix products of a program have, counted in its jaxpr.

XLA's own cost analysis counts the body of a loop once, which leaves out most of a recurrent network.
"""

import math
from collections.abc import Iterator

from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn
from jax.interpreters import partial_eval


def count(jaxpr: ClosedJaxpr) -> float:
    """Two operations for every multiplication and addition of products and convolutions that the results need.

    Elementwise work, and what LAPACK does inside Cholesky factors, triangular solves and singular values, is left out;
    what a program computes a second time to save memory is counted a second time.

    Raises:
      ValueError: a product stands in a `while` loop, of which nobody knows how often it runs.
    """
    needed, _ = partial_eval.dce_jaxpr(jaxpr.jaxpr, [True] * len(jaxpr.jaxpr.outvars))
    return _of(needed)


def _of(jaxpr: Jaxpr) -> float:
    return sum(_of_equation(equation) for equation in jaxpr.eqns)


def _of_equation(equation: JaxprEqn) -> float:
    name, params = equation.primitive.name, equation.params
    if name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        left = equation.invars[0].aval.shape
        return 2.0 * math.prod(equation.outvars[0].aval.shape) * math.prod(left[axis] for axis in contracted)
    if name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        filters = kernel[params["dimension_numbers"].rhs_spec[0]]
        return 2.0 * math.prod(equation.outvars[0].aval.shape) * math.prod(kernel) / filters
    inner = [_of(part) for part in _inside(params)]
    if name == "shard_map":  # inside stands what one device does
        return math.prod(params["mesh"].shape[axis] for axis in params["manual_axes"]) * sum(inner)
    if name == "scan":
        return params["length"] * sum(inner)
    if name == "cond":
        return max(inner)
    if name == "while" and sum(inner):
        raise ValueError("a matrix product stands in a while loop, which may run any number of times")
    return sum(inner)


def _inside(params: dict) -> Iterator[Jaxpr]:
    """The jaxprs that an equation runs."""
    for value in params.values():
        for part in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(part, (ClosedJaxpr, Jaxpr)):
                yield getattr(part, "jaxpr", part)
