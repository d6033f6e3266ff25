"""Products by a matrix that a scan uses at every step, whose gradient is one product behind the backward scan.

Of y_t = x_t W autodiff adds x_t^T dy_t to dW at every step: it passes over the whole matrix each time, for the few rows
of a batch. Here the backward scan only notes x_t and dy_t, and dW = sum over t of x_t^T dy_t is one product of all
steps. A `Notes` is what a step writes on: zeros that go into the scan, which no step reads, and whose gradients
are x_t and dy_t.

    notes = make_notes(kernel, steps)             steps [T, ..., B, anything], of which only the shape counts

    def body(h, at):
        step, note = at
        ... multiply(h, kernel, note) ...         instead of h @ kernel

    scan(body, h, (steps, notes))

Measured on one core, see benchmarks/ZOO.md: MMMU-BA, whose units are 300 and whose batches are 10 videos.
Letters in names of arrays are axes: D inputs of a product, F features that it gives.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from affect_jax.layers.spread import is_left_to_xla
from affect_jax.layers.wide import wide_product, wide_type


class Notes(NamedTuple):
    """What steps write on.

    Attributes:
      inputs: [..., D].
      gradients: [..., F].
    """

    inputs: jax.Array
    gradients: jax.Array


@jax.custom_vjp
def make_notes(kernel: jax.Array, steps: jax.Array) -> Notes:
    """Notes for products by `kernel` in a scan, [*steps.shape[:-1], D] and [..., F].

    Args:
      kernel: [D, F].
      steps: any array whose axes are the scan's steps, perhaps those of a scan inside it, the batch, and any one.
    """
    dtype = wide_type(kernel.dtype)
    return Notes(*(jnp.zeros((*steps.shape[:-1], size), dtype) for size in kernel.shape))


def _make_forward(kernel: jax.Array, steps: jax.Array) -> tuple[Notes, jax.Array]:
    return make_notes(kernel, steps), kernel


def _make_backward(kernel: jax.Array, notes: Notes) -> tuple[jax.Array, None]:
    return sum_products(notes.inputs, notes.gradients.astype(kernel.dtype)).astype(kernel.dtype), None


make_notes.defvjp(_make_forward, _make_backward)


def multiply(x: jax.Array, kernel: jax.Array, note: Notes) -> jax.Array:
    """The product `wide_product(x, kernel)` of one step; `note` is this step's, by which the kernel has its gradient.

    A note takes one product: for two by the same kernel make two.
    """
    return _multiply(x.astype(note.inputs.dtype), jax.lax.stop_gradient(kernel), note)


@jax.custom_vjp
def _multiply(x: jax.Array, kernel: jax.Array, note: Notes) -> jax.Array:
    del note
    return wide_product(x, kernel)


def _multiply_forward(x: jax.Array, kernel: jax.Array, note: Notes) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    # Transposed here, where it is the same at every step: JAX takes that out of the scan. Products by a matrix that is
    # read across take up to twice as long on a CPU.
    return _multiply(x, kernel, note), (x, kernel.T)


def _multiply_backward(residuals: tuple[jax.Array, jax.Array], d_y: jax.Array) -> tuple[jax.Array, None, Notes]:
    x, transposed = residuals
    return wide_product(d_y, transposed), None, Notes(x, d_y)


_multiply.defvjp(_multiply_forward, _multiply_backward)


def sum_products(x: jax.Array, y: jax.Array) -> jax.Array:
    """The sum of the outer products of x [..., D] and y [..., F] over all axes in front, [D, F]; float32 at least.

    Over several axes a product copies both factors on a CPU, so there these are one.
    """
    if jax.default_backend() == "cpu" and not is_left_to_xla():
        x, y = (a.reshape(-1, a.shape[-1]) for a in (x, y))
    lead = "stb"[-(x.ndim - 1) :]
    return wide_product(x, y, f"{lead}d,{lead}f->df")
