"""Convolution whose gradients are quick inside a scan on a CPU.

XLA's CPU compiler brings convolutions into the order of axes that its fast kernel takes (channels last) only outside
of loops. The two that autodiff makes of a gradient are in another order, and training steps stand in a scan: there each
takes 10 to 40 times as long (benchmarks/spectrogram.py). Here gradients are written as convolutions in that order.
Other compilers have gradients of their own, so elsewhere these are left to autodiff.

That kernel also wants many channels: with few it reaches a tenth of its speed. Such convolutions, as the first one on a
spectrogram, are written as one product of the weights and what each of them meets.
"""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from affect_jax.layers.spread import is_left_to_xla

Ends = tuple[tuple[int, int], ...]
"""What is added in front of and behind each axis."""
FEW_ENTRIES, FEW_FILTERS = 40, 16
"""Of a convolution that is written as a product: at most so many weights a filter, and filters."""
MOST_MET = 2**25
"""Numbers that such a product may read, 128 MiB: each number of x stands there once an entry."""


def convolve(
    x: jax.Array, kernel: jax.Array, strides: Sequence[int], padding: str | Sequence[tuple[int, int]], **options: Any
) -> jax.Array:
    """The cross-correlation of x [B, spatial ..., C] and kernel [spatial ..., C, D], as `lax.conv_general_dilated`.

    It is one, too, for `nn.Conv(conv_general_dilated=convolve)`; options are what that passes beside: the order of axes
    is the one above, and there is no dilation. With `feature_group_count` groups of channels the kernel is
    [spatial ..., C / groups, D].

    Raises:
      ValueError: an option asks for something else.
    """
    axes = x.ndim - 2
    groups = options.pop("feature_group_count", 1)
    plain = dict(lhs_dilation=(1,) * axes, rhs_dilation=(1,) * axes)
    for name, value in plain.items():
        if options.get(name, value) not in (value, None):
            raise ValueError(f"convolve has no {name}, but got {options[name]}")
    if isinstance(padding, str):
        padding = lax.padtype_to_pads(x.shape[1:-1], kernel.shape[:-2], strides, padding)
    ends = tuple(tuple(pair) for pair in padding)
    if jax.default_backend() == "cpu":
        is_product = set(kernel.shape[:-2]) == set(strides) == {groups} == {1} and not any(map(any, ends))
        if is_product and not is_left_to_xla():
            return (x.reshape(-1, x.shape[-1]) @ kernel.reshape(kernel.shape[-2:])).reshape(*x.shape[:-1], -1)
        return _convolve(x, kernel, tuple(strides), ends, groups)
    return _correlate(x, kernel, window_strides=tuple(strides), padding=ends, feature_group_count=groups)


def _correlate(x: jax.Array, kernel: jax.Array, **options: Any) -> jax.Array:
    spatial = "XYZ"[: x.ndim - 2]
    return lax.conv_general_dilated(
        x, kernel, dimension_numbers=(f"N{spatial}C", f"{spatial}IO", f"N{spatial}C"), **options
    )


def _list_sizes(x: jax.Array, kernel: jax.Array, strides: Sequence[int], ends: Ends) -> list[int]:
    """Of the result, along the spatial axes."""
    axes = zip(x.shape[1:-1], kernel.shape[:-2], strides, ends, strict=True)
    return [(size + front + behind - width) // stride + 1 for size, width, stride, (front, behind) in axes]


def _is_narrow(x: jax.Array, kernel: jax.Array, strides: Sequence[int], ends: Ends, groups: int) -> bool:
    """Whether a product is quicker than XLA's convolution, not too large, and of examples that lie on one device.

    Where sizes are open, as in an export, it cannot be known.
    """
    entries, filters = math.prod(kernel.shape[:-1]), kernel.shape[-1]
    if groups > 1 or entries > FEW_ENTRIES or filters > FEW_FILTERS or is_left_to_xla():
        return False
    is_known = all(isinstance(size, int) for size in x.shape)
    return is_known and entries * x.shape[0] * math.prod(_list_sizes(x, kernel, strides, ends)) <= MOST_MET


def _meet(x: jax.Array, kernel: jax.Array, strides: Sequence[int], ends: Ends) -> jax.Array:
    """What each entry of the kernel is multiplied with, [entries, B * places]."""
    sizes = _list_sizes(x, kernel, strides, ends)
    padded = lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *((*pair, 0) for pair in ends), (0, 0, 0)])
    met = []
    for *first, channel in itertools.product(*map(range, kernel.shape[:-1])):
        places = zip(first, strides, sizes, strict=True)
        spatial = [slice(at, at + stride * (size - 1) + 1, stride) for at, stride, size in places]
        met.append(padded[:, *spatial, channel].reshape(-1))
    return jnp.stack(met)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3, 4))
def _convolve(x: jax.Array, kernel: jax.Array, strides: tuple[int, ...], ends: Ends, groups: int) -> jax.Array:
    if _is_narrow(x, kernel, strides, ends, groups):
        product = kernel.reshape(-1, kernel.shape[-1]).T @ _meet(x, kernel, strides, ends)
        return jnp.moveaxis(product.reshape(-1, x.shape[0], *_list_sizes(x, kernel, strides, ends)), 0, -1)
    return _correlate(x, kernel, window_strides=strides, padding=ends, feature_group_count=groups)


def _convolve_forward(
    x: jax.Array, kernel: jax.Array, strides: tuple[int, ...], ends: Ends, groups: int
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _convolve(x, kernel, strides, ends, groups), (x, kernel)


def _convolve_backward(
    strides: tuple[int, ...], ends: Ends, groups: int, kept: tuple[jax.Array, jax.Array], back: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = kept
    axes = range(1, x.ndim - 1)
    ones, places = (1,) * len(axes), tuple(range(len(axes)))
    spans = [stride * (back.shape[axis] - 1) + 1 for axis, stride in zip(axes, strides, strict=True)]
    sizes = list(zip(x.shape[1:-1], spans, kernel.shape[:-2], ends, strict=True))
    # Of x: the same once more, of `back` spread out by the strides, with the kernel turned around.
    of_x = _correlate(
        back,
        lax.rev(_turn_kernel(kernel, groups), places),
        window_strides=ones,
        padding=[(width - 1 - front, size - span + front) for size, span, width, (front, _) in sizes],
        lhs_dilation=strides,
        feature_group_count=groups,
    )
    if _is_narrow(x, kernel, strides, ends, groups):
        of_kernel = _meet(x, kernel, strides, ends) @ back.reshape(-1, back.shape[-1])
        return of_x, of_kernel.reshape(kernel.shape)
    # Of the kernel: the channels of x are the examples, the examples are channels, and `back` is a kernel nearly as
    # large as x, of which only as many places fit as the kernel has. Groups of channels one after the other.
    padding = [(front, width - 1 + span - size - front) for size, span, width, (front, _) in sizes]
    of_kernel = [
        _correlate(
            own_x.transpose(x.ndim - 1, *axes, 0),
            own_back.transpose(*axes, 0, back.ndim - 1),
            window_strides=ones,
            padding=padding,
            rhs_dilation=strides,
        )
        for own_x, own_back in zip(jnp.split(x, groups, -1), jnp.split(back, groups, -1), strict=True)
    ]
    return of_x, jnp.concatenate([one.transpose(*axes, 0, x.ndim - 1) for one in of_kernel], axis=-1)


def _turn_kernel(kernel: jax.Array, groups: int) -> jax.Array:
    """[spatial ..., C / groups, D] -> [spatial ..., D / groups, C]: what was read is given."""
    *spatial, channels, out = kernel.shape
    parts = kernel.reshape(*spatial, channels, groups, out // groups)
    return jnp.moveaxis(parts, -1, len(spatial)).swapaxes(-1, -2).reshape(*spatial, out // groups, groups * channels)


_convolve.defvjp(_convolve_forward, _convolve_backward)
